/* The weights of a pass, fitted to a sample of few rows: narrows.codec.encoding.weight_fitting. */
#include "free_fit.h"

#include <math.h>
#include <stdlib.h>

enum { LOG_PARTS = 256, WEIGHT_COST = 12, LEAST_SAMPLE = 16, PART_BITS = 18, ROUNDS = 4, ONE = 64 };
enum { HINT_PARTS = 16, MOST_HINT = 1 << 11, MOST_SHARE = 255, MOST_PART = (1 << PART_BITS) - 1 };
#define MOST_WANTED ((double)((int64_t)1 << 45))
#define MOST_SHARES ((double)((int64_t)1 << 40))

/* Rows of a sample, of which those are kept that are to be anything. */
typedef struct {
  int64_t n, n_groups, n_hints;
  int64_t *target, *left, *rest; /* (n) */
  int64_t *inputs, *hints;       /* (n_groups, n); (n, n_hints) */
  double *x, *y;                 /* (n_groups, n); (n) */
} fit_rows;

static int64_t magnitude(int64_t a) { return a < 0 ? -a : a; }

static int64_t sum_of_magnitudes(const int64_t *numbers, int64_t n) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (uint64_t)magnitude(numbers[i]);
  return (int64_t)sum;
}

static int64_t at_most(int64_t a, int64_t most) { return a < -most ? -most : a > most ? most : a; }

/* ------------------------------------------------------------------ equations */

/* Solve positive definite equations as numpy does; what is told twice counts once. */
static void solve_for(double *a, double *b, int64_t n) {
  for (int64_t i = 0; i < n; i++) a[i * n + i] += a[i * n + i] * 1e-9 + 1.0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++) {
      const double factor = a[j * n + i] / a[i * n + i];
      for (int64_t k = i; k < n; k++) a[j * n + k] -= factor * a[i * n + k];
      b[j] -= factor * b[i];
    }
  for (int64_t i = n; i-- > 0;) {
    b[i] /= a[i * n + i];
    for (int64_t j = 0; j < i; j++) b[j] -= a[j * n + i] * b[i];
  }
}

/* ------------------------------------------------------------------ weights */

static int bits_of(int64_t number) {
  int bits = 0;
  for (uint64_t rest = (uint64_t)number; rest; rest >>= 1) bits++;
  return bits;
}

/* Make numbers that are small enough to add up products of them; return by how many bits smaller. */
static int make_parts(fit_rows *r) {
  const int64_t n = r->n, all = n * r->n_groups;
  const int64_t typical = free_floor_divided(sum_of_magnitudes(r->target, n), n) +
                          free_floor_divided(sum_of_magnitudes(r->inputs, all), all);
  const int bits = typical ? bits_of(typical) + 6 - PART_BITS : 0, shift = bits > 0 ? bits : 0;
  for (int64_t i = 0; i < all; i++) r->x[i] = (double)at_most(r->inputs[i] >> shift, MOST_PART);
  for (int64_t i = 0; i < n; i++) r->y[i] = (double)at_most(r->target[i] >> shift, MOST_PART);
  return shift;
}

static double product(const double *a, const double *b, int64_t n) {
  double sum[4] = {0};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int k = 0; k < 4; k++) sum[k] += a[i + k] * b[i + k];
  for (; i < n; i++) sum[0] += a[i] * b[i];
  return sum[0] + sum[1] + sum[2] + sum[3];
}

/* Solve for the weights of the first n groups; 0 where they are no numbers. */
static int weights_of(const fit_rows *r, const double *products, const double *moments, int64_t n,
                      int weight_bits, double *weights) {
  double a[FREE_MAX_GROUPS * FREE_MAX_GROUPS];
  const double most = (double)((int64_t)FREE_MAX_WEIGHT << (weight_bits - FREE_WEIGHT_BITS));
  for (int64_t j = 0; j < n; j++)
    for (int64_t k = 0; k < n; k++) a[j * n + k] = products[j * r->n_groups + k];
  for (int64_t j = 0; j < n; j++) weights[j] = moments[j];
  solve_for(a, weights, n);
  for (int64_t j = 0; j < n; j++) {
    if (!isfinite(weights[j])) return 0;
    const double weight = rint(weights[j] * (double)((int64_t)1 << weight_bits));
    weights[j] = weight < -most ? -most : weight > most ? most : weight;
  }
  return 1;
}

