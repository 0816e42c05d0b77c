/* Memory of the coder of numbers, kept from part to part. */
#ifndef NARROWS_LEVELS_NUMBERS_H
#define NARROWS_LEVELS_NUMBERS_H

#include "levels.h"

typedef struct numbers_work {
  int64_t room;                                      /* of rows */
  int32_t *order, *entries, *symbols, *low, *tables; /* of each row */
  int64_t *escaped, *distances, *means;
  int32_t *x, *hidden, *y; /* of a block of rows */
  surroundings around;
  share_table logistics[N_TABLES]; /* each made when it is first needed */
} numbers_work;

numbers_work *room_for_numbers(const levels_coder *, decisions *, int64_t rows); /* NULL: no memory */

/* Code n distances, each by a table of its own: N_FRACTIONS times its class, and its fraction. They
   are what is true, or become it. */
int code_distances(const levels_coder *, decisions *, numbers_work *, const int32_t *tables, int64_t n,
                   int64_t *distances);

#endif
