/* Levels without a network for Python: a walk, its passes, and what comes out. */
#include "python.h"

#include <stdlib.h>

#include "free_walk.h"

static const char WALK[] = "narrows.free_walk", PASS[] = "narrows.free_pass";
enum { N_VIEWS = 8 }; /* known, missed, wanted, any; first counts; words, low bits, escaped */

typedef struct {
  free_walk walk; /* first, so that a pointer to one is a pointer to the other */
  Py_buffer views[N_VIEWS];
  int has[N_VIEWS];
} free_held;

static void forget_walk(PyObject *capsule) {
  free_held *h = PyCapsule_GetPointer(capsule, WALK);
  free_walk *w = &h->walk;
  void *const rooms[] = {w->residuals.counts, w->residuals.sums, w->values.counts, w->values.sums,
                         w->writer.symbols.items, w->writer.low.items, w->writer.escaped.items,
                         w->places, w->expected, w->steps, w->low, w->classes, w->entries, w->order,
                         w->kinds};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) free(rooms[i]);
  for (int i = 0; i < N_VIEWS; i++)
    if (h->has[i]) PyBuffer_Release(h->views + i);
  free(h);
}

free_walk *free_walk_in(PyObject *capsule) { return PyCapsule_GetPointer(capsule, WALK); }

const free_pass *free_pass_in(PyObject *capsule) { return PyCapsule_GetPointer(capsule, PASS); }

static void forget_pass(PyObject *capsule) { free_forget_pass(PyCapsule_GetPointer(capsule, PASS)); }

static PyObject *misfit(void) {
  PyErr_SetString(PyExc_ValueError, "arrays that do not fit the walk");
  return NULL;
}

static int make_tables_of(free_tables *t, int64_t n, int64_t size, const int64_t *first) {
  t->n = n, t->size = size;
  t->counts = malloc((size_t)(n * size) * sizeof *t->counts);
  t->sums = calloc((size_t)n, sizeof *t->sums);
  if (!t->counts || !t->sums) return -1;
  for (int64_t i = 0; i < n * size; i++) {
    t->counts[i] = first ? first[i] : 1;
    t->sums[i / size] += t->counts[i];
  }
  return 0;
}

static int make_room(free_walk *w, int64_t room) {
  const size_t wide = (size_t)room * sizeof(int64_t), narrow = (size_t)room * sizeof(int32_t);
  w->places = malloc(wide), w->expected = malloc(wide), w->steps = malloc(wide), w->low = malloc(wide);
  w->classes = malloc(narrow), w->entries = malloc(narrow), w->order = malloc(narrow);
  w->kinds = malloc(narrow), w->room = room;
  return w->places && w->expected && w->steps && w->low && w->classes && w->entries && w->order &&
                 w->kinds ? 0 : -1;
}

/* Point the walk at borrowed arrays; -1 with an exception where they do not fit. */
static int set_up(free_held *h, int64_t n, int64_t n_values, int floats) {
  free_walk *w = &h->walk;
  const Py_buffer *v = h->views;
  const int64_t all = v[0].len / 8;
  w->n = n, w->is_reader = h->has[5];
  if (n < 1 || all % n || all / n < 1 || all / n > FREE_MAX_COUNT || all > INT32_MAX ||
      v[1].len != v[0].len || (h->has[2] && v[2].len != v[0].len) || (h->has[3] && v[3].len != all) ||
      v[4].len != 8 * FREE_CLASSES * FREE_ENTRIES || n_values < 2 || n_values > FREE_MAX_SIZE ||
      h->has[2] == w->is_reader || h->has[6] != w->is_reader || h->has[7] != w->is_reader ||
      w->high < 0 || w->high > FREE_LARGEST + 1)
    return (void)misfit(), -1;
  w->size = all / n, w->known = v[0].buf, w->missed = v[1].buf;
  if (h->has[2]) *(floats ? (const void **)&w->wanted_floats : (const void **)&w->wanted) = v[2].buf;
  w->any = h->has[3] ? v[3].buf : NULL;
  if (w->is_reader) {
    w->reader = (free_reader){v[5].buf, v[5].len / 4, 0, v[6].buf, v[6].len, 0, v[7].buf, v[7].len / 8, 0};
    free_start_reading(&w->reader);
  }
  if (make_tables_of(&w->residuals, FREE_CLASSES, FREE_ENTRIES, v[4].buf) ||
      make_tables_of(&w->values, FREE_CONTEXTS + 1, n_values, NULL) ||
      make_room(w, n > FREE_MOST_AT_ONCE ? n : FREE_MOST_AT_ONCE))
    return (void)PyErr_NoMemory(), -1;
  return 0;
}

