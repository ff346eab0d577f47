/* Documents follow each other in windows as long as the deployed context; where one is cut, its
 * rest opens the next window, after bos: as texts are cut for evaluation. */
#include "train/pool.h"

#include "sequence.h"
#include "train/sampler.h"

#include <string.h>

#define HELD_OUT_TOKENS 4096
#define ROUND_DOCUMENTS 512 /* sampled at a time */

static const double heat[] = {1, 1.3};

/* Packs documents into windows; `n` of them are full. */
typedef struct Packer {
    Pool *pool;
    int most, bos;
    int used; /* tokens in the window being filled */
} Packer;

static bool full(const Packer *k)
{
    return k->pool->n == k->most;
}

static void pack_token(Packer *k, int token)
{
    Pool *p = k->pool;
    p->inputs[(size_t)p->n * (size_t)p->row + (size_t)k->used++] = token;
    if (k->used == p->window) {
        p->n++;
        k->used = 0;
    }
}

static void pack_document(Packer *k, const int *tokens, int n)
{
    for (int i = 0; i < n && !full(k); i++) {
        if (i > 0 && k->used == 0 && k->pool->window > 1) {
            pack_token(k, k->bos);
        }
        pack_token(k, tokens[i]);
    }
}

static void pack_text(Packer *k, Unit *u)
{
    const Corpus *whole = unit_text(u);
    const int64_t room = (int64_t)(k->most - k->pool->n) * k->pool->window;
    const Corpus *c = corpus_part(u->arena, whole, room / 2);
    for (int i = 0; i < c->n_docs; i++) {
        pack_document(k, c->tokens[i], c->n_tokens[i]);
    }
}

static void pack_samples(Packer *k, const Unit *u)
{
    SamplePlan plan = {.first = 1 << 20, /* none that the unit's own samples have */
                       .n = ROUND_DOCUMENTS,
                       .window = k->pool->window,
                       .seed = u->recipe->seed,
                       .n_temperatures = LENGTH(heat),
                       .temperature = heat};
    while (!full(k)) {
        Arena *scratch = arena_new();
        const int64_t missing = (int64_t)(k->most - k->pool->n) * plan.window;
        plan.n = missing / 64 < ROUND_DOCUMENTS ? (int)(missing / 64) + 1 : ROUND_DOCUMENTS;
        const Corpus *c = sample_documents(scratch, u->original, &plan);
        for (int i = 0; i < c->n_docs; i++) {
            pack_document(k, c->tokens[i], c->n_tokens[i]);
        }
        plan.first += plan.n;
        arena_free(scratch);
        note("recover: %d of %d windows of %d tokens", k->pool->n, k->most, k->pool->window);
    }
}

Pool *pool_new(Unit *u, Arena *a, int64_t tokens)
{
    const Tokenizer *t = u->model->tokenizer;
    Pool *p = NEW(a, Pool, 1);
    p->window = p->row = p->longest = unit_window(u);
    p->n_held_out = 1 + HELD_OUT_TOKENS / p->window;
    const int64_t most = tokens / p->window + 1 + p->n_held_out;
    p->inputs = NEW(a, int, (size_t)most *(size_t)p->window);
    Packer k = {.pool = p, .most = (int)most, .bos = t && t->bos >= 0 ? t->bos : 0};
    if (u->calib) {
        pack_text(&k, u);
    }
    pack_samples(&k, u);
    p->lengths = NEW(a, int, (size_t)most *(size_t)p->window);
    for (int i = 0; i < p->n; i++) {
        p->lengths[(size_t)i * (size_t)p->window] = p->window;
    }
    return p;
}

static void shuffle(int *order, int n, uint64_t seed)
{
    for (int i = 0; i < n; i++) {
        order[i] = i;
    }
    for (int i = n - 1; i > 0; i--) {
        const int with = (int)(random_mix(seed + (uint64_t)i * RANDOM_STEP) % (uint64_t)(i + 1));
        const int kept = order[i];
        order[i] = order[with];
        order[with] = kept;
    }
}

int pool_window(const Pool *p, int64_t step, uint32_t seed, int *order, int64_t *round)
{
    const int n = p->n - p->n_held_out;
    if (step / n != *round) {
        *round = step / n;
        shuffle(order, n, (uint64_t)seed << 32 | (uint32_t)*round);
    }
    return p->n_held_out + order[step % n];
}
