/* High halves of products. These define them; files for a core take this one's place, as of the
 * other steps that cores do best in different ways. Needs lm_port.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_MUL_H
#define LM_MUL_H

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

#endif
