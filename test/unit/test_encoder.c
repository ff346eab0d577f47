/* Encoders: the runtime's functions that only they use against long double, with the error bounds
 * that docs/arithmetic.md states (prints what it measured), and the network over whole sequences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime.h"
#include "sequence.h"
#include "tiny_model.h"

#define WIDEST 96

static uint32_t random_state = 1;

static uint32_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* About normal, of variance 1. */
static double normal(void)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += draw() / 4294967296.0;
    return sum - 6;
}

static void check(const char *what, long double measured, long double bound)
{
    printf("%-24s largest error %.6Lg, bound %.6Lg\n", what, measured, bound);
    assert_true(measured <= bound);
}

static void test_tanh(void **state)
{
    (void)state;
    long double worst = 0;
    for (int32_t g = -400000; g <= 400000; g++)
        worst = fmaxl(worst, fabsl(lm_tanh(g) - 32768 * tanhl(ldexpl(g, -15))));
    check("tanh, of 2^-15", worst, 1.6L);
    assert_int_equal(lm_tanh(INT32_MIN), -32768);
    assert_int_equal(lm_tanh(INT32_MAX), 32768);
    int32_t y[3] = {1000, -1000, 0};
    lm_dense_relu(y, LM_SCALE(32768, -25), 3);
    assert_int_equal(y[0], 32000);
    assert_int_equal(y[1], 0);
}

static void test_pool(void **state)
{
    (void)state;
    static int32_t rows[37 * WIDEST], pooled[WIDEST];
    long double worst = 0;
    for (int n = 1; n <= 37; n++) {
        long double mean[WIDEST] = {0}, squares = 0;
        const double size = ldexp(1, (int)(draw() % 30));
        for (int i = 0; i < n * WIDEST; i++) {
            rows[i] = (int32_t)(size * normal() / 8);
            mean[i % WIDEST] += rows[i];
        }
        lm_pool(rows, n, pooled, WIDEST);
        for (int i = 0; i < WIDEST; i++)
            squares += (long double)pooled[i] * pooled[i];
        lm_unit_length(pooled, WIDEST);
        long double whole = 0;
        for (int i = 0; i < WIDEST; i++)
            whole += mean[i] * mean[i];
        for (int i = 0; i < WIDEST && size > 1e6; i++)
            worst = fmaxl(worst, fabsl(pooled[i] - 32768 * mean[i] / sqrtl(whole)));
        if (squares == 0)
            for (int i = 0; i < WIDEST; i++)
                assert_int_equal(pooled[i], 0);
    }
    check("embedding, of 2^-15", worst, 2.0L);
    int32_t one[2] = {INT32_MIN, 0};
    lm_unit_length(one, 2);
    assert_int_equal(one[0], -32767);
}

static void test_probabilities(void **state)
{
    (void)state;
    long double worst = 0;
    for (int t = 0; t < 3000; t++) {
        static int32_t logits[WIDEST];
        uint16_t p[WIDEST];
        const int n = 1 + (int)(draw() % WIDEST);
        const double size = ldexp(1, (int)(draw() % 12) - 4);
        long double total = 0, top = -INFINITY;
        for (int i = 0; i < n; i++) {
            logits[i] = (int32_t)(65536 * size * normal());
            top = fmaxl(top, logits[i]);
        }
        for (int i = 0; i < n; i++)
            total += expl((logits[i] - top) / 65536);
        lm_probabilities(logits, n, p);
        for (int i = 0; i < n; i++)
            worst = fmaxl(worst, fabsl(p[i] - 32768 * expl((logits[i] - top) / 65536) / total));
    }
    check("probability, of 2^-15", worst, 4.0L);
    const int32_t far[2] = {INT32_MAX, INT32_MIN};
    uint16_t p[2];
    lm_probabilities(far, 2, p);
    assert_int_equal(p[1], 0);
    assert_true(p[0] >= 32766);
}

/* Post-norm, learned positions, a dense layer before three classes. */
static Model *tiny_encoder(Arena *a, bool post_norm)
{
    Model *m = tiny_model(a, 5, false);
    m->family = "bert";
    m->norm = NORM_LAYER;
    m->position = POSITION_LEARNED;
    m->activation = ACT_GELU;
    m->encoder = m->ungated = true;
    m->post_norm = post_norm;
    m->head_kind = HEAD_CLASS;
    for (int l = 0; l < m->n_layers; l++) {
        Block *b = &m->blocks[l];
        b->linear[ROLE_GATE] = (Linear){.name = b->linear[ROLE_GATE].name};
        b->attn_norm.beta = tiny_weights(a, m->dim, 0, 0.3f);
        b->mlp_norm.beta = tiny_weights(a, m->dim, 0, 0.3f);
        for (int r = 0; r < ROLES; r++)
            b->linear[r].bias =
                b->linear[r].rows > 0 ? tiny_weights(a, b->linear[r].rows, 0, 0.3f) : NULL;
    }
    m->final_norm.beta = tiny_weights(a, m->dim, 0, 0.3f);
    tiny_linear(a, &m->positions, m->context, m->dim);
    tiny_linear(a, &m->dense, m->dim, m->dim);
    m->dense.bias = tiny_weights(a, m->dim, 0, 0.3f);
    tiny_linear(a, &m->head, 3, m->dim);
    m->head.bias = tiny_weights(a, 3, 0, 0.3f);
    model_name_tensors(a, m);
    return m;
}

