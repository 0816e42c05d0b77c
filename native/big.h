/* Whole numbers of any size, in words, the lowest first; room for them is the caller's. */
#ifndef NARROWS_BIG_H
#define NARROWS_BIG_H

#include <stdint.h>

#ifdef __SIZEOF_INT128__
typedef uint64_t word;
__extension__ typedef unsigned __int128 two_words;
#else
typedef uint32_t word;
typedef uint64_t two_words;
#endif
enum { WORD_BYTES = sizeof(word), WORD_BITS = 8 * WORD_BYTES };

typedef struct {
  int64_t n; /* words in use: the highest is not 0 */
  word *w;
} big;

static inline void set(big *a, uint32_t value) { a->n = value != 0, a->w[0] = value; }

static inline void times(big *a, word factor) {
  two_words carry = 0;
  for (int64_t i = 0; i < a->n; i++) {
    carry += (two_words)a->w[i] * factor;
    a->w[i] = (word)carry, carry >>= WORD_BITS;
  }
  if (carry) a->w[a->n++] = (word)carry;
}

/* a += b * factor */
static inline void add_times(big *a, const big *b, uint32_t factor) {
  two_words carry = 0;
  for (int64_t i = 0; i < b->n || (carry && i < a->n); i++) {
    if (i >= a->n) a->w[a->n++] = 0;
    carry += a->w[i] + (i < b->n ? (two_words)b->w[i] * factor : 0);
    a->w[i] = (word)carry, carry >>= WORD_BITS;
  }
  if (carry) a->w[a->n++] = (word)carry;
  while (a->n && !a->w[a->n - 1]) a->n--;
}

/* a -= b * factor, which is no larger */
static inline void subtract_times(big *a, const big *b, uint32_t factor) {
  word borrow = 0;
  for (int64_t i = 0; i < a->n && (i < b->n || borrow); i++) {
    const two_words less = (i < b->n ? (two_words)b->w[i] * factor : 0) + borrow;
    borrow = (word)(less >> WORD_BITS) + (a->w[i] < (word)less);
    a->w[i] -= (word)less;
  }
  while (a->n && !a->w[a->n - 1]) a->n--;
}

static inline int is_below(const big *a, const big *b) {
  if (a->n != b->n) return a->n < b->n;
  for (int64_t i = a->n - 1; i >= 0; i--)
    if (a->w[i] != b->w[i]) return a->w[i] < b->w[i];
  return 0;
}

/* The value in units of a word at `top`, the highest there is: those from `top - 4` on tell it to 2^-50. */
static inline double leading(const big *a, int64_t top) {
  const double one = WORD_BYTES == 8 ? 0x1p-64 : 0x1p-32;
  double sum = 0;
  for (int64_t i = top > 4 ? top - 4 : 0; i <= top; i++)
    sum = sum * one + (double)(i < a->n ? a->w[i] : 0);
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

static inline int64_t bits_of(const big *a) { return WORD_BITS * (a->n - 1) + n_bits(a->w[a->n - 1]); }

/* A product, to which factors of up to 2^FACTOR_BITS are added a word at a time. */
enum { FACTOR_BITS = 24 };

typedef struct {
  big all;
  word rest;
} product;

static inline void begin_product(product *p) { set(&p->all, 1), p->rest = 1; }

static inline void multiply(product *p, uint32_t factor) {
  if (p->rest >> (WORD_BITS - FACTOR_BITS)) times(&p->all, p->rest), p->rest = 1;
  p->rest *= factor;
}

static inline const big *value_of(product *p) {
  times(&p->all, p->rest), p->rest = 1;
  return &p->all;
}

#endif
