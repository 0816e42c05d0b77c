/* Two quantisers in turn: what symbols stand for, and the symbols that cost least.

   The search is that of narrows.codec.encoding.trellis_search: the same operations on doubles in the
   same order, so that it finds the same symbols. */
#include "big.h"
#include "symbols.h"

enum { N_STATES = 4, N_CANDIDATES = 4 };
#define FAR 0x1p40 /* beyond all symbols */

int is_trellis(const tables *c) {
  for (int64_t j = 0; j < c->n_places; j++)
    if (!c->places[j].in_trellis) return 0;
  return c->n_places == c->n_latents;
}

static int32_t sign_of(int64_t a) { return (a > 0) - (a < 0); }

void to_levels(const tables *c, const int32_t *symbols, int64_t n, int64_t *to) {
  for (int64_t i = 0; i < n; i++, symbols += c->n_latents, to += c->n_latents) {
    int32_t state = 0;
    for (int64_t j = 0; j < c->n_places; j++) {
      const place *p = c->places + j;
      const int32_t k = symbols[p->latent];
      to[p->latent] = 2 * (int64_t)k - (state >> 1) * sign_of(k);
      turn(p, &state, entry_of(p, k));
    }
  }
}

/* ------------------------------------------------------------------ search */

typedef struct {
  double cost;
  int32_t symbol;
} choice;

typedef struct {
  const place *p;
  double target, price;
  const double *bits; /* (2, size) of the entries, by quantiser */
} latent;

static double within_far(double a) { return a > FAR ? FAR : a > -FAR ? a : -FAR; }

static double floor_of(double a) {
  const double whole = (double)(int64_t)a;
  return whole > a ? whole - 1 : whole;
}

static double in_int32(double a) {
  return a < -0x1p31 ? -0x1p31 : a > 0x1p31 - 1 ? 0x1p31 - 1 : a;
}

/* Bits of an escaped symbol beside those of its entry. */
static double escape_bits(const place *p, int64_t symbol) {
  const int64_t above = symbol - ((int64_t)p->low + p->size - 2), below = p->low - symbol;
  return 2.0 * n_bits(2 * (uint64_t)(above > below ? above : below)) - 1;
}

/* The best even and odd symbol with a quantiser; the first of several that cost the same. */
static void choose(const latent *l, int quantiser, choice best[2]) {
  static const double candidates[N_CANDIDATES] = {0, 1, -1, -2};
  const double sign = (l->target > 0) - (l->target < 0);
  const double nearest = floor_of(within_far(0.5 * (l->target + quantiser * sign) + 0.5));
  const place *p = l->p;
  best[0] = best[1] = (choice){1.0 / 0.0, (int32_t)in_int32(nearest)};
  for (int m = 0; m < N_CANDIDATES; m++) {
    const double value = in_int32(nearest + candidates[m] * sign);
    const int32_t symbol = (int32_t)value, entry = entry_of(p, symbol);
    const int is_inside = entry < p->size - 1;
    double cost = 2.0 * value;
    cost -= quantiser * sign_of(symbol);
    cost -= l->target;
    cost *= cost;
    cost *= l->price;
    cost += l->bits[quantiser * p->size + entry];
    if (!is_inside) cost += escape_bits(p, symbol);
    choice *own = best + (is_inside && (symbol & 1));
    if (cost < own->cost) *own = (choice){cost, symbol};
  }
}

/* Where each state comes from: the symbol, and the state before. */
typedef struct {
  int32_t symbol[N_STATES];
  uint8_t before[N_STATES];
} step;

static void advance(const latent *l, double cost[N_STATES], step *to) {
  static const int before[N_STATES][2] = {{0, 1}, {2, 3}, {0, 1}, {2, 3}};
  static const int parity[N_STATES][2] = {{0, 1}, {0, 1}, {1, 0}, {1, 0}};
  choice best[2][2];
  double next[N_STATES];
  for (int quantiser = 0; quantiser < 2; quantiser++) choose(l, quantiser, best[quantiser]);
  for (int s = 0; s < N_STATES; s++) {
    double ways[2];
    for (int way = 0; way < 2; way++)
      ways[way] = cost[before[s][way]] + best[before[s][way] >> 1][parity[s][way]].cost;
    const int way = ways[1] < ways[0];
    next[s] = way ? ways[1] : ways[0];
    to->symbol[s] = best[before[s][way] >> 1][parity[s][way]].symbol;
    to->before[s] = (uint8_t)before[s][way];
  }
  for (int s = 0; s < N_STATES; s++) cost[s] = next[s];
}

int find_paths(const tables *c, const double *target, const double *price, const double *bits,
               int64_t n, int32_t *symbols) {
  step *steps = aligned_zeros(c->n_places, sizeof *steps);
  for (int64_t i = 0; steps && i < n; i++) {
    double cost[N_STATES] = {0, 1.0 / 0.0, 1.0 / 0.0, 1.0 / 0.0};
    const double *own = bits;
    for (int64_t j = 0; j < c->n_places; j++) {
      const place *p = c->places + j;
      const latent l = {p, target[p->latent], price[p->latent], own};
      advance(&l, cost, steps + j);
      own += 2 * p->size;
    }
    int s = 0;
    for (int other = 1; other < N_STATES; other++)
      if (cost[other] < cost[s]) s = other;
    for (int64_t j = c->n_places - 1; j >= 0; j--) {
      symbols[c->places[j].latent] = steps[j].symbol[s];
      s = steps[j].before[s];
    }
    target += c->n_latents, price += c->n_latents, symbols += c->n_latents;
  }
  aligned_release(steps);
  return steps ? 0 : -1;
}
