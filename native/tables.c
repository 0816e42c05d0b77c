/* Reading the description of coding tables, and what levels do not need to know of them. */
#include <string.h>

#include "reading.h"
#include "symbols.h"

enum { HEAD = 16, FIELDS = 4, MAX_PLACES = 1 << 20, MAX_CONTEXTS = 1 << 14 };

/* What is still to be read of the arrays of a description, and to be laid out. */
typedef struct {
  reader r;
  tables *c;
  const int16_t *hidden, *output, *basis;
  const int32_t *bias, *base, *fixed;
  int32_t *numbers, *weights;
  int64_t lanes, reach; /* reach: the largest hidden sum but for its bias */
} layout_of_tables;

static int64_t padded(int64_t n, int64_t lanes) { return (n + lanes - 1) / lanes * lanes; }

static int64_t magnitude(int64_t a) { return a < 0 ? -a : a; }

static int64_t following(const tables *c, int64_t p) {
  return (c->n_contexts - 1 - p) * c->n_outputs;
}

/* Put (inputs, outputs) weights in pairs of inputs: (pairs, apart, 2); backwards by `group`s. */
static void put_pairs(const int16_t *from, int64_t inputs, int64_t outputs, int64_t apart,
                      int64_t group, int32_t *to) {
  int16_t *w = (int16_t *)(void *)to;
  for (int64_t i = 0; i < inputs; i++)
    for (int64_t o = 0; o < outputs; o++) {
      int64_t at = group ? outputs - group - o / group * group + o % group : o;
      w[(i / 2 * apart + at) * 2 + i % 2] = from[i * outputs + o];
    }
}

static int read_head(layout_of_tables *l, const int64_t *f) {
  tables *c = l->c;
  reader *r = &l->r;
  if (!within(f[0], 1, MAX_PLACES) || !within(f[1], 0, f[0]) || !within(f[2], 0, MAX_CONTEXTS) ||
      f[2] > f[1] || f[2] == 1)
    return refuse(r, "a number of places out of its range");
  c->n_latents = f[0], c->n_places = f[1], c->n_contexts = f[2];
  c->n_state = 1; /* of a trellis, if there is one */
  if (!c->n_contexts) return 0;
  if (!within(f[3], 1, MAX_UNITS) || !within(f[4], 1, MAX_OUTPUTS) || !within(f[5], 0, 31) ||
      !within(f[6], 1, INT16_MAX) || !within(f[7], 0, 31) || !within(f[8], 1, INT16_MAX) ||
      !within(f[9], 0, 18))
    return refuse(r, "a context model out of its range");
  c->n_units = f[3], c->n_outputs = f[4], c->hidden_shift = (int32_t)f[5];
  c->hidden_limit = (int32_t)f[6], c->output_shift = (int32_t)f[7];
  c->output_limit = (int32_t)f[8], c->row_shift = (int32_t)f[9];
  c->n_unit_lanes = padded(c->n_units, l->lanes);
  c->n_sums = padded(c->n_contexts * c->n_outputs, l->lanes);
  c->n_inputs = padded((c->n_contexts + 1) / 2, l->lanes);
  c->turn = c->n_sums + c->n_inputs;
  c->n_state = c->turn + l->lanes;
  return 0;
}

static int read_place(layout_of_tables *l, place *p, const int64_t *f, int64_t *n_contexts) {
  tables *c = l->c;
  if (!within(f[0], 0, c->n_latents - 1) || !within(f[2], 2, MAX_ENTRIES) ||
      !within(f[1], INT32_MIN, INT32_MAX) || f[1] + f[2] - 2 > INT32_MAX || !within(f[3], FIXED, IN_BOTH) ||
      (f[3] == IN_TRELLIS && c->n_contexts))
    return refuse(&l->r, "a table out of its range");
  p->latent = (int32_t)f[0], p->low = (int32_t)f[1], p->size = (int32_t)f[2];
  p->context = f[3] == IN_CONTEXT || f[3] == IN_BOTH ? (*n_contexts)++ : -1;
  p->in_trellis = f[3] == IN_TRELLIS || f[3] == IN_BOTH;
  p->n_lanes = padded(p->size, l->lanes);
  if (p->n_lanes + l->lanes > c->n_room) c->n_room = p->n_lanes + l->lanes;
  return 0;
}

