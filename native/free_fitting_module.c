/* What weights are fitted to, for Python. */
#include "python.h"

#include "free_fit.h"

static PyObject *misfit(void) {
  PyErr_SetString(PyExc_ValueError, "arrays that do not fit the sample");
  return NULL;
}

/* Borrow arrays of int64, of which the last `n_results` are written; -1 with an exception. */
static int borrow_all(PyObject *const *given, Py_buffer *views, int n, int n_results) {
  int i = 0;
  while (i < n && !borrow(given[i], views + i, 8, i >= n - n_results)) i++;
  if (i == n) return 0;
  while (i > 0) PyBuffer_Release(views + --i);
  return -1;
}

static PyObject *finished(Py_buffer *views, int n, int failed) {
  while (n > 0) PyBuffer_Release(views + --n);
  if (failed) return misfit();
  Py_RETURN_NONE;
}

PyObject *free_sample_of(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsules[2], *given[6];
  Py_buffer v[6];
  if (!PyArg_ParseTuple(arguments, "OOOOOOOO", capsules, capsules + 1, given, given + 1, given + 2,
                        given + 3, given + 4, given + 5))
    return NULL;
  const free_walk *w = free_walk_in(capsules[0]);
  const free_pass *p = w ? free_pass_in(capsules[1]) : NULL;
  if (!p || borrow_all(given, v, 6, 3)) return NULL;
  const free_sample s = {v[0].len / 8, v[1].len / 8, v[2].len / 24, v[0].buf, v[1].buf,
                         v[2].buf,     v[3].buf,     v[4].buf,      v[5].buf};
  const int64_t all = 8 * s.n_places * s.n_columns;
  int failed = p->size != w->size || v[2].len % 24 || v[3].len != all || v[4].len != all * s.n_groups ||
               v[5].len != all * (p->n_before ? 3 : 2);
  if (!failed) {
    Py_BEGIN_ALLOW_THREADS
    failed = free_take_sample(w, p, &s);
    Py_END_ALLOW_THREADS
  }
  return finished(v, 6, failed);
}

PyObject *free_bits(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *given;
  Py_buffer left;
  long long step;
  if (!PyArg_ParseTuple(arguments, "OL", &given, &step) || borrow(given, &left, 8, 0)) return NULL;
  const int64_t bits = step < 1 ? 0 : free_bits_of(left.buf, left.len / 8, step);
  PyBuffer_Release(&left);
  return step < 1 ? misfit() : PyLong_FromLongLong(bits);
}

/* Point at hints; -1 where these do not fit. */
static int read_hints(free_hints *h, const Py_buffer *v) {
  *h = (free_hints){v[1].len / 8, v[2].len / 8, v[0].buf, v[1].buf, v[2].buf};
  if (v[0].len != 8 * h->n * h->n_hints) return -1;
  for (int64_t k = 0; k < h->n_hints; k++)
    if (h->shares[k] < 0 || h->shares[k] > (int64_t)1 << 40) return -1;
  for (int64_t i = 0; i < h->n * h->n_hints; i++)
    if (h->hints[i] < 0 || h->hints[i] > 1 << 11) return -1;
  return 0;
}

PyObject *free_moments(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *given[5];
  Py_buffer v[5];
  free_hints h;
  if (!PyArg_ParseTuple(arguments, "OOOOO", given, given + 1, given + 2, given + 3, given + 4) ||
      borrow_all(given, v, 5, 2))
    return NULL;
  const int failed = read_hints(&h, v) || v[3].len != 8 * h.n_hints * h.n_hints || v[4].len != v[2].len;
  if (!failed) free_moments_of(&h, v[3].buf, v[4].buf);
  return finished(v, 5, failed);
}

PyObject *free_laplacian(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *given[3];
  Py_buffer v[3];
  free_hints h;
  if (!PyArg_ParseTuple(arguments, "OOO", given, given + 1, given + 2) || borrow_all(given, v, 3, 0))
    return NULL;
  const int failed = read_hints(&h, v);
  const int64_t bits = failed ? 0 : free_laplacian_of(&h);
  Py_XDECREF(finished(v, 3, failed));
  return failed ? NULL : PyLong_FromLongLong(bits);
}

/* ------------------------------------------------------------------ weights */

static PyObject *tuple_of(const int64_t *numbers, int64_t n) {
  PyObject *found = PyTuple_New(n);
  for (int64_t i = 0; found && i < n; i++) {
    PyObject *number = PyLong_FromLongLong(numbers[i]);
    if (!number || PyTuple_SetItem(found, i, number)) Py_CLEAR(found);
  }
  return found;
}

static int are_few(const free_fitting *f, int64_t rest) {
  const free_sample *s = &f->sample;
  return !rest && s->n_groups > 0 && s->n_groups <= FREE_MAX_GROUPS && f->n_prefixes <= FREE_MAX_PREFIXES &&
         s->n_places <= FREE_MAX_ROWS && s->n_columns <= FREE_MAX_ROWS &&
         s->n_places * s->n_columns <= FREE_MAX_ROWS && f->step > 0 && f->repeats > 0 &&
         f->repeats <= (int64_t)1 << 32 && f->weight_bits >= FREE_WEIGHT_BITS &&
         f->weight_bits <= FREE_SWEPT_BITS;
}

/* Weights and shares, or None where numbers are too large: numpy fits then. */
PyObject *free_fit_of(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsules[2], *given[4];
  Py_buffer v[4];
  long long step, repeats;
  free_fitting f;
  free_fitted found;
  if (!PyArg_ParseTuple(arguments, "OOOOOOLLi", capsules, capsules + 1, given, given + 1, given + 2,
                        given + 3, &step, &repeats, &f.weight_bits))
    return NULL;
  const free_walk *w = free_walk_in(capsules[0]);
  const free_pass *p = w ? free_pass_in(capsules[1]) : NULL;
  if (!p || borrow_all(given, v, 4, 0)) return NULL;
  f.sample = (free_sample){v[0].len / 8, v[1].len / 8, v[2].len / 24, v[0].buf, v[1].buf, v[2].buf,
                           NULL, NULL, NULL};
  f.prefixes = v[3].buf, f.n_prefixes = v[3].len / 8, f.step = step, f.repeats = repeats;
  int failed = p->size != w->size || !(w->wanted || w->wanted_floats) || !are_few(&f, v[2].len % 24);
  if (failed) {
    Py_XDECREF(finished(v, 4, failed));
    return NULL;
  }
  Py_BEGIN_ALLOW_THREADS
  failed = free_fit(w, p, &f, &found);
  Py_END_ALLOW_THREADS
  Py_XDECREF(finished(v, 4, failed == FREE_MISFIT));
  if (failed == FREE_MISFIT) return NULL;
  if (failed == FREE_NO_MEMORY) return PyErr_NoMemory();
  if (failed) Py_RETURN_NONE;
  PyObject *weights = tuple_of(found.weights, found.n_weights);
  PyObject *shares = weights ? tuple_of(found.shares, found.n_hints) : NULL;
  PyObject *both = shares ? PyTuple_Pack(2, weights, shares) : NULL;
  Py_XDECREF(weights), Py_XDECREF(shares);
  return both;
}
