/* The integer program against the float reference: close at 8 bits in every shape of the cache, the
 * same again after a reset, the same for any number of threads. */
#include "tiny_model.h"

#include <omp.h>
#include <stdio.h>

/* Random queries and keys make softmax pick one token, and any rounding may change which: a third
 * of their size makes a model that behaves like a trained one. */
static void calm(Model *m)
{
    for (int l = 0; l < m->n_layers; l++) {
        for (int i = 0; m->qk_norm && i < m->blocks[l].q_norm.n; i++)
            m->blocks[l].q_norm.gamma[i] /= 9;
        for (int role = ROLE_Q; role <= ROLE_K; role++) {
            Linear *w = &m->blocks[l].linear[role];
            for (int i = 0; i < w->rows * w->cols; i++)
                w->w[i] /= 3;
        }
    }
}

/* Of three of four seeds with what families may have. */
static Model *calm_model(Arena *a, uint32_t seed, bool tied, const Recipe *r)
{
    Model *m = tiny_model(a, seed, tied);
    if (seed % 4 == 2 && r->sinks == 0)
        tiny_gpt(a, m, (Activation)(seed / 4 % ACTIVATIONS), POSITION_LEARNED);
    else if (seed % 2)
        tiny_extras(a, m);
    if (seed % 3 == 0 && r->sinks == 0)
        tiny_more(a, m, r->activations != 1 && r->prune_heads.ratio == 0);
    calm(m);
    return m;
}

static Unit *compiled(Arena *a, Recipe *r, uint32_t seed, bool tied)
{
    Unit *u = NEW(a, Unit, 1);
    u->arena = a;
    u->model = calm_model(a, seed, tied, r);
    u->recipe = r;
    u->target = target_load(a, "host");
    run_passes(u, NULL, NULL, NULL);
    return u;
}

/* Cosine between integer and float logits, of all steps together, well past the window. */
static double compare(Arena *a, const Unit *u, int steps)
{
    const int vocab = u->model->vocab;
    Reference *r = reference_new(a, u->model, u->program->window, u->program->sinks);
    Simulator *s = simulator_new(a, u);
    double xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < steps; i++) {
        const int token = i * 7 % vocab;
        const float *x = reference_step(r, token);
        const int32_t *y = simulator_step(s, token);
        for (int k = 0; k < vocab; k++) {
            const double v = ldexp(y[k], -LOGIT_FRACTION);
            xx += (double)x[k] * (double)x[k];
            yy += v * v;
            xy += (double)x[k] * v;
        }
    }
    return xy / sqrt(xx * yy);
}

static void test_close(void **state)
{
    static const struct {
        int window, sinks;
        double heads;
    } cases[] = {{8, 0, 0}, {8, 3, 0}, {32, 0, 0}, {32, 4, 0.25}, {50, 0, 0.25}, {1, 0, 0}};
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        Arena *a = arena_new();
        Recipe *r = recipe_default(a);
        r->fit_method = FIT_WEIGHTS; /* quick: no samples */
        r->window = cases[i].window;
        r->sinks = cases[i].sinks;
        r->prune_heads.ratio = cases[i].heads;
        const Unit *u = compiled(a, r, 11 + (uint32_t)i, i % 2 == 0);
        const double cosine = compare(a, u, 5 * cases[i].window < 60 ? 60 : 5 * cases[i].window);
        printf("window %d, sinks %d: cosine %.6f\n", cases[i].window, cases[i].sinks, cosine);
        assert_true(cosine >= 0.999);
        arena_free(a);
    }
}

/* Prompts read two tokens at a time: the next steps' logits are those after as many steps. */
static void test_read_two(void **state)
{
    static const double bits[] = {1, 1.6, 2, 3, 5, 8};
    (void)state;
    for (size_t i = 0; i < 2 * LENGTH(bits); i++) {
        Arena *a = arena_new();
        Recipe *r = recipe_default(a);
        r->fit_method = FIT_WEIGHTS; /* quick: no samples */
        r->window = 9;
        r->sinks = i < LENGTH(bits) ? 0 : 3;
        r->bits = bits[i % LENGTH(bits)];
        r->batch = 2;
        const Unit *u = compiled(a, r, 3 + (uint32_t)i, true);
        assert_true(u->program->n_step < u->program->n_ops);
        Simulator *two = simulator_new(a, u), *one = simulator_new(a, u);
        for (int k = 0; k < 40; k += 3) {
            const int tokens[3] = {k % 7, k * 5 % 11, k * 3 % 13};
            const int32_t *logits = NULL;
            simulator_read_two(two, tokens);
            for (int t = 0; t < 3; t++)
                logits = simulator_step(one, tokens[t]);
            const int32_t *same = simulator_step(two, tokens[2]);
            assert_memory_equal(same, logits, (size_t)u->model->vocab * 4);
        }
        arena_free(a);
    }
}

/* Compiled with binary activations; `kernel` for every matrix in a layer, -1: the best. */
static const Unit *with_signs(Arena *a, double bits, uint32_t seed, int kernel)
{
    Recipe *r = recipe_default(a);
    r->fit_method = FIT_WEIGHTS; /* quick: no samples */
    r->bits = bits;
    r->activations = 1;
    Unit *u = NEW(a, Unit, 1);
    *u = (Unit){.arena = a,
                .model = calm_model(a, seed, true, r),
                .recipe = r,
                .target = target_load(a, "host")};
    run_passes(u, "lower", NULL, NULL);
    for (int i = 0; i < u->program->n_ops && kernel >= 0; i++) {
        Op *op = &u->program->ops[i];
        if (op_is_matvec(op->kind) && op->layer < u->model->n_layers)
            op->kernel = kernel;
    }
    if (kernel >= 0) {
        pass_choose(u);
        u->facts |= FACT_CHOSEN;
    }
    run_passes(u, NULL, NULL, NULL);
    return u;
}

