/* Fits codes, row scales and levels to one linear: W[r][c] = scale[r] * value(code), least squares
 * weighted by column. Codes, row scales and codebook are improved in turn, each step optimal for
 * the others, so the error never grows. The problem has many local optima: several starts run, the
 * best stays. Rows are tallied in fixed blocks that are added in order: the same bytes at any
 * thread count. */
#include "codebook.h"

#include <math.h>
#include <string.h>

#define BLOCK_ROWS 32
#define LLOYD_ROUNDS 12

/* Codes 0 .. 2^planes - 1 as values of the base. */
void fit_set_base(Fit *f, const double *base)
{
    memmove(f->base, base, sizeof(f->base));
    f->levels.n = 1 << f->planes;
    for (int code = 0; code < f->levels.n; code++) {
        double v = f->base[0];
        for (int k = 0; k < f->planes; k++) {
            v += code >> k & 1 ? f->base[1 + k] : 0;
        }
        f->levels.value[code] = v;
    }
    levels_sort(&f->levels);
}

double fit_best_scale(const Fit *f, double cross, double square, double old)
{
    if (square <= 0 || (cross <= 0 && !f->integer)) {
        return old;
    }
    double s = cross / square;
    return f->integer ? ldexp(fmin(fmax(floor(ldexp(s, -f->exp) + 0.5), 1), SCALE_MAX), f->exp) : s;
}

/* One row: codes, scale, error; its tally joins the block's. */
static double sweep_row(Fit *f, int r, Tally *block)
{
    const Linear *l = f->linear;
    double s = f->scale[r], cross = 0, square = 0;
    if (s == 0) {
        return 0;
    }
    Tally t;
    tally_row(&f->levels, l->w + (size_t)r * (size_t)l->cols, f->importance, l->cols, 1 / s, &t);
    for (int i = 0; i < f->levels.n; i++) {
        cross += t.sum[i] * f->levels.value[i];
        square += t.weight[i] * f->levels.value[i] * f->levels.value[i];
    }
    s = fit_best_scale(f, cross, square, s);
    f->scale[r] = s;
    for (int i = 0; i < f->levels.n; i++) {
        block->weight[i] += s * s * t.weight[i];
        block->sum[i] += s * t.sum[i];
    }
    return f->energy[r] + s * (s * square - 2 * cross);
}

double fit_sweep(Fit *f, Tally *total)
{
    int rows = f->linear->rows;
#pragma omp parallel for if ((int64_t)rows * f->linear->cols >= PARALLEL_WEIGHTS)
    for (int b = 0; b < f->n_blocks; b++) {
        memset(&f->blocks[b], 0, sizeof(Tally));
        f->error[b] = 0;
        for (int r = b * BLOCK_ROWS; r < (b + 1) * BLOCK_ROWS && r < rows; r++) {
            f->error[b] += sweep_row(f, r, &f->blocks[b]);
        }
    }
    double error = 0;
    memset(total, 0, sizeof(*total));
    for (int b = 0; b < f->n_blocks; b++) {
        error += f->error[b];
        for (int i = 0; i < f->levels.n; i++) {
            total->weight[i] += f->blocks[b].weight[i];
            total->sum[i] += f->blocks[b].sum[i];
        }
    }
    return error;
}

Normal normal_equations(int planes, const Tally *t)
{
    Normal n = {.n = planes + 1};
    for (int code = 0; code < 1 << planes; code++) {
        int bits = code << 1 | 1; /* bit 0: base[0] is always there */
        for (int i = 0; i <= planes; i++) {
            if (bits >> i & 1) {
                n.rhs[i] += t->sum[code];
                for (int j = 0; j <= planes; j++) {
                    n.gram[i][j] += bits >> j & 1 ? t->weight[code] : 0;
                }
            }
        }
    }
    return n;
}

/* base += the solution of (gram + ridge) d = rhs - gram base. The ridge keeps what the tallied
 * codes leave open (an unused plane) where it was, and cannot make the error grow. */
