/* lm_sample against the definition in its own comment, written a second time with a sort, a
 * division and 64-bit products, and the distribution of its draws against exp(logit / T). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../compiler/runtime.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 2000, ONE = 65536 };

typedef struct Entry {
    int64_t logit;
    int id;
    uint64_t full, w;
} Entry;

static int in_order(const void *x, const void *y)
{
    const Entry *a = x, *b = y;
    return a->logit != b->logit ? (a->logit > b->logit ? -1 : 1) : a->id - b->id;
}

static int by_id(const void *x, const void *y)
{
    return ((const Entry *)x)->id - ((const Entry *)y)->id;
}

/* log2(e) / temperature as a 16-bit mantissa and an exponent. */
static uint64_t spread_of(uint32_t temperature, int *exponent)
{
    uint64_t t = temperature, k;
    *exponent = -30;
    for (; t < 32768; t *= 2) {
        ++*exponent;
    }
    for (; t > 65535; t /= 2) {
        --*exponent;
    }
    k = (UINT64_C(1) << 31) / t;
    for (k = (k > 65535 ? 65535 : k) * 47274; k > 65535; k /= 2) {
        ++*exponent;
    }
    return k;
}

static uint64_t full_weight(uint64_t gap, uint32_t temperature)
{
    int e;
    uint64_t m = spread_of(temperature, &e), d, a, b;
    if (e + 16 >= 0 && gap << (e + 16) > UINT32_MAX) {
        return 0;
    }
    d = e >= 0 ? gap * m << e : gap * m >> -e;
    a = lm_exp2_table[d / 1024 % 64];
    b = lm_exp2_table[d / 1024 % 64 + 1];
    return d >> 16 > 30 ? 0 : (a - (a - b) * (d % 1024) / 1024) * 32768 >> (d >> 16);
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 16) * 0x7FEB352D & UINT32_MAX;
    x = (x ^ x >> 15) * 0x846CA68B & UINT32_MAX;
    return x ^ x >> 16;
}

static int expected_token(const int32_t *logits, int vocab, const lm_sampling *o, uint32_t position)
{
    static Entry e[MOST];
    int n = 0;
    uint64_t sum = 0, mass = 0, r;
    for (int i = 0; i < vocab; i++) {
        if (!o->allowed || (o->allowed[i / 32] >> (i % 32) & 1)) {
            e[n++] = (Entry){logits[i], i, 0, 0};
        }
    }
    if (n == 0) {
        return LM_E_EMPTY;
    }
    qsort(e, (size_t)n, sizeof *e, in_order);
    if (o->temperature == 0) {
        return e[0].id;
    }
    n = o->top_k > 0 && o->top_k < n ? o->top_k : n;
    for (int i = 0; i < n; i++) {
        e[i].full = full_weight((uint64_t)(e[0].logit - e[i].logit), o->temperature);
        sum += e[i].full;
    }
    int drop = 0;
    while (sum >> drop > UINT32_MAX) {
        drop++;
    }
    sum = 0;
    for (int i = 0; i < n; i++) {
        e[i].w = e[i].full >> drop;
        sum += e[i].w;
    }
    if (o->top_p > 0 && o->top_p < ONE) {
        int kept = 0;
        while (mass * ONE < sum * o->top_p) {
            mass += e[kept++].w;
        }
        n = kept;
        sum = mass;
    }
    r = mix((o->seed + UINT64_C(0x9E3779B9)) & UINT32_MAX);
    r = mix((r + position) & UINT32_MAX) * sum >> 32;
    qsort(e, (size_t)n, sizeof *e, by_id);
    for (int i = 0;; i++) {
        if (r < e[i].w) {
            return e[i].id;
        }
        r -= e[i].w;
    }
}

static uint32_t random32(void)
{
    return (uint32_t)rand() << 16 ^ (uint32_t)rand();
}

/* Logits of several kinds: usual ones, many ties, all of int32_t, a few far away. */
static void random_logits(int32_t *logits, int n)
{
    int kind = rand() % 5;
    for (int i = 0; i < n; i++) {
        int32_t any = (int32_t)random32();
        logits[i] = kind == 0   ? any >> 12
                    : kind == 1 ? (any >> 30) * ONE
                    : kind == 2 ? any
                    : kind == 3 ? (any & 1 ? INT32_MAX : INT32_MIN)
                                : (any & 15 ? any >> 11 : any);
    }
}

