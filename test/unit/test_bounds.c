/* The worst cases that docs/arithmetic.md says still fit in 32 bits, met on purpose with the
 * constants that lower really picks: the largest heads, rows, windows and codebooks, INT32_MIN,
 * vectors of nothing. Results are compared with 64-bit sums or long double. And the tables of the
 * runtime against the program that writes them. */
#include "tiny_model.h"

#include "runtime.h"

#include <stdio.h>

/* The generator's tables, without its main. */
#define main make_tables
#include "../../compiler/make_tables.c"
#undef main

static const Op *find_op(const Program *p, OpKind kind, int nth)
{
    for (int i = 0; i < p->n_ops; i++)
        if (p->ops[i].kind == kind && nth-- == 0)
            return &p->ops[i];
    fail_msg("no such op");
    return NULL;
}

static void test_tables(void **state)
{
    static const uint16_t *const held[] = {lm_inverse, lm_exp2_table, lm_exp2_fine, lm_silu_table,
                                           lm_sine_table};
    static const size_t size[] = {LENGTH(lm_inverse), LENGTH(lm_exp2_table), LENGTH(lm_exp2_fine),
                                  LENGTH(lm_silu_table), LENGTH(lm_sine_table)};
    (void)state;
    assert_int_equal(LENGTH(tables), LENGTH(held));
    for (size_t t = 0; t < LENGTH(held); t++) {
        assert_int_equal(tables[t].n, size[t]);
        for (int i = 0; i < tables[t].n; i++)
            assert_int_equal(held[t][i], (int)roundl(tables[t].value(i)));
    }
}

/* One layer, one head of head_dim, `neurons` neurons, everything int8 but what the test replaces.
 */
static Unit *one_layer(Arena *a, int head_dim, int neurons, int window)
{
    enum { DIM = 4 };
    Unit *u = NEW(a, Unit, 1);
    Model *m = tiny_model(a, 3, true);
    Block *b = &m->blocks[0];
    m->n_layers = 1;
    m->dim = DIM;
    m->residual_absmax = 1;
    *b = (Block){.n_heads = 1,
                 .n_kv_heads = 1,
                 .head_dim = head_dim,
                 .n_neurons = neurons,
                 .kv_of_head = b->kv_of_head,
                 .attn_norm = b->attn_norm,
                 .mlp_norm = b->mlp_norm};
    b->attn_norm.n = b->mlp_norm.n = m->final_norm.n = DIM;
    for (Role role = ROLE_Q; role <= ROLE_V; role++)
        tiny_linear(a, &b->linear[role], head_dim, DIM);
    tiny_linear(a, &b->linear[ROLE_O], DIM, head_dim);
    tiny_linear(a, &b->linear[ROLE_GATE], neurons, DIM);
    tiny_linear(a, &b->linear[ROLE_UP], neurons, DIM);
    tiny_linear(a, &b->linear[ROLE_DOWN], DIM, neurons);
    tiny_linear(a, &m->embed, m->vocab, DIM);
    model_name_tensors(a, m);
    for (int i = 0; model_linears(m, i); i++)
        fit_int8(a, model_linears(m, i));
    *u = (Unit){.arena = a, .model = m};
    Recipe *r = recipe_default(a);
    r->window = window;
    u->recipe = r;
    return u;
}

/* A matrix with one code everywhere and the largest row scales. */
static void extreme(Arena *a, Linear *l, int planes, int zero, int coef, int code)
{
    l->format = FORMAT_PLANES;
    l->planes = planes;
    l->zero = (int8_t)zero;
    for (int k = 0; k < planes; k++)
        l->coef[k] = (int8_t)coef;
    l->scale = NEW(a, uint8_t, l->rows);
    l->code = NEW(a, uint8_t, (size_t)l->rows * (size_t)l->cols);
    memset(l->scale, 255, (size_t)l->rows);
    memset(l->code, code, (size_t)l->rows * (size_t)l->cols);
}

