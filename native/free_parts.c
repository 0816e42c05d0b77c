/* Parts of a walk: entries by their tables, distances from what is expected, and numbers. */
#include <math.h>

#include "free_walk.h"

int64_t free_end_of_part(const free_walk *w, int64_t start, int64_t n_places) {
  const int64_t at_once = free_clipped(w->n_seen / 4, FREE_LEAST_AT_ONCE, FREE_MOST_AT_ONCE);
  const int64_t places = at_once / w->n > 1 ? at_once / w->n : 1;
  return start + places < n_places ? start + places : n_places;
}

/* ------------------------------------------------------------------ entries */

int free_code_entries(free_walk *w, free_tables *t, const int32_t *kinds, int32_t *entries, int64_t n) {
  int64_t run_ends[FREE_MAX_KINDS], i = 0;
  int32_t ends[FREE_MAX_SIZE + 1];
  free_in_runs(kinds, n, w->order, run_ends);
  uint64_t *symbols = w->is_reader ? NULL : free_more(&w->writer.symbols, n, sizeof *symbols);
  if (!w->is_reader && !symbols) return FREE_NO_MEMORY;
  for (int64_t kind = 0; kind < t->n; kind++) {
    if (i == run_ends[kind]) continue;
    free_ends(t, kind, ends);
    for (; i < run_ends[kind]; i++) {
      int32_t *entry = entries + w->order[i];
      if (w->is_reader) {
        *entry = free_pop(&w->reader, ends, (int32_t)t->size);
      } else {
        const uint64_t start = (uint64_t)ends[*entry];
        *symbols++ = start << 32 | ((uint64_t)ends[*entry + 1] - start);
      }
      free_learn(t, kind, *entry);
    }
  }
  return 0;
}

/* ------------------------------------------------------------------ distances */

static int32_t width_of(int32_t class) {
  const int32_t width = (class - FREE_OWN_CLASSES + FREE_LATER_CLASSES) >> 2;
  return width > 0 ? width : 0;
}

static int32_t table_of(int32_t class) {
  return class < FREE_OWN_CLASSES ? class : FREE_OWN_CLASSES + ((class - FREE_OWN_CLASSES) & 3);
}

static void to_widths(free_walk *w, int64_t n) {
  for (int64_t i = 0; i < n; i++) w->kinds[i] = width_of(w->classes[i]);
}

static free_low low_of(free_walk *w, int64_t n) {
  int64_t ends[FREE_MAX_KINDS];
  free_in_runs(w->kinds, n, w->order, ends);
  return (free_low){w->order, w->kinds, n, 0};
}

static int code_tables(free_walk *w, int64_t n) {
  for (int64_t i = 0; i < n; i++) w->kinds[i] = table_of(w->classes[i]);
  return free_code_entries(w, &w->residuals, w->kinds, w->entries, n);
}

static int write_residuals(free_walk *w, int64_t n) {
  to_widths(w, n);
  for (int64_t i = 0; i < n; i++) {
    const int64_t high = w->steps[i] >> w->kinds[i];
    w->low[i] = w->steps[i] - (int64_t)((uint64_t)high << w->kinds[i]);
    w->entries[i] = (int32_t)high + FREE_FARTHEST;
    if (high <= FREE_FARTHEST && high >= -FREE_FARTHEST) continue;
    int64_t *escaped = free_more(&w->writer.escaped, 1, sizeof *escaped);
    if (!escaped) return FREE_NO_MEMORY;
    *escaped = high, w->entries[i] = FREE_ESCAPE;
  }
  const free_low low = low_of(w, n);
  const int failed = free_write_low(&w->writer, &low, w->low);
  return failed ? failed : code_tables(w, n);
}

static int read_residuals(free_walk *w, int64_t n) {
  free_reader *r = &w->reader;
  int failed = code_tables(w, n);
  if (failed) return failed;
  to_widths(w, n);
  const free_low low = low_of(w, n);
  failed = free_read_low(r, &low, w->low);
  if (failed) return failed;
  for (int64_t i = 0; i < n; i++) {
    int64_t high = w->entries[i] - FREE_FARTHEST;
    if (w->entries[i] == FREE_ESCAPE) {
      if (r->escaped_at == r->n_escaped) return FREE_REFUSED;
      high = r->escaped[r->escaped_at++];
    }
    const int64_t most = FREE_MOST_STEPS >> w->kinds[i]; /* no sender goes there */
    high = free_clipped(high, -most, most);
    w->steps[i] = (int64_t)((uint64_t)high << w->kinds[i]) + w->low[i];
  }
  return 0;
}

