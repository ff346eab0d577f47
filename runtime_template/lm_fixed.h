/* Fixed-point arithmetic that every core computes alike: 32-bit words, no 64-bit multiply, no
 * divide, nothing that a compiler would call a library for. Exact rules: docs/arithmetic.md.
 * Needs lm_port.h. SPDX-License-Identifier: 0BSD */
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

/* a * b */
LM_INLINE lm_scale lm_scale_mul(lm_scale a, lm_scale b)
{
    return lm_scale_of(lm_mantissa(a) * lm_mantissa(b), lm_exponent(a) + lm_exponent(b));
}

/* floor(a * m / 2^16), m < 2^16: two 16-bit products instead of one of 48 bits. */
LM_INLINE int32_t lm_mul16(int32_t a, uint32_t m)
{
    return (a >> 16) * (int32_t)m + (int32_t)((((uint32_t)a & 0xffffU) * m) >> 16);
}

/* a * 2^e: rounded half up when e < 0, saturated to +-(2^31 - 1) when e > 0. */
LM_INLINE int32_t lm_shift(int32_t a, int32_t e)
{
    if (e < 0) {
        if (e < -31) {
            return 0;
        }
        return (a >> -e) + ((a >> (-e - 1)) & 1);
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

/* y * s in units of 2^-fraction, rounded half up after a cut to 32 bits, saturated. */
LM_INLINE int32_t lm_to_fixed(int32_t y, lm_scale s, int32_t fraction)
{
    return lm_shift(lm_mul16(y, lm_mantissa(s)), lm_exponent(s) + 16 + fraction);
}

/* a + b, saturated to the int32_t range. */
LM_INLINE int32_t lm_add_sat(int32_t a, int32_t b)
{
    const uint32_t sum = (uint32_t)a + (uint32_t)b;
    if ((((sum ^ (uint32_t)a) & (sum ^ (uint32_t)b)) >> 31) != 0U) {
        return a < 0 ? INT32_MIN : INT32_MAX;
    }
    return (int32_t)sum;
}

/* |a| without overflow at INT32_MIN. */
LM_INLINE uint32_t lm_abs(int32_t a)
{
    return a < 0 ? 0U - (uint32_t)a : (uint32_t)a;
}

LM_INLINE uint32_t lm_max_abs(const int32_t *v, int32_t n)
{
    uint32_t max = 0;
    for (int32_t i = 0; i < n; i++) {
        const uint32_t a = lm_abs(v[i]);
        max = a > max ? a : max;
    }
    return max;
}

/* min(65535, floor(2^31 / d)) for d in 32768..65535: the reciprocal's mantissa,
 * 1/d ~ lm_recip16(d) * 2^-31. Schoolbook division, one quotient bit a step. */
LM_FUNCTION uint32_t lm_recip16(uint32_t d)
{
    uint32_t rest = 32768U;
    uint32_t q = 0;
    if (d <= 32768U) {
        return 65535U;
    }
    for (int32_t i = 0; i < 16; i++) {
        rest <<= 1;
        q <<= 1;
        if (rest >= d) {
            rest -= d;
            q |= 1U;
        }
    }
    return q;
}

/* floor(sqrt(v)), exact for every v: two bits of v give one bit of the root. */
LM_FUNCTION uint32_t lm_isqrt(uint32_t v)
{
    uint32_t root = 0;
    for (uint32_t bit = 0x40000000U; bit != 0U; bit >>= 2) {
        if (v >= root + bit) {
            v -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return root;
}

/* A shift that brings values of magnitude up to `max` to 15 bits: (v << left) >> right, one of the
 * two being zero. v = result * 2^(right - left). */
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

LM_INLINE int32_t lm_window_apply(lm_window w, int32_t v)
{
    return (int32_t)((uint32_t)v << w.left) >> w.right;
}

#endif
