/* lm_numerator.h for cores with vectors (MVE): four slots at a time, their table entries gathered.
 * Needs lm_functions.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_NUMERATOR_H
#define LM_NUMERATOR_H

#include <arm_mve.h>

/* The softmax numerators of four scores, 2^15 at most. */
LM_INLINE uint32x4_t lm_numerators_mve(int32x4_t score, int32_t max, uint32_t mantissa)
{
    uint32x4_t below = vreinterpretq_u32_s32(vsubq_s32(vdupq_n_s32(max), score));
    below = vminq_u32(below, vdupq_n_u32(0xffffU));
    const uint32x4_t t = vmlasq_n_u32(below, vdupq_n_u32(mantissa), (1U << 17) - 2U);
    const uint32x4_t at = vandq_u32(vshrq_n_u32(t, 18), vdupq_n_u32(511U));
    const uint32x4_t p = vldrhq_gather_shifted_offset_u32(lm_exp2_fine, at);
    return vshlq_u32(p, vnegq_s32(vreinterpretq_s32_u32(vshrq_n_u32(t, 27))));
}

LM_INLINE uint32_t lm_softmax_total(const int32_t *score, int32_t n, int32_t max, uint32_t mantissa)
{
    uint32_t total = 0;
    for (int32_t j = 0; j < n; j += 4) {
        const mve_pred16_t some = vctp32q((uint32_t)(n - j));
        const int32x4_t s = vldrwq_z_s32(score + j, some);
        total = vaddvaq_p_u32(total, lm_numerators_mve(s, max, mantissa), some);
    }
    return total;
}

#endif
