/* Levels without a network: the parts of a walk over the elements of a block, as Python goes.

   See narrows.codec.interpolation, whose names are used here, and docs/format/levels.md. A *part* is
   some places whose symbols are coded by the same tables: their numbers are predicted from those
   known, coded in the order of their tables, and then known themselves.

   Arithmetic is that of int64 modulo 2^64, as numpy's. A reader refuses a number further outside its
   grid than a step may take, so that no wild number is ever predicted from. */
#ifndef NARROWS_FREE_WALK_H
#define NARROWS_FREE_WALK_H

#include <stdint.h>

#include "program.h"

enum { FREE_TOTAL = 1 << 24, FREE_FARTHEST = 24, FREE_ESCAPE = 2 * FREE_FARTHEST + 1 };
enum { FREE_ENTRIES = FREE_ESCAPE + 1, FREE_OWN_CLASSES = 34, FREE_LATER_CLASSES = 4 };
enum { FREE_CLASSES = FREE_OWN_CLASSES + FREE_LATER_CLASSES, FREE_SEEN = 64, FREE_MAX_CLASS = 200 };
enum { FREE_MAX_KINDS = 128, FREE_MAX_SIZE = 256, FREE_CONTEXTS = 120 };
enum { FREE_LEAST_AT_ONCE = 1 << 8, FREE_MOST_AT_ONCE = 1 << 15 };
enum { FREE_WEIGHT_BITS = 8, FREE_FINE_BITS = 4, FREE_SWEPT_BITS = 12, FREE_FRAMES = 256 };
enum { FREE_MAX_LOOK = 64, FREE_MAX_BEFORE = 1 << 12, FREE_MAX_COUNT = 1 << 24 };
enum { FREE_REFUSED = 1, FREE_NO_MEMORY = -1 };
#define FREE_LARGEST ((int64_t)1 << 38)
#define FREE_MOST (2 * FREE_LARGEST)
#define FREE_MOST_STEPS ((int64_t)1 << 40)
#define FREE_MOST_STEP (((int64_t)1 << 21) + 1) /* between the numbers that a place may have */

/* Counts of the entries of tables, and the sum of each table's. */
typedef struct {
  int64_t n, size, *counts, *sums;
} free_tables;

/* Bytes or numbers of which more may follow. */
typedef struct {
  void *items;
  int64_t n, room;
} free_list;

typedef struct {
  free_list symbols; /* uint64: where the share of an entry begins, and in the low half its length */
  free_list low, escaped; /* uint8; int64 */
} free_writer;

typedef struct {
  const uint32_t *words;
  int64_t n_words;
  uint64_t state;
  const uint8_t *low;
  int64_t n_low, low_at;
  const int64_t *escaped;
  int64_t n_escaped, escaped_at;
} free_reader;

typedef struct free_walk {
  int64_t size, n; /* of elements of a frame; of frames */
  int64_t high, n_seen;
  int64_t *known, *missed;     /* (size, n) */
  const int64_t *wanted;       /* (size, n); of a writer either these, or as floats */
  const double *wanted_floats;
  const uint8_t *any; /* (size, n) elements of which any number will do; or nothing */
  free_tables residuals, values;
  free_writer writer;
  free_reader reader;
  int is_reader;
  int64_t room; /* elements of a part at most */
  int64_t *places, *expected, *steps, *low;
  int32_t *classes, *entries, *order, *kinds;
  int64_t frames[4][FREE_FRAMES]; /* sums of a place, by frame */
  int64_t own[FREE_MAX_LOOK], others[FREE_MAX_LOOK]; /* indices of the places around one */
} free_walk;

/* ------------------------------------------------------------------ tables and streams */

void free_learn(free_tables *, int64_t table, int32_t entry);
/* Write where the share of each entry begins, (size + 1). */
void free_ends(const free_tables *, int64_t table, int32_t *ends);

/* Make room for n more items of a size; return where, or NULL. */
void *free_more(free_list *, int64_t n, int64_t size);
/* Code the entries of a part of n, each by the table that `kinds` names. */
int free_code_entries(free_walk *, free_tables *, const int32_t *kinds, int32_t *entries, int64_t n);
/* Sort n members by kinds below FREE_MAX_KINDS, stably: their order, and where each kind ends. */
void free_in_runs(const int32_t *kinds, int64_t n, int32_t *order, int64_t *ends);

/* The low bits of n values, `widths` of each, to or from a whole byte: in this order. */
typedef struct {
  const int32_t *order, *widths; /* or nothing: all in their own, of one width */
  int64_t n, width;
} free_low;
int free_write_low(free_writer *, const free_low *, const int64_t *values);
int free_read_low(free_reader *, const free_low *, int64_t *values);

