/* Stacks of table entries for Python. */
#include "entry_stack.h"

#include <stdlib.h>

#include "python.h"

static const char STACK[] = "narrows.stack";

static void forget(PyObject *capsule) { free_entry_stack(PyCapsule_GetPointer(capsule, STACK)); }

PyObject *make_stack(PyObject *self, PyObject *words) {
  (void)self;
  Py_buffer view;
  if (borrow(words, &view, 4, 0)) return NULL;
  entry_stack *made = new_entry_stack(view.buf, view.len / 4);
  PyBuffer_Release(&view);
  if (!made) return PyErr_NoMemory();
  PyObject *capsule = PyCapsule_New(made, STACK, forget);
  if (!capsule) free_entry_stack(made);
  return capsule;
}

/* Read runs of (ends, frequencies); -1 where they do not fit n entries. */
static int read_runs(entry_runs *r, const Py_buffer *ends, const Py_buffer *frequencies, int64_t n) {
  const int64_t rows = ends->len / 8, all = frequencies->len / 8;
  *r = (entry_runs){frequencies->buf, ends->buf, rows, rows ? all / rows : 0};
  if (rows && (all != rows * r->size || r->size < 1 || r->size > MAX_ENTRIES)) return -1;
  for (int64_t row = 0; row < rows; row++)
    if (r->ends[row] < (row ? r->ends[row - 1] : 0)) return -1;
  return (rows ? r->ends[rows - 1] : 0) == n ? 0 : -1;
}

static PyObject *outcome(int failed) {
  if (failed == STACK_NO_MEMORY) return PyErr_NoMemory();
  if (!failed) Py_RETURN_NONE;
  PyErr_SetString(PyExc_ValueError, "entries or frequencies that do not fit a stack");
  return NULL;
}

typedef enum { PUSHED, POPPED, CHAINED } way;

/* Call what pushes or pops (stack, ends, frequencies, entries); of a chain, ends are of its rows. */
static PyObject *moved(PyObject *arguments, way how) {
  PyObject *of, *given[3];
  Py_buffer v[3];
  const Py_ssize_t sizes[3] = {8, 8, 4};
  int n = 0, failed = STACK_MISFIT;
  if (!PyArg_ParseTuple(arguments, "OOOO", &of, given, given + 1, given + 2)) return NULL;
  entry_stack *s = PyCapsule_GetPointer(of, STACK);
  if (!s) return NULL;
  while (n < 3 && !borrow(given[n], v + n, sizes[n], n == 2 && how != PUSHED)) n++;
  if (n == 3) {
    entry_runs r;
    const int64_t n_entries = v[2].len / 4;
    if (how != CHAINED) {
      failed = read_runs(&r, v, v + 1, n_entries) ? STACK_MISFIT : 0;
      if (!failed) failed = how == PUSHED ? push_entries(s, &r, v[2].buf) : pop_entries(s, &r, v[2].buf);
    } else if (v[0].len / 8 > 0 && !read_runs(&r, v, v + 1, ((int64_t *)v[0].buf)[v[0].len / 8 - 1])) {
      failed = pop_chain_of(s, &r, n_entries, v[2].buf);
    }
  }
  const int is_whole = n == 3;
  while (n > 0) PyBuffer_Release(v + --n);
  return is_whole ? outcome(failed) : NULL;
}

PyObject *stack_push(PyObject *self, PyObject *arguments) { return (void)self, moved(arguments, PUSHED); }
PyObject *stack_pop(PyObject *self, PyObject *arguments) { return (void)self, moved(arguments, POPPED); }
PyObject *stack_pop_chain(PyObject *self, PyObject *arguments) {
  return (void)self, moved(arguments, CHAINED);
}

PyObject *stack_words(PyObject *self, PyObject *capsule) {
  (void)self;
  const entry_stack *s = PyCapsule_GetPointer(capsule, STACK);
  if (!s) return NULL;
  uint32_t *words = malloc(((size_t)s->n + 2) * sizeof *words);
  if (!words) return PyErr_NoMemory();
  int64_t n = s->n;
  for (int64_t i = 0; i < n; i++) words[i] = s->words[i];
  for (uint64_t state = s->state; state; state >>= 32) words[n++] = (uint32_t)state;
  PyObject *bytes = PyBytes_FromStringAndSize((const char *)words, n * (Py_ssize_t)sizeof *words);
  free(words);
  return bytes;
}

PyObject *stack_is_empty(PyObject *self, PyObject *capsule) {
  (void)self;
  const entry_stack *s = PyCapsule_GetPointer(capsule, STACK);
  return s ? PyBool_FromLong(!s->state && !s->n) : NULL;
}
