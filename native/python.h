/* What the files share that Python calls. */
#ifndef NARROWS_PYTHON_H
#define NARROWS_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "program.h"

/* Borrow an array of numbers of one size; -1 with an exception where it is another. */
int borrow(PyObject *from, Py_buffer *view, Py_ssize_t size, int writable);
const level *find_level(const char *name);

/* What makes something of a description: a program, of one signal at a time or of blocks; or tables. */
typedef PyObject *(*maker)(const description *, const level *, int is_alone);
PyObject *make_of(PyObject *arguments, maker);
PyObject *refusal(const char *what, const char *reason, int no_memory);

extern const char PROGRAM[]; /* the name of capsules */
int has_room(const program *p, int64_t n, const Py_buffer *tape);
int32_t *aligned_in(const Py_buffer *tape);
PyObject *tape_bytes(PyObject *self, PyObject *arguments);
PyObject *pull(PyObject *self, PyObject *arguments);

PyObject *frames(PyObject *self, PyObject *arguments);
PyObject *frame_errors(PyObject *self, PyObject *arguments);

extern const char TABLES[]; /* the name of capsules */
PyObject *trellis_levels(PyObject *self, PyObject *arguments);
PyObject *trellis_paths(PyObject *self, PyObject *arguments);
PyObject *make_tables(PyObject *self, PyObject *arguments);
PyObject *frequencies(PyObject *self, PyObject *arguments);
PyObject *lengths(PyObject *self, PyObject *arguments);
PyObject *unpack(PyObject *self, PyObject *arguments);
PyObject *pack(PyObject *self, PyObject *arguments);
PyObject *pop(PyObject *self, PyObject *arguments);
PyObject *push(PyObject *self, PyObject *arguments);

PyObject *free_walk_of(PyObject *self, PyObject *arguments);
PyObject *free_pass_of(PyObject *self, PyObject *arguments);
PyObject *free_start(PyObject *self, PyObject *arguments);
PyObject *free_levels(PyObject *self, PyObject *arguments);
PyObject *free_fronts(PyObject *self, PyObject *arguments);
PyObject *free_low_bits(PyObject *self, PyObject *arguments);
PyObject *free_written(PyObject *self, PyObject *capsule);
PyObject *free_has_ended(PyObject *self, PyObject *capsule);
PyObject *free_sample_of(PyObject *self, PyObject *arguments);
PyObject *free_fit_of(PyObject *self, PyObject *arguments);
PyObject *free_bits(PyObject *self, PyObject *arguments);
PyObject *free_moments(PyObject *self, PyObject *arguments);
PyObject *free_laplacian(PyObject *self, PyObject *arguments);

/* What a capsule holds; NULL with an exception. */
struct free_walk;
struct free_pass;
struct free_walk *free_walk_in(PyObject *capsule);
const struct free_pass *free_pass_in(PyObject *capsule);

PyObject *make_levels(PyObject *self, PyObject *arguments);
PyObject *make_decisions(PyObject *self, PyObject *words);
PyObject *read_string(PyObject *self, PyObject *string);
PyObject *decided_words(PyObject *self, PyObject *of_decisions);
PyObject *decided_string(PyObject *self, PyObject *of_decisions);
PyObject *decided_shares(PyObject *self, PyObject *of_decisions);
PyObject *are_decided(PyObject *self, PyObject *of_decisions);
PyObject *code_bytes(PyObject *self, PyObject *arguments);
PyObject *code_numbers(PyObject *self, PyObject *arguments);
PyObject *code_starts(PyObject *self, PyObject *arguments);
PyObject *see_numbers(PyObject *self, PyObject *arguments);
PyObject *add_fit(PyObject *self, PyObject *arguments);
PyObject *solve_equations(PyObject *self, PyObject *equations);

PyObject *make_stack(PyObject *self, PyObject *words);
PyObject *stack_push(PyObject *self, PyObject *arguments);
PyObject *stack_pop(PyObject *self, PyObject *arguments);
PyObject *stack_pop_chain(PyObject *self, PyObject *arguments);
PyObject *stack_words(PyObject *self, PyObject *capsule);
PyObject *stack_is_empty(PyObject *self, PyObject *capsule);

PyObject *rebuild_windows(PyObject *self, PyObject *arguments);
PyObject *search_windows(PyObject *self, PyObject *arguments);

#endif
