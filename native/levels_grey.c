/* Grey levels by eight halvings of a mixture of three logistics (narrows.codec.levels.byte_heads). */
#include "levels.h"

enum { LEAST_MEAN = -256, GREATEST_MEAN = 511, MEAN_ZERO = 128, RATE_SHIFT = 6 };

static int32_t clipped(int32_t a, int32_t low, int32_t high) {
  return a < low ? low : a > high ? high : a;
}

/* Lay out the mixture of row i: shares of its logistics, rates, and where these begin. */
static void lay_out(const levels_coder *c, grey_rows *g, int64_t i, const int32_t *y, int64_t apart) {
  const int32_t *means = y + N_LOGISTICS * apart, *scales = means + N_LOGISTICS * apart;
  int32_t top = y[0];
  for (int k = 1; k < N_LOGISTICS; k++) top = y[k * apart] > top ? y[k * apart] : top;
  for (int k = 0; k < N_LOGISTICS; k++) {
    const int64_t behind = (int64_t)top - y[k * apart];
    const int32_t scale = clipped(scales[k * apart], -N_SCALES / 2, N_SCALES / 2 - 1);
    const int32_t mean = clipped(means[k * apart], LEAST_MEAN - MEAN_ZERO, GREATEST_MEAN - MEAN_ZERO);
    const int32_t rate = c->grey_rates[scale + N_SCALES / 2];
    g->share[k][i] = c->shares[behind < N_SHARES - 1 ? behind : N_SHARES - 1];
    g->rate[k][i] = rate;
    g->start[k][i] = (2 * (mean + MEAN_ZERO) + 1) * rate - (SIGMOID_ZERO << RATE_SHIFT);
  }
}

static int halve(const levels_coder *c, decisions *d, grey_rows *g, uint8_t *values) {
  const pass_steps *on = c->level->passes;
  on->grey_begin(c, g);
  for (int32_t bit = 128; bit; bit /= 2) {
    on->grey_odds(c, g, bit);
    if (!d->is_reader)
      for (int64_t i = 0; i < g->n; i++) g->bit[i] = (values[i] & bit) != 0;
    if (code_decisions(d, g->ones, g->n, g->bit)) return NO_MEMORY;
    on->grey_halve(g, bit);
  }
  for (int64_t i = 0; i < g->n; i++) values[i] = (uint8_t)g->found[i];
  return 0;
}

int code_grey(const levels_coder *c, decisions *d, grey_rows *g, const int32_t *const *mixtures,
              int64_t apart, int64_t n, uint8_t *values) {
  for (int64_t start = 0; start < n; start += GREY_ROWS) {
    g->n = n - start < GREY_ROWS ? n - start : GREY_ROWS;
    for (int64_t i = 0; i < g->n; i++) lay_out(c, g, i, mixtures[start + i], apart);
    if (halve(c, d, g, values + start)) return NO_MEMORY;
  }
  return 0;
}
