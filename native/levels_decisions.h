/* What networks of levels code: yes or no, entries of tables, and bits as they are.

   A reader pops them from the words of a stack (see stack.c), or takes them from the string of a
   packet; a writer keeps the share of each in coding order, to be pushed last first at the end, or to
   become a string. A string has one form alone, so its reader keeps shares too. */
#ifndef NARROWS_LEVELS_DECISIONS_H
#define NARROWS_LEVELS_DECISIONS_H

#include <stddef.h>
#include <stdint.h>

enum { SHARE_BITS = 24, ALL = 1 << SHARE_BITS, BUCKETS = 256 };

typedef struct {
  uint32_t start, weight;
} kept_share;

/* The ends of the shares of entries, and of each 256th of 2^24 the entry that holds its beginning. */
typedef struct {
  int32_t n; /* entries; 0: not made yet */
  int32_t *ends;
  int16_t bucket[BUCKETS];
} share_table;

struct place_in_string;

static inline int32_t entry_of_share(const share_table *t, int32_t at) {
  int32_t entry = t->bucket[at >> (SHARE_BITS - 8)];
  while (t->ends[entry + 1] <= at) entry++;
  return entry;
}

typedef struct decisions {
  int is_reader;
  struct place_in_string *string; /* of the reader of a string; else NULL */
  uint8_t *words; /* little-endian; of a reader */
  int64_t n_words;
  uint64_t state;
  kept_share *kept; /* of a writer, or the reader of a string */
  int64_t n, room;
  void *work; /* memory of whoever codes, kept from part to part, and how it is released */
  void (*release_work)(void *);
} decisions;

decisions *new_reader(const uint8_t *words, int64_t n_words); /* NULL: no memory */
decisions *new_string_reader(const uint8_t *digits, int64_t n);
decisions *new_writer(void);
void free_decisions(decisions *);
/* Whether nothing is left over, or a string is that of its decisions; -1: no memory. */
int is_read(const decisions *);

/* Code n decisions, of which `ones` of 2^24 are the frequencies of yes; `found` is what they are, or
   becomes it. -1: no memory. */
int code_decisions(decisions *, const int32_t *ones, int64_t n, uint8_t *found);
/* Code n entries of a table; or numbers below 2^bits, all alike frequent. */
int code_entries(decisions *, const share_table *, int64_t n, int32_t *entries);
int code_uniform(decisions *, int bits, int64_t n, int32_t *numbers);

/* Make a table of `n` frequencies, with room for the ends; -1 without memory, 1 of another sum. */
int make_shares(share_table *, const int32_t *frequencies, int32_t n);

/* Push what a writer keeps; the words, 4 bytes each, are to be released. NULL: no memory. */
uint8_t *pushed(const decisions *, int64_t *n_bytes);

/* Make room for n more shares, and return where they go; NULL without memory. */
kept_share *more_shares(decisions *, int64_t n);

#endif
