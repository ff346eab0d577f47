/* Sentences of a grammar by the generated interface, with logits that want anything but: the tokens
 * that may not follow have by far the largest ones. Writes each sentence, ended by a NUL.
 *
 *     grammar GRAMMAR STEPS */
#include "tales.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "grammar.c:%d: %s\n", __LINE__, #what);                                \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

enum { MOST = 4096 };

static tales_t state;
static uint32_t seed = 1;

static uint32_t draw(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

/* Where a sentence may end, it does so in one case of four. */
static void adversarial(int32_t *logits, const uint32_t *allowed)
{
    const int32_t end = draw() % 4 ? 0 : 1 << 24;
    for (int t = 0; t < TALES_VOCAB; t++)
        logits[t] = (int32_t)(draw() & 0xfffff) + (allowed[t / 32] >> t % 32 & 1 ? 0 : 1 << 30);
    logits[TALES_EOS] += end;
    logits[TALES_BOS] += end;
}

/* One token of a sentence; 0 when it has ended. */
static int step(int32_t *logits, char *text, size_t *n)
{
    const tales_sampling how = {draw() % 3 ? 65536 * (draw() % 8) : 0, 0, 0, draw(), NULL};
    adversarial(logits, state.allowed);
    const tales_token t = tales_sample(&state, &how);
    if (tales_grammar_accepts(&state) == 2 && t < 0)
        return 0;
    CHECK(t >= 0);
    if (t == TALES_EOS || t == TALES_BOS) {
        CHECK(tales_grammar_accepts(&state) > 0);
        CHECK(tales_grammar_take(&state, t) == TALES_E_GRAMMAR);
        return 0;
    }
    CHECK(tales_grammar_take(&state, t) == TALES_OK);
    const int32_t bytes = tales_decode(t, text + *n, (int32_t)(MOST - *n));
    CHECK(bytes > 0);
    *n += (size_t)bytes;
    return 1;
}

int main(int argc, char **argv)
{
    static char text[MOST];
    const int32_t *logits = NULL;
    CHECK(argc == 3 && tales_init(&state) == TALES_OK &&
          tales_step(&state, 5, &logits) == TALES_OK);
    CHECK(tales_grammar_start(&state, TALES_GRAMMARS) == TALES_E_ARGUMENT);
    CHECK(tales_grammar_start(&state, -2) == TALES_E_ARGUMENT);
    CHECK(tales_grammar_start(NULL, 0) == TALES_E_ARGUMENT && !tales_grammar_accepts(NULL));
    long left = atol(argv[2]);
    while (left > 0) {
        size_t n = 0;
        CHECK(tales_grammar_start(&state, atoi(argv[1])) == TALES_OK);
        for (; n < MOST / 2 && step((int32_t *)(size_t)logits, text, &n); left--) {
        }
        CHECK(left == 0 || tales_grammar_accepts(&state));
        if (tales_grammar_accepts(&state)) {
            text[n] = '\0';
            CHECK(strlen(text) == n);
            CHECK(fwrite(text, 1, n + 1, stdout) == n + 1);
        }
    }
    return fflush(stdout) != 0;
}
