/* The empirical Fisher information of the residual stream: one backward pass over the samples. */
#include "fisher.h"

#include "train/backward.h"

#include <math.h>
#include <string.h>

/* Of one token: the logits become softmax - one-hot of what comes next. */
static void predict(float *logits, int vocab, int next)
{
    float top = logits[0];
    double sum = 0;
    for (int v = 1; v < vocab; v++) {
        top = fmaxf(top, logits[v]);
    }
    for (int v = 0; v < vocab; v++) {
        logits[v] = expf(logits[v] - top);
        sum += (double)logits[v];
    }
    for (int v = 0; v < vocab; v++) {
        logits[v] = (float)((double)logits[v] / sum);
    }
    logits[next] -= 1;
}

/* The gradients g of one document's tokens, n x dim, after one layer. */
static void add_gradients(double *metric, float *weight, const float *g, int n, int dim)
{
#pragma omp parallel for
    for (int i = 0; i < dim; i++) {
        for (int t = 0; t < n; t++) {
            const float *row = g + (size_t)t * (size_t)dim;
            const double f = (double)row[i];
            for (int j = 0; j < dim; j++) {
                metric[(size_t)i * (size_t)dim + (size_t)j] += f * (double)row[j];
            }
        }
    }
    for (int t = 0; t < n; t++) {
        double square = 0;
        for (int i = 0; i < dim; i++) {
            const double v = (double)g[(size_t)t * (size_t)dim + (size_t)i];
            square += v * v;
        }
        weight[t] = (float)sqrt(square);
    }
}

static void add_document(Fisher *f, Trace *t, const Layout *y, float *scratch, const Model *m,
                         const Corpus *c, int d)
{
    const int n = c->n_tokens[d];
    const size_t vocab = (size_t)m->vocab;
    float *logits = trace_forward(t, c->tokens[d], n);
    for (int i = 0; i + 1 < n; i++) {
        predict(logits + (size_t)i * vocab, m->vocab, c->tokens[d][i + 1]);
    }
    memset(logits + (size_t)(n - 1) * vocab, 0, vocab * sizeof(*logits)); /* nothing follows */
    trace_backward(t, y, scratch);
    for (int l = 0; l < m->n_layers; l++) {
        add_gradients(f->metric[l], f->weight[d] + (size_t)l * (size_t)n, trace_gradient(t, l), n,
                      m->dim);
    }
}

/* Makes means of the sums of layer l, and weights with a mean of 1. */
static void normalise(Fisher *f, const Model *m, const Corpus *c, int l)
{
    double sum = 0, tokens = 0;
    for (int d = 0; d < c->n_docs; d++) {
        for (int i = 0; i < c->n_tokens[d]; i++) {
            sum += (double)f->weight[d][l * c->n_tokens[d] + i];
        }
        tokens += c->n_tokens[d];
    }
    for (int d = 0; d < c->n_docs; d++) {
        for (int i = 0; i < c->n_tokens[d]; i++) {
            float *w = &f->weight[d][l * c->n_tokens[d] + i];
            *w = sum > 0 ? (float)((double)*w * tokens / sum) : 1;
        }
    }
    for (int i = 0; i < m->dim * m->dim; i++) {
        f->metric[l][i] /= tokens;
    }
}

Fisher *fisher_new(Arena *a, const Model *m, const Corpus *samples)
{
    Arena *own = arena_new();
    Fisher *f = NEW(a, Fisher, 1);
    Network *network = network_of_model(own, m, corpus_longest(samples));
    Trace *t = trace_new(own, network);
    const Layout *y = layout_new(own, m);
    float *scratch = NEW(own, float, y->size);
    trace_keep_gradients(own, t);
    *f = (Fisher){NEW(a, double *, m->n_layers), NEW(a, float *, samples->n_docs)};
    for (int l = 0; l < m->n_layers; l++) {
        f->metric[l] = NEW(a, double, (size_t)m->dim *(size_t)m->dim);
    }
    for (int d = 0; d < samples->n_docs; d++) {
        f->weight[d] = NEW(a, float, (size_t)m->n_layers *(size_t)samples->n_tokens[d]);
        add_document(f, t, y, scratch, m, samples, d);
    }
    for (int l = 0; l < m->n_layers; l++) {
        normalise(f, m, samples, l);
    }
    arena_free(own);
    return f;
}
