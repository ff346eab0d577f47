/* The runtime's functions that only encoders use against long double, with the error bounds that
 * docs/arithmetic.md states. Prints what it measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "runtime.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_norm_fixed),
                                       cmocka_unit_test(test_norm_extremes),
                                       cmocka_unit_test(test_tanh), cmocka_unit_test(test_pool),
                                       cmocka_unit_test(test_probabilities)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
