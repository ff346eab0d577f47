/* Removes whole layers: those that the recipe lists, or so many, one at a time, that whose loss,
 * compensated, costs the predictions least. The layers that stay close up. */
#include "prune.h"
#include "refit.h"

#include <math.h>
#include <string.h>

typedef struct Drop {
    Arena *arena;
    Unit *unit;
    const PruneLayers *recipe;
    const Model *whole;
    Trial *trial;
    bool *gone; /* n_layers */
} Drop;

/* The linears that refit() changes are as in the whole model again. */
static void restore(Drop *d)
{
    for (int l = 0; l < d->whole->n_layers; l++) {
        for (int role = 0; role < ROLES; role++) {
            const Linear *from = &d->whole->blocks[l].linear[role];
            const size_t size = (size_t)from->rows * (size_t)from->cols;
            if (size > 0) {
                memcpy(d->unit->model->blocks[l].linear[role].w, from->w, size * sizeof(float));
            }
        }
    }
}

/* The model without the layers that are gone, and what that costs. */
static Loss without(Drop *d)
{
    const Removal gone = {.skip = d->gone};
    restore(d);
    if (d->recipe->compensate) {
        refit(d->unit, d->whole, &gone, NULL);
    }
    for (int l = 0; l < d->whole->n_layers; l++) {
        trial_skip(d->trial, l, d->gone[l]);
    }
    return trial_run(d->trial, 0);
}

static void drop_cheapest(Drop *d)
{
    int best = -1;
    double least = INFINITY;
    for (int l = 0; l < d->whole->n_layers; l++) {
        if (d->gone[l]) {
            continue;
        }
        d->gone[l] = true;
        const Loss loss = without(d);
        d->gone[l] = false;
        note("prune-layers: without %d: KL %.5f nats, perplexity of the samples %.4f", l, loss.kl,
             loss.perplexity);
        if (best < 0 || loss.kl < least) {
            best = l;
            least = loss.kl;
        }
    }
    d->gone[best] = true;
}

static void choose(Drop *d)
{
    const Model *m = d->whole;
    const PruneLayers *r = d->recipe;
    const int n = r->n_list > 0 ? r->n_list : r->count;
    if (n >= m->n_layers) {
        fatal(
            "%s: prune-layers: the model has %d layers, so at most %d can go; the recipe asks for "
            "%d",
            m->path, m->n_layers, m->n_layers - 1, n);
    }
    for (int i = 0; i < r->n_list; i++) {
        if (r->list[i] >= m->n_layers) {
            fatal("%s: prune-layers: layer %d: the model has layers 0 to %d", m->path, r->list[i],
                  m->n_layers - 1);
        }
        d->gone[r->list[i]] = true;
    }
    for (int i = 0; i < n && r->n_list == 0; i++) {
        drop_cheapest(d);
    }
}

static void close_up(Drop *d)
{
    Unit *u = d->unit;
    Model *m = u->model;
    int *from = NEW(u->arena, int, m->n_layers), n = 0;
    for (int l = 0; l < m->n_layers; l++) {
        if (!d->gone[l]) {
            m->blocks[n] = m->blocks[l];
            from[n++] = unit_original_layer(u, l);
        }
    }
    m->n_layers = n;
    u->original_layer = from;
    model_name_tensors(u->arena, m);
}

void pass_prune_layers(Unit *u)
{
    const PruneLayers *r = &u->recipe->prune_layers;
    if (r->count == 0 && r->n_list == 0) {
        return;
    }
    Drop d = {.arena = arena_new(), .unit = u, .recipe = r};
    const int n_layers = u->model->n_layers;
    d.whole = model_copy(d.arena, u->model);
    d.trial = trial_new(d.arena, u);
    d.gone = NEW(d.arena, bool, n_layers);
    const Loss before = trial_run(d.trial, 0);
    choose(&d);
    const Loss after = without(&d);
    int *had = NEW(d.arena, int, n_layers), *removed = NEW(d.arena, int, n_layers);
    for (int l = 0; l < n_layers; l++) {
        had[l] = 1;
        removed[l] = d.gone[l];
    }
    close_up(&d);
    prune_report(u, "prune-layers", r->n_list > 0 ? "list" : "measured", r->compensate, n_layers,
                 had, removed, before, after);
    arena_free(d.arena);
}
