/* The steps of a context model, for one signal, of a level; see level.h, which includes it. */
#include "symbols.h"

typedef int32_t OF(ints) __attribute__((vector_size(4 * LANES)));
typedef float OF(floats) __attribute__((vector_size(4 * LANES)));
static const int32_t OF(numbers)[LANES] __attribute__((aligned(64))) = {
    0, 1, 2, 3,
#if LANES >= 8
    4, 5, 6, 7,
#endif
#if LANES >= 16
    8, 9, 10, 11, 12, 13, 14, 15,
#endif
};
typedef int16_t OF(shorts) __attribute__((vector_size(2 * LANES), aligned(2)));

/* Add the products of pairs of inputs to T vectors of sums; rows of weights are `apart` numbers. */
INLINE void OF(add_rows)(const int32_t *x, int64_t pairs, const int32_t *w, int64_t apart, vec *s,
                         const int T) {
  for (int64_t i = 0; i < pairs; i++, w += apart) {
    vec here = v_splat(x[i]);
    UNROLL for (int t = 0; t < T; t++) s[t] = v_dot(s[t], here, v_load(w + t * LANES));
  }
}

/* Sums of vectors of outputs from `o` on, at `from`, to `to`. */
#define SUM_ROWS(T)                                                                \
  {                                                                                \
    vec s[T];                                                                      \
    UNROLL for (int t = 0; t < T; t++) s[t] = v_load(from + o + t * LANES);        \
    OF(add_rows)(x, pairs, w + o, n, s, T);                                        \
    UNROLL for (int t = 0; t < T; t++) v_store(to + o + t * LANES, s[t]);          \
  }

FUNCTION void OF(sum_rows)(const int32_t *x, int64_t pairs, const int32_t *w, int64_t n,
                           const int32_t *from, int32_t *to) {
  int64_t o = 0;
  for (; o + 4 * LANES <= n; o += 4 * LANES) SUM_ROWS(4)
  switch ((n - o) / LANES) {
    case 3: SUM_ROWS(3) break;
    case 2: SUM_ROWS(2) break;
    case 1: SUM_ROWS(1) break;
  }
}

FUNCTION void OF(tell)(const tables *c, const place *p, int32_t *state, int32_t entry) {
  int32_t *x = state + c->n_sums;
  ((int16_t *)(void *)x)[p->context] = (int16_t)(entry - p->size / 2);
  const int64_t known = p->context + 1, n = c->n_unit_lanes;
  if (known == c->n_contexts) return;
  int32_t hidden[MAX_UNITS] __attribute__((aligned(64)));
  int16_t *h = (int16_t *)(void *)hidden;
  OF(sum_rows)(x, (known + 1) / 2, p->hidden, n, p->bias, hidden);
  for (int64_t o = 0; o < n; o += LANES) {
    vec s = OF(clipped)(v_right(v_load(hidden + o), c->hidden_shift), c->hidden_limit);
    OF(ints) active = (OF(ints))OF(activated)(s, LEAKY_RELU);
    *(OF(shorts) *)(void *)(h + o) = __builtin_convertvector(active, OF(shorts));
  }
  OF(sum_rows)(hidden, (c->n_units + 1) / 2, p->output, p->n_following, state, state);
}

/* Shares of entries from their exponentials, floats at `ends`; one more each is still to be added. */
INLINE void OF(share_out)(const place *p, int64_t sum, int32_t *ends) {
  const int64_t room = TOTAL - p->size;
  if (p->size <= MAX_NARROW_ENTRIES) {
    const float unit = (float)((room << NARROW_ROOM_BITS) / sum) * 0x1p-12f;
    for (int64_t e = 0; e < p->n_lanes; e += LANES) {
      OF(floats) shares = (OF(floats))v_load(ends + e) * unit;
      v_store(ends + e, (vec)__builtin_convertvector(shares, OF(ints)));
    }
    return;
  }
  const int64_t unit = (room << WIDE_ROOM_BITS) / sum;
  const float *parts = (const float *)(const void *)ends;
  for (int64_t e = 0; e < p->n_lanes; e++)
    ends[e] = (int32_t)((int64_t)parts[e] * unit >> WIDE_ROOM_BITS);
}

/* Add shares up, to where each begins; what lies behind the last entry becomes TOTAL or more. */
INLINE void OF(add_up)(const place *p, int32_t *ends) {
  vec before = v_splat(0), minus_one = v_splat(-1);
  for (int64_t e = 0; e < p->n_lanes; e += LANES) {
    vec shares = v_load(ends + e), all = v_add(v_sums(v_add(shares, v_splat(1))), before);
    OF(ints) starts = (OF(ints))all - (OF(ints))shares + (OF(ints))minus_one;
    before = v_last(all);
    if (e + LANES > p->size) {
      OF(ints) behind = (OF(ints))v_load(OF(numbers)) >= (int32_t)(p->size - e);
      starts = (OF(ints))v_max((vec)starts, v_and((vec)behind, v_splat(TOTAL)));
    }
    v_store(ends + e, (vec)starts);
  }
  if (p->size == p->n_lanes) ends[p->size] = TOTAL;
}

FUNCTION void OF(ends)(const tables *c, const place *p, const int32_t *state, int32_t *ends) {
  const int64_t m = c->n_outputs, n = p->n_lanes;
  const int32_t *sums = state + (c->n_contexts - 1 - p->context) * m;
  int32_t factors[MAX_OUTPUTS / 2];
  factors[m / 2 < MAX_OUTPUTS / 2 ? m / 2 : 0] = 0; /* an odd one has no neighbour */
  for (int64_t j = 0; j < m; j++) {
    int32_t s = sums[j] >> c->output_shift;
    s = s > c->output_limit ? c->output_limit : s < -c->output_limit ? -c->output_limit : s;
    ((int16_t *)(void *)factors)[j] = (int16_t)s;
  }
  const int64_t quantiser = p->in_trellis ? state[c->turn] >> 1 : 0;
  const int32_t *basis = p->basis + quantiser * ((m + 1) / 2) * n;
  OF(sum_rows)(factors, (m + 1) / 2, basis, n, p->base + quantiser * n, ends);
  vec top = v_splat(INT32_MIN);
  for (int64_t e = 0; e < n; e += LANES) top = v_max(top, v_load(ends + e));
  const vec up = v_splat(LARGEST_LOG - (v_largest(top) >> c->row_shift));
  OF(ints) sum = {0};
  for (int64_t e = 0; e < n; e += LANES) {
    vec log = v_add(v_right(v_load(ends + e), c->row_shift), up);
    vec bits = v_left(v_max(log, v_splat(EXP_ZERO)), EXP_SHIFT);
    v_store(ends + e, bits);
    sum += __builtin_convertvector((OF(floats))bits, OF(ints));
  }
  /* What is no entry has the least exponential, 2^5. */
  OF(share_out)(p, v_total((vec)sum) - ((n - p->size) << 5), ends);
  OF(add_up)(p, ends);
}

FUNCTION int32_t OF(find)(const place *p, const int32_t *ends, int32_t at) {
  int32_t n = 0;
  for (int64_t e = 0; e < p->n_lanes; e += LANES) n += v_count(v_load(ends + e), at);
  return n - 1;
}
