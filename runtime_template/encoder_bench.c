/* @banner */

/* Firmware that measures a sequence on silicon. Link it as your main, or call model_bench from
 * yours. On Cortex-M3 and up the cycle counter (DWT) is read, on Cortex-M0 SysTick; on anything
 * else define MODEL_CYCLES() to read a counter of yours. MODEL_BENCH_MAIN gives a main() that keeps
 * the result where a debugger finds it. */
#include "model.h"

#include <stddef.h>

/* @part cycles.h */

typedef struct model_bench_result {
    int error;        /* of init or the self-test */
    uint32_t one;     /* cycles of a sequence of one token, head included; of frames: as longest */
    uint32_t longest; /* of one of MODEL_WINDOW tokens */
} model_bench_result;

int model_bench(model_t *s, model_bench_result *out);

/* Cycles of a sequence of n tokens. */
static uint32_t model_bench_read(model_t *s, int32_t n, int *error)
{
    const int32_t *result = NULL;
#if MODEL_FRAMES > 0
    model_item t[MODEL_FRAMES * MODEL_BANDS];
    for (int32_t i = 0; i < MODEL_FRAMES * MODEL_BANDS; i++) {
        t[i] = (model_item)((i * 37 & 255) - 128);
    }
    n = MODEL_FRAMES; /* always */
#else
    model_item t[MODEL_WINDOW], next = 3 % MODEL_VOCAB;
    for (int32_t i = 0; i < n; i++) {
        t[i] = next;
        next += 37 % MODEL_VOCAB;
        next -= next < MODEL_VOCAB ? 0 : MODEL_VOCAB;
    }
#endif
    const uint32_t start = MODEL_CYCLES();
    *error = model_read(s, t, n);
    if (*error == MODEL_OK) {
        *error = model_output(s, 0, &result);
    }
    return (MODEL_CYCLES() - start) & MODEL_CYCLES_MASK;
}

int model_bench(model_t *s, model_bench_result *out)
{
    out->one = 0;
    out->longest = 0;
    MODEL_CYCLES_START();
    out->error = model_init(s);
    if (out->error == MODEL_OK) {
        out->error = model_selftest(s);
    }
    if (out->error == MODEL_OK) {
        out->one = model_bench_read(s, 1, &out->error);
    }
    if (out->error == MODEL_OK) {
        out->longest = model_bench_read(s, MODEL_WINDOW, &out->error);
    }
    return out->error;
}

#ifdef MODEL_BENCH_MAIN
static model_t model_bench_state;
volatile model_bench_result model_bench_last;

int main(void)
{
    model_bench_result r;
    (void)model_bench(&model_bench_state, &r);
    model_bench_last = r;
    for (;;) {
    }
}
#endif
