/* @banner */

/* What lmcc links with the generated code of an encoder to run it on the host: plain functions over
 * one state a thread. */
#include "model.h"

#include <stddef.h>

static _Thread_local model_t driver_state;

const int32_t *model_driver_sizes(void);
int model_driver_init(void);
int model_driver_read(const int32_t *tokens, int32_t n);
int model_driver_read_pair(const int32_t *tokens, int32_t n, int32_t second);
const int32_t *model_driver_output(int32_t at);
int model_driver_selftest(void);
uint32_t model_driver_hash(int32_t runs);

const int32_t *model_driver_sizes(void)
{
    static const int32_t sizes[7] = {MODEL_VOCAB, MODEL_DIM,    MODEL_WINDOW, MODEL_OUTPUTS,
                                     MODEL_HEAD,  MODEL_FRAMES, MODEL_BANDS};
    return sizes;
}

/* @part driver_bind.h */

#if MODEL_FRAMES > 0
/* n: of tokens, which say nothing new. */
int model_driver_read(const int32_t *tokens, int32_t n)
{
    static _Thread_local int8_t frames[MODEL_FRAMES * MODEL_BANDS];
    for (int32_t i = 0; i < MODEL_FRAMES * MODEL_BANDS; i++) {
        frames[i] = (int8_t)tokens[i];
    }
    driver_prepare();
    return model_read(&driver_state, frames, n == MODEL_WINDOW ? MODEL_FRAMES : 0);
}

int model_driver_read_pair(const int32_t *tokens, int32_t n, int32_t second)
{
    (void)second;
    return model_driver_read(tokens, n);
}
#else
int model_driver_read(const int32_t *tokens, int32_t n)
{
    driver_prepare();
    return model_read(&driver_state, tokens, n);
}

int model_driver_read_pair(const int32_t *tokens, int32_t n, int32_t second)
{
    driver_prepare();
    return model_read_pair(&driver_state, tokens, n, second);
}
#endif

const int32_t *model_driver_output(int32_t at)
{
    const int32_t *out = NULL;
    return model_output(&driver_state, at, &out) == MODEL_OK ? out : NULL;
}

int model_driver_selftest(void)
{
    return model_selftest(&driver_state);
}

uint32_t model_driver_hash(int32_t runs)
{
    return model_logits_hash(&driver_state, runs);
}
