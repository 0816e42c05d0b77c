/* Weights of a pass from a sample of few rows; see free_fit.c. */
#ifndef NARROWS_FREE_FIT_H
#define NARROWS_FREE_FIT_H

#include "free_walk.h"

enum { FREE_MAX_GROUPS = 64, FREE_MAX_HINTS = 3, FREE_MAX_ROWS = 1 << 13, FREE_REFUSED_FIT = -3, FREE_MISFIT = -4 };
enum { FREE_MAX_WEIGHT = 1 << 11, FREE_MAX_PREFIXES = 8 };

typedef struct {
  free_sample sample; /* without what is written */
  const int64_t *prefixes;
  int64_t n_prefixes, step, repeats; /* step: in fine parts */
  int weight_bits;
} free_fitting;

typedef struct {
  int64_t n_weights, n_hints, weights[FREE_MAX_GROUPS], shares[FREE_MAX_HINTS];
} free_fitted;

/* 0, FREE_NO_MEMORY, FREE_REFUSED_FIT where numbers are too large, or FREE_MISFIT
   where a place, a frame or a group is none. */
int free_fit(const free_walk *, const free_pass *, const free_fitting *, free_fitted *);

#endif
