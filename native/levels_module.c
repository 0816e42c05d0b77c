/* Networks of levels for Python. */
#include <stdlib.h>

#include "levels_python.h"
#include "levels_string.h"

static void forget_levels(PyObject *capsule) { release_levels(PyCapsule_GetPointer(capsule, LEVELS_NAME)); }

static void forget_decisions(PyObject *capsule) {
  free_decisions(PyCapsule_GetPointer(capsule, DECISIONS_NAME));
}

static PyObject *levels_of(const description *given, const level *on, int is_alone) {
  (void)is_alone;
  const char *reason = NULL;
  int no_memory = 0;
  levels_coder *made = new_levels(given, on, &reason, &no_memory);
  if (!made) return refusal("networks of levels", reason, no_memory);
  PyObject *capsule = PyCapsule_New(made, LEVELS_NAME, forget_levels);
  if (!capsule) release_levels(made);
  return capsule;
}

PyObject *make_levels(PyObject *self, PyObject *arguments) {
  (void)self;
  return make_of(arguments, levels_of);
}

/* ------------------------------------------------------------------ decisions */

static PyObject *decisions_capsule(decisions *made) {
  if (!made) return PyErr_NoMemory();
  PyObject *capsule = PyCapsule_New(made, DECISIONS_NAME, forget_decisions);
  if (!capsule) free_decisions(made);
  return capsule;
}

PyObject *make_decisions(PyObject *self, PyObject *given) {
  (void)self;
  decisions *made;
  if (given == Py_None) {
    made = new_writer();
  } else {
    Py_buffer words;
    if (borrow(given, &words, 1, 0)) return NULL;
    made = words.len % 4 ? NULL : new_reader(words.buf, words.len / 4);
    const int is_cut = words.len % 4 != 0;
    PyBuffer_Release(&words);
    if (is_cut) return PyErr_Format(PyExc_ValueError, "words of four bytes, and a part of one");
  }
  return decisions_capsule(made);
}

PyObject *read_string(PyObject *self, PyObject *given) {
  (void)self;
  Py_buffer string;
  if (borrow(given, &string, 1, 0)) return NULL;
  decisions *made = new_string_reader(string.buf, string.len);
  PyBuffer_Release(&string);
  return decisions_capsule(made);
}

PyObject *decided_words(PyObject *self, PyObject *capsule) {
  (void)self;
  const decisions *d = PyCapsule_GetPointer(capsule, DECISIONS_NAME);
  if (!d) return NULL;
  int64_t n_bytes = 0;
  uint8_t *words;
  Py_BEGIN_ALLOW_THREADS
  words = pushed(d, &n_bytes);
  Py_END_ALLOW_THREADS
  if (!words) return PyErr_NoMemory();
  PyObject *bytes = PyBytes_FromStringAndSize((const char *)words, n_bytes);
  free(words);
  return bytes;
}

PyObject *decided_string(PyObject *self, PyObject *capsule) {
  (void)self;
  const decisions *d = PyCapsule_GetPointer(capsule, DECISIONS_NAME);
  if (!d) return NULL;
  int64_t n_bytes = 0;
  uint8_t *string = string_of(d->kept, d->n, &n_bytes);
  if (!string) return PyErr_NoMemory();
  PyObject *bytes = PyBytes_FromStringAndSize((const char *)string, n_bytes);
  free(string);
  return bytes;
}

PyObject *decided_shares(PyObject *self, PyObject *capsule) {
  (void)self;
  const decisions *d = PyCapsule_GetPointer(capsule, DECISIONS_NAME);
  if (!d) return NULL;
  return PyBytes_FromStringAndSize((const char *)d->kept, d->n * (int64_t)sizeof *d->kept);
}

PyObject *are_decided(PyObject *self, PyObject *capsule) {
  (void)self;
  const decisions *d = PyCapsule_GetPointer(capsule, DECISIONS_NAME);
  if (!d) return NULL;
  const int is = is_read(d);
  return is < 0 ? PyErr_NoMemory() : PyBool_FromLong(is);
}

/* ------------------------------------------------------------------ bytes */

PyObject *outcome(int failed) {
  if (failed == NO_MEMORY) return PyErr_NoMemory();
  if (failed) {
    PyErr_SetString(PyExc_ValueError, "arrays that do not fit the networks of levels");
    return NULL;
  }
  Py_RETURN_NONE;
}

int borrow_all(PyObject *const *given, Py_buffer *views, const Py_ssize_t *sizes, int n,
                      int n_read) {
  for (int i = 0; i < n; i++)
    if (borrow(given[i], views + i, sizes[i], i >= n_read)) {
      while (i > 0) PyBuffer_Release(views + --i);
      return 0;
    }
  return 1;
}

void release_all(Py_buffer *views, int n) {
  while (n > 0) PyBuffer_Release(views + --n);
}

int64_t frames_in(const Py_buffer *view, int64_t elements, Py_ssize_t size) {
  const int64_t n = view->len / size / elements;
  return view->len == n * elements * size ? n : -1;
}

int is_part(const part_of_pass *p, int64_t n) {
  return n >= 0 && p->start >= 0 && p->start <= p->stop && p->stop <= p->m &&
         (n == 0 || p->stop - p->start <= INT32_MAX / 64 / n);
}

