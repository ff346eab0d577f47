/* Scores of a head become its part of the mix. Needs lm_softmax.h, lm_mix.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_SOFTMAX_MIX_H
#define LM_SOFTMAX_MIX_H

/* Scores (n) of one head with their maximum -> mix (dim), the sum of the values times what
 * lm_softmax gives of the scores, which it overwrites; gives the sum of the numerators. */
LM_INLINE uint32_t lm_softmax_mix(int32_t *score, const uint16_t *scales, const int8_t *values,
                                  int32_t n, int32_t row, int32_t dim, int32_t max,
                                  uint32_t mantissa, int32_t spread, int32_t *mix)
{
    const uint32_t total = lm_softmax(score, scales, n, row, max, mantissa, spread);
    lm_mix_values(score, values, n, row, dim, mix);
    return total;
}

#endif
