/* Payloads decoded by the leading words of their numbers, with bounds on what is cut off.

   Numbers of any size grow by 24 bits a symbol, and the time of decoding with the square of their
   number. Here `number` and `parts` of a decoder lose their lowest words as they grow, and `scale` is a
   double. `slack` bounds how far each is from the number that it stands for, in units of its lowest
   bit; wherever a decision is within these bounds, or within what doubles round, nothing is decided,
   and the whole numbers are taken. So both ways decode alike. */
#ifndef NARROWS_LEADING_H
#define NARROWS_LEADING_H

#include <string.h>

enum { UNDECIDED = -1, GUARD_BITS = 192, MOST_LEADING_BITS = 960 };
#define ROUNDED 0x1p-44 /* more than what doubles lose in a few operations on leading words */

typedef struct {
  decoder *d;
  double number_slack, parts_slack;
  double scale;
  int64_t exponent; /* 2^exponent times number / scale is what the whole numbers have */
  int64_t most_words;
} leading_decoder;

/* 2^e, for -1022 <= e <= 1023. */
static double power_of_two(int64_t e) {
  const uint64_t bits = (uint64_t)(1023 + e) << 52;
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* x 2^e; infinite, or 0, where that is beyond doubles. */
static double scaled(double x, int64_t e) {
  for (; e > 1000; e -= 1000) x *= 0x1p1000;
  for (; e < -1000; e += 1000) x *= 0x1p-1000;
  return x * power_of_two(e);
}

static void drop_word(big *a) {
  if (!a->n) return;
  memmove(a->w, a->w + 1, (size_t)(a->n - 1) * sizeof *a->w);
  a->n--;
}

static void shorten(leading_decoder *l) {
  const double one = power_of_two(-WORD_BITS);
  while (l->d->parts.n > l->most_words) {
    drop_word(&l->d->number), drop_word(&l->d->parts);
    l->number_slack = l->number_slack * one + 1, l->parts_slack = l->parts_slack * one + 1;
    l->exponent += WORD_BITS;
  }
  if (l->scale >= 0x1p900) l->scale *= 0x1p-900, l->exponent -= 900;
}

/* The entry at the number's place, or UNDECIDED. */
static int32_t leading_entry(const leading_decoder *l, const tables *c, const place *p,
                             const int32_t *ends, int32_t total) {
  const int64_t top = l->d->parts.n - 1;
  const double unit = power_of_two(-WORD_BITS * top);
  const double parts = leading(&l->d->parts, top), ratio = total / parts;
  const double at = leading(&l->d->number, top) * ratio;
  if (l->parts_slack * unit > parts / 4 || !is_below(&l->d->number, &l->d->parts)) return UNDECIDED;
  const double off = at * ROUNDED + 0x1p-30 + 2 * ratio * (l->number_slack + l->parts_slack) * unit;
  const int32_t near = at < total ? (int32_t)at : total - 1;
  const int32_t entry = entry_at(c, p, ends, near);
  const int is_above = !ends[entry] || at - off > ends[entry];
  const int is_below_end = ends[entry + 1] == total || at + off < ends[entry + 1];
  return is_above && is_below_end ? entry : UNDECIDED;
}

static void keep_leading(leading_decoder *l, uint32_t start, uint32_t weight, uint32_t total) {
  decoder *d = l->d;
  times(&d->number, total);
  if (start) subtract_times(&d->number, &d->parts, start);
  times(&d->parts, weight);
  l->number_slack = (l->number_slack * total + l->parts_slack * start) * (1 + ROUNDED);
  l->parts_slack *= weight * (1 + ROUNDED);
  l->scale *= total;
  shorten(l);
}

/* Whether number / scale is below 1, or 2 behind a last byte of 1; or UNDECIDED. */
static int is_leading_canonical(const leading_decoder *l, const payload *from) {
  if (!from->n) return 1;
  const uint32_t last = from->bytes[from->n - 1];
  if (!last) return 0;
  const int64_t top = l->d->number.n ? l->d->number.n - 1 : 0;
  const int64_t shift = l->exponent + WORD_BITS * top;
  const double number = leading(&l->d->number, top) / l->scale;
  const double off = l->number_slack * power_of_two(-WORD_BITS * top) / l->scale;
  const double limit = last == 1 ? 2 : 1;
  if (scaled((number + off) * (1 + 0x1p-30), shift) < limit) return 1;
  return scaled((number - off) * (1 - 0x1p-30), shift) > limit ? 0 : UNDECIDED;
}

/* Decode a payload without escapes: 1 if an encoder writes it, 0 if not, or UNDECIDED. */
static int unpack_leading(const tables *c, decoder *d, const payload *from, int32_t *state,
                          int32_t *room, int32_t *symbols) {
  if (from->has_escapes || 8 * from->n + GUARD_BITS > MOST_LEADING_BITS) return UNDECIDED;
  leading_decoder l = {d, 0, 0, 1, 0, (8 * from->n + GUARD_BITS) / WORD_BITS + 1};
  begin(d, from);
  memcpy(state, c->start, (size_t)c->n_state * sizeof *state);
  memset(symbols, 0, (size_t)c->n_latents * sizeof *symbols);
  for (int64_t j = 0; j < c->n_places; j++) {
    const place *p = c->places + j;
    const int32_t *ends = ends_at(c, p, state, room);
    const int32_t total = ends[p->size - 1];
    const int32_t entry = leading_entry(&l, c, p, ends, total);
    if (entry == UNDECIDED || entry >= p->size - 1) return UNDECIDED;
    symbols[p->latent] = p->low + entry;
    keep_leading(&l, (uint32_t)ends[entry], (uint32_t)(ends[entry + 1] - ends[entry]), (uint32_t)total);
    tell(c, p, state, entry);
  }
  return is_leading_canonical(&l, from);
}

#endif
