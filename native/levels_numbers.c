/* A part of a pass of frames of numbers; see levels.h and narrows.codec.levels.number_levels. */
#include "levels_numbers.h"

#include <string.h>

enum { MEAN_UNIT_BITS = 10, MAX_MEAN = 1 << 13, MIDDLE_CLASS = 20 };
#define MAX_NUMBER ((int64_t)1 << 40)

static void release_rows(numbers_work *w) {
  void *const all[] = {w->order, w->entries, w->symbols, w->low, w->tables, w->escaped,
                       w->distances, w->means, w->x, w->hidden, w->y};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) aligned_release(all[i]);
}

static void release(void *work) {
  numbers_work *w = work;
  release_rows(w);
  for (int i = 0; i < N_TABLES; i++) aligned_release(w->logistics[i].ends);
  aligned_release(w);
}

numbers_work *room_for_numbers(const levels_coder *c, decisions *d, int64_t rows) {
  const int64_t lanes = c->level->n_lanes;
  if (!d->work) d->release_work = release, d->work = aligned_zeros(1, sizeof(numbers_work));
  numbers_work *w = d->work;
  if (!w || (w->room >= rows && w->order)) return w;
  release_rows(w);
  int32_t **const numbers[] = {&w->order, &w->entries, &w->symbols, &w->low, &w->tables};
  int64_t **const longs[] = {&w->escaped, &w->distances, &w->means};
  int failed = 0;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    failed |= !(*numbers[i] = aligned_zeros(rows, sizeof(int32_t)));
  for (size_t i = 0; i < sizeof longs / sizeof *longs; i++)
    failed |= !(*longs[i] = aligned_zeros(rows, sizeof(int64_t)));
  failed |= !(w->x = aligned_zeros(MAX_INPUTS / 2 * lanes, sizeof *w->x));
  failed |= !(w->hidden = aligned_zeros((c->most_units + 1) / 2 * lanes, sizeof *w->hidden));
  failed |= !(w->y = aligned_zeros(2 * lanes, sizeof *w->y));
  w->room = failed ? 0 : rows;
  if (!failed) return w;
  release(w);
  d->work = NULL;
  return NULL;
}

/* ------------------------------------------------------------------ what is around */

/* Copy `count` frames of k neighbours of a place into lanes; -1 where one is outside. */
static int gather(const levels_coder *c, const double *values, int64_t n, const int64_t *near, int64_t m,
                  int64_t k, int64_t frame, int64_t count, double *to) {
  const int64_t lanes = c->level->n_lanes;
  for (int64_t j = 0; j < k; j++) {
    const int64_t at = near[j * m];
    if (at < 0 || at >= c->size) return -1;
    const double *from = values + at * n + frame;
    for (int64_t i = 0; i < count; i++) to[j * lanes + i] = from[i];
  }
  return 0;
}

static int gather_block(const levels_coder *c, const part_of_numbers *p, surroundings *a,
                        const double *values, int64_t n, int64_t row, int64_t count) {
  const int64_t lanes = c->level->n_lanes, m = p->own.m;
  if (count < lanes) { /* what was there before is of another block, and distances by now */
    memset(a->own, 0, sizeof a->own);
    memset(a->other, 0, sizeof a->other);
    memset(a->wide, 0, sizeof a->wide);
  }
  for (int64_t lane = 0; lane < count;) {
    const int64_t place = p->own.start + (row + lane) / n, frame = (row + lane) % n;
    const int64_t left = n - frame, some = left < count - lane ? left : count - lane;
    if (gather(c, values, n, p->own.near + place, m, a->n_own, frame, some, a->own + lane) ||
        gather(c, values, n, p->other + place, m, a->n_other, frame, some, a->other + lane) ||
        gather(c, values, n, p->wide + place, m, a->n_wide, frame, some, a->wide + lane))
      return OUTSIDE;
    for (int64_t j = 0; j < a->n_flags; j++)
      for (int64_t i = 0; i < some; i++) a->flags[j * lanes + lane + i] = p->flags[j * m + place];
    lane += some;
  }
  return 0;
}

static surroundings *around_of(const part_of_numbers *p, numbers_work *w) {
  surroundings *a = &w->around;
  a->n_own = p->own.k, a->n_other = p->n_other, a->n_wide = p->n_wide, a->n_flags = p->n_flags;
  a->middle_bits = p->middle_bits, a->sees_place = p->sees_place;
  return a;
}

/* ------------------------------------------------------------------ predictions */

/* Predict means, in eighths, and the tables of rows. */
static int predict(const levels_coder *c, numbers_work *w, const pass_network *network,
                   const part_of_numbers *p, const double *values, int64_t n, int64_t rows) {
  const pass_steps *on = c->level->passes;
  const int64_t lanes = c->level->n_lanes;
  surroundings *a = around_of(p, w);
  for (int64_t row = 0; row < rows; row += lanes) {
    const int64_t count = rows - row < lanes ? rows - row : lanes;
    if (gather_block(c, p, a, values, n, row, count)) return OUTSIDE;
    on->see_numbers(a, (double)c->least, w->x);
    on->pass(network, w->x, network->bias, 0, w->hidden, w->y);
    for (int64_t i = 0; i < count; i++) {
      int32_t mean = w->y[i], number = w->y[lanes + i];
      mean = mean < -MAX_MEAN ? -MAX_MEAN : mean > MAX_MEAN ? MAX_MEAN : mean;
      const int least = number < -MIDDLE_CLASS, most = number > N_CLASSES - 1 - MIDDLE_CLASS;
      number = least ? 0 : most ? N_CLASSES - 1 : number + MIDDLE_CLASS;
      int64_t move = mean * (int64_t)a->spread[i] >> (MEAN_UNIT_BITS + a->middle_bits);
      move += (int64_t)a->middle[i] * N_FRACTIONS >> a->middle_bits;
      w->means[row + i] = move;
      w->tables[row + i] = number * N_FRACTIONS + (c->step == 1 ? (int32_t)(move & 7) : 0);
    }
  }
  return 0;
}

