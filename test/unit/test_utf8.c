/* The runtime's UTF-8 decoder: whole characters whatever the cuts, U+FFFD for what cannot be part
 * of one, compared with a decoder that knows ranges of code points instead of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../compiler/runtime.h"

#include <stdlib.h>

enum { MOST = 64, MOST_OUT = 3 * MOST + 3 };

/* Whether some character of `length` bytes begins with these n bytes. */
static int begins(const uint8_t *s, int n, int length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    static const uint8_t mark[] = {0, 0, 0xC0, 0xE0, 0xF0};
    uint32_t low = s[0] & (0x7FU >> length);
    uint32_t high;
    if ((s[0] & ~(0x7FU >> length)) != mark[length]) {
        return 0;
    }
    high = low;
    for (int i = 1; i < length; i++) {
        if (i < n && (s[i] & 0xC0) != 0x80) {
            return 0;
        }
        low = low << 6 | (i < n ? s[i] & 0x3FU : 0);
        high = high << 6 | (i < n ? s[i] & 0x3FU : 0x3FU);
    }
    low = low < least[length] ? least[length] : low;
    high = high > 0x10FFFF ? 0x10FFFF : high;
    return low <= high && !(low >= 0xD800 && high < 0xE000);
}

/* Every longest beginning of a character that is not a whole one becomes U+FFFD. */
static int expected_text(const uint8_t *s, int n, char *out)
{
    int count = 0, at = 0;
    while (at < n) {
        int length = s[at] < 0x80, taken = 1;
        for (int l = 2; l <= 4; l++) {
            for (int k = 1; k <= l && k <= n - at && begins(s + at, k, l); k++) {
                taken = k;
                length = l;
            }
        }
        if (taken == length) {
            memcpy(out + count, s + at, (size_t)taken);
            count += taken;
        } else {
            memcpy(out + count, "\xEF\xBF\xBD", 3);
            count += 3;
        }
        at += taken;
    }
    return count;
}

/* Feeds the bytes in random pieces; what came out after each must be whole characters. */
static int feed_pieces(const char *s, int n, char *out)
{
    lm_utf8 u = {{0}, 0};
    int count = 0, at = 0;
    while (at < n) {
        int piece = rand() % 5 < n - at ? rand() % 5 : n - at;
        if (piece > n - at) {
            piece = n - at;
        }
        int k = lm_utf8_feed(&u, s + at, piece, out + count, 3 * (piece + 1));
        char again[MOST_OUT];
        assert_true(k >= 0);
        assert_int_equal(expected_text((uint8_t *)out + count, k, again), k);
        assert_memory_equal(again, out + count, (size_t)k);
        count += k;
        at += piece;
    }
    return count + lm_utf8_flush(&u, out + count, 3);
}

static void check(const char *s, int n)
{
    char expected[MOST_OUT], got[MOST_OUT + 8];
    int count = expected_text((const uint8_t *)s, n, expected);
    assert_int_equal(feed_pieces(s, n, got), count);
    assert_memory_equal(got, expected, (size_t)count);
}

static void test_known(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80.", "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80."},
        {"\x80", "\xEF\xBF\xBD"},
        {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xE4\xB8", "\xEF\xBF\xBD"},
        {"\xE4\xB8z", "\xEF\xBF\xBDz"},
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xF4\x8F\xBF\xBF\xF4\x90\x80\x80",
         "\xF4\x8F\xBF\xBF\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char got[MOST_OUT];
        int n = (int)strlen(cases[i].out);
        assert_int_equal(feed_pieces(cases[i].in, (int)strlen(cases[i].in), got), n);
        assert_memory_equal(got, cases[i].out, (size_t)n);
        check(cases[i].in, (int)strlen(cases[i].in));
    }
}

/* Every sequence of up to three bytes of which each begins, or ends, a range that matters. */
static void test_edges(void **state)
{
    static const uint8_t edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                    0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
                                    0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
    const size_t n = sizeof edges;
    (void)state;
    for (size_t i = 0; i < n * n * n; i++) {
        char s[5] = {(char)edges[i % n], (char)edges[i / n % n], (char)edges[i / n / n]};
        check(s, 3);
        s[3] = '\x80';
        s[4] = 'z';
        check(s, 5);
    }
}

static void test_random(void **state)
{
    (void)state;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        char s[MOST];
        int n = rand() % MOST;
        for (int k = 0; k < n; k++) {
            s[k] = (char)(rand() % 2 ? 0x80 + rand() % 0x40 : rand() % 256);
        }
        check(s, n);
    }
}

static void test_space(void **state)
{
    lm_utf8 u = {{0}, 0};
    char out[8];
    (void)state;
    assert_int_equal(lm_utf8_feed(&u, "\xE4", 1, out, 0), 0);
    assert_int_equal(lm_utf8_flush(&u, out, 2), LM_E_SPACE);
    assert_int_equal(lm_utf8_feed(&u, "\xB8\xAD", 2, out, 2), LM_E_SPACE);
    assert_int_equal(u.count, 1);
    assert_int_equal(lm_utf8_feed(&u, "\xB8\xAD", 2, out, 3), 3);
    assert_int_equal(lm_utf8_flush(&u, out, 0), 0);
    assert_memory_equal(out, "\xE4\xB8\xAD", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
