/* What an encoder makes of the last norm, and its gradient; likewise each exit of the norm after
 * its layer. A head reads the first token, each one, or, of a vector, their mean. */
#ifndef LMCC_TRAIN_HEAD_H
#define LMCC_TRAIN_HEAD_H

#include "train/backward.h"

typedef struct HeadTrace {
    float *dense;          /* rows x dim: the hidden layer before its activation */
    float *active;         /* after it */
    float *read;           /* what the head's matrix reads: that, or its norm */
    float *unit, *inverse; /* of that norm, as in Activations */
    float *ones;           /* rows x dim: what an activation without a gate is multiplied by */
    float *d_active, *d_read;
} HeadTrace;

/* For as many tokens as the network has room for. */
HeadTrace *head_trace_new(Arena *a, const Network *n);
/* Of n_tokens: rows of logits. */
int head_rows(const Model *m, int n_tokens);
/* normed: n_tokens x dim, what the final norm gave. out: head_rows x model_outputs logits; of a
 * vector dim numbers, its length not yet 1. */
void head_forward(const Network *n, HeadTrace *t, const float *normed, int n_tokens, float *out);
/* d_normed (n_tokens x dim) from d_out; adds to `gradient`. */
void head_back(const Network *n, const Layout *y, HeadTrace *t, const float *normed, int n_tokens,
               const float *d_out, float *d_normed, float *gradient);
/* Its rows of logits from what the norm after its layer gave; and back: d_normed += */
void exit_forward(const Network *n, int exit, const float *normed, int n_tokens, float *out);
void exit_back(const Network *n, const Layout *y, int exit, const float *normed, int n_tokens,
               const float *d_out, float *d_normed, float *gradient);
/* 1 - cosine(own, goal); own becomes `weight` times its gradient. */
double head_turn(float *own, const float *goal, int n, float weight);

#endif
