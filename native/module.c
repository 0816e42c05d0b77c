/* narrows.codec._native: programs for Python. Arrays are any that have the buffer protocol. */
#include "python.h"

#include <string.h>

enum { VERSION = 16 }; /* of the description of programs; see narrows.codec.networks.native */

#if defined(__x86_64__)
extern const level level_avx512, level_avx2, level_sse2;
#endif
extern const level level_plain;
const level *const LEVELS[] = {
#if defined(__x86_64__)
    &level_avx512, &level_avx2, &level_sse2,
#endif
    &level_plain,
};
const int N_LEVELS = sizeof LEVELS / sizeof *LEVELS;
const char PROGRAM[] = "narrows.program";

int borrow(PyObject *from, Py_buffer *view, Py_ssize_t size, int writable) {
  int flags = PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0);
  if (PyObject_GetBuffer(from, view, flags)) return -1;
  if (view->itemsize == size) return 0;
  PyBuffer_Release(view);
  PyErr_Format(PyExc_ValueError, "an array of %zd bytes a number; expected %zd", view->itemsize, size);
  return -1;
}

static PyObject *levels(PyObject *self, PyObject *none) {
  (void)self, (void)none;
  PyObject *names = PyList_New(0);
  for (int i = 0; names && i < N_LEVELS; i++) {
    if (!LEVELS[i]->is_supported()) continue;
    PyObject *name = PyUnicode_FromString(LEVELS[i]->name);
    if (!name || PyList_Append(names, name)) Py_CLEAR(names);
    Py_XDECREF(name);
  }
  return names;
}

const level *find_level(const char *name) {
  for (int i = 0; i < N_LEVELS; i++)
    if (!strcmp(LEVELS[i]->name, name) && LEVELS[i]->is_supported()) return LEVELS[i];
  PyErr_Format(PyExc_ValueError, "no level %s on this processor", name);
  return NULL;
}

static void forget(PyObject *capsule) { free_program(PyCapsule_GetPointer(capsule, PROGRAM)); }

PyObject *refusal(const char *what, const char *reason, int no_memory) {
  if (no_memory) return PyErr_NoMemory();
  return PyErr_Format(PyExc_ValueError, "%s with %s", what, reason);
}

static PyObject *program_of(const description *given, const level *on, int is_alone) {
  const char *reason = NULL;
  int no_memory = 0;
  program *made = new_program(given, on, is_alone, &reason, &no_memory);
  if (!made) return refusal("a program", reason, no_memory);
  PyObject *capsule = PyCapsule_New(made, PROGRAM, forget);
  if (!capsule) free_program(made);
  return capsule;
}

PyObject *make_of(PyObject *arguments, maker make_one) {
  const char *name;
  PyObject *given[3], *made = NULL;
  int is_alone = 0;
  Py_buffer fields, weights, numbers;
  if (!PyArg_ParseTuple(arguments, "sOOO|p", &name, given, given + 1, given + 2, &is_alone))
    return NULL;
  const level *on = find_level(name);
  if (!on || borrow(given[0], &fields, 8, 0)) return NULL;
  if (!borrow(given[1], &weights, 2, 0)) {
    if (!borrow(given[2], &numbers, 4, 0)) {
      description all = {fields.buf,        fields.len / 8, weights.buf, weights.len / 2,
                         numbers.buf, numbers.len / 4};
      made = make_one(&all, on, is_alone);
      PyBuffer_Release(&numbers);
    }
    PyBuffer_Release(&weights);
  }
  PyBuffer_Release(&fields);
  return made;
}

static PyObject *make(PyObject *self, PyObject *arguments) {
  (void)self;
  return make_of(arguments, program_of);
}

