/* From a real codebook with real row scales to what the device holds: int8 coefficients, and scales
 * 1 .. 255 with one exponent. A factor may move between the two: every size of the codebook and a
 * few exponents are tried, and the cheapest is then improved in the integers themselves. */
#include "codebook.h"

#include <math.h>
#include <string.h>

#define COEF_MAX 127
#define EXPONENTS 4 /* from the one that fits the largest scale down; lower ones clamp it */

typedef struct Candidate {
    double cost; /* squared error that rounding adds, to first order */
    double base[1 + MAX_PLANES];
    double factor; /* real scale = factor * integer scale * 2^exp, before rounding */
    int exp;
} Candidate;

static double quadratic(const Normal *n, const double *x, const double *y)
{
    double sum = 0;
    for (int i = 0; i < n->n; i++) {
        for (int j = 0; j < n->n; j++) {
            sum += x[i] * n->gram[i][j] * y[j];
        }
    }
    return sum;
}

/* What rounding the scales costs: row r holds `power[r]` = squared norm of its approximation. */
static double scale_cost(const Fit *f, const double *power, double factor, int exp)
{
    double cost = 0;
    for (int r = 0; r < f->linear->rows; r++) {
        if (f->scale[r] > 0) {
            double m = ldexp(f->scale[r] * factor, -exp);
            double rounded = fmin(fmax(floor(m + 0.5), 1), SCALE_MAX);
            double off = (rounded - m) / m;
            cost += power[r] * off * off;
        }
    }
    return cost;
}

static double largest(const double *x, int n)
{
    double top = 0;
    for (int i = 0; i < n; i++) {
        top = fmax(top, fabs(x[i]));
    }
    return top;
}

/* The exponent for the candidate's factor that costs least: its cost joins the candidate's. */
static void choose_exponent(const Fit *f, const double *power, Candidate *c)
{
    double cost = INFINITY;
    int exp;
    frexp(largest(f->scale, f->linear->rows) * c->factor / (SCALE_MAX + 0.5), &exp);
    for (int e = exp; e > exp - EXPONENTS; e--) {
        double total = scale_cost(f, power, c->factor, e);
        if (total < cost) {
            cost = total;
            c->exp = e;
        }
    }
    c->cost += cost;
}

/* The codebook at size `top` (its largest coefficient), with the best exponent for it. */
static Candidate try_size(const Fit *f, const Normal *n, const double *power, int top)
{
    Candidate c = {.cost = INFINITY};
    double off[1 + MAX_PLANES] = {0};
    double grow = top / largest(f->base, f->planes + 1);
    for (int i = 0; i < n->n; i++) {
        c.base[i] = floor(f->base[i] * grow + 0.5);
    }
    double square = quadratic(n, c.base, c.base), cross = quadratic(n, c.base, f->base);
    if (!(square > 0) || !(cross > 0)) {
        return c;
    }
    c.factor = cross / square;
    for (int i = 0; i < n->n; i++) {
        off[i] = c.factor * c.base[i] - f->base[i];
    }
    c.cost = quadratic(n, off, off);
    choose_exponent(f, power, &c);
    return c;
}

/* The squared norm of each row's approximation, for scale_cost. */
static void row_power(const Fit *f, double *power)
{
    const Linear *l = f->linear;
    for (int r = 0; r < l->rows; r++) {
        Tally t;
        double s = f->scale[r];
        power[r] = 0;
        if (s > 0) {
            tally_row(&f->levels, l->w + (size_t)r * (size_t)l->cols, f->importance, l->cols, 1 / s,
                      &t);
            for (int i = 0; i < f->levels.n; i++) {
                double v = s * f->levels.value[i];
                power[r] += t.weight[i] * v * v;
            }
        }
    }
}

static Candidate best_size(const Fit *f, const Normal *n, const double *power)
{
    Candidate tried[COEF_MAX + 1], best = {.cost = INFINITY};
#pragma omp parallel for if ((int64_t)f->linear->rows * f->linear->cols >= PARALLEL_WEIGHTS)
    for (int top = 1; top <= COEF_MAX; top++) {
        tried[top] = try_size(f, n, power, top);
    }
    for (int top = 1; top <= COEF_MAX; top++) {
        if (tried[top].cost < best.cost) {
            best = tried[top];
        }
    }
    return best;
}

/* Moves single coefficients by one while that lowers the squared error; the codes stay. */
void fit_improve_base(Fit *f, const Normal *n)
{
    double base[1 + MAX_PLANES];
    bool again = true;
    memcpy(base, f->base, sizeof(base));
    while (again) {
        again = false;
        for (int i = 0; i < n->n; i++) {
            double slope = -n->rhs[i];
            for (int j = 0; j < n->n; j++) {
                slope += n->gram[i][j] * base[j];
            }
            double step = slope > 0 ? -1 : 1;
            bool better = fabs(slope) > n->gram[i][i] * 0.5000001; /* off by more than half */
            if (better && fabs(base[i] + step) <= COEF_MAX) {
                base[i] += step;
                again = true;
            }
        }
    }
    fit_set_base(f, base);
}

void fit_round(Fit *f, const Normal *n, const double *power)
{
    Candidate c = {.factor = 1};
    if (f->fixed) {
        choose_exponent(f, power, &c);
    } else {
        c = best_size(f, n, power);
    }
    if (isinf(c.cost)) { /* all rows are zero: any codebook does */
        c.base[f->planes] = 1;
    }
    f->integer = true;
    f->exp = c.exp;
    for (int r = 0; r < f->linear->rows; r++) {
        double m = floor(ldexp(f->scale[r] * c.factor, -c.exp) + 0.5);
        f->scale[r] = f->scale[r] > 0 ? ldexp(fmin(fmax(m, 1), SCALE_MAX), c.exp) : 0;
    }
    if (!f->fixed) {
        fit_set_base(f, c.base);
    }
}

double fit_to_integers(Fit *f, int rounds)
{
    Arena *scratch = arena_new();
    Tally t;
    double *power = NEW(scratch, double, f->linear->rows);
    fit_sweep(f, &t);
    Normal n = normal_equations(f->planes, &t);
    row_power(f, power);
    fit_round(f, &n, power);
    double last = INFINITY, error = fit_sweep(f, &t);
    for (int round = 0; round < rounds && error < last; round++) {
        if (!f->fixed) {
            n = normal_equations(f->planes, &t);
            fit_improve_base(f, &n);
        }
        last = error;
        error = fit_sweep(f, &t);
    }
    arena_free(scratch);
    return error;
}
