/* The network of a pass, for ROW rows, of a level; see level.h, which includes it, and levels.h. */
#include "levels.h"

/* Sum T outputs of a tile from zero on, or from biases of the outputs. */
#define PASS_SUMS(T, bias)                                                       \
  vec s[TILE][VECTORS];                                                          \
  const OF(run) all = {x, 0, pairs};                                             \
  OF(sum)(&all, 1, w, pairs, bias, s, T);                                        \
  w += pairs * (T);

/* Hidden values of T units from `o` on; of one place, or each row with biases of its own. */
INLINE void OF(pass_units)(const int32_t *x, int64_t pairs, const int32_t *w, int64_t o,
                           const int32_t *bias, int64_t apart, int32_t *hidden, const int T) {
  static const int32_t none[TILE] = {0};
  PASS_SUMS(T, none)
  UNROLL for (int j = 0; j < T; j++) {
    UNROLL for (int v = 0; v < VECTORS; v++) {
      const vec own = apart ? v_load(bias + (o + j) * apart + v * LANES) : v_splat(bias[o + j]);
      const vec h = v_add(v_right(s[j][v], FIRST_SHIFT), own);
      s[j][v] = OF(clipped)(OF(activated)(h, LEAKY_RELU), HIDDEN_LIMIT);
    }
  }
  UNROLL for (int j = 0; j < T; j += 2) {
    int32_t *row = hidden + (o + j) / 2 * ROW;
    UNROLL for (int v = 0; v < VECTORS; v++)
      v_store(row + v * LANES, OF(joined)(s[j][v], j + 1 < T ? s[j + 1 < T ? j + 1 : j][v] : v_splat(0)));
  }
}

INLINE void OF(pass_outputs)(const int32_t *x, int64_t pairs, const int32_t *w, int64_t o,
                             const int32_t *bias, int32_t *y, const int T) {
  PASS_SUMS(T, bias + o)
  UNROLL for (int j = 0; j < T; j++) {
    UNROLL for (int v = 0; v < VECTORS; v++)
      v_store(y + (o + j) * ROW + v * LANES, v_right(s[j][v], SECOND_SHIFT));
  }
}

/* One output in int64; what leaves int32 then becomes its end: whoever asks for it clips further. */
INLINE void OF(wide_output)(const int32_t *x, int64_t pairs, const int32_t *w, int64_t bias,
                            int32_t *y) {
  int64_t s[ROW];
  for (int i = 0; i < ROW; i++) s[i] = bias;
  for (int64_t j = 0; j < pairs; j++, x += ROW, w += 2)
    for (int i = 0; i < ROW; i++)
      s[i] += (int64_t)(int16_t)(x[i] & 0xffff) * w[0] + (int64_t)(x[i] >> 16) * w[1];
  for (int i = 0; i < ROW; i++) {
    const int64_t output = s[i] >> SECOND_SHIFT;
    y[i] = output < INT32_MIN ? INT32_MIN : output > INT32_MAX ? INT32_MAX : (int32_t)output;
  }
}

#if TILE == 12
#define EACH_TILE(M) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12)
#elif TILE == 6
#define EACH_TILE(M) M(1) M(2) M(3) M(4) M(5) M(6)
#else
#define EACH_TILE(M) M(1) M(2) M(3) M(4)
#endif
#define UNITS(T) case T: OF(pass_units)(x, p->n_pairs, w, o, bias, apart, hidden, T); break;
#define OUTPUTS(T) \
  case T: OF(pass_outputs)(hidden, p->n_unit_pairs, w, o, p->second_bias, y, T); break;

/* `apart`: 0 where all rows have the same biases, (units); else ROW, of (units, ROW) biases. */
FUNCTION void OF(pass)(const pass_network *p, const int32_t *x, const int32_t *bias, int64_t apart,
                       int32_t *hidden, int32_t *y) {
  const int32_t *w = p->first;
  for (int64_t o = 0; o < p->n_units; o += TILE) {
    const int64_t left = p->n_units - o, n = left < TILE ? left : TILE;
    switch (n) { EACH_TILE(UNITS) }
    w += n * p->n_pairs;
  }
  for (int64_t o = 0; p->wide && o < p->n_outputs; o++)
    OF(wide_output)(hidden, p->n_unit_pairs, p->wide + o * 2 * p->n_unit_pairs, p->second_bias[o],
                    y + o * ROW);
  w = p->second;
  for (int64_t o = 0; !p->wide && o < p->n_outputs; o += TILE) {
    const int64_t left = p->n_outputs - o, n = left < TILE ? left : TILE;
    switch (n) { EACH_TILE(OUTPUTS) }
    w += n * p->n_unit_pairs;
  }
}

/* ------------------------------------------------------------------ bytes */

/* Tell which of n frames have anything but `nothing` in k neighbouring rows of bytes. */
FUNCTION void OF(are_live)(const uint8_t *const *rows, int64_t k, int64_t n, uint8_t nothing,
                           uint8_t *live) {
  for (int64_t i = 0; i < n; i++) live[i] = rows[0][i] ^ nothing;
  for (int64_t j = 1; j < k; j++) {
    const uint8_t *row = rows[j];
    for (int64_t i = 0; i < n; i++) live[i] |= row[i] ^ nothing;
  }
}

enum { OF(YES) = 128 };

/* What a network sees of k neighbours of ROW rows, (k, ROW): see narrows.codec.levels.byte_levels. */
FUNCTION void OF(see_bytes)(const levels_coder *c, const uint8_t *near, int32_t *x) {
  const int64_t k = c->n_neighbours, n_others = c->n_atoms - 1;
  int32_t is[8][ROW], other[8][ROW];
  for (int64_t j = 0; j < k; j += 2, x += ROW) {
    const uint8_t *one = near + j * ROW, *two = j + 1 < k ? one + ROW : one;
    const int32_t both = j + 1 < k ? 0xffff : 0;
    for (int i = 0; i < ROW; i++)
      x[i] = (c->seen[one[i]] & 0xffff) | (int32_t)((uint32_t)(c->seen[two[i]] & both) << 16);
  }
  for (int j = 0; j < 8; j++)
    for (int i = 0; i < ROW; i++)
      is[j][i] = near[j * ROW + i] == c->atoms[0] ? OF(YES) : 0, other[j][i] = 0;
  for (int64_t a = 1; a <= n_others; a++)
    for (int j = 0; j < 8; j++)
      for (int i = 0; i < ROW; i++)
        other[j][i] |= near[j * ROW + i] == c->atoms[a] ? OF(YES) : 0;
  for (int j = 0; j < 8; j += 2, x += ROW)
    for (int i = 0; i < ROW; i++) x[i] = is[j][i] | is[j + 1][i] << 16;
  if (!n_others) return;
  for (int j = 0; j < 8; j += 2, x += ROW)
    for (int i = 0; i < ROW; i++) x[i] = other[j][i] | other[j + 1][i] << 16;
  for (int64_t a = 1; a <= n_others; a++)
    for (int j = 0; j < 4; j += 2, x += ROW)
      for (int i = 0; i < ROW; i++) {
        const int32_t one = near[j * ROW + i] == c->atoms[a] ? OF(YES) : 0;
        x[i] = one | (near[(j + 1) * ROW + i] == c->atoms[a] ? OF(YES) << 16 : 0);
      }
}
