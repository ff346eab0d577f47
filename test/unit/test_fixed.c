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

static void test_exp2(void **state)
{
    long double worst = 0;
    (void)state;
    for (uint32_t d = 0; d < 65536 * 2; d++)
        worst = fmaxl(worst, fabsl(lm_exp2_negative(d) - 32768 * exp2l(-(long double)d / 2048)));
    check("exp2, of 2^15", worst, 2);
    assert_int_equal(lm_exp2_negative(0), 32768);
    assert_int_equal(lm_exp2_negative(UINT32_MAX), 0);
}

static void test_sigmoid(void **state)
{
    long double worst = 0, worst_silu = 0;
    (void)state;
    for (uint32_t a = 0; a < 14 * 32768; a++)
        worst = fmaxl(worst, fabsl(lm_sigmoid_negative(a) - 65536 / (1 + expl(a / 32768.0L))));
    /* A chord over 1/32 is off by 0.77, the table by 0.5, the cut of the product by 1. */
    check("sigmoid, of 2^16", worst, 2.27L);
    for (int32_t g = -14 * 32768; g < 14 * 32768; g += 3) {
        const long double x = g / 32768.0L;
        worst_silu = fmaxl(worst_silu, fabsl(lm_silu(g) / 32768.0L - x / (1 + expl(-x))));
    }
    /* |x| <= 12 times the sigmoid's error, and the cut of the product. */
    check("silu", worst_silu, 12 * 2.27L / 65536 + 1.0L / 32768);
    assert_int_equal(lm_silu(INT32_MAX), INT32_MAX);
    assert_int_equal(lm_silu(INT32_MIN), 0);
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
        const uint32_t max = lm_abs(any_word()) | 1U;
        const lm_quantizer q = lm_quantizer_for(max);
        assert_in_range(q.mantissa, 130, 259);
        const long double unit = ldexpl(q.mantissa, q.window.right - q.window.left);
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

static void test_packed_scales(void **state)
{
    long double worst = 0;
    (void)state;
    for (int e = -55; e <= 7; e++)
        for (uint32_t m = 32768; m < 65536; m++) {
            const uint16_t s = lm_scale_pack(LM_SCALE((int32_t)m, e));
            const long double got = ldexpl(lm_packed_mantissa(s), lm_packed_exponent(s));
            if (e >= -45)
                worst = fmaxl(worst, fabsl(got / ldexpl(m, e) - 1));
        }
    check("packed scale, relative", worst, ldexpl(1, -11));
    assert_int_equal(lm_scale_pack(LM_SCALE_TINY), 0);
    assert_int_equal(lm_scale_pack(LM_SCALE(65535, 100)), 0xffff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),      cmocka_unit_test(test_exact),
        cmocka_unit_test(test_recip),     cmocka_unit_test(test_isqrt),
        cmocka_unit_test(test_scales),    cmocka_unit_test(test_exp2),
        cmocka_unit_test(test_sigmoid),   cmocka_unit_test(test_sine),
        cmocka_unit_test(test_quantizer), cmocka_unit_test(test_packed_scales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
