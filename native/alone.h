/* One signal at a time, of a level; see level.h, which includes it.

   Outputs, not signals, lie in the lanes of vectors, and a row of a buffer is a pair of channels. Of
   few signals this takes a part of the time of a whole block. */

typedef int32_t OF(loose) __attribute__((vector_size(4 * LANES), aligned(4)));

/* Sum T vectors of outputs of P positions, whose inputs are `apart`. A sum that is the only one would
   wait for itself at each product, so it is made of several: CHAINS. */
INLINE void OF(sum_alone)(const OF(run) *runs, int64_t n_runs, int64_t apart, const int32_t *tile,
                          int64_t pairs, const int32_t *bias, vec s[2][4], const int T, const int P,
                          const int CHAINS) {
  vec part[4][2][4];
  UNROLL for (int t = 0; t < T; t++) {
    UNROLL for (int k = 0; k < P; k++) {
      part[0][k][t] = v_load(bias + t * LANES);
      UNROLL for (int c = 1; c < CHAINS; c++) part[c][k][t] = v_splat(0);
    }
  }
  for (int64_t r = 0; r < n_runs; r++) {
    const int32_t *x = runs[r].x, *w = tile + runs[r].tap * pairs * T * LANES;
    int64_t i = 0;
    for (; i + CHAINS <= runs[r].n; i += CHAINS, w += CHAINS * T * LANES) {
      UNROLL for (int c = 0; c < CHAINS; c++) {
        UNROLL for (int t = 0; t < T; t++) {
          vec weight = v_load(w + (c * T + t) * LANES);
          UNROLL for (int k = 0; k < P; k++)
            part[c][k][t] = v_dot(part[c][k][t], v_splat(x[i + c + k * apart]), weight);
        }
      }
    }
    for (; i < runs[r].n; i++, w += T * LANES) {
      UNROLL for (int t = 0; t < T; t++) {
        UNROLL for (int k = 0; k < P; k++)
          part[0][k][t] = v_dot(part[0][k][t], v_splat(x[i + k * apart]), v_load(w + t * LANES));
      }
    }
  }
  UNROLL for (int t = 0; t < T; t++) {
    UNROLL for (int k = 0; k < P; k++) {
      s[k][t] = part[0][k][t];
      UNROLL for (int c = 1; c < CHAINS; c++) s[k][t] = v_add(s[k][t], part[c][k][t]);
    }
  }
}

/* Where an element lies among the int16 of a buffer whose rows are pairs. */
INLINE int64_t OF(half)(layout a, int64_t element) {
  if (a.n_channels % 2 == 0) return element;
  return element / a.n_channels * (a.n_channels + 1) + element % a.n_channels;
}

/* Finish T vectors of sums from output `o` on, and write them. */
INLINE void OF(finish_alone)(const operation *op, const OF(position) *p, int64_t o, int32_t *target,
                             const vec *sums, const int T) {
  const affine *a = &op->affine;
  int16_t *narrow = (int16_t *)(void *)target;
  for (int t = 0; t < T; t++, o += LANES) {
    vec s = OF(clipped)(v_right(sums[t], a->shift), a->limit);
    OF(ints) done = (OF(ints))OF(activated)(s, a->activation);
    if (a->is_row[o / LANES] && OF(reaches)(a, p, o)) {
      const int64_t element = p->base + a->place[o];
      if (op->target == WIDE) *(OF(loose) *)(target + element) = (OF(loose))done;
      else *(OF(shorts) *)(narrow + element) = __builtin_convertvector(done, OF(shorts));
      continue;
    }
    for (int64_t j = o; j < o + LANES && j < a->n_outputs; j++) {
      if (!OF(reaches)(a, p, j)) continue;
      const int64_t element = p->base + a->place[j];
      if (op->target == WIDE) target[element] = done[j - o];
      else narrow[OF(half)(op->to, element)] = (int16_t)done[j - o];
    }
  }
}

#define TILE_ALONE(T, CHAINS)                                                                \
  case T: {                                                                                  \
    vec s[2][4];                                                                             \
    if (apart) {                                                                             \
      OF(sum_alone)(runs, n_runs, apart, tile, a->n_pairs, a->bias + o, s, T, 2, CHAINS / 2 + CHAINS % 2); \
      OF(finish_alone)(op, &next, o, target, s[1], T);                                       \
    } else {                                                                                 \
      OF(sum_alone)(runs, n_runs, 0, tile, a->n_pairs, a->bias + o, s, T, 1, CHAINS);        \
    }                                                                                        \
    OF(finish_alone)(op, p, o, target, s[0], T);                                             \
    break;                                                                                   \
  }

/* Sums at one position; or, where inputs are `apart`, at the next one of the last axis too. */
FUNCTION void OF(position_alone)(const operation *op, const OF(run) *runs, int64_t n_runs,
                                 int64_t apart, const OF(position) *p, int32_t *target) {
  const affine *a = &op->affine;
  const int64_t rows = a->kernel[0] * a->kernel[1] * a->kernel[2] * a->n_pairs;
  const int32_t *tile = (const int32_t *)(const void *)a->weight;
  OF(position) next = *p;
  next.at[2]++, next.base += a->step[2];
  for (int64_t t = 0, o = 0; t < a->n_tiles; t++) {
    switch (a->tile[t] / LANES) {
      TILE_ALONE(1, 4)
      TILE_ALONE(2, 2)
      TILE_ALONE(3, 2)
      TILE_ALONE(4, 1)
    }
    tile += rows * a->tile[t];
    o += a->tile[t];
  }
}

FUNCTION void OF(affine_alone)(const operation *op, const int32_t *source, int32_t *target,
                               OF(run) *runs) {
  OF(affine)(op, source, target, runs, OF(position_alone), 1);
}

FUNCTION void OF(add_alone)(const operation *op, const int32_t *first, const int32_t *second,
                            int32_t *target) {
  const int16_t *a = (const int16_t *)(const void *)first;
  const int16_t *b = (const int16_t *)(const void *)second;
  int16_t *narrow = (int16_t *)(void *)target;
  for (int64_t e = 0; e < op->from.n_elements; e++) {
    const int64_t at = OF(half)(op->from, e);
    int32_t sum = a[at] + b[at];
    if (op->limit) sum = sum > op->limit ? op->limit : sum < -op->limit ? -op->limit : sum;
    if (op->target == WIDE) target[e] = sum;
    else narrow[at] = (int16_t)sum;
  }
}

#define ENDS_ALONE(TYPE)                                                                  \
  FUNCTION void OF(load_alone_##TYPE)(const program *p, const TYPE *x, int32_t *buffer) { \
    const TYPE limit = (TYPE)p->input_limit;                                              \
    int16_t *to = (int16_t *)(void *)buffer;                                              \
    for (int64_t e = 0; e < p->input.n_elements; e++)                                     \
      to[OF(half)(p->input, e)] = (int16_t)WITHIN(x[e], limit);                           \
  }                                                                                       \
  FUNCTION void OF(store_alone_##TYPE)(const program *p, const int32_t *results, TYPE *y) { \
    const int16_t *from = (const int16_t *)(const void *)results;                         \
    const int is_wide = p->output_buffer == WIDE;                                         \
    for (int64_t e = 0; e < p->output.n_elements; e++)                                    \
      y[e] = (TYPE)(is_wide ? results[e] : from[OF(half)(p->output, e)]);                 \
  }
ENDS_ALONE(float)
ENDS_ALONE(double)
