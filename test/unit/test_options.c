/* The JSON options against jansson, a parser by another hand, on texts made by mutation; decimals
 * to fixed point against long double; and what is refused, for what reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../runtime_template/lm_port.h"

#include "../../runtime_template/lm_options.h"
#include "util.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 4, MOST = 256 };

static const lm_option known[N] = {{"temperature", LM_OPTION_FIXED, 0xffffffffU},
                                   {"top_p", LM_OPTION_FIXED, 65536U},
                                   {"top_k", LM_OPTION_WHOLE, 0x7fffffffU},
                                   {"seed", LM_OPTION_WHOLE, 0xffffffffU}};

static int32_t parse(const char *text, size_t n, uint32_t *values)
{
    for (int i = 0; i < N; i++)
        values[i] = 77;
    char *exact = malloc(n + 1); /* so that a sanitizer sees a byte too many */
    memcpy(exact, text, n);
    char *end = realloc(exact, n ? n : 1);
    const int32_t result = lm_options_parse(end, (uint32_t)n, known, N, values);
    free(end);
    return result;
}

static void test_values(void **state)
{
    uint32_t v[N];
    (void)state;
    assert_int_equal(parse("{}", 2, v), 0);
    assert_int_equal(v[0], 77);
    static const char all[] =
        " {\"seed\" : 4294967295 ,\t\"temperature\":0.8,\r\n\"top_p\":1,\"top_k\":0} ";
    assert_int_equal(parse(all, sizeof all - 1, v), 0);
    assert_int_equal(v[0], 52429);
    assert_int_equal(v[1], 65536);
    assert_int_equal(v[2], 0);
    assert_int_equal(v[3], 4294967295U);
    for (unsigned i = 0; i < 200000; i++) {
        char text[64];
        const unsigned whole = i * 2654435761U >> (i % 16 + 16);
        const int places = (int)(i % 9) + 1;
        const unsigned digits = (unsigned)((uint64_t)i * 7919 % (uint64_t)pow(10, places));
        const int n =
            snprintf(text, sizeof text, "{\"temperature\":%u.%0*u}", whole, places, digits);
        const long double exact = whole + (long double)digits / powl(10, places);
        const int32_t result = parse(text, (size_t)n, v);
        if (floorl(exact * 65536 + 0.5L) > 4294967295.0L)
            assert_int_equal(result, LM_E_RANGE);
        else if (result != 0 || v[0] != (uint32_t)floorl(exact * 65536 + 0.5L))
            fail_msg("%s: %d, %u", text, (int)result, (unsigned)v[0]);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text;
        int32_t error;
    } cases[] = {
        {"", LM_E_JSON},
        {"{", LM_E_JSON},
        {"[]", LM_E_JSON},
        {"{}x", LM_E_JSON},
        {"{,}", LM_E_JSON},
        {"{\"seed\":1,}", LM_E_JSON},
        {"{\"seed\" 1}", LM_E_JSON},
        {"{seed:1}", LM_E_JSON},
        {"{\"seed\":}", LM_E_JSON},
        {"{\"seed\":01}", LM_E_JSON},
        {"{\"seed\":+1}", LM_E_JSON},
        {"{\"seed\":\"1\"}", LM_E_JSON},
        {"{\"seed\":null}", LM_E_JSON},
        {"{\"temperature\":.5}", LM_E_JSON},
        {"{\"temperature\":1.}", LM_E_JSON},
        {"{\"seed\":1\"top_k\":2}", LM_E_JSON},
        {"{\"seed\n\":1}", LM_E_JSON},
        {"{\"see\":1}", LM_E_OPTION},
        {"{\"seeds\":1}", LM_E_OPTION},
        {"{\"\":1}", LM_E_OPTION},
        {"{\"se\\u0065d\":1}", LM_E_OPTION},
        {"{\"seed\":1,\"seed\":1}", LM_E_OPTION},
        {"{\"seed\":-1}", LM_E_RANGE},
        {"{\"seed\":1.0}", LM_E_RANGE},
        {"{\"seed\":1e3}", LM_E_RANGE},
        {"{\"seed\":4294967296}", LM_E_RANGE},
        {"{\"seed\":99999999999999999999}", LM_E_RANGE},
        {"{\"top_k\":2147483648}", LM_E_RANGE},
        {"{\"top_p\":1.0001}", LM_E_RANGE},
        {"{\"temperature\":65535.999999}", LM_E_RANGE},
        {"{\"temperature\":65536}", LM_E_RANGE},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        uint32_t v[N];
        const int32_t result = parse(cases[i].text, strlen(cases[i].text), v);
        if (result != cases[i].error)
            fail_msg("%s: %d, expected %d", cases[i].text, (int)result, (int)cases[i].error);
    }
}

/* What jansson makes of it: whether it is an object of known numbers in range, and these. */
static bool reference(const char *text, size_t n, uint32_t *values)
{
    json_error_t error;
    const char *key;
    json_t *value, *root = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    bool good = json_is_object(root);
    for (int i = 0; i < N; i++)
        values[i] = 77;
    if (good)
        json_object_foreach(root, key, value)
        {
            int i = 0;
            while (i < N && strcmp(known[i].name, key) != 0)
                i++;
            const double x = json_number_value(value), units = i < N && known[i].kind ? 65536 : 1;
            good = good && i < N && json_is_number(value) && x >= 0 &&
                   (known[i].kind || json_is_integer(value)) &&
                   floor(x * units + 0.5) <= known[i].max;
            if (good)
                values[i] = (uint32_t)floor(x * units + 0.5);
        }
    json_decref(root);
    return good;
}

static void test_mutations(void **state)
{
    static const char *const seeds[] = {
        "{\"temperature\":0.8,\"seed\":1,\"top_k\":40}", "{ \"top_p\" : 0.25 }", "{}",
        "{\"seed\":4294967295, \"temperature\": 65535.5, \"top_k\": 10}"};
    static const char bytes[] = "{}\",:.0123456789eE+- \t\n\\topk_seedmu\x80\xFF";
    uint64_t r = 3;
    int accepted = 0;
    (void)state;
    for (unsigned trial = 0; trial < 300000; trial++) {
        char text[MOST];
        size_t n = strlen(seeds[trial % LENGTH(seeds)]);
        memcpy(text, seeds[trial % LENGTH(seeds)], n);
        for (uint64_t k = random_next(&r) % 4; k > 0 && n > 0; k--) {
            const size_t at = random_next(&r) % n;
            const char byte = bytes[random_next(&r) % (sizeof bytes - 1)];
            const uint64_t how = random_next(&r) % 3;
            if (how == 0) {
                text[at] = byte;
            } else if (how == 1) {
                memmove(text + at, text + at + 1, --n - at);
            } else {
                memmove(text + at + 1, text + at, n++ - at);
                text[at] = byte;
            }
        }
        uint32_t v[N], expected[N];
        const bool mine = parse(text, n, v) == 0, theirs = reference(text, n, expected);
        /* Beyond what is taken here: exponents, escapes, -0. */
        const bool beyond = memchr(text, 'e' ^ 32, n) || memchr(text, '\\', n) ||
                            memchr(text, '-', n) || memchr(text, '+', n) ||
                            strpbrk(text, "Ee") != NULL;
        if (mine ? !theirs || memcmp(v, expected, sizeof v) != 0 : theirs && !beyond)
            fail_msg("%.*s: %d, reference %d", (int)n, text, mine, theirs);
        accepted += mine;
    }
    assert_true(accepted > 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
