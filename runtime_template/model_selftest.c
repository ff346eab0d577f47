/* @banner */
#include "model.h"

#include "model_kernels.h"

/* What the compiler computed for this very code: the greedy tokens from token MODEL_GOLDEN_START
 * on, and the XXH32 of all their logits. */

/* @golden */

int model_selftest(model_t *s)
{
    return model_selftest_against(s, model_golden_tokens, MODEL_GOLDEN_HASH);
}
