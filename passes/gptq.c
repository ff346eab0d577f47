/* Fits one linear to second moments of its input: of all tensors Q that the format can hold, one
 * for which the squared error of the outputs, the trace of (T - Q) H (T - Q)^T, is small. T are the
 * weights that would serve best on the input as it is now, H its damped Gram matrix.
 *   T = (W C + l W) (H + l I)^-1, C = float input x input: GPTAQ (arXiv 2504.02692).
 *   Codes go column by column, each taking over the errors made before it: GPTQ (arXiv 2210.17323)
 *   in the form of LDLQ (arXiv 2307.13304), which needs H = R R^T and no inverse.
 *   Then coordinate descent over codes and least squares over row scales and codebook take turns;
 *   no step raises the error. Last the same in the integers that the device holds. */
#include "gptq.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define BLOCK_ROWS 16
#define MAX_PASSES 4 /* of coordinate descent at one visit of a row */

typedef struct Problem {
    Fit *fit;
    int rows, cols;
    const float *target;    /* rows x cols */
    const double *gram;     /* cols x cols, damped */
    const double *feedback; /* cols x cols: row j has what column j takes over of each error */
    uint8_t *code;          /* rows x cols */
    double *energy;         /* rows: squared norm of the target's outputs */
    double *power;          /* rows: squared norm of the approximation's outputs */
    double *error;          /* blocks of rows */
    Normal *normal;         /* blocks of rows: normal equations of the base */
    int n_blocks;
} Problem;

/* One row while it is worked on; all vectors have cols elements. */
typedef struct Row {
    double scale;
    uint8_t *code;
    double *target, *pull; /* pull = target H */
    double *value, *push;  /* what the codes stand for; push = value H */
    double *miss;          /* target - scale * value */
    double *bits;          /* one plane's bits */
    double *bits_push;     /* (1 + MAX_PLANES) x cols: bits H of each plane */
} Row;

static Row row_new(Arena *a, int cols)
{
    Row r = {0};
    r.target = NEW(a, double, cols);
    r.pull = NEW(a, double, cols);
    r.value = NEW(a, double, cols);
    r.push = NEW(a, double, cols);
    r.miss = NEW(a, double, cols);
    r.bits = NEW(a, double, cols);
    r.bits_push = NEW(a, double, (size_t)(1 + MAX_PLANES) * (size_t)cols);
    return r;
}

/* y = x H */
static void times_gram(const Problem *p, const double *x, double *y)
{
    memset(y, 0, (size_t)p->cols * sizeof(double));
    for (int c = 0; c < p->cols; c++) {
        if (x[c] != 0) {
            dense_add(y, x[c], p->gram + (size_t)c * (size_t)p->cols, p->cols);
        }
    }
}

static void set_values(const Problem *p, Row *r)
{
    for (int c = 0; c < p->cols; c++) {
        r->value[c] = p->fit->levels.value[r->code[c]];
    }
    times_gram(p, r->value, r->push);
}

/* Codes from the first column to the last, each column moved by the errors made so far. */
static void code_with_feedback(const Problem *p, Row *r)
{
    const Levels *l = &p->fit->levels;
    double inverse = 1 / r->scale;
    for (int c = 0; c < p->cols; c++) {
        const double *share = p->feedback + (size_t)c * (size_t)p->cols;
        double x = r->target[c] + dense_dot(r->miss, share, c);
        r->code[c] = (uint8_t)levels_nearest(l, x * inverse);
        r->miss[c] = r->target[c] - r->scale * l->value[r->code[c]];
    }
    set_values(p, r);
}

/* Each code in turn to the level that is best while the others stay. */
static void descend(const Problem *p, Row *r)
{
    const Levels *l = &p->fit->levels;
    double inverse = 1 / r->scale;
    bool again = true;
    for (int pass = 0; again && pass < MAX_PASSES; pass++) {
        again = false;
        for (int c = 0; c < p->cols; c++) {
            const double *gram = p->gram + (size_t)c * (size_t)p->cols;
            double best = r->value[c] + (r->pull[c] * inverse - r->push[c]) / gram[c];
            int code = levels_nearest(l, best);
            double step = l->value[code] - r->value[c];
            if (step != 0) {
                r->code[c] = (uint8_t)code;
                r->value[c] = l->value[code];
                dense_add(r->push, step, gram, p->cols);
                again = true;
            }
        }
    }
}

/* The best scale for the codes; returns the row's error. */
static double rescale(const Problem *p, Row *r, double energy, double *power)
{
    double cross = dense_dot(r->target, r->push, p->cols);
    double square = dense_dot(r->value, r->push, p->cols);
    r->scale = fit_best_scale(p->fit, cross, square, r->scale);
    *power = r->scale * r->scale * square;
    return energy + *power - 2 * r->scale * cross;
}

/* Scales to start from, as parts of what a fit without feedback found: the best is kept. */
static const double scale_factor[] = {1, 0.8, 0.9, 1.1, 1.2};

