/* Networks of levels (narrows.codec.levels): a pass is coded at a time, its elements in lanes.

   The rows of a part of a pass are its places one after the other, and within one the frames. What
   the network of a pass sees of ROW rows is (pairs of inputs, ROW, 2) int16; what it gives is
   (outputs, ROW) int32. Whoever makes a description has proven that no sum leaves int32; it is
   proven again here. */
#ifndef NARROWS_LEVELS_H
#define NARROWS_LEVELS_H

#include "levels_decisions.h"
#include "program.h"

enum { SIGMOID_ZERO = 1 << 14, SIGMOID_SIZE = (1 << 15) + 1 }; /* of the argument 0; of the table */
enum { FIRST_SHIFT = 7, SECOND_SHIFT = 11, HIDDEN_LIMIT = 4095 };
enum { WIDE_PLACES = 24, MAX_INPUTS = 128, MAX_HIDDEN = 1024, MAX_GIVEN = 32, MAX_ATOMS = 8 };
enum { N_LOGISTICS = 3, N_SCALES = 32, N_SHARES = 34, GREY_ROWS = 1 << 13, FIT_ROWS = 512 };
enum { N_RATES = 26, N_CLASSES = 48, N_FRACTIONS = 8, N_TABLES = N_CLASSES * N_FRACTIONS };

/* floor(first @ x / 2^7) + bias, leaky, clipped; floor((second @ hidden + second_bias) / 2^11). */
typedef struct pass_network {
  int64_t n_inputs, n_units, n_outputs, n_bias; /* n_bias: places with biases of their own, or 1 */
  int64_t n_pairs, n_unit_pairs;
  int32_t *first, *second; /* tile by tile: (pairs, outputs of the tile, 2) int16 */
  int32_t *bias;           /* (n_bias, n_units) */
  int32_t *second_bias;    /* (n_outputs) */
  int32_t *wide; /* (n_outputs, n_unit_pairs, 2) weights, where sums may leave int32; else NULL */
} pass_network;

/* Eight halvings at a time of GREY_ROWS mixtures at most; all of int32 but the odds. */
typedef struct {
  int32_t share[N_LOGISTICS][GREY_ROWS], rate[N_LOGISTICS][GREY_ROWS], start[N_LOGISTICS][GREY_ROWS];
  int32_t found[GREY_ROWS], below[GREY_ROWS], above[GREY_ROWS], middle[GREY_ROWS], ones[GREY_ROWS];
  uint8_t bit[GREY_ROWS];
  int64_t n;
} grey_rows; /* arrays first: each begins at a whole vector */

enum levels_kind { OF_BYTES, OF_NUMBERS };

typedef struct levels_coder {
  const struct level *level;
  enum levels_kind kind;
  int64_t n_passes, most_units;
  pass_network *passes;
  int32_t sigmoid[SIGMOID_SIZE]; /* 2^16 / (1 + exp(-x)), in steps of 1 / 1024 */
  /* of bytes */
  int64_t size, n_neighbours, n_atoms; /* elements of a frame */
  int32_t low, high;                   /* the possible grey levels */
  int32_t first_edge, edge_step;       /* level l begins at first_edge + l * edge_step, within 0 .. 256 */
  int32_t atoms[MAX_ATOMS], seen[256]; /* seen: what a network sees of a byte */
  int32_t grey_rates[N_SCALES], shares[N_SHARES];
  int32_t *quiet; /* (size): how often each place is not the background, where all around it is */
  share_table loud;
  /* of numbers */
  int64_t step, least; /* least: of a spread */
  int32_t rates[N_RATES];
} levels_coder;

/* What is known around ROW rows, (k, ROW) each, and what becomes of it: see narrows.codec.levels.
   number_inputs. `own` are of the same channel, `other` of another one, `wide` far along one axis. */
typedef struct {
  int64_t n_own, n_flags, n_other, n_wide; /* n_wide: 0 or WIDE_PLACES */
  int middle_bits, sees_place;
  double own[MAX_GIVEN * MAX_LANES], other[MAX_GIVEN * MAX_LANES], wide[WIDE_PLACES * MAX_LANES];
  uint8_t flags[MAX_GIVEN * MAX_LANES];
  double middle[MAX_LANES], spread[MAX_LANES]; /* times 2^middle_bits, and 2^(middle_bits + 3) */
} surroundings;

