/* One level: how it computes a program. Included once a level, by a file that defines

     LEVEL, NAME    the name of the level, in its functions' names and for people
     is_supported   whether this processor has its instructions
     TARGET         the attribute of functions that may use its instructions, or nothing
     LANES          signals of a vector; VECTORS of these make a row
     TILE           the largest number of outputs that are summed at once
     vec            a vector of LANES int32, with the functions
     v_load, v_store, v_splat, v_add, v_dot, v_left, v_right, v_min, v_max, v_and, v_or,
     v_gather, v_sums, v_last, v_largest, v_total, v_count

   `v_gather(p, at)` loads p[at] of each lane. `v_dot(s, x, w)` adds to each lane the products of two pairs of int16, modulo 2^32. `v_sums(a)` adds
   to each lane all before it, `v_last(a)` has the last one in all lanes, and `v_count(a, most)` counts
   the lanes that are no larger. */
#include "program.h"

#define JOINED(a, b) a##_##b
#define NAMED(a, b) JOINED(a, b)
#define OF(name) NAMED(name, LEVEL)
#define FUNCTION static TARGET
#define INLINE static inline __attribute__((always_inline)) TARGET
#define ROW (LANES * VECTORS)
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#include "sums.h"
#include "turn.h"
#include "steps.h"
#include "alone.h"
#include "pull.h"
#include "levels_pass.h"
#include "levels_halves.h"
#include "levels_see.h"
#include "levels_fit.h"
#include "windows_steps.h"
#include "frames.h"

/* ------------------------------------------------------------------ without weights */

FUNCTION void OF(pointwise)(const operation *op, const int32_t *source, int32_t *target,
                            int64_t n_lanes) {
  const int64_t n = rows_of(op->from) * n_lanes; /* buffers end with a whole vector */
  for (int64_t i = 0; i < n; i += LANES) {
    vec pair = v_load(source + i);
    vec even = OF(activated)(OF(low)(pair), op->activation);
    v_store(target + i, OF(joined)(even, OF(activated)(OF(high)(pair), op->activation)));
  }
}

FUNCTION void OF(look_up)(const operation *op, const int32_t *source, int32_t *target,
                          int64_t n_lanes) {
  const table *t = &op->table;
  const int64_t n = rows_of(op->from) * n_lanes * 2;
  const int16_t *x = (const int16_t *)(const void *)source;
  int16_t *y = (int16_t *)(void *)target;
  for (int64_t i = 0; i < n; i++) {
    int64_t at = (int64_t)x[i] - t->low;
    if (at >= t->n_values) {
      y[i] = t->identity_above ? x[i] : (int16_t)t->values[t->n_values - 1];
    } else {
      y[i] = (int16_t)t->values[at < 0 ? 0 : at];
    }
  }
}

FUNCTION void OF(add)(const operation *op, const int32_t *first, const int32_t *second,
                      int32_t *target) {
  const int64_t channels = op->from.n_channels, pairs = (channels + 1) / 2;
  const int64_t n = rows_of(op->from);
  for (int64_t row = 0; row < n; row++) {
    int64_t element = row / pairs * channels + row % pairs * 2;
    int is_pair = row % pairs * 2 + 1 < channels;
    for (int v = 0; v < VECTORS; v++) {
      int64_t i = row * ROW + v * LANES;
      vec a = v_load(first + i), b = v_load(second + i);
      vec even = OF(clipped)(v_add(OF(low)(a), OF(low)(b)), op->limit);
      vec odd = OF(clipped)(v_add(OF(high)(a), OF(high)(b)), op->limit);
      if (op->target != WIDE) {
        v_store(target + i, OF(joined)(even, odd));
        continue;
      }
      v_store(target + element * ROW + v * LANES, even);
      if (is_pair) v_store(target + (element + 1) * ROW + v * LANES, odd);
    }
  }
}

/* ------------------------------------------------------------------ blocks of signals */

