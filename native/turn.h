/* Signals in and results out, of a level; see level.h, which includes it.

   Outside, the numbers of a signal lie together; inside, those of all signals of a block do. What is
   turned is a part of a few rows, in a tile that stays in the first cache. Arrays of an odd number of
   channels above one, whose rows do not follow each other outside, go number by number. */
enum { OF(PART) = 16 }; /* rows */

/* Turn (n, m) numbers to (m, n): to[j][i] = from[i][j]; `apart` is the distance of lines. */
INLINE void OF(turn)(const int32_t *from, int64_t apart, int64_t n, int64_t m, int32_t *to,
                     int64_t to_apart) {
  int64_t i = 0;
#if defined(IS_X86)
  for (; i + 4 <= n; i += 4) {
    int64_t j = 0;
    for (; j + 4 <= m; j += 4) {
      const __m128i *at[4];
      for (int k = 0; k < 4; k++) at[k] = (const void *)(from + (i + k) * apart + j);
      __m128i a = _mm_loadu_si128(at[0]), b = _mm_loadu_si128(at[1]);
      __m128i c = _mm_loadu_si128(at[2]), d = _mm_loadu_si128(at[3]);
      __m128i ab = _mm_unpacklo_epi32(a, b), cd = _mm_unpacklo_epi32(c, d);
      __m128i ab_high = _mm_unpackhi_epi32(a, b), cd_high = _mm_unpackhi_epi32(c, d);
      int32_t *line = to + j * to_apart + i;
      _mm_storeu_si128((void *)line, _mm_unpacklo_epi64(ab, cd));
      _mm_storeu_si128((void *)(line + to_apart), _mm_unpackhi_epi64(ab, cd));
      _mm_storeu_si128((void *)(line + 2 * to_apart), _mm_unpacklo_epi64(ab_high, cd_high));
      _mm_storeu_si128((void *)(line + 3 * to_apart), _mm_unpackhi_epi64(ab_high, cd_high));
    }
    for (; j < m; j++)
      for (int k = 0; k < 4; k++) to[j * to_apart + i + k] = from[(i + k) * apart + j];
  }
#endif
  for (; i < n; i++)
    for (int64_t j = 0; j < m; j++) to[j * to_apart + i] = from[i * apart + j];
}

/* How many channels each row of an array holds, where all rows follow each other; else 0. */
INLINE int OF(in_row)(layout a) { return a.n_channels % 2 == 0 ? 2 : a.n_channels == 1; }

/* A number within the limit; what is no number is at its lower end. */
#define WITHIN(value, limit) \
  ((value) < (limit) ? ((value) > -(limit) ? (value) : -(limit)) : ((value) >= (limit) ? (limit) : -(limit)))

#define LOAD(NAME, TYPE)                                                                   \
  FUNCTION void OF(NAME##_single)(const program *p, const TYPE *x, int64_t n,              \
                                  int16_t *buffer) {                                       \
    const int64_t channels = p->input.n_channels, elements = p->input.n_elements;          \
    const TYPE limit = (TYPE)p->input_limit;                                               \
    for (int64_t s = 0; s < ROW; s++)                                                      \
      for (int64_t e = 0; e < elements; e++) {                                             \
        int64_t at = e / channels * (channels + 1) + e % channels;                         \
        TYPE value = s < n ? x[s * elements + e] : 0;                                      \
        buffer[(at / 2 * ROW + s) * 2 + at % 2] = (int16_t)WITHIN(value, limit);           \
      }                                                                                    \
  }                                                                                        \
  FUNCTION void OF(NAME)(const program *p, const TYPE *x, int64_t n, int32_t *buffer) {    \
    const int64_t rows = rows_of(p->input), elements = p->input.n_elements;                \
    const int each = OF(in_row)(p->input);                                                 \
    const TYPE limit = (TYPE)p->input_limit;                                               \
    int32_t tile[ROW][OF(PART)] = {{0}};                                                   \
    if (!each) {                                                                           \
      OF(NAME##_single)(p, x, n, (int16_t *)(void *)buffer);                               \
      return;                                                                              \
    }                                                                                      \
    for (int64_t row = 0; row < rows; row += OF(PART)) {                                   \
      const int64_t m = rows - row < OF(PART) ? rows - row : OF(PART);                     \
      for (int64_t s = 0; s < ROW && s < n; s++) {                                         \
        const TYPE *from = x + s * elements + row * each;                                  \
        int16_t *pairs = (int16_t *)(void *)tile[s];                                       \
        if (each == 2)                                                                     \
          for (int64_t i = 0; i < 2 * m; i++) pairs[i] = (int16_t)WITHIN(from[i], limit);  \
        else                                                                               \
          for (int64_t i = 0; i < m; i++)                                                  \
            tile[s][i] = (int32_t)WITHIN(from[i], limit) & 0xffff;                         \
      }                                                                                    \
      OF(turn)(tile[0], OF(PART), ROW, m, buffer + row * ROW, ROW);                        \
    }                                                                                      \
  }
LOAD(load_float, float)
LOAD(load_double, double)

#define STORE(NAME, TYPE)                                                                  \
  FUNCTION void OF(NAME##_single)(const program *p, const int16_t *results, int64_t n,     \
                                  TYPE *y) {                                               \
    const int64_t channels = p->output.n_channels, elements = p->output.n_elements;        \
    for (int64_t s = 0; s < n; s++)                                                        \
      for (int64_t e = 0; e < elements; e++) {                                             \
        int64_t at = e / channels * (channels + 1) + e % channels;                         \
        y[s * elements + e] = (TYPE)results[(at / 2 * ROW + s) * 2 + at % 2];              \
      }                                                                                    \
  }                                                                                        \
  FUNCTION void OF(NAME)(const program *p, const int32_t *results, int64_t n, TYPE *y) {   \
    const int is_wide = p->output_buffer == WIDE, each = is_wide ? 1 : OF(in_row)(p->output); \
    const int64_t elements = p->output.n_elements;                                         \
    const int64_t rows = is_wide ? elements : rows_of(p->output);                          \
    int32_t tile[ROW][OF(PART)];                                                           \
    if (!each) {                                                                           \
      OF(NAME##_single)(p, (const int16_t *)(const void *)results, n, y);                  \
      return;                                                                              \
    }                                                                                      \
    for (int64_t row = 0; row < rows; row += OF(PART)) {                                   \
      const int64_t m = rows - row < OF(PART) ? rows - row : OF(PART);                     \
      OF(turn)(results + row * ROW, ROW, m, ROW, tile[0], OF(PART));                       \
      for (int64_t s = 0; s < n; s++) {                                                    \
        TYPE *to = y + s * elements + row * each;                                          \
        const int16_t *pairs = (const int16_t *)(const void *)tile[s];                     \
        if (is_wide)                                                                       \
          for (int64_t i = 0; i < m; i++) to[i] = (TYPE)tile[s][i];                        \
        else if (each == 2)                                                                \
          for (int64_t i = 0; i < 2 * m; i++) to[i] = (TYPE)pairs[i];                      \
        else                                                                               \
          for (int64_t i = 0; i < m; i++) to[i] = (TYPE)(int16_t)(tile[s][i] & 0xffff);    \
      }                                                                                    \
    }                                                                                      \
  }
STORE(store_float, float)
STORE(store_double, double)
