/* What weights are fitted to: samples of a pass, and sums over them (narrows.codec.encoding). */
#include "free_walk.h"

enum { HINT_PARTS = 16, ONE = 64, LOG_PARTS = 256, TRUST = 1 << 20 }; /* of weight_fitting */

static int64_t sum_along(const int64_t *const *axes, const int64_t *at) {
  return axes[0][at[0]] + axes[1][at[1]] + axes[2][at[2]];
}

static void look_around(const free_look *l, const int64_t *at, int64_t n_frames, int64_t *to) {
  for (int64_t o = 0; o < l->n; o++) {
    int64_t index = sum_along(l->at[o], at);
    if (index < 0) index = sum_along(l->anchors, at);
    to[o] = (index + l->channel) * n_frames;
  }
}

static int64_t sum_of(const int64_t *numbers, const int64_t *indices, int64_t start, int64_t stop) {
  int64_t total = 0;
  for (int64_t o = start; o < stop; o++) total += numbers[indices[o]];
  return total;
}

static int64_t mean_of(const int64_t *numbers, const int64_t *indices, int64_t n) {
  return free_floor_divided(sum_of(numbers, indices, 0, n) * (2 << FREE_FINE_BITS) + n, 2 * n);
}

/* Write what is around one place, in each of the sample's frames. */
static void one_place(const free_walk *w, const free_pass *p, const free_sample *s, const int64_t *at,
                      int64_t to) {
  int64_t own[FREE_MAX_LOOK], around[FREE_MAX_LOOK], middle[FREE_MAX_LOOK], group = 0;
  const int64_t all = s->n_places * s->n_columns, looked = p->n_looked_at;
  look_around(p->looks, at, w->n, own);
  for (int64_t c = 0; c <= p->n_before; c++) {
    const free_look *look = c ? free_around(p, c - 1) : p->looks;
    if (c) {
      look_around(look, at, w->n, around);
      look_around(free_middle(p, c - 1), at, w->n, middle);
    }
    const int64_t *indices = c ? around : own, first = group;
    for (int64_t j = 0; j < s->n_columns; j++) {
      const int64_t *known = w->known + s->columns[j];
      const int64_t centre = c ? mean_of(known, middle, free_middle(p, c - 1)->n)
                               : mean_of(known, own, p->n_nearest);
      if (!c) s->centre[to + j] = centre;
      for (group = first; group < s->n_groups && s->groups[3 * group] == c; group++) {
        const int64_t start = s->groups[3 * group + 1], stop = s->groups[3 * group + 2];
        s->differences[group * all + to + j] =
            sum_of(known, indices, start, stop) * (1 << FREE_FINE_BITS) - (stop - start) * centre;
      }
    }
  }
  for (int64_t j = 0; j < s->n_columns; j++) {
    const int64_t *known = w->known + s->columns[j], *missed = w->missed + s->columns[j];
    int64_t spread = 0;
    for (int64_t o = 0; o < looked; o++) {
      const int64_t apart = known[own[o]] * (1 << FREE_FINE_BITS) - s->centre[to + j];
      spread += apart < 0 ? -apart : apart;
    }
    s->hints[to + j] = spread;
    s->hints[all + to + j] = sum_of(missed, own, 0, looked) * (1 << FREE_FINE_BITS);
    if (p->n_before) s->hints[2 * all + to + j] = missed[around[0]] * looked * (1 << FREE_FINE_BITS);
  }
}

int free_take_sample(const free_walk *w, const free_pass *p, const free_sample *s) {
  for (int64_t g = 0; g < s->n_groups; g++) {
    const int64_t c = s->groups[3 * g], start = s->groups[3 * g + 1], stop = s->groups[3 * g + 2];
    if (c < (g ? s->groups[3 * g - 3] : 0) || c > p->n_before || start < 0 || start > stop ||
        stop > (c ? free_around(p, c - 1) : p->looks)->n)
      return -1;
  }
  for (int64_t j = 0; j < s->n_columns; j++)
    if (s->columns[j] < 0 || s->columns[j] >= w->n) return -1;
  for (int64_t i = 0; i < s->n_places; i++) {
    int64_t at[3], rest = s->numbers[i];
    if (rest < 0 || rest >= p->n_places) return -1;
    for (int axis = 2; axis >= 0; rest /= p->counts[axis], axis--) at[axis] = rest % p->counts[axis];
    one_place(w, p, s, at, i * s->n_columns);
  }
  return 0;
}

/* ------------------------------------------------------------------ sums */

/* The logarithm of a whole number above 0 in 256ths, between powers of two linear. */
static int64_t log_of(int64_t value) {
  union {
    double value;
    int64_t bits;
  } of = {(double)value};
  return (of.bits >> 44) - (int64_t)1023 * LOG_PARTS;
}

int64_t free_bits_of(const int64_t *left, int64_t n, int64_t step) {
  int64_t total = 0;
  for (int64_t i = 0; i < n; i++)
    total += log_of((left[i] < 0 ? -left[i] : left[i]) * HINT_PARTS / step + HINT_PARTS / 3);
  return total;
}

static int64_t scale_at(const free_hints *h, int64_t i) {
  int64_t total = 0;
  for (int64_t k = 0; k < h->n_hints; k++) total += h->hints[i * h->n_hints + k] * h->shares[k];
  return total / ONE + HINT_PARTS / 4;
}

void free_moments_of(const free_hints *h, int64_t *products, int64_t *moments) {
  for (int64_t i = 0; i < h->n; i++) {
    const int64_t *hints = h->hints + i * h->n_hints, scale = scale_at(h, i);
    const int64_t trust = scale > TRUST || TRUST / (scale * scale) < 1 ? 1 : TRUST / (scale * scale);
    for (int64_t k = 0; k < h->n_hints; k++) {
      const int64_t weighted = hints[k] * trust;
      moments[k] += weighted * h->left[i];
      for (int64_t l = 0; l < h->n_hints; l++) products[l * h->n_hints + k] += hints[l] * weighted;
    }
  }
}

int64_t free_laplacian_of(const free_hints *h) {
  int64_t total = 0;
  for (int64_t i = 0; i < h->n; i++) {
    const int64_t scale = scale_at(h, i);
    total += log_of(scale) + h->left[i] * (LOG_PARTS * 1443 / 1000) / scale;
  }
  return total;
}
