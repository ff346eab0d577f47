/* Prints the hash of the logits of 64 greedy steps, and fails when the self-test does. */
#include "tiny.h"

#include "board.h"

static tiny_t state;

int main(void)
{
    const int init = tiny_init(&state);
    const int selftest = tiny_selftest(&state);
    if (init != TINY_OK || selftest != TINY_OK) {
        board_puts(tiny_strerror(init != TINY_OK ? init : selftest));
        board_puts("\n");
        return 1;
    }
    board_put_hex(tiny_logits_hash(&state, TINY_GOLDEN_STEPS));
    board_puts("\n");
    return 0;
}
