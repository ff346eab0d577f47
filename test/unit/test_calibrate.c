/* calibrate: repeatable, seeded, and covering what the model does; quantize: bits to formats. */
#include "tiny_model.h"

static float calibrated(Arena *a, Model *m, const char *setting)
{
    Unit u = tiny_unit(a, m);
    recipe_set(a, (Recipe *)(uintptr_t)u.recipe, setting);
    pass_calibrate(&u);
    return m->residual_absmax;
}

static void repeats(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 1, true);
    float first = calibrated(a, m, "calibrate.tokens=100");
    assert_true(first > 0);
    assert_true(first == calibrated(a, m, "calibrate.tokens=100"));
    assert_true(first >= calibrated(a, m, "calibrate.tokens=10"));
    bool differs = false;
    differs |= calibrated(a, m, "seed=2") != calibrated(a, m, "seed=3");
    differs |= calibrated(a, m, "seed=4") != calibrated(a, m, "seed=5");
    assert_true(differs);
    arena_free(a);
}

/* One token: bos, or token 0. Its residual is what the reference says. */
static void starts_at_bos(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 2, false);
    Tokenizer t = {.bos = 3, .eos = 4};
    for (int bos = 0; bos <= 3; bos += 3) {
        m->tokenizer = bos ? &t : NULL;
        Reference *r = reference_new(a, m, 8, 0);
        reference_step(r, bos);
        float top = 0;
        for (int l = -1; l < m->n_layers; l++) {
            for (int i = 0; i < m->dim; i++) {
                top = fmaxf(top, fabsf(reference_residual(r, l)[i]));
            }
        }
        assert_true(calibrated(a, m, "calibrate.tokens=1") == top);
    }
    arena_free(a);
}

static void overflow_is_refused(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 3, true);
    m->blocks[1].linear[ROLE_DOWN].w[0] = INFINITY;
    EXPECT_FATAL(calibrated(a, m, "seed=1"), "not finite after layer 1");
    arena_free(a);
}

static void bits_choose_formats(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 4, false);
    Unit u = tiny_unit(a, m);
    recipe_set_bits(a, (Recipe *)(uintptr_t)u.recipe, "3");
    recipe_set_bits(a, (Recipe *)(uintptr_t)u.recipe, "*.mlp.*=1.6");
    recipe_set_bits(a, (Recipe *)(uintptr_t)u.recipe, "head=8");
    pass_quantize(&u);
    Linear *l;
    for (int i = 0; (l = model_linears(m, i)) != NULL; i++) {
        Format expected = l == &m->head              ? FORMAT_INT8
                          : strstr(l->name, ".mlp.") ? FORMAT_TERNARY
                                                     : FORMAT_PLANES;
        assert_int_equal(l->format, expected);
    }
    m->blocks[2].linear[ROLE_K].w[21] = NAN;
    EXPECT_FATAL(pass_quantize(&u), "layers.2.attn.k: row 1 column 1 is not finite");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats),
        cmocka_unit_test(starts_at_bos),
        cmocka_unit_test(overflow_is_refused),
        cmocka_unit_test(bits_choose_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
