/* A vector of int32 becomes int8 with one scale: absmax / 127, the scale rounded up to a 9-bit
 * mantissa that is then used exactly, so that its rounding costs range and no accuracy.
 * Needs lm_fixed.h, lm_tables.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_QUANTIZE_H
#define LM_QUANTIZE_H

typedef struct lm_quantizer {
    lm_window window;
    int32_t inverse;   /* floor(2^23 / mantissa) */
    uint32_t mantissa; /* 130..259 */
} lm_quantizer;

/* For values of magnitude up to max > 0: one unit of the int8 result is worth
 * mantissa * 2^(window.right - window.left). */
LM_INLINE lm_quantizer lm_quantizer_for(uint32_t max)
{
    lm_quantizer q;
    q.window = lm_window_for(max);
    max = (max << q.window.left) >> q.window.right;
    q.mantissa = ((max * 33027U) >> 22) + 1U; /* > max / 127 */
    q.inverse = (int32_t)lm_inverse[q.mantissa - 130U];
    return q;
}

/* Rounded half up; in -127..127. */
LM_INLINE int8_t lm_quantizer_apply(lm_quantizer q, int32_t v)
{
    return (int8_t)((lm_window_apply(q.window, v) * q.inverse + 0x400000) >> 23);
}

/* The scale of the result when one unit of the input is worth `unit`. */
LM_INLINE lm_scale lm_quantizer_scale(lm_quantizer q, lm_scale unit)
{
    return lm_scale_of(lm_mantissa(unit) * q.mantissa,
                       lm_exponent(unit) + q.window.right - q.window.left);
}

/* v (n), |v| <= max -> x (n) int8. */
LM_INLINE void lm_quantize_to(const int32_t *v, int32_t n, uint32_t max, int8_t *x)
{
    if (max == 0U) {
        memset(x, 0, (uint32_t)n);
    } else {
        const lm_quantizer q = lm_quantizer_for(max);
        for (int32_t i = 0; i < n; i++) {
            x[i] = lm_quantizer_apply(q, v[i]);
        }
    }
}

/* The scale of what lm_quantize_to made of values worth unit each. */
LM_INLINE lm_scale lm_quantized_scale(uint32_t max, lm_scale unit)
{
    return max == 0U ? LM_SCALE_TINY : lm_quantizer_scale(lm_quantizer_for(max), unit);
}

/* v (n), worth unit each -> x (n) int8; gives the scale of x. */
LM_INLINE lm_scale lm_quantize(const int32_t *v, int32_t n, lm_scale unit, int8_t *x)
{
    const uint32_t max = lm_max_abs(v, n);
    lm_quantize_to(v, n, max, x);
    return lm_quantized_scale(max, unit);
}

#endif
