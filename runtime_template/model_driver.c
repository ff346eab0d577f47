/* @banner */

/* What lmcc links with the generated code to run it on the host: plain functions over one
 * state a thread. */
#include "model.h"

#include <string.h>

static _Thread_local model_t driver_state;
static _Thread_local int32_t driver_residuals[(MODEL_LAYERS + 1) * MODEL_DIM];

void model_driver_probe(int32_t layer, const int32_t *resid, int32_t n);
const int32_t *model_driver_sizes(void);
int model_driver_init(void);
const int32_t *model_driver_step(int32_t token);
void model_driver_reset(void);
const int32_t *model_driver_residual(int32_t layer);
int model_driver_selftest(void);
uint32_t model_driver_hash(int32_t steps);
int32_t model_driver_generate(const char *prompt, int32_t max_tokens, const uint32_t *how,
                              model_emit_fn emit, void *user, model_token *scratch,
                              int32_t scratch_max);

void model_driver_probe(int32_t layer, const int32_t *resid, int32_t n)
{
    memcpy(driver_residuals + (layer + 1) * MODEL_DIM, resid, (size_t)n * sizeof *resid);
}

const int32_t *model_driver_sizes(void)
{
    static const int32_t sizes[5] = {MODEL_VOCAB, MODEL_DIM, MODEL_LAYERS, MODEL_RESIDUAL_FRACTION,
                                     MODEL_TOP};
    return sizes;
}

/* @part driver_bind.h */

#if MODEL_TOP > 0
const int32_t *model_driver_step(int32_t token)
{
    static _Thread_local model_token tokens[MODEL_TOP];
    static _Thread_local int32_t logits[MODEL_TOP], output[2 * MODEL_TOP];
    driver_prepare();
    if (model_step(&driver_state, token, NULL) != MODEL_OK) {
        return NULL;
    }
    (void)model_top(&driver_state, tokens, logits, MODEL_TOP);
    for (int32_t i = 0; i < MODEL_TOP; i++) {
        output[2 * i] = tokens[i];
        output[2 * i + 1] = logits[i];
    }
    return output;
}
#else
const int32_t *model_driver_step(int32_t token)
{
    const int32_t *logits = NULL;
    driver_prepare();
    return model_step(&driver_state, token, &logits) == MODEL_OK ? logits : NULL;
}
#endif

void model_driver_reset(void)
{
    model_reset(&driver_state);
}

const int32_t *model_driver_residual(int32_t layer)
{
    return driver_residuals + (layer + 1) * MODEL_DIM;
}

int model_driver_selftest(void)
{
    return model_selftest(&driver_state);
}

uint32_t model_driver_hash(int32_t steps)
{
    return model_logits_hash(&driver_state, steps);
}

/* how: temperature, top_k, top_p, seed. */
int32_t model_driver_generate(const char *prompt, int32_t max_tokens, const uint32_t *how,
                              model_emit_fn emit, void *user, model_token *scratch,
                              int32_t scratch_max)
{
    model_sampling o;
    o.temperature = how[0];
    o.top_k = (int32_t)how[1];
    o.top_p = how[2];
    o.seed = how[3];
    o.allowed = NULL;
    return model_generate(&driver_state, prompt, max_tokens, &o, emit, user, scratch, scratch_max);
}
