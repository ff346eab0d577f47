/* Allocation against brute force; the judge against the float reference; sizes against compiling;
 * the search against every point of a small grid. */
#include "ir_unit.h"
#include "search.h"
#include "sequence.h"

#include <omp.h>

static uint32_t draw(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Every budget's best of 5 items with 4 choices is on the front, and nothing else is. */
static void allocation_is_optimal(void **state)
{
    (void)state;
    enum { ITEMS = 5, CHOICES = 4, ALL = 1024 };
    uint32_t seed = 1;
    for (int round = 0; round < 20; round++) {
        Arena *a = arena_new();
        Choice choices[ITEMS][CHOICES];
        Item items[ITEMS];
        for (int i = 0; i < ITEMS; i++) {
            items[i] = (Item){CHOICES, choices[i]};
            for (int c = 0; c < CHOICES; c++) {
                choices[i][c] = (Choice){draw(&seed) % 60 + 1, (double)(draw(&seed) % 1000)};
            }
        }
        Allocation *front;
        const int n = allocate(a, items, ITEMS, &front);
        for (int all = 0; all < ALL; all++) {
            int64_t bytes = 0;
            double loss = 0;
            for (int i = 0, code = all; i < ITEMS; i++, code /= CHOICES) {
                bytes += choices[i][code % CHOICES].bytes;
                loss += choices[i][code % CHOICES].loss;
            }
            int k = n - 1;
            while (k >= 0 && front[k].bytes > bytes) {
                k--;
            }
            assert_true(k >= 0 && front[k].loss <= loss); /* the best within as many bytes */
        }
        for (int k = 0; k < n; k++) {
            int64_t bytes = 0;
            double loss = 0;
            for (int i = 0; i < ITEMS; i++) {
                bytes += choices[i][front[k].chosen[i]].bytes;
                loss += choices[i][front[k].chosen[i]].loss;
            }
            assert_true(bytes == front[k].bytes && loss == front[k].loss);
        }
        arena_free(a);
    }
}

/* 64 tensors whose bytes are powers of two of their own: far more sums than are kept. Bytes that
 * are thinned out cost next to nothing: the front touches the line of the best trades. */
static void long_fronts_stay_close(void **state)
{
    (void)state;
    enum { ITEMS = 64, CHOICES = 6 };
    Arena *a = arena_new();
    Choice choices[ITEMS][CHOICES];
    Item items[ITEMS];
    uint32_t seed = 3;
    for (int i = 0; i < ITEMS; i++) {
        const int64_t size = 100 + draw(&seed) % 1000;
        const double weight = 1 + draw(&seed) % 100;
        items[i] = (Item){CHOICES, choices[i]};
        for (int c = 0; c < CHOICES; c++) {
            choices[i][c] = (Choice){size * (c + 1), weight * pow(4, -c)};
        }
    }
    Allocation *front;
    const int n = allocate(a, items, ITEMS, &front);
    assert_true(n > 1000 && n <= MAX_FRONT);
    double worst = 0;
    for (double price = 1e-4; price < 1; price *= 3) { /* of a byte */
        double best = 0, met = INFINITY; /* lower bound of loss + price * bytes, and what is met */
        for (int i = 0; i < ITEMS; i++) {
            double least = INFINITY;
            for (int c = 0; c < CHOICES; c++) {
                least = fmin(least, choices[i][c].loss + price * (double)choices[i][c].bytes);
            }
            best += least;
        }
        for (int k = 0; k < n; k++) {
            met = fmin(met, front[k].loss + price * (double)front[k].bytes);
        }
        worst = fmax(worst, met / best - 1);
    }
    print_message("%d sums kept, at worst %.4f %% from the bound\n", n, 100 * worst);
    assert_true(worst >= -1e-12 && worst < 0.005);
    arena_free(a);
}

static Unit *folded_unit(Arena *a, const char *const *settings)
{
    Unit *u = new_unit(a, true);
    Recipe *r = recipe_default(a);
    for (; *settings; settings++) {
        recipe_set(a, r, *settings);
    }
    u->recipe = r;
    run_passes(u, "calibrate", NULL, NULL);
    return u;
}

static const char *const quick[] = {
    "calibrate.tokens=200",           "quantize.rounds=3",
    "quantize.method=weights",        "prune-heads.method=magnitude",
    "prune-neurons.method=magnitude", NULL};

static void judge_agrees(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit *u = folded_unit(a, quick);
    const Corpus *c = unit_samples(u);
    Judge *j = judge_new(a, u->original, c);
    Model *m = model_copy(a, u->original);
    assert_true(fabs(judge_model(j, m).kl) < 1e-6);
    for (int i = 0; i < 8; i += 7) { /* the embedding, which is also the head; a linear */
        Model *changed = model_copy(a, u->original);
        Linear *l = model_linears(changed, i);
        Fitter *f = fitter_new(a, u, u->original);
        fitter_fit(f, a, i, 2, l);
        fitter_free(f);
        const double alone = judge_linear(j, i, l), whole = judge_model(j, changed).kl;
        assert_true(alone > 0 && fabs(alone - whole) < 1e-9);
        const Stepper first = stepper_reference(reference_new(a, u->original, 32, 0));
        const Stepper second = stepper_reference(reference_new(a, changed, 32, 0));
        const Score s = evaluate(a, c, second, &first, m->vocab);
        assert_true(fabs(s.kl - alone) < 1e-4 * alone);
        Stepper *each = NEW(a, Stepper, judge_threads(j));
        for (int k = 0; k < judge_threads(j); k++) {
            each[k] = stepper_reference(reference_new(a, changed, 32, 0));
        }
        assert_true(fabs(judge_steppers(j, each).kl - alone) < 1e-4 * alone);
    }
    arena_free(a);
}

static void sizes_are_those_of_compiling(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit *u = unit_after(a, true, "plan");
    Unit *v = unit_after(a, true, "prune-neurons");
    int n = 0;
    while (model_linears(u->model, n)) {
        n++;
    }
    double *bits = NEW(a, double, n);
    for (int i = 0; i < n; i++) {
        bits[i] = linear_bits(model_linears(u->model, i));
    }
    const Size s = size_of(v, model_blank(a, v->model, bits), v->recipe);
    assert_int_equal(s.flash, u->program->weight_bytes + CODE_BYTES);
    assert_int_equal(s.ram, u->program->state_bytes + STACK_BYTES);
    assert_int_equal(s.ram, ram_of(v, model_blank(a, v->model, bits), v->recipe));
    assert_true(s.cost.instructions > 0);
    arena_free(a);
}

/* The bar -------------------------------------------------------------------------------------
 * Three tensors at five widths each, the others at 6 bits, and nine ways to prune. */

enum { OPEN = 3, CHOICES = 5, GRID = 125 };
static const int open_tensors[OPEN] = {0, 7, 13};

typedef struct Found {
    int64_t flash;
    double kl; /* what the search minimises */
} Found;

static Unit *bar_unit(Arena *a)
{
    Unit *u = new_unit(a, true);
    Recipe *r = recipe_default(a);
    u->model->context = 12; /* short documents */
    for (int i = 0; quick[i]; i++) {
        recipe_set(a, r, quick[i]);
    }
    recipe_set_bits(a, r, "4");
    const Linear *l;
    for (int i = 0; (l = model_linears(u->model, i)); i++) {
        bool open = false;
        for (int k = 0; k < OPEN; k++) {
            open |= open_tensors[k] == i;
        }
        if (!open) {
            recipe_set_bits(a, r, arena_printf(a, "%s=6", l->name));
        }
    }
    u->recipe = r;
    return u;
}

/* A pruned model and its tensors as they were fitted alone, each once. */
typedef struct Pruned {
    Unit unit;
    Fitter *fitter;
    Linear fitted[64][WIDTHS];
} Pruned;

static const Linear *fitted(Pruned *p, int i, double bits)
{
    int w = 0;
    while (width_bits[w] != bits) {
        w++;
    }
    Linear *l = &p->fitted[i][w];
    if (!l->w) {
        fitter_fit(p->fitter, p->unit.arena, i, bits, l);
    }
    return l;
}

static Found try_recipe(Pruned *p, Judge *j, const Recipe *r)
{
    Arena *scratch = arena_new();
    Model *m = model_copy(scratch, p->unit.model);
    double bits[64];
    Linear *l;
    for (int i = 0; (l = model_linears(m, i)); i++) {
        bits[i] = recipe_bits_for(r, l->name);
        *l = *fitted(p, i, bits[i]);
    }
    const Found f = {size_of(&p->unit, model_blank(scratch, p->unit.model, bits), r).flash,
                     judge_model(j, m).kl};
    arena_free(scratch);
    return f;
}

static Pruned *pruned(Arena *a, const Unit *from, const Recipe *r)
{
    Pruned *p = NEW(a, Pruned, 1);
    p->unit = *from;
    p->unit.arena = a;
    p->unit.model = model_copy(a, from->model);
    p->unit.recipe = r;
    run_passes(&p->unit, "prune-neurons", NULL, NULL);
    p->fitter = fitter_new(a, &p->unit, p->unit.model);
    return p;
}

static int try_all(Arena *a, const Unit *u, Judge *j, Found *found)
{
    static const int heads[] = {0, 1, 2}, neurons[] = {0, 3, 6};
    int n = 0;
    for (int v = 0; v < 9; v++) {
        Recipe *r = arena_copy(a, u->recipe, 1, sizeof *r);
        prune_of_all(&r->prune_heads, heads[v / 3]);
        prune_of_all(&r->prune_neurons, neurons[v % 3]);
        Pruned *p = pruned(a, u, r);
        for (int g = 0; g < GRID; g++) {
            Arena *scratch = arena_new();
            Recipe tried = *r;
            for (int k = 0, code = g; k < OPEN; k++, code /= CHOICES) {
                const Linear *l = model_linears(u->model, open_tensors[k]);
                recipe_set_bits(
                    scratch, &tried,
                    arena_printf(scratch, "%s=%g", l->name, width_bits[code % CHOICES]));
            }
            found[n++] = try_recipe(p, j, &tried);
            arena_free(scratch);
        }
    }
    return n;
}

static void search_is_near_exhaustive(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit *u = bar_unit(a);
    Unit *folded = bar_unit(a);
    run_passes(folded, "calibrate", NULL, NULL);
    Recipe *other = arena_copy(a, u->recipe, 1, sizeof *other);
    other->seed = ~other->seed; /* the samples that the search judges by */
    Unit sampled = *folded;
    sampled.recipe = other;
    sampled.samples = NULL;
    Judge *j = judge_new(a, folded->original, unit_samples(&sampled));
    Found *found = NEW(a, Found, 9 * GRID);
    const int n = try_all(a, folded, j, found);
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < n; i++) {
        least = found[i].flash < least ? found[i].flash : least;
        most = found[i].flash > most ? found[i].flash : most;
    }
    for (int part = 1; part < 4; part++) {
        Limits limits = {.flash = least + (most - least) * part / 4, .ram = 1 << 18};
        const Search *s = search_recipe(u, &limits);
        assert_true(s->chosen >= 0);
        const Recipe *r = s->points[s->chosen].recipe;
        const Found mine = try_recipe(pruned(a, folded, r), j, r);
        double best = INFINITY;
        for (int i = 0; i < n; i++) {
            best = found[i].flash <= limits.flash ? fmin(best, found[i].kl) : best;
        }
        const int runs = s->probes + s->confirmations;
        print_message("%lld bytes: best of %d models %.5f nats; found in %d runs %.5f, %+.2f %%\n",
                      (long long)limits.flash, n, best, runs, mine.kl, 100 * expm1(mine.kl - best));
        assert_true(mine.flash <= limits.flash);
        assert_true(mine.kl <= best + log(1.02));
        assert_true(10 * runs <= n);
    }
    arena_free(a);
}

int main(void)
{
    omp_set_num_threads(1); /* what is done here is so small that threads only wait */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocation_is_optimal),
        cmocka_unit_test(long_fronts_stay_close),
        cmocka_unit_test(judge_agrees),
        cmocka_unit_test(sizes_are_those_of_compiling),
        cmocka_unit_test(search_is_near_exhaustive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