static double search_row(const Problem *p, Row *r, int row, double *power)
{
    uint8_t *best_code = p->code + (size_t)row * (size_t)p->cols, *own = r->code;
    double best = INFINITY, from = p->fit->scale[row];
    for (int i = 0; i < (int)LENGTH(scale_factor); i++) {
        double found;
        r->scale = from * scale_factor[i];
        code_with_feedback(p, r);
        descend(p, r);
        double error = rescale(p, r, p->energy[row], &found);
        if (error < best) {
            best = error;
            *power = found;
            p->fit->scale[row] = r->scale;
            memcpy(best_code, own, (size_t)p->cols);
        }
    }
    r->scale = p->fit->scale[row];
    memcpy(own, best_code, (size_t)p->cols);
    set_values(p, r);
    return best;
}

static double refine_row(const Problem *p, Row *r, int row, double *power)
{
    uint8_t *kept = p->code + (size_t)row * (size_t)p->cols;
    r->scale = p->fit->scale[row];
    memcpy(r->code, kept, (size_t)p->cols);
    set_values(p, r);
    descend(p, r);
    double error = rescale(p, r, p->energy[row], power);
    p->fit->scale[row] = r->scale;
    memcpy(kept, r->code, (size_t)p->cols);
    return error;
}

/* Adds a row to the normal equations of the base: minimise over the base the squared norm of
 * target - scale * sum over k of base[k] * bits k, where "bits 0" are all ones. */
static void add_normal(const Problem *p, Row *r, Normal *n)
{
    double s = r->scale;
    n->n = p->fit->planes + 1;
    for (int k = 0; k < n->n; k++) {
        double *push = r->bits_push + (size_t)k * (size_t)p->cols;
        for (int c = 0; c < p->cols; c++) {
            r->bits[c] = k == 0 || r->code[c] >> (k - 1) & 1;
        }
        times_gram(p, r->bits, push);
        n->rhs[k] += s * dense_dot(r->bits, r->pull, p->cols);
        for (int j = 0; j <= k; j++) {
            const double *other = r->bits_push + (size_t)j * (size_t)p->cols;
            double both = s * s * dense_dot(r->bits, other, p->cols);
            n->gram[k][j] += both;
            n->gram[j][k] += j < k ? both : 0;
        }
    }
}

typedef double Visit(const Problem *p, Row *r, int row, double *power);

static void visit_block(Problem *p, Visit *visit, int block)
{
    Arena *scratch = arena_new();
    Row r = row_new(scratch, p->cols);
    r.code = NEW(scratch, uint8_t, p->cols);
    p->error[block] = 0;
    memset(&p->normal[block], 0, sizeof(Normal));
    for (int i = block * BLOCK_ROWS; i < (block + 1) * BLOCK_ROWS && i < p->rows; i++) {
        p->power[i] = 0;
        if (p->fit->scale[i] == 0) {
            p->error[block] += p->energy[i];
            continue;
        }
        for (int c = 0; c < p->cols; c++) {
            r.target[c] = (double)p->target[(size_t)i * (size_t)p->cols + (size_t)c];
        }
        times_gram(p, r.target, r.pull);
        p->energy[i] = dense_dot(r.target, r.pull, p->cols);
        p->error[block] += visit(p, &r, i, &p->power[i]);
        if (!p->fit->fixed) {
            add_normal(p, &r, &p->normal[block]);
        }
    }
    arena_free(scratch);
}

/* Visits every row; *normal receives the normal equations of the base. Returns the error. */
static double sweep(Problem *p, Visit *visit, Normal *normal)
{
    double error = 0;
#pragma omp parallel for schedule(dynamic) if ((int64_t)p->rows * p->cols * p->cols >=             \
                                               PARALLEL_WEIGHTS)
    for (int b = 0; b < p->n_blocks; b++) {
        visit_block(p, visit, b);
    }
    memset(normal, 0, sizeof(*normal));
    normal->n = p->fit->planes + 1;
    for (int b = 0; b < p->n_blocks; b++) {
        error += p->error[b];
        for (int i = 0; i < normal->n; i++) {
            normal->rhs[i] += p->normal[b].rhs[i];
            for (int j = 0; j < normal->n; j++) {
                normal->gram[i][j] += p->normal[b].gram[i][j];
            }
        }
    }
    return error;
}

static GptqReport solve(Problem *p)
{
    Fit *f = p->fit;
    GptqReport report = {.n_real = 1 + GPTQ_REFINE};
    Normal n;
    double last = INFINITY;
    report.real[0] = sweep(p, search_row, &n);
    for (int round = 1; round < report.n_real; round++) {
        if (!f->fixed) {
            fit_least_squares(f, &n);
        }
        report.real[round] = sweep(p, refine_row, &n);
    }
    fit_round(f, &n, p->power);
    report.error = sweep(p, refine_row, &n);
    report.integer[report.n_integer++] = report.error;
    while (report.n_integer <= GPTQ_INTEGER && report.error < last) {
        if (!f->fixed) {
            fit_improve_base(f, &n);
        }
        last = report.error;
        report.error = sweep(p, refine_row, &n);
        report.integer[report.n_integer++] = report.error;
    }
    return report;
}

