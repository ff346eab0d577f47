/* lm_division.h for cores that divide by one instruction. Needs lm_port.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_DIVISION_H
#define LM_DIVISION_H

LM_INLINE uint32_t lm_recip16(uint32_t d)
{
    return d <= 32768U ? 65535U : 0x80000000U / d;
}

/* floor(sqrt(v)), exact for every v: Newton's steps from above, which fall until they are there. */
LM_FUNCTION uint32_t lm_isqrt(uint32_t v)
{
    uint32_t root = 1U << ((lm_bits(v) + 1) >> 1);
    if (v == 0U) {
        return 0;
    }
    for (uint32_t next = (root + v / root) >> 1; next < root; next = (root + v / root) >> 1) {
        root = next;
    }
    return root;
}

#endif