static void solve(Normal *n, double *base)
{
    double ridge = 0;
    for (int i = 0; i < n->n; i++) {
        ridge += n->gram[i][i] * 1e-10 / n->n;
    }
    for (int i = 0; i < n->n; i++) {
        for (int j = 0; j < n->n; j++) {
            n->rhs[i] -= n->gram[i][j] * base[j];
        }
        n->gram[i][i] += ridge;
    }
    for (int i = 0; i < n->n; i++) { /* positive definite: no pivoting */
        for (int r = i + 1; r < n->n; r++) {
            double factor = n->gram[r][i] / n->gram[i][i];
            for (int j = i; j < n->n; j++) {
                n->gram[r][j] -= factor * n->gram[i][j];
            }
            n->rhs[r] -= factor * n->rhs[i];
        }
    }
    for (int i = n->n - 1; i >= 0; i--) {
        for (int j = i + 1; j < n->n; j++) {
            n->rhs[i] -= n->gram[i][j] * n->rhs[j];
        }
        n->rhs[i] /= n->gram[i][i];
        base[i] += n->rhs[i];
    }
}

/* The same set of values with every coefficient positive and ascending: code 0 is the lowest. */
static void canonical(double *base, int planes)
{
    for (int k = 1; k <= planes; k++) {
        if (base[k] < 0) {
            base[0] += base[k];
            base[k] = -base[k];
        }
        for (int j = k; j > 1 && base[j - 1] > base[j]; j--) {
            double t = base[j];
            base[j] = base[j - 1];
            base[j - 1] = t;
        }
    }
}

void fit_least_squares(Fit *f, Normal *n)
{
    double base[1 + MAX_PLANES];
    memcpy(base, f->base, sizeof(base));
    solve(n, base);
    canonical(base, f->planes);
    fit_set_base(f, base);
}

static void least_squares_base(Fit *f, const Tally *t)
{
    Normal n = normal_equations(f->planes, t);
    fit_least_squares(f, &n);
}

/* By planes: half the range of the best uniform levels for a bell curve of deviation 1 (J. Max,
 * Quantizing for minimum distortion, 1960). */
static const double half_range[1 + MAX_PLANES] = {0, 0.798, 1.494, 2.051, 2.514, 2.916, 3.279};

/* Levels from -half to half, each coefficient `ratio` times the one before; rows at unit size. */
static void start_geometric(Fit *f, double ratio, double half, const double *size)
{
    double base[1 + MAX_PLANES] = {0}, sum = 0, next = 1;
    for (int k = 1; k <= f->planes; k++, next *= ratio) {
        base[k] = next;
        sum += next;
    }
    for (int k = 1; k <= f->planes; k++) {
        base[k] *= 2 * half / sum;
    }
    base[0] = -half;
    memcpy(f->scale, size, (size_t)f->linear->rows * sizeof(double));
    fit_set_base(f, base);
}

/* Lloyd-Max: levels move freely to the mean of their weights, then the nearest additive codebook
 * in which codes count the levels upwards. */
static void start_lloyd(Fit *f)
{
    Tally t;
    start_geometric(f, 2, half_range[f->planes], f->deviation);
    for (int round = 0; round < LLOYD_ROUNDS; round++) {
        fit_sweep(f, &t);
        for (int i = 0; i < f->levels.n; i++) {
            if (t.weight[i] > 0) {
                f->levels.value[i] = t.sum[i] / t.weight[i];
            }
        }
        levels_sort(&f->levels);
    }
    fit_sweep(f, &t);
    least_squares_base(f, &t);
}

/* Alternation keeps a row near the scale that it started from, so others are tried for every row:
 * 3 to 7 % less error at 3 planes and more. */
static const double scale_factor[] = {1, 0.8, 0.86, 0.93, 1.07, 1.15, 1.24};

static void search_scales(Fit *f)
{
    const Linear *l = f->linear;
#pragma omp parallel for if ((int64_t)l->rows * l->cols >= PARALLEL_WEIGHTS)
    for (int r = 0; r < l->rows; r++) {
        double best = INFINITY, from = f->scale[r], found = from;
        for (int i = 0; from > 0 && i < (int)LENGTH(scale_factor); i++) {
            Tally unused = {0};
            f->scale[r] = from * scale_factor[i];
            double error = sweep_row(f, r, &unused);
            if (error < best) {
                best = error;
                found = f->scale[r];
            }
        }
        f->scale[r] = found;
    }
}

/* Values that are not learned: -1, 0, 1; -127 .. 127; odd numbers around 0. Codes that no weight
 * may have double a value of a lower code. */
