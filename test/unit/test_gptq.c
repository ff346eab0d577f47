/* Calibrated quantization: the linear algebra it stands on, that it beats rounding to the nearest
 * where inputs are correlated, that no round of it makes the error larger, that lattices and float
 * weights are kept, and that threads change nothing. */
#include "../../passes/quantize.h"
#include "tiny_model.h"

#include <omp.h>
#include <stdio.h>

enum { ROWS = 40, COLS = 48, TOKENS = 300 };

static const struct {
    Format format;
    int planes;
    bool uniform;
} formats[] = {
    {FORMAT_PLANES, 1, false}, {FORMAT_PLANES, 2, false}, {FORMAT_PLANES, 3, false},
    {FORMAT_PLANES, 4, false}, {FORMAT_PLANES, 6, false}, {FORMAT_PLANES, 2, true},
    {FORMAT_PLANES, 4, true},  {FORMAT_TERNARY, 0, true}, {FORMAT_INT8, 0, true},
};

static Linear random_linear(Arena *a, int rows, int cols, uint32_t seed)
{
    Linear l = {.name = "test", .rows = rows, .cols = cols};
    tiny_state = seed;
    l.w = tiny_weights(a, rows * cols, 0, 0.3f);
    return l;
}

/* Inputs of which a few directions hold most, as those of trained networks are. */
static float *correlated(Arena *a, int cols, int tokens)
{
    float *mix = tiny_weights(a, cols * cols, 0, 1);
    float *x = NEW(a, float, tokens *cols);
    for (int t = 0; t < tokens; t++) {
        for (int k = 0; k < cols; k++) {
            float size = tiny_random() / (float)(1 + k);
            for (int c = 0; c < cols; c++) {
                x[t * cols + c] += size * mix[k * cols + c];
            }
        }
    }
    return x;
}

static GptqMoments *random_moments(Arena *a, int cols, bool cross)
{
    GptqMoments *m = gptq_moments_new(a, cols, cross, 0, TOKENS);
    float *x = correlated(a, cols, TOKENS), *y = tiny_weights(a, TOKENS * cols, 0, 0.1f);
    for (int i = 0; i < TOKENS * cols; i++) {
        y[i] += x[i];
    }
    gptq_moments_add(m, TOKENS, x, y, NULL, NULL);
    return m;
}

/* Error of the outputs and its undamped energy, against the float weights. */
static double output_error(const Linear *l, const GptqMoments *m)
{
    double error = 0, energy = 0;
    for (int r = 0; r < l->rows; r++) {
        for (int i = 0; i < l->cols; i++) {
            double wi = (double)l->w[r * l->cols + i], ei = wi - (double)linear_value(l, r, i);
            for (int j = 0; j < l->cols; j++) {
                double wj = (double)l->w[r * l->cols + j];
                error += ei * m->gram[i * l->cols + j] * (wj - (double)linear_value(l, r, j));
                energy += wi * m->gram[i * l->cols + j] * wj;
            }
        }
    }
    return error / energy;
}

static void factors_and_solves(void **state)
{
    (void)state;
    for (int n = 1; n <= 33; n += 8) {
        Arena *a = arena_new();
        GptqMoments *m = random_moments(a, n, false);
        double *b = NEW(a, double, 3 * n), *x = NEW(a, double, 3 * n);
        for (int i = 0; i < n; i++) {
            m->gram[i * n + i] += 1;
        }
        double *r = arena_copy(a, m->gram, (size_t)(n * n), sizeof(double));
        dense_factor(r, n);
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                double product = dense_dot(r + i * n, r + j * n, n);
                assert_true(fabs(product - m->gram[i * n + j]) < 1e-9 * m->gram[i * n + i]);
                assert_true(j >= i || r[i * n + j] == 0);
            }
        }
        for (int i = 0; i < 3 * n; i++) {
            x[i] = b[i] = (double)tiny_random();
        }
        dense_solve(r, n, x, 3);
        for (int row = 0; row < 3; row++) {
            for (int j = 0; j < n; j++) {
                double product = dense_dot(x + row * n, m->gram + j * n, n);
                assert_true(fabs(product - b[row * n + j]) < 1e-8);
            }
        }
        arena_free(a);
    }
}

static void sums_are_sums(void **state)
{
    (void)state;
    Arena *a = arena_new();
    const float x[] = {1, 2, -1, 0, 3, 1}, y[] = {2, 2, 0, 1, 1, 1}, drift[] = {3, 2};
    const float weight[] = {1, 2};
    GptqMoments *m = gptq_moments_new(a, 3, true, 1, 2);
    gptq_moments_add(m, 2, x, y, drift, NULL);
    assert_true(m->gram[0] == 1 && m->gram[1] == 2 && m->gram[3] == 2 && m->gram[4] == 13);
    assert_true(m->cross[0] == 2 && m->cross[1] == 7 && m->cross[3] == 2 && m->cross[8] == 1);
    assert_true(m->drift[0] == 3 && m->drift[1] == 12 && m->drift[2] == -1);
    m = gptq_moments_new(a, 3, true, 1, 2);
    gptq_moments_add(m, 2, x, y, drift, weight);
    assert_true(m->gram[4] == 22 && m->cross[1] == 10 && m->drift[1] == 18);
    arena_free(a);
}

