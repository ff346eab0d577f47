/* Prints what the probe in the firmware kept of the self-test: hash, largest value and saturated
 * values of each layer. */
#include "story.h"

#include "board.h"

static story_t state;

int main(void)
{
    story_probe_reset();
    if (story_init(&state) != STORY_OK || story_selftest(&state) != STORY_OK) {
        return 1;
    }
    for (int32_t l = 0; l <= STORY_LAYERS; l++) {
        const story_probe_row *row = &story_probe_rows()[l];
        board_put_hex(row->hash);
        board_puts(" ");
        board_put_hex((uint32_t)row->largest);
        board_puts(" ");
        board_put_hex(row->saturated);
        board_puts("\n");
    }
    return 0;
}
