/* A part of a pass of frames of bytes; see levels.h and narrows.codec.levels.byte_levels. */
#include <string.h>

#include "levels.h"

enum { LOGIT_REACH = 1024, LOGIT_STEP = 16, UNIT = 256, LEAST_ODDS = 32, LEAST_ROOM = 1024 };

/* What a part needs beside its frames. Rows are numbered place by place, within one frame by frame. */
typedef struct {
  const levels_coder *c;
  decisions *d;
  const pass_network *network;
  const part_of_pass *part;
  uint8_t *values;
  int64_t n, row, room, n_live, n_dead; /* n: frames; row: of lanes; room: of rows */
  int32_t *live, *dead;           /* rows of the part that have a network, or have none */
  int32_t *left, *grey;           /* numbers among the live ones */
  uint8_t *coded, *found;         /* of all live rows; of those that are coded at a time */
  int32_t *ones, *outputs;        /* outputs: (blocks, n_outputs, row) */
  const int32_t **mixtures;
  const uint8_t **rows;
  /* the block that is being filled */
  int64_t lanes, where[MAX_LANES];
  uint8_t *near;
  int32_t *x, *hidden, *bias;
  grey_rows *mixed;
} bytes_part;

static int32_t odds_of(const levels_coder *c, int32_t logit) {
  const int32_t at = logit < -LOGIT_REACH ? -LOGIT_REACH : logit > LOGIT_REACH ? LOGIT_REACH : logit;
  const int32_t ones = c->sigmoid[SIGMOID_ZERO + at * LOGIT_STEP] * UNIT;
  return ones < LEAST_ODDS ? LEAST_ODDS : ones > ALL - LEAST_ODDS ? ALL - LEAST_ODDS : ones;
}

static const int32_t *outputs_of(const bytes_part *b, int64_t i) {
  return b->outputs + i / b->row * b->network->n_outputs * b->row + i % b->row;
}

static uint8_t *value_at(const bytes_part *b, int64_t row) {
  return b->values + b->part->places[b->part->start + row / b->n] * b->n + row % b->n;
}

/* ------------------------------------------------------------------ networks */

/* Compute the outputs of the block that was filled, and begin another. */
static void compute(bytes_part *b) {
  const pass_network *p = b->network;
  const pass_steps *on = b->c->level->passes;
  if (!b->lanes) return;
  const int64_t first = b->where[0], same = p->n_bias == 1 || b->where[b->lanes - 1] == first;
  const int32_t *bias = p->bias + (p->n_bias == 1 ? 0 : first * p->n_units);
  if (!same) {
    for (int64_t i = 0; i < b->lanes; i++)
      for (int64_t u = 0; u < p->n_units; u++)
        b->bias[u * b->row + i] = p->bias[b->where[i] * p->n_units + u];
    bias = b->bias;
  }
  on->see_bytes(b->c, b->near, b->x);
  const int64_t block = (b->n_live - 1) / b->row;
  on->pass(p, b->x, bias, same ? 0 : b->row, b->hidden, b->outputs + block * p->n_outputs * b->row);
  b->lanes = 0;
}

/* Tell which rows of a place are live, and put what is around them into blocks. */
static int take_place(bytes_part *b, int64_t place, int skips) {
  const part_of_pass *part = b->part;
  const int64_t k = part->k, base = (place - part->start) * b->n;
  for (int64_t j = 0; j < k; j++) {
    const int64_t near = part->near[j * part->m + place];
    if (near < 0 || near > b->c->size) return OUTSIDE;
    b->rows[j] = b->values + near * b->n;
  }
  if (part->places[place] < 0 || part->places[place] >= b->c->size) return OUTSIDE;
  if (skips) b->c->level->passes->are_live(b->rows, k, b->n, (uint8_t)b->c->atoms[0], b->found);
  int64_t n = 0;
  for (int64_t i = 0; i < b->n; i++) {
    const int is_live = !skips || b->found[i];
    b->dead[b->n_dead] = (int32_t)(base + i), b->n_dead += !is_live;
    b->left[n] = (int32_t)i, n += is_live;
  }
  for (int64_t start = 0; start < n;) {
    const int64_t left = n - start, room = b->row - b->lanes, taken = left < room ? left : room;
    const int32_t *frames = b->left + start;
    for (int64_t j = 0; j < k; j++) {
      const uint8_t *from = b->rows[j];
      uint8_t *to = b->near + j * b->row + b->lanes;
      for (int64_t i = 0; i < taken; i++) to[i] = from[frames[i]];
    }
    for (int64_t i = 0; i < taken; i++) {
      b->live[b->n_live++] = (int32_t)(base + frames[i]);
      b->where[b->lanes++] = place;
    }
    start += taken;
    if (b->lanes == b->row) compute(b);
  }
  return 0;
}

