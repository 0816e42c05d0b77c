/* Reading the description of a pass of levels: every index is checked before it is used. */
#include <stdlib.h>
#include <string.h>

#include "free_walk.h"

enum { HEAD = 11, LOOK = 5 }; /* fields of a pass, and of a look before its offsets */

typedef struct {
  const int64_t *fields, *end, *numbers;
  int64_t n_numbers;
  free_pass *made;
  const int64_t *(*pointers)[3];
} describing;

static int within(int64_t value, int64_t low, int64_t high) { return low <= value && value <= high; }

/* Point at the indices along each axis; their sum with `channel` lies below the size. */
static int point(describing *d, const int64_t *fields, int64_t channel, int is_place, const int64_t **to) {
  const free_pass *p = d->made;
  int64_t most = channel;
  for (int axis = 0; axis < 3; axis++) {
    if (!within(fields[axis], 0, d->n_numbers - p->counts[axis])) return -1;
    to[axis] = p->numbers + fields[axis];
    int64_t largest = 0;
    for (int64_t i = 0; i < p->counts[axis]; i++) {
      const int64_t index = to[axis][i];
      if (!within(index, is_place ? 0 : -((int64_t)1 << 40), p->size - 1)) return -1;
      if (index > largest) largest = index;
    }
    most += largest;
  }
  return most < p->size ? 0 : -1;
}

static int read_look(describing *d, free_look *look) {
  if (d->end - d->fields < LOOK) return -1;
  look->n = d->fields[0], look->channel = d->fields[1];
  if (!within(look->n, 1, FREE_MAX_LOOK) || !within(look->channel, 0, d->made->size - 1) ||
      d->end - d->fields - LOOK < 3 * look->n || point(d, d->fields + 2, look->channel, 1, look->anchors))
    return -1;
  d->fields += LOOK;
  look->at = d->pointers;
  for (int64_t o = 0; o < look->n; o++, d->fields += 3)
    if (point(d, d->fields, look->channel, 0, *d->pointers++)) return -1;
  return 0;
}

static int read_head(describing *d) {
  free_pass *p = d->made;
  const int64_t *f = d->fields;
  d->fields += HEAD;
  p->size = f[0], p->channel = f[1], p->n_nearest = f[5], p->n_looked_at = f[6], p->n_before = f[7];
  p->n_places = 1;
  if (!within(p->size, 1, FREE_MAX_COUNT) || !within(p->channel, 0, p->size - 1) ||
      !within(p->n_nearest, 1, FREE_MAX_LOOK) || !within(p->n_looked_at, 1, FREE_MAX_LOOK) ||
      !within(p->n_before, 0, FREE_MAX_BEFORE))
    return -1;
  for (int axis = 0; axis < 3; axis++) {
    p->counts[axis] = f[2 + axis];
    if (!within(p->counts[axis], 1, p->size)) return -1;
    p->n_places *= p->counts[axis];
    if (p->n_places > p->size) return -1;
  }
  p->looks = calloc((size_t)(1 + 2 * p->n_before), sizeof *p->looks);
  return p->looks ? point(d, f + 8, p->channel, 1, p->places) : -1;
}

/* Find the places along the last axis whose neighbours are those of the place before, moved on. */
static void find_inside(free_pass *p) {
  const int64_t last = p->counts[2] - 1;
  p->first_inside = 1, p->last_inside = last;
  p->apart = last > 1 ? p->places[2][last / 2] - p->places[2][last / 2 - 1] : 0;
  for (int64_t o = 0; o < p->looks->n; o++) {
    const int64_t *at = p->looks->at[o][2];
    for (int64_t k = last / 2; k >= p->first_inside; k--)
      if (at[k - 1] < 0 || at[k] - at[k - 1] != p->apart) p->first_inside = k + 1;
    for (int64_t k = last / 2 + 1; k <= p->last_inside; k++)
      if (at[k - 1] < 0 || at[k] - at[k - 1] != p->apart) p->last_inside = k - 1;
  }
}

static int read_all(describing *d) {
  free_pass *p = d->made;
  if (read_head(d)) return -1;
  for (int64_t i = 0; i < 1 + 2 * p->n_before; i++)
    if (read_look(d, p->looks + i)) return -1;
  find_inside(p);
  return d->fields == d->end && p->looks->n >= p->n_nearest && p->looks->n >= p->n_looked_at ? 0 : -1;
}

free_pass *free_new_pass(const int64_t *fields, int64_t n_fields, const int64_t *numbers,
                         int64_t n_numbers, const char **reason) {
  free_pass *p = calloc(1, sizeof *p);
  *reason = "fields or indices out of their range";
  if (p && n_fields >= HEAD) {
    p->numbers = malloc((size_t)(n_numbers + 1) * sizeof *p->numbers);
    p->pointers = calloc((size_t)n_fields, sizeof *p->pointers);
    describing d = {fields, fields + n_fields, numbers, n_numbers, p, p->pointers};
    if (p->numbers && p->pointers) {
      memcpy(p->numbers, numbers, (size_t)n_numbers * sizeof *numbers);
      if (!read_all(&d)) return p;
    }
  }
  free_forget_pass(p);
  return NULL;
}

void free_forget_pass(free_pass *p) {
  if (!p) return;
  free(p->looks);
  free(p->numbers);
  free((void *)p->pointers);
  free(p);
}

int free_fits(const free_pass *p, const int64_t *given, int64_t n, free_rule *rule) {
  const int64_t channels = 1 + p->n_before;
  if (n < 2 * channels + 3) return 0;
  *rule = (free_rule){given, given + channels, given + 2 * channels, given + 2 * channels + 3};
  int64_t total = 2 * channels + 3;
  for (int64_t c = 0; c < channels; c++) {
    const int64_t most = c ? free_around(p, c - 1)->n : p->looks->n;
    if (!within(rule->lengths[c], 0, most)) return 0;
    total += rule->lengths[c];
  }
  for (int i = 0; i < 3; i++)
    if (!within(rule->shares[i], 0, 255)) return 0;
  return total == n;
}
