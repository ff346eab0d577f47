/* Gradients of the network for one document, written out by hand. */
#ifndef LMCC_TRAIN_BACKWARD_H
#define LMCC_TRAIN_BACKWARD_H

#include "train/network.h"

/* Where each tensor's floats stand in one array: weights and gradients share the layout. */
typedef struct Layout {
    int n_linears, n_norms;
    size_t *linear, *norm; /* numbered as by model_linears and model_norm */
    size_t *beta, *bias;   /* likewise, 0: none; bias[n_linears]: a tied head's */
    size_t weights;        /* floats of the linears, which come first */
    size_t size;
} Layout;
Layout *layout_new(Arena *a, const Model *m);
/* Points the network's weights, norms and biases into such an array. */
void layout_point(Arena *a, const Layout *y, Network *n, const float *all);
/* Norms and biases of the model into such an array; and back. */
void layout_read(const Layout *y, const Model *m, float *all);
void layout_write(const Layout *y, const float *all, Model *m);

/* What one document's forward pass kept, and room for its backward pass. */
typedef struct Trace Trace;
Trace *trace_new(Arena *a, const Network *n);
/* Logits, n x vocab; what an encoder's head gives (head.h), then what each exit's does. Kept until
 * the next call, and so must what it reads be: tokens, or a clip's bytes. */
float *trace_forward(Trace *t, const int *input, int n);
/* Adds to `gradient` (laid out as y says) from d_logits, which stands where the logits stood. */
void trace_backward(Trace *t, const Layout *y, float *gradient);
/* Sum of KL(goal || own) over the document's rows of logits, nats, those of exits times `exits`; of
 * an encoder that gives a vector 1 - their cosine. Own logits become `weight` times their gradient.
 */
double trace_distill(Trace *t, const float *goal, float weight, float exits);

/* Room for what layers give, which trace_forward then keeps. */
void trace_keep_layers(Arena *a, Trace *t);
/* n x dim: the residual stream after a layer; to be overwritten, before trace_backward, by what the
 * loss adds to its gradient. */
float *trace_layer(Trace *t, int layer);
/* Room for the gradient of what layers give, which trace_backward then keeps. */
void trace_keep_gradients(Arena *a, Trace *t);
/* n x dim: the gradient of the residual stream after a layer, after trace_backward. */
const float *trace_gradient(const Trace *t, int layer);
/* The residual stream after a layer, of the layers up to it; and the gradient of that layer's own
 * floats from the gradient that stands there. */
float *trace_forward_to(Trace *t, const int *input, int n, int layer);
void trace_backward_layer(Trace *t, const Layout *y, int layer, float *gradient);

/* dx (n x cols) = or += dy (n x rows) W */
void input_gradient(const float *w, int rows, int cols, const float *dy, int n, bool add,
                    float *dx);
/* dW (rows x cols) += dy^T x */
void weight_gradient(const float *dy, int rows, const float *x, int cols, int n, float *dw);
/* Through the signs of x (n x width) times their mean size: d, of the result, becomes x's. */
void signs_back(const float *x, int n, int width, float *d);
/* db (rows) += the n rows of dy */
void bias_gradient(const float *dy, int rows, int n, float *db);

#endif
