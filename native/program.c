/* Reading the description of a program: every number is checked before it is used. */
#include "program.h"

#include <stdlib.h>
#include <string.h>

#include "reading.h"

enum { HEAD = 8, FIELDS = 32 };
#define MOST ((int64_t)1 << 28) /* elements of an array, as in the format */

void *aligned_zeros(int64_t n, size_t size) {
  if (n < 0 || (uint64_t)n > (SIZE_MAX - 128) / size) return NULL;
  size_t bytes = (size_t)n * size;
  char *raw = calloc(bytes + 64 + sizeof(void *), 1);
  if (!raw) return NULL;
  uintptr_t at = ((uintptr_t)raw + sizeof(void *) + 63) & ~(uintptr_t)63;
  memcpy((char *)at - sizeof(void *), &raw, sizeof raw);
  return (void *)at;
}

void aligned_release(void *p) {
  if (!p) return;
  void *raw;
  memcpy(&raw, (char *)p - sizeof(void *), sizeof raw);
  free(raw);
}

/* Copy `n` of the description's numbers, from `start`; zeros fill the last vector. */
static int32_t *numbers(reader *r, int64_t start, int64_t n) {
  if (!within(n, 0, r->given->n_numbers) || !within(start, 0, r->given->n_numbers - n))
    return refuse(r, "numbers that are not there"), NULL;
  int32_t *copy = room(r, n + MAX_LANES, sizeof *copy);
  if (copy && n) memcpy(copy, r->given->numbers + start, (size_t)n * sizeof *copy);
  return copy;
}

static int read_layout(reader *r, layout *a, int64_t elements, int64_t channels) {
  if (!within(elements, 1, MOST) || !within(channels, 1, elements) || elements % channels)
    return refuse(r, "an array without a layout");
  *a = (layout){elements, channels};
  return 0;
}

/* Split the outputs into tiles of whole vectors, at most four. */
static int read_vectors(reader *r, affine *a, int64_t n_vector) {
  const int64_t n = (a->n_outputs + n_vector - 1) / n_vector;
  a->n_tiles = (n + 3) / 4;
  a->tile = room(r, a->n_tiles, sizeof *a->tile);
  a->is_row = room(r, n, 1);
  if (!a->tile || !a->is_row) return -1;
  for (int64_t i = 0; i < a->n_tiles; i++)
    a->tile[i] = (int32_t)((n * (i + 1) / a->n_tiles - n * i / a->n_tiles) * n_vector);
  return 0;
}

/* Tell which vectors of outputs lie in a row, of the same positions, and can be written at once. */
static void find_rows(affine *a, layout to, int is_wide, int64_t n_vector) {
  for (int64_t v = 0; v < a->n_outputs / n_vector; v++) {
    int is_row = is_wide || to.n_channels % 2 == 0;
    for (int64_t o = v * n_vector + 1; o < (v + 1) * n_vector; o++) {
      is_row &= a->place[o] == a->place[o - 1] + 1;
      is_row &= !memcmp(a->reach + AXES * o, a->reach + AXES * (o - 1), AXES * sizeof *a->reach);
    }
    a->is_row[v] = (uint8_t)is_row;
  }
}

/* Split the outputs into tiles of nearly one size, in pairs. */
static int read_tiles(reader *r, affine *a, int largest) {
  int64_t pairs = (a->n_outputs + 1) / 2, most = largest > 1 ? largest / 2 : 1;
  a->n_tiles = (pairs + most - 1) / most;
  a->tile = room(r, a->n_tiles, sizeof *a->tile);
  if (!a->tile) return -1;
  for (int64_t i = 0; i < a->n_tiles; i++)
    a->tile[i] = 2 * (int32_t)(pairs * (i + 1) / a->n_tiles - pairs * i / a->n_tiles);
  a->tile[a->n_tiles - 1] -= a->n_outputs % 2;
  return 0;
}

/* Lay weights (taps, inputs, outputs) out tile by tile, with zeros where a pair has one input. */
static int read_weights(reader *r, affine *a, int64_t start) {
  int64_t taps = a->kernel[0] * a->kernel[1] * a->kernel[2];
  if (taps > MOST / a->n_inputs || taps * a->n_inputs > MOST / a->n_outputs)
    return refuse(r, "too many weights");
  int64_t n = taps * a->n_inputs * a->n_outputs;
  if (!within(n, 1, r->given->n_weights) || !within(start, 0, r->given->n_weights - n))
    return refuse(r, "weights that are not there");
  int64_t lanes = 0;
  for (int64_t t = 0; t < a->n_tiles; t++) lanes += a->tile[t];
  a->weight = room(r, taps * a->n_pairs * lanes * 2, sizeof *a->weight);
  if (!a->weight) return -1;
  int16_t *to = a->weight;
  int64_t first = 0;
  for (int64_t t = 0; t < a->n_tiles; first += a->tile[t++])
    for (int64_t tap = 0; tap < taps; tap++)
      for (int64_t i = 0; i < 2 * a->n_pairs; i += 2, to += 2 * a->tile[t]) {
        const int16_t *from =
            r->given->weights + start + (tap * a->n_inputs + i) * a->n_outputs + first;
        for (int64_t j = 0; j < a->tile[t] && first + j < a->n_outputs; j++) {
          to[2 * j] = from[j];
          if (i + 1 < a->n_inputs) to[2 * j + 1] = from[a->n_outputs + j];
        }
      }
  return 0;
}

