/* Pruning of units inside layers: how many, which, out with them, and what it cost. */
#include "prune.h"
#include "refit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Candidate {
    double score;
    int layer, index;
} Candidate;

/* Lowest score first; of equal scores the lower layer, then the lower index goes first. */
static int compare(const void *x, const void *y)
{
    const Candidate *a = x, *b = y;
    if (a->score != b->score) {
        return a->score < b->score ? -1 : 1;
    }
    if (a->layer != b->layer) {
        return a->layer - b->layer;
    }
    return a->index - b->index;
}

/* How many of n a ratio means: rounded down, but 0.29 of 100 is 29 in spite of its binary form. */
static int amount(const Prune *p, int n)
{
    return p->count > 0 ? p->count : (int)floor(p->ratio * n + 1e-9);
}

static int layer_quota(const Pruning *p, int *quota)
{
    const Model *m = p->whole;
    const Prune *r = p->recipe;
    const char *what = p->kind->what;
    int total = 0;
    if (r->n_counts > 0 && r->n_counts != m->n_layers) {
        fatal("%s: prune-%s: the recipe has counts for %d layers, the model has %d", m->path, what,
              r->n_counts, m->n_layers);
    }
    for (int l = 0; l < m->n_layers; l++) {
        const int has = p->layer[l].n;
        const int n = r->n_counts > 0 ? r->counts[l] : amount(r, has);
        if (n < 0 || n >= has) {
            fatal("%s: prune-%s: layer %d has %d %s, so at most %d can go; the recipe asks for %d",
                  m->path, what, l, has, what, has - 1, n);
        }
        quota[l] = n;
        total += n;
    }
    return total;
}

static int global_quota(const Pruning *p, int *quota)
{
    const Model *m = p->whole;
    const char *what = p->kind->what;
    int all = 0;
    for (int l = 0; l < m->n_layers; l++) {
        all += p->layer[l].n;
        quota[l] = p->layer[l].n - 1;
    }
    const int n = amount(p->recipe, all);
    if (n > all - m->n_layers) {
        fatal("%s: prune-%s: %d %s in %d layers, one stays in each, so at most %d can go; the "
              "recipe asks for %d",
              m->path, what, all, what, m->n_layers, all - m->n_layers, n);
    }
    return n;
}

int prune_quota(const Pruning *p, int *quota)
{
    const bool global = p->recipe->scope == PRUNE_GLOBAL && p->recipe->n_counts == 0;
    return global ? global_quota(p, quota) : layer_quota(p, quota);
}

/* Marks the lowest scores for removal. */
static void take_lowest(Pruning *p)
{
    int units = 0, n = 0;
    int *quota = NEW(p->arena, int, p->whole->n_layers);
    int total = prune_quota(p, quota);
    for (int l = 0; l < p->whole->n_layers; l++) {
        units += p->layer[l].n;
    }
    Candidate *list = NEW(p->arena, Candidate, units);
    for (int l = 0; l < p->whole->n_layers; l++) {
        for (int i = 0; i < p->layer[l].n; i++) {
            list[n++] = (Candidate){p->layer[l].score[i], l, i};
        }
    }
    qsort(list, (size_t)n, sizeof(*list), compare);
    for (int i = 0; total > 0; i++) {
        const int l = list[i].layer;
        if (quota[l] > 0) {
            p->layer[l].keep[list[i].index] = false;
            quota[l]--;
            total--;
        }
    }
}

static void choose(Pruning *p)
{
    const bool global = p->recipe->scope == PRUNE_GLOBAL;
    switch (p->recipe->method) {
    case PRUNE_MAGNITUDE:
        prune_score(p);
        take_lowest(p);
        return;
    case PRUNE_ACTIVATION:
    case PRUNE_SALIENCY:
        prune_score(p);
        if (global && (p->recipe->method == PRUNE_ACTIVATION || !p->fisher)) {
            prune_measured(p, true); /* the output of one layer matters more than that of another */
        } else {
            take_lowest(p);
        }
        return;
    case PRUNE_MEASURED: prune_measured(p, false); return;
    case PRUNE_METHODS: break;
    }
    die("%s: method %d", p->kind->pass, (int)p->recipe->method);
}

static void list_layers(Pruning *p)
{
    const Model *m = p->whole;
    p->layer = NEW(p->arena, PruneLayer, m->n_layers);
    for (int l = 0; l < m->n_layers; l++) {
        const Block *b = &m->blocks[l];
        const int width = p->kind->role == ROLE_O ? b->head_dim : 1;
        const int n = b->linear[p->kind->role].cols / width;
        p->layer[l] = (PruneLayer){n, width, NEW(p->arena, double, n), NEW(p->arena, bool, n)};
        memset(p->layer[l].keep, 1, (size_t)n * sizeof(bool));
    }
}

