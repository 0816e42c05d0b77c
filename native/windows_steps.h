/* Kernels for windows, of a level; see level.h, which includes it, and windows.h. */
#include "windows.h"

enum { OF(N_REALS) = LANES / 2, OF(N_BLOCK) = 4 }; /* doubles of a vector; vectors of outputs at a time */
typedef double OF(reals) __attribute__((vector_size(4 * LANES)));
typedef double OF(loose_reals) __attribute__((vector_size(4 * LANES), aligned(8), may_alias));

INLINE OF(reals) OF(load_reals)(const double *p) { return *(const OF(loose_reals) *)(const void *)p; }
INLINE void OF(store_reals)(double *p, OF(reals) a) { *(OF(loose_reals) *)(void *)p = a; }

INLINE double OF(whole_below)(double a) { return __builtin_floor(a); }

INLINE double OF(clip_real)(double a, double limit) {
  a = a < limit ? a : limit;
  return a > -limit ? a : -limit;
}

/* Sums of n_rows rows of inputs, blocks of outputs after each other. */
INLINE void OF(weigh)(const double *w, int64_t apart, int64_t n_in, int64_t n_out, const double *const *x,
                      double *const *y, const int n_rows) {
  enum { D = OF(N_REALS), B = OF(N_BLOCK) };
  for (int64_t o = 0; o < n_out; o += D * B) {
    OF(reals) s[2][OF(N_BLOCK)];
    UNROLL for (int r = 0; r < n_rows; r++)
      UNROLL for (int b = 0; b < B; b++) s[r][b] = (OF(reals)){0};
    for (int64_t i = 0; i < n_in; i++) {
      const double *row = w + i * apart + o;
      const double first = x[0][i], second = n_rows > 1 ? x[1][i] : 0;
      if (first == 0 && second == 0) continue;
      UNROLL for (int b = 0; b < B; b++) {
        const OF(reals) each = OF(load_reals)(row + b * D);
        s[0][b] += each * first;
        if (n_rows > 1) s[1][b] += each * second;
      }
    }
    UNROLL for (int r = 0; r < n_rows; r++)
      UNROLL for (int b = 0; b < B; b++) OF(store_reals)(y[r] + o + b * D, s[r][b]);
  }
}

FUNCTION void OF(weighted)(const double *w, int64_t apart, int64_t n_in, int64_t n_out, const double *x,
                           double *y) {
  OF(weigh)(w, apart, n_in, n_out, &x, &y, 1);
}

FUNCTION void OF(weighted_two)(const double *w, int64_t apart, int64_t n_in, int64_t n_out,
                               const double *const *x, double *const *y) {
  OF(weigh)(w, apart, n_in, n_out, x, y, 2);
}

FUNCTION double OF(product_of)(const double *a, const double *b, int64_t n) {
  enum { D = OF(N_REALS) };
  OF(reals) one = {0}, two = {0};
  int64_t i = 0;
  double sum = 0;
  for (; i + 2 * D <= n; i += 2 * D) {
    one += OF(load_reals)(a + i) * OF(load_reals)(b + i);
    two += OF(load_reals)(a + i + D) * OF(load_reals)(b + i + D);
  }
  for (int lane = 0; lane < D; lane++) sum += one[lane] + two[lane];
  for (; i < n; i++) sum += a[i] * b[i];
  return sum;
}

FUNCTION void OF(at_gain)(double *part, int64_t n, double mean, double gain, double limit) {
  for (int64_t i = 0; i < n; i++)
    part[i] = OF(clip_real)(OF(whole_below)((part[i] - mean) * gain) + mean, limit);
}

FUNCTION void OF(finish_layer)(double *y, const double *bias, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] = OF(whole_below)(y[i] + bias[i]);
}

FUNCTION void OF(join_window)(const double *inside, const double *coded, int64_t n, double limit,
                              double *decoded, double *smoothed) {
  for (int64_t i = 0; i < n; i++) {
    decoded[i] = OF(clip_real)(inside[i] + coded[i], limit);
    smoothed[i] = OF(clip_real)(OF(whole_below)(coded[i] * 0.5) + inside[i], limit);
  }
}

FUNCTION double OF(left_over)(const double *x, const double *inside, const double *border, int64_t n,
                              double *left) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) {
    left[i] = x[i] - inside[i] - border[i];
    const double magnitude = __builtin_fabs(left[i]);
    most = magnitude > most ? magnitude : most;
  }
  return most;
}

FUNCTION void OF(add_scores)(const double *c, const double *sums, const double *inverse,
                             const double *energy, double sum, int64_t n, double *score) {
  for (int64_t i = 0; i < n; i++) {
    const double wanted = (c[i] - sums[i] * sum) * inverse[i];
    double gain = wanted < MAX_GAIN / 8.0 ? wanted : MAX_GAIN / 8.0;
    gain = gain > 0 ? gain : 0;
    score[i] += (wanted * 2.0 - gain) * gain * energy[i];
  }
}

static const window_steps OF(windows) = {OF(weighted), OF(weighted_two), OF(product_of), OF(at_gain),
                                         OF(finish_layer), OF(join_window), OF(left_over),
                                         OF(add_scores)};
