/* Quantizes one tensor of a float model alone, as the quantize pass would if all others stayed
 * float: fitted to what it reads in the samples. Linears that are asked for in the model's order
 * cost one run of the network; the moments of one input are kept at a time. */
#include "quantize.h"
#include "search.h"
#include "sequence.h"

#include <string.h>

struct Fitter {
    Arena *arena;
    Unit unit; /* with a recipe of its own */
    Recipe recipe;
    const Model *model;
    const Corpus *samples;
    int longest; /* tokens of a document */
    Sequence *sequence;
    float **residual; /* each document: tokens x dim, before `layer` */
    int layer;
    Arena *kept; /* of the moments */
    const GptqMoments *moments;
    int first, last; /* linears that the moments are of; none: 1, 0 */
};

Fitter *fitter_new(Arena *a, const Unit *u, const Model *m)
{
    Fitter *f = NEW(a, Fitter, 1);
    *f =
        (Fitter){.arena = a, .unit = *u, .recipe = *u->recipe, .model = m, .layer = -1, .first = 1};
    f->recipe.n_rules = 0;
    f->unit.recipe = &f->recipe;
    if (u->recipe->fit_method != FIT_GPTQ) {
        return f;
    }
    f->samples = unit_samples(&f->unit);
    f->longest = corpus_longest(f->samples);
    f->residual = NEW(a, float *, f->samples->n_docs);
    for (int d = 0; d < f->samples->n_docs; d++) {
        const int n = f->samples->n_tokens[d];
        f->residual[d] = NEW(a, float, (size_t)n *(size_t)m->dim);
    }
    f->sequence = sequence_new(a, m, f->longest);
    return f;
}

void fitter_free(Fitter *f)
{
    if (f->kept) {
        arena_free(f->kept);
    }
    f->kept = NULL;
}

static void keep_residual(Fitter *f, int d)
{
    memcpy(f->residual[d], sequence_residual(f->sequence),
           (size_t)f->samples->n_tokens[d] * (size_t)f->model->dim * sizeof(float));
}

/* The residual streams before a layer; they only go forward, so an earlier one starts again. */
static void go_to_layer(Fitter *f, int layer)
{
    if (f->layer < 0 || layer < f->layer) {
        for (int d = 0; d < f->samples->n_docs; d++) {
            sequence_start(f->sequence, f->samples->tokens[d], f->samples->n_tokens[d]);
            keep_residual(f, d);
        }
        f->layer = 0;
    }
    for (; f->layer < layer; f->layer++) {
        for (int d = 0; d < f->samples->n_docs; d++) {
            sequence_set_residual(f->sequence, f->residual[d], f->samples->n_tokens[d]);
            sequence_layer(f->sequence, f->layer);
            keep_residual(f, d);
        }
    }
}

/* What every linear from `role` of a layer reads, or the head. */
static void add_inputs(Fitter *f, GptqMoments *m, int layer, Role role)
{
    for (int d = 0; d < f->samples->n_docs; d++) {
        const int n = f->samples->n_tokens[d];
        sequence_set_residual(f->sequence, f->residual[d], n);
        if (layer < f->model->n_layers) {
            sequence_layer(f->sequence, layer);
            gptq_moments_add(m, n, sequence_input(f->sequence, role), NULL, NULL, NULL);
        } else {
            sequence_logits(f->sequence);
            gptq_moments_add(m, n, sequence_head_input(f->sequence), NULL, NULL, NULL);
        }
    }
}

/* As quantize has it: a row of the table is read as it is, and as the head's where they are one. */
static void add_identity(GptqMoments *m, int n)
{
    double mean = 0;
    for (int c = 0; c < n; c++) {
        mean += m->gram[(size_t)c * (size_t)n + (size_t)c] / n;
    }
    for (int c = 0; c < n; c++) {
        m->gram[(size_t)c * (size_t)n + (size_t)c] += mean > 0 ? mean / 2 : 1;
    }
}

static void find_moments(Fitter *f, int i)
{
    static const Role last_of[ROLES] = {
        [ROLE_Q] = ROLE_V,     [ROLE_K] = ROLE_V,   [ROLE_V] = ROLE_V,      [ROLE_O] = ROLE_O,
        [ROLE_GATE] = ROLE_UP, [ROLE_UP] = ROLE_UP, [ROLE_DOWN] = ROLE_DOWN};
    const int cols = model_linears((Model *)(uintptr_t)f->model, i)->cols;
    int layer = f->model->n_layers; /* of the head: after the last */
    Role role = ROLE_Q;
    const bool in_layer = model_linear_place(f->model, i, &layer, &role);
    fitter_free(f);
    f->kept = arena_new();
    GptqMoments *m = gptq_moments_new(f->kept, cols, false, 0, f->longest);
    if (i > 0 || f->model->tied_head) {
        go_to_layer(f, layer);
        add_inputs(f, m, f->layer, role);
    }
    if (i == 0) {
        add_identity(m, cols);
    }
    f->moments = m;
    f->first = i;
    f->last = in_layer ? i + (int)last_of[role] - (int)role : i;
}

void fitter_fit(Fitter *f, Arena *a, int i, double bits, Linear *l)
{
    *l = *model_linears((Model *)(uintptr_t)f->model, i);
    const bool positions = l->w == f->model->positions.w; /* no input: its rows are read */
    const bool alone = f->unit.recipe->fit_method != FIT_GPTQ || positions;
    if (!alone && (i < f->first || i > f->last)) {
        find_moments(f, i);
    }
    f->unit.arena = a;
    f->recipe.bits = bits;
    f->unit.recipe = &f->recipe;
    quantize_linear(&f->unit, l, alone ? NULL : f->moments);
}
