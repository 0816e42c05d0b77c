/* Whole numbers of any size, in words of 32 bits, the lowest first; room for them is the caller's. */
#ifndef NARROWS_BIG_H
#define NARROWS_BIG_H

#include <stdint.h>

typedef struct {
  int64_t n; /* words in use: the highest is not 0 */
  uint32_t *w;
} big;

static inline void set(big *a, uint32_t value) { a->n = value != 0, a->w[0] = value; }

static inline void times(big *a, uint32_t factor) {
  uint64_t carry = 0;
  for (int64_t i = 0; i < a->n; i++) {
    carry += (uint64_t)a->w[i] * factor;
    a->w[i] = (uint32_t)carry, carry >>= 32;
  }
  if (carry) a->w[a->n++] = (uint32_t)carry;
}

/* a += b * factor */
static inline void add_times(big *a, const big *b, uint32_t factor) {
  uint64_t carry = 0;
  for (int64_t i = 0; i < b->n || (carry && i < a->n); i++) {
    if (i >= a->n) a->w[a->n++] = 0;
    carry += a->w[i] + (i < b->n ? (uint64_t)b->w[i] * factor : 0);
    a->w[i] = (uint32_t)carry, carry >>= 32;
  }
  if (carry) a->w[a->n++] = (uint32_t)carry;
  while (a->n && !a->w[a->n - 1]) a->n--;
}

/* a -= b * factor, which is no larger */
static inline void subtract_times(big *a, const big *b, uint32_t factor) {
  uint64_t borrow = 0;
  for (int64_t i = 0; i < a->n && (i < b->n || borrow); i++) {
    uint64_t less = (i < b->n ? (uint64_t)b->w[i] * factor : 0) + borrow;
    borrow = (less >> 32) + (a->w[i] < (uint32_t)less);
    a->w[i] -= (uint32_t)less;
  }
  while (a->n && !a->w[a->n - 1]) a->n--;
}

static inline int is_below(const big *a, const big *b) {
  if (a->n != b->n) return a->n < b->n;
  for (int64_t i = a->n - 1; i >= 0; i--)
    if (a->w[i] != b->w[i]) return a->w[i] < b->w[i];
  return 0;
}

/* The value in units of 2^(32 top), which is below 2^32: the words from `top - 4` on tell it to 2^-50. */
static inline double leading(const big *a, int64_t top) {
  double sum = 0;
  for (int64_t i = top > 4 ? top - 4 : 0; i <= top; i++)
    sum = sum * 0x1p-32 + (i < a->n ? a->w[i] : 0);
  return sum;
}

/* The largest quotient q <= most with b * q <= a; `spare` is overwritten. */
static inline uint32_t quotient(const big *a, const big *b, uint32_t most, big *spare) {
  const double about = leading(a, b->n) / leading(b, b->n);
  const double low = about * (1 - 0x1p-40), high = about * (1 + 0x1p-40);
  uint32_t q = low >= most ? most : (uint32_t)low, last = high >= most ? most : (uint32_t)high;
  for (; q < last; q++) {
    spare->n = 0;
    add_times(spare, b, q + 1);
    if (is_below(a, spare)) break;
  }
  return q;
}

static inline int n_bits(uint64_t a) {
  int n = 0;
  for (; a; a >>= 1) n++;
  return n;
}

static inline int64_t bits_of(const big *a) { return 32 * (a->n - 1) + n_bits(a->w[a->n - 1]); }

#endif
