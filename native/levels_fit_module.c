/* Fitting last layers of networks of levels, for Python. */
#include "levels_python.h"

/* ------------------------------------------------------------------ what networks make of rows */

enum { OWN, OTHER, WIDE_ALONG, FLAGS, PLACES, VALUES, HIDDEN, MIDDLE, SPREAD, N_SEEN };

static int seen_in(const levels_coder *c, int64_t pass, part_of_numbers *p, const Py_buffer *views) {
  const int64_t n = frames_in(views + VALUES, c->size, 8);
  if (c->kind != OF_NUMBERS || pass < 0 || pass >= c->n_passes ||
      take_around(p, views + PLACES, views + OWN, views + OTHER, views + WIDE_ALONG, views + FLAGS) ||
      !is_part(&p->own, n))
    return OUTSIDE;
  const int64_t rows = (p->own.stop - p->own.start) * n;
  if (views[HIDDEN].len != 2 * rows * c->passes[pass].n_units || views[MIDDLE].len != 8 * rows ||
      views[SPREAD].len != 8 * rows)
    return OUTSIDE;
  decisions *d = new_writer(); /* for its memory */
  if (!d) return NO_MEMORY;
  int failed;
  Py_BEGIN_ALLOW_THREADS
  failed = see_numbers_of(c, d, pass, p, views[VALUES].buf, n, views[HIDDEN].buf, views[MIDDLE].buf,
                          views[SPREAD].buf);
  Py_END_ALLOW_THREADS
  free_decisions(d);
  return failed;
}

PyObject *see_numbers(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *of, *given[N_SEEN];
  Py_buffer views[N_SEEN];
  const Py_ssize_t sizes[N_SEEN] = {8, 8, 8, 1, 8, 8, 2, 8, 8};
  long long pass, start, stop;
  part_of_numbers p = {0};
  if (!PyArg_ParseTuple(arguments, "OL(OOOOOO)LLip(OOO)", &of, &pass, given, given + 1, given + 2,
                        given + 3, given + 4, given + 5, &start, &stop, &p.middle_bits, &p.sees_place,
                        given + 6, given + 7, given + 8))
    return NULL;
  const levels_coder *c = PyCapsule_GetPointer(of, LEVELS_NAME);
  p.own.start = start, p.own.stop = stop;
  if (!c || !borrow_all(given, views, sizes, N_SEEN, HIDDEN)) return NULL;
  const int failed = seen_in(c, pass, &p, views);
  release_all(views, N_SEEN);
  return outcome(failed);
}

/* ------------------------------------------------------------------ sums and equations */

enum { IN_HIDDEN, IN_MIDDLE, IN_SPREAD, IN_TRUTH, WEIGHTS, INVERSE, SIGMOID, SQUARE, RIGHT, N_SUMS };

static int sums_in(const level *on, int middle_bits, const Py_buffer *views) {
  const int64_t units = views[WEIGHTS].len / 16, rows = views[IN_TRUTH].len / 8;
  if (units < 1 || units > MAX_HIDDEN + 1 || middle_bits < 0 || middle_bits > 3 ||
      views[WEIGHTS].len != 16 * units || views[IN_HIDDEN].len != 2 * rows * (units - 1) ||
      views[IN_MIDDLE].len != 8 * rows || views[IN_SPREAD].len != 8 * rows ||
      views[INVERSE].len != 8 * N_CLASSES || views[SIGMOID].len != 4 * SIGMOID_SIZE ||
      views[SQUARE].len != 8 * units * units || views[RIGHT].len != 16 * units)
    return OUTSIDE;
  const fit_sums f = {units,
                      rows,
                      views[IN_HIDDEN].buf,
                      views[IN_MIDDLE].buf,
                      views[IN_SPREAD].buf,
                      views[IN_TRUTH].buf,
                      views[WEIGHTS].buf,
                      views[INVERSE].buf,
                      views[SIGMOID].buf,
                      middle_bits,
                      views[SQUARE].buf,
                      views[RIGHT].buf};
  double *room = aligned_zeros(units * FIT_ROWS, sizeof *room);
  if (!room) return NO_MEMORY;
  Py_BEGIN_ALLOW_THREADS
  on->passes->fit(&f, room);
  Py_END_ALLOW_THREADS
  aligned_release(room);
  return 0;
}

PyObject *add_fit(PyObject *self, PyObject *arguments) {
  (void)self;
  const char *name;
  PyObject *given[N_SUMS];
  Py_buffer views[N_SUMS];
  const Py_ssize_t sizes[N_SUMS] = {2, 8, 8, 8, 8, 8, 4, 8, 8};
  int middle_bits;
  if (!PyArg_ParseTuple(arguments, "si(OOOOOOO)(OO)", &name, &middle_bits, given, given + 1, given + 2,
                        given + 3, given + 4, given + 5, given + 6, given + 7, given + 8))
    return NULL;
  const level *on = find_level(name);
  if (!on || !borrow_all(given, views, sizes, N_SUMS, SQUARE)) return NULL;
  const int failed = sums_in(on, middle_bits, views);
  release_all(views, N_SUMS);
  return outcome(failed);
}

PyObject *solve_equations(PyObject *self, PyObject *given) {
  (void)self;
  Py_buffer a;
  if (borrow(given, &a, 8, 1)) return NULL;
  int64_t n = 0;
  while (n * (n + 1) * 8 < a.len) n++;
  const int failed = n * (n + 1) * 8 == a.len ? 0 : OUTSIDE;
  if (!failed) solve(a.buf, n);
  PyBuffer_Release(&a);
  return outcome(failed);
}