static int code_residuals(free_walk *w, int64_t n) {
  return w->is_reader ? read_residuals(w, n) : write_residuals(w, n);
}

/* ------------------------------------------------------------------ numbers */

/* The whole number of steps nearest to where an element should be, from what is expected. */
static int64_t steps_to(const free_walk *w, int64_t at, int64_t expected, int64_t step) {
  if (!w->wanted_floats) return free_floor_divided(w->wanted[at] - expected + step / 2, step);
  const double steps = rint((w->wanted_floats[at] - (double)expected) / (double)step);
  const double most = (double)FREE_LARGEST;
  return (int64_t)(steps < -most ? -most : steps > most ? most : steps);
}

/* Whether a number lies on its grid, or a step outside at most: a writer's always do. */
static int is_inside(const free_walk *w, int64_t number, int64_t step) {
  return !w->is_reader || (number >= -(step / 2) && number <= w->high + step / 2);
}

int free_code_part(free_walk *w, int64_t m, int64_t step) {
  const int64_t n = m * w->n;
  if (!w->is_reader)
    for (int64_t p = 0, i = 0; p < m; p++)
      for (int64_t f = 0; f < w->n; f++, i++) {
        const int64_t at = w->places[p] * w->n + f;
        w->steps[i] = w->any && w->any[at] ? 0 : steps_to(w, at, w->expected[i], step);
      }
  const int failed = code_residuals(w, n);
  if (failed) return failed;
  for (int64_t p = 0, i = 0; p < m; p++) {
    const int64_t at = w->places[p] * w->n;
    for (int64_t f = 0; f < w->n; f++, i++) {
      const int64_t missed = free_clipped(w->steps[i] * step, -FREE_MOST, FREE_MOST);
      const int64_t number = free_clipped(w->expected[i] + missed, -FREE_MOST, FREE_MOST);
      if (!is_inside(w, number, step)) return FREE_REFUSED;
      w->known[at + f] = number;
      w->missed[at + f] = missed < 0 ? -missed : missed;
    }
  }
  w->n_seen += n;
  return 0;
}

int free_code_values(free_walk *w, int64_t m, int64_t step) {
  const int64_t n = m * w->n;
  if (!w->is_reader)
    for (int64_t p = 0, i = 0; p < m; p++)
      for (int64_t f = 0; f < w->n; f++, i++) {
        const int64_t value =
            free_floor_divided(w->wanted[w->places[p] * w->n + f] + step / 2, step);
        if (value < 0 || value >= w->values.size) return FREE_REFUSED;
        w->entries[i] = (int32_t)value;
      }
  const int failed = free_code_entries(w, &w->values, w->classes, w->entries, n);
  if (failed) return failed;
  for (int64_t p = 0, i = 0; p < m; p++)
    for (int64_t f = 0; f < w->n; f++, i++) {
      const int64_t number = w->entries[i] * step;
      if (!is_inside(w, number, step)) return FREE_REFUSED;
      w->known[w->places[p] * w->n + f] = number;
    }
  w->n_seen += n;
  return 0;
}

int free_code_start(free_walk *w, int64_t place, int64_t step, int32_t start_class, int has_values) {
  w->places[0] = place;
  for (int64_t f = 0; f < w->n; f++) w->classes[f] = has_values ? FREE_CONTEXTS : start_class;
  if (has_values) return free_code_values(w, 1, step);
  int64_t *known = w->known + place * w->n, before = 0;
  for (int64_t f = 0; f < w->n && !w->is_reader; f++) {
    const int64_t steps = steps_to(w, place * w->n + f, 0, step);
    w->steps[f] = (int64_t)((uint64_t)steps - (uint64_t)before);
    before = steps;
  }
  const int failed = code_residuals(w, w->n);
  if (failed) return failed;
  uint64_t total = 0;
  for (int64_t f = 0; f < w->n; f++) {
    total += (uint64_t)w->steps[f];
    known[f] = free_clipped((int64_t)(total * (uint64_t)step), -FREE_MOST, FREE_MOST);
    if (!is_inside(w, known[f], step)) return FREE_REFUSED;
  }
  w->n_seen += w->n;
  return 0;
}