static void leave(const fit_rows *r, const double *weights, int64_t n, int weight_bits, int shift) {
  const double one = (double)((int64_t)1 << weight_bits);
  for (int64_t i = 0; i < r->n; i++) {
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += r->x[j * r->n + i] * weights[j];
    r->rest[i] = (int64_t)((uint64_t)(int64_t)floor(r->y[i] - sum / one) << shift);
  }
}

/* Write the weights that pay for themselves, and what is left; return how many, or REFUSED. */
static int64_t fit_weights(fit_rows *r, const free_fitting *f, int64_t *to) {
  double products[FREE_MAX_GROUPS * FREE_MAX_GROUPS], moments[FREE_MAX_GROUPS], weights[FREE_MAX_GROUPS];
  int64_t found = 0, least = free_bits_of(r->target, r->n, f->step) * f->repeats;
  for (int64_t i = 0; i < r->n; i++) r->left[i] = r->target[i];
  if (r->n < LEAST_SAMPLE) return 0;
  const int shift = make_parts(r);
  for (int64_t j = 0; j < r->n_groups; j++) {
    moments[j] = product(r->x + j * r->n, r->y, r->n);
    for (int64_t k = 0; k <= j; k++)
      products[j * r->n_groups + k] = products[k * r->n_groups + j] =
          product(r->x + j * r->n, r->x + k * r->n, r->n);
  }
  for (int64_t p = 0; p < f->n_prefixes; p++) {
    const int64_t n = f->prefixes[p];
    if (n < 1 || n > r->n_groups) continue;
    if (!weights_of(r, products, moments, n, f->weight_bits, weights)) return FREE_REFUSED_FIT;
    leave(r, weights, n, f->weight_bits, shift);
    const int64_t cost =
        free_bits_of(r->rest, r->n, f->step) * f->repeats + (int64_t)LOG_PARTS * WEIGHT_COST * n;
    if (cost >= least) continue;
    least = cost, found = n;
    for (int64_t j = 0; j < n; j++) to[j] = (int64_t)weights[j];
    for (int64_t i = 0; i < r->n; i++) r->left[i] = r->rest[i];
  }
  return found;
}

/* ------------------------------------------------------------------ shares */

/* Solve for shares of hints, those below 0 left out; 0 where they are too large. */
static int solve_in_turn(const int64_t *products, const int64_t *moments, int64_t n, int64_t *shares) {
  int64_t used[FREE_MAX_HINTS], n_used = n;
  for (int64_t k = 0; k < n; k++) used[k] = k, shares[k] = 0;
  while (n_used) {
    double a[FREE_MAX_HINTS * FREE_MAX_HINTS], b[FREE_MAX_HINTS];
    int64_t kept = 0;
    for (int64_t j = 0; j < n_used; j++) {
      b[j] = (double)moments[used[j]];
      for (int64_t k = 0; k < n_used; k++) a[j * n_used + k] = (double)products[used[j] * n + used[k]];
    }
    solve_for(a, b, n_used);
    for (int64_t j = 0; j < n_used; j++)
      if (b[j] >= 0) used[kept] = used[j], b[kept++] = b[j];
    if (kept == n_used) {
      for (int64_t j = 0; j < n_used; j++) {
        const double share = rint(b[j] * ONE);
        if (!(share <= MOST_SHARES)) return 0;
        shares[used[j]] = (int64_t)share;
      }
      return 1;
    }
    n_used = kept;
  }
  return 1;
}

