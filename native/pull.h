/* The way back through a chain, of a level; see level.h, which includes it.

   A program with a tape leaves all of its buffers there, block by block. Another program goes back:
   its products are those of the turned layers, and PULL, behind each, takes the slopes of the layer's
   activation by the signs of what that had made, and rounds each signal's gradient to so many bits of
   its largest. Gradients are whole numbers times a power of two, of each signal; all is exact, or
   rounded once, half to even, so that it equals `narrows.codec.encoding.adjoints`. */
#include <float.h>
#include <math.h>

enum { LEAST_EXPONENT = -120, LARGEST_EXPONENT = 100 }; /* within them float32 has the same numbers */
#define ROUNDING 0x1.8p23f /* added and taken away, it leaves a float rounded to a whole number */
#define ROUNDING_DOUBLE 0x1.8p52
#define ROUNDED_UP 0x1p15 /* what 15 bits may be rounded to, and no int16 is */

/* Take slopes, leave gradients as floats in place of the sums, and return the largest of each signal. */
INLINE void OF(slopes)(const operation *op, int32_t *sums, const int32_t *seen, vec most[VECTORS]) {
  const int64_t channels = op->from.n_channels, pairs = (channels + 1) / 2;
  for (int64_t e = 0, c = 0, row = 0; e < op->from.n_elements; e++) {
    UNROLL for (int v = 0; v < VECTORS; v++) {
      const vec pair = v_load(seen + (row + c / 2) * ROW + v * LANES);
      const OF(ints) x = (OF(ints))(c % 2 ? OF(high)(pair) : OF(low)(pair));
      OF(floats) g = __builtin_convertvector((OF(ints))v_load(sums + e * ROW + v * LANES), OF(floats));
      if (op->activation == LEAKY_RELU)
        g *= __builtin_convertvector(x < 0, OF(floats)) * 0.875f + 1.0f;
      if (op->activation == RELU) g = (OF(floats))((OF(ints))g & (x > 0));
      v_store(sums + e * ROW + v * LANES, (vec)g);
      most[v] = v_max(most[v], v_and((vec)g, v_splat(INT32_MAX)));
    }
    if (++c == channels) c = 0, row += pairs;
  }
}

/* Round the float of an element to a whole number. */
INLINE vec OF(rounded)(const int32_t *g, OF(floats) up) {
  const OF(floats) y = (OF(floats))v_load(g) * up + ROUNDING;
  return (vec)__builtin_convertvector(y - ROUNDING, OF(ints));
}

/* Return 0, or 1 where a power of two is out of its range, or a gradient of int16. */
FUNCTION int OF(pull)(const operation *op, int32_t *sums, const int32_t *seen, int32_t *target,
                      int32_t *exponents) {
  vec most[VECTORS];
  OF(floats) up[VECTORS];
  int is_out = 0;
  UNROLL for (int v = 0; v < VECTORS; v++) most[v] = v_splat(0);
  OF(slopes)(op, sums, seen, most);
  for (int v = 0; v < VECTORS; v++) {
    int32_t each[LANES] __attribute__((aligned(64)));
    v_store(each, most[v]);
    for (int i = 0; i < LANES; i++) {
      int32_t *exponent = exponents + v * LANES + i;
      const int32_t own = each[i] ? (each[i] >> 23) - 126 : 0; /* the largest is below 2^own */
      *exponent += own - op->bits - op->shift;
      is_out |= each[i] && (*exponent < LEAST_EXPONENT || *exponent > LARGEST_EXPONENT);
      each[i] = (127 + op->bits - own) << 23;
    }
    up[v] = (OF(floats))v_load(each);
    const OF(ints) is_up = (OF(floats))most[v] * up[v] >= (float)ROUNDED_UP - 0.5f;
    is_out |= v_total((vec)is_up) != 0;
  }
  const int64_t channels = op->to.n_channels;
  for (int64_t e = 0, c = 0; e < op->to.n_elements; target += ROW) {
    const int is_pair = c + 1 < channels;
    UNROLL for (int v = 0; v < VECTORS; v++) {
      const int32_t *g = sums + e * ROW + v * LANES;
      const vec odd = is_pair ? OF(rounded)(g + ROW, up[v]) : v_splat(0);
      v_store(target + v * LANES, OF(joined)(OF(rounded)(g, up[v]), odd));
    }
    e += 1 + is_pair, c += 1 + is_pair;
    if (c >= channels) c = 0;
  }
  return is_out;
}

