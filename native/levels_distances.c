/* How far numbers lie from what is predicted, by logistics (narrows.codec.levels.number_tables). */
#include "levels_numbers.h"

enum { SHARED = 23, FARTHEST = 180, ESCAPE = 2 * FARTHEST + 1, LEAST_SHARE = 32, RATE_SHIFT = 8 };
enum { UNIFORM_BITS = 16, LOWEST = (1 << UNIFORM_BITS) - 1, FRACTION_BITS = 3 };
#define MAX_DISTANCE ((int64_t)1 << 47)

static int low_bits_of(int32_t table) {
  const int32_t number = table / N_FRACTIONS;
  return number > SHARED ? (number - SHARED) / 3 : 0;
}

/* Make the frequencies of a class about a prediction that ends in a fraction. */
static int make_logistic(const levels_coder *c, int32_t table, share_table *to) {
  const int32_t number = table / N_FRACTIONS, fraction = table % N_FRACTIONS;
  const int low = low_bits_of(table);
  const int64_t rate = c->rates[number - 3 * low], left = ALL - (ESCAPE + 1) * LEAST_SHARE;
  int32_t weights[ESCAPE + 1], before = 0, rest = ALL;
  for (int64_t edge = -FARTHEST; edge <= FARTHEST + 1; edge++) {
    int64_t at = (edge * ((int64_t)1 << (low + FRACTION_BITS)) - 4 - fraction) * rate;
    at = (at >> (RATE_SHIFT + FRACTION_BITS + low)) + SIGMOID_ZERO;
    const int32_t below = c->sigmoid[at < 0 ? 0 : at < SIGMOID_SIZE ? at : SIGMOID_SIZE - 1];
    if (edge > -FARTHEST) {
      const int32_t weight = (int32_t)((below - before) * left / (1 << 16)) + LEAST_SHARE;
      weights[edge + FARTHEST - 1] = weight, rest -= weight;
    }
    before = below;
  }
  weights[ESCAPE] = rest;
  return make_shares(to, weights, ESCAPE + 1);
}

/* Order rows by their tables; return for each table where its rows end. */
static void put_in_order(const int32_t *tables, int64_t n, int32_t *order, int64_t *ends) {
  int64_t at[N_TABLES] = {0}, sum = 0;
  for (int64_t i = 0; i < n; i++) at[tables[i]]++;
  for (int32_t t = 0; t < N_TABLES; t++) {
    const int64_t count = at[t];
    at[t] = sum, sum += count, ends[t] = sum;
  }
  for (int64_t i = 0; i < n; i++) order[at[tables[i]]++] = (int32_t)i;
}

static int code_symbols(const levels_coder *c, decisions *d, numbers_work *w, const int32_t *tables,
                        int64_t n, int64_t *distances) {
  int64_t ends[N_TABLES], start = 0;
  put_in_order(tables, n, w->order, ends);
  for (int32_t t = 0; t < N_TABLES; start = ends[t++]) {
    const int64_t count = ends[t] - start;
    const int low = low_bits_of(t);
    if (!count) continue;
    if (!w->logistics[t].n && make_logistic(c, t, w->logistics + t)) return NO_MEMORY;
    for (int64_t i = 0; i < count && !d->is_reader; i++) {
      const int64_t symbol = (distances[w->order[start + i]] >> low) + FARTHEST;
      w->entries[i] = symbol < 0 || symbol >= ESCAPE ? ESCAPE : (int32_t)symbol;
    }
    if (code_entries(d, w->logistics + t, count, w->entries)) return NO_MEMORY;
    for (int64_t i = 0; i < count; i++) w->symbols[w->order[start + i]] = w->entries[i];
  }
  return 0;
}

/* Code the lowest bits of the rows of each width. */
static int code_low_bits(decisions *d, numbers_work *w, const int32_t *tables, int64_t n,
                         int64_t *distances) {
  int64_t counts[16] = {0};
  for (int64_t i = 0; i < n; i++) counts[low_bits_of(tables[i])]++;
  for (int width = 1; width < 16; width++) {
    if (!counts[width]) continue;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
      if (low_bits_of(tables[i]) == width) w->order[count++] = (int32_t)i;
    for (int64_t i = 0; i < count; i++)
      w->entries[i] = (int32_t)(distances[w->order[i]] & ((1 << width) - 1));
    if (code_uniform(d, width, count, w->entries)) return NO_MEMORY;
    for (int64_t i = 0; i < count; i++) w->low[w->order[i]] = w->entries[i];
  }
  return 0;
}

/* Code the distances that escaped, in three numbers of 16 bits. */
static int code_escaped(decisions *d, numbers_work *w, int64_t n, int64_t *distances) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++)
    if (w->symbols[i] == ESCAPE) w->order[count++] = (int32_t)i;
  for (int shift = 0; shift < 3 * UNIFORM_BITS && count; shift += UNIFORM_BITS) {
    for (int64_t i = 0; i < count; i++) {
      const uint64_t known = (uint64_t)distances[w->order[i]] + (uint64_t)MAX_DISTANCE;
      w->entries[i] = (int32_t)(known >> shift & LOWEST);
    }
    if (code_uniform(d, UNIFORM_BITS, count, w->entries)) return NO_MEMORY;
    for (int64_t i = 0; i < count; i++) {
      int64_t *found = w->escaped + i;
      *found = (shift ? *found : -MAX_DISTANCE) + ((int64_t)w->entries[i] << shift);
    }
  }
  for (int64_t i = 0; i < count; i++) distances[w->order[i]] = w->escaped[i];
  return 0;
}

int code_distances(const levels_coder *c, decisions *d, numbers_work *w, const int32_t *tables,
                   int64_t n, int64_t *distances) {
  if (code_symbols(c, d, w, tables, n, distances)) return NO_MEMORY;
  for (int64_t i = 0; i < n; i++) w->low[i] = 0;
  if (code_low_bits(d, w, tables, n, distances)) return NO_MEMORY;
  for (int64_t i = 0; i < n; i++)
    if (w->symbols[i] != ESCAPE)
      distances[i] = (int64_t)(w->symbols[i] - FARTHEST) * ((int64_t)1 << low_bits_of(tables[i])) + w->low[i];
  return code_escaped(d, w, n, distances);
}

int code_starts_of(const levels_coder *c, decisions *d, int number, int64_t n, int64_t *distances) {
  numbers_work *w = room_for_numbers(c, d, n);
  if (!w) return NO_MEMORY;
  for (int64_t i = 0; i < n; i++) w->tables[i] = number * N_FRACTIONS;
  return code_distances(c, d, w, w->tables, n, distances);
}
