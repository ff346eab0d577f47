/* fold changes the form of a model, never what it computes. */
#include "tiny_model.h"

static void check(uint32_t seed, bool tied, bool interleaved, bool norms)
{
    Arena *a = arena_new();
    Model *m = tiny_model(a, seed, tied);
    m->rope_interleaved = interleaved;
    const Model *before = model_copy(a, m);
    Unit u = tiny_unit(a, m);
    recipe_set(a, (Recipe *)(uintptr_t)u.recipe, norms ? "fold.norms=true" : "fold.norms=false");
    pass_fold(&u);
    assert_false(m->rope_interleaved);
    assert_same_logits(a, before, m, 20, 1e-5);
    assert_true(u.original != m && u.original->embed.w != m->embed.w);
    assert_true(model_hash(u.original) == model_hash(m));
    const Norm *n;
    for (int i = 0; (n = model_norm(m, i)) != NULL; i++) {
        bool folded = norms && !(n == &m->final_norm && tied);
        for (int c = 0; c < n->n; c++) {
            assert_true((n->gamma[c] == 1) == folded);
        }
    }
    arena_free(a);
}

static void keeps_the_function(void **state)
{
    (void)state;
    for (int bits = 0; bits < 8; bits++) {
        check((uint32_t)bits + 1, bits & 1, bits & 2, bits & 4);
    }
}

/* Rows 0 1 2 3 4 5 of an interleaved head of 6 become 0 2 4 1 3 5, for queries and keys alone. */
static void splits_pairs(void **state)
{
    (void)state;
    static const int from[6] = {0, 2, 4, 1, 3, 5};
    Arena *a = arena_new();
    Model *m = tiny_model(a, 9, true);
    m->rope_interleaved = true;
    const Model *before = model_copy(a, m);
    Unit u = tiny_unit(a, m);
    recipe_set(a, (Recipe *)(uintptr_t)u.recipe, "fold.norms=false");
    pass_fold(&u);
    for (int role = ROLE_Q; role <= ROLE_V; role++) {
        const Linear *x = &before->blocks[1].linear[role], *y = &m->blocks[1].linear[role];
        for (int r = 0; r < x->rows; r++) {
            int source = role == ROLE_V ? r : r / 6 * 6 + from[r % 6];
            assert_memory_equal(y->w + r * 20, x->w + source * 20, 20 * sizeof(float));
        }
    }
    arena_free(a);
}

/* Biases and the weights of a head's norm move with the rows. */
static void splits_extras(void **state)
{
    (void)state;
    for (int norms = 0; norms < 2; norms++) {
        Arena *a = arena_new();
        Model *m = tiny_model(a, 11, true);
        tiny_extras(a, m);
        m->rope_interleaved = true;
        const Model *before = model_copy(a, m);
        Unit u = tiny_unit(a, m);
        recipe_set(a, (Recipe *)(uintptr_t)u.recipe,
                   norms ? "fold.norms=true" : "fold.norms=false");
        pass_fold(&u);
        assert_same_logits(a, before, m, 20, 1e-5);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_function),
        cmocka_unit_test(splits_pairs),
        cmocka_unit_test(splits_extras),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
