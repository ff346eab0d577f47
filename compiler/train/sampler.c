/* The model writes documents from its own probabilities. Each thread steps a batch of them, so that
 * every weight is read once for many tokens; where one ends the next begins. Keys and values are
 * cached by head and dimension, tokens side by side, as the loops read them. */
#include "train/sampler.h"

#include "train/loops.h"
#include "train/network.h"

#include <string.h>

#define MAX_STREAMS 32
#define CACHE_BYTES ((size_t)64 << 20) /* of one thread's caches, at least one document's */

/* A document on its way. */
typedef struct Stream {
    int document; /* in the plan */
    int slot;     /* of the caches */
    int token, pos;
    uint64_t random;
} Stream;

typedef struct Sampler {
    const Network *network;
    const SamplePlan *plan;
    int first_token, last_token;
    int stride;             /* of a cached dimension: the window, rounded up to whole lanes */
    float **keys, **values; /* each layer: slots x kv heads x head_dim x stride */
    int n;                  /* streams */
    Stream stream[MAX_STREAMS];
    Activations *act;
    float *residual, *normed, *logits, *score, *weight;
} Sampler;

/* What all threads fill. */
typedef struct Documents {
    int next;     /* not yet begun */
    int **tokens; /* n x window */
    int *n_tokens;
} Documents;

static size_t cache_floats(const Model *m, int layer, int stride)
{
    const Block *b = &m->blocks[layer];
    return (size_t)b->n_kv_heads * (size_t)b->head_dim * (size_t)stride;
}

static int streams_for(const Model *m, const SamplePlan *plan, int stride)
{
    size_t bytes = 0;
    for (int l = 0; l < m->n_layers; l++) {
        bytes += 2 * cache_floats(m, l, stride) * sizeof(float);
    }
    const size_t fit = CACHE_BYTES / (bytes + 1);
    const size_t wanted = plan->n < 4 * MAX_STREAMS ? 8 : MAX_STREAMS; /* few: threads share them */
    return fit < 1 ? 1 : (int)(fit < wanted ? fit : wanted);
}

static Sampler *sampler_new(Arena *a, const Network *n, const SamplePlan *plan, int streams)
{
    const Model *m = n->model;
    const Tokenizer *t = m->tokenizer;
    const size_t rows = (size_t)streams;
    Sampler *s = NEW(a, Sampler, 1);
    s->network = n;
    s->plan = plan;
    s->first_token = t && t->bos >= 0 ? t->bos : 0;
    s->last_token = t ? t->eos : -1;
    s->stride = (plan->window + PANEL - 1) / PANEL * PANEL;
    s->keys = NEW(a, float *, m->n_layers);
    s->values = NEW(a, float *, m->n_layers);
    for (int l = 0; l < m->n_layers; l++) {
        s->keys[l] = NEW(a, float, rows *cache_floats(m, l, s->stride));
        s->values[l] = NEW(a, float, rows *cache_floats(m, l, s->stride));
    }
    s->residual = NEW(a, float, rows *(size_t)m->dim);
    s->normed = NEW(a, float, rows *(size_t)m->dim);
    s->logits = NEW(a, float, rows *(size_t)m->vocab);
    s->weight = NEW(a, float, m->vocab);
    s->score = NEW(a, float, s->stride);
    return s;
}

/* The next document for a stream; false when there is none. */
static bool begin(Sampler *s, Documents *docs, Stream *stream)
{
    int mine;
#pragma omp atomic capture
    mine = docs->next++;
    if (mine >= s->plan->n) {
        return false;
    }
    uint64_t state = (uint64_t)s->plan->seed << 32 | (uint32_t)(s->plan->first + mine);
    stream->document = mine;
    stream->random = random_next(&state);
    stream->token = s->first_token;
    stream->pos = 0;
    return true;
}

/* One stream's attention: its key and value join its cache, each head reads it. */
static void attend(Sampler *s, int layer, int row)
{
    const Block *b = &s->network->model->blocks[layer];
    const Stream *stream = &s->stream[row];
    const int d = b->head_dim, kv_dim = b->n_kv_heads * d, q_dim = b->n_heads * d;
    const size_t cache = (size_t)stream->slot * cache_floats(s->network->model, layer, s->stride);
    float *keys = s->keys[layer] + cache, *values = s->values[layer] + cache;
    float *q = s->act->q + row * q_dim, *k = s->act->k + row * kv_dim;
    if (s->network->cosine[layer]) {
        network_rotate_row(s->network, layer, q, stream->pos, b->n_heads, 1);
        network_rotate_row(s->network, layer, k, stream->pos, b->n_kv_heads, 1);
    }
    for (int i = 0; i < kv_dim; i++) {
        keys[i * s->stride + stream->pos] = k[i];
        values[i * s->stride + stream->pos] = s->act->v[row * kv_dim + i];
    }
    for (int h = 0; h < b->n_heads; h++) {
        const ptrdiff_t at = (ptrdiff_t)b->kv_of_head[h] * d * s->stride;
        const int first = b->window > 0 ? larger(0, stream->pos + 1 - b->window) : 0;
        loops()->decode(q + h * d, keys + at, values + at, first, stream->pos + 1, d, s->stride,
                        s->score, s->act->mixed + row * q_dim + h * d);
    }
}

