/* Pruning: the right units go, the others stay as they were, and a pruned model computes what the
 * whole one computes with those units silenced. */
#include "tiny_model.h"

#include <omp.h>

static Recipe *recipe_of(const Unit *u)
{
    return (Recipe *)(uintptr_t)u->recipe;
}

/* A unit for the published method: by magnitude, of each layer, the rest as it was. */
static Unit plain_unit(Arena *a, Model *m)
{
    Unit u = tiny_unit(a, m);
    static const char *const sets[] = {
        "prune-heads.scope=layer",      "prune-neurons.scope=layer",
        "prune-heads.method=magnitude", "prune-neurons.method=magnitude",
        "prune-heads.compensate=false", "prune-neurons.compensate=false"};
    for (size_t i = 0; i < LENGTH(sets); i++) {
        recipe_set(a, recipe_of(&u), sets[i]);
    }
    return u;
}

static float *at(const Linear *l, int r, int c)
{
    return &l->w[r * l->cols + c];
}

/* Sum of squares of what two groups of `width` rows differ by; of the second alone where the first
 * is not given. */
static double apart(const Linear *a, int i, const Linear *b, int j, int width)
{
    double sum = 0;
    for (int k = 0; k < width * b->cols; k++) {
        const double off =
            (double)at(b, j * width, 0)[k] - (a ? (double)at(a, i * width, 0)[k] : 0);
        sum += off * off;
    }
    return sum;
}

/* The head (of 6 rows) or neuron (of 1 row) of `whole` that row group i of `part` came from: least
 * squares move it less than to a tenth of itself. */
static int origin(const Linear *part, const Linear *whole, int i, int width)
{
    for (int j = 0; j < whole->rows / width; j++) {
        if (apart(part, i, whole, j, width) <= 0.01 * apart(NULL, 0, whole, j, width)) {
            return j;
        }
    }
    fail_msg("group %d is not of the whole model", i);
    return -1;
}

static void scale_columns(Linear *l, int first, int n, float factor)
{
    for (int r = 0; r < l->rows; r++) {
        for (int c = first; c < first + n; c++) {
            *at(l, r, c) *= factor;
        }
    }
}

/* Zeroes in `whole` what `part` has lost, and checks what is left. */
static void silence(const Block *part, Block *whole)
{
    bool head[4] = {0}, neuron[10] = {0};
    for (int h = 0; h < part->n_heads; h++) {
        int from = origin(&part->linear[ROLE_Q], &whole->linear[ROLE_Q], h, 6);
        head[from] = true;
        int kv = origin(&part->linear[ROLE_K], &whole->linear[ROLE_K], part->kv_of_head[h], 6);
        assert_int_equal(kv, whole->kv_of_head[from]);
        kv = origin(&part->linear[ROLE_V], &whole->linear[ROLE_V], part->kv_of_head[h], 6);
        assert_int_equal(kv, whole->kv_of_head[from]);
    }
    for (int i = 0; i < part->n_neurons; i++) {
        int from = origin(&part->linear[ROLE_GATE], &whole->linear[ROLE_GATE], i, 1);
        assert_int_equal(from, origin(&part->linear[ROLE_UP], &whole->linear[ROLE_UP], i, 1));
        neuron[from] = true;
    }
    for (int h = 0; h < 4; h++) {
        scale_columns(&whole->linear[ROLE_O], 6 * h, 6, head[h] ? 1 : 0);
    }
    for (int i = 0; i < 10; i++) {
        scale_columns(&whole->linear[ROLE_DOWN], i, 1, neuron[i] ? 1 : 0);
    }
}

static void assert_sizes(const Model *m)
{
    for (int l = 0; l < m->n_layers; l++) {
        const Block *b = &m->blocks[l];
        int rows[ROLES] = {b->n_heads * 6,
                           b->n_kv_heads * 6,
                           b->n_kv_heads * 6,
                           20,
                           b->n_neurons,
                           b->n_neurons,
                           20};
        int cols[ROLES] = {20, 20, 20, b->n_heads * 6, 20, 20, b->n_neurons};
        for (int role = 0; role < ROLES; role++) {
            assert_int_equal(b->linear[role].rows, rows[role]);
            assert_int_equal(b->linear[role].cols, cols[role]);
        }
        assert_int_equal(b->kv_of_head[0], 0);
        assert_int_equal(b->kv_of_head[b->n_heads - 1], b->n_kv_heads - 1);
        for (int h = 1; h < b->n_heads; h++) {
            int step = b->kv_of_head[h] - b->kv_of_head[h - 1];
            assert_true(step == 0 || step == 1);
        }
    }
}

