/* Every fixed-point function against long double, exhaustively or on a dense grid, with the error
 * bounds that docs/arithmetic.md states. Prints what it measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "runtime.h"

static uint32_t random_state = 1;

static uint32_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* Words of every length, both signs, and the ends of the range. */
static int32_t any_word(void)
{
    static const int32_t ends[] = {0,          1,     -1,    INT32_MAX, INT32_MIN,
                                   -INT32_MAX, 65535, 65536, -65536};
    if (draw() % 16 == 0)
        return ends[draw() % 9];
    const uint32_t v = draw() >> draw() % 32;
    return (int32_t)(draw() % 2 ? v : 0U - v);
}

static void check(const char *what, long double measured, long double bound)
{
    printf("%-24s largest error %.6Lg, bound %.6Lg\n", what, measured, bound);
    assert_true(measured <= bound);
}

static void test_bits(void **state)
{
    (void)state;
    assert_int_equal(lm_bits(0), 0);
    for (int n = 0; n < 32; n++) {
        assert_int_equal(lm_bits(1U << n), n + 1);
        assert_int_equal(lm_bits((uint32_t)((2ULL << n) - 1)), n + 1);
    }
}

static void test_exact(void **state)
{
    (void)state;
    for (int i = 0; i < 2000000; i++) {
        const int32_t a = any_word(), b = any_word();
        const uint32_t m = draw() & 0xffff;
        const int e = (int)(draw() % 80) - 40;
        assert_int_equal(lm_mul16(a, m), (int32_t)floorl((long double)a * m / 65536));
        const long double shifted = floorl(ldexpl(a, e) + 0.5L);
        const long double most = INT32_MAX;
        assert_int_equal(lm_shift(a, e), (int32_t)(shifted > most    ? most
                                                   : shifted < -most ? (e < 0 ? shifted : -most)
                                                                     : shifted));
        const int64_t sum = (int64_t)a + b;
        assert_int_equal(lm_add_sat(a, b), sum > INT32_MAX   ? INT32_MAX
                                           : sum < INT32_MIN ? INT32_MIN
                                                             : sum);
        assert_int_equal(lm_abs(a), (uint32_t)(a < 0 ? -(int64_t)a : a));
    }
}

static void test_recip(void **state)
{
    (void)state;
    for (uint32_t d = 32768; d < 65536; d++) {
        const uint32_t exact = (uint32_t)(2147483648ULL / d);
        assert_int_equal(lm_recip16(d), exact > 65535 ? 65535 : exact);
    }
}

static void test_isqrt(void **state)
{
    (void)state;
    for (uint64_t r = 0; r < 65536; r++) {
        assert_int_equal(lm_isqrt((uint32_t)(r * r)), r);
        assert_int_equal(lm_isqrt((uint32_t)(r * r + 2 * r)), r);
    }
}

static void test_scales(void **state)
{
    long double worst = 0, worst_mul = 0;
    (void)state;
    for (int i = 0; i < 500000; i++) {
        const uint32_t m = (draw() >> draw() % 32) | 1U;
        const lm_scale s = lm_scale_of(m, (int)(draw() % 100) - 50);
        assert_in_range(lm_mantissa(s), 32768, 65535);
        const lm_scale t = lm_scale_of(m, 0);
        worst = fmaxl(worst, 1 - ldexpl(lm_mantissa(t), lm_exponent(t)) / m);
        const lm_scale p = lm_scale_mul(s, t);
        const long double exact = (long double)lm_mantissa(s) * lm_mantissa(t);
        worst_mul = fmaxl(
            worst_mul,
            1 - ldexpl(lm_mantissa(p), lm_exponent(p) - lm_exponent(s) - lm_exponent(t)) / exact);
    }
    check("scale_of, relative", worst, ldexpl(1, -15));
    check("scale_mul, relative", worst_mul, ldexpl(1, -15));
}

/* Of the nearest step: off by half of one, which is 2^-10 of an octave, and by the table's and the
 * shift's rounding. */
static void test_exp2(void **state)
{
    long double worst = 0;
    (void)state;
    for (uint32_t i = 0; i < 1 << 21; i++) {
        const uint32_t a = draw() & 0xffffU, m = draw() & 0xffffU;
        const long double exact = 32768 * exp2l(-(long double)a * m / 134217728);
        const long double got = lm_exp2_nearest(a, m);
        worst = fmaxl(worst, fabsl(got - exact) - exact * (exp2l(1.0L / 1024) - 1));
    }
    check("exp2, of 2^15, past half a step", worst, 1.51L);
    assert_int_equal(lm_exp2_nearest(0, 65535), 32768);
    assert_int_equal(lm_exp2_nearest(65535, 65535), 0);
    assert_int_equal(lm_exp2_nearest(65535, 32768), 0);
}