/* The whole number of steps that is nearest to a distance. */
static int64_t steps_to(const levels_coder *c, double wanted, int64_t from, int is_float) {
  if (is_float) {
    const double steps = (wanted - (double)from) / (double)c->step;
    return (int64_t)((steps + 0x1.8p52) - 0x1.8p52); /* rounded, halves to even */
  }
  const int64_t distance = (int64_t)wanted - from + c->step / 2, steps = distance / c->step;
  return steps - (distance < steps * c->step);
}

static double moved(const levels_coder *c, int64_t from, int64_t steps) {
  const int64_t found = (int64_t)((uint64_t)from + (uint64_t)c->step * (uint64_t)steps);
  return (double)(found < -MAX_NUMBER ? -MAX_NUMBER : found > MAX_NUMBER ? MAX_NUMBER : found);
}

/* Whether the arrays of a part fit its network. */
static int is_fit(const pass_network *network, const part_of_numbers *p) {
  const int sees = p->sees_place != 0;
  const int64_t of_other = p->n_other ? p->n_other + 1 + sees : 0;
  const int64_t n = p->own.k + p->n_flags + 1 + of_other + (p->n_wide ? 2 : 0);
  return n == network->n_inputs && p->own.k <= MAX_GIVEN && p->n_other <= MAX_GIVEN &&
         p->n_flags <= MAX_GIVEN && (p->n_wide == 0 || p->n_wide == WIDE_PLACES) &&
         p->middle_bits >= 0 && p->middle_bits <= 3 && 1 << p->middle_bits <= p->own.k &&
         (p->n_other == 0 || p->n_other >= 2 + sees);
}

int code_numbers_of(const levels_coder *c, decisions *d, int64_t pass, const part_of_numbers *p,
                    double *values, const double *wanted, int64_t n) {
  const pass_network *network = c->passes + pass;
  const int64_t rows = (p->own.stop - p->own.start) * n;
  if (!is_fit(network, p)) return OUTSIDE;
  numbers_work *w = room_for_numbers(c, d, rows);
  if (!w) return NO_MEMORY;
  for (int64_t place = p->own.start; place < p->own.stop; place++)
    if (p->own.places[place] < 0 || p->own.places[place] >= c->size) return OUTSIDE;
  const int failed = predict(c, w, network, p, values, n, rows);
  if (failed) return failed;
  for (int64_t i = 0; i < rows && !d->is_reader; i++) {
    const double want = wanted[p->own.places[p->own.start + i / n] * n + i % n];
    w->distances[i] = steps_to(c, want, w->means[i] >> 3, p->is_float);
  }
  if (code_distances(c, d, w, w->tables, rows, w->distances)) return NO_MEMORY;
  for (int64_t i = 0; i < rows; i++)
    values[p->own.places[p->own.start + i / n] * n + i % n] =
        moved(c, w->means[i] >> 3, w->distances[i]);
  return 0;
}

int see_numbers_of(const levels_coder *c, decisions *d, int64_t pass, const part_of_numbers *p,
                   const double *values, int64_t n, int16_t *hidden, int64_t *middle, int64_t *spread) {
  const pass_network *network = c->passes + pass;
  const int64_t rows = (p->own.stop - p->own.start) * n, lanes = c->level->n_lanes;
  if (!is_fit(network, p)) return OUTSIDE;
  numbers_work *w = room_for_numbers(c, d, 0);
  if (!w) return NO_MEMORY;
  surroundings *a = around_of(p, w);
  for (int64_t row = 0; row < rows; row += lanes) {
    const int64_t count = rows - row < lanes ? rows - row : lanes;
    if (gather_block(c, p, a, values, n, row, count)) return OUTSIDE;
    c->level->passes->see_numbers(a, (double)c->least, w->x);
    c->level->passes->pass(network, w->x, network->bias, 0, w->hidden, w->y);
    const int16_t *pairs = (const int16_t *)(const void *)w->hidden;
    for (int64_t u = 0; u < network->n_units; u++)
      for (int64_t i = 0; i < count; i++)
        hidden[u * rows + row + i] = pairs[(u / 2 * lanes + i) * 2 + u % 2];
    for (int64_t i = 0; i < count; i++) {
      middle[row + i] = (int64_t)a->middle[i];
      spread[row + i] = (int64_t)a->spread[i];
    }
  }
  return 0;
}

void solve(double *a, int64_t n) {
  const int64_t m = n + 1;
  for (int64_t i = 0; i < n; i++) {
    double *row = a + i * m;
    const double pivot = row[i];
    for (int64_t k = i; k < m; k++) row[k] /= pivot;
    for (int64_t j = 0; j < n; j++) {
      double *other = a + j * m;
      const double factor = other[i];
      for (int64_t k = i; k < m && j != i; k++) other[k] -= factor * row[k];
    }
  }
}
