/* Coding tables for symbols: frequencies that are fixed, or that a context model makes.

   A *place* is a step of the coding order: a latent and its table. The network of a context model
   (see narrows.codec.entropy.context_model) runs for one signal at a time, its outputs in the lanes
   of vectors. What it knows of a signal lies in a *state*:

       sums   : (n_sums) int32      of the outputs, those of the last place first
       inputs : (n_inputs, 2) int16  entries less half a table's size, in pairs

   or, where two quantisers take turns (see narrows.codec.entropy.trellis), it is the number of the
   trellis's state, which is behind those where there are both. The tables of the two have the same
   entries, and a context model has a base and a basis for each.

   Frequencies are given as *ends*: where each entry's share of 2^24 begins, and 2^24 behind the last.
   Whoever makes a table has proven that no sum leaves int32; it is proven again here. */
#ifndef NARROWS_SYMBOLS_H
#define NARROWS_SYMBOLS_H

#include "program.h"

enum { PRECISION = 24, TOTAL = 1 << PRECISION, MAX_ENTRIES = 4097, MAX_UNITS = 1024 };
enum { MAX_OUTPUTS = 32, LOG_UNIT = 32, EXP_ZERO = LOG_UNIT * (127 + 5) };
enum { FIXED, IN_CONTEXT, IN_TRELLIS, IN_BOTH }; /* kinds of places in a description */
enum { LARGEST_LOG = LOG_UNIT * 13 + EXP_ZERO, EXP_SHIFT = 18, MAX_NARROW_ENTRIES = 63 };
enum { NARROW_ROOM_BITS = 12, WIDE_ROOM_BITS = 24 };
enum { MAX_GOLOMB_ZEROS = 32, MAX_GOLOMB_BITS = 2 * MAX_GOLOMB_ZEROS + 1 };

typedef struct place {
  int32_t latent, low, size; /* of the table, the escape included */
  int64_t context;           /* its number among the places of the context model; -1: fixed */
  int32_t in_trellis;        /* 1 where the state says which of two tables */
  const int32_t *ends;       /* of a fixed table, or of two, one behind the other */
  const int32_t *base, *basis;           /* (n_lanes); (pairs of outputs, n_lanes); of each quantiser */
  const int32_t *hidden, *bias, *output; /* what follows when its entry is known */
  int64_t n_lanes, n_following;          /* entries; sums that depend on it; both in whole vectors */
} place;

typedef struct tables {
  const struct level *level;
  int64_t n_latents, n_places, n_contexts;
  place *places;
  int64_t n_units, n_outputs, n_unit_lanes, n_sums, n_inputs, n_state, n_room; /* n_room: of ends */
  int64_t turn; /* where the number of a trellis's state is */
  int32_t hidden_shift, hidden_limit, output_shift, output_limit, row_shift;
  int32_t *start; /* (n_state): of a signal of which nothing is known */
  int32_t *numbers, *weights;
} tables;

/* Return tables, or NULL with a reason, as `new_program` does. */
tables *new_tables(const description *, const struct level *, const char **reason, int *no_memory);
void free_tables(tables *);

/* The ends at a place, given what is known; `room` is for those of a context model. */
const int32_t *ends_at(const tables *, const place *, const int32_t *state, int32_t *room);
void tell(const tables *, const place *, int32_t *state, int32_t entry);

/* Go on to the next state of a trellis: by the parity of the symbol; an escape counts as even. */
void turn(const place *, int32_t *state, int32_t entry);

/* The entry whose share holds `at`. */
static inline int32_t entry_at(const tables *c, const place *p, const int32_t *ends, int32_t at) {
  const int32_t *from = ends;
  int32_t n = p->size;
  if (p->context >= 0 && n <= MAX_NARROW_ENTRIES) return c->level->find(p, ends, at);
  while (n > 1) {
    int32_t half = n / 2;
    from = from[half] <= at ? from + half : from;
    n -= half;
  }
  return (int32_t)(from - ends);
}

static inline int32_t entry_of(const place *p, int32_t symbol) {
  int64_t entry = (int64_t)symbol - p->low;
  return entry < 0 || entry >= p->size - 1 ? p->size - 1 : (int32_t)entry;
}

/* Symbols outside a table, numbered: even above it, odd below. */
uint64_t fold_escape(const place *, int32_t symbol);
int unfold_escape(const place *, uint64_t number, int32_t *symbol); /* -1: no int32 */

/* ------------------------------------------------------------------ packets */

typedef struct {
  const uint8_t *bytes;
  int64_t n;
} packet; /* without a checksum */

typedef struct {
  uint8_t bytes[16];
} model_id;

/* Decode packets of one quality to (n, n_latents) symbols; `found` tells which an encoder writes.
   Return -1 where memory is short. */
int unpack_packets(const tables *, const model_id *, const packet *, int64_t n, int32_t *symbols,
                   uint8_t *found);

/* Encode the symbols of one signal to at most `packet_room` bytes; return how many, or -1 where
   memory is short. With a `size` above 0, to exactly so many bytes; 0 where there is no such form. */
int64_t packet_room(const tables *);
int64_t pack_packet(const tables *, const model_id *, int quality, const int32_t *symbols, int64_t size,
                    uint8_t *to);

/* ------------------------------------------------------------------ costs */

enum { MANTISSA_BITS = 11, LENGTH_UNIT = 1 << 12 }; /* see narrows.codec.encoding.costs */

/* Write the bits of the entries of each signal, (n); and, if asked for, how these change with one
   less and one more at each latent, (n, n_latents, 2), where there is such an entry.
   `logs`: (2^MANTISSA_BITS) logarithms of mantissas, in parts of a bit. */
int add_lengths(const tables *, const int32_t *logs, const int32_t *symbols, int64_t n,
                double *total, double *change);

/* ------------------------------------------------------------------ trellises */

int is_trellis(const tables *); /* whether all latents are in one */

/* Write how many steps (n, n_latents) symbols stand for. */
void to_levels(const tables *, const int32_t *symbols, int64_t n, int64_t *to);

/* Write the symbols that cost least, (n, n_latents); -1 where memory is short.
   `target`, `price`: (n, n_latents), where the error of a latent is least, and bits that one of a step
   is worth; `bits`: (2, size) of each latent's entries, by quantiser. */
int find_paths(const tables *, const double *target, const double *price, const double *bits,
               int64_t n, int32_t *symbols);

/* ------------------------------------------------------------------ blocks */

/* Words of the stack, little-endian, and bytes of the bits of escapes. */
typedef struct {
  const uint8_t *words, *bits;
  int64_t n_words, n_bits;
} coded;

typedef struct {
  uint8_t *words, *bits;
  int64_t n_words, n_bits;
} made_block;

enum { REFUSED = 1 };

/* Decode a block to (n, n_latents) symbols; REFUSED where no encoder writes it, -1 without memory.
   Latents that have no place are left as they are. */
int pop_block(const tables *, const coded *, int64_t n, int32_t *symbols);

/* Encode a block, which is to be freed, also where memory is short: then return -1. */
int push_block(const tables *, const int32_t *symbols, int64_t n, made_block *);
void free_block(made_block *);

/* Frequencies of the entries, place by place: (n, size) each. */
int all_frequencies(const tables *, const int32_t *symbols, int64_t n, int32_t *to);

#endif