/* y by the definition, in 64 bits, checked to fit in 32 before it is compared. */
static void check_rows(Arena *a, const Linear *l, int pre, int sign)
{
    const int64_t stride = block_bytes(l->format, l->planes, l->cols);
    const int padded = packed_rows(l), blocks = padded / block_rows(l->format, l->planes);
    uint8_t *codes = NEW(a, uint8_t, stride * blocks), *rd = NEW(a, uint8_t, BOOK_BYTES + padded);
    int8_t *x = NEW(a, int8_t, l->cols);
    int16_t *table = NEW(a, int16_t, table_entries(TABLE_BYTE, l->cols));
    int32_t *y = NEW(a, int32_t, padded);
    memset(x, 127 * sign, (size_t)l->cols);
    pack_codes(l, stride, codes);
    pack_rows(l, rd);
    const int64_t acc = (int64_t)linear_code_value(l, l->code[0]) * 127 * sign * l->cols;
    const int64_t want = (acc >> pre) * l->scale[0];
    assert_true(acc >= INT32_MIN && acc <= INT32_MAX);
    assert_true(want >= INT32_MIN && want <= INT32_MAX);
    int32_t sum = lm_table_byte(x, table, l->cols);
    lm_planes_byte(codes, rd, table, sum, y, l->rows, l->cols, l->planes, pre, (int32_t)stride);
    for (int r = 0; r < l->rows; r++)
        assert_int_equal(y[r], want);
    sum = lm_table_nibble(x, table, l->cols);
    lm_planes_nibble(codes, rd, table, sum, y, l->rows, l->cols, l->planes, pre, (int32_t)stride);
    for (int r = 0; r < l->rows; r++)
        assert_int_equal(y[r], want);
}

static void test_largest_rows(void **state)
{
    static const int cols[] = {1, 7, 66, 67, 520, 1041, 8191, 16384};
    (void)state;
    for (size_t i = 0; i < LENGTH(cols); i++)
        for (int planes = 1; planes <= MAX_PLANES; planes++)
            for (int kind = 0; kind < 4; kind++) {
                Arena *a = arena_new();
                Unit *u = one_layer(a, 2, cols[i], 8);
                Linear *l = &u->model->blocks[0].linear[ROLE_DOWN];
                const int end = kind % 2 ? -128 : 127, ones = (1 << planes) - 1;
                extreme(a, l, planes, end, kind < 2 ? end : -1 - end, kind == 2 ? 0 : ones);
                pass_lower(u);
                const Op *op = find_op(u->program, OP_MATVEC, ROLE_DOWN);
                assert_int_equal(op->imm[MATVEC_COLS], cols[i]);
                check_rows(a, l, (int)op->imm[MATVEC_PRE], 1);
                check_rows(a, l, (int)op->imm[MATVEC_PRE], -1);
                arena_free(a);
            }
    Arena *a = arena_new();
    EXPECT_FATAL(pass_lower(one_layer(a, 2, 16385, 8)), "16385 inputs");
    arena_free(a);
}

/* Shifts for every head size and for windows up to the largest, against 64-bit worst cases. */
static void test_attention_shifts(void **state)
{
    (void)state;
    for (int dim = 2; dim <= 1024; dim += dim < 256 ? 2 : 98) {
        const int window = 1 + (dim * 7919 % 65536);
        Arena *a = arena_new();
        Unit *u = one_layer(a, dim, 4, dim == 256 ? 65536 : window);
        pass_lower(u);
        const int64_t *imm = find_op(u->program, OP_ATTEND, 0)->imm;
        const int64_t dot = 127LL * 127 * dim;
        assert_true((dot >> imm[ATTEND_PRE]) * LM_CACHE_SCALE_MAX <= INT32_MAX / 2);
        assert_true((-dot >> imm[ATTEND_PRE]) * LM_CACHE_SCALE_MAX >= INT32_MIN / 2);
        if (imm[ATTEND_PRE] > 0)
            assert_true((dot >> (imm[ATTEND_PRE] - 1)) * LM_CACHE_SCALE_MAX > INT32_MAX / 2);
        const uint32_t half = 0x8000U << imm[ATTEND_SPREAD];
        const uint32_t w = (32768U * LM_CACHE_SCALE_MAX + half) >> (16 + imm[ATTEND_SPREAD]);
        assert_true(w < 0x8000U);
        assert_true((int64_t)w * 127 * u->program->window <= INT32_MAX);
        arena_free(a);
    }
}

/* Every score equal, every value the largest: the sums are as large as they can be, and the result
 * must be the value itself. `sign`: of q against the keys. */
