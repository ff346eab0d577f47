/* What a change of the network loses, on samples. The original runs once: its probabilities are
 * kept, and its residual streams before each layer, so that a change in one layer runs from there
 * on. Threads take whole documents, each with a Sequence of its own. */
#include "search.h"
#include "sequence.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#define PROBABILITY_BYTES (256 << 20) /* that samples are cut to */
#define RESIDUAL_BYTES (256 << 20)    /* beyond this every run starts at the embedding */

typedef struct Document {
    const float *p;      /* tokens x vocab: the original's probabilities */
    const double *p_log; /* tokens: sum of p log p */
    float *residual;     /* (layers + 1) x tokens x dim, or NULL */
} Document;

struct Judge {
    Arena *arena;
    const Model *original;
    Model *probe; /* the original, one linear of it exchanged at a time */
    Corpus samples;
    Document *documents;
    int threads, longest, runs;
    Sequence **sequences; /* of the probe, one a thread */
    Score own;
};

/* As many documents as fit, at least one. */
static Corpus cut(const Corpus *c, int vocab)
{
    Corpus kept = *c;
    int64_t bytes = 0;
    kept.n_docs = 0;
    kept.n_predicted = 0;
    for (int d = 0; d < c->n_docs; d++) {
        bytes += (int64_t)c->n_tokens[d] * vocab * (int64_t)sizeof(float);
        if (d > 0 && bytes > PROBABILITY_BYTES) {
            break;
        }
        kept.n_docs++;
        kept.n_predicted += c->n_tokens[d] - 1;
    }
    return kept;
}

/* log of the sum of exp of n logits. */
static double log_sum(const float *z, int n)
{
    double top = (double)z[0], sum = 0;
    for (int i = 1; i < n; i++) {
        top = (double)z[i] > top ? (double)z[i] : top;
    }
    for (int i = 0; i < n; i++) {
        sum += exp((double)z[i] - top);
    }
    return top + log(sum);
}

/* Eight sums side by side, for the host's vectors. */
static double dot(const float *x, const float *y, int n)
{
    enum { LANES = 8 };
    double sum[LANES] = {0};
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            sum[k] += (double)x[i + k] * (double)y[i + k];
        }
    }
    for (int k = 0; i + k < n; k++) {
        sum[k] += (double)x[i + k] * (double)y[i + k];
    }
    return sum[0] + sum[1] + sum[2] + sum[3] + (sum[4] + sum[5] + sum[6] + sum[7]);
}

static int largest(const float *x, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++) {
        best = x[i] > x[best] ? i : best;
    }
    return best;
}

/* Tokens of a document that predict another. */
static int predicting(const Judge *j, int d)
{
    return j->samples.n_tokens[d] - 1;
}

/* KL(p || softmax(z)) = sum p log p - sum p z + log sum exp z, of every token. */
static DocumentScore compare(const Judge *j, int d, const float *logits)
{
    const int vocab = j->original->vocab;
    const Document *doc = &j->documents[d];
    DocumentScore s = {.tokens = predicting(j, d)};
    for (int i = 0; i < predicting(j, d); i++) {
        const float *z = logits + (size_t)i * (size_t)vocab;
        const float *p = doc->p + (size_t)i * (size_t)vocab;
        const double total = log_sum(z, vocab);
        s.nll += total - (double)z[j->samples.tokens[d][i + 1]];
        s.kl += doc->p_log[i] - dot(p, z, vocab) + total;
        s.equal += largest(z, vocab) == largest(p, vocab);
    }
    return s;
}

/* From the first layer that may differ. */
static const float *run(const Judge *j, Sequence *s, const Model *m, int d, int layer)
{
    const Document *doc = &j->documents[d];
    const int n = predicting(j, d);
    if (layer <= 0 || !doc->residual) {
        sequence_start(s, j->samples.tokens[d], n);
        layer = 0;
    } else {
        sequence_set_residual(
            s, doc->residual + (size_t)layer * (size_t)n * (size_t)j->original->dim, n);
    }
    for (int l = layer; l < m->n_layers; l++) {
        sequence_layer(s, l);
    }
    return sequence_logits(s);
}

static Score run_all(Judge *j, Sequence **sequences, const Model *m, int layer)
{
    Arena *a = arena_new();
    DocumentScore *scores = NEW(a, DocumentScore, j->samples.n_docs);
#pragma omp parallel for schedule(dynamic, 1) num_threads(j->threads)
    for (int d = 0; d < j->samples.n_docs; d++) {
        scores[d] = compare(j, d, run(j, sequences[omp_get_thread_num()], m, d, layer));
    }
    const Score s = score_of(&j->samples, scores);
    arena_free(a);
    j->runs++;
    return s;
}

static Sequence **make_sequences(Arena *a, const Judge *j, const Model *m)
{
    Sequence **s = NEW(a, Sequence *, j->threads);
    for (int i = 0; i < j->threads; i++) {
        s[i] = sequence_new(a, m, j->longest);
    }
    return s;
}

