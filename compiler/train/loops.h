/* The inner loops of Sequence and of training, one table of them for each instruction set. All
 * tables give the same bytes: sums run in one order, nothing is contracted. */
#ifndef LMCC_TRAIN_LOOPS_H
#define LMCC_TRAIN_LOOPS_H

#include <stdbool.h>
#include <stddef.h>

/* C (m x n) = A (m x k) B (k x n), or C += when `add`. Strides are in floats. */
typedef struct Product {
    int m, n, k;
    const float *a;
    ptrdiff_t a_row, a_step; /* from a row to the next, from a k to the next */
    const float *b;
    ptrdiff_t b_step, b_col;
    float *c;
    ptrdiff_t c_row;
    bool add;
} Product;
#define PANEL 16 /* columns of C that one call makes */

/* One head over n tokens: out = softmax(scale q k^T, causal) v. */
typedef struct Attention {
    int n, head_dim;
    float scale;
    const float *q;     /* n rows, q_row apart: the head's columns */
    const float *k, *v; /* n rows, kv_row apart */
    ptrdiff_t q_row, kv_row;
    float *out;   /* like q */
    float *total; /* n: log of the sum of exp(scale q k), or NULL */
} Attention;
#define QUERIES 16 /* that one call serves */

typedef struct Loops {
    const char *name;
    /* The panel-th 16 columns of C. */
    void (*product)(const Product *p, int panel);
    /* scratch: (n + head_dim) x 16. */
    void (*attend)(const Attention *a, int block, float *scratch);
    /* rows x n: y = x gamma / rms(x); unit = x / rms(x) and inverse = 1 / rms unless NULL. */
    void (*norm)(const float *x, const float *gamma, float eps, int rows, int n, float *y,
                 float *unit, float *inverse);
    /* out = silu(gate) * up */
    void (*gate)(const float *gate, const float *up, size_t n, float *out);
    /* out = exp((x - max x) * scale); *top = max x, gives the sum. */
    float (*exponentials)(const float *x, int n, float scale, float *out, float *top);
    /* One query over the first n keys: keys and values head_dim x stride, transposed; the stride
     * and score are whole lanes. */
    void (*decode)(const float *q, const float *keys, const float *values, int n, int head_dim,
                   ptrdiff_t stride, float *score, float *out);
} Loops;

const Loops *loops(void); /* the best that this machine runs */

/* The whole product; threads share its panels. */
void product(const Product *p);

#endif