/* Write the shares of hints that tell best how much is left; whether that could be told. */
static int fit_shares(fit_rows *r, const free_fitting *f, int told, int64_t *to) {
  static const int64_t USUAL[FREE_MAX_HINTS] = {ONE / 2, ONE / 2, 0};
  const int64_t n = r->n_hints, rows = r->n > 1 ? r->n : 1;
  const int64_t mean = free_floor_divided(sum_of_magnitudes(r->left, r->n), rows);
  const int64_t unit = f->step > mean ? f->step : mean;
  int64_t shares[FREE_MAX_HINTS];
  for (int64_t i = 0; i < r->n; i++) {
    const int64_t left = free_floor_divided(magnitude(r->left[i]) * HINT_PARTS, unit);
    r->rest[i] = left < MOST_HINT ? left : MOST_HINT;
    for (int64_t k = 0; k < n; k++) {
      const int64_t hint = free_floor_divided(r->hints[i * n + k] * HINT_PARTS, unit);
      if (hint < 0) return 0;
      r->hints[i * n + k] = hint < MOST_HINT ? hint : MOST_HINT;
    }
    if (left < 0) return 0;
  }
  for (int64_t k = 0; k < n; k++) shares[k] = ONE / n;
  const free_hints of = {r->n, n, r->hints, r->rest, shares};
  for (int round = 0; round < ROUNDS && r->n >= LEAST_SAMPLE; round++) {
    int64_t products[FREE_MAX_HINTS * FREE_MAX_HINTS] = {0}, moments[FREE_MAX_HINTS] = {0};
    free_moments_of(&of, products, moments);
    if (!solve_in_turn(products, moments, n, shares)) return 0;
  }
  for (int64_t k = 0; k < n; k++) shares[k] = free_clipped(shares[k], 1, MOST_SHARE);
  const free_hints as_usual = {r->n, n, r->hints, r->rest, USUAL};
  const int64_t gain = free_laplacian_of(&as_usual) - free_laplacian_of(&of);
  const int pays = told || gain * f->repeats > LOG_PARTS * WEIGHT_COST * n;
  for (int64_t k = 0; k < n; k++) to[k] = pays ? shares[k] : USUAL[k];
  return 1;
}

/* ------------------------------------------------------------------ samples */

/* Keep the rows of a sample that are to be anything, and what they are to be. */
static void keep_rows(const free_walk *w, const free_pass *p, const free_sample *s, int64_t looked,
                      fit_rows *r) {
  const int64_t all = s->n_places * s->n_columns;
  int64_t n = 0;
  for (int64_t i = 0; i < all; i++) {
    int64_t rest = s->numbers[i / s->n_columns], place = p->channel;
    for (int axis = 2; axis >= 0; rest /= p->counts[axis], axis--)
      place += p->places[axis][rest % p->counts[axis]];
    const int64_t at = place * w->n + s->columns[i % s->n_columns];
    if (w->any && w->any[at]) continue;
    int64_t wanted;
    if (w->wanted_floats) {
      const double fine = w->wanted_floats[at] * (1 << FREE_FINE_BITS);
      wanted = (int64_t)rint(fine < -MOST_WANTED ? -MOST_WANTED : fine > MOST_WANTED ? MOST_WANTED : fine);
    } else {
      wanted = w->wanted[at] * (1 << FREE_FINE_BITS);
    }
    r->target[n] = wanted - s->centre[i];
    for (int64_t g = 0; g < r->n_groups; g++) r->inputs[g * all + n] = s->differences[g * all + i];
    for (int64_t k = 0; k < r->n_hints; k++)
      r->hints[n * r->n_hints + k] = free_floor_divided(s->hints[k * all + i], looked);
    n++;
  }
  for (int64_t g = 1; g < r->n_groups; g++) /* closer together */
    for (int64_t i = 0; i < n; i++) r->inputs[g * n + i] = r->inputs[g * all + i];
  r->n = n;
}

int free_fit(const free_walk *w, const free_pass *p, const free_fitting *f, free_fitted *to) {
  free_sample s = f->sample;
  const int64_t all = s.n_places * s.n_columns, groups = s.n_groups, hints = p->n_before ? 3 : 2;
  int64_t *numbers = malloc((size_t)(all * (2 * groups + 2 * hints + 4) + 1) * sizeof *numbers);
  double *doubles = malloc((size_t)(all * (groups + 1) + 1) * sizeof *doubles);
  int failed = FREE_NO_MEMORY;
  if (numbers && doubles) {
    s.centre = numbers, s.differences = s.centre + all, s.hints = s.differences + all * groups;
    int64_t *own = s.hints + all * hints;
    fit_rows r = {.n_groups = groups, .n_hints = hints, .target = own, .left = own + all,
                  .rest = own + 2 * all, .inputs = own + 3 * all,
                  .hints = own + (3 + groups) * all, .x = doubles, .y = doubles + all * groups};
    failed = free_take_sample(w, p, &s) ? FREE_MISFIT : 0;
    if (!failed) {
      keep_rows(w, p, &s, p->n_looked_at, &r);
      to->n_hints = hints, to->n_weights = fit_weights(&r, f, to->weights);
      failed = to->n_weights < 0 || !fit_shares(&r, f, to->n_weights > 0, to->shares) ? FREE_REFUSED_FIT : 0;
    }
  }
  free(numbers), free(doubles);
  return failed;
}