/* What one step of fitting a last layer adds up, over rows; see narrows.codec.encoding.level_fit. */
typedef struct {
  int64_t n_units, n_rows; /* units: with one more, of 256, which stands for the bias */
  const int16_t *hidden;   /* (n_units - 1, n_rows) */
  const int64_t *middle, *spread, *truth;
  const double *weights; /* (2, n_units), whole numbers below 2^16 */
  const double *inverse; /* (N_CLASSES): of scales */
  const int32_t *sigmoid;
  int middle_bits;
  double *square, *right; /* (n_units, n_units), its lower half; (2, n_units): of means, and scales */
} fit_sums;

/* What a level has for passes; see levels_pass.h and levels_see.h. */
typedef struct pass_steps {
  void (*pass)(const pass_network *, const int32_t *x, const int32_t *bias, int64_t apart,
               int32_t *hidden, int32_t *y);
  void (*are_live)(const uint8_t *const *rows, int64_t k, int64_t n, uint8_t nothing, uint8_t *live);
  void (*see_bytes)(const levels_coder *, const uint8_t *near, int32_t *x);
  void (*grey_begin)(const levels_coder *, grey_rows *);
  void (*grey_odds)(const levels_coder *, grey_rows *, int32_t bit);
  void (*grey_halve)(grey_rows *, int32_t bit);
  void (*see_numbers)(surroundings *, double least, int32_t *x);
  void (*fit)(const fit_sums *, double *room); /* room: (n_units, FIT_ROWS) */
} pass_steps;

levels_coder *new_levels(const description *, const struct level *, const char **reason,
                         int *no_memory);
void release_levels(levels_coder *);

/* The places of a pass, or some of them, and what is known around: indices of elements of frames,
   which lie (size, n), the frames last. All are checked as they are used. */
typedef struct {
  const int64_t *places, *near; /* (m); (k, m) */
  int64_t m, k, start, stop;    /* the part: places start .. stop - 1 */
} part_of_pass;

enum { NO_MEMORY = -1, OUTSIDE = -2 }; /* what coding returns where it is not 0 */

/* Code a part of a pass of frames of bytes, (size + 1, n), the last row of which is the outside.
   Where elements are known, they are only read. */
int code_bytes_of(const levels_coder *, decisions *, int64_t pass, const part_of_pass *, int skips,
                  uint8_t *values, int64_t n);

/* Code n grey levels, each by the mixture of nine numbers, `apart` from each other, that `mixtures`
   points to; `values` are what they are, or become it. */
int code_grey(const levels_coder *, decisions *, grey_rows *, const int32_t *const *mixtures,
              int64_t apart, int64_t n, uint8_t *values);

/* Code n distances, all by the logistic of one class; they are what is true, or become it. */
int code_starts_of(const levels_coder *, decisions *, int number, int64_t n, int64_t *distances);

/* A part of a pass of frames of numbers: the arrays of `part_of_pass`, near being its own channel. */
typedef struct {
  part_of_pass own;
  const int64_t *other, *wide; /* (n_other, m); (n_wide, m) */
  const uint8_t *flags;        /* (n_flags, m) */
  int64_t n_other, n_wide, n_flags;
  int middle_bits, sees_place, is_float; /* is_float: of what is wanted */
} part_of_numbers;

/* Code a part of a pass of numbers, (size, n); `wanted`, as many, is what they should be, or NULL. */
int code_numbers_of(const levels_coder *, decisions *, int64_t pass, const part_of_numbers *,
                    double *values, const double *wanted, int64_t n);

/* Write what a network makes of a part of a pass: hidden values, (n_units, rows), middles and spreads. */
int see_numbers_of(const levels_coder *, decisions *, int64_t pass, const part_of_numbers *,
                   const double *values, int64_t n, int16_t *hidden, int64_t *middle, int64_t *spread);

/* Solve n equations, (n, n + 1), by elimination in the order of their unknowns: into the last column. */
void solve(double *a, int64_t n);

#endif
