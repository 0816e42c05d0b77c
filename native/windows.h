/* Windows of a recording, predicted from its decoded past: see narrows.codec.prediction.past and
   narrows.codec.encoding.window_search.

   Every number is a whole one below 2^53 in a double, but for costs, whose operations are rounded one
   by one as numpy rounds them. Channels come before samples. Rows of weights, and buffers of what
   they give, are padded to whole PADs, so that a kernel computes whole vectors alone. */
#ifndef NARROWS_WINDOWS_H
#define NARROWS_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

#include "program.h"

enum { PAD = 32, MAX_GAIN = 10, N_GAINS = MAX_GAIN + 1, NEAR_LAGS = 12, LARGEST_SYMBOL = 1023 };
enum { N_MODES = 3, UNPREDICTED = 0, NEW_LAG = 1, SAME_LAG = 2, WINDOWS_REFUSED = 1 };

static inline int64_t padded(int64_t n) { return (n + PAD - 1) / PAD * PAD; }

/* floor(x @ weight + bias), which are scaled; weight is (n_in, padded(n_out)). */
typedef struct {
  const double *weight, *bias;
  int64_t n_in, n_out;
} window_layer;

typedef struct {
  const level *level;
  int64_t length, n_channels, border, memory; /* samples; border <= length */
  double limit, step, latent_limit;
  window_layer from_border, from_latents; /* to (n_channels, length) */
} window_model;

/* A recording of n windows as it is decoded. */
typedef struct {
  const window_model *m;
  int64_t n, i;      /* windows; those that are known */
  double *decoded;   /* (n, n_channels, length) */
  double *smoothed;  /* (n_channels, room): of each channel, `border` samples before the first */
  int64_t room;
} window_past;

/* An earlier part at the gains of a window: what the border lacks, and what is for the window. */
typedef struct {
  double *mismatch, *inside; /* (n_channels, border); (n_channels, length) */
  double *part;              /* (border + length): room */
} window_match;

/* Kernels of a level; see windows_steps.h. */
typedef struct window_steps {
  /* y = x @ w of rows `apart` from each other, into whole PADs of n_out. */
  void (*weighted)(const double *w, int64_t apart, int64_t n_in, int64_t n_out, const double *x, double *y);
  void (*weighted_two)(const double *w, int64_t apart, int64_t n_in, int64_t n_out,
                       const double *const *x, double *const *y);
  double (*product)(const double *a, const double *b, int64_t n);
  void (*at_gain)(double *part, int64_t n, double mean, double gain, double limit);
  void (*finish)(double *y, const double *bias, int64_t n);
  /* decoded = inside + coded and smoothed = inside + floor(coded / 2), clipped, with 0 for -0 */
  void (*join)(const double *inside, const double *coded, int64_t n, double limit, double *decoded,
               double *smoothed);
  /* left = x - inside - border; the largest magnitude of it */
  double (*left_over)(const double *x, const double *inside, const double *border, int64_t n, double *left);
  /* What gains of earlier parts save, of which `c` are products with a window: added to scores. */
  void (*add_scores)(const double *c, const double *sums, const double *inverse, const double *energy,
                     double sum, int64_t n, double *score);
} window_steps;

void make_match(const window_past *, int64_t lag, const int64_t *gains, const window_match *);
void through_layer(const window_model *, const window_layer *, const double *x, double *y);
/* What n_in symbols say of a window; latents: room for as many. */
void window_residual(const window_model *, const int32_t *symbols, double *latents, double *y);
/* Let a window follow: what is decoded stands in its place already, `smoothed` is (n_channels, length). */
void follow(window_past *, const double *smoothed);

/* Windows in order, from what a block says of them; 0, NO_MEMORY, or OUTSIDE for lags that are not there. */
typedef struct {
  const int32_t *modes, *symbols; /* (n); (number predicted, latents) */
  const int64_t *lags, *gains;    /* (n); (n, n_channels) */
  const double *base;             /* (number not predicted, n_channels, length) */
  int64_t n_base, n_symbols;      /* rows of these */
} told_windows;

int rebuild_windows_of(window_past *, const told_windows *);

#endif
