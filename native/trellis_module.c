/* Trellises for Python. */
#include "python.h"

#include "symbols.h"

static PyObject *misfit(void) {
  PyErr_SetString(PyExc_ValueError, "arrays that do not fit the trellis");
  return NULL;
}

/* Borrow arrays, the last one to be written; return how many, all of them but after an exception. */
static int borrow_all(PyObject **given, Py_buffer *views, const Py_ssize_t *sizes, int n) {
  int done = 0;
  while (done < n && !borrow(given[done], views + done, sizes[done], done == n - 1)) done++;
  return done;
}

static void release_all(Py_buffer *views, int n) {
  while (n > 0) PyBuffer_Release(views + --n);
}

PyObject *trellis_levels(PyObject *self, PyObject *arguments) {
  (void)self;
  static const Py_ssize_t sizes[] = {4, 8};
  PyObject *capsule, *given[2];
  Py_buffer views[2];
  if (!PyArg_ParseTuple(arguments, "OOO", &capsule, given, given + 1)) return NULL;
  const tables *c = PyCapsule_GetPointer(capsule, TABLES);
  if (!c) return NULL;
  const int done = borrow_all(given, views, sizes, 2);
  int is_right = 0;
  if (done == 2) {
    const int64_t n = views[0].len / 4 / c->n_latents;
    is_right = is_trellis(c) && views[0].len == 4 * n * c->n_latents && views[1].len == 2 * views[0].len;
    if (!is_right) {
      misfit();
    } else {
      Py_BEGIN_ALLOW_THREADS
      to_levels(c, views[0].buf, n, views[1].buf);
      Py_END_ALLOW_THREADS
    }
  }
  release_all(views, done);
  if (!is_right) return NULL;
  Py_RETURN_NONE;
}

static int find(const tables *c, const Py_buffer *target, const Py_buffer *price,
                const Py_buffer *bits, const Py_buffer *symbols) {
  const int64_t n = symbols->len / 4 / c->n_latents;
  int64_t entries = 0;
  for (int64_t j = 0; j < c->n_places; j++) entries += 2 * c->places[j].size;
  if (!is_trellis(c) || symbols->len != 4 * n * c->n_latents || target->len != 2 * symbols->len ||
      price->len != target->len || bits->len != 8 * entries)
    return (void)misfit(), -1;
  int failed;
  Py_BEGIN_ALLOW_THREADS
  failed = find_paths(c, target->buf, price->buf, bits->buf, n, symbols->buf);
  Py_END_ALLOW_THREADS
  if (failed) PyErr_NoMemory();
  return failed;
}

PyObject *trellis_paths(PyObject *self, PyObject *arguments) {
  (void)self;
  static const Py_ssize_t sizes[] = {8, 8, 8, 4};
  PyObject *capsule, *given[4];
  Py_buffer views[4];
  if (!PyArg_ParseTuple(arguments, "OOOOO", &capsule, given, given + 1, given + 2, given + 3))
    return NULL;
  const tables *c = PyCapsule_GetPointer(capsule, TABLES);
  if (!c) return NULL;
  const int done = borrow_all(given, views, sizes, 4);
  const int failed = done < 4 || find(c, views, views + 1, views + 2, views + 3);
  release_all(views, done);
  if (failed) return NULL;
  Py_RETURN_NONE;
}