static void step(Sampler *s)
{
    const Network *n = s->network;
    int tokens[MAX_STREAMS], at[MAX_STREAMS];
    for (int i = 0; i < s->n; i++) {
        tokens[i] = s->stream[i].token;
        at[i] = s->stream[i].pos;
    }
    network_embed(n, tokens, at, s->n, s->residual);
    for (int l = 0; l < n->model->n_layers; l++) {
        network_read_attention(n, l, s->act, s->residual, s->n);
        for (int i = 0; i < s->n; i++) {
            attend(s, l, i);
        }
        network_finish_layer(n, l, s->act, s->residual, s->n);
    }
    network_logits(n, s->residual, s->n, s->normed, NULL, NULL, s->logits);
}

/* A token from softmax(logits / temperature). */
static int draw(Sampler *s, Stream *stream, const float *logits)
{
    const SamplePlan *p = s->plan;
    const int vocab = s->network->model->vocab;
    const double heat = p->temperature[(p->first + stream->document) % p->n_temperatures];
    float top;
    const double total =
        (double)loops()->exponentials(logits, vocab, (float)(1 / heat), s->weight, &top);
    double left = (double)(random_next(&stream->random) >> 11) * 0x1p-53 * total;
    for (int i = 0; i < vocab - 1; i++) {
        left -= (double)s->weight[i];
        if (left < 0) {
            return i;
        }
    }
    return vocab - 1;
}

/* Notes what each stream wrote; those that ended begin again or go. */
static void advance(Sampler *s, Documents *docs)
{
    int kept = 0;
    for (int i = 0; i < s->n; i++) {
        Stream stream = s->stream[i];
        int *tokens = docs->tokens[stream.document];
        tokens[stream.pos++] = stream.token;
        stream.token = draw(s, &stream, s->logits + (size_t)i * (size_t)s->network->model->vocab);
        const bool ends = stream.pos == s->plan->window || stream.token == s->first_token ||
                          stream.token == s->last_token;
        if (ends) {
            docs->n_tokens[stream.document] = stream.pos;
        }
        if (!ends || begin(s, docs, &stream)) {
            s->stream[kept++] = stream;
        }
    }
    s->n = kept;
}

/* One thread's part. Rows of the network are streams here, not positions. */
static void work(const Network *angles, const SamplePlan *plan, Documents *docs)
{
    Arena *a = arena_new();
    const int stride = (plan->window + PANEL - 1) / PANEL * PANEL;
    const int streams = streams_for(angles->model, plan, stride);
    Sampler *s = sampler_new(a, angles, plan, streams);
    s->act = activations_new(a, angles, -1, streams, false);
    while (s->n < streams && begin(s, docs, &s->stream[s->n])) {
        s->stream[s->n].slot = s->n;
        s->n++;
    }
    while (s->n > 0) {
        step(s);
        advance(s, docs);
    }
    arena_free(a);
}

Corpus *sample_documents(Arena *a, const Model *m, const SamplePlan *plan)
{
    Arena *scratch = arena_new();
    const int window = plan->window < MAX_STREAMS ? MAX_STREAMS : plan->window;
    Network *n = network_of_model(scratch, m, window);
    Documents docs = {.tokens = NEW(scratch, int *, plan->n), .n_tokens = NEW(a, int, plan->n)};
    for (int i = 0; i < plan->n; i++) {
        docs.tokens[i] = NEW(scratch, int, plan->window);
    }
#pragma omp parallel
    work(n, plan, &docs);
    Corpus *c = NEW(a, Corpus, 1);
    c->n_docs = plan->n;
    c->n_tokens = docs.n_tokens;
    c->tokens = NEW(a, int *, plan->n);
    for (int i = 0; i < plan->n; i++) {
        const size_t length = (size_t)c->n_tokens[i];
        c->tokens[i] = arena_copy(a, docs.tokens[i], length, sizeof(int));
        c->n_predicted += c->n_tokens[i] - 1;
    }
    arena_free(scratch);
    return c;
}