/* Bits are counted where that is possible and cheaper, and give what sums of signs give. */
static void test_signs(void **state)
{
    static const double bits[] = {1, 2, 4, 3, 1.6, 8};
    (void)state;
    for (size_t i = 0; i < LENGTH(bits); i++) {
        Arena *a = arena_new();
        const Unit *u = with_signs(a, bits[i], 3 + (uint32_t)i, -1);
        const int xnor = find_kernel("planes-xnor");
        int counted = 0;
        for (int k = 0; k < u->program->n_ops; k++)
            counted += u->program->ops[k].kind == OP_MATVEC && u->program->ops[k].kernel == xnor;
        assert_int_equal(counted, i < 3 ? 3 * ROLES : 0);
        assert_int_equal(u->model->activation_bits, 1);
        assert_int_equal(u->original->activation_bits, 8);
        if (i < 3) {
            const Unit *v = with_signs(a, bits[i], 3 + (uint32_t)i, find_kernel("planes-byte"));
            Simulator *s = simulator_new(a, u), *t = simulator_new(a, v);
            for (int k = 0; k < 40; k++)
                assert_memory_equal(simulator_step(s, k % 7), simulator_step(t, k % 7),
                                    (size_t)u->model->vocab * 4);
        }
        const double cosine = compare(a, u, 40);
        printf("signs, %g bits: cosine %.6f\n", bits[i], cosine);
        arena_free(a);
    }
}

/* Static scales, of all that families may have: close to the float model that clips and rounds what
 * its linears read alike; two tokens at a time as one by one. */
static void test_static(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 24; seed++) {
        Arena *a = arena_new();
        Recipe *r = recipe_default(a);
        r->fit_method = FIT_WEIGHTS;
        r->fit_tokens = 300;
        r->scales = SCALES_STATIC;
        r->window = 9;
        r->sinks = seed % 5 == 4 ? 3 : 0;
        r->batch = 2;
        const Unit *u = compiled(a, r, seed, seed % 3 == 0);
        const double cosine = compare(a, u, 40);
        printf("static, seed %u: cosine %.6f\n", (unsigned)seed, cosine);
        assert_true(model_static_scales(u->model) && cosine >= 0.995);
        assert_true(u->program->n_step < u->program->n_ops);
        Simulator *two = simulator_new(a, u), *one = simulator_new(a, u);
        for (int k = 0; k < 30; k += 2) {
            const int tokens[2] = {k % 7, k * 5 % 11};
            simulator_read_two(two, tokens);
            simulator_step(one, tokens[0]);
            simulator_step(one, tokens[1]);
        }
        assert_memory_equal(simulator_step(two, 3), simulator_step(one, 3),
                            (size_t)u->model->vocab * 4);
        arena_free(a);
    }
}

/* A head that keeps the largest logits has those of the head that keeps all. */
static void test_top(void **state)
{
    static const double bits[] = {1, 1.6, 2, 3, 5, 8};
    (void)state;
    for (size_t i = 0; i < LENGTH(bits); i++) {
        Arena *a = arena_new();
        Recipe *r = recipe_default(a), *top = recipe_default(a);
        r->fit_method = top->fit_method = FIT_WEIGHTS;
        r->bits = top->bits = bits[i];
        top->top = i == 0 ? MAX_TOP : 1 + 3 * (int)i;
        const Unit *whole = compiled(a, r, 3 + (uint32_t)i, true);
        const Unit *best = compiled(a, top, 3 + (uint32_t)i, true);
        Simulator *s = simulator_new(a, whole), *t = simulator_new(a, best);
        const int vocab = whole->model->vocab, kept = top->top < vocab ? top->top : vocab;
        assert_int_equal(top_of(whole->program), 0);
        assert_int_equal(top_of(best->program), kept);
        for (int k = 0; k < 30; k++) {
            int n, words;
            const int32_t *logits = simulator_step(s, k % 7);
            assert_memory_equal(simulator_step(t, k % 7), logits, (size_t)vocab * 4);
            assert_ptr_equal(simulator_output(s, &n), logits);
            assert_int_equal(n, vocab);
            const int32_t *output = simulator_output(t, &words);
            assert_int_equal(words, 2 * kept);
            for (int w = 0; w < words; w += 2) {
                int before = 0; /* tokens that come first in order */
                for (int v = 0; v < vocab; v++)
                    before +=
                        logits[v] > output[w + 1] || (logits[v] == output[w + 1] && v < output[w]);
                assert_int_equal(logits[output[w]], output[w + 1]);
                assert_int_equal(before, w / 2);
            }
        }
        arena_free(a);
    }
}

static void test_reset_and_threads(void **state)
{
    Arena *a = arena_new();
    int32_t first[24];
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        omp_set_num_threads(threads);
        Recipe *r = recipe_default(a);
        r->fit_method = FIT_WEIGHTS; /* quick: no samples */
        r->bits = 3;
        r->window = 6;
        r->sinks = 2;
        const Unit *u = compiled(a, r, 5, false);
        Simulator *s = simulator_new(a, u);
        for (int round = 0; round < 2; round++) {
            const int32_t *logits = NULL;
            simulator_reset(s);
            for (int i = 0; i < 20; i++)
                logits = simulator_step(s, i);
            if (threads == 1 && round == 0)
                memcpy(first, logits, sizeof first);
            assert_memory_equal(first, logits, sizeof first);
        }
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close), cmocka_unit_test(test_read_two),
        cmocka_unit_test(test_signs), cmocka_unit_test(test_static),
        cmocka_unit_test(test_top),   cmocka_unit_test(test_reset_and_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