/* Levels and scales where column c counts as much as the input's power in it. */
static void start_weighted(Arena *a, Fit *f, int rounds)
{
    int rows = f->linear->rows, starts = fit_starts(f);
    double *scale = NEW(a, double, rows), best = INFINITY;
    double base[1 + MAX_PLANES] = {0};
    for (int start = 0; start < starts; start++) {
        double error = fit_start(f, start, rounds);
        if (error < best) {
            best = error;
            memcpy(base, f->base, sizeof(base));
            memcpy(scale, f->scale, (size_t)rows * sizeof(double));
        }
    }
    memcpy(f->scale, scale, (size_t)rows * sizeof(double));
    if (!f->fixed) {
        fit_set_base(f, base);
    }
}

static double mean_diagonal(const GptqMoments *m)
{
    double sum = 0;
    for (int c = 0; c < m->cols; c++) {
        sum += m->gram[(size_t)c * (size_t)m->cols + (size_t)c];
    }
    return sum / m->cols;
}

/* H + l I; l is 1 where no input was ever anything but zero. */
static double *damp(Arena *a, const GptqMoments *m, double damping, double *l)
{
    double *h = arena_copy(a, m->gram, (size_t)m->cols * (size_t)m->cols, sizeof(double));
    *l = mean_diagonal(m) * damping;
    *l = *l > 0 ? *l : 1;
    for (int c = 0; c < m->cols; c++) {
        h[(size_t)c * (size_t)m->cols + (size_t)c] += *l;
    }
    return h;
}

/* T (rows x cols), from the factor of H + l I. */
static float *make_target(Arena *a, const Linear *l, const GptqMoments *m, const double *factor,
                          double lambda)
{
    size_t cols = (size_t)l->cols, n = (size_t)l->rows * cols;
    float *target = arena_copy(a, l->w, n, sizeof(float));
    if (!m->cross) {
        return target;
    }
    double *x = NEW(a, double, n);
#pragma omp parallel for if ((int64_t)n * l->cols >= PARALLEL_WEIGHTS)
    for (int r = 0; r < l->rows; r++) {
        const float *w = l->w + (size_t)r * cols;
        double *row = x + (size_t)r * cols;
        for (size_t c = 0; c < cols; c++) {
            row[c] += lambda * (double)w[c];
            dense_add(row, (double)w[c], m->cross + c * cols, l->cols);
        }
    }
    if (m->drift) {
        dense_add(x, 1, m->drift, (int)n);
    }
    dense_solve(factor, l->cols, x, l->rows);
    for (size_t i = 0; i < n; i++) {
        target[i] = (float)fmin(fmax(x[i], -(double)FLT_MAX), (double)FLT_MAX);
    }
    return target;
}

/* In place: row j of the result has r[k][j] / r[j][j] for the columns k before j. */
static void make_feedback(double *r, int n)
{
    for (int j = 0; j < n; j++) {
        for (int k = 0; k < j; k++) {
            r[(size_t)j * (size_t)n + (size_t)k] =
                r[(size_t)k * (size_t)n + (size_t)j] / r[(size_t)j * (size_t)n + (size_t)j];
        }
    }
}

static void problem_init(Arena *a, Problem *p, Fit *f, const double *gram, const double *feedback)
{
    *p = (Problem){.fit = f, .rows = f->linear->rows, .cols = f->linear->cols};
    p->target = f->linear->w;
    p->gram = gram;
    p->feedback = feedback;
    p->n_blocks = (p->rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    p->code = NEW(a, uint8_t, (size_t)p->rows * (size_t)p->cols);
    p->energy = NEW(a, double, p->rows);
    p->power = NEW(a, double, p->rows);
    p->error = NEW(a, double, p->n_blocks);
    p->normal = NEW(a, Normal, p->n_blocks);
}

static void divide(double *x, int n, double by)
{
    for (int i = 0; i < n && by > 0; i++) {
        x[i] /= by;
    }
}

GptqReport gptq_fit(Arena *a, Linear *l, const GptqMoments *m, const GptqOptions *o)
{
    Arena *scratch = arena_new();
    size_t cols = (size_t)l->cols;
    double lambda, energy = 0;
    double *gram = damp(scratch, m, o->damping, &lambda);
    double *factor = arena_copy(scratch, gram, cols * cols, sizeof(double));
    double *importance = NEW(scratch, double, cols);
    Linear aim = *l;
    Problem p;
    for (size_t c = 0; c < cols; c++) {
        importance[c] = gram[c * cols + c];
    }
    dense_factor(factor, l->cols);
    aim.w = make_target(scratch, l, m, factor, lambda);
    make_feedback(factor, l->cols);
    Fit *f = fit_new(scratch, &aim, o->format, o->planes, o->uniform, importance);
    start_weighted(scratch, f, o->rounds);
    problem_init(scratch, &p, f, gram, factor);
    GptqReport report = solve(&p);
    for (int r = 0; r < l->rows; r++) {
        energy += p.energy[r];
    }
    fit_store(a, l, f, p.code);
    arena_free(scratch);
    divide(report.real, report.n_real, energy);
    divide(report.integer, report.n_integer, energy);
    divide(&report.error, 1, energy);
    return report;
}