/* The network that passes run is that of the reference: every token sees those after it. */
static void test_sequence(void **state)
{
    (void)state;
    Arena *a = arena_new();
    for (int post = 0; post < 2; post++) {
        Model *m = tiny_encoder(a, post != 0);
        Sequence *s = sequence_new(a, m, 32);
        EncoderReference *r = encoder_reference_new(a, m, 32);
        int tokens[32];
        for (int i = 0; i < 32; i++)
            tokens[i] = (i * 7 + 3) % m->vocab;
        for (int n = 1; n <= 32; n += 5) {
            sequence_run(s, tokens, n);
            encoder_reference_read(r, tokens, n);
            for (int t = 0; t < n; t++) {
                const float *x = sequence_residual(s) + t * m->dim;
                const float *y = encoder_reference_residual(r, m->n_layers - 1, t);
                for (int i = 0; i < m->dim; i++)
                    assert_true(fabsf(x[i] - y[i]) < 2e-5f);
            }
        }
    }
    arena_free(a);
}

/* Sums for a cosine. */
typedef struct Cosine {
    double dot, own, other;
} Cosine;

static void compare(Cosine *c, const int32_t *x, const float *y, int n)
{
    for (int i = 0; i < n; i++) {
        c->dot += x[i] / 65536.0 * (double)y[i];
        c->own += x[i] / 65536.0 * x[i] / 65536.0;
        c->other += (double)y[i] * (double)y[i];
    }
}

static Model *tiny_listener(Arena *a, bool post_norm)
{
    Model *m = tiny_encoder(a, post_norm);
    m->dense = (Linear){.name = m->dense.name};
    tiny_frames(a, m);
    return m;
}

static void make_clip(int *bytes, int seed)
{
    for (int i = 0; i < 120; i++)
        bytes[i] = tiny_byte(i, seed);
}

/* Frames: the network that passes run, the reference and the program agree, and the program gives
 * the same whatever clip came before. */
static void test_frames(void **state)
{
    (void)state;
    Arena *a = arena_new();
    for (int post = 0; post < 2; post++) {
        Recipe *recipe = recipe_default(a);
        recipe_set(a, recipe, "quantize.method=gptq");
        Unit u = {.arena = a, .recipe = recipe, .target = target_load(a, "host")};
        Model *m = u.model = tiny_listener(a, post != 0);
        Sequence *s = sequence_new(a, m, m->context);
        EncoderReference *r = encoder_reference_new(a, m, m->context);
        int bytes[120];
        assert_int_equal(model_frames(m), 24);
        assert_ptr_equal(model_linears(m, model_patch_index(m)), &m->patch);
        assert_null(model_linears(m, model_patch_index(m) + 1));
        run_passes(&u, NULL, NULL, NULL);
        Simulator *p = simulator_new(a, &u);
        int32_t once[6][3];
        Cosine cosine = {0};
        for (int k = 0; k < 12; k++) {
            make_clip(bytes, k % 6);
            sequence_run(s, bytes, m->context);
            encoder_reference_read(r, bytes, m->context);
            for (int i = 0; i < m->context * m->dim; i++)
                assert_true(fabsf(sequence_residual(s)[i] -
                                  encoder_reference_residual(r, m->n_layers - 1, 0)[i]) < 2e-5f);
            simulator_read(p, bytes, m->context);
            const int32_t *got = simulator_head(p, 0);
            const float *y = encoder_reference_output(r, 0);
            for (int i = 0; i < 3; i++) {
                once[k % 6][i] = k < 6 ? got[i] : once[k % 6][i];
                assert_int_equal(got[i], once[k % 6][i]);
            }
            compare(&cosine, got, y, 3);
        }
        check("frames, 1 - cosine", 1 - cosine.dot / sqrt(cosine.own * cosine.other), 1e-3L);
    }
    arena_free(a);
}

