/* lm_softmax_mix.h for ARMv6-M (Cortex-M0, M0+), with the sum of the weights.
 * Needs lm_softmax_thumb1.h, lm_mix_thumb1.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SOFTMAX_MIX_H
#define LM_SOFTMAX_MIX_H

LM_INLINE uint32_t lm_softmax_mix(int32_t *score, const uint16_t *scales, const int8_t *values,
                                  int32_t n, int32_t row, int32_t dim, int32_t max,
                                  uint32_t mantissa, int32_t spread, int32_t *mix)
{
    const uint64_t sums = lm_softmax(score, scales, n, row, max, mantissa, spread);
    lm_mix_values(score, values, n, row, dim, (uint32_t)(sums >> 32), mix);
    return (uint32_t)sums;
}

#endif
