/* A stack of table entries: what narrows.codec.entropy.stacks has in Python, to the same words. */
#ifndef NARROWS_ENTRY_STACK_H
#define NARROWS_ENTRY_STACK_H

#include <stdint.h>

enum { MAX_ENTRIES = 1 << 20, STACK_NO_MEMORY = -1, STACK_MISFIT = -2 };

typedef struct {
  uint32_t *words;
  int64_t n, room; /* words */
  uint64_t state;
  int64_t *ends; /* where the share of each entry of one row begins, and the end */
  int64_t size;  /* entries there is room for */
} entry_stack;

/* Rows of frequencies of 2^24, and where the run of entries of each ends. */
typedef struct {
  const int64_t *frequencies, *ends; /* (rows, size); (rows) */
  int64_t n_rows, size;
} entry_runs;

entry_stack *new_entry_stack(const uint32_t *words, int64_t n); /* NULL: no memory */
void free_entry_stack(entry_stack *);

/* 0, STACK_NO_MEMORY, or STACK_MISFIT for frequencies of another sum, or entries that are none. */
int push_entries(entry_stack *, const entry_runs *, const int32_t *entries);
int pop_entries(entry_stack *, const entry_runs *, int32_t *entries);

/* Pop n entries, the first by the first row, each other by that of the one before, or the last. */
int pop_chain_of(entry_stack *, const entry_runs *, int64_t n, int32_t *entries);

#endif
