/* What a unit is calibrated on: a part of the --calib text, or what the model itself writes. */
#include "sequence.h"

#include "train/sampler.h"

#define DRAWN_TOKENS 64 /* of a document */
#define DOCUMENTS 16    /* at the least, or as many windows of text */

int unit_window(const Unit *u)
{
    return u->recipe->window > 0 ? u->recipe->window : u->model->context;
}

Corpus *corpus_part(Arena *a, const Corpus *whole, int64_t tokens)
{
    const int64_t have = whole->n_predicted + whole->n_docs;
    int64_t wanted = tokens < have ? (tokens * whole->n_docs + have - 1) / have : whole->n_docs;
    Corpus *part = arena_copy(a, whole, 1, sizeof *whole);
    part->n_docs = (int)(wanted < 1 ? 1 : wanted);
    part->n_tokens = NEW(a, int, part->n_docs);
    part->tokens = NEW(a, int *, part->n_docs);
    part->n_predicted = 0;
    part->n_bytes = 0; /* not known of a part */
    for (int i = 0; i < part->n_docs; i++) {
        const int from = (int)((int64_t)i * whole->n_docs / part->n_docs);
        part->tokens[i] = whole->tokens[from];
        part->n_tokens[i] = whole->n_tokens[from];
        part->n_predicted += whole->n_tokens[from] - 1;
    }
    return part;
}

Corpus *unit_text(Unit *u)
{
    const Tokenizer *t = u->model->tokenizer;
    if (model_reads_frames(u->model))
        return frames_read(u->arena, model_frames(u->model) * u->model->bands, u->model->context,
                           u->calib);
    if (!t) {
        fatal("%s: no tokenizer beside the model, which reading %s needs: --tokenizer FILE names "
              "one",
              u->model->path, u->calib);
    }
    const int window = unit_window(u);
    if (u->model->encoder) {
        return corpus_sequences(u->arena, t, u->calib, window);
    }
    return corpus_read(u->arena, encoder_of(u->arena, t), u->calib, DOCS_AUTO,
                       window < 2 ? 2 : window);
}

/* As many documents as it takes for the tokens, `least` or more. */
static Corpus *written(Unit *u, int64_t wanted, int least, double temperature)
{
    SamplePlan plan = {.n = least,
                       .window = unit_window(u),
                       .seed = u->recipe->seed,
                       .n_temperatures = 1,
                       .temperature = &temperature};
    for (;;) {
        Corpus *c = sample_documents(u->arena, u->original ? u->original : u->model, &plan);
        const int64_t have = c->n_predicted + c->n_docs;
        if (have >= wanted) {
            return c;
        }
        plan.n = (int)(wanted * plan.n / have + plan.n); /* the first ones come out the same */
    }
}

/* Of a model that reads frames: any bytes. */
static Corpus *drawn_frames(Unit *u, int64_t wanted)
{
    const Model *m = u->model;
    const int n = model_frames(m) * m->bands;
    Corpus *c = NEW(u->arena, Corpus, 1);
    uint64_t state = u->recipe->seed;
    c->n_docs = larger(DOCUMENTS, (int)((wanted + m->context - 1) / m->context));
    c->n_tokens = NEW(u->arena, int, c->n_docs);
    c->tokens = NEW(u->arena, int *, c->n_docs);
    for (int d = 0; d < c->n_docs; d++) {
        c->n_tokens[d] = m->context;
        c->n_predicted += m->context - 1;
        c->tokens[d] = NEW(u->arena, int, n);
        for (int i = 0; i < n; i++) {
            state = state * 6364136223846793005U + 1442695040888963407U; /* Knuth, MMIX */
            c->tokens[d][i] = (int)(state >> 56) - 128;
        }
    }
    return c;
}

/* An encoder writes nothing: any tokens, in documents of several lengths. */
static Corpus *drawn(Unit *u, int64_t wanted)
{
    Corpus *c = NEW(u->arena, Corpus, 1);
    const int most = smaller(unit_window(u), DRAWN_TOKENS);
    uint64_t state = u->recipe->seed;
    for (int64_t have = 0; have < wanted || c->n_docs < DOCUMENTS; c->n_docs++) {
        const int n = 1 + (most - 1) * (c->n_docs % 4 + 1) / 4;
        int *tokens = NEW(u->arena, int, n);
        for (int i = 0; i < n; i++) {
            state = state * 6364136223846793005U + 1442695040888963407U; /* Knuth, MMIX */
            tokens[i] = (int)((state >> 33) % (uint64_t)u->model->vocab);
        }
        c->n_tokens = arena_grow(u->arena, c->n_tokens, c->n_docs, sizeof *c->n_tokens);
        c->tokens = arena_grow(u->arena, c->tokens, c->n_docs, sizeof *c->tokens);
        c->n_tokens[c->n_docs] = n;
        c->tokens[c->n_docs] = tokens;
        c->n_predicted += n - 1;
        have += n;
    }
    return c;
}

const Corpus *unit_samples_of(Unit *u, int64_t tokens)
{
    const int64_t windows = (int64_t)DOCUMENTS * unit_window(u);
    if (model_reads_frames(u->model) && !u->calib)
        return drawn_frames(u, tokens);
    if (u->model->encoder && !u->calib)
        return drawn(u, tokens);
    return u->calib ? corpus_part(u->arena, unit_text(u), tokens > windows ? tokens : windows)
                    : written(u, tokens, DOCUMENTS, 1);
}

const Corpus *unit_first_samples(Unit *u, int64_t tokens)
{
    return u->calib || u->samples ? unit_samples(u) : written(u, tokens, 1, 1);
}

const Corpus *unit_samples(Unit *u)
{
    if (!u->samples) {
        u->samples = unit_samples_of(u, u->recipe->calib_tokens);
    }
    return u->samples;
}

const Corpus *unit_warm_samples(Unit *u)
{
    if (u->calib || u->model->encoder) {
        return unit_samples(u);
    }
    if (!u->warm_samples) {
        u->warm_samples = written(u, u->recipe->calib_tokens, DOCUMENTS, WARM);
    }
    return u->warm_samples;
}
