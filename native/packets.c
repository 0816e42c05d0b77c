/* Packets: arithmetic coding (Rissanen 1976) with intervals in whole numbers of any size.

   Decoding keeps the place of the payload in the interval, `number / parts` of it, and `scale`, which
   counts the parts of [0, 1) that the interval is made of. With V the payload's value and d its last
   byte of n, the interval is [low, high) and, in units of 1 / (scale 256^n),

       V - low = number        high - V = parts - number

   so two comparisons tell whether V is the one form of n bytes that an encoder writes, without coding
   it again: d is not 0, and the numbers of n bytes below V are outside, but for one that ends in 0:
   number < scale, or 2 scale where d is 1. */
#include <string.h>

#include "big.h"
#include "symbols.h"

typedef struct {
  const uint8_t *bytes;
  int64_t n;
  int has_escapes;
} payload;

/* CRC-32 of more bytes, four bits at a time. */
static uint32_t crc_of(uint32_t crc, const void *bytes, int64_t n) {
  static const uint32_t next[16] = {
      0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
      0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
  const uint8_t *at = bytes;
  for (crc = ~crc; n > 0; n--) {
    crc ^= *at++;
    crc = crc >> 4 ^ next[crc & 15];
    crc = crc >> 4 ^ next[crc & 15];
  }
  return ~crc;
}

/* The first byte with check bits over the model's id, the byte's other half, and the symbols. */
static uint8_t with_check(const tables *c, const model_id *id, uint8_t first, const int32_t *symbols) {
  first &= 0xf0;
  uint32_t crc = crc_of(crc_of(0, id->bytes, sizeof id->bytes), &first, 1);
  for (int64_t j = 0; j < c->n_latents; j++) {
    const uint32_t s = (uint32_t)symbols[j];
    const uint8_t bytes[4] = {(uint8_t)s, (uint8_t)(s >> 8), (uint8_t)(s >> 16), (uint8_t)(s >> 24)};
    crc = crc_of(crc, bytes, 4);
  }
  return first | (crc & 15);
}

/* ------------------------------------------------------------------ decoding */

typedef struct {
  big number, parts, spare;
  product scale;
} decoder;

static void keep(decoder *d, uint32_t start, uint32_t weight, uint32_t total) {
  if (start) subtract_times(&d->number, &d->parts, start);
  times(&d->parts, weight);
  multiply(&d->scale, total);
}

static uint64_t next_bits(decoder *d, int n) {
  uint64_t bits = 0;
  while (n-- > 0) {
    times(&d->number, 2);
    uint32_t bit = !is_below(&d->number, &d->parts);
    keep(d, bit, 1, 2);
    bits = bits << 1 | bit;
  }
  return bits;
}

/* The symbol of an escape: an order-0 Exp-Golomb code, each bit of which is one of two equal parts. */
static int next_escape(decoder *d, const place *p, int32_t *symbol) {
  int zeros = 0;
  while (!next_bits(d, 1))
    if (++zeros > MAX_GOLOMB_ZEROS) return -1;
  uint64_t code = (uint64_t)1 << zeros | next_bits(d, zeros);
  return unfold_escape(p, code - 1, symbol);
}

static void begin(decoder *d, const payload *from) {
  const int64_t n_words = from->n / WORD_BYTES + 1;
  memset(d->number.w, 0, (size_t)n_words * sizeof(word));
  memset(d->parts.w, 0, (size_t)n_words * sizeof(word));
  for (int64_t i = 0; i < from->n; i++) {
    int64_t at = from->n - 1 - i;
    d->number.w[at / WORD_BYTES] |= (word)from->bytes[i] << 8 * (at % WORD_BYTES);
  }
  d->number.n = d->parts.n = n_words;
  d->parts.w[n_words - 1] = (word)1 << 8 * (from->n % WORD_BYTES);
  while (d->number.n && !d->number.w[d->number.n - 1]) d->number.n--;
  begin_product(&d->scale);
}

/* Whether the payload is the one form, of its length, of what was decoded. */
static int is_canonical(decoder *d, const payload *from) {
  if (!from->n) return 1;
  const uint32_t last = from->bytes[from->n - 1];
  if (last == 1) multiply(&d->scale, 2);
  return last && is_below(&d->number, value_of(&d->scale));
}

/* The most bytes that a payload may have. */
static int64_t payload_limit(const tables *c, int has_escapes) {
  return (c->n_places * (PRECISION + (has_escapes ? MAX_GOLOMB_BITS : 0)) + 7) / 8;
}

/* Decode a payload; 0 where no encoder writes it. */
static int unpack_one(const tables *c, decoder *d, const payload *from, int32_t *state,
                      int32_t *room, int32_t *symbols) {
  int escapes = 0;
  begin(d, from);
  memcpy(state, c->start, (size_t)c->n_state * sizeof *state);
  memset(symbols, 0, (size_t)c->n_latents * sizeof *symbols);
  for (int64_t j = 0; j < c->n_places; j++) {
    const place *p = c->places + j;
    const int32_t *ends = ends_at(c, p, state, room);
    const int32_t total = ends[p->size - !from->has_escapes];
    times(&d->number, (uint32_t)total);
    const uint32_t at = quotient(&d->number, &d->parts, (uint32_t)total - 1, &d->spare);
    const int32_t entry = entry_at(c, p, ends, (int32_t)at);
    keep(d, (uint32_t)ends[entry], (uint32_t)(ends[entry + 1] - ends[entry]), (uint32_t)total);
    if (entry < p->size - 1) {
      symbols[p->latent] = p->low + entry;
    } else {
      escapes = 1;
      if (next_escape(d, p, symbols + p->latent)) return 0;
    }
    tell(c, p, state, entry);
  }
  return escapes == from->has_escapes && is_canonical(d, from);
}

#include "leading.h"

/* Decode a payload in the quicker way, if that decides everything. */
static int unpack_any(const tables *c, decoder *d, const payload *from, int32_t *state, int32_t *room,
                      int32_t *symbols) {
  if (from->n > payload_limit(c, from->has_escapes)) return 0;
  const int found = unpack_leading(c, d, from, state, room, symbols);
  return found == UNDECIDED ? unpack_one(c, d, from, state, room, symbols) : found;
}

/* Words of the largest number that symbols, and a payload of so many bytes, can lead to. */
static int64_t words_for(const tables *c, int64_t n_bytes) {
  return n_bytes / WORD_BYTES + c->n_places * (PRECISION + MAX_GOLOMB_BITS) / WORD_BITS + 9;
}

int unpack_packets(const tables *c, const model_id *id, const packet *from, int64_t n,
                   int32_t *symbols, uint8_t *found) {
  const int64_t n_words = words_for(c, packet_room(c));
  word *words = aligned_zeros(4 * n_words, sizeof *words);
  int32_t *state = aligned_zeros(c->n_state + c->n_room, sizeof *state);
  const int failed = !words || !state;
  for (int64_t i = 0; i < n && !failed; i++, symbols += c->n_latents) {
    decoder d = {{0, words}, {0, words + n_words}, {0, words + 2 * n_words}, {{0, words + 3 * n_words}, 1}};
    const uint8_t first = from[i].n ? from[i].bytes[0] : 0;
    const payload rest = {from[i].bytes + 1, from[i].n - 1, first >> 4 & 1};
    const int is_ours = from[i].n &&
                        unpack_any(c, &d, &rest, state, state + c->n_state, symbols) &&
                        with_check(c, id, first, symbols) == first;
    found[i] = (uint8_t)is_ours;
  }
  aligned_release(words);
  aligned_release(state);
  return failed ? -1 : 0;
}

/* ------------------------------------------------------------------ encoding */

typedef struct {
  big low, width, spare;
  product scale;
} encoder;

static void narrow(encoder *e, uint32_t start, uint32_t weight, uint32_t total) {
  times(&e->low, total);
  if (start) add_times(&e->low, &e->width, start);
  times(&e->width, weight);
  multiply(&e->scale, total);
}

static void put_escape(encoder *e, const place *p, int32_t symbol) {
  uint64_t code = fold_escape(p, symbol) + 1;
  for (int bit = 2 * n_bits(code) - 2; bit >= 0; bit--)
    narrow(e, bit < 64 ? (uint32_t)(code >> bit & 1) : 0, 1, 2);
}

/* The digits in base 256 of the largest number of n bytes below a / scale, which is at most 1. */
static void digits_below(big *a, const big *scale, big *spare, uint8_t *to, int64_t n) {
  if (!is_below(a, scale)) {
    memset(to, 255, (size_t)n);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    times(a, 256);
    to[i] = (uint8_t)quotient(a, scale, 255, spare);
    subtract_times(a, scale, to[i]);
  }
  for (int64_t i = n - 1; !a->n && i >= 0 && to[i]-- == 0; i--) { /* it is such a number itself */
  }
}

/* Write the shortest digits inside the interval, the least of several; `to` has room for twice. */
static int64_t finish(encoder *e, uint8_t *to) {
  if (!e->low.n) return 0;
  const big *scale = value_of(&e->scale);
  const int64_t n = (bits_of(scale) - bits_of(&e->width) + 8) / 8;
  uint8_t *last = to + n;
  add_times(&e->width, &e->low, 1); /* now the upper end */
  digits_below(&e->low, scale, &e->spare, to, n);
  digits_below(&e->width, scale, &e->spare, last, n);
  int64_t at = 0;
  while (to[at] == last[at]) at++;
  for (int64_t i = at; ++to[i] == 0; i--) {
  }
  return at + 1;
}

/* Write the least n bytes inside the interval whose last one is not 0; -1 where there are none. */
static int64_t finish_at(encoder *e, uint8_t *to, int64_t n) {
  const int64_t is_positive = e->low.n;
  if (!n) return is_positive ? -1 : 0;
  uint8_t *last = to + n;
  add_times(&e->width, &e->low, 1); /* now the upper end */
  memset(to, 255, (size_t)n);       /* one more is 0 */
  const big *scale = value_of(&e->scale);
  if (is_positive) digits_below(&e->low, scale, &e->spare, to, n);
  digits_below(&e->width, scale, &e->spare, last, n);
  int64_t i = n - 1;
  while (i >= 0 && ++to[i] == 0) i--;
  if (i < 0 && is_positive) return -1; /* 1 is outside */
  if (!to[n - 1]) to[n - 1] = 1;
  return memcmp(to, last, (size_t)n) <= 0 ? n : -1;
}

int64_t packet_room(const tables *c) {
  return 1 + 2 * (payload_limit(c, 1) + 8);
}

static int has_escapes(const tables *c, const int32_t *symbols) {
  for (int64_t j = 0; j < c->n_places; j++) {
    const place *p = c->places + j;
    if (entry_of(p, symbols[p->latent]) == p->size - 1) return 1;
  }
  return 0;
}

static void put_all(const tables *c, encoder *e, int escapes, int32_t *state, const int32_t *symbols) {
  memcpy(state, c->start, (size_t)c->n_state * sizeof *state);
  for (int64_t j = 0; j < c->n_places; j++) {
    const place *p = c->places + j;
    const int32_t *ends = ends_at(c, p, state, state + c->n_state);
    const int32_t entry = entry_of(p, symbols[p->latent]), total = ends[p->size - !escapes];
    narrow(e, (uint32_t)ends[entry], (uint32_t)(ends[entry + 1] - ends[entry]), (uint32_t)total);
    if (entry == p->size - 1) put_escape(e, p, symbols[p->latent]);
    tell(c, p, state, entry);
  }
}

/* Write the payload of the shortest form, or of so many bytes; return its length, -1 without one. */
static int64_t put_payload(const tables *c, encoder *e, int escapes, int32_t *state,
                           const int32_t *symbols, int64_t size, uint8_t *to) {
  if (size - 1 > payload_limit(c, escapes)) return -1;
  set(&e->width, 1), begin_product(&e->scale);
  put_all(c, e, escapes, state, symbols);
  return size ? finish_at(e, to, size - 1) : finish(e, to);
}

int64_t pack_packet(const tables *c, const model_id *id, int quality, const int32_t *symbols,
                    int64_t size, uint8_t *to) {
  const int64_t n_words = words_for(c, 0);
  word *words = aligned_zeros(4 * n_words, sizeof *words);
  int32_t *state = aligned_zeros(c->n_state + c->n_room, sizeof *state);
  int64_t n = -1;
  if (words && state) {
    encoder e = {{0, words}, {0, words + n_words}, {0, words + 2 * n_words}, {{0, words + 3 * n_words}, 1}};
    const int escapes = has_escapes(c, symbols);
    to[0] = with_check(c, id, (uint8_t)((quality - 1) << 5 | escapes << 4), symbols);
    n = 1 + put_payload(c, &e, escapes, state, symbols, size, to + 1);
  }
  aligned_release(words);
  aligned_release(state);
  return n;
}
