/* What `lmcc bench` runs on a board: init, greedy tokens one by one, a prefill and a draw, each
 * between the markers, so that the plugin prints a line for each in this order. With BENCH_STEPS
 * only the tokens are between markers, for a profile. */
#include "model.h"

#include "board.h"

#ifdef BENCH_STEPS
#define COUNT_START() ((void)0)
#define COUNT_STOP() ((void)0)
#else
#define COUNT_START() board_count_start()
#define COUNT_STOP() board_count_stop()
#endif

#if MODEL_BLOB
extern const uint8_t model_blob[]; /* blob.S */
#define INIT() model_bind(&state, model_blob, MODEL_BLOB_BYTES)
#else
#define INIT() model_init(&state)
#endif

static model_t state;

static int fail(int error)
{
    board_puts(model_strerror(error));
    board_puts("\n");
    return 1;
}

int main(void)
{
    static model_token tokens[MODEL_GOLDEN_STEPS];
    const model_sampling greedy = {0, 0, 0, 0, 0};
    const model_sampling draw = {52429, 0, 58982, 1, 0}; /* temperature 0.8, top-p 0.9 */
    model_token t = MODEL_GOLDEN_START;
    int error;
    COUNT_START();
    error = INIT();
    COUNT_STOP();
    if (error == MODEL_OK) {
        error = model_selftest(&state);
    }
    for (int32_t i = 0; i < MODEL_GOLDEN_STEPS && error == MODEL_OK; i++) {
        tokens[i] = t;
        board_count_start();
        error = model_step(&state, t, 0);
        board_count_stop();
        t = model_sample(&state, &greedy);
    }
    model_reset(&state);
    COUNT_START();
    error = error == MODEL_OK ? model_prefill(&state, tokens, MODEL_GOLDEN_STEPS) : error;
    COUNT_STOP();
    COUNT_START();
    t = model_sample(&state, &draw);
    COUNT_STOP();
    if (error != MODEL_OK || t < 0) {
        return fail(error != MODEL_OK ? error : (int)t);
    }
    board_put_hex(model_logits_hash(&state, MODEL_GOLDEN_STEPS));
    board_puts("\n");
    return 0;
}