static int bytes_in(const levels_coder *c, decisions *d, int64_t pass, int skips, part_of_pass *part,
                    const Py_buffer *near, const Py_buffer *places, const Py_buffer *values) {
  part->m = places->len / 8, part->k = part->m ? near->len / 8 / part->m : 0;
  const int64_t n = frames_in(values, c->size + 1, 1);
  if (c->kind != OF_BYTES || pass < 0 || pass >= c->n_passes || near->len != 8 * part->k * part->m ||
      !is_part(part, n))
    return OUTSIDE;
  part->places = places->buf, part->near = near->buf;
  int failed;
  Py_BEGIN_ALLOW_THREADS
  failed = code_bytes_of(c, d, pass, part, skips, values->buf, n);
  Py_END_ALLOW_THREADS
  return failed;
}

PyObject *code_bytes(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *of, *coder, *given[3];
  Py_buffer views[3];
  const Py_ssize_t sizes[3] = {8, 8, 1};
  long long pass, start, stop;
  int skips;
  if (!PyArg_ParseTuple(arguments, "OOLpOOOLL", &of, &coder, &pass, &skips, given, given + 1, given + 2,
                        &start, &stop))
    return NULL;
  const levels_coder *c = PyCapsule_GetPointer(of, LEVELS_NAME);
  decisions *d = c ? PyCapsule_GetPointer(coder, DECISIONS_NAME) : NULL;
  part_of_pass part = {.start = start, .stop = stop};
  if (!d || !borrow_all(given, views, sizes, 3, 2)) return NULL;
  const int failed = bytes_in(c, d, pass, skips, &part, views, views + 1, views + 2);
  release_all(views, 3);
  return outcome(failed);
}

/* ------------------------------------------------------------------ numbers */

enum { OWN, OTHER, WIDE_ALONG, FLAGS, PLACES, WANTED, VALUES, N_ARRAYS };

/* How many rows of m numbers an array has, each of `size` bytes; -1: of none. */
static int64_t rows_in(const Py_buffer *view, int64_t m, Py_ssize_t size) {
  const int64_t k = m ? view->len / size / m : 0;
  return view->len == k * m * size ? k : -1;
}

int take_around(part_of_numbers *p, const Py_buffer *places, const Py_buffer *own,
                const Py_buffer *other, const Py_buffer *wide, const Py_buffer *flags) {
  const int64_t m = places->len / 8;
  p->own.m = m, p->own.k = rows_in(own, m, 8), p->n_other = rows_in(other, m, 8);
  p->n_wide = rows_in(wide, m, 8), p->n_flags = rows_in(flags, m, 1);
  p->own.places = places->buf, p->own.near = own->buf;
  p->other = other->buf, p->wide = wide->buf, p->flags = flags->buf;
  return p->own.k < 0 || p->n_other < 0 || p->n_wide < 0 || p->n_flags < 0 ? -1 : 0;
}

static int numbers_in(const levels_coder *c, decisions *d, int64_t pass, part_of_numbers *p,
                      const Py_buffer *views) {
  const int64_t n = frames_in(views + VALUES, c->size, 8);
  const int64_t known = d->is_reader ? 0 : views[VALUES].len;
  if (c->kind != OF_NUMBERS || pass < 0 || pass >= c->n_passes || views[WANTED].len != known ||
      take_around(p, views + PLACES, views + OWN, views + OTHER, views + WIDE_ALONG, views + FLAGS) ||
      !is_part(&p->own, n))
    return OUTSIDE;
  int failed;
  Py_BEGIN_ALLOW_THREADS
  failed = code_numbers_of(c, d, pass, p, views[VALUES].buf, known ? views[WANTED].buf : NULL, n);
  Py_END_ALLOW_THREADS
  return failed;
}

PyObject *code_numbers(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *of, *coder, *given[N_ARRAYS];
  Py_buffer views[N_ARRAYS];
  const Py_ssize_t sizes[N_ARRAYS] = {8, 8, 8, 1, 8, 8, 8};
  long long pass, start, stop;
  part_of_numbers p = {0};
  if (!PyArg_ParseTuple(arguments, "OOL(OOOOOOO)LLipp", &of, &coder, &pass, given, given + 1, given + 2,
                        given + 3, given + 4, given + 5, given + 6, &start, &stop, &p.middle_bits,
                        &p.sees_place, &p.is_float))
    return NULL;
  const levels_coder *c = PyCapsule_GetPointer(of, LEVELS_NAME);
  decisions *d = c ? PyCapsule_GetPointer(coder, DECISIONS_NAME) : NULL;
  p.own.start = start, p.own.stop = stop;
  if (!d || !borrow_all(given, views, sizes, N_ARRAYS, VALUES)) return NULL;
  const int failed = numbers_in(c, d, pass, &p, views);
  release_all(views, N_ARRAYS);
  return outcome(failed);
}

static int starts_in(const levels_coder *c, decisions *d, int number, const Py_buffer *distances) {
  const int64_t n = distances->len / 8;
  if (c->kind != OF_NUMBERS || number < 0 || number >= N_CLASSES || n > INT32_MAX / 64) return OUTSIDE;
  int failed;
  Py_BEGIN_ALLOW_THREADS
  failed = code_starts_of(c, d, number, n, distances->buf);
  Py_END_ALLOW_THREADS
  return failed;
}

PyObject *code_starts(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *of, *coder, *given;
  Py_buffer distances;
  int number;
  if (!PyArg_ParseTuple(arguments, "OOiO", &of, &coder, &number, &given)) return NULL;
  const levels_coder *c = PyCapsule_GetPointer(of, LEVELS_NAME);
  decisions *d = c ? PyCapsule_GetPointer(coder, DECISIONS_NAME) : NULL;
  if (!d || borrow(given, &distances, 8, 1)) return NULL;
  const int failed = starts_in(c, d, number, &distances);
  PyBuffer_Release(&distances);
  return outcome(failed);
}