static void set_fixed_levels(Fit *f)
{
    f->fixed = true;
    if (f->format == FORMAT_PLANES) {
        double base[1 + MAX_PLANES] = {1 - (1 << f->planes)};
        for (int k = 1; k <= f->planes; k++) {
            base[k] = 1 << k;
        }
        fit_set_base(f, base);
        return;
    }
    f->levels.n = f->format == FORMAT_TERNARY ? 4 : MAX_CODES;
    for (int code = 0; code < f->levels.n; code++) {
        int value = code < 128 ? code : code - 256;
        f->levels.value[code] = f->format == FORMAT_TERNARY ? (code > 2 ? 1 : code - 1)
                                : value == -128             ? 127
                                                            : value;
    }
    levels_sort(&f->levels);
}

static void measure_rows(Fit *f)
{
    const Linear *l = f->linear;
    double total = 0;
    for (int c = 0; c < l->cols; c++) {
        total += f->importance[c];
    }
    for (int r = 0; r < l->rows; r++) {
        for (int c = 0; c < l->cols; c++) {
            double w = (double)l->w[(size_t)r * (size_t)l->cols + (size_t)c];
            f->energy[r] += f->importance[c] * w * w;
            f->largest[r] = fmax(f->largest[r], fabs(w));
        }
        f->deviation[r] = total > 0 ? sqrt(f->energy[r] / total) : 0;
        f->deviation[r] = f->deviation[r] > 0 ? f->deviation[r] : f->largest[r];
    }
}

Fit *fit_new(Arena *a, const Linear *l, Format format, int planes, bool uniform,
             const double *importance)
{
    Fit *f = NEW(a, Fit, 1);
    f->linear = l;
    f->format = format;
    f->planes = format == FORMAT_PLANES ? planes : 0;
    f->n_blocks = l->rows / BLOCK_ROWS + (l->rows % BLOCK_ROWS > 0);
    f->scale = NEW(a, double, l->rows);
    f->energy = NEW(a, double, l->rows);
    f->deviation = NEW(a, double, l->rows);
    f->largest = NEW(a, double, l->rows);
    f->error = NEW(a, double, f->n_blocks);
    f->blocks = NEW(a, Tally, f->n_blocks);
    f->importance = importance;
    if (!importance) {
        double *same = NEW(a, double, l->cols);
        for (int c = 0; c < l->cols; c++) {
            same[c] = 1;
        }
        f->importance = same;
    }
    if (format != FORMAT_PLANES || uniform) {
        set_fixed_levels(f);
    }
    measure_rows(f);
    return f;
}

/* Where the search starts. Ratio 2 gives uniform levels, here over each row's whole range, which is
 * right for weights that lie on a lattice. Below 2 the levels of neighbouring coefficients
 * interleave and crowd in the middle, where a bell curve has its weights: on a trained model and on
 * normal weights 1.6 is best at 3 planes, 1.5 at 4 and 1.4 at 5 and 6, with 7 to 35 % less error
 * than Lloyd-Max. */
enum { START_LLOYD, START_RANGE }; /* the others: bell curves */
static const double start_ratio[] = {0, 2, 1.6, 1.5, 1.4};

/* Codes and scales, codebook, codes and scales, ...: `rounds` sweeps, at least one. */
static double improve(Fit *f, int rounds)
{
    Tally t;
    double error = fit_sweep(f, &t);
    for (int round = 1; round < rounds; round++) {
        if (!f->fixed) {
            least_squares_base(f, &t);
        }
        error = fit_sweep(f, &t);
    }
    return error;
}

/* Given levels: the row's whole range, and for a few levels the best uniform range for a bell
 * curve; scales then find their own way. */
static void start_fixed(Fit *f, int start)
{
    double top = f->levels.value[f->levels.code[f->levels.n - 1]];
    int planes = f->format == FORMAT_TERNARY ? 2 : f->planes;
    for (int r = 0; r < f->linear->rows; r++) {
        double whole = f->largest[r] / top;
        f->scale[r] = start == 0 ? whole : fmin(whole, f->deviation[r] * half_range[planes] / top);
    }
}

int fit_starts(const Fit *f)
{
    return !f->fixed ? (int)LENGTH(start_ratio) : f->format == FORMAT_INT8 ? 1 : 2;
}

