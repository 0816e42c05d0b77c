/* Tables that learn: frequencies in proportion to counts (narrows.codec.interpolation.adaptive). */
#include "free_walk.h"

#define EXACT_SUM ((int64_t)1 << 29) /* below it, quotients of floats are those of whole numbers */

void free_learn(free_tables *t, int64_t table, int32_t entry) {
  t->counts[table * t->size + entry] += FREE_SEEN;
  t->sums[table] += FREE_SEEN;
}

/* Each entry has 1, and its part of what is left; the first of the largest has the remainder. */
void free_ends(const free_tables *t, int64_t table, int32_t *ends) {
  const int64_t *counts = t->counts + table * t->size, sum = t->sums[table];
  const int64_t left = FREE_TOTAL - t->size;
  int32_t total = 0;
  int64_t largest = 0;
  if (sum < EXACT_SUM) { /* a quotient of whole numbers below 2^53 is never rounded up to the next */
    const double divisor = (double)sum;
    for (int64_t e = 0; e < t->size; e++)
      ends[e] = (int32_t)((double)(counts[e] * left) / divisor);
  } else {
    for (int64_t e = 0; e < t->size; e++) ends[e] = (int32_t)(counts[e] * left / sum);
  }
  for (int64_t e = 0; e < t->size; e++) {
    const int32_t weight = 1 + ends[e];
    if (counts[e] > counts[largest]) largest = e;
    ends[e] = total;
    total += weight;
  }
  for (int64_t e = largest + 1; e < t->size; e++) ends[e] += FREE_TOTAL - total;
  ends[t->size] = FREE_TOTAL;
}

void free_in_runs(const int32_t *kinds, int64_t n, int32_t *order, int64_t *ends) {
  int64_t at[FREE_MAX_KINDS + 1] = {0};
  for (int64_t i = 0; i < n; i++) at[kinds[i] + 1]++;
  for (int k = 0; k < FREE_MAX_KINDS; k++) ends[k] = at[k + 1] += at[k];
  for (int64_t i = 0; i < n; i++) order[at[kinds[i]]++] = (int32_t)i;
}
