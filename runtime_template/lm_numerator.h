/* The numerators of softmax and their sum, before which nobody knows by how much weights must be
 * shifted. Needs lm_functions.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_NUMERATOR_H
#define LM_NUMERATOR_H

/* The softmax numerator of a score, 2^15 at most. */
LM_INLINE uint32_t lm_numerator(int32_t score, int32_t max, uint32_t mantissa)
{
    return lm_exp2_nearest(lm_clip16(max - score), mantissa);
}

/* The sum of the numerators of scores (n). */
LM_INLINE uint32_t lm_softmax_total(const int32_t *score, int32_t n, int32_t max, uint32_t mantissa)
{
    uint32_t total = 0;
    for (int32_t j = 0; j < n; j++) {
        total += lm_numerator(score[j], max, mantissa);
    }
    return total;
}

#endif
