/* Prints the hash of the logits of 64 greedy steps, and fails when the self-test does or when a
 * prompt read at once gives other logits than its tokens one by one. */
#include "tiny.h"

#include <stddef.h>

#include "board.h"

static tiny_t state;

/* Tokens of a prompt and of what follows it: past the end of a short ring. */
#define PROMPT 53

static int32_t expected[TINY_VOCAB];

static int prefill_differs(void)
{
    static tiny_token tokens[PROMPT];
    const int32_t *logits = NULL;
    tiny_reset(&state);
    for (int32_t i = 0; i < PROMPT; i++) {
        tokens[i] = (i * 37 + 11) % TINY_VOCAB;
        (void)tiny_step(&state, tokens[i], &logits);
    }
    (void)tiny_step(&state, 1, &logits);
    for (int32_t i = 0; i < TINY_VOCAB; i++) {
        expected[i] = logits[i];
    }
    tiny_reset(&state);
    (void)tiny_prefill(&state, tokens, PROMPT);
    (void)tiny_step(&state, 1, &logits);
    for (int32_t i = 0; i < TINY_VOCAB; i++) {
        if (logits[i] != expected[i]) {
            return 1;
        }
    }
    return 0;
}

int main(void)
{
    const int init = tiny_init(&state);
    const int selftest = tiny_selftest(&state);
    if (init != TINY_OK || selftest != TINY_OK) {
        board_puts(tiny_strerror(init != TINY_OK ? init : selftest));
        board_puts("\n");
        return 1;
    }
    if (prefill_differs() != 0) {
        board_puts("prefill differs from steps\n");
        return 1;
    }
    board_put_hex(tiny_logits_hash(&state, TINY_GOLDEN_STEPS));
    board_puts("\n");
    return 0;
}