/* Prunes by the recipe, compares with the silenced whole; returns the pruned model. */
static Model *prune(Arena *a, Model *m, const char *heads, const char *neurons)
{
    Model *whole = model_copy(a, m);
    Unit u = plain_unit(a, m);
    recipe_set(a, recipe_of(&u), heads);
    recipe_set(a, recipe_of(&u), neurons);
    if (strstr(heads, "count=5")) {
        recipe_set(a, recipe_of(&u), "prune-heads.scope=global");
        recipe_set(a, recipe_of(&u), "prune-neurons.scope=global");
    }
    pass_prune_heads(&u);
    pass_prune_neurons(&u);
    assert_sizes(m);
    for (int l = 0; l < m->n_layers; l++) {
        silence(&m->blocks[l], &whole->blocks[l]);
    }
    assert_same_logits(a, m, whole, 20, 2e-5);
    return m;
}

static void each_layer(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 1, true);
    prune(a, m, "prune-heads.ratio=0.5", "prune-neurons.ratio=0.29");
    for (int l = 0; l < 3; l++) {
        assert_int_equal(m->blocks[l].n_heads, 2);
        assert_int_equal(m->blocks[l].n_neurons, 8);
    }
    m = tiny_model(a, 2, true);
    tiny_extras(a, m); /* biases go with their rows */
    prune(a, m, "prune-heads.count=3", "prune-neurons.count=9");
    assert_int_equal(m->blocks[2].n_heads, 1);
    assert_int_equal(m->blocks[2].n_kv_heads, 1);
    assert_int_equal(m->blocks[2].n_neurons, 1);
    arena_free(a);
}

static void whole_model(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = prune(a, tiny_model(a, 3, false), "prune-heads.count=5", "prune-neurons.count=16");
    int heads = 0, neurons = 0;
    for (int l = 0; l < 3; l++) {
        heads += m->blocks[l].n_heads;
        neurons += m->blocks[l].n_neurons;
    }
    assert_int_equal(heads, 12 - 5);
    assert_int_equal(neurons, 30 - 16);
    arena_free(a);
}

static void layer_by_layer(void **state)
{
    (void)state;
    static int heads[3] = {0, 1, 3}, neurons[3] = {9, 0, 4};
    Arena *a = arena_new();
    Model *m = tiny_model(a, 4, false);
    Unit u = plain_unit(a, m);
    recipe_of(&u)->prune_heads.n_counts = 3;
    recipe_of(&u)->prune_heads.counts = heads;
    recipe_of(&u)->prune_neurons.n_counts = 3;
    recipe_of(&u)->prune_neurons.counts = neurons;
    pass_prune_heads(&u);
    pass_prune_neurons(&u);
    assert_sizes(m);
    for (int l = 0; l < 3; l++) {
        assert_int_equal(m->blocks[l].n_heads, 4 - heads[l]);
        assert_int_equal(m->blocks[l].n_neurons, 10 - neurons[l]);
    }
    arena_free(a);
}

/* Weak heads and neurons go; a kv head goes with the last of its query heads. */
static void weakest_go(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 5, true);
    Model *whole = model_copy(a, m);
    scale_columns(&m->blocks[1].linear[ROLE_O], 0, 12, 1e-3f);
    scale_columns(&m->blocks[1].linear[ROLE_DOWN], 7, 1, 1e-3f);
    Unit u = plain_unit(a, m);
    recipe_set(a, recipe_of(&u), "prune-heads.count=2");
    recipe_set(a, recipe_of(&u), "prune-neurons.count=1");
    pass_prune_heads(&u);
    pass_prune_neurons(&u);
    const Block *b = &m->blocks[1];
    assert_int_equal(b->n_kv_heads, 1);
    assert_int_equal(origin(&b->linear[ROLE_Q], &whole->blocks[1].linear[ROLE_Q], 0, 6), 2);
    assert_int_equal(origin(&b->linear[ROLE_K], &whole->blocks[1].linear[ROLE_K], 0, 6), 1);
    assert_int_equal(origin(&b->linear[ROLE_GATE], &whole->blocks[1].linear[ROLE_GATE], 7, 1), 8);
    arena_free(a);
}