/* Round the gradients of a block, doubles, to floats; return 1 where one is out of its range. */
FUNCTION int OF(round_block)(const program *p, const double *g, int64_t n, float *to,
                             int32_t *exponents) {
  const int64_t elements = p->input.n_elements;
  for (int64_t s = 0; s < n; s++, g += elements, to += elements) {
    double largest = 0, strange = 0;
    for (int64_t i = 0; i < elements; i++) {
      const double size = g[i] < 0 ? -g[i] : g[i];
      largest = size > largest ? size : largest;
      strange += g[i] - g[i]; /* of what is not finite, NaN */
    }
    int own = 0;
    if (strange != 0 || largest > DBL_MAX) return 1;
    frexp(largest, &own);
    exponents[s] = own - p->first_bits;
    if (largest > 0 && (exponents[s] < LEAST_EXPONENT || exponents[s] > LARGEST_EXPONENT)) return 1;
    const double up = ldexp(1.0, p->first_bits - own);
    if (largest * up >= ROUNDED_UP - 0.5) return 1;
    for (int64_t i = 0; i < elements; i++)
      to[i] = (float)(g[i] * up + ROUNDING_DOUBLE - ROUNDING_DOUBLE);
  }
  return 0;
}

FUNCTION int OF(pull_block)(const program *p, const program *of, const int32_t *tape,
                            const double *g, int64_t n, double *y, int32_t *const *at, float *whole,
                            OF(run) *runs) {
  int32_t exponents[ROW] = {0};
  if (OF(round_block)(p, g, n, whole, exponents)) return 1;
  OF(load_float)(p, whole, n, at[1]);
  for (int64_t i = 0; i < p->n_operations; i++) {
    const operation *op = p->operations + i;
    if (op->kind == AFFINE)
      OF(affine_block)(op, at[1 + op->source], at[1 + op->target], runs);
    else if (OF(pull)(op, at[0], tape + tape_of(of, op->source), at[1 + op->target], exponents))
      return 1;
  }
  for (int64_t s = 0; s < n; s++) {
    const double unit = ldexp(1.0, exponents[s] - p->last_shift);
    for (int64_t e = 0; e < p->output.n_elements; e++)
      y[s * p->output.n_elements + e] = (double)at[0][e * ROW + s] * unit;
  }
  return 0;
}

FUNCTION int OF(pull_batch)(const program *p, const program *of, const int32_t *tape,
                            const double *g, int64_t n, double *y) {
  int32_t *at[1 + MAX_BUFFERS] = {NULL};
  OF(run) *runs = aligned_zeros(p->most_runs, sizeof *runs);
  float *whole = aligned_zeros(ROW * p->input.n_elements, sizeof *whole);
  int failed = runs && whole ? 0 : -1;
  for (int64_t i = 0; i <= MAX_BUFFERS && !failed; i++) {
    int64_t rows = i ? p->rows[i - 1] : p->n_wide;
    at[i] = rows ? aligned_zeros(rows * ROW + LANES, sizeof(int32_t)) : NULL;
    failed = rows && !at[i] ? -1 : 0;
  }
  const int64_t on_tape = tape_of(of, MAX_BUFFERS);
  for (int64_t start = 0; start < n && !failed; start += ROW, tape += on_tape) {
    const int64_t here = n - start < ROW ? n - start : ROW;
    failed = OF(pull_block)(p, of, tape, g + start * p->input.n_elements, here,
                            y + start * p->output.n_elements, at, whole, runs);
  }
  for (int64_t i = 0; i <= MAX_BUFFERS; i++) aligned_release(at[i]);
  aligned_release(whole);
  aligned_release(runs);
  return failed;
}
