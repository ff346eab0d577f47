/* Weights that a format holds to the last bit of a float32: levels that are small integers times
 * one number a row, which are small integers times one number for the tensor, its gain. Ternary
 * and binary weights with one scale a tensor always are (BitNet b1.58, Ma and others 2024, arXiv
 * 2402.17764). */
#include "quantize.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define LEVEL_MAX 127
#define SAME (2 * (double)FLT_EPSILON) /* quotients of floats off by less are one number */

/* What the weights are as multiples of a reference: the largest of all, or of their row. */
typedef struct Lattice {
    bool by_row;
    double *reference; /* rows; 0: all zero */
    int n, most;
    double value[1 << MAX_PLANES]; /* as met: reference is 1 */
    int whole[1 << MAX_PLANES];    /* the same: reference is `steps` */
    int steps;
} Lattice;

static bool is_near(double x, double y)
{
    return fabs(x - y) <= SAME * fabs(y);
}

/* x where it is a whole number from 1 on to `most`, else 0. */
static int whole(double x, int most)
{
    const double v = floor(x + 0.5);
    return v >= 1 && v <= most && is_near(x, v) ? (int)v : 0;
}

static double weight(const Linear *l, int r, int c)
{
    return (double)l->w[(size_t)r * (size_t)l->cols + (size_t)c];
}

static void find_references(const Linear *l, Lattice *v)
{
    double top = 0;
    for (int r = 0; r < l->rows; r++) {
        v->reference[r] = 0;
        for (int c = 0; c < l->cols; c++) {
            v->reference[r] = fmax(v->reference[r], fabs(weight(l, r, c)));
        }
        top = fmax(top, v->reference[r]);
    }
    for (int r = 0; r < l->rows && !v->by_row; r++) {
        v->reference[r] = v->reference[r] > 0 ? top : 0;
    }
}

static int find_level(const Lattice *v, double x)
{
    int i = 0;
    while (i < v->n && !is_near(v->value[i], x)) {
        i++;
    }
    return i;
}

/* False: there are more than the format has. */
static bool find_levels(const Linear *l, Lattice *v)
{
    v->n = 0;
    find_references(l, v);
    for (int r = 0; r < l->rows; r++) {
        for (int c = 0; v->reference[r] > 0 && c < l->cols; c++) {
            const double x = weight(l, r, c) / v->reference[r];
            if (find_level(v, x) < v->n) {
                continue;
            }
            if (v->n == v->most) {
                return false;
            }
            v->value[v->n++] = x;
        }
    }
    return v->n > 0;
}

/* The least number of steps, at most `most`, with which each level is whole. */
static bool find_steps(Lattice *v, int most)
{
    for (v->steps = 1; v->steps <= most; v->steps++) {
        int i = 0;
        for (; i < v->n; i++) {
            const double x = v->value[i] * v->steps;
            v->whole[i] = whole(fabs(x), most);
            if (x != 0 && v->whole[i] == 0) {
                break;
            }
            v->whole[i] = x < 0 ? -v->whole[i] : v->whole[i];
        }
        if (i == v->n) {
            return true;
        }
    }
    return false;
}

/* The code of a level, -1: none has it. */
static int find_code(const Linear *l, int planes, int level)
{
    for (int code = 0; code < 1 << planes; code++) {
        int v = l->zero;
        for (int k = 0; k < planes; k++) {
            v += code >> k & 1 ? l->coef[k] : 0;
        }
        if (v == level) {
            return code;
        }
    }
    return -1;
}

static int ascending(const void *x, const void *y)
{
    return *(const int *)x - *(const int *)y;
}

/* A codebook with these levels: the lowest is code 0, then the lowest one that no sum of the
 * coefficients so far gives has a plane of its own. Planes that are left go on doubling. */
static bool find_book(const Lattice *v, int planes, bool uniform, Linear *l)
{
    int sorted[1 << MAX_PLANES], used = 0;
    for (int i = 0; i < v->n; i++) {
        sorted[i] = v->whole[i];
    }
    qsort(sorted, (size_t)v->n, sizeof *sorted, ascending);
    l->zero = (int8_t)sorted[0];
    for (int i = 1; i < v->n; i++) {
        if (find_code(l, used, sorted[i]) >= 0) {
            continue;
        }
        if (used == planes || sorted[i] - sorted[0] > LEVEL_MAX) {
            return false;
        }
        l->coef[used++] = (int8_t)(sorted[i] - sorted[0]);
    }
    for (; used < planes; used++) {
        const int next = used > 0 ? 2 * l->coef[used - 1] : 1;
        l->coef[used] = (int8_t)(next < LEVEL_MAX ? next : LEVEL_MAX);
    }
    for (int k = 1; uniform && k < planes; k++) {
        if (l->coef[k] != 2 * l->coef[k - 1]) {
            return false;
        }
    }
    return true;
}

