/* Weighted sums of a level; see level.h, which includes it. */

/* Neighbouring inputs that meet neighbouring taps: `n` rows of inputs and as many of weights. */
typedef struct {
  const int32_t *x;
  int64_t tap, n;
} OF(run);

INLINE vec OF(low)(vec pair) { return v_right(v_left(pair, 16), 16); }
INLINE vec OF(high)(vec pair) { return v_right(pair, 16); }
INLINE vec OF(joined)(vec even, vec odd) {
  return v_or(v_and(even, v_splat(0xffff)), v_left(odd, 16));
}

INLINE vec OF(clipped)(vec s, int32_t limit) {
  return limit ? v_max(v_min(s, v_splat(limit)), v_splat(-limit)) : s;
}

INLINE vec OF(activated)(vec s, enum activation activation) {
  if (activation == LEAKY_RELU) return v_max(s, v_right(s, 3));
  return activation == RELU ? v_max(s, v_splat(0)) : s;
}

/* Write one element: its half of a row, or a wide row. */
INLINE void OF(put)(int32_t *target, int is_wide, layout to, int64_t element, int v, vec s) {
  if (is_wide) {
    v_store(target + element * ROW + v * LANES, s);
    return;
  }
  int64_t position = element / to.n_channels, channel = element % to.n_channels;
  int32_t *row = target + (position * ((to.n_channels + 1) / 2) + channel / 2) * ROW + v * LANES;
  vec old = v_load(row);
  v_store(row, channel % 2 ? OF(joined)(old, s) : OF(joined)(s, OF(high)(old)));
}

/* ------------------------------------------------------------------ weighted sums */

/* Sum `T` outputs of one position over its runs. */
INLINE void OF(sum)(const OF(run) *runs, int64_t n_runs, const int32_t *tile, int64_t pairs,
                    const int32_t *bias, vec sums[TILE][VECTORS], const int T) {
  UNROLL for (int j = 0; j < T; j++) {
    UNROLL for (int v = 0; v < VECTORS; v++) sums[j][v] = v_splat(bias[j]);
  }
  for (int64_t r = 0; r < n_runs; r++) {
    const int32_t *x = runs[r].x, *w = tile + runs[r].tap * pairs * T;
    for (int64_t i = 0; i < runs[r].n; i++, x += ROW, w += T) {
      vec here[VECTORS];
      UNROLL for (int v = 0; v < VECTORS; v++) here[v] = v_load(x + v * LANES);
      UNROLL for (int j = 0; j < T; j++) {
        vec weight = v_splat(w[j]);
        UNROLL for (int v = 0; v < VECTORS; v++) sums[j][v] = v_dot(sums[j][v], here[v], weight);
      }
    }
  }
}

/* Where a position lies: its index an axis, and the element that `place` counts from. */
typedef struct {
  int64_t at[AXES], base;
} OF(position);

INLINE int OF(reaches)(const affine *a, const OF(position) *p, int64_t o) {
  const int32_t *reach = a->reach + AXES * o;
  return p->at[0] < reach[0] && p->at[1] < reach[1] && p->at[2] < reach[2];
}

/* Finish the sums of a tile whose first output is `o`, and write them. */
INLINE void OF(finish)(const operation *op, const OF(position) *p, int64_t o, int32_t *target,
                       vec sums[TILE][VECTORS], const int T) {
  const affine *a = &op->affine;
  const int is_wide = op->target == WIDE;
  const int64_t channels = op->to.n_channels;
  UNROLL for (int j = 0; j < T; j++) {
    UNROLL for (int v = 0; v < VECTORS; v++) {
      vec s = OF(clipped)(v_right(sums[j][v], a->shift), a->limit);
      sums[j][v] = OF(activated)(s, a->activation);
    }
  }
  UNROLL for (int j = 0; j < T; j += 2) {
    int both = j + 1 < T && OF(reaches)(a, p, o + j) && OF(reaches)(a, p, o + j + 1);
    int64_t element = p->base + a->place[o + j];
    if (both && !is_wide && channels % 2 == 0 && element % 2 == 0 &&
        a->place[o + j + 1] == a->place[o + j] + 1) {
      int32_t *row = target + element / 2 * ROW;
      UNROLL for (int v = 0; v < VECTORS; v++)
        v_store(row + v * LANES, OF(joined)(sums[j][v], sums[j + 1][v]));
      continue;
    }
    for (int k = j; k < j + 2 && k < T; k++) {
      if (!OF(reaches)(a, p, o + k)) continue;
      UNROLL for (int v = 0; v < VECTORS; v++)
        OF(put)(target, is_wide, op->to, p->base + a->place[o + k], v, sums[k][v]);
    }
  }
}