/* The integer program: the same outputs, however long the sequence before was. */
static void test_program(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Recipe *recipe = recipe_default(a);
    recipe_set(a, recipe, "quantize.method=gptq");
    Unit u = {.arena = a, .recipe = recipe, .target = target_load(a, "host")};
    u.model = tiny_encoder(a, true);
    recipe_set_bits(a, recipe, "8");
    run_passes(&u, NULL, NULL, NULL);
    Simulator *s = simulator_new(a, &u);
    EncoderReference *r = encoder_reference_new(a, u.original, 32);
    int32_t once[33][3];
    Cosine sum = {0, 0, 0};
    int tokens[32];
    for (int i = 0; i < 32; i++)
        tokens[i] = (i * 11 + 5) % u.model->vocab;
    for (int n = 1; n <= 32; n++) {
        simulator_read(s, tokens, n);
        memcpy(once[n], simulator_head(s, 0), sizeof once[n]);
        encoder_reference_read(r, tokens, n);
        compare(&sum, once[n], encoder_reference_output(r, 0), 3);
    }
    for (int n = 32; n >= 1; n--) {
        simulator_read(s, tokens, n);
        assert_memory_equal(once[n], simulator_head(s, 0), sizeof once[n]);
        assert_memory_equal(once[n], simulator_head(s, 0), sizeof once[n]);
    }
    const double cosine = sum.dot / sqrt(sum.own * sum.other);
    printf("%-24s %.6f\n", "program, cosine", cosine);
    assert_true(cosine > 0.999);
    arena_free(a);
}

static Unit exit_unit(Arena *a, const char *threshold)
{
    Recipe *recipe = recipe_default(a);
    recipe_set_bits(a, recipe, "8");
    recipe_set(a, recipe, threshold);
    Unit u = {.arena = a, .recipe = recipe, .target = target_load(a, "host")};
    u.model = tiny_encoder(a, true);
    tiny_exits(a, u.model);
    return u;
}

/* An exit's head is the matrix on the norm that follows its layer; whichever is taken, the program
 * gives what the reference does, and without exits the network is as if there were none. */
static void test_exits(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit u = exit_unit(a, "exits.threshold=0.5"), plain = exit_unit(a, "exits.threshold=0");
    assert_int_equal(u.model->n_exits, 2);
    run_passes(&u, NULL, NULL, NULL);
    run_passes(&plain, NULL, NULL, NULL);
    assert_int_equal(plain.model->n_exits, 0);
    Simulator *s = simulator_new(a, &u), *without = simulator_new(a, &plain);
    EncoderReference *r = encoder_reference_new(a, u.original, 32);
    int tokens[32];
    Cosine sums[3] = {{0, 0, 0}}; /* by none, by each */
    for (int i = 0; i < 32; i++)
        tokens[i] = (i * 11 + 5) % u.model->vocab;
    for (int n = 1; n <= 32; n++) {
        encoder_reference_read(r, tokens, n);
        for (int exit = -1; exit < 2; exit++) {
            simulator_exit_at(s, 0, exit == 0 ? 0 : EXIT_NEVER);
            simulator_exit_at(s, 1, exit == 1 ? 0 : EXIT_NEVER);
            simulator_read(s, tokens, n);
            assert_int_equal(simulator_exit(s), exit);
            const float *y =
                exit < 0 ? encoder_reference_output(r, 0) : encoder_reference_exit(r, exit, 0);
            compare(&sums[exit + 1], simulator_head(s, 0), y, 3);
        }
        simulator_exit_at(s, 1, EXIT_NEVER);
        simulator_read(s, tokens, n);
        simulator_read(without, tokens, n);
        assert_memory_equal(simulator_head(s, 0), simulator_head(without, 0), 12);
    }
    for (int i = 0; i < 3; i++) {
        const double cosine = sums[i].dot / sqrt(sums[i].own * sums[i].other);
        printf("exit %-19d %.6f\n", i - 1, cosine);
        assert_true(cosine > 0.999);
    }
    arena_free(a);
}

/* The threshold is met by a probability that equals it, and missed by the next one. */
static void test_exit_threshold(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit u = exit_unit(a, "exits.threshold=1");
    run_passes(&u, NULL, NULL, NULL);
    Simulator *s = simulator_new(a, &u);
    const int tokens[5] = {3, 1, 4, 1, 5};
    simulator_exit_at(s, 0, 0);
    simulator_read(s, tokens, 5);
    const int32_t *logits = simulator_head(s, 0);
    const int sure = lm_probability(logits, 3, lm_argmax(logits, 3));
    simulator_exit_at(s, 0, sure);
    simulator_read(s, tokens, 5);
    assert_int_equal(simulator_exit(s), 0);
    simulator_exit_at(s, 0, sure + 1);
    simulator_read(s, tokens, 5);
    assert_int_equal(simulator_exit(s), -1);
    assert_int_equal(exit_units(u.recipe), 32768);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {

        cmocka_unit_test(test_tanh),          cmocka_unit_test(test_pool),
        cmocka_unit_test(test_probabilities), cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_frames),        cmocka_unit_test(test_program),
        cmocka_unit_test(test_exits),         cmocka_unit_test(test_exit_threshold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
