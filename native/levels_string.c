/* Arithmetic coding of packets by networks of levels; see levels_string.h. */
#include "levels_string.h"

#include <stdlib.h>
#include <string.h>

#include "program.h"

#define LEAST_WIDTH ((uint64_t)1 << 56)
enum { WIDTH_BYTES = 8, MOST_DIGITS = 3 }; /* digits that a share settles */

static inline uint64_t part_of_width(uint64_t width) {
  return width ? width >> SHARE_BITS : (uint64_t)1 << (64 - SHARE_BITS);
}

static inline int is_narrow(uint64_t width) { return width - 1 < LEAST_WIDTH - 1; }

static inline uint8_t next_digit(place_in_string *p) { return p->at < p->n ? p->digits[p->at++] : 0; }

/* Tell in which of 2^24 equal parts the number lies. */
static inline int32_t found_part(place_in_string *p) {
  const uint64_t found = p->above / part_of_width(p->width);
  if (found < ALL) return (int32_t)found;
  p->is_outside = 1;
  return ALL - 1;
}

static inline void keep_parts(place_in_string *p, kept_share share) {
  const uint64_t part = part_of_width(p->width);
  p->above -= share.start * part;
  for (p->width = share.weight * part; is_narrow(p->width); p->width <<= 8)
    p->above = p->above << 8 | next_digit(p);
}

/* ------------------------------------------------------------------ reading */

decisions *new_string_reader(const uint8_t *digits, int64_t n) {
  decisions *d = aligned_zeros(1, sizeof *d);
  if (!d) return NULL;
  d->is_reader = 1, d->words = aligned_zeros(n + 1, 1), d->string = aligned_zeros(1, sizeof *d->string);
  if (!d->words || !d->string) return free_decisions(d), NULL;
  if (n) memcpy(d->words, digits, (size_t)n);
  place_in_string *p = d->string;
  p->digits = d->words, p->n = n;
  for (int i = 0; i < WIDTH_BYTES; i++) p->above = p->above << 8 | next_digit(p);
  return d;
}

int take_decisions(decisions *d, const int32_t *ones, int64_t n, uint8_t *found) {
  kept_share *to = more_shares(d, n);
  if (!to) return -1;
  for (int64_t i = 0; i < n; i++) {
    const int32_t no = ALL - ones[i];
    found[i] = found_part(d->string) >= no;
    to[i] = found[i] ? (kept_share){(uint32_t)no, (uint32_t)ones[i]} : (kept_share){0, (uint32_t)no};
    keep_parts(d->string, to[i]);
  }
  return 0;
}

int take_entries(decisions *d, const share_table *t, int64_t n, int32_t *entries) {
  kept_share *to = more_shares(d, n);
  if (!to) return -1;
  for (int64_t i = 0; i < n; i++) {
    const int32_t entry = entry_of_share(t, found_part(d->string)), start = t->ends[entry];
    entries[i] = entry;
    to[i] = (kept_share){(uint32_t)start, (uint32_t)(t->ends[entry + 1] - start)};
    keep_parts(d->string, to[i]);
  }
  return 0;
}

int take_uniform(decisions *d, int bits, int64_t n, int32_t *numbers) {
  const int down = SHARE_BITS - bits;
  kept_share *to = more_shares(d, n);
  if (!to) return -1;
  for (int64_t i = 0; i < n; i++) {
    numbers[i] = found_part(d->string) >> down;
    to[i] = (kept_share){(uint32_t)numbers[i] << down, (uint32_t)1 << down};
    keep_parts(d->string, to[i]);
  }
  return 0;
}

int is_string_read(const decisions *d) {
  int64_t n;
  const place_in_string *p = d->string;
  if (p->is_outside) return 0;
  uint8_t *own = string_of(d->kept, d->n, &n);
  if (!own) return -1;
  const int is_same = n == p->n && !memcmp(own, p->digits, (size_t)n);
  free(own);
  return is_same;
}

/* ------------------------------------------------------------------ writing */

/* Add one to digits, which are a number below what they stand for at most. */
static void carry(uint8_t *digits, int64_t n) {
  while (n > 0 && ++digits[n - 1] == 0) n--;
}

static void put_bytes(uint8_t *to, uint64_t number) {
  for (int i = 0; i < WIDTH_BYTES; i++) to[i] = (uint8_t)(number >> 8 * (WIDTH_BYTES - 1 - i));
}

/* Settle digits for all shares, and what is left of the interval behind them; return how many. */
static int64_t narrowed(const kept_share *shares, int64_t n, uint8_t *digits, uint64_t *low,
                        uint64_t *width) {
  int64_t at = 0;
  *low = *width = 0;
  for (int64_t i = 0; i < n; i++) {
    const uint64_t part = part_of_width(*width), before = *low;
    *low += shares[i].start * part;
    if (*low < before) carry(digits, at);
    for (*width = shares[i].weight * part; is_narrow(*width); *width <<= 8) {
      digits[at++] = (uint8_t)(*low >> 56);
      *low <<= 8;
    }
  }
  return at;
}

/* Find the least of the shortest numbers above the one before the interval, up to its last: digits
   are those of the former up to the first that the latter has greater, which gets one more. */
static int64_t shortest(uint8_t *digits, int64_t n, uint64_t low, uint64_t width) {
  uint8_t before[WIDTH_BYTES], last[WIDTH_BYTES];
  const uint64_t end = low + (width - 1);
  if (low && end >= low) { /* all settled digits are alike */
    int64_t i = 0;
    put_bytes(before, low - 1), put_bytes(last, end);
    for (; before[i] == last[i]; i++) digits[n + i] = before[i];
    digits[n + i] = (uint8_t)(before[i] + 1);
    return n + i + 1;
  }
  if (low) carry(digits, n);
  while (n && !digits[n - 1]) n--;
  return n;
}

uint8_t *string_of(const kept_share *shares, int64_t n, int64_t *n_bytes) {
  if (n > INT64_MAX / 8) return NULL;
  uint8_t *digits = malloc((size_t)(MOST_DIGITS * n + WIDTH_BYTES));
  if (!digits) return NULL;
  uint64_t low, width;
  const int64_t settled = narrowed(shares, n, digits, &low, &width);
  *n_bytes = shortest(digits, settled, low, width);
  return digits;
}
