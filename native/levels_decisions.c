/* Decisions of networks of levels: a stack of 32-bit words below a 64-bit state (Duda 2013). */
#include "levels_decisions.h"

#include <stdlib.h>
#include <string.h>

#include "levels_string.h"
#include "program.h"

#define LEAST ((uint64_t)1 << 32) /* of a state that needs no word */

/* ------------------------------------------------------------------ reading */

static inline uint64_t refilled(decisions *d, uint64_t state) {
  while (d->n_words && state < LEAST) {
    uint32_t word;
    const uint8_t *at = d->words + 4 * --d->n_words;
    word = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    state = state << 32 | word;
  }
  return state;
}

decisions *new_reader(const uint8_t *words, int64_t n_words) {
  decisions *d = aligned_zeros(1, sizeof *d);
  if (!d) return NULL;
  d->is_reader = 1, d->words = aligned_zeros(n_words + 1, 4), d->n_words = n_words;
  if (!d->words) return free_decisions(d), NULL;
  if (n_words) memcpy(d->words, words, 4 * (size_t)n_words);
  return d;
}

int is_read(const decisions *d) {
  return d->string ? is_string_read(d) : !d->state && !d->n_words;
}

/* ------------------------------------------------------------------ writing */

decisions *new_writer(void) { return aligned_zeros(1, sizeof(decisions)); }

void free_decisions(decisions *d) {
  if (!d) return;
  if (d->work) d->release_work(d->work);
  aligned_release(d->words);
  aligned_release(d->string);
  free(d->kept);
  aligned_release(d);
}

kept_share *more_shares(decisions *d, int64_t n) {
  if (!d->kept || n > d->room - d->n) {
    const int64_t room = d->n + n + d->room / 2 + 1024;
    if (room > INT64_MAX / 16) return NULL;
    kept_share *kept = realloc(d->kept, (size_t)room * sizeof *kept);
    if (!kept) return NULL;
    d->kept = kept, d->room = room;
  }
  kept_share *to = d->kept + d->n;
  d->n += n;
  return to;
}

static uint8_t *put_word(uint8_t *to, uint64_t word) {
  for (int i = 0; i < 4; i++) *to++ = (uint8_t)(word >> 8 * i);
  return to;
}

uint8_t *pushed(const decisions *d, int64_t *n_bytes) {
  uint8_t *words = malloc(4 * ((size_t)d->n + 3)), *to = words;
  if (!words) return NULL;
  uint64_t state = 0;
  for (int64_t i = d->n; i-- > 0;) {
    const kept_share *at = d->kept + i;
    const uint64_t weight = at->weight;
    if (state >> (64 - SHARE_BITS) >= weight) to = put_word(to, state), state >>= 32;
    state = (state / weight << SHARE_BITS) + state % weight + at->start;
  }
  for (; state; state >>= 32) to = put_word(to, state);
  *n_bytes = to - words;
  return words;
}

/* ------------------------------------------------------------------ both */

int code_decisions(decisions *d, const int32_t *ones, int64_t n, uint8_t *found) {
  if (!d->is_reader) {
    kept_share *to = more_shares(d, n);
    if (!to) return -1;
    for (int64_t i = 0; i < n; i++) {
      const uint32_t yes = (uint32_t)ones[i], no = ALL - yes;
      to[i] = found[i] ? (kept_share){no, yes} : (kept_share){0, no};
    }
    return 0;
  }
  if (d->string) return take_decisions(d, ones, n, found);
  uint64_t state = refilled(d, d->state);
  for (int64_t i = 0; i < n; i++) {
    const uint64_t yes = (uint64_t)(uint32_t)ones[i], no = ALL - yes, at = state & (ALL - 1);
    const int is_yes = at >= no;
    found[i] = (uint8_t)is_yes;
    state = (state >> SHARE_BITS) * (is_yes ? yes : no) + at - (is_yes ? no : 0);
    if (state < LEAST) state = refilled(d, state);
  }
  d->state = state;
  return 0;
}

int code_entries(decisions *d, const share_table *t, int64_t n, int32_t *entries) {
  if (!d->is_reader) {
    kept_share *to = more_shares(d, n);
    if (!to) return -1;
    for (int64_t i = 0; i < n; i++) {
      const int32_t *end = t->ends + entries[i];
      to[i] = (kept_share){(uint32_t)end[0], (uint32_t)(end[1] - end[0])};
    }
    return 0;
  }
  if (d->string) return take_entries(d, t, n, entries);
  uint64_t state = refilled(d, d->state);
  for (int64_t i = 0; i < n; i++) {
    const int32_t at = (int32_t)(state & (ALL - 1)), entry = entry_of_share(t, at);
    const int32_t start = t->ends[entry], weight = t->ends[entry + 1] - start;
    entries[i] = entry;
    state = (state >> SHARE_BITS) * (uint64_t)weight + (uint64_t)(at - start);
    if (state < LEAST) state = refilled(d, state);
  }
  d->state = state;
  return 0;
}

int code_uniform(decisions *d, int bits, int64_t n, int32_t *numbers) {
  const int down = SHARE_BITS - bits;
  if (!d->is_reader) {
    kept_share *to = more_shares(d, n);
    if (!to) return -1;
    for (int64_t i = 0; i < n; i++)
      to[i] = (kept_share){(uint32_t)numbers[i] << down, (uint32_t)1 << down};
    return 0;
  }
  if (d->string) return take_uniform(d, bits, n, numbers);
  uint64_t state = refilled(d, d->state);
  for (int64_t i = 0; i < n; i++) {
    const uint64_t at = state & (ALL - 1);
    numbers[i] = (int32_t)(at >> down);
    state = (state >> SHARE_BITS << down) + (at & (((uint64_t)1 << down) - 1));
    if (state < LEAST) state = refilled(d, state);
  }
  d->state = state;
  return 0;
}

int make_shares(share_table *t, const int32_t *frequencies, int32_t n) {
  int64_t at = 0;
  t->ends = aligned_zeros((int64_t)n + 1, sizeof *t->ends);
  if (!t->ends) return -1;
  for (int32_t e = 0; e < n; e++) {
    if (frequencies[e] < 1 || at >= ALL) return 1;
    t->ends[e] = (int32_t)at, at += frequencies[e];
  }
  if (at != ALL) return 1;
  t->ends[n] = ALL, t->n = n;
  for (int32_t b = 0, entry = 0; b < BUCKETS; b++) {
    while (t->ends[entry + 1] <= b << (SHARE_BITS - 8)) entry++;
    t->bucket[b] = (int16_t)entry;
  }
  return 0;
}
