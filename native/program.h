/* A program: the operations of a chain of exact integer layers, checked and laid out for one level.

   A level is a way of computing for one kind of processor. It works on blocks of so many signals at
   a time, each in a lane of its own. Values between operations are int16, in buffers of *rows*: a
   row holds two neighbouring channels of one position for all signals of a block,

       row : (n_lanes, 2) int16          buffer : (n_positions, ceil(n_channels / 2)) rows

   Sums are int32. Whoever makes a program has proven that no value leaves int16 and no sum int32;
   what is checked here is that no description whatever makes it touch memory that is not its own. */
#ifndef NARROWS_PROGRAM_H
#define NARROWS_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { AXES = 3, MAX_BUFFERS = 8, MAX_OPERATIONS = 4096, MAX_LANES = 32, MAX_TILE = 12 };
enum { WIDE = -1 }; /* the number of the buffer of int32 results, one row of lanes an element */

enum kind { AFFINE, POINTWISE, TABLE, ADD, PULL, N_KINDS };
enum activation { IDENTITY, LEAKY_RELU, RELU, N_ACTIVATIONS };

/* How an array (n_positions, n_channels) lies in a buffer. */
typedef struct {
  int64_t n_elements, n_channels;
} layout;

/* Weighted sums at positions that a window slides over, then `clip(sum >> shift)` and an activation.
   Output o of position j is element `place[o] + sum over axes of j * step` of the target. */
typedef struct {
  int64_t n_inputs, n_outputs, n_pairs; /* channels of a position; pairs of inputs */
  int64_t size[AXES], kernel[AXES], stride[AXES], before[AXES];
  int64_t count[AXES], step[AXES];
  int32_t shift, limit; /* limit 0: no clip */
  enum activation activation;
  int16_t *weight; /* tile by tile: (taps, pairs, outputs of the tile, 2) */
  int32_t *bias;   /* (n_outputs) */
  int32_t *place;  /* (n_outputs) */
  int32_t *reach;  /* (n_outputs, AXES): an output is there for j below it */
  int64_t n_tiles;
  int32_t *tile; /* (n_tiles): outputs of each, even but for the last; alone, whole vectors */
  uint8_t *is_row; /* alone, of each vector: whether its outputs lie in a row */
} affine;

/* A function of one number that is looked up: values[x - low], with the ends for what is outside. */
typedef struct {
  int32_t low, n_values, identity_above;
  int32_t *values;
} table;

typedef struct {
  enum kind kind;
  int source, second, target; /* buffers; `second` is that of ADD */
  layout from, to;            /* of POINTWISE, TABLE and ADD both are the same */
  affine affine;
  table table;
  enum activation activation; /* of POINTWISE and PULL */
  int32_t limit;              /* of ADD; 0: no clip */
  int32_t bits, shift;        /* of PULL: what is left of gradients; of the layer before it */
} operation;

struct level;

typedef struct {
  const struct level *level;
  int n_lanes; /* signals that are computed together: those of the level, or 1 */
  int64_t n_operations;
  operation *operations;
  int64_t n_buffers, rows[MAX_BUFFERS], n_wide; /* sizes; wide rows of one lane each */
  int64_t most_runs;                            /* of a position */
  layout input, output;
  int output_buffer;
  int32_t input_limit;
  int32_t first_bits, last_shift; /* of a program with PULL: what gradients are first rounded to */
  int is_way_back;                /* whether there is a PULL */
} program;

/* Arrays of numbers that a description refers to. */
typedef struct {
  const int64_t *fields;
  int64_t n_fields;
  const int16_t *weights;
  int64_t n_weights;
  const int32_t *numbers;
  int64_t n_numbers;
} description;

/* Signals in and results out, (n, elements), float32 or float64. */
typedef struct {
  const void *x;
  void *y;
  int64_t n;
  int x_is_double, y_is_double;
} batch;

/* What makes frames of the integers that a decoder gives; see frames.h. */
enum { UINT8, INT8, UINT16, INT16, FLOAT32 };
typedef struct {
  int type;
  int64_t n_elements;
  const double *slope, *offset; /* of each element */
  double least, largest;        /* of a frame's values */
  const double *units;          /* of errors, in 1 of a frame */
  double limit;                 /* their largest magnitude */
} frame_ends;

struct tables;
struct place;
struct pass_steps;
struct window_steps;

typedef struct level {
  const char *name;
  int n_lanes, largest_tile;
  int (*is_supported)(void);
  /* 0, or -1 where memory is short; a tape keeps what is in the buffers, NULL: nothing does */
  int (*run)(const program *, const batch *, int32_t *tape);
  /* As `run`, or 1 where a gradient is out of its range: of the program, and the one of the tape. */
  int (*pull)(const program *, const program *, const int32_t *tape, const double *g, int64_t n,
              double *y);
  int n_vector; /* int32 in a vector */
  void (*tell)(const struct tables *, const struct place *, int32_t *state, int32_t entry);
  void (*ends)(const struct tables *, const struct place *, const int32_t *state, int32_t *ends);
  int32_t (*find)(const struct place *, const int32_t *ends, int32_t at); /* of those of `ends` */
  const struct pass_steps *passes; /* see levels.h */
  const struct window_steps *windows; /* see windows.h */
  /* Of integers x frames y; of integers x errors y, or NULL, and their squares' sums. */
  void (*frames)(const frame_ends *, const batch *);
  void (*frame_errors)(const frame_ends *, const batch *, const void *frames, double *squares);
} level;

extern const level *const LEVELS[];
extern const int N_LEVELS;

/* Return a program, of one signal at a time or of blocks, or NULL with a reason; `*no_memory` tells whether memory was short. */
program *new_program(const description *, const level *, int is_alone, const char **reason,
                     int *no_memory);
void free_program(program *);

/* Zeroed memory at a multiple of 64 bytes; NULL where it is short. */
void *aligned_zeros(int64_t n, size_t size);
void aligned_release(void *);

static inline int64_t rows_of(layout a) {
  return a.n_elements / a.n_channels * ((a.n_channels + 1) / 2);
}

/* Where a buffer of a block lies on a tape, in int32; of MAX_BUFFERS the length of the block. */
static inline int64_t tape_of(const program *p, int buffer) {
  int64_t at = 0;
  for (int i = 0; i < buffer; i++) at += p->rows[i] * p->n_lanes;
  return at;
}

#endif
