/* The formats whose values are given, so that only the row scales are fitted: ternary (-1, 0, 1)
 * and int8. A scale is 1 .. 255 times a power of two that all rows share. */
#include "pass.h"

#include <math.h>
#include <stdlib.h>

#define SCALE_MAX 255
#define INT8_MAX_VALUE 127

static int descending(const void *x, const void *y)
{
    float a = *(const float *)x, b = *(const float *)y;
    return (a < b) - (a > b);
}

/* The best real ternary scale, exactly: if the t largest |w| are the nonzero ones, the scale is
 * their mean and the error falls by (their sum)^2 / t. `sorted` (n) is scratch. */
static double ternary_scale(const float *w, int n, float *sorted)
{
    double sum = 0, best = 0, scale = 0;
    for (int i = 0; i < n; i++) {
        sorted[i] = fabsf(w[i]);
    }
    qsort(sorted, (size_t)n, sizeof(*sorted), descending);
    for (int t = 1; t <= n; t++) {
        sum += (double)sorted[t - 1];
        if (sum * sum / t > best) {
            best = sum * sum / t;
            scale = sum / t;
        }
    }
    return scale;
}

static double largest(const double *x, int n)
{
    double top = 0;
    for (int i = 0; i < n; i++) {
        top = fmax(top, x[i]);
    }
    return top;
}

/* The least exponent with which the largest scale stays within 255; `up`: scales round upwards. */
static int scale_exponent(double top, bool up)
{
    int exp = 0;
    double fraction = frexp(top / (up ? SCALE_MAX : SCALE_MAX + 0.5), &exp);
    return up && fraction == 0.5 ? exp - 1 : exp; /* exactly 255 fits */
}

static uint8_t round_scale(double m)
{
    return (uint8_t)fmin(fmax(floor(m + 0.5), 1), SCALE_MAX);
}

/* -1, 0 or 1, whichever is nearest; a tie goes to the lower code. */
static int ternary_code(double x)
{
    return (x > -0.5) + (x > 0.5);
}

/* Codes of one row for scale m (in units of 2^exp), and the least squares scale for those codes. */
static double ternary_row(const float *w, int n, int m, int exp, uint8_t *code)
{
    double sum = 0, inverse = ldexp(1.0 / m, -exp);
    int used = 0;
    for (int c = 0; c < n; c++) {
        int v = ternary_code((double)w[c] * inverse);
        code[c] = (uint8_t)v;
        sum += (v - 1) * (double)w[c];
        used += v != 1;
    }
    return used > 0 ? ldexp(sum / used, -exp) : m;
}

void fit_ternary(Arena *a, Linear *l, int rounds)
{
    size_t cols = (size_t)l->cols;
    Arena *scratch = arena_new();
    double *scale = NEW(scratch, double, l->rows);
    float *sorted = NEW(scratch, float, cols);
    for (int r = 0; r < l->rows; r++) {
        scale[r] = ternary_scale(l->w + (size_t)r * cols, l->cols, sorted);
    }
    l->format = FORMAT_TERNARY;
    l->scale_exp = scale_exponent(largest(scale, l->rows), false);
    l->scale = NEW(a, uint8_t, l->rows);
    l->code = NEW(a, uint8_t, (size_t)l->rows * cols);
    for (int r = 0; r < l->rows; r++) {
        const float *w = l->w + (size_t)r * cols;
        uint8_t *code = l->code + (size_t)r * cols;
        int m = scale[r] > 0 ? round_scale(ldexp(scale[r], -l->scale_exp)) : 0;
        for (int c = 0; c < l->cols; c++) {
            code[c] = 1;
        }
        for (int round = 0; m > 0 && round <= rounds; round++) {
            int better = round_scale(ternary_row(w, l->cols, m, l->scale_exp, code));
            if (better == m || round == rounds) {
                break; /* the codes belong to m */
            }
            m = better;
        }
        l->scale[r] = (uint8_t)m;
    }
    arena_free(scratch);
}

void fit_int8(Arena *a, Linear *l)
{
    size_t cols = (size_t)l->cols;
    Arena *scratch = arena_new();
    double *scale = NEW(scratch, double, l->rows);
    for (int r = 0; r < l->rows; r++) {
        for (size_t c = 0; c < cols; c++) {
            scale[r] = fmax(scale[r], fabs((double)l->w[(size_t)r * cols + c]));
        }
        scale[r] /= INT8_MAX_VALUE;
    }
    l->format = FORMAT_INT8;
    l->scale_exp = scale_exponent(largest(scale, l->rows), true);
    l->scale = NEW(a, uint8_t, l->rows);
    l->code = NEW(a, uint8_t, (size_t)l->rows * cols);
    for (int r = 0; r < l->rows; r++) {
        double m = fmin(ceil(ldexp(scale[r], -l->scale_exp)), SCALE_MAX);
        l->scale[r] = (uint8_t)m;
        for (size_t c = 0; m > 0 && c < cols; c++) {
            double x = ldexp((double)l->w[(size_t)r * cols + c] / m, -l->scale_exp);
            x = fmin(fmax(floor(x + 0.5), -INT8_MAX_VALUE), INT8_MAX_VALUE);
            l->code[(size_t)r * cols + c] = (uint8_t)(int8_t)x;
        }
    }
    arena_free(scratch);
}
