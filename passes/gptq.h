/* What calibrated quantization shares: second moments of what a linear reads, the solvers over
 * them, and the fit of one linear that minimises its output's error. All matrices are row-major.
 * Every sum runs in one fixed order: the same bytes at any thread count. */
#ifndef LMCC_GPTQ_H
#define LMCC_GPTQ_H

#include "codebook.h"

/* passes/dense.c ---------------------------------------------------------------------------- */

double dense_dot(const double *x, const double *y, int n);
void dense_add(double *y, double factor, const double *x, int n); /* y += factor x */
/* Positive definite m (n x n) = r r^T with r upper triangular, in place; the lower half is zeroed.
 * A pivot that rounding made too small is raised. */
void dense_factor(double *m, int n);
/* x r r^T = b for each of the rows of b (rows x n), in place. */
void dense_solve(const double *r, int n, double *b, int rows);

/* passes/gptq_moments.c --------------------------------------------------------------------- */

/* Weighted sums over tokens. x is what the linear reads in the network quantized so far, y what the
 * same linear reads in the float network, d how far the float residual stream, before this linear
 * adds to it, is from the other one. */
typedef struct GptqMoments {
    int cols, dim;
    double *gram;   /* cols x cols: x x^T */
    double *cross;  /* cols x cols: y x^T; NULL when not wanted */
    double *drift;  /* dim x cols: d x^T; NULL when not wanted */
    float *product; /* of one document; scratch */
    float *heavy;   /* longest x cols: x times the tokens' weights; scratch */
} GptqMoments;

/* For documents of at most `longest` tokens; dim 0: no drift. */
GptqMoments *gptq_moments_new(Arena *a, int cols, bool cross, int dim, int longest);
/* n tokens: x and y n x cols, drift n x dim; the weights of the tokens, NULL: all 1. */
void gptq_moments_add(GptqMoments *m, int n, const float *x, const float *y, const float *drift,
                      const float *weight);

/* No sum overflowed: weights of any size are allowed, what comes of them may not be. */
bool gptq_moments_usable(const GptqMoments *m);

/* passes/gptq.c ----------------------------------------------------------------------------- */

typedef struct GptqOptions {
    Format format;
    int planes;
    bool uniform;
    int rounds;     /* of the weighted start */
    double damping; /* added to the diagonal, in units of its mean */
} GptqOptions;

#define GPTQ_REFINE 4  /* rounds with real scales and codebook, after the first */
#define GPTQ_INTEGER 8 /* rounds at most with those of the device, after the first */

/* Squared error of the outputs, in units of the target outputs' energy, after each round. */
typedef struct GptqReport {
    double error; /* that is left */
    int n_real, n_integer;
    double real[1 + GPTQ_REFINE], integer[1 + GPTQ_INTEGER];
} GptqReport;

/* Quantizes l so that the error of its outputs over the moments is small. Its float weights stay.
 */
GptqReport gptq_fit(Arena *a, Linear *l, const GptqMoments *m, const GptqOptions *o);

#endif