FUNCTION void OF(operate)(const program *p, int32_t *const *at, OF(run) *runs) {
  for (int64_t i = 0; i < p->n_operations; i++) {
    const operation *op = p->operations + i;
    int32_t *source = at[1 + op->source], *target = at[1 + op->target];
    switch (op->kind) {
      case AFFINE:
        if (p->n_lanes == 1) OF(affine_alone)(op, source, target, runs);
        else OF(affine_block)(op, source, target, runs);
        break;
      case POINTWISE: OF(pointwise)(op, source, target, p->n_lanes); break;
      case TABLE: OF(look_up)(op, source, target, p->n_lanes); break;
      default:
        if (p->n_lanes == 1) OF(add_alone)(op, source, at[1 + op->second], target);
        else OF(add)(op, source, at[1 + op->second], target);
    }
  }
}

FUNCTION void OF(one_block)(const program *p, const batch *b, int64_t start, int32_t *const *at,
                            OF(run) *runs) {
  const int64_t n = b->n - start, from = start * p->input.n_elements;
  const int64_t to = start * p->output.n_elements, stored = n < ROW ? n : ROW;
  if (b->x_is_double) OF(load_double)(p, (const double *)b->x + from, n, at[1]);
  else OF(load_float)(p, (const float *)b->x + from, n, at[1]);
  OF(operate)(p, at, runs);
  const int32_t *results = at[1 + p->output_buffer];
  if (b->y_is_double) OF(store_double)(p, results, stored, (double *)b->y + to);
  else OF(store_float)(p, results, stored, (float *)b->y + to);
}

FUNCTION void OF(one_alone)(const program *p, const batch *b, int64_t number, int32_t *const *at,
                            OF(run) *runs) {
  const int64_t from = number * p->input.n_elements, to = number * p->output.n_elements;
  if (b->x_is_double) OF(load_alone_double)(p, (const double *)b->x + from, at[1]);
  else OF(load_alone_float)(p, (const float *)b->x + from, at[1]);
  OF(operate)(p, at, runs);
  const int32_t *results = at[1 + p->output_buffer];
  if (b->y_is_double) OF(store_alone_double)(p, results, (double *)b->y + to);
  else OF(store_alone_float)(p, results, (float *)b->y + to);
}

FUNCTION int OF(run_batch)(const program *p, const batch *b, int32_t *tape) {
  int32_t *at[1 + MAX_BUFFERS] = {NULL}; /* that of wide results is the first */
  OF(run) *runs = aligned_zeros(p->most_runs, sizeof *runs);
  int failed = !runs;
  for (int64_t i = 0; i <= MAX_BUFFERS; i++) {
    int64_t rows = i && !tape ? p->rows[i - 1] : i ? 0 : p->n_wide;
    at[i] = rows && !failed ? aligned_zeros(rows * p->n_lanes + LANES, sizeof(int32_t)) : NULL;
    failed |= rows && !at[i];
  }
  for (int64_t start = 0; start < b->n && !failed; start += p->n_lanes) {
    for (int i = 0; tape && i < MAX_BUFFERS; i++) at[1 + i] = tape + tape_of(p, i);
    if (p->n_lanes == 1) OF(one_alone)(p, b, start, at, runs);
    else OF(one_block)(p, b, start, at, runs);
    if (tape) tape += tape_of(p, MAX_BUFFERS);
  }
  for (int i = 0; tape && i < MAX_BUFFERS; i++) at[1 + i] = NULL;
  for (int64_t i = 0; i <= MAX_BUFFERS; i++) aligned_release(at[i]);
  aligned_release(runs);
  return failed ? -1 : 0;
}

static const pass_steps OF(passes) = {OF(pass), OF(are_live), OF(see_bytes), OF(grey_begin),
                                      OF(grey_odds), OF(grey_halve), OF(see_numbers),
                                      OF(fit)};
extern const level OF(level);
const level OF(level) = {NAME, ROW, TILE, OF(is_supported), OF(run_batch),
                         OF(pull_batch), LANES, OF(tell), OF(ends), OF(find), &OF(passes), &OF(windows),
                         OF(frames), OF(frame_errors)};