/* Check that no output is placed outside the target. */
static int check_places(reader *r, const affine *a, int64_t n_elements) {
  for (int64_t o = 0; o < a->n_outputs; o++) {
    int64_t last = a->place[o];
    if (last < 0) return refuse(r, "an output before its array");
    for (int i = 0; i < AXES; i++) {
      int64_t reach = a->reach[AXES * o + i];
      if (!within(reach, 1, a->count[i])) return refuse(r, "an output without positions");
      last += (reach - 1) * a->step[i];
    }
    if (last >= n_elements) return refuse(r, "an output behind its array");
  }
  return 0;
}

static int read_affine(reader *r, const program *p, operation *op, const int64_t *f) {
  const int64_t n_vector = p->n_lanes == 1 ? p->level->n_vector : 0;
  affine *a = &op->affine;
  a->n_inputs = op->from.n_channels, a->n_outputs = f[8];
  if (!within(a->n_outputs, 1, MOST)) return refuse(r, "a layer without outputs");
  a->n_pairs = (a->n_inputs + 1) / 2;
  for (int i = 0; i < AXES; i++) {
    a->size[i] = f[9 + i], a->kernel[i] = f[12 + i], a->stride[i] = f[15 + i];
    a->before[i] = f[18 + i], a->count[i] = f[21 + i], a->step[i] = f[24 + i];
    if (!within(a->size[i], 1, MOST) || !within(a->kernel[i], 1, 1 << 10) ||
        !within(a->stride[i], 1, 1 << 10) || !within(a->before[i], -(1 << 20), 1 << 20) ||
        !within(a->count[i], 1, MOST) || !within(a->step[i], 0, MOST))
      return refuse(r, "a window out of its range");
  }
  int64_t plane = a->size[0] * a->size[1];
  if (plane > MOST || plane * a->size[2] != op->from.n_elements / a->n_inputs)
    return refuse(r, "an input of another size");
  if (!within(f[27], 0, 31) || !within(f[28], 0, INT32_MAX) || !within(f[29], 0, N_ACTIVATIONS - 1))
    return refuse(r, "a shift, limit or activation out of its range");
  a->shift = (int32_t)f[27], a->limit = (int32_t)f[28], a->activation = (enum activation)f[29];
  if (n_vector ? read_vectors(r, a, n_vector) : read_tiles(r, a, p->level->largest_tile)) return -1;
  if (read_weights(r, a, f[30])) return -1;
  a->bias = numbers(r, f[31], a->n_outputs);
  if (!a->bias) return -1;
  a->place = numbers(r, f[31] + a->n_outputs, a->n_outputs);
  if (!a->place) return -1;
  a->reach = numbers(r, f[31] + 2 * a->n_outputs, AXES * a->n_outputs);
  if (!a->reach || check_places(r, a, op->to.n_elements)) return -1;
  if (n_vector) find_rows(a, op->to, op->target == WIDE, n_vector);
  return 0;
}

static int read_table(reader *r, table *t, const int64_t *f) {
  if (!within(f[8], INT32_MIN, INT32_MAX) || !within(f[9], 1, 1 << 20) || !within(f[10], 0, 1))
    return refuse(r, "a table out of its range");
  t->low = (int32_t)f[8], t->n_values = (int32_t)f[9], t->identity_above = (int32_t)f[10];
  t->values = numbers(r, f[11], f[9]);
  return t->values ? 0 : -1;
}

/* Make the buffers large enough for an array in one of them. */
static void hold(program *p, int buffer, layout a) {
  int64_t *n = buffer == WIDE ? &p->n_wide : &p->rows[buffer];
  int64_t needed = buffer == WIDE ? a.n_elements : rows_of(a);
  if (needed > *n) *n = needed;
}

