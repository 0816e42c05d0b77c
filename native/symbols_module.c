/* Coding tables and packets for Python. */
#include "python.h"

#include <string.h>

#include "symbols.h"

const char TABLES[] = "narrows.tables";

static void forget(PyObject *capsule) { free_tables(PyCapsule_GetPointer(capsule, TABLES)); }

static PyObject *tables_of(const description *given, const level *on, int is_alone) {
  (void)is_alone;
  const char *reason = NULL;
  int no_memory = 0;
  tables *made = new_tables(given, on, &reason, &no_memory);
  if (!made) return refusal("tables", reason, no_memory);
  PyObject *capsule = PyCapsule_New(made, TABLES, forget);
  if (!capsule) free_tables(made);
  return capsule;
}

PyObject *make_tables(PyObject *self, PyObject *arguments) {
  (void)self;
  return make_of(arguments, tables_of);
}

static PyObject *misfit(void) {
  PyErr_SetString(PyExc_ValueError, "arrays that do not fit the tables");
  return NULL;
}

/* Numbers of all frequencies of a signal. */
static int64_t entries_of(const tables *c) {
  int64_t n = 0;
  for (int64_t j = 0; j < c->n_places; j++) n += c->places[j].size;
  return n;
}

PyObject *frequencies(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsule, *given, *results;
  Py_buffer symbols, to;
  if (!PyArg_ParseTuple(arguments, "OOO", &capsule, &given, &results)) return NULL;
  const tables *c = PyCapsule_GetPointer(capsule, TABLES);
  if (!c || borrow(given, &symbols, 4, 0)) return NULL;
  int failed = borrow(results, &to, 4, 1);
  if (!failed) {
    const int64_t n = symbols.len / 4 / c->n_latents;
    failed = symbols.len != 4 * n * c->n_latents || to.len != 4 * n * entries_of(c);
    if (failed) {
      misfit();
    } else {
      Py_BEGIN_ALLOW_THREADS
      failed = all_frequencies(c, symbols.buf, n, to.buf);
      Py_END_ALLOW_THREADS
      if (failed) PyErr_NoMemory();
    }
    PyBuffer_Release(&to);
  }
  PyBuffer_Release(&symbols);
  if (failed) return NULL;
  Py_RETURN_NONE;
}

static int measure(const tables *c, const Py_buffer *logs, const Py_buffer *symbols,
                   const Py_buffer *total, const Py_buffer *change) {
  const int64_t n = symbols->len / 4 / c->n_latents;
  if (logs->len != 4 << MANTISSA_BITS || symbols->len != 4 * n * c->n_latents ||
      total->len != 8 * n || (change->len && change->len != 16 * n * c->n_latents))
    return (void)misfit(), -1;
  int failed;
  Py_BEGIN_ALLOW_THREADS
  failed = add_lengths(c, logs->buf, symbols->buf, n, total->buf, change->len ? change->buf : NULL);
  Py_END_ALLOW_THREADS
  if (failed) PyErr_NoMemory();
  return failed;
}

PyObject *lengths(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsule, *given[4];
  Py_buffer views[4];
  const Py_ssize_t sizes[4] = {4, 4, 8, 8};
  int n = 0, failed = -1;
  if (!PyArg_ParseTuple(arguments, "OOOOO", &capsule, given, given + 1, given + 2, given + 3))
    return NULL;
  const tables *c = PyCapsule_GetPointer(capsule, TABLES);
  if (!c) return NULL;
  while (n < 4 && !borrow(given[n], views + n, sizes[n], n > 1)) n++;
  if (n == 4) failed = measure(c, views, views + 1, views + 2, views + 3);
  while (n > 0) PyBuffer_Release(views + --n);
  if (failed) return NULL;
  Py_RETURN_NONE;
}

/* ------------------------------------------------------------------ packets */

/* Point at the bytes in a tuple; NULL with an exception where it holds anything else. */
static packet *point_at(PyObject *items, Py_ssize_t n) {
  packet *to = PyMem_Malloc((size_t)(n ? n : 1) * sizeof *to);
  if (!to) return (packet *)PyErr_NoMemory();
  for (Py_ssize_t i = 0; i < n; i++) {
    char *bytes;
    Py_ssize_t length;
    PyObject *item = PyTuple_GetItem(items, i); /* the tuple keeps it */
    if (!item || PyBytes_AsStringAndSize(item, &bytes, &length)) {
      PyMem_Free(to);
      return NULL;
    }
    to[i] = (packet){(const uint8_t *)bytes, length};
  }
  return to;
}

static int unpack_all(const tables *c, const Py_buffer *id, PyObject *items, const Py_buffer *symbols,
                      const Py_buffer *found) {
  const Py_ssize_t n = PyTuple_Size(items);
  if (n < 0) return -1;
  if (id->len != sizeof(model_id) || symbols->len != 4 * n * c->n_latents || found->len != n)
    return (void)misfit(), -1;
  packet *packets = point_at(items, n);
  if (!packets) return -1;
  int failed;
  Py_BEGIN_ALLOW_THREADS
  failed = unpack_packets(c, id->buf, packets, n, symbols->buf, found->buf);
  Py_END_ALLOW_THREADS
  PyMem_Free(packets);
  if (failed) PyErr_NoMemory();
  return failed;
}

