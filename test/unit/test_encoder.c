/* The runtime's functions that only encoders use against long double, with the error bounds that
 * docs/arithmetic.md states. Prints what it measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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

/* What lower makes of a LayerNorm over n values of fraction `in`, gamma in units of 2^-14. */
typedef struct Constants {
    int bits, eps_e, exp;
    uint32_t mean_m, eps_m, root_m;
} Constants;

static uint32_t mantissa(double v, int *e)
{
    const double m = nearbyint(frexp(v, e) * 65536);
    *e -= 16;
    return m > 65535 ? 65535 : (uint32_t)m;
}

static Constants constants(int n, double eps, int in)
{
    Constants c = {.bits = 0};
    int e;
    while (1 << c.bits < n)
        c.bits++;
    c.mean_m = (uint32_t)fmin(nearbyint(ldexp(32768, c.bits) / n), 65535);
    c.eps_m = mantissa(eps * n, &c.eps_e);
    c.eps_e += 2 * in;
    c.root_m = mantissa(sqrt(n), &e);
    c.exp = e - 14 - 31;
    return c;
}

/* The norm of v * 2^-in in long double, in units of 2^-out. Gives the standard deviation of v. */
static long double norm_long(const int32_t *v, const int16_t *gamma, const int32_t *beta, int n,
                             double eps, int in, int out, long double *y)
{
    long double mean = 0, squares = 0;
    for (int i = 0; i < n; i++)
        mean += ldexpl(v[i], -in) / n;
    for (int i = 0; i < n; i++)
        squares += (ldexpl(v[i], -in) - mean) * (ldexpl(v[i], -in) - mean) / n;
    for (int i = 0; i < n; i++)
        y[i] = (ldexpl(v[i], -in) - mean) / sqrtl(squares + (long double)eps) *
                   ldexpl(gamma[i], out - 14) +
               beta[i];
    return ldexpl(sqrtl(squares), in);
}

/* Values of every size, with means far from 0, in units of the largest result. Of integers that
 * hardly differ the mean is not one, so they are left out. */
static void test_norm_fixed(void **state)
{
    (void)state;
    static const int sizes[] = {1, 2, 7, 40, 64, WIDEST};
    const int in = 18, out = 20;
    long double worst = 0;
    for (int t = 0; t < 30000; t++) {
        const int n = sizes[t % 6];
        const double size = ldexp(1, (int)(draw() % 12) - 4);
        const double mean = (t / 6 % 3) * size, eps = t % 2 ? 1e-12 : 1e-5;
        int32_t v[WIDEST], beta[WIDEST];
        int16_t gamma[WIDEST];
        long double y[WIDEST];
        for (int i = 0; i < n; i++) {
            v[i] = (int32_t)ldexp(mean + size * normal(), in);
            gamma[i] = (int16_t)ldexp(1 + 0.2 * normal(), 14);
            beta[i] = (int32_t)ldexp(0.3 * normal(), out);
        }
        const Constants c = constants(n, eps, in);
        const bool apart = norm_long(v, gamma, beta, n, eps, in, out, y) > 8192;
        lm_norm_fixed(v, gamma, beta, n, c.bits, c.mean_m, c.eps_m, c.eps_e, c.root_m, c.exp, out);
        long double largest = ldexpl(1, out);
        for (int i = 0; i < n; i++)
            largest = fmaxl(largest, fabsl(y[i]));
        for (int i = 0; i < n && apart; i++)
            worst = fmaxl(worst, fabsl(v[i] - y[i]) / largest);
    }
    check("norm-fixed, of largest", worst, 2.5e-4L);
}

/* The ends of the range: nothing overflows (the sanitizers watch), equal values give beta. */
static void test_norm_extremes(void **state)
{
    (void)state;
    static const int32_t ends[] = {INT32_MIN, INT32_MAX, 0, -1, 1, INT32_MIN};
    for (int t = 0; t < 36 * 36; t++) {
        const Constants c = constants(4, 1e-12, 20);
        int32_t v[4] = {ends[t % 6], ends[t / 6 % 6], ends[t / 36 % 6], ends[t / 216]};
        const int16_t gamma[4] = {32767, -32767, 16384, 0};
        const int32_t beta[4] = {INT32_MAX, -INT32_MAX, 5, -7};
        const int equal = v[0] == v[1] && v[1] == v[2] && v[2] == v[3];
        lm_norm_fixed(v, gamma, beta, 4, c.bits, c.mean_m, c.eps_m, c.eps_e, c.root_m, c.exp, 20);
        assert_int_equal(v[3], -7);
        if (equal)
            assert_memory_equal(v, beta, sizeof v);
    }
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
    assert_int_equal(lm_activate_relu(y, LM_SCALE(32768, -25), 3), LM_ACTIVATED);
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
