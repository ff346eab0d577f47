/* @banner */
#include "model.h"

#include "model_kernels.h"

/* The XXH32 of what the head gives for the sequences of model_logits_hash, as the compiler computed
 * it for this very code. */

/* @golden */

int model_selftest(model_t *s)
{
    if (s == NULL) {
        return MODEL_E_ARGUMENT;
    }
    return model_logits_hash(s, MODEL_GOLDEN_RUNS) == MODEL_GOLDEN_HASH ? MODEL_OK
                                                                        : MODEL_E_SELFTEST;
}