/* No cross moments: the target is the weights themselves. */
static void beats_nearest(void **state)
{
    (void)state;
    for (size_t f = 0; f < LENGTH(formats); f++) {
        Arena *a = arena_new();
        Linear plain = random_linear(a, ROWS, COLS, 5), own = plain;
        GptqMoments *m = random_moments(a, COLS, false);
        GptqOptions o = {formats[f].format, formats[f].planes, formats[f].uniform, 20, 0.01};
        fit_weights(a, &plain, &o);
        GptqReport report = gptq_fit(a, &own, m, &o);
        double nearest = output_error(&plain, m), error = output_error(&own, m);
        printf("%s %d%s: error %.3g, to the nearest %.3g\n", format_names[o.format], o.planes,
               o.uniform ? " uniform" : "", error, nearest);
        assert_true(error < 0.6 * nearest);
        assert_true(report.error > error * 0.5 && report.error < nearest);
        assert_ptr_equal(own.w, plain.w);
        arena_free(a);
    }
}

static void assert_falls(const double *error, int n)
{
    for (int i = 1; i < n; i++) {
        assert_true(error[i] <= error[i - 1] * (1 + 1e-9));
    }
}

static void no_round_hurts(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 4; seed++) {
        for (size_t f = 0; f < LENGTH(formats); f++) {
            Arena *a = arena_new();
            Linear l = random_linear(a, ROWS, COLS, seed);
            GptqMoments *m = random_moments(a, COLS, true);
            GptqOptions o = {formats[f].format, formats[f].planes, formats[f].uniform, 5, 0.01};
            GptqReport report = gptq_fit(a, &l, m, &o);
            assert_falls(report.real, report.n_real);
            assert_falls(report.integer, report.n_integer);
            arena_free(a);
        }
    }
}

/* The float network's input is twice what arrives: the best weights are twice as large. */
static void target_follows_the_input(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Linear l = random_linear(a, ROWS, COLS, 9);
    GptqMoments *m = gptq_moments_new(a, COLS, true, 0, TOKENS);
    float *x = tiny_weights(a, TOKENS * COLS, 0, 1), *y = NEW(a, float, TOKENS *COLS);
    for (int i = 0; i < TOKENS * COLS; i++) {
        y[i] = 2 * x[i];
    }
    gptq_moments_add(m, TOKENS, x, y, NULL, NULL);
    GptqOptions o = {FORMAT_INT8, 0, true, 5, 0.001};
    gptq_fit(a, &l, m, &o);
    for (int i = 0; i < ROWS * COLS; i++) {
        double v = (double)linear_value(&l, i / COLS, i % COLS);
        assert_true(fabs(v - 2 * (double)l.w[i]) < 0.03);
    }
    arena_free(a);
}

static void overflow_is_seen(void **state)
{
    (void)state;
    Arena *a = arena_new();
    const float x[] = {1, 2, -1, 3e25f};
    GptqMoments *m = gptq_moments_new(a, 2, false, 0, 2);
    gptq_moments_add(m, 1, x, NULL, NULL, NULL);
    assert_true(gptq_moments_usable(m));
    gptq_moments_add(m, 2, x, NULL, NULL, NULL);
    assert_false(gptq_moments_usable(m));
    arena_free(a);
}

/* All-zero rows and inputs that never were anything but zero. */
static void nothing_to_see(void **state)
{
    (void)state;
    for (size_t f = 0; f < LENGTH(formats); f++) {
        Arena *a = arena_new();
        Linear l = random_linear(a, 5, 7, 3);
        GptqOptions o = {formats[f].format, formats[f].planes, formats[f].uniform, 5, 0.01};
        memset(l.w + 14, 0, 7 * sizeof(float));
        gptq_fit(a, &l, gptq_moments_new(a, 7, true, 0, 1), &o);
        assert_true(l.scale[2] == 0 && l.scale[1] > 0);
        for (int c = 0; c < 7; c++) {
            assert_true(linear_value(&l, 2, c) == 0);
        }
        arena_free(a);
    }
}

/* Asked for more bits, ternary weights become ternary. */
static void ternary_needs_no_more(void **state)
{
    (void)state;
    static const char *const bits[] = {"2", "4", "8", "1.6"};
    for (size_t k = 0; k < LENGTH(bits); k++) {
        Arena *a = arena_new();
        Unit u = tiny_unit(a, tiny_model(a, 3, true));
        Linear *l = &u.model->blocks[0].linear[ROLE_UP];
        for (int i = 0; i < l->rows * l->cols; i++) {
            l->w[i] = 0.07f * (float)(i * 7 % 3 - 1);
        }
        recipe_set_bits(a, (Recipe *)(uintptr_t)u.recipe, bits[k]);
        quantize_linear(&u, l, NULL);
        assert_int_equal(l->format, FORMAT_TERNARY);
        for (int i = 0; i < l->rows * l->cols; i++) {
            assert_int_equal(l->code[i], i * 7 % 3);
        }
        arena_free(a);
    }
}

