/* Reading the description of networks of levels: every number is checked before it is used. */
#include <string.h>

#include "levels.h"
#include "reading.h"

enum { HEAD = 12, FIELDS = 4, MAX_PASSES = 1 << 12, MAX_OUTPUTS_OF_PASS = 32 };
enum { BYTE_LIMIT = 128, NUMBER_LIMIT = 1024, MAX_NEAR = 48, MAX_RATE = 1 << 18 };
enum { MAX_NUMBER_RATE = 1 << 24, MAX_STEP = (1 << 21) + 1, NEAREST = 8, WHICH = 4 };

/* What is still to be read of the arrays of a description. */
typedef struct {
  reader r;
  levels_coder *c;
  const int16_t *weights;
  const int32_t *numbers;
  int64_t n_weights, n_numbers; /* that are left */
} levels_reader;

static const int32_t *take(levels_reader *l, int64_t n) {
  if (n > l->n_numbers) return refuse(&l->r, "too few numbers"), NULL;
  const int32_t *from = l->numbers;
  l->numbers += n, l->n_numbers -= n;
  return from;
}

/* Copy n numbers that are within a range. */
static int take_within(levels_reader *l, int32_t *to, int64_t n, int64_t low, int64_t high) {
  const int32_t *from = take(l, n);
  if (!from) return -1;
  for (int64_t i = 0; i < n; i++)
    if (!within(from[i], low, high)) return refuse(&l->r, "a number out of its range");
  memcpy(to, from, (size_t)n * sizeof *to);
  return 0;
}

/* Lay out (outputs, inputs) weights tile by tile; -1 where a sum could leave int32. */
static int32_t *take_weights(levels_reader *l, int64_t outputs, int64_t inputs, int64_t limit,
                             int64_t *peak) {
  const int64_t pairs = (inputs + 1) / 2, tile = l->c->level->largest_tile;
  if (outputs * inputs > l->n_weights) return refuse(&l->r, "too few weights"), NULL;
  int32_t *laid = room(&l->r, outputs * pairs, sizeof *laid);
  int16_t *to = (int16_t *)(void *)laid;
  *peak = 0;
  for (int64_t o = 0; laid && o < outputs; o++) {
    const int64_t first = o / tile * tile, n = outputs - first < tile ? outputs - first : tile;
    int64_t sum = 0;
    for (int64_t i = 0; i < inputs; i++) {
      const int64_t w = l->weights[o * inputs + i];
      sum += (w < 0 ? -w : w) * limit;
      to[(first * pairs + i / 2 * n + o - first) * 2 + i % 2] = (int16_t)w;
    }
    *peak = sum > *peak ? sum : *peak;
  }
  l->weights += outputs * inputs, l->n_weights -= outputs * inputs;
  return laid;
}

static int64_t largest(const int32_t *x, int64_t n) {
  int64_t most = 0;
  for (int64_t i = 0; i < n; i++) {
    const int64_t a = x[i] < 0 ? -(int64_t)x[i] : x[i];
    most = a > most ? a : most;
  }
  return most;
}

static int read_pass(levels_reader *l, pass_network *p, const int64_t *f) {
  levels_coder *c = l->c;
  const int64_t limit = c->kind == OF_BYTES ? BYTE_LIMIT : NUMBER_LIMIT;
  const int64_t own = c->n_neighbours + c->n_neighbours % 2 + NEAREST + (c->n_atoms > 1) * NEAREST +
                      (c->n_atoms - 1) * WHICH;
  if (!within(f[0], 1, MAX_INPUTS) || !within(f[1], 1, MAX_HIDDEN) ||
      !within(f[2], 1, MAX_OUTPUTS_OF_PASS) || !within(f[3], 1, c->size) ||
      (c->kind == OF_BYTES ? f[0] != own || f[2] != c->n_atoms + 3 * N_LOGISTICS
                           : f[2] != 2 || f[3] != 1))
    return refuse(&l->r, "a network out of its range");
  p->n_inputs = f[0], p->n_units = f[1], p->n_outputs = f[2], p->n_bias = f[3];
  p->n_pairs = (f[0] + 1) / 2, p->n_unit_pairs = (f[1] + 1) / 2;
  c->most_units = f[1] > c->most_units ? f[1] : c->most_units;
  int64_t first, second;
  p->first = take_weights(l, p->n_units, p->n_inputs, limit, &first);
  const int16_t *weights = l->weights;
  p->second = p->first ? take_weights(l, p->n_outputs, p->n_units, HIDDEN_LIMIT, &second) : NULL;
  if (!p->first || !p->second) return -1;
  p->bias = room(&l->r, p->n_bias * p->n_units, sizeof *p->bias);
  p->second_bias = room(&l->r, p->n_outputs, sizeof *p->second_bias);
  if (!p->bias || !p->second_bias ||
      take_within(l, p->bias, p->n_bias * p->n_units, INT32_MIN, INT32_MAX) ||
      take_within(l, p->second_bias, p->n_outputs, INT32_MIN, INT32_MAX))
    return -1;
  const int is_wide = second + largest(p->second_bias, p->n_outputs) > INT32_MAX;
  if (first > INT32_MAX || first / 128 + 1 + largest(p->bias, p->n_bias * p->n_units) > INT32_MAX ||
      (is_wide && c->kind == OF_BYTES))
    return refuse(&l->r, "sums beyond int32");
  if (!is_wide) return 0;
  p->wide = room(&l->r, p->n_outputs * p->n_unit_pairs * 2, sizeof *p->wide);
  for (int64_t i = 0; p->wide && i < p->n_outputs * p->n_units; i++)
    p->wide[i / p->n_units * 2 * p->n_unit_pairs + i % p->n_units] = weights[i];
  return p->wide ? 0 : -1;
}

