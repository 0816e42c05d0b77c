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
INLINE_V vec v_max(vec a, vec b) { return _mm256_max_epi32(a, b); }
INLINE_V vec v_min(vec a, vec b) { return _mm256_min_epi32(a, b); }

static int is_supported_avx2(void) { return __builtin_cpu_supports("avx2"); }
#include "level.h"
#else
typedef int nothing_for_this_processor;
#endif
