/* How much predictions depend on the residual stream, token by token. */
#ifndef LMCC_FISHER_H
#define LMCC_FISHER_H

#include "sequence.h"

/* With g the gradient of the samples' negative log-likelihood by the residual stream after a layer,
 * at one token. */
typedef struct Fisher {
    double **metric; /* n_layers: dim x dim, mean over tokens of g g^T */
    float **weight;  /* n_docs: n_layers x tokens of |g|, of each layer divided by its mean */
} Fisher;

/* The empirical Fisher information (Martens, arXiv 1412.1193) of a model that predicts the next
 * token. A small error e of the stream costs about e^T metric e / 2 nats (as in K-FAC, Martens and
 * Grosse, arXiv 1503.05671, which takes it to be independent of what a linear reads). */
Fisher *fisher_new(Arena *a, const Model *m, const Corpus *samples);

#endif