static int read_bytes(levels_reader *l, const int64_t *f) {
  levels_coder *c = l->c;
  if (!within(f[2], 1, 1 << 16) || !within(f[3], NEAREST, MAX_NEAR) || !within(f[4], 1, MAX_ATOMS) ||
      !within(f[5], 0, 255) || !within(f[6], f[5], 255) || !within(f[7], -MAX_STEP, MAX_STEP) ||
      !within(f[8], 1, MAX_STEP))
    return refuse(&l->r, "a head out of its range");
  c->size = f[2], c->n_neighbours = f[3], c->n_atoms = f[4];
  c->low = (int32_t)f[5], c->high = (int32_t)f[6];
  c->first_edge = (int32_t)f[7], c->edge_step = (int32_t)f[8];
  c->quiet = room(&l->r, c->size, sizeof *c->quiet);
  if (!c->quiet || take_within(l, c->atoms, c->n_atoms, 0, 255) ||
      take_within(l, c->seen, 256, -BYTE_LIMIT, BYTE_LIMIT) ||
      take_within(l, c->grey_rates, N_SCALES, 0, MAX_RATE) ||
      take_within(l, c->shares, N_SHARES, 0, 64) || take_within(l, c->quiet, c->size, 1, ALL - 1))
    return -1;
  const int32_t *loud = take(l, 256);
  const int failed = loud ? make_shares(&c->loud, loud, 256) : 1;
  if (failed < 0) l->r.no_memory = 1;
  return failed ? refuse(&l->r, "frequencies of another sum") : 0;
}

static int read_numbers(levels_reader *l, const int64_t *f) {
  levels_coder *c = l->c;
  if (!within(f[2], 1, (int64_t)1 << 40) || !within(f[3], 1, MAX_STEP))
    return refuse(&l->r, "a head out of its range");
  c->size = f[2], c->step = f[3], c->least = c->step / 4 > 1 ? c->step / 4 : 1;
  return take_within(l, c->rates, N_RATES, 0, MAX_NUMBER_RATE);
}

static int read_levels(levels_reader *l) {
  levels_coder *c = l->c;
  const int64_t *f = l->r.given->fields, n = l->r.given->n_fields;
  if (n < HEAD || !within(f[0], OF_BYTES, OF_NUMBERS) || !within(f[1], 0, MAX_PASSES) ||
      n != HEAD + FIELDS * f[1])
    return refuse(&l->r, "a description of another length");
  c->kind = (enum levels_kind)f[0], c->n_passes = f[1];
  if (take_within(l, c->sigmoid, SIGMOID_SIZE, 0, 1 << 16)) return -1;
  if (c->kind == OF_BYTES ? read_bytes(l, f) : read_numbers(l, f)) return -1;
  c->passes = room(&l->r, c->n_passes, sizeof *c->passes);
  if (!c->passes) return -1;
  for (int64_t i = 0; i < c->n_passes; i++)
    if (read_pass(l, c->passes + i, f + HEAD + FIELDS * i)) return -1;
  return l->n_weights || l->n_numbers ? refuse(&l->r, "numbers left over") : 0;
}

levels_coder *new_levels(const description *given, const level *on, const char **reason,
                         int *no_memory) {
  levels_reader l = {.r = {given, NULL, 0}, .weights = given->weights, .numbers = given->numbers,
                     .n_weights = given->n_weights, .n_numbers = given->n_numbers};
  l.c = room(&l.r, 1, sizeof *l.c);
  if (l.c) {
    l.c->level = on;
    if (read_levels(&l)) release_levels(l.c), l.c = NULL;
  }
  *reason = l.r.reason, *no_memory = l.r.no_memory;
  return l.c;
}

void release_levels(levels_coder *c) {
  if (!c) return;
  for (int64_t i = 0; c->passes && i < c->n_passes; i++) {
    aligned_release(c->passes[i].first);
    aligned_release(c->passes[i].second);
    aligned_release(c->passes[i].bias);
    aligned_release(c->passes[i].second_bias);
    aligned_release(c->passes[i].wide);
  }
  aligned_release(c->loud.ends);
  aligned_release(c->quiet);
  aligned_release(c->passes);
  aligned_release(c);
}
