/* Where in its past a window of a recording comes nearest to it; see windows_search.h. */
#include <string.h>

#include "levels.h"
#include "windows_search.h"

static const double LARGEST_COARSE = 4096, EMPTY = -1;

/* ------------------------------------------------------------------ pieces */

static int64_t twice(const past_pieces *p) { return 2 * p->length + PAD; }

static void append_piece(past_pieces *p, int64_t n_channels, const double *x) {
  const int64_t length = p->length, at = (p->n_known - 1) % p->n;
  for (int64_t c = 0; c < n_channels && p->n_known; c++) {
    double *both = p->pieces + (at * n_channels + c) * twice(p);
    memcpy(both, p->last + c * length, (size_t)length * sizeof *both);
    memcpy(both + length, x + c * length, (size_t)length * sizeof *both);
    double sum = 0, square = 0;
    for (int64_t i = 0; i < length; i++) sum += both[i], square += both[i] * both[i];
    for (int64_t i = 0; i < length; i++) {
      const int64_t to = (at * n_channels + c) * length + i;
      const double energy = square - sum * sum / (double)length, some = energy > 1 ? energy : 1;
      p->sums[to] = sum / (double)length, p->energy[to] = some, p->inverse[to] = 1 / some;
      sum += both[i + length] - both[i];
      square += both[i + length] * both[i + length] - both[i] * both[i];
    }
  }
  memcpy(p->last, x, (size_t)(n_channels * length) * sizeof *x);
  p->n_known++;
}

static double largest(const double *scores, int64_t n) {
  double most = scores[0];
  for (int64_t i = 1; i < n; i++) most = scores[i] > most ? scores[i] : most;
  return most;
}

/* Score every place of so many pieces. */
static void score(past_pieces *p, const window_model *m, const double *x, int64_t n) {
  const window_steps *on = m->level->windows;
  const int64_t length = p->length;
  memset(p->scores, 0, (size_t)(n * length) * sizeof *p->scores);
  for (int64_t at = 0; at < n; at++) {
    for (int64_t c = 0; c < m->n_channels; c++) {
      const int64_t row = at * m->n_channels + c;
      double sum = 0;
      for (int64_t i = 0; i < length; i++) sum += x[c * length + i];
      on->weighted(p->pieces + row * twice(p), 1, length, length, x + c * length, p->products);
      on->add_scores(p->products, p->sums + row * length, p->inverse + row * length,
                     p->energy + row * length, sum, length, p->scores + at * length);
    }
    p->best[at] = largest(p->scores + at * length, length);
  }
}

/* Take the first of the best places, and those around it out; return its number. */
static int64_t take_place(past_pieces *p, int64_t n, int64_t apart) {
  int64_t piece = 0, i = 0;
  for (int64_t at = 1; at < n; at++)
    if (p->best[at] > p->best[piece]) piece = at;
  while (p->scores[piece * p->length + i] != p->best[piece]) i++;
  const int64_t place = piece * p->length + i, all = n * p->length;
  const int64_t start = place > apart ? place - apart : 0;
  const int64_t stop = place + apart + 1 < all ? place + apart + 1 : all;
  for (int64_t j = start; j < stop; j++) p->scores[j] = EMPTY;
  for (int64_t at = start / p->length; at * p->length < stop; at++)
    p->best[at] = largest(p->scores + at * p->length, p->length);
  return place;
}

/* Write the lags, in fewer samples, of the parts that come nearest to a window; return how many. */
static int64_t nearest(past_pieces *p, const window_model *m, const double *x, int64_t count,
                       int64_t apart, int64_t *lags) {
  const int64_t n = p->n < p->n_known - 1 ? p->n : p->n_known - 1;
  if (n < 1) return 0;
  score(p, m, x, n);
  for (int64_t k = 0; k < count; k++) {
    const int64_t place = take_place(p, n, apart), at = place / p->length;
    const int64_t behind = (p->n_known - 2 - at) % n, age = (behind < 0 ? behind + n : behind) + 2;
    lags[k] = age * p->length - place % p->length;
  }
  return count;
}

/* ------------------------------------------------------------------ sample by sample */

static void make_coarse(const lag_search *s, const double *values, double *to, double *few) {
  const window_model *m = s->m;
  for (int64_t i = 0; i < m->n_channels * m->length; i++) {
    const double coarse = __builtin_floor(values[i] / s->unit);
    const double low = coarse < LARGEST_COARSE ? coarse : LARGEST_COARSE;
    to[i] = low > -LARGEST_COARSE ? low : -LARGEST_COARSE;
  }
  for (int64_t i = 0; i < m->n_channels * m->length / s->fewer; i++) {
    few[i] = 0;
    for (int64_t j = 0; j < s->fewer; j++) few[i] += to[i * s->fewer + j];
  }
}

void append_lags(lag_search *s, const double *smoothed) {
  const window_model *m = s->m;
  const int64_t length = m->length, end = s->i * length;
  make_coarse(s, smoothed, s->window, s->few);
  for (int64_t c = 0; c < m->n_channels; c++) {
    const double *x = s->window + c * length;
    double *sums = s->sums + c * (s->room + 1) + end, *squares = s->squares + c * (s->room + 1) + end;
    memcpy(s->values + c * s->room + end, x, (size_t)length * sizeof *x);
    for (int64_t i = 0; i < length; i++) {
      sums[i + 1] = sums[i] + x[i];
      squares[i + 1] = squares[i] + x[i] * x[i];
    }
  }
  append_piece(&s->pieces, m->n_channels, s->few);
  s->i++;
}

