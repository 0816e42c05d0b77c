/* The streams of a block: a stack of symbols (asymmetric numeral systems, Duda 2013) and low bits. */
#include <stdlib.h>

#include "free_walk.h"

enum { WORD_BITS = 32, PRECISION_BITS = 24 };

void *free_more(free_list *to, int64_t n, int64_t size) {
  if (to->n + n > to->room) {
    const int64_t room = 2 * to->room + n + 64;
    void *grown = realloc(to->items, (size_t)(room * size));
    if (!grown) return NULL;
    to->items = grown, to->room = room;
  }
  to->n += n;
  return (char *)to->items + (to->n - n) * size;
}

/* ------------------------------------------------------------------ symbols */

uint32_t *free_words(const free_writer *w, int64_t *n) {
  const uint64_t *symbols = w->symbols.items;
  uint32_t *words = malloc((size_t)(w->symbols.n + 2) * sizeof *words);
  uint64_t state = 0;
  *n = 0;
  if (!words) return NULL;
  for (int64_t i = w->symbols.n - 1; i >= 0; i--) {
    const uint64_t start = symbols[i] >> 32, weight = symbols[i] & UINT32_MAX;
    if (state >> (64 - PRECISION_BITS) >= weight) {
      words[(*n)++] = (uint32_t)state;
      state >>= WORD_BITS;
    }
    const uint64_t quotient = state / weight;
    state = (quotient << PRECISION_BITS) + (state - quotient * weight) + start;
  }
  for (; state; state >>= WORD_BITS) words[(*n)++] = (uint32_t)state;
  return words;
}

static void refill(free_reader *r) {
  while (r->n_words && r->state < (uint64_t)1 << WORD_BITS)
    r->state = r->state << WORD_BITS | r->words[--r->n_words];
}

void free_start_reading(free_reader *r) {
  r->state = 0;
  refill(r);
}

int32_t free_pop(free_reader *r, const int32_t *ends, int32_t size) {
  const int32_t at = (int32_t)(r->state & (FREE_TOTAL - 1)), *from = ends;
  for (int32_t n = size; n > 1;) {
    const int32_t half = n / 2;
    from = from[half] <= at ? from + half : from;
    n -= half;
  }
  r->state = (r->state >> PRECISION_BITS) * (uint64_t)(from[1] - from[0]) + (uint64_t)(at - from[0]);
  refill(r);
  return (int32_t)(from - ends);
}

/* ------------------------------------------------------------------ low bits */

static int64_t place_of(const free_low *of, int64_t i) { return of->order ? of->order[i] : i; }

static int32_t width_at(const free_low *of, int64_t i) {
  return of->order ? of->widths[of->order[i]] : (int32_t)of->width;
}

static int64_t bytes_of(const free_low *of) {
  int64_t total = 0;
  for (int64_t i = 0; i < of->n; i++) total += width_at(of, i);
  return (total + 7) / 8;
}

int free_write_low(free_writer *w, const free_low *of, const int64_t *values) {
  const int64_t n_bytes = bytes_of(of);
  if (!n_bytes) return 0;
  uint8_t *to = free_more(&w->low, n_bytes, 1);
  uint64_t pending = 0; /* fewer than 8 bits */
  int32_t n_pending = 0;
  if (!to) return FREE_NO_MEMORY;
  for (int64_t i = 0; i < of->n; i++) {
    const uint64_t value = (uint64_t)values[place_of(of, i)];
    for (int32_t left = width_at(of, i); left > 0;) {
      const int32_t taken = left > 32 ? 32 : left;
      left -= taken;
      pending = pending << taken | ((value >> left) & (((uint64_t)1 << taken) - 1));
      for (n_pending += taken; n_pending >= 8;) *to++ = (uint8_t)(pending >> (n_pending -= 8));
      pending &= ((uint64_t)1 << n_pending) - 1;
    }
  }
  if (n_pending) *to = (uint8_t)(pending << (8 - n_pending));
  return 0;
}

int free_read_low(free_reader *r, const free_low *of, int64_t *values) {
  const int64_t n_bytes = bytes_of(of);
  if (n_bytes > r->n_low - r->low_at) return FREE_REFUSED;
  const uint8_t *from = r->low + r->low_at;
  uint64_t pending = 0; /* fewer than 8 bits */
  int32_t n_pending = 0;
  r->low_at += n_bytes;
  for (int64_t i = 0; i < of->n; i++) {
    uint64_t value = 0;
    for (int32_t left = width_at(of, i); left > 0;) {
      const int32_t taken = left > 32 ? 32 : left;
      left -= taken;
      for (; n_pending < taken; n_pending += 8) pending = pending << 8 | *from++;
      n_pending -= taken;
      value = value << taken | pending >> n_pending;
      pending &= ((uint64_t)1 << n_pending) - 1;
    }
    values[place_of(of, i)] = (int64_t)value;
  }
  return pending ? FREE_REFUSED : 0; /* of the last byte, no bit is left over */
}
