/* No instructions of any processor: the compiler makes what there is of vectors. */
#include <stdint.h>
#include <string.h>

#define LEVEL plain
#define NAME "plain"
#define TARGET
#define LANES 4
#define VECTORS 4
#define TILE 4
typedef int32_t vec __attribute__((vector_size(4 * LANES)));
typedef uint32_t wrapping __attribute__((vector_size(4 * LANES)));
#define INLINE_V static inline __attribute__((always_inline))

INLINE_V vec v_load(const int32_t *p) { return *(const vec *)(const void *)p; }
INLINE_V void v_store(int32_t *p, vec a) { *(vec *)(void *)p = a; }
INLINE_V vec v_splat(int32_t a) { return (vec){a, a, a, a}; }
INLINE_V vec v_add(vec a, vec b) { return (vec)((wrapping)a + (wrapping)b); }
INLINE_V vec v_and(vec a, vec b) { return a & b; }
INLINE_V vec v_or(vec a, vec b) { return a | b; }
INLINE_V vec v_left(vec a, int n) { return (vec)((wrapping)a << (unsigned)n); }
INLINE_V vec v_right(vec a, int n) { return a >> n; }
INLINE_V vec v_max(vec a, vec b) {
  vec greater = a > b;
  return (a & greater) | (b & ~greater);
}
INLINE_V vec v_min(vec a, vec b) {
  vec greater = a > b;
  return (b & greater) | (a & ~greater);
}
INLINE_V vec v_dot(vec s, vec x, vec w) {
  vec even = v_right(v_left(x, 16), 16), odd = v_right(x, 16);
  vec even_weight = v_right(v_left(w, 16), 16), odd_weight = v_right(w, 16);
  wrapping sum = (wrapping)even * (wrapping)even_weight;
  return (vec)((wrapping)s + sum + (wrapping)odd * (wrapping)odd_weight);
}

INLINE_V vec v_gather(const int32_t *p, vec at) {
  return (vec){p[at[0]], p[at[1]], p[at[2]], p[at[3]]};
}

INLINE_V vec v_sums(vec a) {
  wrapping sums = (wrapping)a;
  for (int i = 1; i < LANES; i++) sums[i] += sums[i - 1];
  return (vec)sums;
}
INLINE_V vec v_last(vec a) { return v_splat(a[LANES - 1]); }
INLINE_V int32_t v_total(vec a) { return v_sums(a)[LANES - 1]; }
INLINE_V int32_t v_largest(vec a) {
  int32_t largest = a[0];
  for (int i = 1; i < LANES; i++) largest = a[i] > largest ? a[i] : largest;
  return largest;
}
INLINE_V int32_t v_count(vec a, int32_t most) { return LANES + v_total(a > v_splat(most)); }

static int is_supported_plain(void) { return 1; }
#include "level.h"
