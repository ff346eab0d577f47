/* Weights that already are scale times level, because the model was trained so (binary, ternary) or
 * comes from a quantized file: their codes are read off, nothing is fitted to samples. Where one
 * number does not tell all rows' scales (passes/exact.c) these are rounded to what the device
 * holds. */
#include "quantize.h"

#include <math.h>
#include <stdlib.h>

/* A weight is on a level when it is off by less than this part of the gap to the next one. */
#define NEAR (1.0 / 16)
#define SAME 1e-5 /* of the row's largest: two values are one */

static int ascending(const void *x, const void *y)
{
    float a = *(const float *)x, b = *(const float *)y;
    return (a > b) - (a < b);
}

/* No row has more than n values: without it no fit needs to be tried. */
static bool few_values(Arena *a, const Linear *l, int n)
{
    float *sorted = NEW(a, float, l->cols);
    for (int r = 0; r < l->rows; r++) {
        const float *w = l->w + (size_t)r * (size_t)l->cols;
        int found = 1;
        for (int c = 0; c < l->cols; c++) {
            sorted[c] = w[c];
        }
        qsort(sorted, (size_t)l->cols, sizeof(*sorted), ascending);
        float top = fmaxf(fabsf(sorted[0]), fabsf(sorted[l->cols - 1]));
        for (int c = 1; c < l->cols; c++) {
            found += (double)(sorted[c] - sorted[c - 1]) > SAME * (double)top;
        }
        if (found > n) {
            return false;
        }
    }
    return true;
}

/* The least distance of two levels. */
static double least_gap(const Linear *l)
{
    int n = l->format == FORMAT_PLANES ? 1 << l->planes : 0;
    double gap = l->format == FORMAT_PLANES ? INFINITY : 1;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            double d = abs(linear_code_value(l, i) - linear_code_value(l, j));
            gap = d > 0 ? fmin(gap, d) : gap;
        }
    }
    return gap;
}

/* The largest error of a quantized linear, as part of its row's least gap. */
static double largest_miss(const Linear *l)
{
    double gap = least_gap(l), worst = 0;
    for (int r = 0; r < l->rows; r++) {
        double unit = ldexp(l->scale[r] * gap, l->scale_exp);
        for (int c = 0; c < l->cols && unit > 0; c++) {
            double w = (double)l->w[(size_t)r * (size_t)l->cols + (size_t)c];
            worst = fmax(worst, fabs(w - (double)linear_value(l, r, c)) / unit);
        }
    }
    return worst;
}

bool fit_lattice(Arena *a, Linear *l, const GptqOptions *o, bool gain)
{
    Arena *scratch = arena_new();
    int n = o->format == FORMAT_TERNARY ? 3 : o->format == FORMAT_INT8 ? 255 : 1 << o->planes;
    Linear trial = *l;
    bool found = few_values(scratch, l, n);
    if (found && fit_exact(a, l, o, gain)) {
        note("quantize: %s: its weights are on a codebook already: kept as %s, lossless", l->name,
             format_names[l->format]);
    } else if (found) {
        fit_weights(scratch, &trial, o);
        double miss = largest_miss(&trial);
        found = miss < NEAR;
        if (found) {
            fit_weights(a, l, o);
            note("quantize: %s: its weights are on a codebook already: kept as %s, scales within "
                 "%.2g of a level's distance",
                 l->name, format_names[l->format], miss);
        }
    }
    arena_free(scratch);
    return found;
}
