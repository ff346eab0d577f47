/* Fixed-point arithmetic that every core computes alike: 32-bit words, no 64-bit multiply, no
 * divide, nothing that a compiler would call a library for. Exact rules: docs/arithmetic.md.
 * Needs lm_mul.h, lm_core.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_FIXED_H
#define LM_FIXED_H

/* A positive scale, mantissa * 2^exponent: mantissa 32768..65535 in the low half, exponent in the
 * high half, so that adding e * 65536 multiplies by 2^e. */
typedef int32_t lm_scale;

#define LM_SCALE(mantissa, exponent) ((lm_scale)((exponent)*65536 + (mantissa)))
#define LM_SCALE_TINY LM_SCALE(32768, -256) /* the scale of an all-zero vector */

LM_INLINE uint32_t lm_mantissa(lm_scale s)
{
    return (uint32_t)s & 0xffffU;
}

LM_INLINE int32_t lm_exponent(lm_scale s)
{
    return s >> 16;
}

/* m * 2^e as a scale, m > 0; bits below the 16-bit mantissa are cut off. */
LM_INLINE lm_scale lm_scale_of(uint32_t m, int32_t e)
{
    const int32_t drop = lm_bits(m) - 16;
    m = drop > 0 ? m >> drop : m << -drop;
    return (e + drop) * 65536 + (int32_t)m;
}

/* The same of a product of two mantissas, which has 31 or 32 bits. */
LM_INLINE lm_scale lm_scale_of_product(uint32_t m, int32_t e)
{
    const int32_t drop = 15 + (int32_t)(m >> 31);
    return (e + drop) * 65536 + (int32_t)(m >> drop);
}

/* a * b */
LM_INLINE lm_scale lm_scale_mul(lm_scale a, lm_scale b)
{
    return lm_scale_of_product(lm_mantissa(a) * lm_mantissa(b), lm_exponent(a) + lm_exponent(b));
}

/* a * 2^e: rounded half up when e < 0, saturated to +-(2^31 - 1) when e > 0. */
LM_INLINE int32_t lm_shift(int32_t a, int32_t e)
{
    if (e < 0) {
        return lm_round_shift(a, e < -255 ? 255 : -e);
    }
    if (e > 30) {
        return a > 0 ? INT32_MAX : (a < 0 ? -INT32_MAX : 0);
    }
    if (a > (INT32_MAX >> e)) {
        return INT32_MAX;
    }
    if (a < -(INT32_MAX >> e)) {
        return -INT32_MAX;
    }
    return (int32_t)((uint32_t)a << e);
}

/* y * s in units of 2^-fraction, rounded half up after a cut to 32 bits, saturated. In loops, where
 * s is the same for all: `down` is lm_down(s, fraction). */
LM_INLINE int32_t lm_to_fixed(int32_t y, lm_scale s, int32_t fraction)
{
    return lm_shift(lm_mul16(y, lm_mantissa(s)), lm_exponent(s) + 16 + fraction);
}

LM_INLINE int32_t lm_down(lm_scale s, int32_t fraction)
{
    return -(lm_exponent(s) + 16 + fraction);
}

/* Whether lm_to_fixed is lm_round_shift(lm_mul16(y, mantissa), down), without the cases. */
LM_INLINE int32_t lm_is_plain(int32_t down)
{
    return down > 0 && down < 256;
}

/* |a| without overflow at INT32_MIN. */
LM_INLINE uint32_t lm_abs(int32_t a)
{
    return a < 0 ? 0U - (uint32_t)a : (uint32_t)a;
}

/* The size of v: v itself, or -v - 1 of a negative one, which needs as many bits. */
LM_INLINE uint32_t lm_size(int32_t v)
{
    return (uint32_t)(v ^ (v >> 31));
}

/* A shift that brings values of sizes up to `max` to 15 bits and a sign: (v << left) >> right, one
 * of the two being zero. v = result * 2^(right - left). */
typedef struct lm_window {
    int32_t left, right;
} lm_window;

LM_INLINE lm_window lm_window_for(uint32_t max)
{
    const int32_t drop = lm_bits(max) - 15;
    lm_window w;
    w.left = drop < 0 ? -drop : 0;
    w.right = drop > 0 ? drop : 0;
    return w;
}

/* The size that values of sizes up to `max` have after a multiplication by 2^left: of -max - 1 more
 * than max * 2^left. */
LM_INLINE uint32_t lm_size_left(uint32_t max, int32_t left)
{
    return (max << left) + ((1U << left) - 1U);
}

LM_INLINE int32_t lm_window_apply(lm_window w, int32_t v)
{
    return (int32_t)((uint32_t)v << w.left) >> w.right;
}

#endif
