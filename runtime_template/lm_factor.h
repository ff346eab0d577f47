/* How a value becomes int8 where the scale is fixed: a factor, rounding, saturation. Needs
 * lm_fixed.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_FACTOR_H
#define LM_FACTOR_H

/* A value t as int8: t * m / 2^down to the nearest, -127..127. t * m is from -2^30 on and below
 * 2^30, down 0..31, half of 2^down to round. */
typedef struct lm_factor {
    int32_t m, down, half;
} lm_factor;

/* a * b modulo 2^32: whatever values there are, nothing is undefined. */
LM_INLINE int32_t lm_product(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a * (uint32_t)b);
}

LM_INLINE int8_t lm_static(lm_factor f, int32_t t)
{
    const int32_t v = (int32_t)((uint32_t)lm_product(t, f.m) + (uint32_t)f.half) >> f.down;
    return (int8_t)(v > 127 ? 127 : (v < -127 ? -127 : v));
}

/* m / 2^down, down 0 or more. */
LM_INLINE lm_factor lm_factor_of(int32_t m, int32_t down)
{
    lm_factor f;
    f.m = m;
    f.down = down > 31 ? 31 : down;
    f.half = (int32_t)((1U << f.down) >> 1);
    return f;
}

/* Of values t < 2^17, worth scale * 2^right each: 13 bits of its mantissa. A result that is too
 * large to be shifted saturates as it is. */
LM_INLINE lm_factor lm_factor_13(lm_scale scale, int32_t right)
{
    const int32_t down = -3 - lm_exponent(scale) - right;
    return lm_factor_of((int32_t)((lm_mantissa(scale) + 4U) >> 3), down < 0 ? 0 : down);
}

#endif
