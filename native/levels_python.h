/* What the files share that give networks of levels to Python. */
#ifndef NARROWS_LEVELS_PYTHON_H
#define NARROWS_LEVELS_PYTHON_H

#include "python.h"

#include "levels.h"

#define LEVELS_NAME "narrows.levels"
#define DECISIONS_NAME "narrows.decisions"

PyObject *outcome(int failed); /* what coding returned, as Python tells it */

/* Borrow arrays of these sizes a number, the last of which are written to; return whether all fit. */
int borrow_all(PyObject *const *given, Py_buffer *views, const Py_ssize_t *sizes, int n, int n_read);
void release_all(Py_buffer *views, int n);

/* The number of frames of an array of so many elements a frame, each of `size` bytes; -1: of none. */
int64_t frames_in(const Py_buffer *view, int64_t elements, Py_ssize_t size);

/* Whether places start .. stop - 1 are there, and rows of n frames of them are few enough. */
int is_part(const part_of_pass *, int64_t n);

/* Point at what is around places; -1 where arrays do not fit each other. */
int take_around(part_of_numbers *, const Py_buffer *places, const Py_buffer *own, const Py_buffer *other,
                const Py_buffer *wide, const Py_buffer *flags);

#endif
