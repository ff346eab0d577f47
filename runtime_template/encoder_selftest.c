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
#if MODEL_BLOB
    if (s->weights == NULL) {
        return MODEL_E_UNBOUND;
    }
    if (model_blob_intact(s->weights) == 0) {
        return MODEL_E_WEIGHTS;
    }
#else
    if (model_weights_hash() != MODEL_WEIGHTS_HASH) {
        return MODEL_E_WEIGHTS;
    }
#endif
    return model_logits_hash(s, MODEL_GOLDEN_RUNS) == MODEL_GOLDEN_HASH ? MODEL_OK
                                                                        : MODEL_E_SELFTEST;
}
