/* The inner loops of Sequence and of training, one table of them for each instruction set. All
 * tables give the same bytes: sums run in one order, nothing is contracted. */
#ifndef LMCC_TRAIN_LOOPS_H
#define LMCC_TRAIN_LOOPS_H

#include "model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    int window; /* tokens that a query sees, itself included; 0: all before it */
    float scale;
    const float *q;     /* n rows, q_row apart: the head's columns */
    const float *k, *v; /* n rows, kv_row apart */
    ptrdiff_t q_row, kv_row;
    float *out;   /* like q */
    float *total; /* n: log of the sum of exp(scale q k), or NULL */
    bool all;     /* every query meets all keys, not those up to its own alone */
} Attention;
#define QUERIES 16 /* that one call serves, or keys */

/* Its gradient: forward.out and forward.total are what attend gave. */
typedef struct AttentionBack {
    Attention forward;
    const float *d_out; /* like out */
    float *dot;         /* n: d_out . out of each query */
    float *d_q;         /* like q */
    float *d_k, *d_v;   /* like k and v; added to, as heads share them */
} AttentionBack;

/* Ascending levels: x is at first, plus step[i] for each threshold[i] below it. */
typedef struct LevelSteps {
    int n; /* steps: one less than levels */
    float first;
    uint8_t first_code;
    float threshold[63], step[63];
    uint8_t flip[63]; /* the bits in which the codes of neighbours differ */
} LevelSteps;

/* Adam (Kingma, Ba, 2015); `scale` multiplies the gradient first. */
typedef struct Adam {
    float rate, scale, beta1, beta2;
    float bias1, bias2; /* 1 - beta^steps */
} Adam;

typedef struct Loops {
    const char *name;
    /* The panel-th 16 columns of C. */
    void (*product)(const Product *p, int panel);
    /* scratch: (n + head_dim) x 16. */
    void (*attend)(const Attention *a, int block, float *scratch);
    /* d_q and dot of a block of queries; then d_k and d_v of a block of keys.
     * scratch: (2 n + 4 head_dim) x 16. */
    void (*attend_back_queries)(const AttentionBack *a, int block, float *scratch);
    void (*attend_back_keys)(const AttentionBack *a, int block, float *scratch);
    /* rows x n: y = x gamma / rms(x); unit = x / rms(x) and inverse = 1 / rms unless NULL. y may
     * be x. */
    void (*norm)(const float *x, const float *gamma, float eps, int rows, int n, float *y,
                 float *unit, float *inverse);
    /* dx += and d_gamma += from dy, with unit and inverse as norm gave them. */
    void (*norm_back)(const float *dy, const float *unit, const float *inverse, const float *gamma,
                      int rows, int n, float *dx, float *d_gamma);
    /* The same less the mean: y = unit gamma + beta, unit = (x - mean) / deviation, inverse = 1 /
     * deviation. */
    void (*layer_norm)(const float *x, const float *gamma, const float *beta, float eps, int rows,
                       int n, float *y, float *unit, float *inverse);
    void (*layer_norm_back)(const float *dy, const float *unit, const float *inverse,
                            const float *gamma, int rows, int n, float *dx, float *d_gamma);
    /* out = activation(gate) * up */
    void (*gate[ACTIVATIONS])(const float *gate, const float *up, size_t n, float *out);
    /* d_out becomes d_up in place; gate becomes d_gate. */
    void (*gate_back[ACTIVATIONS])(float *gate, const float *up, size_t n, float *d_out);
    /* logits (n) become weight * (softmax(logits) - softmax(goal)); gives KL(goal || logits), nats.
     * probability: n, scratch. */
    double (*distill)(float *logits, const float *goal, int n, float weight, float *probability);
    /* out = exp((x - max x) * scale); *top = max x, gives the sum. */
    float (*exponentials)(const float *x, int n, float scale, float *out, float *top);
    /* Each w (n) at the nearest of the levels times scale (> 0): its value and its code. */
    void (*quantize)(const float *w, int n, float scale, const LevelSteps *levels, float *value,
                     uint8_t *code);
    /* sum[0]: of all x (n); sum[1 + k]: of those whose code has bit k. */
    void (*sum_planes)(const float *x, const uint8_t *code, int n, int planes, float *sum);
    void (*adam)(const Adam *by, size_t n, const float *gradient, float *mean, float *square,
                 float *parameter);
    /* to += from */
    void (*add)(const float *from, size_t n, float *to);
    /* One query over the keys from `first` to n - 1: keys and values head_dim x stride, transposed;
     * the stride and score are whole lanes. */
    void (*decode)(const float *q, const float *keys, const float *values, int first, int n,
                   int head_dim, ptrdiff_t stride, float *score, float *out);
} Loops;

const Loops *loops(void); /* the best that this machine runs */

/* The whole product; threads share its panels. */
void product(const Product *p);

#endif
