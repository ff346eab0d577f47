/* The models that pruning gives, and for each the allocations of bits that no other beats. Losses
 * of tensors are measured on the model as it came and taken to hold for pruned ones too. */
#include "search.h"

#include <math.h>
#include <stdlib.h>

/* Parts of all heads and neurons that are tried, where the recipe leaves them open. */
static const double head_parts[] = {0, 0.05, 0.1, 0.2};
static const double neuron_parts[] = {0, 0.1, 0.2};
/* Where time is limited: what all of a token's time is worth, in nats. */
static const double time_prices[] = {0, 0.01, 0.1, 1, 10};

static int count_linears(const Model *m)
{
    int n = 0;
    while (model_linears((Model *)(uintptr_t)m, n)) {
        n++;
    }
    return n;
}

/* Widths that the recipe leaves a tensor: that of its rule, or all up to the recipe's bits. */
static const unsigned *allowed_widths(Arena *a, const Unit *u)
{
    const int n = count_linears(u->model);
    unsigned *allowed = NEW(a, unsigned, n);
    Recipe open = *u->recipe;
    open.bits = 0; /* no rule gives this */
    for (int i = 0; i < n; i++) {
        const char *name = model_linears(u->model, i)->name;
        const double fixed = recipe_bits_for(&open, name);
        for (int w = 0; w < WIDTHS; w++) {
            const bool in = fixed > 0 ? width_bits[w] == fixed : width_bits[w] <= u->recipe->bits;
            allowed[i] |= (unsigned)in << w;
        }
    }
    return allowed;
}

static bool asks(const Prune *p)
{
    return p->ratio > 0 || p->count > 0 || p->n_counts > 0;
}

static void totals(const Model *m, int *heads, int *neurons)
{
    *heads = *neurons = 0;
    for (int l = 0; l < m->n_layers; l++) {
        *heads += m->blocks[l].n_heads;
        *neurons += m->blocks[l].n_neurons;
    }
}

void prune_of_all(Prune *p, int count)
{
    p->ratio = 0;
    p->count = count;
    p->n_counts = 0;
    p->scope = PRUNE_GLOBAL;
}

/* A unit that has run up to a pass, with so many heads and neurons pruned; -1: as it is. */
static Unit *pruned_unit(Arena *a, const Unit *from, int heads, int neurons, const char *until)
{
    Unit *u = arena_copy(a, from, 1, sizeof *from);
    Recipe *r = arena_copy(a, from->recipe, 1, sizeof *r);
    u->arena = a;
    u->model = model_copy(a, from->model);
    u->recipe = r;
    if (heads >= 0) {
        prune_of_all(&r->prune_heads, heads);
    }
    if (neurons >= 0) {
        prune_of_all(&r->prune_neurons, neurons);
    }
    run_passes(u, until, NULL, NULL);
    return u;
}

static void add_variant(Arena *a, Fronts *f, const Unit *headless, Judge *j, int heads, int neurons)
{
    const Unit *u = pruned_unit(a, headless, -1, neurons, "prune-neurons");
    if (count_linears(u->model) != f->n_linears) {
        fatal("%s: search: the recipe prunes layers, which a search does not "
              "take into account",
              u->model->path);
    }
    const bool same = model_hash(u->model) == model_hash(u->original);
    const double loss = same ? 0 : fmax(judge_model(j, u->model).kl, 0);
    f->variants = arena_grow(a, f->variants, f->n_variants, sizeof *f->variants);
    f->variants[f->n_variants++] =
        (Variant){.heads = heads, .neurons = neurons, .model = u->model, .loss = loss};
    note("search: %d heads and %d neurons pruned: loses %.5f", heads, neurons, loss);
}

/* Those with the same heads gone share the choice of heads, which may have been measured. */
static void find_variants(Arena *a, Fronts *f, const Unit *folded, Judge *j)
{
    int heads, neurons;
    totals(folded->model, &heads, &neurons);
    const int n_layers = folded->model->n_layers;
    const bool whole = folded->model->sub_norm; /* nothing inside a layer can go */
    const size_t h_end = whole || asks(&folded->recipe->prune_heads) ? 1 : LENGTH(head_parts);
    const size_t n_end = whole || asks(&folded->recipe->prune_neurons) ? 1 : LENGTH(neuron_parts);
    for (size_t h = 0; h < h_end; h++) {
        const int less_heads = (int)(head_parts[h] * heads);
        if ((h > 0 && less_heads == 0) || less_heads > heads - n_layers) {
            continue;
        }
        const Unit *headless =
            pruned_unit(a, folded, h_end == 1 ? -1 : less_heads, -1, "prune-heads");
        for (size_t n = 0; n < n_end; n++) {
            const int less_neurons = (int)(neuron_parts[n] * neurons);
            if ((n == 0 || less_neurons > 0) && less_neurons <= neurons - n_layers) {
                add_variant(a, f, headless, j, h_end == 1 ? -1 : less_heads,
                            n_end == 1 ? -1 : less_neurons);
            }
        }
    }
}