static void check_full_cache(int dim, int window, int sign, uint16_t k_scale, uint16_t v_scale,
                             int32_t exponent)
{
    Arena *a = arena_new();
    Unit *u = one_layer(a, dim, 4, window);
    pass_lower(u);
    const int64_t *imm = find_op(u->program, OP_ATTEND, 0)->imm;
    const size_t cells = (size_t)window * (size_t)dim;
    int8_t *keys = NEW(a, int8_t, cells), *values = NEW(a, int8_t, cells);
    uint16_t *ks = NEW(a, uint16_t, window), *vs = NEW(a, uint16_t, window);
    int32_t *weights = NEW(a, int32_t, window), *mix = NEW(a, int32_t, dim);
    int8_t *q = NEW(a, int8_t, dim), *x = NEW(a, int8_t, dim);
    int32_t mix_scale, q_scale = LM_SCALE(65535, -20);
    const uint8_t kv_of = 0;
    memset(q, 127 * sign, (size_t)dim);
    memset(keys, 127, cells);
    memset(values, -127, cells);
    for (int j = 0; j < window; j++) {
        ks[j] = k_scale;
        vs[j] = v_scale;
    }
    const lm_scale s =
        lm_attend(q, &q_scale, keys, ks, &exponent, values, vs, &exponent, &kv_of, window, weights,
                  mix, &mix_scale, x, 1, 1, dim, 0, (lm_scale)imm[ATTEND_UNIT],
                  (int32_t)imm[ATTEND_PRE], (int32_t)imm[ATTEND_SPREAD]);
    const double value = ldexp(-127.0 * v_scale, exponent);
    for (int d = 0; d < dim; d++) {
        const double got = ldexp(x[d] * (double)lm_mantissa(s), lm_exponent(s));
        if (!(fabs(got / value - 1) < 0.006)) /* half a unit of 127, and the weights' rounding */
            fail_msg("head_dim %d, window %d: %g for %g", dim, window, got, value);
    }
    arena_free(a);
}

static void test_full_cache(void **state)
{
    static const struct {
        int dim, window;
    } sizes[] = {{2, 1}, {64, 516}, {66, 517}, {128, 1034}, {256, 4096}, {256, 16384}, {2, 65536}};
    (void)state;
    for (size_t i = 0; i < LENGTH(sizes); i++)
        for (int sign = -1; sign <= 1; sign += 2) {
            check_full_cache(sizes[i].dim, sizes[i].window, sign, 0xfffe, 0xfffe, 30);
            check_full_cache(sizes[i].dim, sizes[i].window, sign, 0xfffe, 0xfffe, -300);
            check_full_cache(sizes[i].dim, sizes[i].window, sign, 0, 0x8000, -20);
            check_full_cache(sizes[i].dim, sizes[i].window, sign, 0x7fff, 0x7c00, 0);
        }
}

/* The first token draws half of the attention, the others share the rest: the hardest case for
 * weights that give up bits to the window. Gives the largest error in units of the result. */
static double sink_pattern(int window)
{
    enum { DIM = 16 };
    Arena *a = arena_new();
    Unit *u = one_layer(a, DIM, 4, window);
    pass_lower(u);
    const int64_t *imm = find_op(u->program, OP_ATTEND, 0)->imm;
    int8_t *keys = NEW(a, int8_t, window * DIM), *values = NEW(a, int8_t, window * DIM);
    uint16_t *ks = NEW(a, uint16_t, window), *vs = NEW(a, uint16_t, window);
    int32_t *weights = NEW(a, int32_t, window), mix[DIM], mix_scale;
    int8_t q[DIM] = {127}, x[DIM];
    const int32_t q_scale = lm_scale_of(52842, -30); /* 1 / (127 * 160) */
    const uint8_t kv_of = 0;
    const double unit = 127 * ldexp(lm_mantissa(q_scale), lm_exponent(q_scale)) * 64 / sqrt(DIM);
    double want[DIM] = {0}, top = 0, total = 0, worst = 0;
    keys[0] = (int8_t)nearbyint(log(window) * 10);
    for (int j = 0; j < window; j++) {
        ks[j] = 0x8000; /* 64 */
        vs[j] = 0x8000; /* 1 */
        for (int d = 0; d < DIM; d++) {
            if (j > 0 && d > 0)
                keys[j * DIM + d] = (int8_t)(20 * tiny_random());
            values[j * DIM + d] = (int8_t)(j == 0 ? 4 : 60 + 20 * tiny_random());
        }
        const double p = exp((keys[j * DIM] - keys[0]) * unit);
        total += p;
        for (int d = 0; d < DIM; d++)
            want[d] += p * values[j * DIM + d];
    }
    const int32_t k_exponent = 6 - 15, v_exponent = -15;
    const lm_scale s =
        lm_attend(q, &q_scale, keys, ks, &k_exponent, values, vs, &v_exponent, &kv_of, window,
                  weights, mix, &mix_scale, x, 1, 1, DIM, 0, (lm_scale)imm[ATTEND_UNIT],
                  (int32_t)imm[ATTEND_PRE], (int32_t)imm[ATTEND_SPREAD]);
    for (int d = 0; d < DIM; d++)
        top = fmax(top, fabs(want[d] / total));
    for (int d = 0; d < DIM; d++) {
        const double got = ldexp(x[d] * (double)lm_mantissa(s), lm_exponent(s));
        worst = fmax(worst, fabs(got - want[d] / total) / (top / 127));
    }
    printf("window %d, first token %.2f of the attention: error %.2f units (spread %d)\n", window,
           1 / total, worst, (int)imm[ATTEND_SPREAD]);
    arena_free(a);
    return worst;
}

