/* Windows of recordings for Python. */
#include "levels_python.h"
#include "windows_search.h"

enum { LENGTH, CHANNELS, BORDER, MEMORY, LATENTS, N_FIELDS };
enum { LIMIT, STEP, LATENT_LIMIT, N_NUMBERS };
enum { BORDER_WEIGHT, BORDER_BIAS, LATENT_WEIGHT, LATENT_BIAS, N_TENSORS };
enum { MOST = 1 << 24 }; /* samples of a window, or of the memory */

/* Borrow arrays of these sizes a number, the last of which are written to; return how many fit. */
static int borrow_some(PyObject *tuple, Py_buffer *views, const Py_ssize_t *sizes, int n, int n_read) {
  if (!PyTuple_Check(tuple) || PyTuple_Size(tuple) != n)
    return PyErr_SetString(PyExc_ValueError, "another number of arrays"), 0;
  PyObject *given[24];
  for (int i = 0; i < n; i++) given[i] = PyTuple_GetItem(tuple, i);
  return borrow_all(given, views, sizes, n, n_read);
}

static int64_t count(const Py_buffer *view) { return view->len / view->itemsize; }

static int within(int64_t value, int64_t low, int64_t high) { return low <= value && value <= high; }

static window_layer layer_of(const Py_buffer *views, int64_t n_in, int64_t n_out) {
  return (window_layer){views[0].buf, views[1].buf, n_in, n_out};
}

/* Read a model of (fields, numbers, four tensors); -1 where they do not fit. */
static int read_model(window_model *m, const level *on, const Py_buffer *views) {
  if (count(views) != N_FIELDS || count(views + 1) != N_NUMBERS) return -1;
  const int64_t *f = views[0].buf;
  const double *numbers = views[1].buf;
  const Py_buffer *tensors = views + 2;
  if (!within(f[LENGTH], 1, MOST) || !within(f[CHANNELS], 1, MAX_CHANNELS) ||
      !within(f[BORDER], 0, f[LENGTH]) || !within(f[MEMORY], f[LENGTH], MOST) ||
      !within(f[LATENTS], 1, MOST) || f[LENGTH] * f[CHANNELS] > MOST)
    return -1;
  const int64_t size = f[LENGTH] * f[CHANNELS];
  if (count(tensors + BORDER_WEIGHT) != f[BORDER] * f[CHANNELS] * padded(size) ||
      count(tensors + LATENT_WEIGHT) != f[LATENTS] * padded(size) ||
      count(tensors + BORDER_BIAS) != size || count(tensors + LATENT_BIAS) != size)
    return -1;
  *m = (window_model){on, f[LENGTH], f[CHANNELS], f[BORDER], f[MEMORY], numbers[LIMIT], numbers[STEP],
                      numbers[LATENT_LIMIT],
                      layer_of(tensors + BORDER_WEIGHT, f[BORDER] * f[CHANNELS], size),
                      layer_of(tensors + LATENT_WEIGHT, f[LATENTS], size)};
  return 0;
}

static const Py_ssize_t MODEL_SIZES[] = {8, 8, 8, 8, 8, 8};
enum { N_MODEL = 2 + N_TENSORS };

/* Begin a past of n windows that are decoded into an array; NO_MEMORY where that is short. */
static int begin_past(window_past *past, const window_model *m, int64_t n, double *decoded) {
  const int64_t room = m->border + n * m->length;
  *past = (window_past){.m = m, .n = n, .decoded = decoded, .room = room};
  past->smoothed = aligned_zeros(m->n_channels * room, sizeof(double));
  return past->smoothed ? 0 : NO_MEMORY;
}

/* ------------------------------------------------------------------ decoding */

enum { R_MODES, R_LAGS, R_GAINS, R_SYMBOLS, R_BASE, R_DECODED, N_REBUILT };

static int rebuild_in(const window_model *m, const Py_buffer *views) {
  const int64_t n = count(views + R_MODES), size = m->length * m->n_channels;
  const told_windows told = {views[R_MODES].buf, views[R_SYMBOLS].buf, views[R_LAGS].buf,
                             views[R_GAINS].buf, views[R_BASE].buf, count(views + R_BASE) / size,
                             count(views + R_SYMBOLS) / m->from_latents.n_in};
  if (count(views + R_LAGS) != n || count(views + R_GAINS) != n * m->n_channels ||
      count(views + R_DECODED) != n * size)
    return OUTSIDE;
  window_past past;
  int failed;
  Py_BEGIN_ALLOW_THREADS
  failed = begin_past(&past, m, n, views[R_DECODED].buf);
  if (!failed) failed = rebuild_windows_of(&past, &told);
  aligned_release(past.smoothed);
  Py_END_ALLOW_THREADS
  return failed;
}

PyObject *rebuild_windows(PyObject *self, PyObject *arguments) {
  (void)self;
  static const Py_ssize_t SIZES[N_REBUILT] = {4, 8, 8, 4, 8, 8};
  const char *name;
  PyObject *of_model, *of_windows;
  Py_buffer model[N_MODEL], views[N_REBUILT];
  window_model m;
  if (!PyArg_ParseTuple(arguments, "sOO", &name, &of_model, &of_windows)) return NULL;
  const level *on = find_level(name);
  if (!on || !borrow_some(of_model, model, MODEL_SIZES, N_MODEL, N_MODEL)) return NULL;
  const int is_whole = borrow_some(of_windows, views, SIZES, N_REBUILT, R_DECODED);
  int failed = 0;
  if (is_whole) {
    failed = read_model(&m, on, model) ? OUTSIDE : rebuild_in(&m, views);
    release_all(views, N_REBUILT);
  }
  release_all(model, N_MODEL);
  return is_whole ? outcome(failed) : NULL;
}

