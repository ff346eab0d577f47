/* What the codebook fitter's files share: levels to round to, and one tensor's fit in progress. */
#ifndef LMCC_CODEBOOK_H
#define LMCC_CODEBOOK_H

#include "pass.h"

#define MAX_CODES 256
#define SCALE_MAX 255
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

/* W[r][c] is near scale[r] * value(code). Additive planes learn their levels, value = base[0] +
 * sum over k of base[1 + k] * bit k; ternary, int8 and uniform planes have theirs given. */
typedef struct Fit {
    const Linear *linear;
    Format format;
    int planes; /* PLANES */
    bool fixed; /* the levels are given: only codes and scales are fitted */
    double base[1 + MAX_PLANES];
    const double *importance; /* cols: weight of a squared error in this column */
    Levels levels;
    double *scale;               /* rows; 0 for an all-zero row */
    double *energy;              /* rows: weighted sum of squares */
    double *deviation, *largest; /* rows: root mean square; |weight| */
    double *error;               /* blocks of rows: weighted squared error */
    Tally *blocks;               /* blocks of rows: tallies in units of the codebook */
    int n_blocks;
    int exp;      /* INTEGER: scales are 1 .. 255 times 2^exp */
    bool integer; /* scales and base are what the device will hold */
} Fit;

/* passes/levels.c */
void levels_sort(Levels *l);                   /* from value[] */
int levels_nearest(const Levels *l, double x); /* its code; ties to the lower code */
/* The nearest code of each weight; the tally is of these weights alone. */
void tally_row(const Levels *l, const float *w, const double *importance, int n,
               double inverse_scale, Tally *tally);
void code_row(const Levels *l, const float *w, int n, double inverse_scale, uint8_t *code);

/* passes/codebook.c. importance: cols, NULL for all alike. Uniform: planes with equal steps. */
Fit *fit_new(Arena *a, const Linear *l, Format format, int planes, bool uniform,
             const double *importance);
int fit_starts(const Fit *f); /* how many starts there are to try */
/* Levels and real scales from one of the starts; returns the weighted squared error. */
double fit_start(Fit *f, int start, int rounds);
/* One round: codes to the nearest, then each row's scale by least squares; *total receives the
 * weighted tallies. Returns the weighted squared error. */
double fit_sweep(Fit *f, Tally *total);
void fit_set_base(Fit *f, const double *base);
/* The scale that is best for a row: the least of square s^2 - 2 cross s, or what the device holds
 * of it; `old` where no positive one helps. */
double fit_best_scale(const Fit *f, double cross, double square, double old);
/* The normal equations of the base: minimise base^T gram base - 2 rhs^T base. */
typedef struct Normal {
    int n;
    double gram[1 + MAX_PLANES][1 + MAX_PLANES];
    double rhs[1 + MAX_PLANES];
} Normal;
Normal normal_equations(int planes, const Tally *t);
void fit_least_squares(Fit *f, Normal *n); /* real base; overwrites n */
/* Writes codes (rows x cols; NULL: the nearest), scales and levels into l. */
void fit_store(Arena *a, Linear *l, const Fit *f, const uint8_t *code);

/* passes/codebook_integer.c: rounds the fit to int8 base and 8-bit scales, given the normal
 * equations of the base and each row's power, the squared norm of its approximation. */
void fit_round(Fit *f, const Normal *n, const double *power);
void fit_improve_base(Fit *f, const Normal *n); /* integer base, codes and scales as they are */
/* Rounds, then improves in the integers for at most `rounds` rounds. Returns the squared error. */
double fit_to_integers(Fit *f, int rounds);

#endif
