/* How a vector of int32 becomes int8 with one scale: absmax / 127, the scale rounded up to a 9-bit
 * mantissa that is then used exactly, so that its rounding costs range and no accuracy.
 * Needs lm_fixed.h, lm_tables.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_QUANTIZER_H
#define LM_QUANTIZER_H

/* How a result is rounded: half up, or down, which leaves every value its sign. */
#define LM_NEAREST 0x400000U
#define LM_DOWN 0U

typedef struct lm_quantizer {
    int32_t right;     /* shift of the input */
    uint32_t inverse;  /* floor(2^23 / mantissa) * 2^(shift left of the input) */
    uint32_t mantissa; /* 130..259 */
    int32_t exponent;  /* one unit of the result is worth mantissa * 2^exponent */
    uint32_t round;    /* LM_NEAREST, LM_DOWN */
} lm_quantizer;

/* For values of sizes up to max > 0. */
LM_INLINE lm_quantizer lm_quantizer_for(uint32_t max)
{
    lm_quantizer q;
    int32_t left = 0;
    q.exponent = lm_bits(max) - 15;
    q.right = q.exponent;
    if (q.exponent < 0) {
        left = -q.exponent;
        q.right = 0;
        max = lm_size_left(max, left);
    }
    q.mantissa = (((max >> q.right) * 33027U) >> 22) + 1U; /* > max / 127 */
    q.inverse = (uint32_t)lm_inverse[q.mantissa - 130U] << left;
    q.round = LM_NEAREST;
    return q;
}

/* The same for values that are still to be multiplied by 2^left. */
LM_INLINE lm_quantizer lm_quantizer_before(lm_quantizer q, int32_t left)
{
    q.inverse <<= q.right < left ? left - q.right : 0;
    q.right = q.right < left ? 0 : q.right - left;
    return q;
}

/* In -127..127; rounded down, in -128..126. The product fits in 32 bits once it is whole, hence
 * unsigned. */
LM_INLINE int8_t lm_quantizer_apply(lm_quantizer q, int32_t v)
{
    return (int8_t)((int32_t)((uint32_t)(v >> q.right) * q.inverse + q.round) >> 23);
}

/* The scale of the result when one unit of the input is worth `unit`. The product has 23 to 25
 * bits. */
LM_INLINE lm_scale lm_quantizer_scale(lm_quantizer q, lm_scale unit)
{
    const uint32_t m = lm_mantissa(unit) * q.mantissa;
    const int32_t drop = 7 + (int32_t)(m >> 23);
    return (lm_exponent(unit) + q.exponent + drop) * 65536 + (int32_t)(m >> drop);
}

#endif