PyObject *free_walk_of(PyObject *self, PyObject *arguments) {
  (void)self;
  static const Py_ssize_t SIZES[N_VIEWS] = {8, 8, 8, 1, 8, 4, 1, 8};
  PyObject *given[N_VIEWS];
  long long n, high, n_values;
  int floats, i = 0;
  if (!PyArg_ParseTuple(arguments, "LLLpOOOOOOOO", &n, &high, &n_values, &floats, given, given + 1,
                        given + 2, given + 3, given + 4, given + 5, given + 6, given + 7))
    return NULL;
  free_held *h = calloc(1, sizeof *h);
  if (!h) return PyErr_NoMemory();
  h->walk.high = high;
  PyObject *capsule = PyCapsule_New(h, WALK, forget_walk);
  if (!capsule) return free(h), NULL;
  for (; i < N_VIEWS; i++) {
    if (given[i] == Py_None && i != 0 && i != 1 && i != 4) continue;
    if (borrow(given[i], h->views + i, SIZES[i], i < 2)) break;
    h->has[i] = 1;
  }
  if (i < N_VIEWS || set_up(h, n, n_values, floats)) Py_CLEAR(capsule);
  return capsule;
}

/* True where a part was coded, False where no writer codes so. */
static PyObject *outcome(int failed) {
  if (failed == FREE_NO_MEMORY) return PyErr_NoMemory();
  return PyBool_FromLong(!failed);
}

PyObject *free_start(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsule;
  long long place, step, start_class;
  int failed, has_values;
  if (!PyArg_ParseTuple(arguments, "OLLLp", &capsule, &place, &step, &start_class, &has_values))
    return NULL;
  free_held *h = PyCapsule_GetPointer(capsule, WALK);
  if (!h) return NULL;
  if (place < 0 || place >= h->walk.size || step < 1 || step > FREE_MOST_STEP || start_class < 0 ||
      start_class > FREE_MAX_CLASS)
    return misfit();
  Py_BEGIN_ALLOW_THREADS
  failed = free_code_start(&h->walk, place, step, (int32_t)start_class, has_values);
  Py_END_ALLOW_THREADS
  return outcome(failed);
}

PyObject *free_pass_of(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *given[2];
  Py_buffer fields, numbers;
  const char *reason = NULL;
  free_pass *made = NULL;
  if (!PyArg_ParseTuple(arguments, "OO", given, given + 1) || borrow(given[0], &fields, 8, 0)) return NULL;
  const int failed = borrow(given[1], &numbers, 8, 0);
  if (!failed) {
    made = free_new_pass(fields.buf, fields.len / 8, numbers.buf, numbers.len / 8, &reason);
    PyBuffer_Release(&numbers);
  }
  PyBuffer_Release(&fields);
  if (!made) return failed ? NULL : refusal("a pass", reason, 0);
  PyObject *capsule = PyCapsule_New(made, PASS, forget_pass);
  if (!capsule) free_forget_pass(made);
  return capsule;
}

PyObject *free_levels(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsules[2], *given;
  Py_buffer numbers;
  long long step;
  free_rule rule;
  if (!PyArg_ParseTuple(arguments, "OOLO", capsules, capsules + 1, &step, &given)) return NULL;
  free_held *h = PyCapsule_GetPointer(capsules[0], WALK);
  const free_pass *p = h ? PyCapsule_GetPointer(capsules[1], PASS) : NULL;
  if (!p || borrow(given, &numbers, 8, 0)) return NULL;
  const int has_rule = numbers.len > 0;
  int failed = p->size != h->walk.size || step < 1 || step > FREE_MOST_STEP ||
               (has_rule && !free_fits(p, numbers.buf, numbers.len / 8, &rule));
  if (failed) {
    PyBuffer_Release(&numbers);
    return misfit();
  }
  Py_BEGIN_ALLOW_THREADS
  failed = free_code_pass(&h->walk, p, has_rule ? &rule : NULL, step);
  Py_END_ALLOW_THREADS
  PyBuffer_Release(&numbers);
  return outcome(failed);
}

