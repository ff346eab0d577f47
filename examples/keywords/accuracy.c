/* Counts how many clips the generated code has right, on the host or on a board
 * (targets/boards/common/board.h). clips.py writes clips.h, the frames of each clip and its class.
 */
#include "keywords.h"

#include <stddef.h>

#include "board.h"

#include "clips.h"

static keywords_t state;

static void print(const char *what, int32_t n)
{
    board_puts(what);
    board_put_dec(n);
    board_puts("\n");
}

int main(void)
{
    int32_t right = 0;
    if (keywords_init(&state) != KEYWORDS_OK || keywords_selftest(&state) != KEYWORDS_OK) {
        board_puts("the self-test failed\n");
        return 1;
    }
    for (int32_t i = 0; i < CLIPS; i++) {
        if (i == 0) {
            board_count_start();
        }
        const int32_t got = keywords_classify(&state, clips[i], KEYWORDS_FRAMES, NULL);
        if (i == 0) {
            board_count_stop();
        }
        right += got == clip_classes[i];
    }
    print("clips: ", CLIPS);
    print("right: ", right);
    return 0;
}