/* Of equal units the lower index goes; the global scope never empties a layer. */
static void ties_and_floors(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 6, true);
    Linear *down = &m->blocks[0].linear[ROLE_DOWN];
    scale_columns(down, 2, 1, 0);
    scale_columns(down, 5, 1, 0);
    Model *whole = model_copy(a, m);
    Unit u = plain_unit(a, m);
    recipe_set(a, recipe_of(&u), "prune-neurons.count=1");
    pass_prune_neurons(&u);
    const Linear *gate = &m->blocks[0].linear[ROLE_GATE];
    assert_int_equal(origin(gate, &whole->blocks[0].linear[ROLE_GATE], 2, 1), 3);
    assert_int_equal(origin(gate, &whole->blocks[0].linear[ROLE_GATE], 4, 1), 5);
    recipe_set(a, recipe_of(&u), "prune-heads.count=9");
    recipe_set(a, recipe_of(&u), "prune-heads.scope=global");
    pass_prune_heads(&u);
    for (int l = 0; l < 3; l++) {
        assert_int_equal(m->blocks[l].n_heads, 1);
    }
    arena_free(a);
}

static void too_much(void **state)
{
    (void)state;
    static int counts[3] = {0, 0, 10};
    Arena *a = arena_new();
    Unit u = plain_unit(a, tiny_model(a, 7, true));
    recipe_set(a, recipe_of(&u), "prune-heads.count=4");
    EXPECT_FATAL(pass_prune_heads(&u), "layer 0 has 4 heads, so at most 3");
    recipe_set(a, recipe_of(&u), "prune-heads.count=10");
    recipe_set(a, recipe_of(&u), "prune-heads.scope=global");
    EXPECT_FATAL(pass_prune_heads(&u), "at most 9 can go");
    recipe_of(&u)->prune_neurons.n_counts = 3;
    recipe_of(&u)->prune_neurons.counts = counts;
    EXPECT_FATAL(pass_prune_neurons(&u), "layer 2 has 10 neurons, so at most 9");
    recipe_of(&u)->prune_neurons.n_counts = 2;
    EXPECT_FATAL(pass_prune_neurons(&u), "counts for 2 layers, the model has 3");
    arena_free(a);
}

static int units(const Model *m, bool heads)
{
    int n = 0;
    for (int l = 0; l < m->n_layers; l++) {
        n += heads ? m->blocks[l].n_heads : m->blocks[l].n_neurons;
    }
    return n;
}

/* Whatever the method, what adds almost nothing goes first; its kv head with it. */
static void every_method(void **state)
{
    (void)state;
    static const char *const scopes[] = {"prune-%s.scope=layer", "prune-%s.scope=global"};
    for (int i = 0; i < PRUNE_METHODS; i++) { /* odd ones global, even ones of each layer */
        const PruneMethod method = (PruneMethod)i;
        Arena *a = arena_new();
        Model *m = tiny_model(a, 30 + (uint32_t)i, true);
        for (int l = 0; l < 3; l++) {
            scale_columns(&m->blocks[l].linear[ROLE_O], 12, 12, 1e-4f);
            scale_columns(&m->blocks[l].linear[ROLE_DOWN], 4, 2, 1e-4f);
        }
        const Model *whole = model_copy(a, m);
        Unit u = tiny_unit(a, m);
        recipe_set(a, recipe_of(&u), "window=8"); /* short samples, a quick test */
        recipe_set(a, recipe_of(&u), i % 2 ? "prune-heads.count=6" : "prune-heads.count=2");
        recipe_set(a, recipe_of(&u), i % 2 ? "prune-neurons.count=6" : "prune-neurons.count=2");
        recipe_set(a, recipe_of(&u), arena_printf(a, scopes[i % 2], "heads"));
        recipe_set(a, recipe_of(&u), arena_printf(a, scopes[i % 2], "neurons"));
        recipe_of(&u)->prune_heads.method = method;
        recipe_of(&u)->prune_neurons.method = method < PRUNE_MEASURED ? method : PRUNE_SALIENCY;
        pass_prune_heads(&u);
        pass_prune_neurons(&u);
        assert_int_equal(units(m, true), 6);
        assert_int_equal(units(m, false), 24);
        for (int l = 0; l < 3; l++) {
            const Block *b = &m->blocks[l];
            assert_int_equal(b->n_kv_heads, 1);
            assert_int_equal(origin(&b->linear[ROLE_Q], &whole->blocks[l].linear[ROLE_Q], 0, 6), 0);
            assert_int_equal(
                origin(&b->linear[ROLE_GATE], &whole->blocks[l].linear[ROLE_GATE], 4, 1), 6);
        }
        assert_int_equal(u.n_prunings, 2);
        assert_true(u.prunings[1].kl_after < 1e-4);
        arena_free(a);
    }
}