static void test_sink_pattern(void **state)
{
    (void)state;
    for (int w = 256; w <= 8192; w *= 2)
        assert_true(sink_pattern(w) < 5);
}

/* The longest vectors of the largest and smallest residuals, and eps against them. */
static void test_norm_extremes(void **state)
{
    enum { DIM = 16384 };
    static const int32_t values[] = {INT32_MIN, INT32_MAX, 1, -1, 32767, -32769, 65536};
    static const double all_eps[] = {0, 1e-12, 1e-5, 1};
    static int32_t resid[DIM];
    static int16_t gamma[DIM];
    static int8_t x[DIM];
    double worst = 0;
    (void)state;
    for (int i = 0; i < DIM; i++)
        gamma[i] = (int16_t)(i % 2 ? 32767 : -32767);
    for (size_t trial = 0; trial < LENGTH(values) * LENGTH(all_eps) * 29; trial++) {
        const int32_t v = values[trial % LENGTH(values)];
        const double eps = all_eps[trial / LENGTH(values) % LENGTH(all_eps)];
        const int fraction = (int)(trial / (LENGTH(values) * LENGTH(all_eps)));
        int eps_e;
        const double f = frexp(eps * DIM, &eps_e);
        for (int i = 0; i < DIM; i++)
            resid[i] = v;
        const lm_scale s =
            lm_norm(resid, gamma, x, DIM, (uint32_t)floor(f * 65536),
                    eps > 0 ? eps_e - 16 + 2 * fraction : 0, 32768, 8 - 16 - 15 - 31);
        const double y = ldexp(v, -fraction);
        const double want = y / sqrt(y * y + eps) * 32767 / 32768;
        for (int i = 0; i < 2; i++) {
            const double got = ldexp(x[i] * (double)lm_mantissa(s), lm_exponent(s));
            worst = fmax(worst, fabs(got - (i ? want : -want)) / fabs(want) * 127);
        }
    }
    printf("norm of %d equal values: largest error %.4f of a unit\n", DIM, worst);
    assert_true(worst < 0.55);
}

/* The ends of int32 through every step between matrices: saturation, never a wrap. */
static void test_ends(void **state)
{
    int32_t gate[4], up[4], resid[4] = {INT32_MIN, INT32_MAX, 0, -1};
    const int32_t y[4] = {INT32_MIN, INT32_MAX, INT32_MIN, INT32_MAX};
    int32_t turned[8], angles[8], q_scale;
    int8_t x[8];
    (void)state;
    lm_add(resid, y, LM_SCALE(65535, 60), 4, 28);
    assert_int_equal(resid[0], INT32_MIN);
    assert_int_equal(resid[1], INT32_MAX);
    assert_int_equal(resid[2], -INT32_MAX);
    assert_int_equal(resid[3], INT32_MAX - 1);
    for (int e = -80; e <= 80; e++) {
        memcpy(gate, y, sizeof y);
        memcpy(up, y, sizeof y);
        lm_glu(gate, up, LM_SCALE(65535, e), LM_SCALE(65535, -e), x, 4);
        if (e < -43)
            continue;              /* the gate is below 12 */
        assert_int_equal(x[0], 0); /* silu of the lowest value */
        assert_true(x[1] >= 126);
    }
    for (uint32_t phase = 0; phase < 64; phase++) {
        const uint32_t frequency[2] = {0x04000000U, 0xfffffff1U};
        lm_angles(phase, frequency, angles, 2);
        lm_rotate(y, angles, LM_SCALE(65535, -40), turned, x, &q_scale, 1, 4, 1);
        assert_true(lm_largest(turned, 4) >= 0x20000000U);
        for (int i = 0; i < 4; i++)
            assert_true(x[i] >= -127);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_largest_rows),
        cmocka_unit_test(test_attention_shifts),
        cmocka_unit_test(test_full_cache),
        cmocka_unit_test(test_sink_pattern),
        cmocka_unit_test(test_norm_extremes),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
