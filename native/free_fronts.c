/* What is known before the places of a side, front by front (narrows.codec.interpolation.sweep). */
#include "free_walk.h"

enum { REACH = 2, MOST_NEIGHBOURS = 26 };
#define INLINE static inline __attribute__((always_inline))

/* Distances to neighbours, by which axes have room for one step back and no more. */
typedef struct {
  int64_t n, back[8][MOST_NEIGHBOURS], farthest;
} distances;

static int64_t power(int64_t base, int64_t n) { return n ? base * power(base, n - 1) : 1; }

int free_read_side(free_side *s, int64_t n_axes, const int64_t *given, int64_t n) {
  if (n_axes < 1 || n_axes > 3) return -1;
  const int64_t neighbours = power(REACH + 1, n_axes) - 1;
  if (n != n_axes + 2 * neighbours + 2) return -1;
  s->n_axes = n_axes, s->strides = given, s->numbers = given + n_axes;
  s->row = s->numbers + neighbours, s->shares = s->row + neighbours;
  for (int64_t axis = 0; axis < n_axes; axis++)
    if (s->strides[axis] < 1 || s->strides[axis] > FREE_MAX_COUNT) return -1;
  for (int64_t i = 0; i < neighbours; i++)
    if (s->numbers[i] < 0 || s->numbers[i] >= neighbours) return -1;
  return 0;
}

static void measure(const free_side *s, int64_t n_frames, distances *d) {
  d->n = power(REACH + 1, s->n_axes) - 1;
  d->farthest = 0;
  for (int64_t axis = 0; axis < s->n_axes; axis++) d->farthest += REACH * s->strides[axis];
  for (int64_t edges = 0; edges < 1 << s->n_axes; edges++)
    for (int64_t number = 0; number < d->n; number++) {
      int64_t rest = number + 1, total = 0;
      for (int64_t axis = s->n_axes - 1; axis >= 0; axis--, rest /= REACH + 1) {
        const int64_t steps = rest % (REACH + 1);
        total += s->strides[axis] * (steps > 1 && edges >> axis & 1 ? 1 : steps);
      }
      d->back[edges][number] = total * n_frames;
    }
}

INLINE void tell(free_walk *w, const free_side *s, const distances *d, const int64_t *back, int64_t at,
                 int64_t frames, int64_t step, int64_t *expected, int32_t *classes) {
  const int64_t looked = power(2, s->n_axes) - 1, divisor = looked * step;
  int64_t *hints = w->frames[0], *missed = w->frames[1];
  uint64_t *total = (uint64_t *)w->frames[2];
  const int64_t *centre = w->known + at - back[s->numbers[0]];
  for (int64_t f = 0; f < frames; f++)
    hints[f] = missed[f] = 0, total[f] = (uint64_t)1 << (FREE_SWEPT_BITS - 1);
  for (int64_t j = 0; j < d->n; j++) {
    const int64_t *number = w->known + at - back[j];
    const uint64_t weight = (uint64_t)s->row[j];
    if (weight)
      for (int64_t f = 0; f < frames; f++) total[f] += weight * (uint64_t)number[f];
  }
  for (int64_t i = 0; i < looked; i++) {
    const int64_t *number = w->known + at - back[s->numbers[i]];
    const int64_t *far = w->missed + at - back[s->numbers[i]];
    for (int64_t f = 0; f < frames; f++) {
      const int64_t apart = number[f] - centre[f];
      hints[f] += apart < 0 ? -apart : apart;
      missed[f] += far[f];
    }
  }
  for (int64_t f = 0; f < frames; f++) {
    expected[f] = free_clipped((int64_t)total[f] >> FREE_SWEPT_BITS, 0, w->high);
    classes[f] = free_class_of((hints[f] * s->shares[0] + missed[f] * s->shares[1]) / divisor);
  }
}

/* Tell of one place; FREE_REFUSED where it, or what is before it, lies outside the array. */
static int tell_all(free_walk *w, const free_side *s, const distances *d, int64_t place, int64_t step,
                    int64_t to) {
  int64_t edges = 0;
  const int64_t at = s->places[place];
  for (int64_t axis = 0; axis < s->n_axes; axis++)
    edges |= (int64_t)(s->at[axis * s->n_places + place] < REACH) << axis;
  const int64_t *back = d->back[edges];
  if (at < 0 || at >= w->size || at * w->n < back[d->n - 1]) return FREE_REFUSED;
  w->places[to / w->n] = at;
  for (int64_t f = 0; f < w->n; f += FREE_FRAMES) {
    const int64_t left = w->n - f, frames = left < FREE_FRAMES ? left : FREE_FRAMES;
    int64_t *expected = w->expected + to + f;
    int32_t *classes = w->classes + to + f;
    if (w->n == 1) tell(w, s, d, back, at, 1, step, expected, classes);
    else tell(w, s, d, back, at * w->n + f, frames, step, expected, classes);
  }
  return 0;
}

int free_code_side(free_walk *w, const free_side *s, int64_t step) {
  distances d;
  int failed = 0;
  measure(s, w->n, &d);
  for (int64_t start = 0, front = 0; start < s->n_places && !failed;) {
    while (front < s->n_ends && s->ends[front] <= start) front++;
    if (front == s->n_ends || s->ends[front] > s->n_places) return FREE_REFUSED;
    const int64_t stop = free_end_of_part(w, start, s->ends[front]);
    for (int64_t i = start; i < stop && !failed; i++)
      failed = tell_all(w, s, &d, i, step, (i - start) * w->n);
    if (!failed) failed = free_code_part(w, stop - start, step);
    start = stop;
  }
  return failed;
}
