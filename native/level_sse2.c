/* SSE2, which every x86-64 processor has. */
#if defined(__x86_64__)
#include <emmintrin.h>
#include <stdint.h>

#define LEVEL sse2
#define NAME "sse2"
#define TARGET
#define LANES 4
#define VECTORS 2
#define TILE 6
#include "x86.h"
MADE_OF(__m128i, _mm, si128)
INLINE_V vec v_dot(vec s, vec x, vec w) { return _mm_add_epi32(s, _mm_madd_epi16(x, w)); }

INLINE_V vec v_gather(const int32_t *p, vec at) {
  int32_t i[4] __attribute__((aligned(16)));
  v_store(i, at);
  return _mm_set_epi32(p[i[3]], p[i[2]], p[i[1]], p[i[0]]);
}

/* Where a > b take the one, elsewhere the other. */
INLINE_V vec v_chosen(vec a, vec b, vec one, vec other) {
  vec greater = _mm_cmpgt_epi32(a, b);
  return _mm_or_si128(_mm_and_si128(greater, one), _mm_andnot_si128(greater, other));
}
INLINE_V vec v_max(vec a, vec b) { return v_chosen(a, b, a, b); }
INLINE_V vec v_min(vec a, vec b) { return v_chosen(a, b, b, a); }

INLINE_V vec v_sums(vec a) {
  a = v_add(a, _mm_slli_si128(a, 4));
  return v_add(a, _mm_slli_si128(a, 8));
}
INLINE_V vec v_last(vec a) { return _mm_shuffle_epi32(a, 0xff); }
INLINE_V int32_t v_total(vec a) {
  a = v_add(a, _mm_shuffle_epi32(a, 0x4e));
  return _mm_cvtsi128_si32(v_add(a, _mm_shuffle_epi32(a, 0xb1)));
}
INLINE_V int32_t v_largest(vec a) {
  a = v_max(a, _mm_shuffle_epi32(a, 0x4e));
  return _mm_cvtsi128_si32(v_max(a, _mm_shuffle_epi32(a, 0xb1)));
}
INLINE_V int32_t v_count(vec a, int32_t most) {
  return LANES + v_total(_mm_cmpgt_epi32(a, v_splat(most)));
}

static int is_supported_sse2(void) { return 1; }
#include "level.h"
#else
typedef int nothing_for_this_processor;
#endif