double fit_start(Fit *f, int start, int rounds)
{
    f->integer = false;
    if (f->fixed) {
        start_fixed(f, start);
    } else if (start == START_LLOYD) {
        start_lloyd(f);
    } else if (start == START_RANGE) {
        start_geometric(f, start_ratio[start], 1, f->largest);
    } else {
        start_geometric(f, start_ratio[start], half_range[f->planes], f->deviation);
    }
    improve(f, rounds);
    search_scales(f);
    return improve(f, rounds);
}

void fit_store(Arena *a, Linear *l, const Fit *f, const uint8_t *code)
{
    size_t cols = (size_t)l->cols;
    l->format = f->format;
    l->planes = f->planes;
    l->zero = (int8_t)f->base[0];
    for (int k = 0; k < f->planes; k++) {
        l->coef[k] = (int8_t)f->base[1 + k];
    }
    l->scale_exp = f->exp;
    l->scale = NEW(a, uint8_t, l->rows);
    l->code = NEW(a, uint8_t, (size_t)l->rows * cols);
    int zero = levels_nearest(&f->levels, 0);
#pragma omp parallel for if ((int64_t)l->rows * l->cols >= PARALLEL_WEIGHTS)
    for (int r = 0; r < l->rows; r++) {
        size_t at = (size_t)r * cols;
        l->scale[r] = (uint8_t)ldexp(f->scale[r], -f->exp);
        if (f->scale[r] == 0) {
            memset(l->code + at, f->fixed ? zero : 0, cols);
        } else if (code) {
            memcpy(l->code + at, code + at, cols);
        } else {
            code_row(&f->levels, l->w + at, l->cols, 1 / f->scale[r], l->code + at);
        }
    }
}

/* Large matrices are fitted from one start only, the best one for every so manieth row. */
#define SCREENED_WEIGHTS (1 << 19)
#define SCREENED_ROWS 16

static int screen_starts(const Linear *l, int planes, int rounds, bool uniform)
{
    Arena *a = arena_new();
    Linear part = *l;
    const size_t cols = (size_t)l->cols;
    part.rows = (l->rows + SCREENED_ROWS - 1) / SCREENED_ROWS;
    part.w = NEW(a, float, (size_t)part.rows *cols);
    for (int r = 0; r < part.rows; r++) {
        memcpy(part.w + (size_t)r * cols, l->w + (size_t)r * SCREENED_ROWS * cols,
               cols * sizeof(float));
    }
    Fit *f = fit_new(a, &part, FORMAT_PLANES, planes, uniform, NULL);
    double best = INFINITY;
    int found = 0;
    for (int start = 0; start < fit_starts(f); start++) {
        fit_start(f, start, rounds);
        const double error = fit_to_integers(f, rounds);
        found = error < best ? start : found;
        best = fmin(error, best);
    }
    arena_free(a);
    return found;
}

static void fit_levels(Arena *a, Linear *l, int planes, int rounds, bool uniform)
{
    Arena *scratch = arena_new();
    Fit *f = fit_new(scratch, l, FORMAT_PLANES, planes, uniform, NULL);
    const bool screened = (int64_t)l->rows * l->cols >= SCREENED_WEIGHTS;
    const int only = screened ? screen_starts(l, planes, rounds, uniform) : -1;
    double *best_scales = NEW(scratch, double, l->rows);
    double best_base[1 + MAX_PLANES] = {0}, best = INFINITY;
    int best_exp = 0;
    for (int start = 0; start < fit_starts(f); start++) {
        if (screened && start != only) {
            continue;
        }
        fit_start(f, start, rounds);
        double error = fit_to_integers(f, rounds);
        if (error < best) {
            best = error;
            best_exp = f->exp;
            memcpy(best_base, f->base, sizeof(best_base));
            memcpy(best_scales, f->scale, (size_t)l->rows * sizeof(double));
        }
    }
    memcpy(f->scale, best_scales, (size_t)l->rows * sizeof(double));
    fit_set_base(f, best_base);
    f->exp = best_exp;
    fit_store(a, l, f, NULL);
    arena_free(scratch);
}

void fit_planes(Arena *a, Linear *l, int planes, int rounds)
{
    fit_levels(a, l, planes, rounds, false);
}

void fit_uniform(Arena *a, Linear *l, int planes, int rounds)
{
    fit_levels(a, l, planes, rounds, true);
}