static double loss_after(Arena *a, const char *compensate)
{
    Unit u = tiny_unit(a, tiny_model(a, 50, true));
    recipe_set(a, recipe_of(&u), "prune-neurons.count=9");
    recipe_set(a, recipe_of(&u), "prune-heads.count=3");
    recipe_set(a, recipe_of(&u), "window=8");
    recipe_set(a, recipe_of(&u), arena_printf(a, "prune-neurons.compensate=%s", compensate));
    recipe_set(a, recipe_of(&u), arena_printf(a, "prune-heads.compensate=%s", compensate));
    pass_fold(&u);
    pass_prune_heads(&u);
    pass_prune_neurons(&u);
    return u.prunings[1].kl_after;
}

static void compensation_helps(void **state)
{
    (void)state;
    Arena *a = arena_new();
    assert_true(loss_after(a, "true") < 0.8 * loss_after(a, "false"));
    arena_free(a);
}

/* The layer that adds almost nothing goes; those that stay remember which they were. */
static void whole_layers(void **state)
{
    (void)state;
    static const char *const how[] = {"prune-layers=1", "prune-layers.list=1"};
    for (size_t i = 0; i < LENGTH(how); i++) {
        Arena *a = arena_new();
        Model *m = tiny_model(a, 60, true);
        scale_columns(&m->blocks[1].linear[ROLE_O], 0, 24, 1e-4f);
        scale_columns(&m->blocks[1].linear[ROLE_DOWN], 0, 10, 1e-4f);
        const Model *whole = model_copy(a, m);
        Unit u = tiny_unit(a, m);
        recipe_set(a, recipe_of(&u), how[i]);
        pass_prune_layers(&u);
        assert_int_equal(m->n_layers, 2);
        assert_int_equal(unit_original_layer(&u, 1), 2);
        assert_string_equal(m->blocks[1].linear[ROLE_UP].name, "layers.1.mlp.up");
        assert_same_logits(a, m, whole, 20, 0.05);
        assert_int_equal(u.prunings[0].removed[1], 1);
        arena_free(a);
    }
    Arena *a = arena_new();
    Unit u = tiny_unit(a, tiny_model(a, 61, true));
    recipe_set(a, recipe_of(&u), "prune-layers=3");
    EXPECT_FATAL(pass_prune_layers(&u), "has 3 layers, so at most 2 can go");
    recipe_set(a, recipe_of(&u), "prune-layers.list=3");
    EXPECT_FATAL(pass_prune_layers(&u), "layer 3: the model has layers 0 to 2");
    arena_free(a);
}

static uint64_t pruned_hash(int threads)
{
    Arena *a = arena_new();
    Unit u = tiny_unit(a, tiny_model(a, 70, true));
    omp_set_num_threads(threads);
    recipe_set(a, recipe_of(&u), "window=8");
    recipe_set(a, recipe_of(&u), "prune-layers=1");
    recipe_set(a, recipe_of(&u), "prune-heads.count=2");
    recipe_set(a, recipe_of(&u), "prune-neurons.count=5");
    pass_fold(&u);
    pass_prune_layers(&u);
    pass_prune_heads(&u);
    pass_prune_neurons(&u);
    const uint64_t hash = model_hash(u.model);
    arena_free(a);
    return hash;
}

static void any_thread_count(void **state)
{
    (void)state;
    const int threads = omp_get_max_threads();
    const uint64_t hash = pruned_hash(1);
    assert_true(pruned_hash(3) == hash);
    omp_set_num_threads(threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_layer),      cmocka_unit_test(whole_model),
        cmocka_unit_test(layer_by_layer),  cmocka_unit_test(weakest_go),
        cmocka_unit_test(ties_and_floors), cmocka_unit_test(too_much),
        cmocka_unit_test(every_method),    cmocka_unit_test(compensation_helps),
        cmocka_unit_test(whole_layers),    cmocka_unit_test(any_thread_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
