/* The kernels that give int8 vectors of static scales, against real arithmetic. */
#include "runtime.h"
#include "tiny_model.h"

#include <math.h>
#include <stdio.h>

/* Within +-most, the ends now and then. */
static double drawn(double most)
{
    return most * fmin(fmax((double)tiny_random() / 2, -1), 1);
}

static double real(int8_t x, double scale)
{
    return x * scale;
}

/* What a value should be as int8 of a scale. */
static double held(double v, double scale)
{
    return fmin(fmax(v / scale, -127), 127);
}

/* m / 2^down at every size of value: nearest, saturated. */
static void test_factor(void **state)
{
    double worst = 0;
    (void)state;
    for (int trial = 0; trial < 200000; trial++) {
        const int32_t m = 128 + trial % 129, down = trial % 31;
        const int32_t t = (int32_t)drawn(ldexp(1, 1 + trial % 22) - 1);
        const int8_t x = lm_static(lm_factor_of(m, down), t);
        worst = fmax(worst, fabs(x - held((double)t * m, ldexp(1, down))));
    }
    printf("factor: largest error %.4f\n", worst);
    assert_true(worst <= 0.5);
    assert_int_equal(lm_static(lm_factor_of(255, 0), 1 << 22), 127);
    assert_int_equal(lm_static(lm_factor_of(255, 0), -(1 << 22)), -127);
    assert_int_equal(lm_static(lm_factor_of(256, 40), (1 << 22) - 1), 0); /* down is 31 at most */
}

/* Residual streams of all sizes, one of nothing, clips from a tenth to ten times the range. */
static void test_norm(void **state)
{
    enum { N = 37 };
    double worst = 0;
    (void)state;
    for (int trial = 0; trial < 4000; trial++) {
        int32_t resid[N];
        int16_t gamma[N];
        int8_t x[N];
        double squares = 0;
        for (int i = 0; i < N; i++) {
            resid[i] = (int32_t)drawn(ldexp(1, 8 + trial % 23) - 1);
            gamma[i] = (int16_t)drawn(32767);
            squares += (double)resid[i] * resid[i] / N;
        }
        const double scale = (0.1 + trial % 100 / 10.0) / 127; /* gamma in units of 2^-15 */
        int exp;
        const double root = frexp(sqrt(N) / scale, &exp);
        lm_norm_static(resid, gamma, x, N, 0, 0, (uint32_t)nearbyint(root * 65535.5),
                       exp - 16 - 15 - 31);
        for (int i = 0; i < N; i++) {
            const double v = resid[i] / sqrt(squares) * gamma[i] / 32768;
            worst = fmax(worst, fabs(x[i] - held(v, scale)));
        }
    }
    printf("norm: largest error %.4f\n", worst);
    assert_true(worst < 0.6);
    int32_t nothing[N] = {0};
    int16_t gamma[N] = {1};
    int8_t x[N] = {5};
    lm_norm_static(nothing, gamma, x, N, 1, 0, 40000, -40);
    assert_int_equal(x[0], 0);
}

/* Attention's result is what it is with a scale of its own, to the units of both. */
static void test_attend(void **state)
{
    enum { HEADS = 4, KV = 2, DIM = 10, SLOTS = 20 };
    static const uint8_t kv_of[HEADS] = {0, 0, 1, 1};
    double worst = 0;
    (void)state;
    for (int trial = 0; trial < 400; trial++) {
        int8_t q[HEADS * DIM], keys[SLOTS * KV * DIM], values[SLOTS * KV * DIM];
        int32_t q_scale[HEADS], weights[SLOTS], mix[HEADS * DIM], mix_scale[HEADS];
        uint16_t k_scale[SLOTS * KV], v_scale[SLOTS * KV];
        const int32_t k_exponent[KV] = {-24, -26}, v_exponent[KV] = {-23, -20};
        int8_t x[2][HEADS * DIM];
        for (int i = 0; i < HEADS * DIM; i++)
            q[i] = (int8_t)drawn(127);
        for (int i = 0; i < SLOTS * KV * DIM; i++) {
            keys[i] = (int8_t)drawn(127);
            values[i] = (int8_t)drawn(127);
        }
        for (int i = 0; i < SLOTS * KV; i++) {
            k_scale[i] = (uint16_t)(32767 + drawn(32767));
            v_scale[i] = (uint16_t)(32767 + drawn(32767));
        }
        for (int h = 0; h < HEADS; h++)
            q_scale[h] = LM_SCALE(40000, -20 - trial % 3);
        const int32_t n = 1 + trial % SLOTS;
        const lm_scale unit = LM_SCALE(59784, -17);
        const lm_scale s =
            lm_attend(q, q_scale, keys, k_scale, k_exponent, values, v_scale, v_exponent, kv_of, n,
                      weights, mix, mix_scale, x[0], HEADS, KV, DIM, 0, unit, 3, 0);
        const double own = ldexp((double)lm_mantissa(s), lm_exponent(s));
        const double scale = own * (1 + trial % 7 / 3.0);
        int e;
        const double inverse = frexp(1 / scale, &e);
        lm_attend_static(q, q_scale, keys, k_scale, k_exponent, values, v_scale, v_exponent, kv_of,
                         n, weights, mix, mix_scale, x[1], HEADS, KV, DIM, 0, unit, 3, 0,
                         LM_SCALE((int32_t)(inverse * 65536), e - 16));
        for (int i = 0; i < HEADS * DIM; i++)
            worst = fmax(worst, fabs(real(x[1][i], scale) - real(x[0][i], own)) / (scale + own));
    }
    printf("attend: differs by %.4f of the units\n", worst);
    assert_true(worst < 0.6);
}

/* Gate and up of 15 bits at most, and any factor. */
static void test_product(void **state)
{
    enum { N = 23 };
    double worst = 0;
    (void)state;
    for (int trial = 0; trial < 4000; trial++) {
        int32_t gate[N], up[N];
        int8_t x[N];
        const int a = trial % 12, b = trial % 7, m = 128 + trial % 128, down = 5 + trial % 20;
        for (int i = 0; i < N; i++) {
            gate[i] = (int32_t)drawn(ldexp(1, 15 + a) - 1);
            up[i] = (int32_t)drawn(ldexp(1, 15 + b) - 1);
        }
        lm_product_static(gate, up, a, b, m, down, x, N);
        for (int i = 0; i < N; i++) {
            const double t = floor((double)(gate[i] >> a) * (up[i] >> b) / 256);
            worst = fmax(worst, fabs(x[i] - held(t * m, ldexp(1, down))));
        }
    }
    assert_true(worst <= 0.5);
}

static void test_square(void **state)
{
    int32_t v[] = {-5, 1 << 20, 3000, INT32_MAX};
    (void)state;
    lm_square_static(v, 4, 16, 15);
    assert_int_equal(v[0], 0);
    assert_int_equal(v[1], 16 * 16 >> 15);
    assert_int_equal(v[2], 0);
    assert_int_equal(v[3], 32767 * 32767 >> 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_factor), cmocka_unit_test(test_norm),
        cmocka_unit_test(test_attend), cmocka_unit_test(test_product),
        cmocka_unit_test(test_square),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
