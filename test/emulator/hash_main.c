/* Prints the hash of what the head gives in 64 greedy steps, and fails when the self-test does or
 * when a prompt read at once gives other logits than its tokens one by one. */
#include "tiny.h"

#include <stddef.h>

#include "board.h"

#if TINY_BLOB
extern const uint8_t tiny_blob[];
#define INIT() tiny_bind(&state, tiny_blob, TINY_BLOB_BYTES)
#else
#define INIT() tiny_init(&state)
#endif

static tiny_t state;

/* Tokens of a prompt and of what follows it: past the end of a short ring. */
#define PROMPT 53

#define OUTPUT (TINY_TOP > 0 ? 2 * TINY_TOP : TINY_VOCAB)
static int32_t expected[OUTPUT], output[OUTPUT];

/* One more token; what the head gives -> to. */
static void step(tiny_token t, int32_t *to)
{
#if TINY_TOP > 0
    (void)tiny_step(&state, t, NULL);
    (void)tiny_top(&state, to, to + TINY_TOP, TINY_TOP);
#else
    const int32_t *logits = NULL;
    (void)tiny_step(&state, t, &logits);
    for (int32_t i = 0; i < TINY_VOCAB; i++) {
        to[i] = logits[i];
    }
#endif
}

static int prefill_differs(void)
{
    static tiny_token tokens[PROMPT];
    tiny_reset(&state);
    for (int32_t i = 0; i < PROMPT; i++) {
        tokens[i] = (i * 37 + 11) % TINY_VOCAB;
        (void)tiny_step(&state, tokens[i], NULL);
    }
    step(1, expected);
    tiny_reset(&state);
    (void)tiny_prefill(&state, tokens, PROMPT);
    step(1, output);
    for (int32_t i = 0; i < OUTPUT; i++) {
        if (output[i] != expected[i]) {
            return 1;
        }
    }
    return 0;
}

int main(void)
{
    const int init = INIT();
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
