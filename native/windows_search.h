/* What chooses how windows are predicted: see narrows.codec.encoding.lag_search and window_search. */
#ifndef NARROWS_WINDOWS_SEARCH_H
#define NARROWS_WINDOWS_SEARCH_H

#include "windows.h"

enum { MAX_JUDGED = 16, MAX_FOUND = 64, MAX_FEWER = 8, MAX_CHANNELS = 256, APART = 6 };
enum { MAX_LAGS = 1 + 2 * NEAR_LAGS + 1 + MAX_FOUND * (2 * MAX_FEWER - 1) };

/* The past in pieces of two windows of fewer samples, the oldest of which make room for new ones. */
typedef struct {
  int64_t length, n, n_known; /* fewer samples of a window; pieces there is room for; windows */
  double *last;               /* (n_channels, length) */
  double *pieces;             /* (n, n_channels, twice): of 2 * length each, and room behind them */
  double *sums, *energy, *inverse; /* (n, n_channels, length): means; and of what is about them */
  double *products, *scores;       /* (padded(length)); (n, length) */
  double *best;                    /* (n): the largest score of each piece */
} past_pieces;

typedef struct {
  const window_model *m;
  int64_t judged, found, fewer, i, room; /* i: known windows; room: samples of a row */
  double unit, price;                    /* of a value; of a bit, in squares of units */
  double *values;                        /* (n_channels, room), coarse */
  double *sums, *squares;                /* (n_channels, room + 1): of what is before each place */
  double *window, *few;                  /* (n_channels, length) */
  past_pieces pieces;
} lag_search;

/* What it costs to tell of a window. */
typedef struct {
  const double *modes, *near, *far, *gains, *symbols; /* (3, 3), (25), (memory + 1), (channels, N_GAINS), (latents, 2047) */
  double at_zero, price;
} window_costs;

typedef struct {
  int64_t lag, gains[MAX_CHANNELS];
  double bits;
} lag_candidate;

typedef struct {
  window_past past;
  window_costs costs;
  lag_search lags;
  const double *analysis;  /* (n_channels * length, padded(latents)) */
  double unit, most;       /* of latents; the largest magnitude of what matches leave over */
  const double *x, *known; /* (n, n_channels, length); known may be NULL */
  const double *errors, *base_bits; /* (n) */
  int32_t *modes, *symbols;         /* (n), (n, latents) */
  int64_t *lag_of, *gain_of;        /* (n), (n, n_channels) */
} window_search;

int begin_lags(lag_search *, int64_t n, int64_t n_pieces); /* 0, or NO_MEMORY */
void end_lags(lag_search *);
void append_lags(lag_search *, const double *smoothed);

/* Write the best lags for a window, the best one first. */
void best_lags(lag_search *, const double *x, const window_costs *, int64_t last, lag_candidate *);

/* Decide for all windows; 0, NO_MEMORY, or WINDOWS_REFUSED where a sum may not be exact. */
int search_windows_of(window_search *);

#endif
