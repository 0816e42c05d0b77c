/* Sums over rows for a step of fitting a last layer, of a level; see level.h, which includes it.

   All that is added up are whole numbers, and their sums are below 2^53: no order changes them. */

enum { OF(BIAS_VALUE) = 256, OF(MOST_PER_SCALE) = 127 };

INLINE double OF(floor_of)(double a) {
  const double near = (a + 0x1.8p52) - 0x1.8p52; /* |a| is below 2^51 */
  return near - (near > a);
}

INLINE double OF(within)(double a, double most) { return a < -most ? -most : a > most ? most : a; }

/* What each row of a chunk pulls at its mean and at its scale, and how much it tells of the mean. */
FUNCTION void OF(fit_pull)(const fit_sums *f, int64_t start, int64_t n, const double (*hidden)[FIT_ROWS],
                       double *tells, double *mean_pull, double *scale_pull) {
  const double least = 1 / (double)(8 << f->middle_bits), reach = SIGMOID_ZERO;
  double outputs[2][FIT_ROWS] = {{0}};
  for (int o = 0; o < 2; o++)
    for (int64_t u = 0; u < f->n_units; u++) {
      const double weight = f->weights[o * f->n_units + u];
      for (int64_t i = 0; i < FIT_ROWS; i++) outputs[o][i] += weight * hidden[u][i];
    }
  for (int64_t i = 0; i < n; i++) {
    const double mean = OF(within)(OF(floor_of)(outputs[0][i] * 0x1p-11), 1 << 13);
    const double number = OF(within)(OF(floor_of)(outputs[1][i] * 0x1p-11), 64) + 20;
    const double inverse = f->inverse[number < 0 ? 0 : number > N_CLASSES - 1 ? N_CLASSES - 1 : (int)number];
    int64_t eighths = (int64_t)mean * f->spread[start + i] >> (10 + f->middle_bits);
    eighths += f->middle[start + i] * 8 >> f->middle_bits;
    const double apart = (double)(f->truth[start + i] * 8 - eighths) * (inverse * 128);
    const double distance = OF(within)(OF(floor_of)(OF(within)(apart, 1 << 20)), reach);
    const double pull = 2.0 * f->sigmoid[(int32_t)(distance + reach)] - 65536;
    const double spread = (double)f->spread[start + i] * inverse * (8 * least);
    const double per_scale = OF(floor_of)(OF(within)(spread, 1 << 20));
    const double capped = per_scale < OF(MOST_PER_SCALE) ? per_scale : OF(MOST_PER_SCALE);
    tells[i] = capped * capped;
    mean_pull[i] = OF(floor_of)(capped * capped / (per_scale > 1 ? per_scale : 1)) * pull;
    scale_pull[i] = OF(floor_of)(distance * pull * 0x1p-16) - 1024;
  }
}

/* Add up the products of two rows of a chunk. */
INLINE double OF(product)(const double *a, const double *b) {
  double parts[16] = {0}, sum = 0;
  for (int64_t i = 0; i < FIT_ROWS; i += 16)
    for (int k = 0; k < 16; k++) parts[k] += a[i + k] * b[i + k];
  for (int k = 0; k < 16; k++) sum += parts[k];
  return sum;
}

FUNCTION void OF(fit_chunk)(const fit_sums *f, int64_t start, int64_t n, double (*hidden)[FIT_ROWS]) {
  const int64_t units = f->n_units;
  double tells[FIT_ROWS] = {0}, told[FIT_ROWS];
  double mean_pull[FIT_ROWS] = {0}, scale_pull[FIT_ROWS] = {0};
  for (int64_t u = 0; u < units; u++)
    for (int64_t i = 0; i < FIT_ROWS; i++) {
      const int is_unit = u < units - 1 && i < n;
      hidden[u][i] = is_unit ? f->hidden[u * f->n_rows + start + i] : i < n ? OF(BIAS_VALUE) : 0;
    }
  OF(fit_pull)(f, start, n, (const double(*)[FIT_ROWS])hidden, tells, mean_pull, scale_pull);
  for (int64_t u = 0; u < units; u++) {
    for (int64_t i = 0; i < FIT_ROWS; i++) told[i] = hidden[u][i] * tells[i];
    for (int64_t v = 0; v <= u; v++) f->square[u * units + v] += OF(product)(told, hidden[v]);
    f->right[u] += OF(product)(hidden[u], mean_pull);
    f->right[units + u] += OF(product)(hidden[u], scale_pull);
  }
}

/* `room`: (n_units, FIT_ROWS) */
FUNCTION void OF(fit)(const fit_sums *f, double *room) {
  double(*hidden)[FIT_ROWS] = (void *)room;
  for (int64_t start = 0; start < f->n_rows; start += FIT_ROWS) {
    const int64_t left = f->n_rows - start;
    OF(fit_chunk)(f, start, left < FIT_ROWS ? left : FIT_ROWS, hidden);
  }
}
