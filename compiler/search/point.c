/* A point of the curve: a candidate as a whole recipe, what it takes exactly, and what it loses
 * when the passes have run over the real weights and its integer program over the samples. */
#include "searcher.h"

#include <math.h>

#define WINDOW_STEP 8 /* tokens; also the shortest window that is tried */

/* The width of most weights; of equals the narrower one. */
static double usual_bits(const Model *m, const double *bits)
{
    double best = width_bits[0];
    int64_t most = -1;
    for (int w = 0; w < WIDTHS; w++) {
        int64_t n = 0;
        const Linear *l;
        for (int i = 0; (l = model_linears((Model *)(uintptr_t)m, i)); i++) {
            n += bits[i] == width_bits[w] ? (int64_t)l->rows * l->cols : 0;
        }
        if (n > most) {
            most = n;
            best = width_bits[w];
        }
    }
    return best;
}

static double mean_bits(const Model *m, const double *bits)
{
    double sum = 0, weights = 0;
    const Linear *l;
    for (int i = 0; (l = model_linears((Model *)(uintptr_t)m, i)); i++) {
        sum += bits[i] * l->rows * l->cols;
        weights += (double)l->rows * l->cols;
    }
    return sum / weights;
}

Recipe *candidate_recipe(const Searcher *s, const Candidate *c)
{
    Arena *a = s->arena;
    const Variant *v = &s->fronts.variants[c->variant];
    Recipe *r = arena_copy(a, s->unit->recipe, 1, sizeof *r);
    const Linear *l;
    if (v->heads >= 0) {
        prune_of_all(&r->prune_heads, v->heads);
    }
    if (v->neurons >= 0) {
        prune_of_all(&r->prune_neurons, v->neurons);
    }
    r->bits = usual_bits(v->model, c->bits);
    for (int i = 0; (l = model_linears((Model *)(uintptr_t)v->model, i)); i++) {
        if (recipe_bits_for(r, l->name) != c->bits[i]) {
            recipe_set_bits(a, r, arena_printf(a, "%s=%g", l->name, c->bits[i]));
        }
    }
    r->flash = s->unit->flash_limit;
    r->ram = s->unit->ram_limit;
    return r;
}

/* The longest window that fits the RAM with these tables; 0: none. */
static int longest_window(const Unit *u, const Model *blank, Recipe r, int most, int64_t ram)
{
    int fits = 0, above = most / WINDOW_STEP + 1; /* in steps */
    r.window = most;
    if (ram_of(u, blank, &r) <= ram) {
        return most;
    }
    while (above - fits > 1) {
        const int middle = fits + (above - fits) / 2;
        r.window = middle * WINDOW_STEP;
        if (ram_of(u, blank, &r) <= ram) {
            fits = middle;
        } else {
            above = middle;
        }
    }
    return fits * WINDOW_STEP;
}

/* What the recipe leaves open of window and tables: the longest window, then the fastest tables. */
static void fit_memory(const Searcher *s, Recipe *r, const Unit *u, const Model *blank,
                       const Limits *limits)
{
    const int context = u->model->context;
    const int asked = r->window ? r->window : context;
    const bool open = s->unit->recipe->window == 0;
    const TableKind before = r->tables;
    int best = 0;
    for (TableKind t = before; t < TABLE_KINDS; t++) {
        Recipe tried = *r;
        tried.tables = t;
        tried.window = asked;
        const int window = open ? longest_window(u, blank, tried, asked, limits->ram)
                           : ram_of(u, blank, &tried) <= limits->ram ? asked
                                                                     : 0;
        if (window > best) {
            best = window;
            r->tables = t;
        }
        if (before != TABLES_AUTO || best == asked) {
            break;
        }
    }
    if (best > 0 && open) {
        r->window = best == context ? 0 : best;
    }
}

Point *point_new(const Searcher *s, const Candidate *c, const Limits *limits)
{
    const Variant *v = &s->fronts.variants[c->variant];
    Point *p = NEW(s->arena, Point, 1);
    Arena *scratch = arena_new();
    Unit u = *s->folded;
    u.arena = scratch;
    u.ram_limit = limits->ram;
    u.flash_limit = limits->flash;
    Recipe *r = candidate_recipe(s, c);
    const Model *blank = model_blank(scratch, v->model, c->bits);
    fit_memory(s, r, &u, blank, limits);
    *p = (Point){.recipe = r,
                 .window = r->window ? r->window : v->model->context,
                 .heads = v->heads < 0 ? 0 : v->heads,
                 .neurons = v->neurons < 0 ? 0 : v->neurons,
                 .mean_bits = mean_bits(v->model, c->bits),
                 .size = size_of(&u, blank, r),
                 .expected = c->loss};
    arena_free(scratch);
    return p;
}

bool point_fits(const Point *p, const Limits *limits)
{
    return p->size.flash <= limits->flash && p->size.ram <= limits->ram &&
           (limits->ms <= 0 || p->size.ms <= limits->ms);
}

void point_measure(Searcher *s, Point *p, const Limits *limits)
{
    Arena *a = arena_new();
    Unit u = *s->unit;
    u.arena = a;
    u.model = model_copy(a, s->unit->model);
    Recipe untrained = *p->recipe;
    untrained.recover_tokens = untrained.recover_blockwise = 0;
    u.recipe = &untrained;
    u.flash_limit = limits->flash;
    u.ram_limit = limits->ram;
    if (p->recipe->window == s->unit->recipe->window) {
        u.samples = s->folded->samples; /* they would come out the same */
    }
    run_passes(&u, "plan", NULL, NULL);
    const int threads = judge_threads(s->judge);
    Stepper *steppers = NEW(a, Stepper, threads);
    for (int i = 0; i < threads; i++) {
        steppers[i] = stepper_simulator(a, simulator_new(a, &u), u.model->vocab);
    }
    const Score score = judge_steppers(s->judge, steppers);
    p->measured = true;
    p->perplexity = score.perplexity;
    p->kl = score.kl;
    p->loss = score.perplexity / judge_perplexity(s->judge) - 1;
    s->confirmations++;
    note("search: %lld bytes: expected %.4f, measured %.4f nats, perplexity %+.2f %%",
         (long long)p->size.flash, p->expected, p->kl, 100 * p->loss);
    arena_free(a);
}
