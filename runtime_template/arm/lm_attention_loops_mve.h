/* lm_attention_loops.h for cores with vectors (MVE): four slots at a time, their scales and table
 * entries gathered. Needs lm_functions.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_ATTENTION_LOOPS_H
#define LM_ATTENTION_LOOPS_H

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

LM_INLINE uint32_t lm_softmax_mix(int32_t *score, const uint16_t *scales, const int8_t *values,
                                  int32_t n, int32_t row, int32_t dim, int32_t max,
                                  uint32_t mantissa, int32_t spread, int32_t *mix)
{
    const uint32_t total = lm_softmax(score, scales, n, row, max, mantissa, spread);
    lm_mix_values(score, values, n, row, dim, mix);
    return total;
}

#endif
