/* Two models in one program, and two conversations with one of them: they share nothing but
 * constant data. Run under the address and undefined-behaviour sanitizers. */
#include "ant.h"
#include "bee.h"

#include <stdio.h>
#include <string.h>

static ant_t ants[2];
static bee_t bees;
static int failures;

static void check(int ok, const char *what)
{
    if (!ok) {
        printf("%s\n", what);
        failures++;
    }
}

/* All logits of a step, kept: what alternating steps must give again. */
static int32_t alone[8][ANT_VOCAB];

static void check_alternating(void)
{
    const int32_t *logits = NULL;
    ant_reset(&ants[0]);
    for (int i = 0; i < 8; i++) {
        check(ant_step(&ants[0], i, &logits) == ANT_OK, "ant_step");
        memcpy(alone[i], logits, sizeof alone[i]);
    }
    ant_reset(&ants[0]);
    for (int i = 0; i < 8; i++) {
        check(ant_step(&ants[0], i, &logits) == ANT_OK, "ant_step");
        check(ant_step(&ants[1], 7 - i, NULL) == ANT_OK, "ant_step");
        check(bee_step(&bees, i, NULL) == BEE_OK, "bee_step");
        check(memcmp(alone[i], logits, sizeof alone[i]) == 0, "a conversation changed another");
    }
}

static int count_text(void *user, const char *text, int32_t bytes)
{
    (void)text;
    *(int32_t *)user += bytes;
    return 0;
}

/* Any bytes are a text: one buffer of exact size for each length, so that reading past it is seen.
 */
static void check_text(void)
{
    static const char text[] = "It was \xc3\xa9t\xc3\xa9 \xf0\x9f\x90\x9c, \xff\xc3 12:30\n\n";
    const ant_sampling how = {60000, 40, 60000, 3, NULL};
    ant_token tokens[sizeof text + 2];
    int32_t bytes = 0;
    for (uint32_t n = 0; n < sizeof text; n++) {
        const int32_t count = ant_encode(text, n, tokens, (int32_t)n + 2);
        check(count >= 0 && count <= (int32_t)n + 2, "ant_encode");
        for (int32_t i = 0; i < count; i++) {
            char piece[ANT_PIECE_BYTES];
            check(ant_decode(tokens[i], piece, (int32_t)sizeof piece) >= 0, "ant_decode");
        }
    }
    check(ant_encode(text, sizeof text - 1, tokens, 2) == ANT_E_SPACE, "ant_encode without room");
    ant_reset(&ants[0]);
    check(ant_generate(&ants[0], text, 100, &how, count_text, &bytes, tokens,
                       (int32_t)(sizeof tokens / sizeof tokens[0])) >= 0,
          "ant_generate");
}

static void check_arguments(void)
{
    const ant_token wrong = ANT_VOCAB;
    check(ant_init(NULL) == ANT_E_ARGUMENT, "init of nothing");
    check(ant_step(&ants[0], -1, NULL) == ANT_E_ARGUMENT, "step of token -1");
    check(ant_step(&ants[0], wrong, NULL) == ANT_E_ARGUMENT, "step of a token past the vocabulary");
    check(ant_prefill(&ants[0], &wrong, 1) == ANT_E_ARGUMENT, "prefill past the vocabulary");
    ant_reset(&ants[0]);
    check(ant_sample(&ants[0], &(ant_sampling){0, 0, 0, 0, NULL}) == ANT_E_EMPTY,
          "sample of nothing");
}

int main(void)
{
    check(ant_init(&ants[0]) == ANT_OK && ant_init(&ants[1]) == ANT_OK, "ant_init");
    check(bee_init(&bees) == BEE_OK, "bee_init");
    check(ant_selftest(&ants[0]) == ANT_OK, "ant_selftest");
    check(bee_selftest(&bees) == BEE_OK, "bee_selftest");
    check_alternating();
    check_text();
    check_arguments();
    return failures != 0;
}
