/* What readers of descriptions share: every number is checked before it is used. */
#ifndef NARROWS_READING_H
#define NARROWS_READING_H

#include "program.h"

typedef struct {
  const description *given;
  const char *reason;
  int no_memory;
} reader;

static inline int refuse(reader *r, const char *reason) {
  if (!r->reason) r->reason = reason;
  return -1;
}

static inline int within(int64_t value, int64_t low, int64_t high) {
  return low <= value && value <= high;
}

static inline void *room(reader *r, int64_t n, size_t size) {
  void *p = aligned_zeros(n, size);
  if (!p) r->no_memory = 1, refuse(r, "no memory");
  return p;
}

#endif
