/* lm_softmax.h for cores with vectors (MVE): four slots at a time.
 * Needs lm_scores_mve.h, lm_numerator_mve.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SOFTMAX_H
#define LM_SOFTMAX_H

LM_FUNCTION uint32_t lm_softmax(int32_t *score, const uint16_t *scales, int32_t n, int32_t row,
                                int32_t max, uint32_t mantissa, int32_t spread)
{
    const uint32x4_t slots = lm_slots_mve(row);
    const uint32_t half = 0x8000U << spread;
    uint32_t total = 0;
    for (; n > 0; n -= 4) {
        const mve_pred16_t some = vctp32q((uint32_t)n);
        const uint32x4_t p = lm_numerators_mve(vldrwq_z_s32(score, some), max, mantissa);
        const uint32x4_t s = vldrhq_gather_shifted_offset_z_u32(scales, slots, some);
        const uint32x4_t w = vshlq_r_u32(vmlasq_n_u32(p, s, half), -(16 + spread));
        total = vaddvaq_p_u32(total, p, some);
        vstrwq_p_u32((uint32_t *)score, w, some);
        score += 4;
        scales += 4 * row;
    }
    return total;
}

#endif
