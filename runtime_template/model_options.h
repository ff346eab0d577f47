/* @banner */
#ifndef MODEL_OPTIONS_H
#define MODEL_OPTIONS_H

#include "model.h"

#include "model_kernels.h"

/* What a generation is told, by one line of JSON that comes over a wire, say:
 * {"temperature": 0.8, "top_k": 40, "top_p": 0.9, "seed": 7, "max_tokens": 100} */
typedef struct model_options {
    model_sampling sampling; /* allowed stays as it is */
    int32_t max_tokens;
} model_options;

#define MODEL_E_JSON LM_E_JSON     /* no JSON object of numbers */
#define MODEL_E_OPTION LM_E_OPTION /* no such option, or given twice */
#define MODEL_E_RANGE LM_E_RANGE   /* a value that the option cannot have */

/* Sets what the text (n bytes) names and leaves the rest, or, with an error, everything as it was.
 * temperature: 0 .. 65535.99; top_p: 0 .. 1; top_k, max_tokens: to 2^31 - 1; seed: to 2^32 - 1. */
LM_FUNCTION int model_options_json(model_options *o, const char *json, uint32_t n)
{
    static const lm_option known[] = {{"temperature", LM_OPTION_FIXED, 0xffffffffU},
                                      {"top_p", LM_OPTION_FIXED, 65536U},
                                      {"top_k", LM_OPTION_WHOLE, 0x7fffffffU},
                                      {"seed", LM_OPTION_WHOLE, 0xffffffffU},
                                      {"max_tokens", LM_OPTION_WHOLE, 0x7fffffffU}};
    uint32_t values[5];
    int32_t result;
    if (o == NULL || json == NULL) {
        return MODEL_E_ARGUMENT;
    }
    values[0] = o->sampling.temperature;
    values[1] = o->sampling.top_p;
    values[2] = (uint32_t)o->sampling.top_k;
    values[3] = o->sampling.seed;
    values[4] = (uint32_t)o->max_tokens;
    result = lm_options_parse(json, n, known, 5, values);
    if (result == 0) {
        o->sampling.temperature = values[0];
        o->sampling.top_p = values[1];
        o->sampling.top_k = (int32_t)values[2];
        o->sampling.seed = values[3];
        o->max_tokens = (int32_t)values[4];
    }
    return (int)result;
}

#endif
