/* What a search asks for: the bits of symbols, in whole parts of one, and of their neighbours. */
#include <string.h>

#include "symbols.h"

/* About -log2 of a share of 2^24, in the units of `logs`: 2^12 in a bit. */
static int32_t length_of(const int32_t *logs, int32_t weight) {
  const int e = 32 - __builtin_clz((uint32_t)weight); /* 2^(e - 1) <= weight < 2^e */
  const int down = e - 1 - MANTISSA_BITS;
  const int32_t index = (down > 0 ? weight >> down : weight << -down) - (1 << MANTISSA_BITS);
  return (PRECISION + 1 - e) * LENGTH_UNIT - logs[index];
}

int add_lengths(const tables *c, const int32_t *logs, const int32_t *symbols, int64_t n,
                double *total, double *change) {
  int32_t *state = aligned_zeros(c->n_state + c->n_room, sizeof *state);
  for (int64_t i = 0; state && i < n; i++, symbols += c->n_latents) {
    int64_t sum = 0;
    memcpy(state, c->start, (size_t)c->n_state * sizeof *state);
    for (int64_t j = 0; j < c->n_places; j++) {
      const place *p = c->places + j;
      const int32_t *ends = ends_at(c, p, state, state + c->n_state);
      const int32_t entry = entry_of(p, symbols[p->latent]), escape = p->size - 1;
      const int32_t length = length_of(logs, ends[entry + 1] - ends[entry]);
      sum += length;
      for (int side = 0; change && side < 2; side++) {
        const int32_t other = entry + 2 * side - 1;
        if (entry == escape || other < 0 || other >= escape) continue;
        const int32_t there = length_of(logs, ends[other + 1] - ends[other]);
        change[(i * c->n_latents + p->latent) * 2 + side] = (there - length) * (1.0 / LENGTH_UNIT);
      }
      tell(c, p, state, entry);
    }
    total[i] = (double)sum * (1.0 / LENGTH_UNIT);
  }
  aligned_release(state);
  return state ? 0 : -1;
}