static void random_options(lm_sampling *o, uint32_t *allowed, int n)
{
    static const uint32_t temperatures[] = {0,   1,       2,     655,     6554,      45875,
                                            ONE, ONE + 1, 78643, 2 * ONE, 100 * ONE, UINT32_MAX};
    static const uint32_t masses[] = {0, 1, 2, 655, 32768, 58982, ONE - 1, ONE, UINT32_MAX};
    o->temperature = rand() % 2 ? temperatures[rand() % 12] : random32() >> rand() % 32;
    o->top_k = rand() % 2 ? 0 : rand() % 3 ? 1 + rand() % n : rand() % 2 ? INT32_MAX : -1;
    o->top_p = rand() % 2 ? 0 : rand() % 2 ? masses[rand() % 9] : random32() % ONE;
    o->seed = random32();
    o->allowed = rand() % 2 ? NULL : allowed;
    for (int i = 0; i < (n + 31) / 32; i++) {
        allowed[i] = rand() % 2 ? random32() : random32() & random32() & random32();
    }
    if (rand() % 20 == 0) {
        memset(allowed, 0, (size_t)(n + 31) / 32 * 4);
    }
}

static void test_definition(void **state)
{
    static int32_t logits[MOST];
    static uint32_t allowed[MOST / 32 + 1];
    (void)state;
    srand(2);
    for (int i = 0; i < 6000; i++) {
        lm_sampling o;
        int n = 1 + rand() % (i % 8 ? 70 : MOST);
        random_logits(logits, n);
        random_options(&o, allowed, n);
        for (int draw = 0; draw < 5; draw++) {
            uint32_t position = random32() >> rand() % 32;
            assert_int_equal(lm_sample(logits, n, &o, position),
                             expected_token(logits, n, &o, position));
        }
    }
}

static void test_greedy(void **state)
{
    const int32_t logits[] = {5, 9, -3, 9, INT32_MIN};
    const int32_t low[] = {INT32_MIN, INT32_MIN};
    uint32_t allowed = 0x1D;
    lm_sampling o = {0, 0, 0, 0, NULL};
    (void)state;
    assert_int_equal(lm_sample(logits, 5, &o, 0), 1);
    o.allowed = &allowed;
    assert_int_equal(lm_sample(logits, 5, &o, 0), 3);
    allowed = 0x10;
    assert_int_equal(lm_sample(logits, 5, &o, 0), 4);
    allowed = 0xFFFFFFE0; /* beyond the vocabulary */
    assert_int_equal(lm_sample(logits, 5, &o, 0), LM_E_EMPTY);
    o.temperature = ONE;
    assert_int_equal(lm_sample(logits, 5, &o, 0), LM_E_EMPTY);
    o.allowed = NULL;
    o.temperature = 0;
    assert_int_equal(lm_sample(low, 2, &o, 0), 0);
    assert_int_equal(lm_sample(low, 0, &o, 0), LM_E_EMPTY);
}

/* Whatever the seed: top_k 1, a tiny top_p and a tiny temperature all take the best token. */
static void test_narrow(void **state)
{
    const int32_t logits[] = {ONE, 3 * ONE, 3 * ONE, 0, 3 * ONE - 1};
    (void)state;
    for (uint32_t seed = 0; seed < 500; seed++) {
        const lm_sampling first = {ONE, 1, 0, seed, NULL}, mass = {ONE, 0, 1, seed, NULL};
        const lm_sampling cold = {1, 2, 0, seed, NULL};
        const lm_sampling frozen = {1, 0, 0, seed, NULL};
        assert_int_equal(lm_sample(logits, 5, &first, seed), 1);
        assert_int_equal(lm_sample(logits, 5, &mass, seed), 1);
        assert_in_range(lm_sample(logits, 5, &cold, seed), 1, 2);
        assert_int_not_equal(lm_sample(logits, 5, &frozen, seed), 0);
    }
}

