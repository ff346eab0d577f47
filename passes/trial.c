/* Trials on the calibration samples: sequence.h runs the layers, this file keeps the streams and
 * compares the predictions. */
#include "trial.h"

#include "train/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Trial {
    const Model *model;
    const Corpus *samples;
    int n_docs, n_tokens; /* of the samples, as many as are used */
    Sequence *sequence;
    float *target;    /* n_tokens x vocab: log-probabilities of the original */
    float **before;   /* n_layers, each n_tokens x dim: the residual stream before the layer */
    bool *skip;       /* n_layers */
    double *kl, *nll; /* n_tokens */
    double *doc_kl;   /* n_docs: means */
};

/* Takes documents while their streams and predictions fit. */
static void take_samples(Trial *t, int tokens)
{
    const Model *m = t->model;
    const size_t token = sizeof(float) * ((size_t)m->vocab + (size_t)m->n_layers * (size_t)m->dim);
    size_t bytes = 0;
    for (t->n_docs = 0; t->n_docs < t->samples->n_docs; t->n_docs++) {
        const int n = t->samples->n_tokens[t->n_docs];
        bytes += (size_t)n * token;
        if (t->n_docs > 0 && (bytes > TRIAL_BYTES || t->n_tokens + n > tokens)) {
            break;
        }
        t->n_tokens += n;
    }
}

/* log(sum of exp(logits)). */
static double log_total(const float *logits, int n)
{
    double top = (double)logits[0], sum = 0;
    for (int i = 1; i < n; i++) {
        top = (double)logits[i] > top ? (double)logits[i] : top;
    }
    for (int i = 0; i < n; i++) {
        sum += exp((double)logits[i] - top);
    }
    return top + log(sum);
}

static void keep_target(Trial *t, const Model *original)
{
    Arena *a = arena_new();
    Sequence *s = sequence_new(a, original, corpus_longest(t->samples));
    const size_t vocab = (size_t)original->vocab;
    float *out = t->target;
    for (int d = 0; d < t->n_docs; d++) {
        const int n = t->samples->n_tokens[d];
        const float *logits = sequence_run(s, t->samples->tokens[d], n);
        for (size_t i = 0; i < (size_t)n; i++, out += vocab) {
            const double total = log_total(logits + i * vocab, original->vocab);
            for (size_t v = 0; v < vocab; v++) {
                out[v] = (float)((double)logits[i * vocab + v] - total);
            }
        }
    }
    arena_free(a);
}

static void embed_samples(Trial *t)
{
    const size_t dim = (size_t)t->model->dim;
    size_t at = 0;
    for (int d = 0; d < t->n_docs; d++) {
        const int n = t->samples->n_tokens[d];
        sequence_start(t->sequence, t->samples->tokens[d], n);
        memcpy(t->before[0] + at * dim, sequence_residual(t->sequence),
               (size_t)n * dim * sizeof(float));
        at += (size_t)n;
    }
}

static Trial *open_trial(Arena *a, const Unit *u, const Corpus *samples, int tokens)
{
    const Model *m = u->model;
    Trial *t = NEW(a, Trial, 1);
    *t = (Trial){.model = m, .samples = samples};
    take_samples(t, tokens);
    t->target = NEW(a, float, (size_t)t->n_tokens *(size_t)m->vocab);
    t->before = NEW(a, float *, m->n_layers);
    for (int l = 0; l < m->n_layers; l++) {
        t->before[l] = NEW(a, float, (size_t)t->n_tokens *(size_t)m->dim);
    }
    t->skip = NEW(a, bool, m->n_layers);
    t->kl = NEW(a, double, t->n_tokens);
    t->nll = NEW(a, double, t->n_tokens);
    t->doc_kl = NEW(a, double, t->n_docs);
    t->sequence = sequence_new(a, m, corpus_longest(t->samples));
    keep_target(t, u->original ? u->original : m);
    embed_samples(t);
    return t;
}

