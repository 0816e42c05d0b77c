/* What networks see of whole numbers around ROW rows, of a level; see level.h, which includes it.

   Numbers are doubles, in which all here is exact: they are below 2^41, sums of them below 2^50. */

enum { OF(REACH) = 1024, OF(ONE) = 128, OF(N_SPREAD) = 8, OF(LOG_ONE) = 1023 << 4 };

/* Write 1024 times distances by spreads, cut at 1024 either way. */
INLINE void OF(ratios)(const double *distances, const double *spread, int32_t *to) {
  for (int i = 0; i < ROW; i++) {
    double cut = distances[i] < spread[i] ? distances[i] : spread[i];
    cut = cut > -spread[i] ? cut : -spread[i];
    const double quotient = cut * OF(REACH) / spread[i];
    const int32_t whole = (int32_t)quotient;
    to[i] = whole - (quotient < (double)whole);
  }
}

/* Write a half of the logarithm of values by 2^shift: of a double, exponent and four bits more. */
INLINE void OF(logs)(const double *values, int shift, int32_t *to) {
  const int64_t *bits = (const int64_t *)(const void *)values;
  for (int i = 0; i < ROW; i++) {
    int32_t log = 4 * ((int32_t)(bits[i] >> 48) - OF(LOG_ONE) - shift * 16) - OF(ONE);
    log = log > OF(REACH) ? OF(REACH) : log;
    to[i] = log < -OF(REACH) ? -OF(REACH) : log;
  }
}

/* Add up the absolute values of some rows, at least `least`. */
INLINE void OF(add_spread)(const double *rows, int64_t n, double least, double *spread) {
  for (int i = 0; i < ROW; i++) spread[i] = 0;
  for (int64_t j = 0; j < n; j++)
    for (int i = 0; i < ROW; i++) spread[i] += __builtin_fabs(rows[j * ROW + i]);
  for (int i = 0; i < ROW; i++) spread[i] = spread[i] > least ? spread[i] : least;
}

INLINE int32_t *OF(see_other)(surroundings *a, double least, int32_t *to) {
  const int first = a->sees_place;
  const int64_t n_spread = a->n_other < OF(N_SPREAD) ? a->n_other : OF(N_SPREAD);
  double spread[ROW], middle[ROW], move[ROW];
  for (int i = 0; i < ROW; i++) middle[i] = a->other[first * ROW + i] + a->other[(first + 1) * ROW + i];
  for (int64_t j = 0; j < a->n_other; j++)
    for (int i = 0; i < ROW; i++) a->other[j * ROW + i] = 2 * a->other[j * ROW + i] - middle[i];
  OF(add_spread)(a->other + first * ROW, n_spread - first, 2 * OF(N_SPREAD) * least, spread);
  for (int64_t j = 0; j < a->n_other; j++, to += ROW) OF(ratios)(a->other + j * ROW, spread, to);
  OF(logs)(spread, 4, to);
  if (!a->sees_place) return to + ROW;
  for (int i = 0; i < ROW; i++) {
    const double half = a->other[i] * (double)(1 << a->middle_bits) * 0.5;
    const double near = (half + 0x1.8p52) - 0x1.8p52; /* a whole number; half is less than 2^51 */
    move[i] = near - (near > half);
  }
  OF(ratios)(move, a->spread, to + ROW);
  return to + 2 * ROW;
}

/* Write logarithms of mean absolute second differences: of all, and of the nearest four. */
INLINE int32_t *OF(see_noise)(const surroundings *a, int32_t *to) {
  double all[ROW], near[ROW];
  for (int i = 0; i < ROW; i++) all[i] = 10, near[i] = 4;
  for (int64_t j = 0; j + 4 < a->n_wide; j++) {
    const double *w = a->wide + j * ROW;
    for (int i = 0; i < ROW; i++) {
      const double second = __builtin_fabs(w[4 * ROW + i] - 2 * w[2 * ROW + i] + w[i]);
      all[i] += second;
      near[i] += j < 8 ? second : 0;
    }
  }
  OF(logs)(all, 4, to);
  OF(logs)(near, 3, to + ROW);
  return to + 2 * ROW;
}

FUNCTION void OF(see_numbers)(surroundings *a, double least, int32_t *x) {
  const int64_t n_spread = a->n_own < OF(N_SPREAD) ? a->n_own : OF(N_SPREAD);
  const double up = (double)(1 << a->middle_bits);
  int32_t seen[(MAX_INPUTS + 1) * ROW], *to = seen;
  for (int i = 0; i < ROW; i++) a->middle[i] = 0;
  for (int64_t j = 0; j < 1 << a->middle_bits; j++)
    for (int i = 0; i < ROW; i++) a->middle[i] += a->own[j * ROW + i];
  for (int64_t j = 0; j < a->n_own; j++)
    for (int i = 0; i < ROW; i++) a->own[j * ROW + i] = a->own[j * ROW + i] * up - a->middle[i];
  OF(add_spread)(a->own, n_spread, least * OF(N_SPREAD) * up, a->spread);
  for (int64_t j = 0; j < a->n_own; j++, to += ROW) OF(ratios)(a->own + j * ROW, a->spread, to);
  OF(logs)(a->spread, a->middle_bits + 3, to);
  to += ROW;
  for (int64_t j = 0; j < a->n_flags; j++, to += ROW)
    for (int i = 0; i < ROW; i++) to[i] = a->flags[j * ROW + i] ? OF(ONE) : 0;
  if (a->n_other) to = OF(see_other)(a, least, to);
  if (a->n_wide) to = OF(see_noise)(a, to);
  for (int i = 0; i < ROW; i++) to[i] = 0; /* beside an odd last input */
  for (const int32_t *row = seen; row < to; row += 2 * ROW, x += ROW)
    for (int i = 0; i < ROW; i++) x[i] = (row[i] & 0xffff) | (int32_t)((uint32_t)row[ROW + i] << 16);
}
