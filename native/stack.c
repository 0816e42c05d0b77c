/* Blocks: asymmetric numeral systems (Duda 2013), a stack of 32-bit words below a 64-bit state.

   Symbols come latent by latent, and within one signal by signal; the last one was pushed first. What
   lies outside a table follows in bits, order-0 Exp-Golomb (Teuhola 1978), in the order of decoding. */
#include <string.h>

#include "big.h"
#include "symbols.h"

#define LEAST ((uint64_t)1 << 32) /* of a state that needs no word */

static int32_t *states_of(const tables *c, int64_t n) {
  if (!c->n_state) return aligned_zeros(1, sizeof(int32_t));
  if (n > INT64_MAX / 8 / c->n_state) return NULL;
  int32_t *states = aligned_zeros(n * c->n_state, sizeof *states);
  for (int64_t i = 0; states && i < n; i++)
    memcpy(states + i * c->n_state, c->start, (size_t)c->n_state * sizeof *states);
  return states;
}

/* ------------------------------------------------------------------ decoding */

typedef struct {
  const uint8_t *bytes; /* the words, little-endian */
  int64_t n_words;
  uint64_t state;
} stack;

static void refill(stack *s) {
  while (s->n_words && s->state < LEAST) {
    const uint8_t *at = s->bytes + 4 * --s->n_words;
    const uint32_t word =
        at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    s->state = s->state << 32 | word;
  }
}

static int32_t pop(stack *s, const tables *c, const place *p, const int32_t *ends) {
  const uint32_t at = (uint32_t)(s->state & (TOTAL - 1));
  const int32_t entry = entry_at(c, p, ends, (int32_t)at);
  const uint32_t start = (uint32_t)ends[entry], weight = (uint32_t)ends[entry + 1] - start;
  s->state = (s->state >> PRECISION) * weight + (at - start);
  if (s->state < LEAST) refill(s);
  return entry;
}

typedef struct {
  const uint8_t *bytes;
  int64_t n_bits, at;
} bits;

static int next_bit(bits *b) {
  const int bit = b->bytes[b->at / 8] >> (7 - b->at % 8) & 1;
  b->at++;
  return bit;
}

/* Read the number of the next escape; -1 where the bits do not hold one. */
static int read_golomb(bits *b, uint64_t *number) {
  int64_t zeros = 0;
  for (;; zeros++) {
    if (b->at == b->n_bits || zeros > MAX_GOLOMB_ZEROS) return -1;
    if (next_bit(b)) break;
  }
  if (zeros > MAX_GOLOMB_ZEROS || b->n_bits - b->at < zeros) return -1;
  uint64_t code = 1;
  for (int64_t i = 0; i < zeros; i++) code = code << 1 | (uint64_t)next_bit(b);
  *number = code - 1;
  return 0;
}

/* Whether only the zero bits that fill the last byte are left. */
static int is_at_end(bits *b) {
  if (b->n_bits - b->at >= 8) return 0;
  while (b->at < b->n_bits)
    if (next_bit(b)) return 0;
  return 1;
}

/* Pop the symbols of one place; -1 where an escape is wrong. */
static int pop_place(const tables *c, const place *p, stack *s, bits *b, int64_t n, int32_t *state,
                     int32_t *room, int32_t *symbols) {
  for (int64_t i = 0; i < n; i++, state += c->n_state, symbols += c->n_latents) {
    const int32_t entry = pop(s, c, p, ends_at(c, p, state, room));
    uint64_t number;
    if (entry < p->size - 1) symbols[p->latent] = p->low + entry;
    else if (read_golomb(b, &number) || unfold_escape(p, number, symbols + p->latent)) return -1;
    tell(c, p, state, entry);
  }
  return 0;
}

int pop_block(const tables *c, const coded *from, int64_t n, int32_t *symbols) {
  int32_t *states = states_of(c, n), *room = aligned_zeros(c->n_room, sizeof *room);
  int failed = states && room ? 0 : -1;
  stack s = {from->words, from->n_words, 0};
  bits b = {from->bits, 8 * from->n_bits, 0};
  refill(&s);
  if (!failed && from->n_words && !memcmp(from->words + 4 * from->n_words - 4, "\0\0\0", 4))
    failed = REFUSED; /* it would not have been written */
  for (int64_t j = 0; j < c->n_places && !failed; j++)
    failed = pop_place(c, c->places + j, &s, &b, n, states, room, symbols) ? REFUSED : 0;
  if (!failed && (s.state || s.n_words || !is_at_end(&b))) failed = REFUSED;
  aligned_release(states);
  aligned_release(room);
  return failed;
}

