/* Scores become weights of values. Needs lm_numerator.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SOFTMAX_H
#define LM_SOFTMAX_H

/* Scores (n) with their maximum -> in place, numerators times the scales of the values, divided by
 * 2^(16 + spread); gives the sum of the numerators. */
LM_FUNCTION uint32_t lm_softmax(int32_t *score, const uint16_t *scales, int32_t n, int32_t row,
                                int32_t max, uint32_t mantissa, int32_t spread)
{
    const uint32_t half = 0x8000U << spread;
    uint32_t total = 0;
    LM_UNROLL_4
    for (int32_t j = 0; j < n; j++) {
        const uint32_t p = lm_numerator(score[j], max, mantissa);
        total += p;
        score[j] = (int32_t)(lm_mul_add(p, scales[j * row], half) >> (16 + spread));
    }
    return total;
}

#endif
