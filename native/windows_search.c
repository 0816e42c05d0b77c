/* How windows of a recording are coded, in closed loop: see windows_search.h. */
#include "windows_search.h"

#include <string.h>

#include "levels.h"

enum { MAX_TRIED = MAX_JUDGED + 1 };

/* A way to predict a window, what it leaves over, and its symbols that were looked at. */
typedef struct {
  int mode;
  int64_t lag, n_looked_at;
  const int64_t *gains;
  double bits, cost;
  window_match match;
  double *border, *left, *latents; /* (n_channels, length) twice; (latents) */
  int32_t *at, *symbol;            /* (latents): which are not surely 0, and what they become */
} tried_way;

typedef struct {
  window_search *s;
  tried_way ways[MAX_TRIED];
  lag_candidate found[MAX_JUDGED];
  int64_t n_ways, last, *gains; /* of the window that was predicted last; 0: there is none */
  int mode;                     /* of the window before */
  double *smoothed, *coded, *latents;
} searching;

/* ------------------------------------------------------------------ what is tried */

static void offer(searching *r, int mode, int64_t lag, const int64_t *gains, double bits) {
  tried_way *w = r->ways + r->n_ways++;
  w->mode = mode, w->lag = lag, w->gains = gains, w->bits = bits;
}

/* List the ways that are tried for a window, and what it costs to tell them. */
static void list_ways(searching *r, const double *x) {
  window_search *s = r->s;
  const window_costs *costs = &s->costs;
  const double *modes = costs->modes + r->mode * N_MODES;
  r->n_ways = 0;
  if (!s->past.i) return;
  best_lags(&s->lags, x, costs, r->last, r->found);
  for (int64_t k = 0; k < s->lags.judged; k++) {
    lag_candidate *each = r->found + k;
    double bits = modes[NEW_LAG] + each->bits;
    for (int64_t c = 0; c < s->past.m->n_channels; c++)
      bits += costs->gains[c * N_GAINS + each->gains[c]];
    offer(r, NEW_LAG, each->lag, each->gains, bits);
  }
  if (r->last) offer(r, SAME_LAG, r->last, r->gains, modes[SAME_LAG]);
}

/* Match, and take what that and the border say of a window from it; the largest that is left. */
static double leave_over(searching *r, tried_way *w, const double *x, const double *known) {
  const window_search *s = r->s;
  const window_model *m = s->past.m;
  const int64_t size = m->length * m->n_channels;
  make_match(&s->past, w->lag, w->gains, &w->match);
  through_layer(m, &m->from_border, w->match.mismatch, w->border);
  const double most = m->level->windows->left_over(x, w->match.inside, w->border, size, w->left);
  for (int64_t i = 0; known && i < size; i++) w->left[i] *= known[i];
  return most;
}

/* ------------------------------------------------------------------ symbols */

typedef struct {
  double error, bits;
  int32_t symbol;
} latent_choice;

/* Choose the symbol of a latent between the nearest to it and 0. */
static latent_choice choose(const window_search *s, const double *table, double latent, double in_steps,
                            double unbroken) {
  const double step = s->past.m->step, rounded = __builtin_rint(in_steps);
  const double low = rounded < LARGEST_SYMBOL ? rounded : LARGEST_SYMBOL;
  const int32_t nearest = (int32_t)(low > -LARGEST_SYMBOL ? low : -LARGEST_SYMBOL);
  const int32_t others[2] = {nearest - (nearest > 0) + (nearest < 0), nearest};
  latent_choice best = {unbroken, table[LARGEST_SYMBOL], 0};
  double least = best.error + s->costs.price * best.bits;
  for (int i = 0; i < 2; i++) {
    const double bits = table[others[i] + LARGEST_SYMBOL], apart = latent - others[i] * step;
    const double error = __builtin_rint(apart * apart), cost = error + s->costs.price * bits;
    if (cost <= least) least = cost, best = (latent_choice){error, bits, others[i]};
  }
  return best;
}

/* Choose the symbols of what a way leaves over, and its whole cost. */
static void quantise(const searching *r, tried_way *w) {
  const window_search *s = r->s;
  const window_model *m = s->past.m;
  const int64_t size = m->length * m->n_channels;
  double error = 0, bits = 0;
  w->n_looked_at = 0;
  for (int64_t k = 0; k < m->from_latents.n_in; k++) {
    const double latent = w->latents[k] / s->unit, in_steps = latent / m->step;
    if (!(__builtin_fabs(in_steps) > 0.5)) continue;
    const double unbroken = __builtin_rint(latent * latent);
    const double *table = s->costs.symbols + k * (2 * LARGEST_SYMBOL + 1);
    const latent_choice chosen = choose(s, table, latent, in_steps, unbroken);
    error += chosen.error - unbroken, bits += chosen.bits - table[LARGEST_SYMBOL];
    w->at[w->n_looked_at] = (int32_t)k, w->symbol[w->n_looked_at++] = chosen.symbol;
  }
  error = m->level->windows->product(w->left, w->left, size) + error;
  bits = s->costs.at_zero + bits + w->bits;
  w->cost = error + s->costs.price * bits;
}