/* ------------------------------------------------------------------ encoding */

typedef struct {
  uint32_t start, weight;
} share;

/* Find the share of each entry, (n_places, n). */
static int find_shares(const tables *c, const int32_t *symbols, int64_t n, share *to) {
  int32_t *state = aligned_zeros(c->n_state + c->n_room, sizeof *state);
  for (int64_t i = 0; state && i < n; i++, symbols += c->n_latents) {
    memcpy(state, c->start, (size_t)c->n_state * sizeof *state);
    for (int64_t j = 0; j < c->n_places; j++) {
      const place *p = c->places + j;
      const int32_t *ends = ends_at(c, p, state, state + c->n_state);
      const int32_t entry = entry_of(p, symbols[p->latent]);
      to[j * n + i] = (share){(uint32_t)ends[entry], (uint32_t)(ends[entry + 1] - ends[entry])};
      tell(c, p, state, entry);
    }
  }
  aligned_release(state);
  return state ? 0 : -1;
}

static uint8_t *put_word(uint8_t *to, uint64_t word) {
  for (int i = 0; i < 4; i++) *to++ = (uint8_t)(word >> 8 * i);
  return to;
}

/* Push the entries of these shares, the last one first; return where the words end. */
static uint8_t *push(const share *shares, int64_t n, uint8_t *to) {
  uint64_t state = 0;
  for (const share *at = shares + n; at-- > shares;) {
    const uint64_t weight = at->weight;
    if (state >> (64 - PRECISION) >= weight) to = put_word(to, state), state >>= 32;
    state = (state / weight << PRECISION) + state % weight + at->start;
  }
  for (; state; state >>= 32) to = put_word(to, state);
  return to;
}

static int64_t count_escapes(const tables *c, const int32_t *symbols, int64_t n) {
  int64_t escapes = 0;
  for (int64_t i = 0; i < n; i++, symbols += c->n_latents)
    for (int64_t j = 0; j < c->n_places; j++) {
      const place *p = c->places + j;
      escapes += entry_of(p, symbols[p->latent]) == p->size - 1;
    }
  return escapes;
}

/* Write the escapes, place by place; return how many bytes they take. */
static int64_t put_escapes(const tables *c, const int32_t *symbols, int64_t n, uint8_t *to) {
  int64_t at = 0;
  for (int64_t j = 0; j < c->n_places; j++) {
    const place *p = c->places + j;
    for (int64_t i = 0; i < n; i++) {
      const int32_t symbol = symbols[i * c->n_latents + p->latent];
      if (entry_of(p, symbol) < p->size - 1) continue;
      const uint64_t code = fold_escape(p, symbol) + 1;
      for (int bit = 2 * n_bits(code) - 2; bit >= 0; bit--, at++)
        if (bit < 64 && code >> bit & 1) to[at / 8] |= (uint8_t)(0x80 >> at % 8);
    }
  }
  return (at + 7) / 8;
}

int push_block(const tables *c, const int32_t *symbols, int64_t n, made_block *made) {
  const int64_t escapes = count_escapes(c, symbols, n), all = n * c->n_places;
  share *shares = aligned_zeros(all, sizeof *shares);
  made->words = aligned_zeros(all + 2, 4);
  made->bits = aligned_zeros(escapes * MAX_GOLOMB_BITS / 8 + 1, 1);
  int failed = !shares || !made->words || !made->bits || find_shares(c, symbols, n, shares);
  if (!failed) {
    made->n_words = (push(shares, all, made->words) - made->words) / 4;
    made->n_bits = escapes ? put_escapes(c, symbols, n, made->bits) : 0;
  }
  aligned_release(shares);
  return failed ? -1 : 0;
}

void free_block(made_block *made) {
  aligned_release(made->words);
  aligned_release(made->bits);
}
