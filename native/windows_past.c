/* The decoded past of a recording, and windows from it; see windows.h. */
#include "windows.h"

#include <string.h>

#include "levels.h"

void make_match(const window_past *past, int64_t lag, const int64_t *gains, const window_match *to) {
  const window_model *m = past->m;
  const int64_t start = past->i * m->length - lag, all = m->border + m->length;
  for (int64_t c = 0; c < m->n_channels; c++) {
    double sum = 0;
    memcpy(to->part, past->smoothed + c * past->room + start, (size_t)all * sizeof *to->part);
    for (int64_t i = m->border; i < all; i++) sum += to->part[i];
    const double mean = __builtin_floor(sum / (double)m->length);
    m->level->windows->at_gain(to->part, all, mean, (double)gains[c] * 0.125, m->limit);
    const double *before = past->decoded + ((past->i - 1) * m->n_channels + c + 1) * m->length - m->border;
    for (int64_t i = 0; i < m->border; i++) to->mismatch[c * m->border + i] = before[i] - to->part[i];
    memcpy(to->inside + c * m->length, to->part + m->border, (size_t)m->length * sizeof *to->part);
  }
}

void through_layer(const window_model *m, const window_layer *layer, const double *x, double *y) {
  const window_steps *on = m->level->windows;
  on->weighted(layer->weight, padded(layer->n_out), layer->n_in, layer->n_out, x, y);
  on->finish(y, layer->bias, layer->n_out);
}

void window_residual(const window_model *m, const int32_t *symbols, double *latents, double *y) {
  const double limit = m->latent_limit;
  for (int64_t k = 0; k < m->from_latents.n_in; k++) {
    const double latent = symbols[k] * m->step, low = latent < limit ? latent : limit;
    latents[k] = low > -limit ? low : -limit;
  }
  through_layer(m, &m->from_latents, latents, y);
}

void follow(window_past *past, const double *smoothed) {
  const window_model *m = past->m;
  for (int64_t c = 0; c < m->n_channels; c++) {
    double *row = past->smoothed + c * past->room;
    memcpy(row + m->border + past->i * m->length, smoothed + c * m->length,
           (size_t)m->length * sizeof *row);
    for (int64_t i = 0; i < m->border && !past->i; i++) row[i] = row[m->border];
  }
  past->i++;
}

/* ------------------------------------------------------------------ decoding */

typedef struct {
  window_match match;
  double *coded, *residual, *latents, *smoothed;
} rebuilding;

static void release(rebuilding *r) {
  double *const all[] = {r->match.mismatch, r->match.inside, r->match.part, r->coded, r->residual,
                         r->latents, r->smoothed};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) aligned_release(all[i]);
}

static int make_room(const window_model *m, rebuilding *r) {
  const int64_t size = padded(m->length * m->n_channels);
  const struct {
    double **to;
    int64_t n;
  } all[] = {{&r->match.mismatch, m->border * m->n_channels}, {&r->match.inside, size},
             {&r->match.part, m->border + m->length}, {&r->coded, size}, {&r->residual, size},
             {&r->latents, m->from_latents.n_in}, {&r->smoothed, size}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (!(*all[i].to = aligned_zeros(all[i].n, sizeof(double)))) return NO_MEMORY;
  return 0;
}

/* Decode the next window, of the number-th predicted ones. */
static void predicted(window_past *past, const told_windows *t, int64_t number, const rebuilding *r) {
  const window_model *m = past->m;
  const int64_t i = past->i, size = m->length * m->n_channels;
  make_match(past, t->lags[i], t->gains + i * m->n_channels, &r->match);
  through_layer(m, &m->from_border, r->match.mismatch, r->coded);
  window_residual(m, t->symbols + number * m->from_latents.n_in, r->latents, r->residual);
  for (int64_t j = 0; j < size; j++) r->coded[j] += r->residual[j];
  m->level->windows->join(r->match.inside, r->coded, size, m->limit, past->decoded + i * size, r->smoothed);
}

static void unpredicted(window_past *past, const double *base, const rebuilding *r) {
  const window_model *m = past->m;
  const int64_t size = m->length * m->n_channels;
  double *decoded = past->decoded + past->i * size;
  memset(r->match.inside, 0, (size_t)size * sizeof *decoded);
  m->level->windows->join(r->match.inside, base, size, m->limit, decoded, r->smoothed);
  memcpy(r->smoothed, decoded, (size_t)size * sizeof *decoded);
}

int rebuild_windows_of(window_past *past, const told_windows *t) {
  const window_model *m = past->m;
  rebuilding r = {0};
  int64_t number = 0, n_base = 0;
  int failed = make_room(m, &r);
  while (past->i < past->n && !failed) {
    const int64_t i = past->i, lag = t->lags[i];
    if (t->modes[i] != UNPREDICTED) {
      failed = lag < m->length || lag > m->memory || lag > i * m->length || number >= t->n_symbols;
      if (!failed) predicted(past, t, number++, &r);
    } else {
      failed = n_base >= t->n_base;
      if (!failed) unpredicted(past, t->base + n_base++ * m->length * m->n_channels, &r);
    }
    if (failed) failed = OUTSIDE;
    else follow(past, r.smoothed);
  }
  release(&r);
  return failed;
}
