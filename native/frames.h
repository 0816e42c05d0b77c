/* Frames of what a decoder gives, and their errors, of a level; see level.h, which includes it.

   A span of a frame is in doubles in the first cache. Every operation is rounded by itself, as numpy
   rounds it in `Normaliser.from_integers`. Errors are whole numbers whose squares sum to less than
   2^52, exactly in any order. */
#include <string.h>

enum { OF(SPAN) = 128 };

#define FOR_FRAME_TYPES(DO) \
  DO(UINT8, uint8_t, int32_t) DO(INT8, int8_t, int32_t) DO(UINT16, uint16_t, int32_t) \
  DO(INT16, int16_t, int32_t) DO(FLOAT32, float, double)

INLINE double OF(limited)(double a, double least, double largest) {
  a = a < least ? least : a;
  return a > largest ? largest : a;
}

typedef int64_t OF(masks) __attribute__((vector_size(4 * LANES)));

/* Round numbers down, and a few behind them; their magnitudes are below 2^51. */
INLINE void OF(round_down)(double *v, int64_t m) {
  const OF(masks) one = (OF(masks))((OF(reals)){0} + 1.0);
  for (int64_t i = 0; i < m; i += OF(N_REALS)) {
    const OF(reals) a = OF(load_reals)(v + i), nearest = a + ROUNDING_DOUBLE - ROUNDING_DOUBLE;
    OF(store_reals)(v + i, nearest - (OF(reals))((OF(masks))(nearest > a) & one));
  }
}

/* Compute values of elements `from` to `from + m` of a frame: whole ones, or those of float32. */
INLINE void OF(values)(const frame_ends *f, const void *x, int is_double, int64_t at, int64_t from,
                       int64_t m, double *restrict v) {
  const double *slope = f->slope + from, *offset = f->offset + from;
  const double *whole = (const double *)x + at, least = f->least, largest = f->largest;
  const float *single = (const float *)x + at;
  float rounded[OF(SPAN)];
  if (is_double) for (int64_t i = 0; i < m; i++) v[i] = whole[i] * slope[i];
  else for (int64_t i = 0; i < m; i++) v[i] = single[i] * slope[i];
  if (f->type == FLOAT32) {
    for (int64_t i = 0; i < m; i++) v[i] = OF(limited)(v[i] + offset[i], least, largest);
    for (int64_t i = 0; i < m; i++) rounded[i] = (float)v[i];
    for (int64_t i = 0; i < m; i++) v[i] = rounded[i] + 0.0f; /* not -0 */
  } else { /* limited before: the ends and offsets are whole, and far from 2^51 */
    for (int64_t i = 0; i < m; i++) v[i] += 0.5;
    for (int64_t i = 0; i < m; i++) v[i] = OF(limited)(v[i], least - offset[i], largest - offset[i]);
    OF(round_down)(v, m);
    for (int64_t i = 0; i < m; i++) v[i] += offset[i];
  }
}

FUNCTION void OF(frames)(const frame_ends *f, const batch *b) {
  double v[OF(SPAN)] = {0};
  for (int64_t at = 0, from = 0; at < b->n * f->n_elements;) {
    const int64_t left = f->n_elements - from, m = left < OF(SPAN) ? left : OF(SPAN);
    OF(values)(f, b->x, b->x_is_double, at, from, m, v);
    switch (f->type) {
#define STORE_FRAMES(KIND, TYPE, BY)                            \
  case KIND: {                                                  \
    TYPE *restrict to = (TYPE *)b->y + at;                      \
    for (int64_t i = 0; i < m; i++) to[i] = (TYPE)(BY)v[i];     \
    break;                                                      \
  }
      FOR_FRAME_TYPES(STORE_FRAMES)
    }
    at += m, from = m < left ? from + m : 0;
  }
}

/* Compute errors of what is decoded beside frames: e in whole units, with zeros behind. */
INLINE void OF(errors_of_span)(const frame_ends *f, const void *frames, int64_t at, int64_t from,
                               int64_t m, double *restrict v) {
  const double *units = f->units + from, limit = f->limit;
  switch (f->type) {
#define SUBTRACT_FRAMES(KIND, TYPE, BY) \
  case KIND: for (int64_t i = 0; i < m; i++) v[i] -= (double)((const TYPE *)frames)[at + i]; break;
    FOR_FRAME_TYPES(SUBTRACT_FRAMES)
  }
  for (int64_t i = 0; i < m; i++)
    v[i] = OF(limited)(v[i] * units[i], -limit, limit) + ROUNDING_DOUBLE - ROUNDING_DOUBLE;
  for (int64_t i = m; i % OF(N_REALS); i++) v[i] = 0;
}

FUNCTION void OF(frame_errors)(const frame_ends *f, const batch *b, const void *frames,
                               double *squares) {
  enum { D = OF(N_REALS) };
  double v[OF(SPAN)] = {0};
  for (int64_t s = 0, at = 0; s < b->n; s++) {
    OF(reals) sum = {0};
    for (int64_t from = 0; from < f->n_elements;) {
      const int64_t left = f->n_elements - from, m = left < OF(SPAN) ? left : OF(SPAN);
      OF(values)(f, b->x, b->x_is_double, at, from, m, v);
      OF(errors_of_span)(f, frames, at, from, m, v);
      for (int64_t i = 0; i < m; i += D) {
        const OF(reals) e = OF(load_reals)(v + i);
        sum += e * e;
      }
      if (b->y) memcpy((double *)b->y + at, v, (size_t)m * sizeof *v);
      at += m, from += m;
    }
    squares[s] = 0;
    for (int i = 0; i < D; i++) squares[s] += sum[i];
  }
}
