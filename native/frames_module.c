/* Frames of what a decoder gives, for Python; see frames.h. */
#include "python.h"

static const Py_ssize_t SIZES[] = {1, 1, 2, 2, 4}; /* of an element, by type */
enum { N_TYPES = sizeof SIZES / sizeof *SIZES };
enum { SLOPE, OFFSET, INTEGERS, FRAMES, N_OF_FRAMES, UNITS = N_OF_FRAMES, SQUARES, ERRORS };

typedef struct {
  PyObject *given[ERRORS + 1];
  Py_buffer views[ERRORS + 1];
  int n; /* that are borrowed */
} borrowed;

static PyObject *refused(void) {
  PyErr_SetString(PyExc_ValueError, "arrays that are not of frames");
  return NULL;
}

/* Borrow `n` arrays; 0, or -1 with an exception. */
static int borrow_frames(borrowed *all, int type, int n, int writes_frames) {
  if (type < 0 || type >= N_TYPES) return refused(), -1;
  const Py_ssize_t integer = 0, sizes[] = {8, 8, integer, SIZES[type], 8, 8, 8};
  for (all->n = 0; all->n < n; all->n++) {
    const int i = all->n, writes = i == FRAMES ? writes_frames : i >= SQUARES;
    if (i != INTEGERS && borrow(all->given[i], all->views + i, sizes[i], writes)) return -1;
    if (i == INTEGERS && PyObject_GetBuffer(all->given[i], all->views + i, PyBUF_C_CONTIGUOUS))
      return -1;
  }
  return 0;
}

/* Read what all calls have; -1 with an exception where arrays do not fit each other. */
static int read_frames(const borrowed *all, frame_ends *f, batch *b) {
  const Py_buffer *view = all->views, *x = view + INTEGERS;
  f->n_elements = view[SLOPE].len / 8;
  f->slope = view[SLOPE].buf, f->offset = view[OFFSET].buf;
  if (!f->n_elements || view[OFFSET].len != view[SLOPE].len || (x->itemsize != 4 && x->itemsize != 8))
    return refused(), -1;
  const int64_t n = x->len / x->itemsize / f->n_elements, all_elements = n * f->n_elements;
  *b = (batch){x->buf, NULL, n, x->itemsize == 8, 1};
  if (x->len != all_elements * x->itemsize || view[FRAMES].len != all_elements * view[FRAMES].itemsize)
    return refused(), -1;
  return 0;
}

static PyObject *release(borrowed *all, int failed) {
  while (all->n) PyBuffer_Release(all->views + --all->n);
  if (failed) return NULL;
  Py_RETURN_NONE;
}

PyObject *frames(PyObject *self, PyObject *arguments) {
  (void)self;
  const char *name;
  frame_ends f = {0};
  batch b;
  borrowed all = {0};
  PyObject **of = all.given;
  if (!PyArg_ParseTuple(arguments, "sidd(OOOO)", &name, &f.type, &f.least, &f.largest, of, of + 1,
                        of + 2, of + 3))
    return NULL;
  const level *on = find_level(name);
  int failed = !on || borrow_frames(&all, f.type, N_OF_FRAMES, 1) || read_frames(&all, &f, &b);
  if (!failed) {
    b.y = all.views[FRAMES].buf;
    Py_BEGIN_ALLOW_THREADS
    on->frames(&f, &b);
    Py_END_ALLOW_THREADS
  }
  return release(&all, failed);
}

PyObject *frame_errors(PyObject *self, PyObject *arguments) {
  (void)self;
  const char *name;
  frame_ends f = {0};
  batch b;
  borrowed all = {0};
  PyObject **of = all.given;
  if (!PyArg_ParseTuple(arguments, "siddd(OOOOOOO)", &name, &f.type, &f.least, &f.largest, &f.limit, of,
                        of + 1, of + 2, of + 3, of + 4, of + 5, of + 6))
    return NULL;
  const level *on = find_level(name);
  const int wants = of[ERRORS] != Py_None;
  int failed = !on || borrow_frames(&all, f.type, wants ? ERRORS + 1 : ERRORS, 0) ||
               read_frames(&all, &f, &b);
  if (!failed) {
    const Py_buffer *units = all.views + UNITS, *squares = all.views + SQUARES;
    const Py_buffer *errors = all.views + ERRORS;
    failed = units->len != f.n_elements * 8 || squares->len != b.n * 8 ||
             (wants && errors->len != b.n * f.n_elements * 8);
    if (failed) refused();
    f.units = units->buf, b.y = wants ? errors->buf : NULL;
  }
  if (!failed) {
    Py_BEGIN_ALLOW_THREADS
    on->frame_errors(&f, &b, all.views[FRAMES].buf, all.views[SQUARES].buf);
    Py_END_ALLOW_THREADS
  }
  return release(&all, failed);
}
