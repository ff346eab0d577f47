/* Choosing by what the predictions lose. A step takes some units of one layer out: any one unit, or
 * the next few in the order of the layer's scores. Of the steps that every layer offers, that goes
 * which, compensated, costs least. What counts is what the worst documents of a diverse text lose:
 * a head may serve one rare kind of text alone (in stories260K one does, the present tense), which
 * the mean does not show. Measuring there is slow, so the mean on the samples serves as a first
 * lower bound, and an old figure as the next: a step hardly gets cheaper when others were made.
 * Only what seems cheapest is measured anew (lazy greedy: Minoux 1978). */
#include "prune.h"

#include <math.h>
#include <string.h>

#define STEPS 24 /* about so many, where units go in the order of scores */

typedef struct Step {
    int layer, unit; /* unit -1: the next of the layer, in order */
    double cost;     /* nats a token, for each unit */
    int measured;    /* when so many steps had been made; -1: not yet */
} Step;

typedef struct Greedy {
    Pruning *p;
    int n_steps;
    Step *steps;
    int n_done; /* steps made */
    int *quota; /* n_layers */
    int total;  /* units still to go */
    int chunk;  /* of a step in order */
    Trial *diverse;
    double worst; /* there, now */
} Greedy;

/* The cheapest unit of the layer by score that is still there; -1: none. */
static int next_unit(const PruneLayer *layer)
{
    int best = -1;
    for (int i = 0; i < layer->n; i++) {
        if (layer->keep[i] && (best < 0 || layer->score[i] < layer->score[best])) {
            best = i;
        }
    }
    return best;
}

/* Clears the flags of what the step takes; gives how many. */
static int take(const Greedy *g, const Step *s)
{
    PruneLayer *layer = &g->p->layer[s->layer];
    if (s->unit >= 0) {
        layer->keep[s->unit] = false;
        return 1;
    }
    const int n = smaller(smaller(g->chunk, g->quota[s->layer]), g->total);
    for (int i = 0; i < n; i++) {
        layer->keep[next_unit(layer)] = false;
    }
    return n;
}

/* What the step costs each of its units, above `now`: on the samples or, of the worst documents, on
 * the diverse text. */
static double measure(const Greedy *g, const Step *s, bool screen)
{
    PruneLayer *layer = &g->p->layer[s->layer];
    Arena *a = arena_new();
    const bool *keep = arena_copy(a, layer->keep, (size_t)layer->n, sizeof(*keep));
    const int n = take(g, s);
    prune_try(g->p, s->layer);
    const double cost = screen ? trial_run(g->p->trial, s->layer).kl - g->p->before.kl
                               : trial_run(g->diverse, s->layer).worst - g->worst;
    memcpy(layer->keep, keep, (size_t)layer->n * sizeof(*keep));
    prune_try(g->p, s->layer);
    arena_free(a);
    return cost / n;
}

static void make(Greedy *g, Step *s)
{
    const int n = take(g, s);
    prune_try(g->p, s->layer);
    const Loss loss = trial_keep(g->diverse, s->layer);
    g->worst = loss.worst;
    g->quota[s->layer] -= n;
    g->total -= n;
    g->n_done++;
    s->cost = fmax(s->cost, 0); /* of the next in order, at the least */
    note("%s: layer %d loses %d%s: KL %.5f nats, of the worst documents %.5f", g->p->kind->pass,
         s->layer, s->unit >= 0 ? s->unit : n, s->unit >= 0 ? "" : " more", loss.kl, loss.worst);
}

/* The first of those with the lowest figure, among what may still go. */
static Step *cheapest(const Greedy *g)
{
    Step *best = NULL;
    for (Step *s = g->steps; s < g->steps + g->n_steps; s++) {
        const bool there = s->unit < 0 || g->p->layer[s->layer].keep[s->unit];
        if (there && g->quota[s->layer] > 0 && (!best || s->cost < best->cost)) {
            best = s;
        }
    }
    return best;
}

static void list_steps(Greedy *g, bool by_score)
{
    const Pruning *p = g->p;
    int units = 0;
    for (int l = 0; l < p->whole->n_layers; l++) {
        units += p->layer[l].n;
    }
    g->steps = NEW(p->arena, Step, units);
    for (int l = 0; l < p->whole->n_layers; l++) {
        for (int i = 0; i < (by_score ? 1 : p->layer[l].n); i++) {
            g->steps[g->n_steps++] = (Step){l, by_score ? -1 : i, 0, -1};
        }
    }
}

void prune_measured(Pruning *p, bool by_score)
{
    Greedy g = {.p = p,
                .quota = NEW(p->arena, int, p->whole->n_layers),
                .diverse = trial_diverse(p->arena, p->unit)};
    g.worst = trial_keep(g.diverse, 0).worst;
    g.total = prune_quota(p, g.quota);
    g.chunk = (g.total + STEPS - 1) / STEPS;
    list_steps(&g, by_score);
    for (Step *s = g.steps; s < g.steps + g.n_steps; s++) {
        s->cost = g.quota[s->layer] > 0 ? measure(&g, s, true) : INFINITY;
    }
    while (g.total > 0) {
        Step *s = cheapest(&g);
        if (s->measured < g.n_done) {
            s->cost = measure(&g, s, false);
            s->measured = g.n_done;
        } else {
            make(&g, s);
        }
    }
}
