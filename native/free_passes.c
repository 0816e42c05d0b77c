/* What is known around the places of a pass of levels (narrows.codec.interpolation.prediction). */
#include "free_walk.h"

static const int64_t CENTRES[] = {1, 8, 32, 64, 96, 128, 160, 192, 224, 248, 254};
static const int64_t SPREADS[] = {1, 4, 12, 28, 52, 80, 120, 160, 200};
enum { N_CENTRES = sizeof CENTRES / sizeof *CENTRES, N_SPREADS = sizeof SPREADS / sizeof *SPREADS };
enum { MOST_SPREAD = 8 }; /* places that tell the spread of values */

#define INLINE static inline __attribute__((always_inline))

/* A place: its coordinates in the grid of the pass, the first of some frames, and whether the places
   around the one before all lie at their offsets. */
typedef struct {
  int64_t at[3], first;
  int is_inside;
} spot;

INLINE int64_t sum_along(const int64_t *const *axes, const int64_t *at) {
  return axes[0][at[0]] + axes[1][at[1]] + axes[2][at[2]];
}

/* The indices of the first `n` places of a look, each times the number of frames; return whether all
   places lie at their offsets. */
INLINE int look_around(const free_walk *w, const free_look *l, int64_t n, const spot *s, int64_t *to) {
  int64_t least = 0;
  for (int64_t o = 0; o < n; o++) {
    int64_t index = sum_along(l->at[o], s->at);
    least = index < least ? index : least;
    if (index < 0) index = sum_along(l->anchors, s->at);
    to[o] = (index + l->channel) * w->n;
  }
  return least >= 0;
}

/* The same of the own channel; those of the place before, moved on, where that is so. */
INLINE void look_on(free_walk *w, const free_pass *p, int64_t n, spot *s) {
  const int64_t k = s->at[2];
  if (s->is_inside && k >= p->first_inside && k <= p->last_inside)
    for (int64_t o = 0; o < n; o++) w->own[o] += p->apart * w->n;
  else
    s->is_inside = look_around(w, p->looks, n, s, w->own);
}

/* The mean of numbers in sixteenths, halves rounded up. */
INLINE void mean_of(const int64_t *known, const int64_t *indices, int64_t n, int64_t frames, int64_t *to) {
  for (int64_t f = 0; f < frames; f++) to[f] = 0;
  for (int64_t o = 0; o < n; o++)
    for (int64_t f = 0; f < frames; f++) to[f] += known[indices[o] + f];
  for (int64_t f = 0; f < frames; f++)
    to[f] = free_floor_divided(to[f] * (2 << FREE_FINE_BITS) + n, 2 * n);
}

INLINE void add_weighted(const int64_t *known, const int64_t *indices, const int64_t *row, int64_t n,
                         int64_t frames, uint64_t *total) {
  for (int64_t o = 0; o < n; o++) {
    const uint64_t weight = (uint64_t)row[o] << FREE_FINE_BITS;
    for (int64_t f = 0; f < frames; f++) total[f] += weight * (uint64_t)known[indices[o] + f];
  }
}

INLINE void spread_of(const int64_t *known, const int64_t *indices, int64_t n, const int64_t *centre,
                      int64_t frames, int64_t *to) {
  for (int64_t f = 0; f < frames; f++) to[f] = 0;
  for (int64_t o = 0; o < n; o++)
    for (int64_t f = 0; f < frames; f++) {
      const int64_t apart = known[indices[o] + f] * (1 << FREE_FINE_BITS) - centre[f];
      to[f] += apart < 0 ? -apart : apart;
    }
}

