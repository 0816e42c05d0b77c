/* The way back through programs, for Python; see pull.h. */
#include "python.h"

enum { ALIGNED = 64 };

static int64_t bytes_of(const program *p, int64_t n) {
  const int64_t blocks = (n + p->n_lanes - 1) / p->n_lanes;
  return blocks * tape_of(p, MAX_BUFFERS) * (int64_t)sizeof(int32_t) + ALIGNED;
}

int has_room(const program *p, int64_t n, const Py_buffer *tape) {
  return p->n_lanes > 1 && tape->len == bytes_of(p, n);
}

int32_t *aligned_in(const Py_buffer *tape) {
  return (int32_t *)(((uintptr_t)tape->buf + ALIGNED - 1) & ~(uintptr_t)(ALIGNED - 1));
}

PyObject *tape_bytes(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsule;
  Py_ssize_t n;
  if (!PyArg_ParseTuple(arguments, "On", &capsule, &n)) return NULL;
  const program *p = PyCapsule_GetPointer(capsule, PROGRAM);
  if (!p) return NULL;
  if (n < 0 || n > 1 << 24 || p->n_lanes == 1)
    return PyErr_Format(PyExc_ValueError, "a tape of %zd signals, or of a program of one", n);
  return PyLong_FromLongLong(bytes_of(p, n));
}

/* Whether a way back fits the program of a tape. */
static int fits(const program *p, const program *of) {
  if (!p->is_way_back || of->is_way_back || p->level != of->level || of->n_lanes == 1) return 0;
  if (p->n_lanes != of->n_lanes || p->output_buffer != WIDE) return 0;
  for (int64_t i = 0; i < p->n_operations; i++) {
    const operation *op = p->operations + i;
    if (op->kind != AFFINE && op->kind != PULL) return 0;
    if (op->kind == PULL && rows_of(op->from) > of->rows[op->source]) return 0;
  }
  return 1;
}

static PyObject *pulled(const program *p, const program *of, const Py_buffer *all) {
  const Py_buffer *tape = all, *g = all + 1, *y = all + 2;
  const int64_t n = g->len / 8 / p->input.n_elements;
  if (!fits(p, of) || g->len != n * 8 * p->input.n_elements ||
      y->len != n * 8 * p->output.n_elements || !has_room(of, n, tape))
    return PyErr_Format(PyExc_ValueError, "arrays or a tape that do not fit the way back");
  int failed;
  Py_BEGIN_ALLOW_THREADS
  failed = p->level->pull(p, of, aligned_in(tape), g->buf, n, y->buf);
  Py_END_ALLOW_THREADS
  return failed < 0 ? PyErr_NoMemory() : PyBool_FromLong(!failed);
}

PyObject *pull(PyObject *self, PyObject *arguments) {
  (void)self;
  static const Py_ssize_t SIZES[] = {1, 8, 8};
  PyObject *capsules[2], *given[3], *result = NULL;
  Py_buffer all[3];
  int n = 0;
  if (!PyArg_ParseTuple(arguments, "OOOOO", capsules, capsules + 1, given, given + 1, given + 2))
    return NULL;
  const program *p = PyCapsule_GetPointer(capsules[0], PROGRAM);
  const program *of = p ? PyCapsule_GetPointer(capsules[1], PROGRAM) : NULL;
  if (!of) return NULL;
  while (n < 3 && !borrow(given[n], all + n, SIZES[n], n == 2)) n++;
  if (n == 3) result = pulled(p, of, all);
  while (n) PyBuffer_Release(all + --n);
  return result;
}
