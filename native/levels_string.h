/* Decisions of a packet: a number in an interval that each of them narrows, and its shortest string.

   The interval lies from low / 2^64 up to (low + width) / 2^64 behind the digits that are settled; a
   width of 0 stands for 2^64, as which it begins. See narrows.codec.entropy.range_coder. */
#ifndef NARROWS_LEVELS_STRING_H
#define NARROWS_LEVELS_STRING_H

#include "levels_decisions.h"

#define LEAST_WIDTH ((uint64_t)1 << 56)

/* Where the number of a string lies in the interval of what was read; `at`: of its next digit. */
typedef struct place_in_string {
  const uint8_t *digits;
  int64_t n, at;
  uint64_t above, width;
  int is_outside; /* whether it once lay in no entry: no encoder wrote it */
} place_in_string;

/* What `code_decisions`, `code_entries` and `code_uniform` do with the reader of a string. */
int take_decisions(decisions *, const int32_t *ones, int64_t n, uint8_t *found);
int take_entries(decisions *, const share_table *, int64_t n, int32_t *entries);
int take_uniform(decisions *, int bits, int64_t n, int32_t *numbers);

int is_string_read(const decisions *); /* whether a string is that of its decisions; -1: no memory */

/* Write the shortest string of shares in coding order; it is to be released. NULL: no memory. */
uint8_t *string_of(const kept_share *, int64_t n, int64_t *n_bytes);

#endif