static bool set_codes(Arena *a, const Lattice *v, const GptqOptions *o, Linear *l)
{
    const bool ternary = o->format == FORMAT_TERNARY;
    const size_t cols = (size_t)l->cols;
    l->format = o->format;
    l->planes = ternary ? 0 : o->planes;
    if (!ternary && !find_book(v, o->planes, o->uniform, l)) {
        return false;
    }
    l->code = NEW(a, uint8_t, (size_t)l->rows * cols);
    for (int r = 0; r < l->rows; r++) {
        for (int c = 0; c < l->cols; c++) {
            const double by = v->reference[r];
            const int i = by > 0 ? find_level(v, weight(l, r, c) / by) : -1;
            l->code[(size_t)r * cols + (size_t)c] =
                (uint8_t)(ternary ? (i < 0 ? 1 : v->whole[i] + 1)
                          : i < 0 ? 0
                                  : find_code(l, o->planes, v->whole[i]));
        }
    }
    return true;
}

/* The row scales as small multiples of one number; false: there is none. */
static bool find_scales(const Lattice *v, int rows, uint8_t *scale)
{
    double least = INFINITY;
    for (int r = 0; r < rows; r++) {
        least = v->reference[r] > 0 ? fmin(least, v->reference[r]) : least;
    }
    for (int k = 1; k <= SCALE_MAX; k++) {
        const double unit = least / k;
        int r = 0;
        for (; r < rows; r++) {
            scale[r] = (uint8_t)whole(v->reference[r] / unit, SCALE_MAX);
            if (v->reference[r] > 0 && scale[r] == 0) {
                break;
            }
        }
        if (r == rows) {
            return true;
        }
    }
    return false;
}

/* unit = gain * 2^scale_exp, or such that bytes and the exponent say it alone. Bytes are as large
 * as they can be: what is cut behind a matrix is then the least. */
static void set_unit(Linear *l, float unit)
{
    int top = 0, exp, bits = 0, up = 0;
    for (int r = 0; r < l->rows; r++) {
        top = l->scale[r] > top ? l->scale[r] : top;
    }
    double by = frexp((double)unit, &exp);
    while (by != floor(by) && by * top <= SCALE_MAX) {
        by *= 2;
        bits++;
    }
    const bool gain = by * top > SCALE_MAX;
    for (by = gain ? 1 : by; 2 * by * top <= SCALE_MAX; by *= 2) {
        up++;
    }
    for (int r = 0; r < l->rows; r++) {
        l->scale[r] = (uint8_t)(l->scale[r] * (int)by);
    }
    l->scale_exp = gain ? -up : exp - bits - up;
    l->gain = gain ? unit : 0;
}

/* The unit that all weights, each of which was rounded, are nearest to. */
static double nearest_unit(const Linear *l)
{
    double low = INFINITY, high = 0;
    for (int r = 0; r < l->rows; r++) {
        for (int c = 0; c < l->cols; c++) {
            const size_t i = (size_t)r * (size_t)l->cols + (size_t)c;
            const int v = l->scale[r] * linear_code_value(l, l->code[i]);
            if (v != 0) {
                low = fmin(low, weight(l, r, c) / v);
                high = fmax(high, weight(l, r, c) / v);
            }
        }
    }
    return (low + high) / 2;
}

/* To the last bit. */
static bool is_equal(const Linear *l)
{
    for (int r = 0; r < l->rows; r++) {
        for (int c = 0; c < l->cols; c++) {
            const double w = weight(l, r, c), v = (double)linear_value(l, r, c);
            if (fabs(v - w) > (double)FLT_EPSILON * fabs(w)) {
                return false;
            }
        }
    }
    return true;
}

static bool try_levels(Arena *a, Linear *l, const GptqOptions *o, bool gain, Lattice *v)
{
    Linear trial = *l;
    const int most = o->format == FORMAT_TERNARY ? 1 : LEVEL_MAX;
    if (!find_levels(l, v) || !find_steps(v, most) || !set_codes(a, v, o, &trial)) {
        return false;
    }
    trial.scale = NEW(a, uint8_t, l->rows);
    if (!find_scales(v, l->rows, trial.scale)) {
        return false;
    }
    const float unit = (float)nearest_unit(&trial);
    if (!(unit > 0) || !isfinite(unit)) {
        return false;
    }
    set_unit(&trial, unit);
    if ((trial.gain > 0 && !gain) || !is_equal(&trial)) {
        return false;
    }
    *l = trial;
    return true;
}

bool fit_exact(Arena *a, Linear *l, const GptqOptions *o, bool gain)
{
    Lattice *v = NEW(a, Lattice, 1);
    if (o->format != FORMAT_TERNARY && o->format != FORMAT_PLANES) {
        return false;
    }
    v->most = o->format == FORMAT_TERNARY ? 3 : 1 << o->planes;
    v->reference = NEW(a, double, l->rows);
    for (int by_row = 0; by_row < 2; by_row++) {
        v->by_row = by_row;
        if (try_levels(a, l, o, gain, v)) {
            return true;
        }
    }
    return false;
}
