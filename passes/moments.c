/* Second moments of what a linear reads: its Gram matrix, and its correlation with what the float
 * network has in the same place. */
#include "gptq.h"

Moments *moments_new(Arena *a, int cols, bool cross, int dim)
{
    Moments *m = NEW(a, Moments, 1);
    m->cols = cols;
    m->dim = dim;
    m->gram = NEW(a, double, (size_t)cols *(size_t)cols);
    m->cross = cross ? NEW(a, double, (size_t)cols *(size_t)cols) : NULL;
    m->drift = dim > 0 ? NEW(a, double, (size_t)dim *(size_t)cols) : NULL;
    return m;
}

/* sum (rows x cols) += y x^T over n tokens; y is the difference of a and b where b is not NULL. */
static void add_product(double *sum, int rows, int cols, int n, const float *a, const float *b,
                        const float *x)
{
#pragma omp parallel for if ((int64_t)rows * cols * n >= PARALLEL_WEIGHTS)
    for (int r = 0; r < rows; r++) {
        double *row = sum + (size_t)r * (size_t)cols;
        for (int t = 0; t < n; t++) {
            size_t at = (size_t)t * (size_t)rows + (size_t)r;
            double y = (double)a[at] - (b ? (double)b[at] : 0);
            const float *in = x + (size_t)t * (size_t)cols;
#pragma omp simd
            for (int c = 0; c < cols; c++) {
                row[c] += y * (double)in[c];
            }
        }
    }
}

void moments_add(Moments *m, int n, const float *x, const float *y, const float *float_residual,
                 const float *residual)
{
    add_product(m->gram, m->cols, m->cols, n, x, NULL, x);
    if (m->cross) {
        add_product(m->cross, m->cols, m->cols, n, y, NULL, x);
    }
    if (m->drift) {
        add_product(m->drift, m->dim, m->cols, n, float_residual, residual, x);
    }
    m->tokens += n;
}
