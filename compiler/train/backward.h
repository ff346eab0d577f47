/* Gradients of the network for one document, written out by hand. */
#ifndef LMCC_TRAIN_BACKWARD_H
#define LMCC_TRAIN_BACKWARD_H

#include "train/network.h"

/* Where each tensor's floats stand in one array: weights and gradients share the layout. */
typedef struct Layout {
    int n_linears, n_norms;
    size_t *linear, *norm; /* numbered as by model_linears and model_norm */
    size_t weights;        /* floats of the linears, which come first */
    size_t size;
} Layout;
Layout *layout_new(Arena *a, const Model *m);
/* Points the network's weights and gammas into such an array. */
void layout_point(const Layout *y, Network *n, const float *all);

/* What one document's forward pass kept, and room for its backward pass. */
typedef struct Trace Trace;
Trace *trace_new(Arena *a, const Network *n);
/* Logits, n x vocab, kept until the next call. */
float *trace_forward(Trace *t, const int *tokens, int n);
/* Adds to `gradient` (laid out as y says) from d_logits, which stands where the logits stood. */
void trace_backward(Trace *t, const Layout *y, float *gradient);
/* Sum of KL(goal || own) over the document's tokens, nats; own logits become `weight` times their
 * gradient. */
double trace_distill(Trace *t, const float *goal, float weight);

#endif
