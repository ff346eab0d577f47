/* The majority filter against its definition: every sequence of three results of length 9, every
 * window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../runtime_template/lm_debounce.h"

enum { LENGTH_OF = 9, SEQUENCES = 19683 };

/* More than half of the last `window` results, or what counted before. */
static int32_t expected(const int32_t *results, int n, int window, int32_t before)
{
    const int from = n < window ? 0 : n - window;
    for (int32_t class = -1; class < 2; class ++) {
        int votes = 0;
        for (int i = from; i < n; i++)
            votes += results[i] == class;
        if (2 * votes > window)
            return class < 0 ? 9 : class;
    }
    return before;
}

static void test_every_sequence(void **state)
{
    (void)state;
    for (int window = 1; window <= LENGTH_OF; window++)
        for (int code = 0; code < SEQUENCES; code++) {
            lm_debounce d;
            int32_t results[LENGTH_OF], value = 9;
            lm_debounce_start(&d, window, 9);
            for (int n = 0, rest = code; n < LENGTH_OF; n++, rest /= 3) {
                results[n] = rest % 3 - 1;
                value = expected(results, n + 1, window, value);
                assert_int_equal(lm_debounce_add(&d, results[n]), value);
            }
        }
}

static void test_limits(void **state)
{
    lm_debounce d;
    (void)state;
    lm_debounce_start(&d, -5, 3);
    assert_int_equal(d.window, 1);
    assert_int_equal(lm_debounce_add(&d, INT32_MAX), INT32_MAX);
    assert_int_equal(lm_debounce_add(&d, INT32_MIN), 3);
    lm_debounce_start(&d, 1000, 3);
    assert_int_equal(d.window, LM_DEBOUNCE_MOST);
    for (int i = 0; i < 100; i++)
        assert_int_equal(lm_debounce_add(&d, 5), i < LM_DEBOUNCE_MOST / 2 ? 3 : 5);
    lm_debounce_start(&d, 4, 3);
    for (int i = 0; i < 100; i++) /* two of four are no majority */
        assert_int_equal(lm_debounce_add(&d, i % 2 ? 5 : 7), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_sequence),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
