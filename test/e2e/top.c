/* One model compiled twice, `full` with all logits and `best` with the BEST_TOP largest: what these
 * are, greedy text, and what is drawn from them must be the same. Built by top.sh. */
#include "best.h"
#include "full.h"

#include <stdio.h>
#include <string.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            printf("FAIL  top.c:%d: %s\n", __LINE__, #what);                                       \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static int failures;
static full_t full;
static best_t best;
static uint32_t allowed[(FULL_VOCAB + 31) / 32];

static const int32_t *step(int32_t t)
{
    const int32_t *logits = NULL, *none = &t;
    CHECK(full_step(&full, t, &logits) == FULL_OK && logits != NULL);
    CHECK(best_step(&best, t, &none) == BEST_OK && none == NULL);
    return logits;
}

/* Each is in the place where a sort of all logits puts it. */
static void test_order(void)
{
    int32_t tokens[BEST_TOP], values[BEST_TOP];
    full_reset(&full);
    best_reset(&best);
    for (int32_t i = 0; i < 60; i++) {
        const int32_t *logits = step((i * i * 7 + i * 3 + 5) % FULL_VOCAB);
        CHECK(best_top(&best, tokens, values, BEST_TOP) == BEST_TOP);
        for (int32_t k = 0; k < BEST_TOP; k++) {
            int32_t before = 0;
            for (int32_t t = 0; t < FULL_VOCAB; t++)
                before += logits[t] > values[k] || (logits[t] == values[k] && t < tokens[k]);
            CHECK(before == k && values[k] == logits[tokens[k]]);
        }
    }
}

static void test_arguments(void)
{
    int32_t tokens[BEST_TOP + 1], values[BEST_TOP + 1];
    best_reset(&best);
    CHECK(best_top(NULL, tokens, values, 1) == BEST_E_ARGUMENT);
    CHECK(best_top(&best, tokens, values, 1) == BEST_E_EMPTY);
    CHECK(best_step(&best, 3, NULL) == BEST_OK);
    CHECK(best_top(&best, tokens, values, -1) == BEST_E_ARGUMENT);
    CHECK(best_top(&best, tokens, values, 0) == 0);
    CHECK(best_top(&best, NULL, NULL, BEST_TOP + 1) == BEST_TOP);
    tokens[2] = values[2] = -5;
    CHECK(best_top(&best, tokens, NULL, 2) == 2 && tokens[2] == -5);
    CHECK(best_top(&best, NULL, values, 2) == 2 && values[2] == -5 && values[0] >= values[1]);
}

/* How many of `steps` draws differ, each token drawn by the full one being read by both. */
static int differing(full_sampling how, int steps)
{
    best_sampling same;
    int32_t t = 1;
    int differ = 0;
    same.temperature = how.temperature;
    same.top_k = how.top_k;
    same.top_p = how.top_p;
    same.seed = how.seed;
    same.allowed = how.allowed;
    full_reset(&full);
    best_reset(&best);
    for (int i = 0; i < steps; i++) {
        (void)step(t);
        t = full_sample(&full, &how);
        differ += best_sample(&best, &same) != t;
        t = t < 0 ? 1 : t;
    }
    return differ;
}

static void test_draws(void)
{
    static const int32_t ks[] = {1, 2, BEST_TOP / 2, BEST_TOP};
    static const uint32_t ps[] = {0, 3000, 58982};
    const full_sampling greedy = {0, 0, 0, 0, NULL}, hot = {200000, 0, 0, 5, NULL};
    CHECK(differing(greedy, 120) == 0);
    for (uint32_t seed = 0; seed < 8; seed++)
        for (size_t p = 0; p < sizeof ps / sizeof ps[0]; p++) {
            const full_sampling how = {30000 + 20000 * seed, ks[seed % 4], ps[p], seed, NULL};
            CHECK(differing(how, 12) == 0);
        }
    CHECK(differing(hot, 60) > 0); /* from all tokens, which the one does not have */
}

/* Only what is allowed and among the largest. */
static void test_allowed(void)
{
    best_sampling how = {65536, 0, 0, 3, NULL};
    int32_t tokens[BEST_TOP];
    best_reset(&best);
    CHECK(best_step(&best, 3, NULL) == BEST_OK);
    (void)best_top(&best, tokens, NULL, BEST_TOP);
    how.allowed = allowed;
    memset(allowed, 0, sizeof allowed);
    CHECK(best_sample(&best, &how) == BEST_E_EMPTY);
    memset(allowed, 0xff, sizeof allowed);
    for (int i = 0; i < BEST_TOP; i++)
        allowed[tokens[i] / 32] &= ~(1U << tokens[i] % 32);
    CHECK(best_sample(&best, &how) == BEST_E_EMPTY);
    allowed[tokens[BEST_TOP - 1] / 32] |= 1U << tokens[BEST_TOP - 1] % 32;
    CHECK(best_sample(&best, &how) == tokens[BEST_TOP - 1]);
    how.temperature = 0;
    allowed[tokens[4] / 32] |= 1U << tokens[4] % 32;
    CHECK(best_sample(&best, &how) == tokens[4]);
}

typedef struct Text {
    char s[4096];
    size_t n;
} Text;

static int collect(void *user, const char *text, int32_t bytes)
{
    Text *t = user;
    if (t->n + (size_t)bytes < sizeof t->s)
        memcpy(t->s + t->n, text, (size_t)bytes);
    t->n += (size_t)bytes;
    return 0;
}

static void test_text(void)
{
    static const char prompt[] = "The old king looked at the river and said";
    static Text a, b;
    for (uint32_t temperature = 0; temperature <= 65536; temperature += 65536) {
        const full_sampling how = {temperature, 40, 58982, 1, NULL};
        const best_sampling same = {temperature, 40, 58982, 1, NULL};
        int32_t scratch[64];
        full_reset(&full);
        best_reset(&best);
        a.n = b.n = 0;
        CHECK(full_generate(&full, prompt, 120, &how, collect, &a, scratch, 64) == 120);
        CHECK(best_generate(&best, prompt, 120, &same, collect, &b, scratch, 64) == 120);
        CHECK(a.n > 200 && a.n < sizeof a.s && a.n == b.n && memcmp(a.s, b.s, a.n) == 0);
    }
}

int main(void)
{
    CHECK(full_init(&full) == FULL_OK && full_selftest(&full) == FULL_OK);
    CHECK(best_init(&best) == BEST_OK && best_selftest(&best) == BEST_OK);
    CHECK(sizeof best <= sizeof full);
    test_order();
    test_arguments();
    test_draws();
    test_allowed();
    test_text();
    return failures > 0;
}
