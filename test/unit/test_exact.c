/* Weights that a format can hold without any rounding: the quantized tensor is the one that was
 * read, to the last bit where one scale tells all, and within the rounding of a float32 where rows
 * have their own. What cannot be held so is not called so. */
#include "../../passes/quantize.h"
#include "tiny_model.h"

#include "runtime.h"
#include "sequence.h"
#include "train/trainer.h"

#include <float.h>
#include <stdio.h>

enum { ROWS = 37, COLS = 50 };

static const struct {
    Format format;
    int planes, n;
    float levels[8];
} kinds[] = {
    {FORMAT_TERNARY, 0, 3, {-1, 0, 1}},
    {FORMAT_PLANES, 1, 2, {-1, 1}},
    {FORMAT_PLANES, 1, 2, {0, 1}},
    {FORMAT_PLANES, 2, 3, {-1, 0, 1}},
    {FORMAT_PLANES, 2, 4, {-3, -1, 1, 3}},
    {FORMAT_PLANES, 2, 4, {-7, -2, 3, 8}},
    {FORMAT_PLANES, 3, 8, {-7, -5, -3, -1, 1, 3, 5, 7}},
    {FORMAT_PLANES, 3, 5, {-2, -1, 0, 1, 2}},
};

static GptqOptions options_of(size_t k)
{
    return (GptqOptions){kinds[k].format, kinds[k].planes, false, 5, 0.01};
}

/* Row r of one of the kinds, each level of it in each row, times size[r]; 0: a row of zeros. */
static Linear lattice(Arena *a, size_t k, const float *size)
{
    Linear l = {.name = "test", .rows = ROWS, .cols = COLS, .w = NEW(a, float, ROWS *COLS)};
    for (int i = 0; i < ROWS * COLS; i++) {
        const int c = i % COLS, n = kinds[k].n;
        tiny_random();
        l.w[i] = size[i / COLS] * kinds[k].levels[c < n ? c : (int)(tiny_state >> 16) % n];
    }
    return l;
}

static double largest_miss(const Linear *l)
{
    double worst = 0;
    for (int i = 0; i < ROWS * COLS; i++) {
        const double w = (double)l->w[i], v = (double)linear_value(l, i / COLS, i % COLS);
        worst = fmax(worst, w == 0 ? fabs(v) : fabs(v / w - 1));
    }
    return worst;
}

/* As BitNet b1.58 has it. */
static void one_scale(void **state)
{
    (void)state;
    for (size_t k = 0; k < LENGTH(kinds); k++) {
        for (uint32_t seed = 1; seed < 30; seed++) {
            Arena *a = arena_new();
            float size[ROWS];
            tiny_state = seed;
            const float s = expf(2 * tiny_random() - 4);
            for (int r = 0; r < ROWS; r++) {
                size[r] = r == 5 ? 0 : s;
            }
            Linear l = lattice(a, k, size);
            const GptqOptions o = options_of(k);
            assert_true(fit_exact(a, &l, &o, true));
            assert_true(l.gain > 0 && l.scale[0] >= 128 && l.scale[5] == 0);
            assert_true(largest_miss(&l) <= (double)FLT_EPSILON);
            for (int i = 0; i < ROWS * COLS && kinds[k].n <= 3; i++) {
                assert_true(linear_value(&l, i / COLS, i % COLS) == l.w[i]);
            }
            arena_free(a);
        }
    }
}

/* Rows that are whole multiples of one number, 1 to 255 times. */
static void scales_of_rows(void **state)
{
    (void)state;
    for (size_t k = 0; k < LENGTH(kinds); k++) {
        Arena *a = arena_new();
        float size[ROWS];
        for (int r = 0; r < ROWS; r++) {
            size[r] = 0.0037125f * (float)(30 + r * 225 / (ROWS - 1));
        }
        Linear l = lattice(a, k, size);
        const GptqOptions o = options_of(k);
        assert_true(fit_exact(a, &l, &o, true));
        printf("%s, %d planes: rows of their own: off by %.2g\n", format_names[l.format], l.planes,
               largest_miss(&l));
        assert_true(largest_miss(&l) <= (double)FLT_EPSILON);
        arena_free(a);
    }
}

/* Bytes and a power of two are enough: no gain, so that positions can have them. */
static void without_gain(void **state)
{
    (void)state;
    for (size_t k = 0; k < LENGTH(kinds); k++) {
        Arena *a = arena_new();
        float size[ROWS];
        for (int r = 0; r < ROWS; r++) {
            size[r] = r % 2 ? 0.375f : 0.625f;
        }
        Linear l = lattice(a, k, size);
        const GptqOptions o = options_of(k);
        assert_true(fit_exact(a, &l, &o, false));
        assert_true(l.gain == 0 && largest_miss(&l) == 0);
        size[3] = 0.1f; /* with which no byte does */
        l = lattice(a, k, size);
        assert_false(fit_exact(a, &l, &o, false));
        arena_free(a);
    }
}