static void lattices_are_kept(void **state)
{
    (void)state;
    static const float levels[][4] = {{-1, 1, -1, 1}, {-1, 0, 1, 0}, {-3, -1, 1, 3}};
    static const GptqOptions options[] = {{FORMAT_PLANES, 1, false, 20, 0.01},
                                          {FORMAT_TERNARY, 0, true, 20, 0.01},
                                          {FORMAT_PLANES, 2, false, 20, 0.01}};
    for (size_t k = 0; k < LENGTH(options); k++) {
        Arena *a = arena_new();
        Linear l = random_linear(a, ROWS, COLS, 21);
        assert_false(fit_lattice(a, &l, &options[k], true));
        for (int i = 0; i < ROWS * COLS; i++) {
            float scale = 0.1f + 0.001f * (float)(i / COLS);
            l.w[i] = scale * levels[k][(int)(fabsf(l.w[i]) * 1000) % 4];
        }
        assert_true(fit_lattice(a, &l, &options[k], true));
        for (int i = 0; i < ROWS * COLS; i++) {
            double off = (double)l.w[i] - (double)linear_value(&l, i / COLS, i % COLS);
            assert_true(fabs(off) <= 0.02 * fabs((double)l.w[i]));
        }
        arena_free(a);
    }
}

static void threads_agree(void **state)
{
    (void)state;
    for (size_t f = 1; f < LENGTH(formats); f += 3) {
        Arena *a = arena_new();
        Linear l = random_linear(a, 70, 61, 23), other = l;
        GptqOptions o = {formats[f].format, formats[f].planes, formats[f].uniform, 3, 0.01};
        uint32_t before = tiny_state;
        omp_set_num_threads(1);
        gptq_fit(a, &l, random_moments(a, 61, true), &o);
        tiny_state = before;
        omp_set_num_threads(3);
        gptq_fit(a, &other, random_moments(a, 61, true), &o);
        omp_set_num_threads(1);
        assert_memory_equal(l.code, other.code, 70 * 61);
        assert_memory_equal(l.scale, other.scale, 70);
        assert_memory_equal(l.coef, other.coef, sizeof(l.coef));
        assert_true(l.zero == other.zero && l.scale_exp == other.scale_exp);
        arena_free(a);
    }
}

/* The whole pass, tied and untied: every linear quantized, the float weights as they were, and the
 * network nearer to the float one than with weights that were only rounded. */
static double divergence(Arena *a, const Unit *u)
{
    Reference *x = reference_new(a, u->original, 32, 0), *y = reference_new(a, u->model, 32, 0);
    double sum = 0;
    for (int i = 0; i < 32; i++) {
        const float *lx = reference_step(x, tiny_token(i)), *ly = reference_step(y, tiny_token(i));
        for (int v = 0; v < u->model->vocab; v++) {
            sum += ((double)lx[v] - (double)ly[v]) * ((double)lx[v] - (double)ly[v]);
        }
    }
    return sum;
}

static void whole_models(void **state)
{
    (void)state;
    for (int tied = 0; tied < 2; tied++) {
        double error[FIT_METHODS];
        for (int method = 0; method < FIT_METHODS; method++) {
            Arena *a = arena_new();
            Unit u = tiny_unit(a, tiny_model(a, 31, tied));
            Recipe *r = recipe_default(a);
            r->bits = 3;
            r->fit_tokens = 2000;
            r->fit_method = (FitMethod)method;
            u.recipe = r;
            u.target = target_load(a, "host");
            run_passes(&u, "quantize", NULL, NULL);
            Linear *l, *was;
            for (int i = 0; (l = model_linears(u.model, i)) != NULL; i++) {
                was = model_linears((Model *)(uintptr_t)u.original, i);
                assert_true(l->format == FORMAT_PLANES);
                assert_memory_equal(l->w, was->w, (size_t)(l->rows * l->cols) * sizeof(float));
            }
            error[method] = divergence(a, &u);
            arena_free(a);
        }
        printf("%s: %.4g, weights alone %.4g\n", tied ? "tied" : "untied", error[FIT_GPTQ],
               error[FIT_WEIGHTS]);
        assert_true(error[FIT_GPTQ] < error[FIT_WEIGHTS]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factors_and_solves),
        cmocka_unit_test(sums_are_sums),
        cmocka_unit_test(beats_nearest),
        cmocka_unit_test(no_round_hurts),
        cmocka_unit_test(target_follows_the_input),
        cmocka_unit_test(nothing_to_see),
        cmocka_unit_test(overflow_is_seen),
        cmocka_unit_test(lattices_are_kept),
        cmocka_unit_test(ternary_needs_no_more),
        cmocka_unit_test(threads_agree),
        cmocka_unit_test(whole_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