/* ------------------------------------------------------------------ decisions */

/* Code the rows around which there is nothing but background. */
static int code_dead(bytes_part *b) {
  const int32_t nothing = b->c->atoms[0];
  int64_t n = 0;
  for (int64_t i = 0; i < b->n_dead; i++) {
    const int64_t place = b->part->places[b->part->start + b->dead[i] / b->n];
    b->ones[i] = b->c->quiet[place];
    b->found[i] = *value_at(b, b->dead[i]) != nothing;
  }
  if (code_decisions(b->d, b->ones, b->n_dead, b->found)) return NO_MEMORY;
  for (int64_t i = 0; i < b->n_dead; i++) {
    if (b->found[i]) b->left[n++] = b->dead[i];
    else *value_at(b, b->dead[i]) = (uint8_t)nothing;
  }
  for (int64_t i = 0; i < n; i++) b->grey[i] = *value_at(b, b->left[i]);
  if (code_entries(b->d, &b->c->loud, n, b->grey)) return NO_MEMORY;
  for (int64_t i = 0; i < n; i++) *value_at(b, b->left[i]) = (uint8_t)b->grey[i];
  return 0;
}

/* Code for the n live rows in `left` whether what is true of them is, by one output: into `found`. */
static int decide(bytes_part *b, int64_t n, int64_t output) {
  for (int64_t i = 0; i < n; i++)
    b->ones[i] = odds_of(b->c, outputs_of(b, b->left[i])[output * b->row]);
  return code_decisions(b->d, b->ones, n, b->found);
}

static int is_atom(const levels_coder *c, uint8_t value) {
  for (int64_t a = 1; a < c->n_atoms; a++)
    if (c->atoms[a] == value) return 1;
  return 0;
}

/* Keep those in `left` that are not what was decided, which get a value. */
static int64_t without(bytes_part *b, int64_t n, int32_t value) {
  int64_t kept = 0;
  for (int64_t i = 0; i < n; i++) {
    if (b->found[i]) b->coded[b->left[i]] = (uint8_t)value;
    b->left[kept] = b->left[i], kept += !b->found[i];
  }
  return kept;
}

/* Code which atoms the live rows are; return how many are none, whose numbers are in `grey`. */
static int64_t code_atoms(bytes_part *b) {
  const levels_coder *c = b->c;
  const int64_t n_others = c->n_atoms - 1;
  int64_t n = b->n_live, n_grey = 0;
  for (int64_t i = 0; i < n; i++) b->left[i] = (int32_t)i, b->found[i] = b->coded[i] == c->atoms[0];
  if (decide(b, n, 0)) return NO_MEMORY;
  n = without(b, n, c->atoms[0]);
  int64_t output = 1, last = c->n_atoms;
  if (n_others > 1) {
    for (int64_t i = 0; i < n; i++) b->found[i] = (uint8_t)is_atom(c, b->coded[b->left[i]]);
    if (decide(b, n, output++)) return NO_MEMORY;
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
      b->grey[n_grey] = b->left[i], n_grey += !b->found[i];
      b->left[kept] = b->left[i], kept += b->found[i];
    }
    n = kept, last--;
  }
  for (int64_t a = 1; a < last; a++, output++) {
    for (int64_t i = 0; i < n; i++) b->found[i] = b->coded[b->left[i]] == c->atoms[a];
    if (decide(b, n, output)) return NO_MEMORY;
    n = without(b, n, c->atoms[a]);
  }
  for (int64_t i = 0; i < n; i++) {
    if (n_others > 1) b->coded[b->left[i]] = (uint8_t)c->atoms[last];
    else b->grey[n_grey++] = b->left[i];
  }
  return n_grey;
}

