/* The inner loops of every instruction set that this machine runs: the same bytes as the portable
 * ones, for odd shapes; and products, rounding and Adam against plain C. */
#include "tiny_model.h"

#include "train/loops.h"

extern const Loops loops_plain;
#if defined(__x86_64__)
extern const Loops loops_avx2, loops_avx512;
#endif

#define MOST 4096

typedef struct Results {
    float value[27][MOST];
    float more[6 + 2 * ACTIVATIONS][MOST];
    double kl;
    uint8_t code[MOST];
} Results;

static float *numbers(Arena *a, int n, uint32_t seed)
{
    tiny_state = seed;
    return tiny_weights(a, n, 0, 1);
}

static void run_attention(Arena *a, const Loops *with, int n, int dim, Results *r)
{
    float *q = numbers(a, n * dim, 1), *k = numbers(a, n * dim, 2), *v = numbers(a, n * dim, 3);
    float *scratch = NEW(a, float, (2 * n + 4 * dim) * QUERIES);
    const AttentionBack back = {.forward = {.n = n,
                                            .head_dim = dim,
                                            .scale = 0.3f,
                                            .q = q,
                                            .k = k,
                                            .v = v,
                                            .q_row = dim,
                                            .kv_row = dim,
                                            .out = r->value[0],
                                            .total = r->value[1]},
                                .d_out = numbers(a, n * dim, 4),
                                .dot = r->value[2],
                                .d_q = r->value[3],
                                .d_k = r->value[4],
                                .d_v = r->value[5]};
    for (int b = 0; b * QUERIES < n; b++) {
        with->attend(&back.forward, b, scratch);
    }
    for (int b = 0; b * QUERIES < n; b++) {
        with->attend_back_queries(&back, b, scratch);
    }
    for (int b = 0; b * QUERIES < n; b++) {
        with->attend_back_keys(&back, b, scratch);
    }
    with->decode(q, numbers(a, dim * 48, 5), numbers(a, dim * 48, 6), n / 3, n, dim, 48,
                 r->value[6], r->value[7]);
}

static void run_rows(Arena *a, const Loops *with, int n, int dim, Results *r)
{
    float *x = numbers(a, n * dim, 7), *gamma = numbers(a, dim, 8), top;
    memcpy(r->value[10], x, (size_t)(n * dim) * sizeof(float));
    memcpy(r->value[13], x, (size_t)(n * dim) * sizeof(float));
    memcpy(r->value[14], gamma, (size_t)dim * sizeof(float));
    with->norm(x, gamma, 1e-5f, n, dim, r->value[8], r->value[9], r->value[12]);
    with->norm_back(x, r->value[9], r->value[12], gamma, n, dim, r->value[10], r->value[11]);
    with->layer_norm(x, gamma, x, 1e-5f, n, dim, r->more[0], r->more[1], r->more[2]);
    memcpy(r->more[3], x, (size_t)(n * dim) * sizeof(float));
    with->layer_norm_back(x, r->more[1], r->more[2], gamma, n, dim, r->more[3], r->more[4]);
    for (int k = 0; k < ACTIVATIONS; k++) {
        float *gate = r->more[6 + 2 * k], *out = r->more[7 + 2 * k];
        memcpy(gate, x, (size_t)(n * dim) * sizeof(float));
        with->gate[k](x, r->value[8], (size_t)(n * dim), out);
        with->gate_back[k](gate, r->value[8], (size_t)(n * dim), out);
    }
    r->value[17][0] = with->exponentials(x, n * dim, 0.7f, r->value[18], &top);
    r->kl = with->distill(r->value[14], x, dim, 0.1f, r->value[19]);
}

static void run_training(Arena *a, const Loops *with, int n, Results *r)
{
    float *w = numbers(a, n, 9);
    const LevelSteps levels = {.n = 3,
                               .first = -90,
                               .first_code = 0,
                               .threshold = {-60, 1, 67},
                               .step = {60, 62, 70},
                               .flip = {1, 3, 1}};
    const Adam by = {1e-3f, 0.5f, 0.9f, 0.98f, 0.1f, 0.02f};
    with->quantize(w, n, 0.02f, &levels, r->value[20], r->code);
    with->sum_planes(w, r->code, n, 2, r->value[21]);
    with->adam(&by, (size_t)n, w, r->value[22], r->value[23], r->value[20]);
    with->add(w, (size_t)n, r->value[20]);
}