PyObject *free_fronts(PyObject *self, PyObject *arguments) {
  (void)self;
  static const Py_ssize_t SIZES[4] = {8, 4, 8, 8}; /* places, coordinates, ends, all other numbers */
  PyObject *capsule, *given[4];
  Py_buffer views[4];
  long long step;
  int i = 0, failed = 1;
  if (!PyArg_ParseTuple(arguments, "OLOOOO", &capsule, &step, given, given + 1, given + 2, given + 3))
    return NULL;
  free_held *h = PyCapsule_GetPointer(capsule, WALK);
  if (!h) return NULL;
  while (i < 4 && !borrow(given[i], views + i, SIZES[i], 0)) i++;
  if (i == 4) {
    free_side s = {.places = views[0].buf, .n_places = views[0].len / 8, .at = views[1].buf,
                   .ends = views[2].buf, .n_ends = views[2].len / 8};
    failed = step < 1 || step > FREE_MOST_STEP || !s.n_places || views[1].len % (4 * s.n_places) ||
             free_read_side(&s, views[1].len / 4 / s.n_places, views[3].buf, views[3].len / 8);
    if (failed) {
      misfit();
    } else {
      Py_BEGIN_ALLOW_THREADS
      failed = free_code_side(&h->walk, &s, step);
      Py_END_ALLOW_THREADS
    }
  }
  const int is_whole = i == 4;
  while (i > 0) PyBuffer_Release(views + --i);
  return !is_whole || PyErr_Occurred() ? NULL : outcome(failed);
}

PyObject *free_low_bits(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsule, *given;
  Py_buffer values;
  int width, failed;
  if (!PyArg_ParseTuple(arguments, "OOi", &capsule, &given, &width)) return NULL;
  free_held *h = PyCapsule_GetPointer(capsule, WALK);
  if (!h || borrow(given, &values, 8, h->walk.is_reader)) return NULL;
  free_walk *w = &h->walk;
  const free_low low = {NULL, NULL, values.len / 8, width};
  if (width < 0 || width > 63) {
    PyBuffer_Release(&values);
    return misfit();
  }
  Py_BEGIN_ALLOW_THREADS
  failed = w->is_reader ? free_read_low(&w->reader, &low, values.buf)
                        : free_write_low(&w->writer, &low, values.buf);
  Py_END_ALLOW_THREADS
  PyBuffer_Release(&values);
  return outcome(failed);
}

PyObject *free_written(PyObject *self, PyObject *capsule) {
  (void)self;
  free_held *h = PyCapsule_GetPointer(capsule, WALK);
  if (!h) return NULL;
  const free_writer *w = &h->walk.writer;
  int64_t n;
  uint32_t *words;
  Py_BEGIN_ALLOW_THREADS
  words = free_words(w, &n);
  Py_END_ALLOW_THREADS
  if (!words) return PyErr_NoMemory();
  const char *low = w->low.n ? w->low.items : "", *escaped = w->escaped.n ? w->escaped.items : "";
  PyObject *found = Py_BuildValue("y#y#y#", (const char *)words, (Py_ssize_t)(4 * n), low,
                                  (Py_ssize_t)w->low.n, escaped, (Py_ssize_t)(8 * w->escaped.n));
  free(words);
  return found;
}

PyObject *free_has_ended(PyObject *self, PyObject *capsule) {
  (void)self;
  const free_held *h = PyCapsule_GetPointer(capsule, WALK);
  if (!h) return NULL;
  const free_reader *r = &h->walk.reader;
  return PyBool_FromLong(!r->state && !r->n_words && r->low_at == r->n_low &&
                         r->escaped_at == r->n_escaped);
}
