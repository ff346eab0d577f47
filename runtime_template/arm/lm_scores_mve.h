/* lm_scores.h for cores with vectors (MVE): four slots at a time, their scales gathered.
 * Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SCORES_H
#define LM_SCORES_H

#include <arm_mve.h>

/* q . k for any dim */
LM_INLINE int32_t lm_dot_mve(const int8_t *q, const int8_t *k, int32_t dim)
{
    int32_t dot = 0;
    for (int32_t d = 0; d < dim; d += 16) {
        const mve_pred16_t p = vctp8q((uint32_t)(dim - d));
        dot = vmladavaq_p_s8(dot, vldrbq_z_s8(q + d, p), vldrbq_z_s8(k + d, p), p);
    }
    return dot;
}

/* Four keys, `apart` from one another, of which `left` are there: the first stands for others. */
LM_INLINE int32x4_t lm_dots_mve(const int8_t *q, const int8_t *k, int32_t apart, int32_t dim,
                                int32_t left)
{
    const int8_t *k1 = left > 1 ? k + apart : k, *k2 = left > 2 ? k + 2 * apart : k;
    const int8_t *k3 = left > 3 ? k + 3 * apart : k;
    int32x4_t dots = vdupq_n_s32(0);
    if (dim == 8) {
        const int16x8_t wide = vldrbq_s16(q);
        dots = vsetq_lane_s32(vmladavq_s16(wide, vldrbq_s16(k)), dots, 0);
        dots = vsetq_lane_s32(vmladavq_s16(wide, vldrbq_s16(k1)), dots, 1);
        dots = vsetq_lane_s32(vmladavq_s16(wide, vldrbq_s16(k2)), dots, 2);
        return vsetq_lane_s32(vmladavq_s16(wide, vldrbq_s16(k3)), dots, 3);
    }
    dots = vsetq_lane_s32(lm_dot_mve(q, k, dim), dots, 0);
    dots = vsetq_lane_s32(lm_dot_mve(q, k1, dim), dots, 1);
    dots = vsetq_lane_s32(lm_dot_mve(q, k2, dim), dots, 2);
    return vsetq_lane_s32(lm_dot_mve(q, k3, dim), dots, 3);
}

/* 0, row, 2 row, 3 row: where four slots' scales lie. */
LM_INLINE uint32x4_t lm_slots_mve(int32_t row)
{
    return vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)row);
}

LM_INLINE int32_t lm_scores(const int8_t *q, const int8_t *keys, const uint16_t *scales,
                            int32_t first, int32_t last, int32_t row, int32_t dim, int32_t pre,
                            int32_t down, int32_t *score)
{
    const uint32x4_t slots = lm_slots_mve(row);
    const int8_t *k = keys + first * row * dim;
    int32x4_t max = vdupq_n_s32(INT32_MIN);
    scales += first * row;
    score += first;
    int32_t left = last - first;
    for (; left >= 4; left -= 4) {
        const int32x4_t dots = vshlq_r_s32(lm_dots_mve(q, k, row * dim, dim, 4), -pre);
        const uint32x4_t s = vldrhq_gather_shifted_offset_u32(scales, slots);
        const int32x4_t v = vshlq_r_s32(vmulq_s32(dots, vreinterpretq_s32_u32(s)), -down);
        vstrwq_s32(score, v);
        max = vmaxq_s32(max, v);
        k += 4 * row * dim;
        scales += 4 * row;
        score += 4;
    }
    if (left > 0) {
        const mve_pred16_t some = vctp32q((uint32_t)left);
        const int32x4_t dots = vshlq_r_s32(lm_dots_mve(q, k, row * dim, dim, left), -pre);
        const uint32x4_t s = vldrhq_gather_shifted_offset_z_u32(scales, slots, some);
        const int32x4_t v = vshlq_r_s32(vmulq_s32(dots, vreinterpretq_s32_u32(s)), -down);
        vstrwq_p_s32(score, v, some);
        max = vmaxq_m_s32(max, max, v, some);
    }
    return vmaxvq_s32(INT32_MIN, max);
}

#endif
