/* The functions of a vector, for the sets of instructions of x86 that name them alike. */
#define MADE_OF(type, prefix, suffix)                                                        \
  typedef type vec;                                                                          \
  INLINE_V vec v_load(const int32_t *p) { return prefix##_load_##suffix((const void *)p); }  \
  INLINE_V void v_store(int32_t *p, vec a) { prefix##_store_##suffix((void *)p, a); }        \
  INLINE_V vec v_splat(int32_t a) { return prefix##_set1_epi32(a); }                         \
  INLINE_V vec v_add(vec a, vec b) { return prefix##_add_epi32(a, b); }                      \
  INLINE_V vec v_and(vec a, vec b) { return prefix##_and_##suffix(a, b); }                   \
  INLINE_V vec v_or(vec a, vec b) { return prefix##_or_##suffix(a, b); }                     \
  INLINE_V vec v_left(vec a, int n) { return prefix##_sll_epi32(a, _mm_cvtsi32_si128(n)); }  \
  INLINE_V vec v_right(vec a, int n) { return prefix##_sra_epi32(a, _mm_cvtsi32_si128(n)); }

#define INLINE_V static inline __attribute__((always_inline)) TARGET
#define IS_X86 1
