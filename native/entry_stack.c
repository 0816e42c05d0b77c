/* A stack of 32-bit words below a 64-bit state (Duda 2013); see entry_stack.h. */
#include "entry_stack.h"

#include <stdlib.h>
#include <string.h>

enum { BITS = 24, TOTAL = 1 << BITS };
#define LEAST ((uint64_t)1 << 32) /* of a state that needs no word */

static void refill(entry_stack *s) {
  while (s->n && s->state < LEAST) s->state = s->state << 32 | s->words[--s->n];
}

entry_stack *new_entry_stack(const uint32_t *words, int64_t n) {
  entry_stack *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->room = n + 64, s->n = n;
  s->words = malloc((size_t)s->room * sizeof *s->words);
  if (!s->words) return free(s), NULL;
  if (n) memcpy(s->words, words, (size_t)n * sizeof *words);
  refill(s);
  return s;
}

void free_entry_stack(entry_stack *s) {
  if (!s) return;
  free(s->words), free(s->ends), free(s);
}

static int make_room(entry_stack *s, int64_t words, int64_t size) {
  if (s->room - s->n < words) {
    const int64_t room = s->n + words + s->room;
    uint32_t *grown = realloc(s->words, (size_t)room * sizeof *grown);
    if (!grown) return STACK_NO_MEMORY;
    s->words = grown, s->room = room;
  }
  if (s->size < size) {
    int64_t *grown = realloc(s->ends, (size_t)(size + 1) * sizeof *grown);
    if (!grown) return STACK_NO_MEMORY;
    s->ends = grown, s->size = size;
  }
  return 0;
}

static int lay_out(entry_stack *s, const int64_t *frequencies, int64_t size) {
  int64_t at = 0;
  for (int64_t e = 0; e < size; e++) {
    if (frequencies[e] < 1 || frequencies[e] > TOTAL) return STACK_MISFIT;
    s->ends[e] = at, at += frequencies[e];
  }
  s->ends[size] = at;
  return at == TOTAL ? 0 : STACK_MISFIT;
}

/* ------------------------------------------------------------------ pushing */

static int push_run(entry_stack *s, int64_t size, const int32_t *entries, int64_t n) {
  uint64_t state = s->state;
  for (int64_t i = n; i-- > 0;) {
    if (entries[i] < 0 || entries[i] >= size) return STACK_MISFIT;
    const uint64_t start = (uint64_t)s->ends[entries[i]];
    const uint64_t weight = (uint64_t)s->ends[entries[i] + 1] - start;
    if (state >> (64 - BITS) >= weight) s->words[s->n++] = (uint32_t)state, state >>= 32;
    state = (state / weight << BITS) + state % weight + start;
  }
  s->state = state;
  return 0;
}

int push_entries(entry_stack *s, const entry_runs *r, const int32_t *entries) {
  const int64_t all = r->n_rows ? r->ends[r->n_rows - 1] : 0;
  if (make_room(s, all, r->size)) return STACK_NO_MEMORY;
  for (int64_t row = r->n_rows; row-- > 0;) {
    const int64_t start = row ? r->ends[row - 1] : 0;
    if (lay_out(s, r->frequencies + row * r->size, r->size) ||
        push_run(s, r->size, entries + start, r->ends[row] - start))
      return STACK_MISFIT;
  }
  return 0;
}

/* ------------------------------------------------------------------ popping */

static int32_t pop_one(entry_stack *s, int64_t size) {
  const int64_t at = (int64_t)(s->state & (TOTAL - 1));
  int64_t low = 0, high = size;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    if (s->ends[middle] <= at) low = middle;
    else high = middle;
  }
  const uint64_t weight = (uint64_t)(s->ends[low + 1] - s->ends[low]);
  s->state = (s->state >> BITS) * weight + (uint64_t)(at - s->ends[low]);
  if (s->state < LEAST) refill(s);
  return (int32_t)low;
}

int pop_entries(entry_stack *s, const entry_runs *r, int32_t *entries) {
  if (make_room(s, 0, r->size)) return STACK_NO_MEMORY;
  for (int64_t row = 0, i = 0; row < r->n_rows; row++) {
    if (lay_out(s, r->frequencies + row * r->size, r->size)) return STACK_MISFIT;
    for (; i < r->ends[row]; i++) entries[i] = pop_one(s, r->size);
  }
  return 0;
}

int pop_chain_of(entry_stack *s, const entry_runs *r, int64_t n, int32_t *entries) {
  if (make_room(s, 0, r->size)) return STACK_NO_MEMORY;
  for (int64_t i = 0, before = -1; i < n; i++) {
    const int64_t last = r->n_rows - 1, row = i && entries[i - 1] < last ? entries[i - 1] : i ? last : 0;
    if (row != before && lay_out(s, r->frequencies + row * r->size, r->size)) return STACK_MISFIT;
    before = row;
    entries[i] = pop_one(s, r->size);
  }
  return 0;
}