/* Check that the arrays have the lengths that the places need, and make room for what is laid out. */
static int measure(layout_of_tables *l) {
  tables *c = l->c;
  const int64_t k = c->n_contexts, u = c->n_units, m = c->n_outputs, pairs = k * (k - 1) / 2;
  int64_t own = 0, fixed = 0, numbers = 0, weights = 0;
  for (int64_t i = 0; i < c->n_places; i++) {
    place *p = c->places + i;
    if (p->context < 0) {
      fixed += (1 + p->in_trellis) * p->size, numbers += (1 + p->in_trellis) * (p->size + 1);
      continue;
    }
    p->n_following = padded(following(c, p->context), l->lanes);
    own += (1 + p->in_trellis) * p->size;
    numbers += (1 + p->in_trellis) * p->n_lanes + c->n_unit_lanes;
    weights += (1 + p->in_trellis) * ((m + 1) / 2) * p->n_lanes + (p->context + 2) / 2 * c->n_unit_lanes +
               (u + 1) / 2 * p->n_following;
  }
  const int64_t biases = k ? (k - 1) * u : 0;
  if (l->r.given->n_weights != u * pairs + m * u * pairs + m * own ||
      l->r.given->n_numbers != biases + k * m + own + fixed)
    return refuse(&l->r, "arrays of another length");
  l->hidden = l->r.given->weights, l->output = l->hidden + u * pairs;
  l->basis = l->output + m * u * pairs;
  l->bias = l->r.given->numbers, l->base = l->bias + biases + k * m, l->fixed = l->base + own;
  numbers += padded(numbers, l->lanes) - numbers;
  c->numbers = l->numbers = room(&l->r, numbers, sizeof *c->numbers);
  c->weights = l->weights = room(&l->r, weights, sizeof *c->weights);
  c->start = room(&l->r, c->n_state, sizeof *c->start);
  return c->numbers && c->weights && c->start ? 0 : -1;
}

/* Read one fixed table; `p->ends` is then of the first of a place. */
static int read_fixed(layout_of_tables *l, place *p) {
  int64_t at = 0;
  int32_t *ends = l->numbers;
  for (int32_t e = 0; e < p->size; e++) {
    if (l->fixed[e] < 1) return refuse(&l->r, "a frequency below 1");
    ends[e] = (int32_t)at, at += l->fixed[e];
    if (at > TOTAL) return refuse(&l->r, "frequencies of another sum");
  }
  if (at != TOTAL) return refuse(&l->r, "frequencies of another sum");
  ends[p->size] = TOTAL;
  if (!p->ends) p->ends = ends;
  l->numbers += p->size + 1, l->fixed += p->size;
  return 0;
}

/* Read the base and the basis of one quantiser to `base` and to the weights that are next. */
static int read_base(layout_of_tables *l, const place *p, int32_t *base) {
  const tables *c = l->c;
  const int64_t m = c->n_outputs;
  int64_t largest = 0;
  for (int64_t e = 0; e < p->n_lanes; e++) base[e] = e < p->size ? l->base[e] : -(1 << 30);
  for (int64_t e = 0; e < p->size; e++) {
    int64_t sum = magnitude(l->base[e]);
    for (int64_t j = 0; j < m; j++) sum += magnitude(l->basis[j * p->size + e]) * c->output_limit;
    largest = sum > largest ? sum : largest;
  }
  if (2 * largest + ((int64_t)LARGEST_LOG << c->row_shift) > INT32_MAX)
    return refuse(&l->r, "logarithms beyond int32");
  put_pairs(l->basis, m, p->size, p->n_lanes, 0, l->weights);
  l->weights += (m + 1) / 2 * p->n_lanes, l->base += p->size, l->basis += m * p->size;
  return 0;
}

static int read_context(layout_of_tables *l, place *p) {
  tables *c = l->c;
  const int64_t m = c->n_outputs, u = c->n_units, n = p->context + 1, left = following(c, p->context);
  int32_t *base = l->numbers, *bias = base + (1 + p->in_trellis) * p->n_lanes, *w;
  p->base = base, p->basis = l->weights, p->bias = bias;
  for (int32_t quantiser = 0; quantiser <= p->in_trellis; quantiser++)
    if (read_base(l, p, base + quantiser * p->n_lanes)) return -1;
  w = l->weights, l->numbers = bias + c->n_unit_lanes;
  if (left) {
    memcpy(bias, l->bias, (size_t)u * sizeof *bias);
    put_pairs(l->hidden, n, u, c->n_unit_lanes, 0, w);
    p->hidden = w, w += (n + 1) / 2 * c->n_unit_lanes;
    put_pairs(l->output, u, left, p->n_following, m, w);
    p->output = w, w += (u + 1) / 2 * p->n_following;
    l->bias += u, l->hidden += n * u, l->output += u * left;
  }
  l->weights = w;
  return 0;
}

/* Prove that no sum of the network leaves int32; places of the context model follow each other. */
static int prove(layout_of_tables *l) {
  tables *c = l->c;
  const int64_t k = c->n_contexts, m = c->n_outputs, u = c->n_units;
  const int16_t *w = l->r.given->weights, *v = w + u * (k * (k - 1) / 2);
  const int32_t *bias = l->r.given->numbers, *start = bias + (k - 1) * u;
  int64_t *sums = room(&l->r, k * m, sizeof *sums), *half = room(&l->r, k, sizeof *half);
  int failed = !sums || !half;
  for (int64_t i = 0, p = 0; i < c->n_places && !failed; i++)
    if (c->places[i].context >= 0) half[p++] = c->places[i].size / 2;
  for (int64_t p = 1; p < k && !failed; w += p * u, v += u * (k - p) * m, p++) {
    for (int64_t j = 0; j < u; j++) {
      int64_t sum = magnitude(bias[(p - 1) * u + j]);
      for (int64_t q = 0; q < p; q++) sum += magnitude(w[q * u + j]) * half[q];
      failed |= sum > INT32_MAX;
      for (int64_t o = p * m; o < k * m; o++)
        sums[o] += magnitude(v[j * (k - p) * m + o - p * m]) * c->hidden_limit;
    }
  }
  for (int64_t o = 0; o < k * m && !failed; o++) {
    failed |= sums[o] + magnitude(start[o]) > INT32_MAX;
    c->start[(k - 1 - o / m) * m + o % m] = start[o];
  }
  aligned_release(sums);
  aligned_release(half);
  return failed ? refuse(&l->r, "sums beyond int32") : 0;
}