/* One choice for each width that was measured; a smaller one that is better beats it later. */
static Item item_of(Arena *a, const Sensitivity *s, const Shares *shares, int i, double price,
                    int *width_of)
{
    Item item = {0};
    Choice *c = NEW(a, Choice, WIDTHS);
    for (int w = 0; w < WIDTHS; w++) {
        if (isfinite(s->loss[i][w])) {
            width_of[item.n] = w;
            c[item.n++] = (Choice){shares->bytes[i][w], s->loss[i][w] + price * shares->ms[i][w]};
        }
    }
    item.choice = c;
    return item;
}

static void add_candidates(Arena *a, Fronts *f, int variant, const Sensitivity *s, double price)
{
    const Shares *shares = &f->variants[variant].shares;
    Arena *scratch = arena_new();
    Item *items = NEW(scratch, Item, s->n);
    int(*width)[WIDTHS] = arena_alloc(scratch, (size_t)s->n, sizeof *width);
    Allocation *front;
    for (int i = 0; i < s->n; i++) {
        items[i] = item_of(scratch, s, shares, i, price, width[i]);
    }
    const int n = allocate(scratch, items, s->n, &front);
    for (int k = 0; k < n; k++) {
        double *bits = NEW(a, double, s->n);
        Candidate c = {variant, bits, shares->fixed + front[k].bytes, f->variants[variant].loss,
                       shares->fixed_ms};
        for (int i = 0; i < s->n; i++) {
            const int w = width[i][front[k].chosen[i]];
            bits[i] = width_bits[w];
            c.loss += s->loss[i][w];
            c.ms += shares->ms[i][w];
        }
        f->all = arena_grow(a, f->all, f->n_all, sizeof *f->all);
        f->all[f->n_all++] = c;
    }
    arena_free(scratch);
}

/* Fewest bytes first; of equal ones the least loss, the earlier variant. */
static int compare(const void *x, const void *y)
{
    const Candidate *a = x, *b = y;
    if (a->flash != b->flash) {
        return a->flash < b->flash ? -1 : 1;
    }
    if (a->loss != b->loss) {
        return a->loss < b->loss ? -1 : 1;
    }
    return a->variant != b->variant ? a->variant - b->variant : (a->ms > b->ms) - (a->ms < b->ms);
}

static void merge(Arena *a, Fronts *f, double ms_limit)
{
    qsort(f->all, (size_t)f->n_all, sizeof *f->all, compare);
    f->list = NEW(a, Candidate, f->n_all);
    for (int i = 0; i < f->n_all; i++) {
        const Candidate *c = &f->all[i];
        const bool in_time = ms_limit <= 0 || c->ms <= ms_limit;
        if (in_time && (f->n == 0 || c->loss < f->list[f->n - 1].loss)) {
            f->list[f->n++] = *c;
        }
    }
}

Fronts find_fronts(const Unit *folded, Judge *j, double ms_limit)
{
    Arena *a = folded->arena;
    Fronts f = {0};
    f.allowed = allowed_widths(a, folded);
    f.n_linears = count_linears(folded->model);
    const Sensitivity s = measure_sensitivity(folded, j, f.allowed);
    find_variants(a, &f, folded, j);
    for (int v = 0; v < f.n_variants; v++) {
        f.variants[v].shares = shares_of(a, folded, f.variants[v].model, folded->recipe);
        double whole = 0;
        for (int i = 0; i < s.n; i++) {
            whole += f.variants[v].shares.ms[i][WIDTHS - 1];
        }
        const size_t prices = ms_limit > 0 && whole > 0 ? LENGTH(time_prices) : 1;
        for (size_t p = 0; p < prices; p++) {
            add_candidates(a, &f, v, &s, p > 0 ? time_prices[p] / whole : 0);
        }
    }
    merge(a, &f, ms_limit);
    return f;
}
