/* Second moments of what a linear reads: its Gram matrix, and its correlation with what the float
 * network has in the same place. */
#include "gptq.h"
#include "train/loops.h"

#include <math.h>

#define LARGEST 1e30 /* beyond it sums of products overflow */

GptqMoments *gptq_moments_new(Arena *a, int cols, bool cross, int dim, int longest)
{
    GptqMoments *m = NEW(a, GptqMoments, 1);
    size_t rows = (size_t)(cols > dim ? cols : dim), width = (size_t)cols;
    m->cols = cols;
    m->dim = dim;
    m->gram = NEW(a, double, width *width);
    m->cross = cross ? NEW(a, double, width *width) : NULL;
    m->drift = dim > 0 ? NEW(a, double, (size_t)dim *width) : NULL;
    m->product = NEW(a, float, rows *width);
    m->heavy = NEW(a, float, (size_t)longest *width);
    return m;
}

/* sum (rows x cols) += y^T heavy over n tokens, in floats over one document, which has at most a
 * window of them.
 */
static void add_product(GptqMoments *m, double *sum, int rows, int n, const float *y)
{
    const Product p = {.m = rows,
                       .n = m->cols,
                       .k = n,
                       .a = y,
                       .a_row = 1,
                       .a_step = rows,
                       .b = m->heavy,
                       .b_step = m->cols,
                       .b_col = 1,
                       .c = m->product,
                       .c_row = m->cols};
    size_t size = (size_t)rows * (size_t)m->cols;
    product(&p);
    for (size_t i = 0; i < size; i++) {
        sum[i] += (double)m->product[i];
    }
}

void gptq_moments_add(GptqMoments *m, int n, const float *x, const float *y, const float *drift,
                      const float *weight)
{
    size_t cols = (size_t)m->cols;
    for (size_t i = 0; i < (size_t)n * cols; i++) {
        m->heavy[i] = weight ? x[i] * weight[i / cols] : x[i];
    }
    add_product(m, m->gram, m->cols, n, x);
    if (m->cross) {
        add_product(m, m->cross, m->cols, n, y);
    }
    if (m->drift) {
        add_product(m, m->drift, m->dim, n, drift);
    }
}

static bool all_small(const double *x, size_t n)
{
    bool small = true;
    for (size_t i = 0; i < n; i++) {
        small = small && fabs(x[i]) < LARGEST; /* false for what is no number */
    }
    return small;
}

bool gptq_moments_usable(const GptqMoments *m)
{
    size_t cols = (size_t)m->cols, dim = (size_t)m->dim;
    return all_small(m->gram, cols * cols) && (!m->cross || all_small(m->cross, cols * cols)) &&
           (!m->drift || all_small(m->drift, dim * cols));
}