static int read_tables(layout_of_tables *l) {
  tables *c = l->c;
  const int64_t *f = l->r.given->fields, n = l->r.given->n_fields;
  if (n < HEAD || read_head(l, f)) return refuse(&l->r, "a description of another length");
  if (n != HEAD + FIELDS * c->n_places) return refuse(&l->r, "a description of another length");
  c->places = room(&l->r, c->n_places, sizeof *c->places);
  if (!c->places) return -1;
  int64_t n_contexts = 0;
  for (int64_t i = 0; i < c->n_places; i++)
    if (read_place(l, c->places + i, f + HEAD + FIELDS * i, &n_contexts)) return -1;
  if (n_contexts != c->n_contexts) return refuse(&l->r, "another number of places with a context");
  if (measure(l)) return -1;
  for (int64_t i = 0; i < c->n_places; i++) {
    place *p = c->places + i;
    if (p->context >= 0 && read_context(l, p)) return -1;
  }
  /* Rows of a vector each must begin at a multiple of one: what is fixed has other lengths. */
  for (int64_t i = 0; i < c->n_places; i++)
    for (int32_t t = 0; c->places[i].context < 0 && t <= c->places[i].in_trellis; t++)
      if (read_fixed(l, c->places + i)) return -1;
  return n_contexts ? prove(l) : 0;
}

tables *new_tables(const description *given, const level *on, const char **reason, int *no_memory) {
  layout_of_tables l = {.r = {given, NULL, 0}, .lanes = on->n_vector};
  l.c = room(&l.r, 1, sizeof *l.c);
  if (l.c) {
    l.c->level = on;
    if (read_tables(&l)) free_tables(l.c), l.c = NULL;
  }
  *reason = l.r.reason, *no_memory = l.r.no_memory;
  return l.c;
}

void free_tables(tables *c) {
  if (!c) return;
  aligned_release(c->places);
  aligned_release(c->numbers);
  aligned_release(c->weights);
  aligned_release(c->start);
  aligned_release(c);
}

const int32_t *ends_at(const tables *c, const place *p, const int32_t *state, int32_t *room_of_ends) {
  const int32_t quantiser = p->in_trellis ? state[c->turn] >> 1 : 0;
  if (p->context < 0) return p->ends + quantiser * (int64_t)(p->size + 1);
  c->level->ends(c, p, state, room_of_ends);
  return room_of_ends;
}

void turn(const place *p, int32_t *state, int32_t entry) {
  static const int32_t next[8] = {0, 2, 2, 0, 1, 3, 3, 1};
  const int32_t is_odd = entry < p->size - 1 && (((uint32_t)p->low + (uint32_t)entry) & 1);
  *state = next[2 * *state + is_odd];
}

void tell(const tables *c, const place *p, int32_t *state, int32_t entry) {
  if (p->in_trellis) turn(p, state + c->turn, entry);
  if (p->context >= 0) c->level->tell(c, p, state, entry);
}

uint64_t fold_escape(const place *p, int32_t symbol) {
  int64_t high = (int64_t)p->low + p->size - 2;
  if (symbol > high) return 2 * (uint64_t)(symbol - high - 1);
  return 2 * (uint64_t)((int64_t)p->low - 1 - symbol) + 1;
}

int unfold_escape(const place *p, uint64_t number, int32_t *symbol) {
  int64_t half = (int64_t)(number >> 1), high = (int64_t)p->low + p->size - 2;
  int64_t found = number & 1 ? p->low - 1 - half : high + 1 + half;
  if (!within(found, INT32_MIN, INT32_MAX)) return -1;
  *symbol = (int32_t)found;
  return 0;
}

int all_frequencies(const tables *c, const int32_t *symbols, int64_t n, int32_t *to) {
  int32_t *state = aligned_zeros(c->n_state, sizeof *state);
  int32_t *ends_room = aligned_zeros(c->n_room, sizeof *ends_room);
  int failed = !state || !ends_room;
  for (int64_t i = 0; i < n && !failed; i++, symbols += c->n_latents) {
    int32_t *column = to;
    memcpy(state, c->start, (size_t)c->n_state * sizeof *state);
    for (int64_t j = 0; j < c->n_places; j++) {
      const place *p = c->places + j;
      const int32_t *ends = ends_at(c, p, state, ends_room);
      for (int32_t e = 0; e < p->size; e++) column[i * p->size + e] = ends[e + 1] - ends[e];
      tell(c, p, state, entry_of(p, symbols[p->latent]));
      column += n * p->size;
    }
  }
  aligned_release(state);
  aligned_release(ends_room);
  return failed ? -1 : 0;
}