/* A weight is within 0.2 % of exp(-gap / T), where it is not too small to have that many bits. */
static void test_weights(void **state)
{
    static const uint32_t temperatures[] = {655, 6554, 45875, ONE, 78643, 10 * ONE};
    (void)state;
    for (size_t i = 0; i < sizeof temperatures / sizeof temperatures[0]; i++) {
        for (uint32_t step = 0; step < 4000; step++) {
            lm_scale spread = lm_spread_scale(temperatures[i]);
            uint32_t gap = (uint32_t)((uint64_t)temperatures[i] * step / 300);
            long double exact = ldexpl(expl(-(long double)gap / temperatures[i]), 30);
            long double w = lm_weight(lm_spread(spread, gap), 0);
            assert_true(fabsl(w - exact) <= 0.002L * exact + 1);
        }
    }
}

/* Chi-square of draws against exp(logit / T): 15 degrees of freedom, 44.3 is passed with
 * probability 1e-4. Also of pairs of consecutive draws, for 4 equal tokens. */
static void test_distribution(void **state)
{
    int32_t logits[16];
    double p[16], sum = 0;
    (void)state;
    for (int i = 0; i < 16; i++) {
        logits[i] = (i * 7 % 16) * ONE / 5;
        p[i] = exp(logits[i] / 65536.0 / 0.8);
        sum += p[i];
    }
    for (uint32_t seed = 0; seed < 20; seed++) {
        const lm_sampling o = {52429, 0, 0, seed * seed * 7919, NULL};
        const lm_sampling even = {ONE, 0, 0, seed, NULL};
        const int32_t zero[4] = {0};
        int count[16] = {0}, pairs[16] = {0}, last = lm_sample(zero, 4, &even, 0);
        double chi = 0, chi_pairs = 0;
        const int n = 20000;
        for (int i = 0; i < n; i++) {
            int next = lm_sample(zero, 4, &even, (uint32_t)i + 1);
            count[lm_sample(logits, 16, &o, (uint32_t)i)]++;
            pairs[4 * last + next]++;
            last = next;
        }
        for (int i = 0; i < 16; i++) {
            double expected = n * p[i] / sum;
            chi += (count[i] - expected) * (count[i] - expected) / expected;
            chi_pairs += (pairs[i] - n / 16.0) * (pairs[i] - n / 16.0) / (n / 16.0);
        }
        assert_true(chi < 44.3);
        assert_true(chi_pairs < 44.3);
    }
}

static void test_products(void **state)
{
    static const uint32_t edges[] = {0, 1, 0xFFFF, 0x10000, 0x10001, 0x7FFFFFFF, 0xFFFFFFFF};
    (void)state;
    for (int i = 0; i < 100000; i++) {
        uint32_t a = i < 49 ? edges[i / 7] : random32(), b = i < 49 ? edges[i % 7] : random32();
        assert_int_equal(lm_mul_high(a, b), (uint64_t)a * b >> 32);
        assert_int_equal(lm_mul16_unsigned(a, b & 0xFFFF), (uint64_t)a * (b & 0xFFFF) >> 16);
    }
}

/* Against long double, from flat logits to one that has everything. */
static void test_surprisal(void **state)
{
    static int32_t logits[MOST];
    uint32_t seed = 9;
    long double worst = 0;
    (void)state;
    for (int trial = 0; trial < 3000; trial++) {
        const int vocab = trial % 7 == 0 ? 1 + trial % 3 : 2 + trial % (MOST - 2);
        const int32_t range = 1 << trial % 24;
        long double sum = 0;
        for (int i = 0; i < vocab; i++) {
            seed = seed * 1664525U + 1013904223U;
            logits[i] = (int32_t)(seed >> 8) % range - 5 * ONE;
            sum += expl(logits[i] / 65536.0L);
        }
        for (int i = 0; i < vocab; i += 1 + vocab / 9) {
            const long double bits = (logl(sum) - logits[i] / 65536.0L) / logl(2.0L);
            const long double off = fabsl(lm_surprisal(logits, vocab, i) / 65536.0L - bits);
            worst = off > worst && bits < 30 ? off : worst;
        }
    }
    printf("surprisal: off by %.6Lf bits at most\n", worst);
    assert_true(worst < 0.001L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),   cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_narrow),       cmocka_unit_test(test_weights),
        cmocka_unit_test(test_distribution), cmocka_unit_test(test_surprisal),
        cmocka_unit_test(test_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
