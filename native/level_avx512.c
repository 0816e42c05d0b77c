/* AVX-512 with VNNI: 32 products of int16 in an instruction, which adds them up too. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>

#define LEVEL avx512
#define NAME "avx512"
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define LANES 16
#ifndef VECTORS
#define VECTORS 1
#endif
#define TILE 12
#include "x86.h"
MADE_OF(__m512i, _mm512, si512)
INLINE_V vec v_dot(vec s, vec x, vec w) { return _mm512_dpwssd_epi32(s, x, w); }
INLINE_V vec v_gather(const int32_t *p, vec at) { return _mm512_i32gather_epi32(at, p, 4); }
INLINE_V vec v_max(vec a, vec b) { return _mm512_max_epi32(a, b); }
INLINE_V vec v_min(vec a, vec b) { return _mm512_min_epi32(a, b); }

#define SHIFTED(a, n) _mm512_alignr_epi32(a, _mm512_setzero_si512(), 16 - (n))
INLINE_V vec v_sums(vec a) {
  a = v_add(a, SHIFTED(a, 1));
  a = v_add(a, SHIFTED(a, 2));
  a = v_add(a, SHIFTED(a, 4));
  return v_add(a, SHIFTED(a, 8));
}
INLINE_V vec v_last(vec a) { return _mm512_permutexvar_epi32(v_splat(15), a); }
INLINE_V int32_t v_largest(vec a) { return _mm512_reduce_max_epi32(a); }
INLINE_V int32_t v_total(vec a) { return _mm512_reduce_add_epi32(a); }
INLINE_V int32_t v_count(vec a, int32_t most) {
  return __builtin_popcount(_mm512_cmple_epi32_mask(a, v_splat(most)));
}

static int is_supported_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}
#include "level.h"
#else
typedef int nothing_for_this_processor;
#endif