/* Scales that have nothing to do with one another, levels that are no whole numbers, more levels
 * than there are codes, nothing but zeros, a weight that is a little off. */
static void what_is_not_exact(void **state)
{
    (void)state;
    for (size_t k = 0; k < LENGTH(kinds); k++) {
        Arena *a = arena_new();
        const GptqOptions o = options_of(k);
        float size[ROWS] = {0};
        Linear l = lattice(a, k, size);
        assert_false(fit_exact(a, &l, &o, true));
        for (int r = 0; r < ROWS; r++) {
            size[r] = 0.1f + 0.0137f * sqrtf((float)r);
        }
        l = lattice(a, k, size);
        assert_false(fit_exact(a, &l, &o, true));
        assert_true(l.format == FORMAT_FLOAT && !l.code && l.gain == 0);
        assert_true(fit_lattice(a, &l, &o, true)); /* but its codes are read off as they are */
        assert_true(largest_miss(&l) > (double)FLT_EPSILON);
        for (int r = 0; r < ROWS; r++) {
            size[r] = 0.1f;
        }
        l = lattice(a, k, size);
        l.w[COLS + 7] = l.w[COLS + 7] * 1.01f + 0.0001f;
        assert_false(fit_exact(a, &l, &o, true));
        arena_free(a);
    }
}

/* The scale of what a matrix reads takes its gain: 32 bits of it, cut to the 16 of a scale. */
static void gains_of_scales(void **state)
{
    (void)state;
    double worst = 0;
    tiny_state = 9;
    for (int i = 0; i < 100000; i++) {
        tiny_random();
        const uint32_t m = 32768 | (tiny_state >> 17), gain = tiny_state | 0x80000000U;
        const lm_scale s = lm_gain(LM_SCALE((int32_t)m, -20), gain, -40);
        const double want = (double)m * (double)gain;
        const double got = ldexp(lm_mantissa(s), lm_exponent(s) + 60);
        assert_true(lm_mantissa(s) >= 32768 && lm_mantissa(s) <= 65535);
        assert_true(got <= want);
        worst = fmax(worst, 1 - got / want);
    }
    assert_true(lm_gain(LM_SCALE(65535, 0), 0xffffffffU, -32) == LM_SCALE(65534, 0));
    assert_true(lm_gain(LM_SCALE(32768, 0), 0x80000000U, -31) == LM_SCALE(32768, 0));
    printf("gain of a scale: cut by at most %.3g of it\n", worst);
    assert_true(worst < 1.0 / 32768);
}

/* The text form, training, and the program know of it. */
static Unit ternary_unit(Arena *a)
{
    Unit u = tiny_unit(a, tiny_model(a, 3, false));
    Linear *l;
    for (int i = 0; (l = model_linears(u.model, i)); i++) {
        for (int k = 0; k < l->rows * l->cols; k++) {
            tiny_random();
            l->w[k] = (0.0713f + 0.001f * (float)i) * (float)((int)(tiny_state >> 16) % 3 - 1);
        }
    }
    return u;
}

static void whole_models(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit u = ternary_unit(a);
    u.target = target_load(a, "stm32h743");
    run_passes(&u, NULL, NULL, NULL);
    Layout *y = layout_new(a, u.model);
    Student *s = student_new(a, u.model, y, LEVELS_ADDITIVE);
    float *all = NEW(a, float, y->size);
    student_weights(s, all);
    Linear *l;
    int gains = 0, ops = 0;
    for (int i = 0; (l = model_linears(u.model, i)); i++) {
        for (int k = 0; k < l->rows * l->cols; k++) {
            assert_true(linear_value(l, k / l->cols, k % l->cols) == l->w[k]);
            assert_true(all[y->linear[i] + (size_t)k] == l->w[k]);
        }
        gains += l->gain > 0;
    }
    for (int i = 0; i < u.program->n_step; i++) {
        ops += u.program->ops[i].kind == OP_GAIN || u.program->ops[i].kind == OP_ROW_GAIN;
    }
    assert_int_equal(gains, 23);
    assert_int_equal(ops, gains);
    Buf text = {0}, again = {0};
    Unit read = {.arena = a, .recipe = u.recipe, .target = u.target};
    ir_print(&u, &text);
    ir_parse(&read, "text", (const char *)text.data, text.len);
    ir_print(&read, &again);
    assert_true(text.len == again.len && memcmp(text.data, again.data, text.len) == 0);
    buf_free(&text);
    buf_free(&again);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_scale),       cmocka_unit_test(scales_of_rows),
        cmocka_unit_test(without_gain),    cmocka_unit_test(what_is_not_exact),
        cmocka_unit_test(gains_of_scales), cmocka_unit_test(whole_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