/* Compute the latents of what all ways leave over, two at a time. */
static void analyse(const searching *r) {
  const window_search *s = r->s;
  const window_model *m = s->past.m;
  const window_steps *on = m->level->windows;
  const int64_t size = m->length * m->n_channels, n = m->from_latents.n_in;
  int64_t k = 0;
  for (; k + 1 < r->n_ways; k += 2) {
    const double *const x[2] = {r->ways[k].left, r->ways[k + 1].left};
    double *const y[2] = {r->ways[k].latents, r->ways[k + 1].latents};
    on->weighted_two(s->analysis, padded(n), size, n, x, y);
  }
  if (k < r->n_ways) on->weighted(s->analysis, padded(n), size, n, r->ways[k].left, r->ways[k].latents);
}

/* ------------------------------------------------------------------ windows */

/* Decode the next window in a way, which is kept. */
static void take(searching *r, const tried_way *w) {
  window_search *s = r->s;
  const window_model *m = s->past.m;
  const int64_t i = s->past.i, size = m->length * m->n_channels, n = m->from_latents.n_in;
  int32_t *symbols = s->symbols + i * n;
  for (int64_t k = 0; k < w->n_looked_at; k++) symbols[w->at[k]] = w->symbol[k];
  window_residual(m, symbols, r->latents, r->coded);
  for (int64_t j = 0; j < size; j++) r->coded[j] += w->border[j];
  m->level->windows->join(w->match.inside, r->coded, size, m->limit, s->past.decoded + i * size,
                          r->smoothed);
  s->lag_of[i] = r->last = w->lag;
  for (int64_t c = 0; c < m->n_channels; c++) s->gain_of[i * m->n_channels + c] = w->gains[c];
  memcpy(r->gains, s->gain_of + i * m->n_channels, (size_t)m->n_channels * sizeof *r->gains);
}

/* Leave the next window as the networks code it. */
static void leave(searching *r) {
  const window_model *m = r->s->past.m;
  const int64_t size = m->length * m->n_channels;
  double *decoded = r->s->past.decoded + r->s->past.i * size;
  memset(r->coded, 0, (size_t)size * sizeof *r->coded);
  memcpy(r->smoothed, decoded, (size_t)size * sizeof *decoded);
  m->level->windows->join(r->smoothed, r->coded, size, m->limit, decoded, r->smoothed);
}

static int decide(searching *r) {
  window_search *s = r->s;
  const window_model *m = s->past.m;
  const int64_t i = s->past.i, size = m->length * m->n_channels;
  const double *x = s->x + i * size, *known = s->known ? s->known + i * size : NULL;
  double best = s->errors[i] + s->costs.price * (s->base_bits[i] + s->costs.modes[r->mode * N_MODES]);
  const tried_way *chosen = NULL;
  list_ways(r, x);
  for (int64_t k = 0; k < r->n_ways; k++)
    if (leave_over(r, r->ways + k, x, known) > s->most) return WINDOWS_REFUSED;
  analyse(r);
  for (int64_t k = 0; k < r->n_ways; k++) {
    quantise(r, r->ways + k);
    if (r->ways[k].cost < best) best = r->ways[k].cost, chosen = r->ways + k;
  }
  r->mode = chosen ? chosen->mode : UNPREDICTED;
  s->modes[i] = r->mode;
  if (chosen) take(r, chosen);
  else leave(r);
  follow(&s->past, r->smoothed);
  append_lags(&s->lags, r->smoothed);
  return 0;
}

/* ------------------------------------------------------------------ memory */

static void *part_of(uintptr_t *at, int64_t n, size_t size) {
  void *found = (void *)*at;
  *at += ((size_t)n * size + 63) / 64 * 64;
  return found;
}

/* Lay out all that is needed, in memory that begins at `at`; return where it ends. */
static uintptr_t lay_out(searching *r, uintptr_t at) {
  const window_model *m = r->s->past.m;
  const int64_t size = padded(m->length * m->n_channels), n = padded(m->from_latents.n_in);
  for (int64_t k = 0; k <= r->s->lags.judged; k++) {
    tried_way *w = r->ways + k;
    w->match.mismatch = part_of(&at, m->border * m->n_channels, sizeof(double));
    w->match.inside = part_of(&at, size, sizeof(double));
    w->match.part = part_of(&at, m->border + m->length, sizeof(double));
    w->border = part_of(&at, size, sizeof(double)), w->left = part_of(&at, size, sizeof(double));
    w->latents = part_of(&at, n, sizeof(double));
    w->at = part_of(&at, n, sizeof(int32_t)), w->symbol = part_of(&at, n, sizeof(int32_t));
  }
  r->smoothed = part_of(&at, size, sizeof(double)), r->coded = part_of(&at, size, sizeof(double));
  r->latents = part_of(&at, n, sizeof(double));
  r->gains = part_of(&at, m->n_channels, sizeof(int64_t));
  return at;
}

int search_windows_of(window_search *s) {
  searching r = {.s = s};
  void *all = aligned_zeros((int64_t)lay_out(&r, 0), 1);
  if (!all) return NO_MEMORY;
  lay_out(&r, (uintptr_t)all);
  int failed = 0;
  while (s->past.i < s->past.n && !failed) failed = decide(&r);
  aligned_release(all);
  return failed;
}