/* `source` is a buffer of the tape, and what is pulled is wide. */
static int read_pull(reader *r, program *p, operation *op, const int64_t *f) {
  if (op->from.n_elements != op->to.n_elements || op->target == WIDE)
    return refuse(r, "a way back to another size");
  if (!within(f[8], 0, N_ACTIVATIONS - 1) || !within(f[9], 1, 15) || !within(f[10], 0, 63))
    return refuse(r, "an activation, bits or shift out of their range");
  op->activation = (enum activation)f[8], op->bits = (int32_t)f[9], op->shift = (int32_t)f[10];
  p->is_way_back = 1;
  hold(p, WIDE, op->from);
  hold(p, op->target, op->to);
  return 0;
}

/* Fields 0 to 7: kind, source, second, target, and both layouts; the others are of the kind. */
static int read_operation(reader *r, program *p, operation *op, const int64_t *f) {
  if (!within(f[0], 0, N_KINDS - 1)) return refuse(r, "an unknown operation");
  op->kind = (enum kind)f[0];
  if (!within(f[1], 0, MAX_BUFFERS - 1) || !within(f[2], 0, MAX_BUFFERS - 1) ||
      !within(f[3], WIDE, MAX_BUFFERS - 1))
    return refuse(r, "an unknown buffer");
  op->source = (int)f[1], op->second = (int)f[2], op->target = (int)f[3];
  if (read_layout(r, &op->from, f[4], f[5]) || read_layout(r, &op->to, f[6], f[7])) return -1;
  if (op->kind == PULL) return read_pull(r, p, op, f);
  if (op->kind == AFFINE) {
    if (op->target == op->source) return refuse(r, "a layer that writes into its input");
    if (read_affine(r, p, op, f)) return -1;
    int64_t runs = op->affine.kernel[0] * op->affine.kernel[1];
    if (runs > p->most_runs) p->most_runs = runs;
  } else {
    if (op->to.n_elements != op->from.n_elements || op->to.n_channels != op->from.n_channels)
      return refuse(r, "a new shape where there is none");
    if (op->kind != ADD && op->target == WIDE) return refuse(r, "a function of wide numbers");
    if (op->kind == TABLE && read_table(r, &op->table, f)) return -1;
    if (op->kind != TABLE) {
      if (!within(f[8], 0, N_ACTIVATIONS - 1) || !within(f[9], 0, INT32_MAX))
        return refuse(r, "an activation or limit out of its range");
      op->activation = (enum activation)f[8], op->limit = (int32_t)f[9];
    }
  }
  hold(p, op->source, op->from);
  hold(p, op->kind == ADD ? op->second : op->source, op->from);
  hold(p, op->target, op->to);
  return 0;
}

static int read_program(reader *r, program *p) {
  const int64_t *f = r->given->fields;
  int64_t n = r->given->n_fields;
  if (n < HEAD || (n - HEAD) % FIELDS) return refuse(r, "a description of another length");
  p->n_operations = (n - HEAD) / FIELDS;
  if (!within(p->n_operations, 1, MAX_OPERATIONS)) return refuse(r, "too many operations, or none");
  if (read_layout(r, &p->input, f[0], f[1]) || read_layout(r, &p->output, f[2], f[3])) return -1;
  if (!within(f[4], WIDE, MAX_BUFFERS - 1)) return refuse(r, "an unknown buffer of the output");
  if (!within(f[5], 0, INT16_MAX)) return refuse(r, "inputs that are not int16");
  if (!within(f[6], 0, 15) || !within(f[7], 0, 63)) return refuse(r, "no bits of gradients");
  p->first_bits = (int32_t)f[6], p->last_shift = (int32_t)f[7];
  p->output_buffer = (int)f[4], p->input_limit = (int32_t)f[5];
  p->operations = room(r, p->n_operations, sizeof *p->operations);
  if (!p->operations) return -1;
  p->rows[0] = rows_of(p->input);
  for (int64_t i = 0; i < p->n_operations; i++)
    if (read_operation(r, p, p->operations + i, f + HEAD + i * FIELDS)) return -1;
  hold(p, p->output_buffer, p->output);
  return 0;
}

program *new_program(const description *given, const level *on, int is_alone, const char **reason,
                     int *no_memory) {
  reader r = {given, NULL, 0};
  program *p = room(&r, 1, sizeof *p);
  if (p) {
    p->level = on, p->n_lanes = is_alone ? 1 : on->n_lanes;
    if (read_program(&r, p)) free_program(p), p = NULL;
  }
  *reason = r.reason, *no_memory = r.no_memory;
  return p;
}

void free_program(program *p) {
  if (!p) return;
  for (int64_t i = 0; p->operations && i < p->n_operations; i++) {
    affine *a = &p->operations[i].affine;
    aligned_release(a->weight);
    aligned_release(a->bias);
    aligned_release(a->place);
    aligned_release(a->reach);
    aligned_release(a->tile);
    aligned_release(a->is_row);
    aligned_release(p->operations[i].table.values);
  }
  aligned_release(p->operations);
  aligned_release(p);
}
