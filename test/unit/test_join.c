/* Two texts as one sequence, for every length, room and form: what stands around them, which tokens
 * stay where there are too many, and where the second text begins. */
#include "tiny_model.h"

#include "runtime.h"

#include <stdio.h>

enum { BOS = 100, END = 101, FIRST = 1000, SECOND = 2000, LONGEST = 12 };

static const lm_join forms[] = {
    {1, 1, 1, {END, 0}, 1},   /* BERT: [CLS] A [SEP] B [SEP] */
    {1, 1, 2, {END, END}, 0}, /* RoBERTa: <s> A </s> </s> B </s> */
    {1, 0, 1, {BOS, 0}, 0},   {0, 1, 1, {END, 0}, 1}, {0, 0, 0, {0, 0}, 1}, {1, 1, 0, {0, 0}, 1},
};

/* Tokens that stay, as the documentation of the tokenizers library has it, longest first: the
 * shorter text as it is while it takes no more than what is left of the room, else halves, of which
 * the longer text's is the larger. */
static void expected_lengths(int n, int m, int room, int kept[2])
{
    int shorter = n > m ? m : n, longer = n > m ? n : m;
    if (n + m > room) {
        longer = shorter > room ? shorter : shorter > room - shorter ? shorter : room - shorter;
        if (shorter + longer > room) {
            shorter = room / 2;
            longer = shorter + room % 2;
        }
    }
    kept[0] = n > m ? longer : shorter;
    kept[1] = n > m ? shorter : longer;
}

/* As the encoder gives it. */
static int put_text(int32_t *t, const lm_join *how, int first, int n)
{
    int at = 0;
    if (how->before) {
        t[at++] = BOS;
    }
    for (int i = 0; i < n; i++) {
        t[at++] = first + i;
    }
    if (how->after) {
        t[at++] = END;
    }
    return at;
}

static int expected_pair(int32_t *t, const lm_join *how, const int kept[2], int *second)
{
    int at = 0;
    if (how->before) {
        t[at++] = BOS;
    }
    for (int i = 0; i < kept[0]; i++) {
        t[at++] = FIRST + i;
    }
    for (int i = 0; i < how->n_between; i++) {
        t[at++] = how->between[i];
    }
    *second = at;
    for (int i = 0; i < kept[1]; i++) {
        t[at++] = SECOND + i;
    }
    if (how->after) {
        t[at++] = END;
    }
    *second = how->typed ? *second : at;
    return at;
}

static void every_length(void **state)
{
    (void)state;
    int checked = 0, refused = 0;
    for (size_t f = 0; f < LENGTH(forms); f++) {
        const lm_join *how = &forms[f];
        for (int n = 0; n <= LONGEST; n++) {
            for (int m = 0; m <= LONGEST; m++) {
                for (int window = 0; window <= 2 * LONGEST + 6; window++) {
                    int32_t t[2 * LONGEST + 6], want[2 * LONGEST + 6], second = -5;
                    int kept[2], begins;
                    const int a = put_text(t, how, FIRST, n), b = put_text(t + a, how, SECOND, m);
                    const int room = window - how->before - how->after - how->n_between;
                    const int got = lm_join_texts(t, a, b, how, window, &second);
                    if (room < 0) {
                        assert_int_equal(got, -1);
                        refused++;
                        continue;
                    }
                    expected_lengths(n, m, room, kept);
                    const int wanted = expected_pair(want, how, kept, &begins);
                    assert_true(got == wanted && got <= window && second == begins);
                    assert_memory_equal(t, want, (size_t)got * sizeof *t);
                    checked++;
                }
            }
        }
    }
    printf("%d pairs, %d without room\n", checked, refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_length)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