/* Write the lags that are looked at: good ones and the last one's; return how many. */
static int64_t places(lag_search *s, int64_t last, int64_t *lags) {
  const int64_t length = s->m->length, known = s->i * length;
  const int64_t most = known < s->m->memory ? known : s->m->memory;
  int64_t n = 0, found[MAX_FOUND];
  lags[n++] = length;
  for (int64_t step = -NEAR_LAGS; step <= NEAR_LAGS; step++) lags[n++] = last + step;
  const int64_t count = nearest(&s->pieces, s->m, s->few, s->found, APART / s->fewer, found);
  for (int64_t k = 0; k < count; k++)
    for (int64_t step = 1 - s->fewer; step < s->fewer; step++) lags[n++] = found[k] * s->fewer + step;
  for (int64_t k = 0; k < n; k++) {
    const int64_t low = lags[k] < most ? lags[k] : most;
    lags[k] = low > length ? low : length;
  }
  return n;
}

static double lag_bits(const window_costs *t, int64_t lag, int64_t last) {
  const int64_t step = lag - last;
  return last > 0 && step >= -NEAR_LAGS && step <= NEAR_LAGS ? t->near[step + NEAR_LAGS] : t->far[lag];
}

/* The product of a window's channel with an earlier part, and the energy of that, its mean taken out. */
static double product_with(const lag_search *s, int64_t c, int64_t lag, double mean, double *energy) {
  const int64_t length = s->m->length, start = s->i * length - lag;
  const double *x = s->window + c * length, *sums = s->sums + c * (s->room + 1) + start;
  const double *squares = s->squares + c * (s->room + 1) + start;
  const double sum = sums[length] - sums[0], square = squares[length] - squares[0];
  const double own = square - sum * sum / (double)length;
  *energy = own > 1 ? own : 1;
  return s->m->level->windows->product(s->values + c * s->room + start, x, length) - sum * mean;
}

/* The gain, in eighths, that costs least of a channel. */
static int64_t cheapest_gain(const lag_search *s, const window_costs *t, int64_t c, double product,
                             double energy) {
  double least = 0;
  int64_t found = 0;
  for (int64_t g = 0; g < N_GAINS; g++) {
    const double gain = (double)g / 8.0;
    const double cost = gain * (gain * energy - 2.0 * product) + s->price * t->gains[c * N_GAINS + g];
    if (!g || cost < least) least = cost, found = g;
  }
  return found;
}

static double score_of(const lag_search *s, const double *means, int64_t lag) {
  double score = 0;
  for (int64_t c = 0; c < s->m->n_channels; c++) {
    double energy;
    const double product = product_with(s, c, lag, means[c], &energy);
    const double wanted = __builtin_rint(8.0 * product / energy);
    const double low = wanted < MAX_GAIN ? wanted : MAX_GAIN, gain = (low > 0 ? low : 0) / 8.0;
    const double saved = (2.0 * product - gain * energy) * gain;
    score = c ? score + saved : saved;
  }
  return score;
}

void best_lags(lag_search *s, const double *x, const window_costs *t, int64_t last, lag_candidate *to) {
  const int64_t length = s->m->length;
  int64_t lags[MAX_LAGS];
  double scores[MAX_LAGS], means[MAX_CHANNELS];
  make_coarse(s, x, s->window, s->few);
  for (int64_t c = 0; c < s->m->n_channels; c++) {
    means[c] = 0;
    for (int64_t i = 0; i < length; i++) means[c] += s->window[c * length + i];
    means[c] /= (double)length;
  }
  const int64_t n = places(s, last, lags);
  for (int64_t k = 0; k < n; k++)
    scores[k] = score_of(s, means, lags[k]) - s->price * lag_bits(t, lags[k], last);
  for (int64_t number = 0; number < s->judged; number++) {
    int64_t at = 0;
    for (int64_t k = 1; k < n; k++)
      if (scores[k] > scores[at]) at = k;
    to[number].lag = lags[at], to[number].bits = lag_bits(t, lags[at], last);
    for (int64_t c = 0; c < s->m->n_channels; c++) {
      double energy;
      const double product = product_with(s, c, lags[at], means[c], &energy);
      to[number].gains[c] = cheapest_gain(s, t, c, product, energy);
    }
    for (int64_t k = 0; k < n; k++)
      if (lags[k] - lags[at] <= APART && lags[at] - lags[k] <= APART) scores[k] = -__builtin_inf();
  }
}

/* ------------------------------------------------------------------ memory */

int begin_lags(lag_search *s, int64_t n, int64_t n_pieces) {
  const int64_t channels = s->m->n_channels, length = s->m->length, few = length / s->fewer;
  past_pieces *p = &s->pieces;
  s->room = n * length, p->length = few, p->n = n_pieces;
  const struct {
    double **to;
    int64_t n;
  } all[] = {{&s->values, channels * s->room}, {&s->sums, channels * (s->room + 1)},
             {&s->squares, channels * (s->room + 1)}, {&s->window, channels * length},
             {&s->few, channels * few}, {&p->last, channels * few},
             {&p->pieces, n_pieces * channels * twice(p)}, {&p->sums, n_pieces * channels * few},
             {&p->energy, n_pieces * channels * few}, {&p->inverse, n_pieces * channels * few},
             {&p->products, padded(few)}, {&p->scores, n_pieces * few}, {&p->best, n_pieces}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (!(*all[i].to = aligned_zeros(all[i].n, sizeof(double)))) return NO_MEMORY;
  return 0;
}

void end_lags(lag_search *s) {
  past_pieces *p = &s->pieces;
  double *const all[] = {s->values, s->sums, s->squares, s->window, s->few, p->last, p->pieces,
                         p->sums, p->energy, p->inverse, p->products, p->scores, p->best};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) aligned_release(all[i]);
}
