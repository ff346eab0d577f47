/* What `lmcc bench` runs on a board for an encoder: init, a sequence of one token and one of as
 * many as there may be, each with the head, between the markers, so that the plugin prints a line
 * for each. */
#include "model.h"

#include "board.h"

#if MODEL_BLOB
extern const uint8_t model_blob[]; /* blob.S */
#define INIT() model_bind(&state, model_blob, MODEL_BLOB_BYTES)
#else
#define INIT() model_init(&state)
#endif

static model_t state;

static int read_sequence(int32_t n)
{
    const int32_t *out = 0;
    int error;
#if MODEL_FRAMES > 0
    static model_item tokens[MODEL_FRAMES * MODEL_BANDS];
    for (int32_t i = 0; i < MODEL_FRAMES * MODEL_BANDS; i++) {
        tokens[i] = (model_item)(i * 37 % 256 - 128);
    }
    n = MODEL_FRAMES; /* always */
#else
    static model_item tokens[MODEL_WINDOW];
    for (int32_t i = 0; i < n; i++) {
        tokens[i] = (i * 37 + 3) % MODEL_VOCAB;
    }
#endif
    board_count_start();
    error = model_read(&state, tokens, n);
    if (error == MODEL_OK) {
        error = model_output(&state, 0, &out);
    }
    board_count_stop();
    return error;
}

int main(void)
{
    int error;
    board_count_start();
    error = INIT();
    board_count_stop();
    if (error == MODEL_OK) {
        error = read_sequence(1);
    }
    if (error == MODEL_OK) {
        error = read_sequence(MODEL_WINDOW);
    }
    if (error == MODEL_OK) {
        error = model_selftest(&state);
    }
    if (error != MODEL_OK) {
        board_puts(model_strerror(error));
        board_puts("\n");
        return 1;
    }
    board_put_hex(model_logits_hash(&state, MODEL_GOLDEN_RUNS));
    board_puts("\n");
    return 0;
}