/* ------------------------------------------------------------------ encoding */

enum { JUDGED, FOUND, FEWER, PIECES, N_WIDTH };
enum { PRICE, AT_ZERO, LATENT_UNIT, LAG_PRICE, LAG_UNIT, LARGEST_LEFT, N_PRICES };
enum { C_WIDTH, C_PRICES, C_MODES, C_NEAR, C_FAR, C_GAINS, C_SYMBOLS, C_ANALYSIS, N_COSTS };
enum { S_X, S_KNOWN, S_ERRORS, S_BITS, S_DECODED, S_MODES, S_LAGS, S_GAINS, S_SYMBOLS, N_SEARCHED };

static int are_costs(const window_model *m, const Py_buffer *v) {
  const int64_t size = m->length * m->n_channels, k = m->from_latents.n_in, *width = v[C_WIDTH].buf;
  return count(v + C_WIDTH) == N_WIDTH && count(v + C_PRICES) == N_PRICES &&
         within(width[JUDGED], 1, MAX_JUDGED) && within(width[FOUND], 0, MAX_FOUND) &&
         within(width[FEWER], 1, MAX_FEWER) && within(width[PIECES], 1, MOST) &&
         m->length % width[FEWER] == 0 && count(v + C_MODES) == N_MODES * N_MODES &&
         count(v + C_NEAR) == 2 * NEAR_LAGS + 1 && count(v + C_FAR) == m->memory + 1 &&
         count(v + C_GAINS) == m->n_channels * N_GAINS &&
         count(v + C_SYMBOLS) == k * (2 * LARGEST_SYMBOL + 1) &&
         count(v + C_ANALYSIS) == size * padded(k);
}

static window_search search_of(const window_model *m, const Py_buffer *costs, const Py_buffer *v) {
  const double *prices = costs[C_PRICES].buf;
  const int64_t *width = costs[C_WIDTH].buf;
  return (window_search){
      .costs = {costs[C_MODES].buf, costs[C_NEAR].buf, costs[C_FAR].buf, costs[C_GAINS].buf,
                costs[C_SYMBOLS].buf, prices[AT_ZERO], prices[PRICE]},
      .lags = {.m = m, .judged = width[JUDGED], .found = width[FOUND], .fewer = width[FEWER],
               .unit = prices[LAG_UNIT], .price = prices[LAG_PRICE]},
      .analysis = costs[C_ANALYSIS].buf, .unit = prices[LATENT_UNIT], .most = prices[LARGEST_LEFT],
      .x = v[S_X].buf, .known = v[S_KNOWN].len ? v[S_KNOWN].buf : NULL,
      .errors = v[S_ERRORS].buf, .base_bits = v[S_BITS].buf, .modes = v[S_MODES].buf,
      .symbols = v[S_SYMBOLS].buf, .lag_of = v[S_LAGS].buf, .gain_of = v[S_GAINS].buf};
}

static int search_in(const window_model *m, const Py_buffer *costs, const Py_buffer *v) {
  const int64_t n = count(v + S_MODES), size = m->length * m->n_channels;
  if (!are_costs(m, costs) || count(v + S_X) != n * size || count(v + S_DECODED) != n * size ||
      (v[S_KNOWN].len && count(v + S_KNOWN) != n * size) || count(v + S_ERRORS) != n ||
      count(v + S_BITS) != n || count(v + S_LAGS) != n || count(v + S_GAINS) != n * m->n_channels ||
      count(v + S_SYMBOLS) != n * m->from_latents.n_in)
    return OUTSIDE;
  window_search s = search_of(m, costs, v);
  const int64_t pieces = ((const int64_t *)costs[C_WIDTH].buf)[PIECES];
  int failed;
  Py_BEGIN_ALLOW_THREADS
  failed = begin_past(&s.past, m, n, v[S_DECODED].buf);
  if (!failed) failed = begin_lags(&s.lags, n, pieces);
  if (!failed) failed = search_windows_of(&s);
  end_lags(&s.lags);
  aligned_release(s.past.smoothed);
  Py_END_ALLOW_THREADS
  return failed;
}

/* True where windows were searched, False where a sum might not be exact. */
PyObject *search_windows(PyObject *self, PyObject *arguments) {
  (void)self;
  static const Py_ssize_t COSTS[N_COSTS] = {8, 8, 8, 8, 8, 8, 8, 8};
  static const Py_ssize_t SIZES[N_SEARCHED] = {8, 8, 8, 8, 8, 4, 8, 8, 4};
  const char *name;
  PyObject *given[3];
  Py_buffer model[N_MODEL], costs[N_COSTS], views[N_SEARCHED];
  window_model m;
  if (!PyArg_ParseTuple(arguments, "sOOO", &name, given, given + 1, given + 2)) return NULL;
  const level *on = find_level(name);
  if (!on || !borrow_some(given[0], model, MODEL_SIZES, N_MODEL, N_MODEL)) return NULL;
  int is_whole = borrow_some(given[1], costs, COSTS, N_COSTS, N_COSTS), failed = 0;
  if (is_whole) {
    is_whole = borrow_some(given[2], views, SIZES, N_SEARCHED, S_DECODED);
    if (is_whole) {
      failed = read_model(&m, on, model) ? OUTSIDE : search_in(&m, costs, views);
      release_all(views, N_SEARCHED);
    }
    release_all(costs, N_COSTS);
  }
  release_all(model, N_MODEL);
  if (!is_whole) return NULL;
  if (failed < 0) return outcome(failed);
  return PyBool_FromLong(!failed);
}