/* The moments of what the units' linears read, over all samples. */
static void observe(Pruning *p)
{
    const Model *m = p->whole;
    const Corpus *c = unit_warm_samples(p->unit);
    Sequence *s = sequence_new(p->arena, m, corpus_longest(c));
    p->moments = NEW(p->arena, Sums *, m->n_layers);
    for (int l = 0; l < m->n_layers; l++) {
        const Linear *w = &m->blocks[l].linear[p->kind->role];
        p->moments[l] = sums_new(p->arena, w->rows, w->cols);
    }
    for (int d = 0; d < c->n_docs; d++) {
        sequence_start(s, c->tokens[d], c->n_tokens[d]);
        for (int l = 0; l < m->n_layers; l++) {
            sequence_layer(s, l);
            sums_add(p->moments[l], sequence_input(s, p->kind->role), NULL, NULL, c->n_tokens[d]);
        }
    }
}

/* Flags of columns from those of units. */
static bool *column_flags(Arena *a, const PruneLayer *layer)
{
    bool *flags = NEW(a, bool, layer->n * layer->width);
    for (int i = 0; i < layer->n * layer->width; i++) {
        flags[i] = layer->keep[i / layer->width];
    }
    return flags;
}

static void restore(Pruning *p, int l)
{
    const Linear *from = &p->whole->blocks[l].linear[p->kind->role];
    memcpy(p->unit->model->blocks[l].linear[p->kind->role].w, from->w,
           (size_t)from->rows * (size_t)from->cols * sizeof(float));
}

static void clear_columns(Linear *w, const bool *keep)
{
    for (int i = 0; i < w->rows * w->cols; i++) {
        w->w[i] = keep[i % w->cols] ? w->w[i] : 0;
    }
}

void prune_try(Pruning *p, int l)
{
    Arena *a = arena_new();
    Linear *w = &p->unit->model->blocks[l].linear[p->kind->role];
    const bool *keep = column_flags(a, &p->layer[l]);
    restore(p, l);
    if (count_kept(p->layer[l].keep, p->layer[l].n) < p->layer[l].n) {
        if (p->recipe->compensate) {
            compensate(w->w, p->moments[l], keep);
        } else {
            clear_columns(w, keep);
        }
    }
    arena_free(a);
}

/* The same for all layers, each against what the ones before it have become. */
static void take_out(Pruning *p)
{
    const int n_layers = p->whole->n_layers;
    Removal gone = {0};
    bool **keep = NEW(p->arena, bool *, n_layers);
    for (int l = 0; l < n_layers; l++) {
        keep[l] = column_flags(p->arena, &p->layer[l]);
        if (p->recipe->compensate) {
            restore(p, l);
        } else {
            prune_try(p, l);
        }
    }
    gone.keep[p->kind->role] = keep;
    if (p->recipe->compensate) {
        refit(p->unit, p->whole, &gone, p->fisher);
    }
}

static void finish(Pruning *p)
{
    const int n_layers = p->whole->n_layers;
    int *had = NEW(p->arena, int, n_layers), *removed = NEW(p->arena, int, n_layers);
    const Loss after = trial_run(p->trial, 0);
    for (int l = 0; l < n_layers; l++) {
        had[l] = p->layer[l].n;
        removed[l] = had[l] - count_kept(p->layer[l].keep, had[l]);
        p->kind->cut(p->arena, &p->unit->model->blocks[l], p->layer[l].keep);
    }
    prune_report(p->unit, p->kind->pass, prune_method_names[p->recipe->method],
                 p->recipe->compensate, n_layers, had, removed, p->before, after);
}

void prune_units(Unit *u, const Prune *recipe, const PruneKind *kind)
{
    Pruning p = {.arena = arena_new(), .unit = u, .recipe = recipe, .kind = kind};
    p.whole = model_copy(p.arena, u->model);
    list_layers(&p);
    int *quota = NEW(p.arena, int, p.whole->n_layers);
    if (prune_quota(&p, quota) > 0) {
        if (u->model->sub_norm)
            fatal("%s: %s: this model norms what attn.o and mlp.down read: %s that go would change "
                  "all others",
                  u->model->path, kind->pass, kind->what);
        p.trial = trial_new(p.arena, u);
        p.before = trial_keep(p.trial, 0);
        if (recipe->compensate || recipe->method != PRUNE_MAGNITUDE) {
            observe(&p);
            p.fisher =
                u->model->encoder ? NULL : fisher_new(p.arena, p.whole, unit_warm_samples(u));
        }
        choose(&p);
        take_out(&p);
        finish(&p);
    }
    arena_free(p.arena);
}