static int code_live(bytes_part *b) {
  for (int64_t i = 0; i < b->n_live; i++) b->coded[i] = *value_at(b, b->live[i]);
  const int64_t n = code_atoms(b);
  if (n < 0) return NO_MEMORY;
  for (int64_t i = 0; i < n; i++) {
    b->mixtures[i] = outputs_of(b, b->grey[i]) + b->c->n_atoms * b->row;
    b->found[i] = b->coded[b->grey[i]];
  }
  if (code_grey(b->c, b->d, b->mixed, b->mixtures, b->row, n, b->found)) return NO_MEMORY;
  for (int64_t i = 0; i < n; i++) b->coded[b->grey[i]] = b->found[i];
  for (int64_t i = 0; i < b->n_live; i++) *value_at(b, b->live[i]) = b->coded[i];
  return 0;
}

/* ------------------------------------------------------------------ memory */

static void release(void *work) {
  bytes_part *b = work;
  void *const all[] = {b->live, b->dead, b->left, b->grey, b->ones, b->coded, b->found, b->rows,
                       b->near, b->x, b->hidden, b->bias, b->outputs, b->mixed, b->mixtures, b};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) aligned_release(all[i]);
}

/* Make room for so many rows of any pass; NULL where memory is short. */
static bytes_part *new_room(const levels_coder *c, int64_t rows) {
  const int64_t lanes = c->level->n_lanes, k = c->n_neighbours;
  bytes_part *b = aligned_zeros(1, sizeof *b);
  if (!b) return NULL;
  int32_t **const numbers[] = {&b->live, &b->dead, &b->left, &b->grey, &b->ones};
  int failed = 0;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    failed |= !(*numbers[i] = aligned_zeros(rows + 1, sizeof(int32_t)));
  failed |= !(b->coded = aligned_zeros(rows, 1)) || !(b->found = aligned_zeros(rows, 1));
  failed |= !(b->mixtures = aligned_zeros(rows, sizeof *b->mixtures));
  failed |= !(b->rows = aligned_zeros(k, sizeof *b->rows)) || !(b->near = aligned_zeros(k * lanes, 1));
  failed |= !(b->x = aligned_zeros(MAX_INPUTS / 2 * lanes, sizeof *b->x));
  failed |= !(b->hidden = aligned_zeros((c->most_units + 1) / 2 * lanes, sizeof *b->hidden));
  failed |= !(b->bias = aligned_zeros(c->most_units * lanes, sizeof *b->bias));
  failed |= !(b->outputs = aligned_zeros((rows / lanes + 1) * lanes * c->passes[0].n_outputs, 4));
  failed |= !(b->mixed = aligned_zeros(1, sizeof *b->mixed));
  b->c = c, b->row = lanes, b->room = rows;
  if (!failed) return b;
  release(b);
  return NULL;
}

int code_bytes_of(const levels_coder *c, decisions *d, int64_t pass, const part_of_pass *part, int skips,
                  uint8_t *values, int64_t n) {
  const int64_t rows = (part->stop - part->start) * n;
  bytes_part *b = d->work;
  const int64_t n_bias = c->passes[pass].n_bias;
  if (part->k != c->n_neighbours || (n_bias != 1 && n_bias != part->m)) return OUTSIDE;
  if (!b || b->c != c || b->room < rows) {
    if (b) d->release_work(b);
    d->release_work = release, d->work = b = new_room(c, rows < LEAST_ROOM ? LEAST_ROOM : rows);
    if (!b) return NO_MEMORY;
  }
  b->d = d, b->network = c->passes + pass, b->part = part, b->values = values, b->n = n;
  b->n_live = b->n_dead = b->lanes = 0;
  int failed = 0;
  for (int64_t place = part->start; place < part->stop && !failed; place++)
    failed = take_place(b, place, skips);
  if (failed) return failed;
  compute(b);
  return code_dead(b) || code_live(b) ? NO_MEMORY : 0;
}
