/* What the codebook fitter's files share: levels to round to, and one tensor's fit in progress. */
#ifndef LMCC_CODEBOOK_H
#define LMCC_CODEBOOK_H

#include "pass.h"

#define MAX_CODES (1 << MAX_PLANES)
/* Weights from which a sweep is worth threads: on a busy host a barrier costs milliseconds. */
#define PARALLEL_WEIGHTS (1 << 18)

/* What the codes stand for, and the same sorted for a quick search. */
typedef struct Levels {
    int n;                           /* codes: a power of two */
    double value[MAX_CODES];         /* by code */
    double threshold[MAX_CODES - 1]; /* between neighbouring ranks */
    uint8_t code[MAX_CODES];         /* by rank */
} Levels;

/* Weights by code: how many (or how heavy), and their sum. All that least squares needs to know. */
typedef struct Tally {
    double weight[MAX_CODES];
    double sum[MAX_CODES];
} Tally;

/* W[r][c] is near scale[r] * value(code), value = base[0] + sum over k of base[1 + k] * bit k. */
typedef struct Fit {
    const Linear *linear;
    int planes;
    double base[1 + MAX_PLANES];
    Levels levels;
    double *scale;               /* rows; 0 for an all-zero row */
    double *energy;              /* rows: sum of squares */
    double *deviation, *largest; /* rows: root mean square; |weight| */
    double *error;               /* blocks of rows: squared error */
    Tally *blocks;               /* blocks of rows: tallies in units of the codebook */
    int n_blocks;
    int exp;      /* INTEGER: scales are 1 .. 255 times 2^exp */
    bool integer; /* scales and base are what the device will hold */
} Fit;

/* passes/levels.c */
void levels_sort(Levels *l); /* from value[] */
/* The nearest code of each weight, ties to the lower code; adds nothing to what tally held. */
void tally_row(const Levels *l, const float *w, int n, double inverse_scale, Tally *tally);
void code_row(const Levels *l, const float *w, int n, double inverse_scale, uint8_t *code);

/* passes/codebook.c: one round. Codes to the nearest, then each row's scale by least squares;
 * *total receives the weighted tallies. Returns the squared error. */
double fit_sweep(Fit *f, Tally *total);
void fit_set_base(Fit *f, const double *base);
/* The normal equations of the base: minimise base^T gram base - 2 rhs^T base. */
typedef struct Normal {
    int n;
    double gram[1 + MAX_PLANES][1 + MAX_PLANES];
    double rhs[1 + MAX_PLANES];
} Normal;
Normal normal_equations(int planes, const Tally *t);

/* passes/codebook_integer.c: rounds the fit to int8 base and 8-bit scales, then improves it in the
 * integers for at most `rounds` rounds. Returns the squared error. */
double fit_to_integers(Fit *f, int rounds);

#endif