/* Run a program on borrowed arrays; -1 with an exception where they do not fit. */
static int run_on(const program *p, const Py_buffer *x, const Py_buffer *y, const Py_buffer *tape) {
  int64_t n = x->len / x->itemsize / p->input.n_elements;
  if ((x->itemsize != 4 && x->itemsize != 8) || (y->itemsize != 4 && y->itemsize != 8) ||
      x->len != n * p->input.n_elements * x->itemsize || p->is_way_back ||
      y->len != n * p->output.n_elements * y->itemsize || (tape && !has_room(p, n, tape))) {
    PyErr_SetString(PyExc_ValueError, "arrays that do not fit the program");
    return -1;
  }
  batch b = {x->buf, y->buf, n, x->itemsize == 8, y->itemsize == 8};
  int failed;
  Py_BEGIN_ALLOW_THREADS
  failed = p->level->run(p, &b, tape ? aligned_in(tape) : NULL);
  Py_END_ALLOW_THREADS
  if (failed) PyErr_NoMemory();
  return failed;
}

static PyObject *run(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsule, *given[3] = {NULL, NULL, NULL};
  Py_buffer x, y, tape;
  if (!PyArg_ParseTuple(arguments, "OOO|O", &capsule, given, given + 1, given + 2)) return NULL;
  const program *p = PyCapsule_GetPointer(capsule, PROGRAM);
  if (!p || PyObject_GetBuffer(given[0], &x, PyBUF_C_CONTIGUOUS)) return NULL;
  int failed = PyObject_GetBuffer(given[1], &y, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE);
  if (!failed) {
    failed = given[2] ? borrow(given[2], &tape, 1, 1) : 0;
    if (!failed) {
      failed = run_on(p, &x, &y, given[2] ? &tape : NULL);
      if (given[2]) PyBuffer_Release(&tape);
    }
    PyBuffer_Release(&y);
  }
  PyBuffer_Release(&x);
  if (failed) return NULL;
  Py_RETURN_NONE;
}

