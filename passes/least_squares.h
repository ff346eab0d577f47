/* Small dense algebra for least squares: symmetric positive definite systems, in double. */
#ifndef LMCC_LEAST_SQUARES_H
#define LMCC_LEAST_SQUARES_H

#include "pass.h"

/* Cholesky: a (n x n, its lower half read) becomes the lower L with L L^T = a. False, leaving a
 * half done, where a is not positive definite to rounding. */
bool spd_factor(double *a, int n);
/* Solves L L^T x = b in place for `rows` right sides, each a row of b (rows x n). */
void spd_solve(const double *l, int n, double *b, int rows);
/* inverse (n x n, both halves) of L L^T. */
void spd_invert(const double *l, int n, double *inverse);

/* What a linear read over the calibration tokens, and what its output lacked. */
typedef struct Sums {
    int rows, cols; /* of the linear */
    double *h;      /* cols x cols: sum over tokens of x x^T */
    double *c;      /* rows x cols: sum of e x^T, e being what its output is to be more */
    int64_t tokens;
} Sums;

Sums *sums_new(Arena *a, int rows, int cols);
/* n tokens: x is n x cols, e is n x rows or NULL for zero. weight: of each token in both sums,
 * NULL: 1. */
void sums_add(Sums *m, const float *x, const float *e, const float *weight, int n);

/* H + damp I, factored, from the arena; NULL when all inputs were 0. */
double *damped(Arena *a, const Sums *m);

/* Least squares after columns go: w (m->rows x m->cols) loses the columns whose flag in `keep` is
 * not set (they become 0), and the others change so that w x comes nearest to (old w) x + e over
 * the moments' tokens: W[:,keep] += (C + W[:,cut] H[cut,keep]) (H[keep,keep] + damp)^-1. The
 * damping of DAMPING times the mean diagonal pulls towards the old weights: nothing cut and no e,
 * nothing changes. */
void compensate(float *w, const Sums *m, const bool *keep);
#define DAMPING 0.01

#endif
