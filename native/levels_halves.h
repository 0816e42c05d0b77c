/* Halvings of grey levels by mixtures, of a level; see level.h, which includes it, and levels_grey.c. */

enum { OF(FLOOR_SHIFT) = 5, OF(RATE_SHIFT) = 6 }; /* FLOOR: 32 of the mass are each level's own */
typedef double OF(doubles) __attribute__((vector_size(8 * LANES)));

INLINE vec OF(times)(vec a, vec b) { return (vec)((OF(ints))a * (OF(ints))b); }
INLINE vec OF(minus)(vec a, vec b) { return (vec)((OF(ints))a - (OF(ints))b); }
INLINE vec OF(between)(vec a, int32_t low, int32_t high) {
  return v_max(v_min(a, v_splat(high)), v_splat(low));
}

/* The mass of the mixtures of a vector of rows below levels: logistics, and what is each level's own. */
INLINE vec OF(mass)(const levels_coder *c, const grey_rows *g, int64_t i, vec levels) {
  const vec from = v_add(OF(times)(levels, v_splat(c->edge_step)), v_splat(c->first_edge));
  const vec edges = OF(between)(from, 0, 256), twice = v_left(edges, 1);
  vec mass = v_left(edges, OF(FLOOR_SHIFT));
  UNROLL for (int k = 0; k < N_LOGISTICS; k++) {
    const vec apart = OF(minus)(OF(times)(twice, v_load(g->rate[k] + i)), v_load(g->start[k] + i));
    const vec at = OF(between)(v_right(apart, OF(RATE_SHIFT)), 0, SIGMOID_SIZE - 1);
    mass = v_add(mass, OF(times)(v_load(g->share[k] + i), v_gather(c->sigmoid, at)));
  }
  return mass;
}

FUNCTION void OF(grey_begin)(const levels_coder *c, grey_rows *g) {
  for (int64_t i = 0; i < g->n; i += LANES) {
    v_store(g->found + i, v_splat(0));
    v_store(g->below + i, OF(mass)(c, g, i, v_splat(c->low)));
    v_store(g->above + i, OF(mass)(c, g, i, v_splat(c->high + 1)));
  }
}

/* The odds of a halving, from what lies below and above its middle. */
FUNCTION void OF(grey_odds)(const levels_coder *c, grey_rows *g, int32_t bit) {
  for (int64_t i = 0; i < g->n; i += LANES) {
    const vec middle = OF(between)(v_add(v_load(g->found + i), v_splat(bit)), c->low, c->high + 1);
    const vec at = OF(mass)(c, g, i, middle), above = v_load(g->above + i);
    const vec all = v_max(OF(minus)(above, v_load(g->below + i)), v_splat(1));
    OF(doubles) part = __builtin_convertvector((OF(ints))OF(minus)(above, at), OF(doubles));
    part = part * ALL / __builtin_convertvector((OF(ints))all, OF(doubles));
    const vec ones = (vec)__builtin_convertvector(part, OF(ints));
    v_store(g->middle + i, at);
    v_store(g->ones + i, OF(between)(ones, 1, ALL - 1));
  }
}

FUNCTION void OF(grey_halve)(grey_rows *g, int32_t bit) {
  for (int64_t i = 0; i < g->n; i++) {
    const int32_t is_upper = g->bit[i] != 0;
    g->found[i] += is_upper ? bit : 0;
    g->below[i] = is_upper ? g->middle[i] : g->below[i];
    g->above[i] = is_upper ? g->above[i] : g->middle[i];
  }
}
