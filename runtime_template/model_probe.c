/* @banner */

/* The probe for firmware: what each layer's residual stream was like. Build the project with
 * MODEL_WITH_PROBE 1 and add this file; without it nothing of it is left. */
#include "model.h"

#include "model_kernels.h"

#if MODEL_WITH_PROBE
static model_probe_row model_probe_kept[MODEL_LAYERS + 1];

void model_probe(int32_t layer, const int32_t *resid, int32_t n)
{
    model_probe_row *row = &model_probe_kept[layer + 1];
    row->hash = lm_hash(resid, 4U, (uint32_t)n * 4U, row->hash);
    for (int32_t i = 0; i < n; i++) {
        const int32_t size = resid[i] < 0 ? -(resid[i] + 1) : resid[i];
        row->largest = size > row->largest ? size : row->largest;
        row->saturated += size == INT32_MAX ? 1U : 0U;
    }
}

void model_probe_reset(void)
{
    (void)memset(model_probe_kept, 0, sizeof model_probe_kept);
}

const model_probe_row *model_probe_rows(void)
{
    return model_probe_kept;
}
#endif
