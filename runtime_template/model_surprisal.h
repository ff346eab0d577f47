/* @banner */
#ifndef MODEL_SURPRISAL_H
#define MODEL_SURPRISAL_H

#include "model.h"

#include "model_kernels.h"

/* How unlikely token t was after what was read, in units of 1/65536 bit: the mean over a text is
 * log2 of its perplexity. logits: what model_step gave before t. 0 for a token that does not exist.
 */
LM_FUNCTION uint32_t model_surprisal(const int32_t *logits, model_token t)
{
    return logits == NULL || t < 0 || t >= MODEL_VOCAB ? 0U : lm_surprisal(logits, MODEL_VOCAB, t);
}

#endif
