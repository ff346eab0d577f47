/* lm_mix.h for cores with vectors (MVE): eight elements at a time.
 * Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_MIX_H
#define LM_MIX_H

#include <arm_mve.h>

/* 8 elements of the values at once. */
LM_FUNCTION void lm_mix_8(const int32_t *weights, const int8_t *v, int32_t n, int32_t apart,
                          int32_t *mix)
{
    int32x4_t low = vdupq_n_s32(0), high = vdupq_n_s32(0);
    LM_UNROLL_4
    for (int32_t j = 0; j < n; j++) {
        const int32_t w = weights[j];
        low = vmlaq_n_s32(low, vldrbq_s32(v), w);
        high = vmlaq_n_s32(high, vldrbq_s32(v + 4), w);
        v += apart;
    }
    vstrwq_s32(mix, low);
    vstrwq_s32(mix + 4, high);
}

LM_INLINE void lm_mix_values(const int32_t *weights, const int8_t *values, int32_t n, int32_t row,
                             int32_t dim, int32_t *mix)
{
    for (int32_t d = 0; d < (dim & ~7); d += 8) {
        lm_mix_8(weights, values + d, n, row * dim, mix + d);
    }
    for (int32_t d = dim & ~7; d < dim; d++) {
        const int8_t *v = values + d;
        int32_t acc = 0;
        for (int32_t j = 0; j < n; j++) {
            acc += weights[j] * *v;
            v += row * dim;
        }
        mix[d] = acc;
    }
}

#endif