/* The original's run of one document, kept. */
static void keep(const Judge *j, Sequence *s, int d, float *p, double *p_log)
{
    const int n = predicting(j, d), vocab = j->original->vocab;
    const size_t stream = (size_t)n * (size_t)j->original->dim;
    float *residual = j->documents[d].residual;
    sequence_start(s, j->samples.tokens[d], n);
    for (int l = 0; l < j->original->n_layers; l++) {
        if (residual) {
            memcpy(residual + (size_t)l * stream, sequence_residual(s), stream * sizeof(float));
        }
        sequence_layer(s, l);
    }
    if (residual) {
        memcpy(residual + (size_t)j->original->n_layers * stream, sequence_residual(s),
               stream * sizeof(float));
    }
    const float *z = sequence_logits(s);
    for (int i = 0; i < n; i++, z += vocab, p += vocab) {
        const double total = log_sum(z, vocab);
        for (int v = 0; v < vocab; v++) {
            const double log_p = (double)z[v] - total;
            p[v] = (float)exp(log_p);
            p_log[i] += (double)p[v] * log_p;
        }
    }
}

static void keep_all(Judge *j)
{
    const size_t vocab = (size_t)j->original->vocab, dim = (size_t)j->original->dim;
    const size_t layers = (size_t)j->original->n_layers + 1;
    const bool residuals =
        (size_t)j->samples.n_predicted * dim * layers * sizeof(float) <= RESIDUAL_BYTES;
    for (int d = 0; d < j->samples.n_docs; d++) {
        const size_t n = (size_t)predicting(j, d);
        float *p = NEW(j->arena, float, n *vocab);
        double *p_log = NEW(j->arena, double, n);
        j->documents[d].residual = residuals ? NEW(j->arena, float, layers *n *dim) : NULL;
        j->documents[d].p = p;
        j->documents[d].p_log = p_log;
        keep(j, j->sequences[0], d, p, p_log);
    }
}

Judge *judge_new(Arena *a, const Model *original, const Corpus *samples)
{
    Judge *j = NEW(a, Judge, 1);
    *j = (Judge){.arena = a, .original = original, .samples = cut(samples, original->vocab)};
    j->threads = evaluation_threads(&j->samples);
    for (int d = 0; d < j->samples.n_docs; d++) {
        j->longest = predicting(j, d) > j->longest ? predicting(j, d) : j->longest;
    }
    j->probe = arena_copy(a, original, 1, sizeof *original);
    j->probe->blocks =
        arena_copy(a, original->blocks, (size_t)original->n_layers, sizeof *original->blocks);
    j->documents = NEW(a, Document, j->samples.n_docs);
    j->sequences = make_sequences(a, j, j->probe);
    keep_all(j);
    j->own = run_all(j, j->sequences, j->probe, original->n_layers);
    return j;
}

const Corpus *judge_samples(const Judge *j)
{
    return &j->samples;
}

double judge_perplexity(const Judge *j)
{
    return j->own.perplexity;
}

int judge_runs(const Judge *j)
{
    return j->runs;
}

int judge_threads(const Judge *j)
{
    return j->threads;
}

Score judge_model(Judge *j, const Model *m)
{
    Arena *a = arena_new();
    const Score s = run_all(j, make_sequences(a, j, m), m, 0);
    arena_free(a);
    return s;
}

static void step_through(const Judge *j, const Stepper *s, int d, float *logits)
{
    const size_t vocab = (size_t)j->original->vocab;
    s->reset(s->self);
    for (int i = 0; i < predicting(j, d); i++) {
        memcpy(logits + (size_t)i * vocab, s->step(s->self, j->samples.tokens[d][i]),
               vocab * sizeof *logits);
    }
}

Score judge_steppers(Judge *j, const Stepper *steppers)
{
    Arena *a = arena_new();
    const size_t each = (size_t)j->longest * (size_t)j->original->vocab;
    float *logits = NEW(a, float, (size_t)j->threads *each);
    DocumentScore *scores = NEW(a, DocumentScore, j->samples.n_docs);
#pragma omp parallel for schedule(dynamic, 1) num_threads(j->threads)
    for (int d = 0; d < j->samples.n_docs; d++) {
        const int thread = omp_get_thread_num();
        float *mine = logits + (size_t)thread * each;
        step_through(j, &steppers[thread], d, mine);
        scores[d] = compare(j, d, mine);
    }
    const Score s = score_of(&j->samples, scores);
    arena_free(a);
    return s;
}

static void refresh(Judge *j, int layer)
{
    for (int i = 0; i < j->threads; i++) {
        sequence_refresh(j->sequences[i], layer);
    }
}

double judge_linear(Judge *j, int i, const Linear *l)
{
    Linear *at = model_linears(j->probe, i);
    const Linear before = *at;
    int layer = -1;
    Role role;
    const bool in_layer = model_linear_place(j->probe, i, &layer, &role);
    const int head_only = at == &j->probe->head ? j->probe->n_layers : 0;
    *at = *l;
    refresh(j, layer);
    const Score s = run_all(j, j->sequences, j->probe, in_layer ? layer : head_only);
    *at = before;
    refresh(j, layer);
    return s.kl;
}
