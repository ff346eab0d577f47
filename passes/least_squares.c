/* Cholesky, moments and the closed form that spreads what is cut over what stays. Sums run in one
 * order, threads split rows only: the same bytes at any thread count. */
#include "least_squares.h"

#include <math.h>
#include <string.h>

bool spd_factor(double *a, int n)
{
    for (int j = 0; j < n; j++) {
        double *row = a + (size_t)j * (size_t)n;
        for (int i = 0; i <= j; i++) {
            const double *other = a + (size_t)i * (size_t)n;
            double sum = row[i];
            for (int k = 0; k < i; k++) {
                sum -= row[k] * other[k];
            }
            if (i < j) {
                row[i] = sum / other[i];
            } else if (sum > 0 && isfinite(sum)) {
                row[j] = sqrt(sum);
            } else {
                return false;
            }
        }
    }
    return true;
}

static void solve_row(const double *l, int n, double *b)
{
    for (int i = 0; i < n; i++) {
        const double *row = l + (size_t)i * (size_t)n;
        for (int k = 0; k < i; k++) {
            b[i] -= row[k] * b[k];
        }
        b[i] /= row[i];
    }
    for (int i = n - 1; i >= 0; i--) {
        const double *row = l + (size_t)i * (size_t)n;
        b[i] /= row[i];
        for (int k = 0; k < i; k++) { /* what x_i takes from the equations before it */
            b[k] -= row[k] * b[i];
        }
    }
}

void spd_solve(const double *l, int n, double *b, int rows)
{
#pragma omp parallel for if (rows > 1)
    for (int r = 0; r < rows; r++) {
        solve_row(l, n, b + (size_t)r * (size_t)n);
    }
}

void spd_invert(const double *l, int n, double *inverse)
{
    memset(inverse, 0, (size_t)n * (size_t)n * sizeof(*inverse));
    for (int i = 0; i < n; i++) {
        inverse[(size_t)i * (size_t)n + (size_t)i] = 1;
    }
    spd_solve(l, n, inverse, n);
}

Sums *sums_new(Arena *a, int rows, int cols)
{
    Sums *m = NEW(a, Sums, 1);
    *m = (Sums){.rows = rows,
                .cols = cols,
                .h = NEW(a, double, (size_t)cols *(size_t)cols),
                .c = NEW(a, double, (size_t)rows *(size_t)cols)};
    return m;
}

/* sums (rows x cols) += the sum over n tokens of weight y x^T; y is n x rows, x is n x cols. */
static void add_products(double *sums, const float *y, int rows, const float *x, int cols,
                         const float *weight, int n)
{
#pragma omp parallel for
    for (int r = 0; r < rows; r++) {
        double *sum = sums + (size_t)r * (size_t)cols;
        for (int t = 0; t < n; t++) {
            const float *in = x + (size_t)t * (size_t)cols;
            const double one = (double)y[(size_t)t * (size_t)rows + (size_t)r];
            const double f = weight ? (double)weight[t] * one : one;
            for (int c = 0; c < cols; c++) {
                sum[c] += f * (double)in[c];
            }
        }
    }
}

void sums_add(Sums *m, const float *x, const float *e, const float *weight, int n)
{
    add_products(m->h, x, m->cols, x, m->cols, weight, n);
    if (e) {
        add_products(m->c, e, m->rows, x, m->cols, weight, n);
    }
    m->tokens += n;
}

/* The indices whose flag is set; gives their number. */
static int list_kept(const bool *keep, int n, int *list)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        if (keep[i]) {
            list[kept++] = i;
        }
    }
    return kept;
}

/* The damped H of the columns in the list, factored. */
static double *normal_matrix(Arena *a, const Sums *m, const int *list, int n)
{
    double *h = NEW(a, double, (size_t)n *(size_t)n);
    double diagonal = 0;
    for (int i = 0; i < m->cols; i++) {
        diagonal += m->h[(size_t)i * (size_t)m->cols + (size_t)i];
    }
    const double damp = DAMPING * diagonal / m->cols;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            h[(size_t)i * (size_t)n + (size_t)j] =
                m->h[(size_t)list[i] * (size_t)m->cols + (size_t)list[j]] + (i == j ? damp : 0);
        }
    }
    return damp > 0 && spd_factor(h, n) ? h : NULL;
}

/* What row r is to give more, as a product with each kept input: C + W[cut] H[cut, keep]. */
static void missing(const float *w, const Sums *m, const bool *keep, const int *list, int n, int r,
                    double *b)
{
    const size_t cols = (size_t)m->cols;
    for (int i = 0; i < n; i++) {
        b[i] = m->c[(size_t)r * cols + (size_t)list[i]];
    }
    for (size_t c = 0; c < cols; c++) {
        for (int i = 0; i < n && !keep[c]; i++) {
            b[i] += (double)w[(size_t)r * cols + c] * m->h[c * cols + (size_t)list[i]];
        }
    }
}

double *damped(Arena *a, const Sums *m)
{
    bool *all = NEW(a, bool, m->cols);
    int *list = NEW(a, int, m->cols);
    memset(all, 1, (size_t)m->cols * sizeof(*all));
    return normal_matrix(a, m, list, list_kept(all, m->cols, list));
}

void compensate(float *w, const Sums *m, const bool *keep)
{
    Arena *a = arena_new();
    int *list = NEW(a, int, m->cols);
    const int n = list_kept(keep, m->cols, list);
    const double *l = normal_matrix(a, m, list, n);
    double *delta = NEW(a, double, (size_t)m->rows *(size_t)n);
    for (int r = 0; r < m->rows && l; r++) {
        missing(w, m, keep, list, n, r, delta + (size_t)r * (size_t)n);
    }
    if (l) {
        spd_solve(l, n, delta, m->rows);
    }
    for (int r = 0; r < m->rows; r++) {
        float *row = w + (size_t)r * (size_t)m->cols;
        for (int c = 0; c < m->cols; c++) {
            row[c] = keep[c] ? row[c] : 0;
        }
        for (int i = 0; i < n; i++) {
            row[list[i]] = (float)((double)row[list[i]] + delta[(size_t)r * (size_t)n + (size_t)i]);
        }
    }
    arena_free(a);
}