static void test_silu(void **state)
{
    long double worst = 0;
    (void)state;
    for (int32_t g = -18 * 32768; g < 18 * 32768; g++) {
        const long double x = g / 32768.0L;
        worst = fmaxl(worst, fabsl(lm_silu(g) - 32768 * x / (1 + expl(-x))));
    }
    /* A chord over 1/32 is off by 2, the table by 0.5, the cut of the product by 1. */
    check("silu, of 2^15", worst, 3.5L);
    assert_int_equal(lm_silu(INT32_MAX), INT32_MAX);
    assert_int_equal(lm_silu(INT32_MIN), 0);
}

static void test_gelu(void **state)
{
    long double worst = 0;
    (void)state;
    for (int32_t g = -10 * 32768; g < 10 * 32768; g++) {
        const long double x = g / 32768.0L;
        const long double t = sqrtl(2 / acosl(-1.0L)) * (x + 0.044715L * x * x * x);
        worst = fmaxl(worst, fabsl(lm_gelu(lm_gelu_table, g) - 32768 * x / (1 + expl(-2 * t))));
    }
    /* A chord over 1/64 is off by 0.8, the table by 0.5, the cut of the product by 1. */
    check("gelu, of 2^15", worst, 2.3L);
    assert_int_equal(lm_gelu(lm_gelu_table, INT32_MAX), INT32_MAX);
    assert_int_equal(lm_gelu(lm_gelu_table, INT32_MIN), 0);
    worst = 0;
    for (int32_t g = -10 * 32768; g < 10 * 32768; g++) {
        const long double x = g / 32768.0L;
        worst = fmaxl(worst,
                      fabsl(lm_gelu(lm_gelu_erf_table, g) - 32768 * x * erfcl(-x / sqrtl(2)) / 2));
    }
    check("gelu by erf, of 2^15", worst, 2.3L);
}

static void test_sine(void **state)
{
    const long double turn = 2 * acosl(-1.0L) / 4294967296.0L;
    long double worst = 0;
    (void)state;
    for (uint64_t p = 0; p < 1ULL << 32; p += 1009) {
        worst = fmaxl(worst, fabsl(lm_sine((uint32_t)p) - 32768 * sinl((long double)p * turn)));
        worst = fmaxl(worst, fabsl(lm_cosine((uint32_t)p) - 32768 * cosl((long double)p * turn)));
    }
    check("sine and cosine, of 2^15", worst, 2);
    assert_int_equal(lm_sine(0x40000000U), 32768);
    assert_int_equal(lm_cosine(0x80000000U), -32768);
}

/* int8 of a vector whose largest magnitude is `max`: never past 127, never off by more than half a
 * unit and what cutting to 15 bits costs. */
static void test_quantizer(void **state)
{
    long double worst = 0;
    (void)state;
    for (int i = 0; i < 2000000; i++) {
        const uint32_t max = lm_size(any_word()) | 1U;
        const lm_quantizer q = lm_quantizer_for(max);
        assert_in_range(q.mantissa, 130, 259);
        const long double unit = ldexpl(q.mantissa, q.exponent);
        int64_t v =
            i % 3 == 0 ? (int64_t)max : (int64_t)(draw() % (max < UINT32_MAX ? max + 1 : max));
        v = draw() % 2 ? -v : v;
        v = v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : v;
        const int8_t x = lm_quantizer_apply(q, (int32_t)v);
        assert_in_range(x + 127, 0, 254);
        worst = fmaxl(worst, fabsl(x - v / unit));
    }
    check("int8, units", worst, 0.5L + 1.0L / 100);
}

/* A scale in the cache, in a unit that later ones made larger: off by half of what it is then, once
 * for every time that it grew. */
static void test_cache_scales(void **state)
{
    enum { N = 12 };
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint16_t scales[2 * N] = {0};
        long double exact[N];
        int32_t exponent = 77; /* of what was there before */
        for (int n = 1; n <= N; n++) {
            const lm_scale s =
                LM_SCALE((int32_t)(32768 + draw() % 32768), (int)(draw() % (n < 4 ? 3 : 12)) - 20);
            exact[n - 1] = ldexpl(lm_mantissa(s), lm_exponent(s));
            lm_store_scale(s, scales, &exponent, (uint32_t)n - 1, n, 2);
            for (int k = 0; k < n; k++)
                assert_true(fabsl(scales[2 * k] - ldexpl(exact[k], -exponent)) <= 1.5L);
        }
        assert_int_equal(scales[1], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),         cmocka_unit_test(test_exact),
        cmocka_unit_test(test_recip),        cmocka_unit_test(test_isqrt),
        cmocka_unit_test(test_scales),       cmocka_unit_test(test_exp2),
        cmocka_unit_test(test_silu),         cmocka_unit_test(test_gelu),
        cmocka_unit_test(test_sine),         cmocka_unit_test(test_quantizer),
        cmocka_unit_test(test_cache_scales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