Trial *trial_new(Arena *a, Unit *u)
{
    return open_trial(a, u, unit_samples(u), TRIAL_TOKENS);
}

Trial *trial_diverse(Arena *a, Unit *u)
{
    static const double temperature = DIVERSE_TEMPERATURE;
    const int window = unit_window(u), tokens = DIVERSE_DOCUMENTS * DIVERSE_WINDOW;
    const SamplePlan plan = {.n = DIVERSE_DOCUMENTS,
                             .window = window < DIVERSE_WINDOW ? window : DIVERSE_WINDOW,
                             .seed = u->recipe->seed,
                             .n_temperatures = 1,
                             .temperature = &temperature};
    const Model *m = u->original ? u->original : u->model;
    return open_trial(a, u, u->calib ? unit_samples(u) : sample_documents(a, m, &plan), tokens);
}

void trial_skip(Trial *t, int layer, bool skip)
{
    t->skip[layer] = skip;
}

/* Of one document, whose first token is token `at` of all. */
static void compare(Trial *t, const float *logits, const int *tokens, int n, size_t at)
{
    const int vocab = t->model->vocab;
#pragma omp parallel for
    for (int i = 0; i < n; i++) {
        const float *own = logits + (size_t)i * (size_t)vocab;
        const float *target = t->target + (at + (size_t)i) * (size_t)vocab;
        const double total = log_total(own, vocab);
        double kl = 0;
        for (int v = 0; v < vocab; v++) {
            kl += exp((double)target[v]) * ((double)target[v] - (double)own[v] + total);
        }
        t->kl[at + (size_t)i] = kl;
        t->nll[at + (size_t)i] = i + 1 < n ? total - (double)own[tokens[i + 1]] : 0;
    }
}

static int largest_first(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;
    return (a < b) - (a > b);
}

/* The means of the documents, of which the largest are averaged; they lose their order. */
static double worst_documents(Trial *t)
{
    const int n = (t->n_docs * WORST + 99) / 100;
    double sum = 0;
    size_t at = 0;
    for (int d = 0; d < t->n_docs; d++) {
        t->doc_kl[d] = 0;
        for (int i = 0; i < t->samples->n_tokens[d]; i++, at++) {
            t->doc_kl[d] += t->kl[at] / t->samples->n_tokens[d];
        }
    }
    qsort(t->doc_kl, (size_t)t->n_docs, sizeof(*t->doc_kl), largest_first);
    for (int d = 0; d < n; d++) {
        sum += t->doc_kl[d] / n;
    }
    return sum;
}

static Loss run(Trial *t, int layer, bool keep)
{
    const size_t dim = (size_t)t->model->dim;
    const int predicted = t->n_tokens > t->n_docs ? t->n_tokens - t->n_docs : 1;
    size_t at = 0;
    Loss loss = {0};
    for (int l = layer; l < t->model->n_layers; l++) { /* one tried before may be whole again */
        sequence_refresh(t->sequence, l);
    }
    for (int d = 0; d < t->n_docs; d++) {
        const int n = t->samples->n_tokens[d];
        sequence_set_residual(t->sequence, t->before[layer] + at * dim, n);
        for (int l = layer; l < t->model->n_layers; l++) {
            if (keep) {
                memcpy(t->before[l] + at * dim, sequence_residual(t->sequence),
                       (size_t)n * dim * sizeof(float));
            }
            if (!t->skip[l]) {
                sequence_layer(t->sequence, l);
            }
        }
        compare(t, sequence_logits(t->sequence), t->samples->tokens[d], n, at);
        at += (size_t)n;
    }
    for (size_t i = 0; i < at; i++) {
        loss.kl += t->kl[i] / (double)at;
        loss.perplexity += t->nll[i] / predicted;
    }
    loss.perplexity = exp(loss.perplexity);
    loss.worst = worst_documents(t);
    return loss;
}

Loss trial_run(Trial *t, int layer)
{
    return run(t, layer, false);
}

Loss trial_keep(Trial *t, int layer)
{
    return run(t, layer, true);
}