/* The words of all symbols, which are to be released. */
uint32_t *free_words(const free_writer *, int64_t *n);
void free_start_reading(free_reader *);
int32_t free_pop(free_reader *, const int32_t *ends, int32_t size);

/* ------------------------------------------------------------------ parts */

/* Where a part ends that begins at a place, of which there are so many. */
int64_t free_end_of_part(const free_walk *, int64_t start, int64_t n_places);
/* Code a part: m places, what is expected there, and classes; or contexts. */
int free_code_part(free_walk *, int64_t m, int64_t step);
int free_code_values(free_walk *, int64_t m, int64_t step);
int free_code_start(free_walk *, int64_t place, int64_t step, int32_t start_class, int has_values);

static inline int64_t free_floor_divided(int64_t a, int64_t b) { /* b > 0 */
  int64_t quotient = a / b;
  return quotient - (a % b < 0);
}

static inline int64_t free_clipped(int64_t a, int64_t low, int64_t high) {
  return a < low ? low : a > high ? high : a;
}

/* The class of a scale below 2^50: the exponent and the two highest bits behind the first. */
static inline int32_t free_class_of(int64_t scale) {
  union {
    double value;
    int64_t bits;
  } of = {(double)scale};
  int64_t found = (of.bits >> 50) - (4 * 1023 - 1);
  return (int32_t)free_clipped(found, 0, FREE_MAX_CLASS);
}

/* ------------------------------------------------------------------ surroundings */

/* Places at offsets from those of a pass: indices along each axis, whose sum is below 0 where there
   is none; then the anchor's is taken. */
typedef struct {
  int64_t n, channel;
  const int64_t *anchors[3], *(*at)[3]; /* by axis */
} free_look;

typedef struct free_pass {
  int64_t size, counts[3], n_places, n_nearest, n_looked_at, n_before, channel;
  const int64_t *places[3];
  free_look *looks; /* own, and for each channel before: around, and in the middle */
  int64_t first_inside, last_inside, apart; /* along the last axis: indices are so far apart */
  int64_t *numbers;
  const int64_t *(*pointers)[3];
} free_pass;

/* The weights of a pass: of known places by channel, of means, and of what tells the scale. */
typedef struct {
  const int64_t *lengths, *means, *shares, *rows; /* (1 + n_before) two times; (3); of all lengths */
} free_rule;

static inline const free_look *free_around(const free_pass *p, int64_t c) { return p->looks + 1 + 2 * c; }
static inline const free_look *free_middle(const free_pass *p, int64_t c) { return p->looks + 2 + 2 * c; }

/* Describe a pass: fields in the order of `read_head`, and the indices along axes to which they point.
   Return it, or NULL with a reason. */
free_pass *free_new_pass(const int64_t *fields, int64_t n_fields, const int64_t *numbers,
                         int64_t n_numbers, const char **reason);
void free_forget_pass(free_pass *);
/* Whether a rule of so many numbers in all is one for a pass. */
int free_fits(const free_pass *, const int64_t *given, int64_t n, free_rule *);
int free_code_pass(free_walk *, const free_pass *, const free_rule *, int64_t step);

/* Places front by front: see sweep.Side. */
typedef struct {
  int64_t n_places, n_axes, n_ends;
  const int64_t *places, *ends;
  const int32_t *at; /* (n_axes, n_places) */
  const int64_t *strides, *numbers, *row, *shares; /* neighbours in their order; weights; 2 shares */
} free_side;

/* Read strides, neighbours, weights and shares of as many axes; -1 where they do not fit. */
int free_read_side(free_side *, int64_t n_axes, const int64_t *given, int64_t n);
int free_code_side(free_walk *, const free_side *, int64_t step);

/* ------------------------------------------------------------------ fitting */

/* Some places of a pass, by number, and frames; groups: (channel, start, stop), by channel. */
typedef struct {
  int64_t n_places, n_columns, n_groups;
  const int64_t *numbers, *columns, *groups;
  int64_t *centre, *differences, *hints; /* (places, frames); as much by group; by hint, 2 or 3 */
} free_sample;

/* -1 where a place, a frame or a group is none. */
int free_take_sample(const free_walk *, const free_pass *, const free_sample *);

/* Hints of how far off places will be, (n, n_hints) from 0 to 2^11, what is left there, and shares. */
typedef struct {
  int64_t n, n_hints;
  const int64_t *hints, *left, *shares;
} free_hints;

int64_t free_bits_of(const int64_t *left, int64_t n, int64_t step);
void free_moments_of(const free_hints *, int64_t *products, int64_t *moments);
int64_t free_laplacian_of(const free_hints *);

#endif
