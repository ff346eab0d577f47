/* What the generated code must compute, computed here: greedy tokens and the hash of their logits
 * from the simulated Program, the residual stream from the float reference of the original model.
 */
#include "emit.h"
#include "runtime.h"

#include <string.h>
#include <xxhash.h>

static uint32_t hash_data(const Data *d, int n, uint32_t h)
{
    for (int i = 0; i < n; i++)
        h = XXH32(d[i].bytes, (size_t)d[i].count * (size_t)elem_bytes[d[i].elem], h);
    return h;
}

static int argmax(const int32_t *v, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

/* Where the original's residual stream is what that of the model is meant to be after its layer:
 * where the next layer that was kept reads it. */
static int same_place(const Unit *u, int layer)
{
    if (layer < 0)
        return layer;
    return layer + 1 < u->model->n_layers ? unit_original_layer(u, layer + 1) - 1
                                          : u->original->n_layers - 1;
}

static void keep_residuals(Emission *e)
{
    const Model *m = e->unit->original;
    const int layers = e->unit->model->n_layers;
    Reference *r = reference_new(e->arena, m, e->unit->program->window, e->unit->program->sinks);
    int token = e->golden.start;
    for (int i = 0; i < GOLDEN_STEPS; i++) {
        reference_step(r, token);
        token = e->golden.tokens[i];
    }
    const size_t dim = (size_t)m->dim;
    e->golden.residuals = NEW(e->arena, float, (size_t)(layers + 1) * dim);
    for (int l = -1; l < layers; l++)
        memcpy(e->golden.residuals + (size_t)(l + 1) * dim,
               reference_residual(r, same_place(e->unit, l)), dim * sizeof(float));
}

void compute_golden(Emission *e)
{
    const Model *m = e->unit->model;
    Golden *g = &e->golden;
    Simulator *s = simulator_new(e->arena, e->unit);
    g->start = m->tokenizer && m->tokenizer->bos >= 0 ? m->tokenizer->bos : 0;
    int token = g->start;
    g->layer_hashes = NEW(e->arena, uint32_t, m->n_layers + 1);
    for (int i = 0; i < GOLDEN_STEPS; i++) {
        int words;
        const int32_t *logits = simulator_step(s, token), *output = simulator_output(s, &words);
        g->logits_hash = XXH32(output, (size_t)words * sizeof *output, g->logits_hash);
        g->hashes[i] = g->logits_hash;
        for (int l = 0; l <= m->n_layers; l++)
            g->layer_hashes[l] = XXH32(simulator_residual(s, l - 1),
                                       (size_t)m->dim * sizeof *logits, g->layer_hashes[l]);
        token = g->tokens[i] = argmax(logits, m->vocab);
    }
    g->weights_hash = hash_data(e->unit->program->data, e->unit->program->n_data, 0);
    g->weights_hash = hash_data(e->tables, e->n_tables, g->weights_hash);
    keep_residuals(e);
}