/* Write what is expected at a place, and its class. */
INLINE void tell(free_walk *w, const free_pass *p, const free_rule *rule, spot *s, int64_t frames,
                 int64_t step, int64_t *expected, int32_t *classes) {
  const int bits = FREE_WEIGHT_BITS + FREE_FINE_BITS;
  const int64_t looked = p->n_looked_at, divisor = looked * step * (1 << FREE_FINE_BITS);
  const int64_t *known = w->known + s->first, *missed = w->missed + s->first, *row = rule->rows;
  int64_t *centre = w->frames[0], *other = w->frames[1], *hints = w->frames[2];
  uint64_t *total = (uint64_t *)w->frames[3];
  mean_of(known, w->own, p->n_nearest, frames, centre);
  for (int64_t f = 0; f < frames; f++)
    total[f] = ((uint64_t)1 << (bits - 1)) + (uint64_t)rule->means[0] * (uint64_t)centre[f];
  add_weighted(known, w->own, row, rule->lengths[0], frames, total);
  spread_of(known, w->own, looked, centre, frames, hints);
  for (int64_t f = 0; f < frames; f++) hints[f] *= rule->shares[0], other[f] = 0;
  for (int64_t o = 0; o < looked; o++)
    for (int64_t f = 0; f < frames; f++) other[f] += missed[w->own[o] + f];
  for (int64_t f = 0; f < frames; f++)
    hints[f] += rule->shares[1] * other[f] * (1 << FREE_FINE_BITS);
  for (int64_t c = 0; c < p->n_before; c++) {
    row += rule->lengths[c];
    look_around(w, free_around(p, c), free_around(p, c)->n, s, w->others);
    add_weighted(known, w->others, row, rule->lengths[c + 1], frames, total);
    if (c == p->n_before - 1)
      for (int64_t f = 0; f < frames; f++)
        hints[f] += rule->shares[2] * looked * missed[w->others[0] + f] * (1 << FREE_FINE_BITS);
    if (!rule->means[c + 1]) continue;
    look_around(w, free_middle(p, c), free_middle(p, c)->n, s, w->others);
    mean_of(known, w->others, free_middle(p, c)->n, frames, other);
    for (int64_t f = 0; f < frames; f++)
      total[f] += (uint64_t)rule->means[c + 1] * (uint64_t)other[f];
  }
  for (int64_t f = 0; f < frames; f++) {
    expected[f] = free_clipped((int64_t)total[f] >> bits, 0, w->high);
    classes[f] = free_class_of(hints[f] / divisor);
  }
}

static int32_t count_up_to(const int64_t *ends, int32_t n, int64_t value) {
  int32_t found = 0;
  while (found < n && ends[found] <= value) found++;
  return found;
}

/* Write the context of a value at a place. */
INLINE void tell_context(free_walk *w, const free_pass *p, const spot *s, int64_t frames,
                         int32_t *contexts) {
  const int64_t n = p->n_looked_at < MOST_SPREAD ? p->n_looked_at : MOST_SPREAD;
  const int64_t top = (w->high > 1 ? w->high : 1) * (1 << FREE_FINE_BITS);
  const int64_t *known = w->known + s->first;
  int64_t *centre = w->frames[0], *spread = w->frames[1];
  mean_of(known, w->own, p->n_nearest, frames, centre);
  spread_of(known, w->own, n, centre, frames, spread);
  for (int64_t f = 0; f < frames; f++) {
    const int64_t where = free_floor_divided(centre[f] * 255 + top / 2, top);
    contexts[f] = count_up_to(CENTRES, N_CENTRES, where) * (N_SPREADS + 1) +
                  count_up_to(SPREADS, N_SPREADS, spread[f] * 510 / (n * top));
  }
}

static void tell_all(free_walk *w, const free_pass *p, const free_rule *rule, spot *s, int64_t step,
                     int64_t to) {
  int64_t n = p->n_looked_at > p->n_nearest ? p->n_looked_at : p->n_nearest;
  if (rule && rule->lengths[0] > n) n = rule->lengths[0];
  look_on(w, p, n, s);
  for (s->first = 0; s->first < w->n; s->first += FREE_FRAMES) {
    const int64_t left = w->n - s->first, frames = left < FREE_FRAMES ? left : FREE_FRAMES;
    int64_t *expected = w->expected + to + s->first;
    int32_t *classes = w->classes + to + s->first;
    if (!rule) tell_context(w, p, s, frames, classes);
    else if (frames == 1) tell(w, p, rule, s, 1, step, expected, classes);
    else tell(w, p, rule, s, frames, step, expected, classes);
  }
}

int free_code_pass(free_walk *w, const free_pass *p, const free_rule *rule, int64_t step) {
  spot s = {{0}, 0, 0};
  int failed = 0;
  for (int64_t start = 0; start < p->n_places && !failed;) {
    const int64_t stop = free_end_of_part(w, start, p->n_places), m = stop - start;
    for (int64_t i = 0; i < m; i++) {
      w->places[i] = sum_along(p->places, s.at) + p->channel;
      tell_all(w, p, rule, &s, step, i * w->n);
      for (int axis = 2; axis >= 0 && ++s.at[axis] == p->counts[axis]; axis--) s.at[axis] = 0;
    }
    failed = rule ? free_code_part(w, m, step) : free_code_values(w, m, step);
    start = stop;
  }
  return failed;
}
