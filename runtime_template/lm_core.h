/* The few steps that cores do best in different ways: high halves of products, rounding shifts,
 * reciprocals, roots. These define them; files for a core take this one's place. Needs lm_port.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_CORE_H
#define LM_CORE_H

/* floor(a * m / 2^16), m a mantissa, 32768..65535: two 16-bit products instead of one of 48 bits.
 */
LM_INLINE int32_t lm_mul16(int32_t a, uint32_t m)
{
    return (a >> 16) * (int32_t)m + (int32_t)((((uint32_t)a & 0xffffU) * m) >> 16);
}

/* floor(a * c / 2^16), c a signed fraction in units of 2^-15: half of the product. */
LM_INLINE int32_t lm_mul_half(int32_t a, int32_t c)
{
    return (a >> 16) * c + (((int32_t)((uint32_t)a & 0xffffU) * c) >> 16);
}

/* a, 2^19 - 1 at most; what 2^31 gives is the table's end or its begin, both 0. */
LM_INLINE uint32_t lm_clip19(uint32_t a)
{
    return a > 0x7ffffU ? 0x7ffffU : a;
}

/* v, 0xffff at most; v >= 0 */
LM_INLINE uint32_t lm_clip16(int32_t v)
{
    return v > 0xffff ? 0xffffU : (uint32_t)v;
}

/* a / 2^n rounded half up, n in 1..255; 0 for n > 31. */
LM_INLINE int32_t lm_round_shift(int32_t a, int32_t n)
{
    return n > 31 ? 0 : (a >> n) + ((a >> (n - 1)) & 1);
}

/* a * b + c modulo 2^32 */
LM_INLINE uint32_t lm_mul_add(uint32_t a, uint32_t b, uint32_t c)
{
    return a * b + c;
}

/* sum + v^2, |v| <= 2^15 */
LM_INLINE uint64_t lm_add_square(uint64_t sum, int32_t v)
{
    return sum + (uint32_t)(v * v);
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

/* min(65535, floor(2^31 / d)) for d in 32768..65535: the reciprocal's mantissa,
 * 1/d ~ lm_recip16(d) * 2^-31. Newton's steps from the line 48/17 - 32/17 x, which is off by 1/17
 * at most: the first leaves 1/17^2, the second, cut to integers, a quotient that is exact or one
 * less.
 */
LM_FUNCTION uint32_t lm_recip16(uint32_t d)
{
    uint32_t q = 92521U - ((d * 61681U) >> 16);
    if (d <= 32768U) {
        return 65535U;
    }
    q += (uint32_t)(((int32_t)q * ((int32_t)(0x80000000U - q * d) >> 12)) >> 19);
    q += (uint32_t)(((int32_t)q * ((int32_t)(0x80000000U - q * d) >> 8)) >> 23);
    return q + (0x80000000U - q * d >= d ? 1U : 0U);
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

#endif