#define ONE_TILE(T)                                                                \
  case T: {                                                                        \
    vec sums[TILE][VECTORS];                                                       \
    OF(sum)(runs, n_runs, tile, a->n_pairs, a->bias + o, sums, T);                 \
    OF(finish)(op, p, o, target, sums, T);                                         \
    break;                                                                         \
  }

FUNCTION void OF(one_position)(const operation *op, const OF(run) *runs, int64_t n_runs,
                               int64_t apart, const OF(position) *p, int32_t *target) {
  (void)apart;
  const affine *a = &op->affine;
  const int64_t rows = a->kernel[0] * a->kernel[1] * a->kernel[2] * a->n_pairs;
  const int32_t *tile = (const int32_t *)(const void *)a->weight;
  int64_t o = 0;
  for (int64_t t = 0; t < a->n_tiles; t++) {
    switch (a->tile[t]) {
      ONE_TILE(1)
      ONE_TILE(2)
#if TILE >= 4
      ONE_TILE(3)
      ONE_TILE(4)
#endif
#if TILE >= 6
      ONE_TILE(5)
      ONE_TILE(6)
#endif
#if TILE >= 8
      ONE_TILE(7)
      ONE_TILE(8)
#endif
#if TILE >= 12
      ONE_TILE(9)
      ONE_TILE(10)
      ONE_TILE(11)
      ONE_TILE(12)
#endif
    }
    tile += rows * a->tile[t];
    o += a->tile[t];
  }
}

/* The taps `first .. last - 1` that meet inputs, and the input of the first, along one axis. */
INLINE int64_t OF(meet)(const affine *a, int axis, int64_t j, int64_t *first, int64_t *last) {
  int64_t start = j * a->stride[axis] - a->before[axis];
  *first = start < 0 ? -start : 0;
  *last = a->size[axis] - start < a->kernel[axis] ? a->size[axis] - start : a->kernel[axis];
  return start + *first;
}

/* `apart`: how far the inputs of the next position of the last axis are, if it is to be summed too. */
typedef void OF(at_position)(const operation *, const OF(run) *, int64_t n_runs, int64_t apart,
                             const OF(position) *, int32_t *target);

INLINE void OF(affine)(const operation *op, const int32_t *source, int32_t *target, OF(run) *runs,
                       OF(at_position) *sum_at, const int64_t n_lanes) {
  const affine *a = &op->affine;
  OF(position) p;
  int64_t *j = p.at, first[AXES], last[AXES];
  for (j[0] = 0; j[0] < a->count[0]; j[0]++) {
    int64_t z = OF(meet)(a, 0, j[0], first, last);
    for (j[1] = 0; j[1] < a->count[1]; j[1]++) {
      int64_t y = OF(meet)(a, 1, j[1], first + 1, last + 1);
      for (j[2] = 0; j[2] < a->count[2]; j[2]++) {
        int64_t x = OF(meet)(a, 2, j[2], first + 2, last + 2), n_runs = 0;
        if (first[2] < last[2])
          for (int64_t kz = first[0]; kz < last[0]; kz++)
            for (int64_t ky = first[1]; ky < last[1]; ky++) {
              int64_t line = (z + kz - first[0]) * a->size[1] + y + ky - first[1];
              runs[n_runs].x = source + (line * a->size[2] + x) * a->n_pairs * n_lanes;
              runs[n_runs].tap = (kz * a->kernel[1] + ky) * a->kernel[2] + first[2];
              runs[n_runs++].n = (last[2] - first[2]) * a->n_pairs;
            }
        p.base = j[0] * a->step[0] + j[1] * a->step[1] + j[2] * a->step[2];
        int64_t apart = 0, next[2];
        if (n_lanes == 1 && j[2] + 1 < a->count[2]) {
          OF(meet)(a, 2, j[2] + 1, next, next + 1);
          if (next[0] == first[2] && next[1] == last[2]) apart = a->stride[2] * a->n_pairs;
        }
        sum_at(op, runs, n_runs, apart, &p, target);
        j[2] += apart > 0;
      }
    }
  }
}

FUNCTION void OF(affine_block)(const operation *op, const int32_t *source, int32_t *target,
                               OF(run) *runs) {
  OF(affine)(op, source, target, runs, OF(one_position), ROW);
}
