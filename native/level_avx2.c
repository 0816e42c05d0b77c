/* AVX2: 16 products of int16 in an instruction. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>

#define LEVEL avx2
#define NAME "avx2"
#define TARGET __attribute__((target("avx2")))
#define LANES 8
#define VECTORS 2
#define TILE 6
#include "x86.h"
MADE_OF(__m256i, _mm256, si256)
INLINE_V vec v_dot(vec s, vec x, vec w) { return _mm256_add_epi32(s, _mm256_madd_epi16(x, w)); }
INLINE_V vec v_gather(const int32_t *p, vec at) { return _mm256_i32gather_epi32(p, at, 4); }
INLINE_V vec v_max(vec a, vec b) { return _mm256_max_epi32(a, b); }
INLINE_V vec v_min(vec a, vec b) { return _mm256_min_epi32(a, b); }

INLINE_V vec v_sums(vec a) {
  a = v_add(a, _mm256_slli_si256(a, 4));
  a = v_add(a, _mm256_slli_si256(a, 8));
  __m256i low = _mm256_permute2x128_si256(a, a, 0x08); /* the lower half above, and zeros */
  return v_add(a, _mm256_shuffle_epi32(low, 0xff));
}
INLINE_V vec v_last(vec a) { return _mm256_permutevar8x32_epi32(a, v_splat(7)); }
INLINE_V int32_t v_total(vec a) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}
INLINE_V int32_t v_largest(vec a) {
  __m128i s = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  s = _mm_max_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}
INLINE_V int32_t v_count(vec a, int32_t most) {
  __m256 above = _mm256_castsi256_ps(_mm256_cmpgt_epi32(a, v_splat(most)));
  return LANES - __builtin_popcount((unsigned)_mm256_movemask_ps(above));
}

static int is_supported_avx2(void) { return __builtin_cpu_supports("avx2"); }
#include "level.h"
#else
typedef int nothing_for_this_processor;
#endif