PyObject *unpack(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsule, *given[4];
  Py_buffer id, symbols, found;
  int failed = -1;
  if (!PyArg_ParseTuple(arguments, "OOOOO", &capsule, given, given + 1, given + 2, given + 3))
    return NULL;
  const tables *c = PyCapsule_GetPointer(capsule, TABLES);
  if (!c || borrow(given[0], &id, 1, 0)) return NULL;
  if (!borrow(given[2], &symbols, 4, 1)) {
    if (!borrow(given[3], &found, 1, 1)) {
      failed = unpack_all(c, &id, given[1], &symbols, &found);
      PyBuffer_Release(&found);
    }
    PyBuffer_Release(&symbols);
  }
  PyBuffer_Release(&id);
  if (failed) return NULL;
  Py_RETURN_NONE;
}

/* Return a packet, None where there is none, or NULL with an exception. */
static PyObject *one_packet(const uint8_t *bytes, int64_t length) {
  if (length < 0) return PyErr_NoMemory();
  if (!length) Py_RETURN_NONE;
  return PyBytes_FromStringAndSize((const char *)bytes, length);
}

/* Return a list of packets, or NULL with an exception. */
static PyObject *pack_all(const tables *c, const Py_buffer *id, int quality,
                          const Py_buffer *symbols, int64_t size) {
  const int64_t n = symbols->len / 4 / c->n_latents;
  if (id->len != sizeof(model_id) || symbols->len != 4 * n * c->n_latents || quality < 1 ||
      quality > 8 || size < 0)
    return misfit();
  PyObject *all = PyList_New(0);
  uint8_t *bytes = PyMem_Malloc((size_t)packet_room(c));
  if (!bytes) {
    Py_CLEAR(all);
    PyErr_NoMemory();
  }
  for (int64_t i = 0; all && i < n; i++) {
    int64_t length;
    Py_BEGIN_ALLOW_THREADS
    const int32_t *own = (const int32_t *)symbols->buf + i * c->n_latents;
    length = pack_packet(c, id->buf, quality, own, size, bytes);
    Py_END_ALLOW_THREADS
    PyObject *one = one_packet(bytes, length);
    if (!one || PyList_Append(all, one)) {
      Py_CLEAR(all);
    }
    Py_XDECREF(one);
  }
  PyMem_Free(bytes);
  return all;
}

PyObject *pack(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsule, *given[2], *all = NULL;
  int quality;
  long long size;
  Py_buffer id, symbols;
  if (!PyArg_ParseTuple(arguments, "OOiOL", &capsule, given, &quality, given + 1, &size)) return NULL;
  const tables *c = PyCapsule_GetPointer(capsule, TABLES);
  if (!c || borrow(given[0], &id, 1, 0)) return NULL;
  if (!borrow(given[1], &symbols, 4, 0)) {
    all = pack_all(c, &id, quality, &symbols, size);
    PyBuffer_Release(&symbols);
  }
  PyBuffer_Release(&id);
  return all;
}

/* ------------------------------------------------------------------ blocks */

static int pop_all(const tables *c, const Py_buffer *words, const Py_buffer *rest,
                   const Py_buffer *symbols) {
  const int64_t n = symbols->len / 4 / c->n_latents;
  if (words->len % 4 || symbols->len != 4 * n * c->n_latents) return (void)misfit(), -1;
  const coded from = {words->buf, rest->buf, words->len / 4, rest->len};
  int failed;
  Py_BEGIN_ALLOW_THREADS
  failed = pop_block(c, &from, n, symbols->buf);
  Py_END_ALLOW_THREADS
  if (failed < 0) PyErr_NoMemory();
  return failed;
}

PyObject *pop(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsule, *given[3];
  Py_buffer words, rest, symbols;
  int failed = -1;
  if (!PyArg_ParseTuple(arguments, "OOOO", &capsule, given, given + 1, given + 2)) return NULL;
  const tables *c = PyCapsule_GetPointer(capsule, TABLES);
  if (!c || borrow(given[0], &words, 1, 0)) return NULL;
  if (!borrow(given[1], &rest, 1, 0)) {
    if (!borrow(given[2], &symbols, 4, 1)) {
      failed = pop_all(c, &words, &rest, &symbols);
      PyBuffer_Release(&symbols);
    }
    PyBuffer_Release(&rest);
  }
  PyBuffer_Release(&words);
  return failed < 0 ? NULL : PyBool_FromLong(failed != REFUSED);
}

PyObject *push(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsule, *given, *both = NULL;
  Py_buffer symbols;
  if (!PyArg_ParseTuple(arguments, "OO", &capsule, &given)) return NULL;
  const tables *c = PyCapsule_GetPointer(capsule, TABLES);
  if (!c || borrow(given, &symbols, 4, 0)) return NULL;
  const int64_t n = symbols.len / 4 / c->n_latents;
  if (symbols.len != 4 * n * c->n_latents) {
    misfit();
  } else {
    made_block made;
    int failed;
    Py_BEGIN_ALLOW_THREADS
    failed = push_block(c, symbols.buf, n, &made);
    Py_END_ALLOW_THREADS
    both = failed ? PyErr_NoMemory()
                  : Py_BuildValue("y#y#", (const char *)made.words, (Py_ssize_t)(4 * made.n_words),
                                  (const char *)made.bits, (Py_ssize_t)made.n_bits);
    free_block(&made);
  }
  PyBuffer_Release(&symbols);
  return both;
}
