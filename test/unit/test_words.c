/* How the runtime cuts text into words by GPT-2's pattern, and the Unicode classes behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../compiler/runtime.h"
#include "util.h"

enum { MOST_TEXT = 200 };

/* "|" stands for the cuts */
static void check_words(lm_word_end word_end, const char *const *cases, size_t n_cases)
{
    for (size_t i = 0; i < n_cases; i++) {
        uint8_t text[MOST_TEXT];
        char joined[MOST_TEXT];
        uint32_t n = 0, at = 0, out = 0;
        for (const char *c = cases[i]; *c; c++) {
            text[n] = (uint8_t)*c;
            n += *c != '|';
        }
        lm_text words = {text, 0, n, 0, 0};
        while (at < n) {
            uint32_t end = word_end(NULL, &words, at);
            assert_true(end > at && end <= n);
            memcpy(joined + out, text + at, end - at);
            out += end - at;
            joined[out++] = '|';
            at = end;
        }
        joined[out - 1] = '\0';
        assert_string_equal(joined, cases[i]);
    }
}

static void test_gpt2(void **state)
{
    static const char *const cases[] = {
        "Hello| world|!!|  | x|12|ab|_|3",
        "I|'ll| we|'ve| don|'t| they|'re| I|'m| he|'d| it|'s",
        "'s|ide| '|s|''|s| '|S|'|L|''| '|lla",
        "a| |\n|b|\n\n|\n|c| \t|\t|d|  ",
        "caf\xC3\xA9|\xC2\xA0|x| \xE4\xB8\xAD\xE6\x96\x87|\xE3\x80\x82|\xE3\x80\x80|\xE3\x80\x80|z",
        "\xC2\xBD\xD9\xA3|\xF0\x9D\x90\x80|\xF0\x9F\x98\x80\xFF\xC3|a|\xE4\xB8|b| \x80",
        "e|\xCC\x81|f",
    };
    (void)state;
    check_words(lm_word_gpt2, cases, LENGTH(cases));
}

static void test_digits(void **state)
{
    static const char *const cases[] = {
        "x| |1|2|ab|\xC2\xBD|\xD9\xA3",
        " |1|  |2| a",
        "\n\n|3| !|4",
    };
    (void)state;
    check_words(lm_word_digits, cases, LENGTH(cases));
}

static void test_llama3(void **state)
{
    static const char *const cases[] = {
        "Hello| world|!!|  | x|123|456|7|ab| _|3",
        "I|'LL| we|'Ve|'s|ide|'\xC5\xBF|x| '|S|'l|'x",
        "a| \n\n|b| \t\n| c|  \n",
        "\tx| \t|\ty|!x|(y|\n|z|\r\n|x",
        "!?\n\n| \n|a| !!\r\n|  | |5| | |5",
        "\xE4\xB8\xAD\xE6\x96\x87|\xE3\x80\x82\n|\xF0\x9F\x98\x80\xFF\xC3|\xC2\xA0"
        "a",
    };
    (void)state;
    check_words(lm_word_llama3, cases, LENGTH(cases));
}

static void test_qwen2(void **state)
{
    static const char *const cases[] = {"1|2|3|a| |1| b", "x|\xC2\xBD|\xD9\xA3|\n|1"};
    (void)state;
    check_words(lm_word_qwen2, cases, LENGTH(cases));
}

/* Numbers of letters, numbers and spaces in Unicode 14.0.0. */
static void test_classes(void **state)
{
    int count[4] = {0};
    (void)state;
    for (uint32_t code = 0; code < 0x110000; code++) {
        count[lm_class(code)]++;
    }
    assert_int_equal(count[LM_CLASS_LETTER], 131756);
    assert_int_equal(count[LM_CLASS_NUMBER], 1791);
    assert_int_equal(count[LM_CLASS_SPACE], 25);
    assert_int_equal(lm_class(LM_BAD_CHAR), LM_CLASS_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpt2),  cmocka_unit_test(test_digits),  cmocka_unit_test(test_llama3),
        cmocka_unit_test(test_qwen2), cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
