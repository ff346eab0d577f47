/* Runs a front end's self-test and counts the frames that follow; prints the hash. */
#include "mic.h"

#include "board.h"

static mic_t state;
static int16_t samples[MIC_WINDOW], frame[MIC_BANDS];

int main(void)
{
    const int16_t *at = samples;
    uint32_t n = MIC_WINDOW;
    if (mic_selftest(&state) != MIC_OK) {
        board_puts("self-test failed\n");
        return 1;
    }
    for (int32_t i = 0; i < MIC_WINDOW; i++) {
        samples[i] = (int16_t)((i * 12345 + (i * i) % 251 * 99) % 20000 - 10000);
    }
    board_count_start();
    (void)mic_feed(&state, &at, &n, frame);
    board_count_stop();
    board_put_hex(mic_frames_hash(&state, MIC_GOLDEN_FRAMES));
    board_puts("\n");
    return 0;
}
