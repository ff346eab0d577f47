/* @banner */

/* Firmware that measures a token on silicon. Link it as your main, or call model_bench from yours.
 * On Cortex-M3 and up the cycle counter (DWT) is read, on Cortex-M0 SysTick; on anything else
 * define MODEL_CYCLES() to read a counter of yours. MODEL_BENCH_MAIN gives a main() that keeps the
 * result where a debugger finds it. */
#include "model.h"

#include <stddef.h>

/* @part cycles.h */

typedef struct model_bench_result {
    int error;        /* of init or the self-test */
    uint32_t first;   /* cycles of the first token */
    uint32_t last;    /* of the last of MODEL_GOLDEN_STEPS tokens */
    uint32_t longest; /* of the slowest one */
} model_bench_result;

int model_bench(model_t *s, model_bench_result *out);

/* Greedy tokens from the start, each timed. */
int model_bench(model_t *s, model_bench_result *out)
{
    const model_sampling greedy = {0, 0, 0, 0, NULL};
    model_token t = MODEL_GOLDEN_START;
    out->first = 0;
    out->last = 0;
    out->longest = 0;
    MODEL_CYCLES_START();
    out->error = model_init(s);
    if (out->error == MODEL_OK) {
        out->error = model_selftest(s);
    }
    for (int32_t i = 0; i < MODEL_GOLDEN_STEPS && out->error == MODEL_OK; i++) {
        const uint32_t start = MODEL_CYCLES();
        out->error = model_step(s, t, NULL);
        out->last = (MODEL_CYCLES() - start) & MODEL_CYCLES_MASK;
        out->first = i == 0 ? out->last : out->first;
        out->longest = out->last > out->longest ? out->last : out->longest;
        t = model_sample(s, &greedy);
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