static Results *run(Arena *a, const Loops *with, int n, int dim)
{
    Results *r = NEW(a, Results, 1);
    run_attention(a, with, n, dim, r);
    run_rows(a, with, n, dim, r);
    run_training(a, with, n * dim, r);
    return r;
}

static void assert_same(const Loops *with)
{
    static const int shape[][2] = {{1, 1}, {3, 7}, {16, 8}, {17, 16}, {33, 18}, {48, 32}};
    for (size_t i = 0; i < LENGTH(shape); i++) {
        Arena *a = arena_new();
        const Results *expected = run(a, &loops_plain, shape[i][0], shape[i][1]);
        assert_memory_equal(expected, run(a, with, shape[i][0], shape[i][1]), sizeof(Results));
        arena_free(a);
    }
}

static void same_bytes(void **state)
{
    (void)state;
    assert_same(&loops_plain);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        assert_same(&loops_avx2);
    }
    if (__builtin_cpu_supports("avx512f")) {
        assert_same(&loops_avx512);
    }
#endif
}

/* All strides, with and without adding: the sum over k in order, as plain C has it. */
static void products(void **state)
{
    (void)state;
    static const int shape[][3] = {{1, 1, 1}, {7, 17, 5}, {9, 33, 300}, {20, 16, 64}};
    Arena *a = arena_new();
    float *x = numbers(a, 20 * 300, 1), *y = numbers(a, 33 * 300, 2);
    for (int i = 0; i < (int)LENGTH(shape) * 8; i++) {
        const int m = shape[i / 8][0], n = shape[i / 8][1], k = shape[i / 8][2];
        const bool a_turned = i & 1, b_turned = i & 2, add = i & 4;
        float *found = numbers(a, m * n, 3), *expected = numbers(a, m * n, 3);
        product(&(Product){m, n, k, x, a_turned ? 1 : k, a_turned ? m : 1, y, b_turned ? 1 : n,
                           b_turned ? k : 1, found, n, add});
        for (int r = 0; r < m; r++) {
            for (int c = 0; c < n; c++) {
                float sum = add ? expected[r * n + c] : 0;
                for (int j = 0; j < k; j++) {
                    sum +=
                        x[a_turned ? j * m + r : r * k + j] * y[b_turned ? c * k + j : j * n + c];
                }
                assert_true(found[r * n + c] == sum);
            }
        }
    }
    arena_free(a);
}

/* Each weight takes the nearest level, and the code that goes with it. */
static void rounds_to_nearest(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Results *r = NEW(a, Results, 1);
    run_training(a, loops(), 100, r);
    const float *w = numbers(a, 100, 9);
    const float level[4] = {-90, -30, 32, 102}; /* by code */
    for (int i = 0; i < 100; i++) {
        for (int c = 0; c < 4; c++) {
            assert_true(fabsf(w[i] / 0.02f - level[r->code[i]]) <=
                        fabsf(w[i] / 0.02f - level[c]) + 1e-3f);
        }
    }
    arena_free(a);
}

/* ReLU's gradient has a bend, where differences of a loss say nothing. */
static void relu_gradient(void **state)
{
    (void)state;
    Arena *a = arena_new();
    float *g = numbers(a, 100, 1), *up = numbers(a, 100, 2), *d = numbers(a, 100, 3);
    const float *was = arena_copy(a, g, 100, sizeof *g), *dy = arena_copy(a, d, 100, sizeof *d);
    loops()->gate_back[ACT_RELU](g, up, 100, d);
    for (int i = 0; i < 100; i++) {
        assert_true(g[i] == (was[i] > 0 ? dy[i] * up[i] : 0));
        assert_true(d[i] == (was[i] > 0 ? dy[i] * was[i] : 0));
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bytes),
        cmocka_unit_test(products),
        cmocka_unit_test(rounds_to_nearest),
        cmocka_unit_test(relu_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
