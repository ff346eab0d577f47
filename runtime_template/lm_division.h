/* Reciprocals and roots, for cores without division. Needs lm_port.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_DIVISION_H
#define LM_DIVISION_H

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
