/* The optimal brain surgeon, greedily. With S = (H + damp)^-1, taking group g out of the inputs
 * left costs |W_g S_gg^-1 W_g^T| (its trace); then W -= W_g S_gg^-1 S_g. and S -= S_.g S_gg^-1
 * S_g., and the rows and columns of g are 0 from then on. */
#include "saliency.h"

#include <math.h>
#include <string.h>

typedef struct Surgeon {
    int rows, cols, width;
    double *w;       /* rows x cols: compensated for all that went */
    double *inverse; /* cols x cols: S */
    double *corner;  /* width x width: S_gg, factored */
    double *solved;  /* max(rows, cols) x width: right sides */
    bool *gone;      /* cols / width */
} Surgeon;

static Surgeon *open_surgeon(Arena *a, const float *w, const Sums *m, int width)
{
    Surgeon *s = NEW(a, Surgeon, 1);
    const size_t cols = (size_t)m->cols, rows = (size_t)m->rows, d = (size_t)width;
    *s = (Surgeon){m->rows,
                   m->cols,
                   width,
                   NEW(a, double, rows *cols),
                   NULL,
                   NEW(a, double, d *d),
                   NEW(a, double, (rows > cols ? rows : cols) * d),
                   NEW(a, bool, cols / d)};
    for (size_t i = 0; i < rows * cols; i++) {
        s->w[i] = (double)w[i];
    }
    double *h = damped(a, m);
    if (h) {
        s->inverse = NEW(a, double, cols *cols);
        spd_invert(h, m->cols, s->inverse);
    }
    return s;
}

/* S_gg into the corner, factored; false where rounding has eaten it. */
static bool load_corner(Surgeon *s, int g)
{
    const size_t d = (size_t)s->width, cols = (size_t)s->cols, at = (size_t)g * d;
    for (size_t i = 0; i < d; i++) {
        memcpy(s->corner + i * d, s->inverse + (at + i) * cols + at, d * sizeof(double));
    }
    return spd_factor(s->corner, s->width);
}

/* Solved rows: W_g S_gg^-1. */
static double cost(Surgeon *s, int g)
{
    const size_t d = (size_t)s->width, at = (size_t)g * d;
    double sum = 0;
    if (!load_corner(s, g)) {
        return INFINITY;
    }
    for (int r = 0; r < s->rows; r++) {
        const double *in = s->w + (size_t)r * (size_t)s->cols + at;
        double *out = s->solved + (size_t)r * d;
        memcpy(out, in, d * sizeof(double));
        spd_solve(s->corner, s->width, out, 1);
        for (size_t i = 0; i < d; i++) {
            sum += in[i] * out[i];
        }
    }
    return sum;
}

/* m (rows x cols) -= (m's columns of g) S_gg^-1 S_g. ; `left` is the first product, rows x width.
 */
static void sweep(Surgeon *s, double *m, int rows, const double *left, const double *band)
{
#pragma omp parallel for
    for (int r = 0; r < rows; r++) {
        double *row = m + (size_t)r * (size_t)s->cols;
        for (int i = 0; i < s->width; i++) {
            const double f = left[(size_t)r * (size_t)s->width + (size_t)i];
            for (int c = 0; c < s->cols; c++) {
                row[c] -= f * band[(size_t)i * (size_t)s->cols + (size_t)c];
            }
        }
    }
}

static void clear_columns(double *m, int rows, int cols, int first, int n)
{
    for (int r = 0; r < rows; r++) {
        memset(m + (size_t)r * (size_t)cols + (size_t)first, 0, (size_t)n * sizeof(double));
    }
}

static void take_out(Arena *a, Surgeon *s, int g)
{
    const size_t d = (size_t)s->width, cols = (size_t)s->cols, at = (size_t)g * d;
    double *band = arena_copy(a, s->inverse + at * cols, d * cols, sizeof(double));
    s->gone[g] = true;
    if (!isfinite(cost(s, g))) { /* leaves W_g S_gg^-1 */
        return;
    }
    sweep(s, s->w, s->rows, s->solved, band);
    for (size_t r = 0; r < cols; r++) {
        memcpy(s->solved + r * d, s->inverse + r * cols + at, d * sizeof(double));
    }
    spd_solve(s->corner, s->width, s->solved, s->cols);
    sweep(s, s->inverse, s->cols, s->solved, band);
    clear_columns(s->w, s->rows, s->cols, (int)at, s->width);
    clear_columns(s->inverse, s->cols, s->cols, (int)at, s->width);
    memset(s->inverse + at * cols, 0, d * cols * sizeof(double));
}

void saliency(const float *w, const Sums *m, int width, double *score)
{
    Arena *a = arena_new();
    Surgeon *s = open_surgeon(a, w, m, width);
    const int n = m->cols / width;
    double floor = 0; /* rounding may not make a later removal look cheaper */
    memset(score, 0, (size_t)n * sizeof(*score));
    for (int left = n; left > 0 && s->inverse; left--) {
        int best = -1;
        double least = INFINITY;
        for (int g = 0; g < n; g++) {
            const double c = s->gone[g] ? INFINITY : cost(s, g);
            if (!s->gone[g] && (best < 0 || c < least)) {
                best = g;
                least = c;
            }
        }
        floor = fmax(floor, least);
        score[best] = floor;
        take_out(a, s, best);
    }
    arena_free(a);
}
