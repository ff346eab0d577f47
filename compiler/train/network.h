/* The float network over the tokens of one document: what Sequence, the sampler and training run.
 */
#ifndef LMCC_TRAIN_NETWORK_H
#define LMCC_TRAIN_NETWORK_H

#include "model.h"

/* Weights as floats, laid out as in Model; the shapes are the model's. */
typedef struct Network {
    const Model *model;
    int max_tokens;
    const float *embed, *head; /* vocab x dim; the same when tied */
    const float *positions;    /* context x dim, if learned */
    const float *dense;        /* dim x dim, of an encoder's head that has it */
    const float *patch;        /* dim x bytes of a patch, of one that reads frames */
    const float **exit;        /* each exit's head; NULL without exits */
    const float **weight;      /* n_layers x ROLES; NULL where a role is not there */
    const float **gamma;       /* numbered as by model_norm */
    const float **beta;        /* likewise, and */
    const float **bias;        /* as by model_linears, a tied head's last; both NULL: the model's
                                  own, as they are now */
    float **cosine, **sine;    /* each layer: max_tokens x head_dim / 2, of the rope angles */
} Network;

#define ATTENTION_SHARES 16 /* that threads may take */

/* What one layer computed; rows are tokens. */
typedef struct Activations {
    float *attn_in;                  /* dim: what Q, K and V read */
    float *attn_unit, *attn_inverse; /* dim, 1: residual / rms, 1 / rms; NULL unless kept */
    float *q, *k, *v;                /* rotated; heads side by side */
    float *q_unit, *q_inverse;       /* as above, of each head: before its norm */
    float *k_unit, *k_inverse;
    float *total;              /* each head: max_tokens logs of softmax sums, or NULL */
    float *mixed, *o_in;       /* heads' outputs; what O reads: these, or with sub_norm normed */
    float *o_unit, *o_inverse; /* as above */
    float *down_unit, *down_inverse;
    float *mlp_in;                 /* dim: what GATE and UP read */
    float *mlp_unit, *mlp_inverse; /* as above */
    float *gate, *up, *gated;      /* n_neurons. Without GATE `gate` is what UP
                                      gives, and `up` is ones */
    float *down_in;                /* what DOWN reads: gated, or with sub_norm that normed */
    float *attn_raw, *o_raw, *mlp_raw, *down_raw; /* of binary activations: what linears would read
                                                     without; NULL unless kept */
    float *scratch;                               /* attention's, for each share of its blocks */
    size_t scratch_size;                          /* floats of one share */
} Activations;

/* Norms of a layer, and the one after the last: the number of a norm in `gamma`. */
typedef enum NormPlace { NORM_ATTN, NORM_MLP, NORM_Q, NORM_K, NORM_O, NORM_DOWN } NormPlace;
int network_norm(const Model *m, int layer, NormPlace place);
int network_final_norm(const Model *m);

/* Weights are not set. */
Network *network_new(Arena *a, const Model *m, int max_tokens);
/* Weights are the model's, dequantized where they are quantized. */
Network *network_of_model(Arena *a, const Model *m, int max_tokens);
/* The float weights of a linear, or its dequantized ones in `room` (made when NULL). */
const float *network_read(Arena *a, const Linear *l, float **room);
/* Room for `rows` tokens of layer `layer`; of any layer with -1. `keep`: also what a backward pass
 * needs. */
Activations *activations_new(Arena *a, const Network *n, int layer, int rows, bool keep);

/* at: the position of each token; NULL: 0, 1, 2 ... */
void network_embed(const Network *n, const int *tokens, const int *at, int n_tokens,
                   float *residual);
/* A sequence of n_tokens from its first position on: that, or the bytes of a clip's frames. */
void network_enter(const Network *n, const int *input, int n_tokens, float *residual);
/* Runs a layer: residual (n_tokens x dim) before it -> after it. */
void network_layer(const Network *n, int layer, Activations *t, float *residual, int n_tokens);
/* Its parts: up to queries, keys and values, not yet turned; from `mixed` on. */
void network_read_attention(const Network *n, int layer, Activations *t, const float *residual,
                            int n_tokens);
void network_finish_layer(const Network *n, int layer, Activations *t, float *residual,
                          int n_tokens);
/* normed: n_tokens x dim, what the head reads (of an encoder that alone is set); unit and inverse
 * as in Activations, or NULL. */
void network_logits(const Network *n, const float *residual, int n_tokens, float *normed,
                    float *unit, float *inverse, float *logits);
/* Of the head's bias, in the numbers of network_bias. */
int network_head_bias(const Model *m);
/* The bias of the i-th linear as model_linears numbers them; past the last one a tied head's. */
const float *network_bias(const Network *n, int i);
/* y (n_tokens x dim) = norm number i of x; unit and inverse as in Activations, or NULL. */
void network_norm_rows(const Network *n, int i, const float *x, int n_tokens, float *y, float *unit,
                       float *inverse);
/* Turns the pairs of each head by the position, backwards with direction -1; rows are positions. */
void network_rotate_row(const Network *n, int layer, float *x, int pos, int n_heads,
                        float direction);
void network_rotate(const Network *n, int layer, float *x, int n_tokens, int n_heads,
                    float direction);

/* y (n x rows) = x (n x cols) W^T, or y += */
void multiply_forward(const float *w, int rows, int cols, const float *x, int n, bool add,
                      float *y);

#endif