static PyMethodDef METHODS[] = {
    {"levels", levels, METH_NOARGS, "Name the levels that this processor has, the fastest first."},
    {"make", make, METH_VARARGS, "Make a program of (level, fields, weights, numbers, is_alone=False)."},
    {"run", run, METH_VARARGS, "Run (program, x, y, tape=None): (n, ...) floats to as many results."},
    {"tape_bytes", tape_bytes, METH_VARARGS, "Return the bytes of a tape of (program, n)."},
    {"pull", pull, METH_VARARGS, "Pull (program, program of the tape, tape, gradients, to) back; tell if it could."},
    {"frames", frames, METH_VARARGS, "Write (level, type, least, largest, (slope, offset, integers, frames))."},
    {"frame_errors", frame_errors, METH_VARARGS,
     "Write (level, type, least, largest, limit, (slope, offset, integers, frames, units, squares, errors or None))."},
    {"make_tables", make_tables, METH_VARARGS, "Make coding tables: (level, fields, weights, numbers)."},
    {"frequencies", frequencies, METH_VARARGS, "Write the frequencies of (tables, symbols, to)."},
    {"pack", pack, METH_VARARGS, "Return the packets of (tables, model id, quality, symbols, size)."},
    {"lengths", lengths, METH_VARARGS, "Write the bits of (tables, logarithms, symbols, bits, changes)."},
    {"pop", pop, METH_VARARGS, "Decode (tables, words, bits, symbols): a block; tell whether it is one."},
    {"push", push, METH_VARARGS, "Return the words and the bits of (tables, symbols)."},
    {"unpack", unpack, METH_VARARGS, "Decode (tables, model id, packets, symbols, found)."},
    {"free_walk", free_walk_of, METH_VARARGS,
     "Begin a walk: (frames, high, values, is_float, known, missed, wanted, any, counts, words, low, escaped)."},
    {"free_pass", free_pass_of, METH_VARARGS, "Describe a pass of levels: (fields, indices)."},
    {"free_start", free_start, METH_VARARGS, "Code (walk, place, step, class, has_values)."},
    {"free_levels", free_levels, METH_VARARGS, "Code (walk, pass, step, rule): places of levels."},
    {"free_fronts", free_fronts, METH_VARARGS,
     "Code (walk, step, places, coordinates, ends, rule): places of fronts."},
    {"free_low_bits", free_low_bits, METH_VARARGS, "Code (walk, values, width): low bits of all."},
    {"free_sample", free_sample_of, METH_VARARGS,
     "Write what is around (walk, pass, places, frames, groups, centre, differences, hints)."},
    {"free_fit", free_fit_of, METH_VARARGS,
     "Fit weights and shares: (walk, pass, places, frames, groups, prefixes, step, repeats, weight bits)."},
    {"free_bits", free_bits, METH_VARARGS, "Estimate the bits of (left, step), in 256ths."},
    {"free_moments", free_moments, METH_VARARGS, "Add up (hints, left, shares, products, moments)."},
    {"free_laplacian", free_laplacian, METH_VARARGS, "Estimate the bits of (hints, left, shares)."},
    {"free_written", free_written, METH_O, "Return the words, low bits and escaped symbols of a walk."},
    {"free_has_ended", free_has_ended, METH_O, "Tell whether all streams of a walk have ended."},
    {"trellis_levels", trellis_levels, METH_VARARGS, "Write what (tables, symbols) stand for."},
    {"trellis_paths", trellis_paths, METH_VARARGS,
     "Write the symbols that cost least of (tables, targets, prices, bits)."},
    {"make_levels", make_levels, METH_VARARGS, "Make networks of levels: (level, fields, weights, numbers)."},
    {"make_decisions", make_decisions, METH_O, "Make what reads decisions from words, or of None keeps them."},
    {"read_string", read_string, METH_O, "Make what reads decisions from the string of a packet."},
    {"decided_words", decided_words, METH_O, "Return the words of decisions that were kept."},
    {"decided_string", decided_string, METH_O, "Return the shortest string of decisions that were kept."},
    {"decided_shares", decided_shares, METH_O, "Return starts and weights of decisions that were kept."},
    {"are_decided", are_decided, METH_O, "Tell whether all words were read."},
    {"code_bytes", code_bytes, METH_VARARGS,
     "Code (levels, decisions, pass, skips, near, places, values, start, stop)."},
    {"code_numbers", code_numbers, METH_VARARGS,
     "Code (levels, decisions, pass, arrays, start, stop, middle bits, sees place, is float)."},
    {"code_starts", code_starts, METH_VARARGS, "Code (levels, decisions, class, distances)."},
    {"see_numbers", see_numbers, METH_VARARGS,
     "Write (hidden, middles, spreads) of (levels, pass, arrays, start, stop, middle bits, sees place)."},
    {"add_fit", add_fit, METH_VARARGS, "Add up (squares, right sides) of (level, middle bits, arrays)."},
    {"solve_equations", solve_equations, METH_O, "Solve (n, n + 1) equations into the last column."},
    {"make_stack", make_stack, METH_O, "Make a stack of table entries of words."},
    {"stack_push", stack_push, METH_VARARGS, "Push (stack, ends of runs, frequencies, entries)."},
    {"stack_pop", stack_pop, METH_VARARGS, "Pop (stack, ends of runs, frequencies, to)."},
    {"stack_pop_chain", stack_pop_chain, METH_VARARGS, "Pop (stack, rows, frequencies, to): each by the one before."},
    {"stack_words", stack_words, METH_O, "Return the words of a stack."},
    {"stack_is_empty", stack_is_empty, METH_O, "Tell whether nothing is on a stack."},
    {"rebuild_windows", rebuild_windows, METH_VARARGS,
     "Decode (level, model, windows): predicted windows of a recording, into the last array."},
    {"search_windows", search_windows, METH_VARARGS,
     "Decide for (level, model, costs, windows); tell whether all sums were exact."},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *module) { return PyModule_AddIntConstant(module, "VERSION", VERSION); }

static PyModuleDef_Slot SLOTS[] = {{Py_mod_exec, execute}, {0, NULL}};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "narrows.codec._native", "Exact integer networks and coders, compiled.", 0,
    METHODS, SLOTS, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&MODULE); }
