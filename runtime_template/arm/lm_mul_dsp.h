/* lm_mul.h for cores with the DSP extension (Cortex-M4, M7, M33, M55): the high half of a product
 * is one instruction. Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_MUL_H
#define LM_MUL_H

/* m * 2^16 as a signed word is 2^32 too small, because the top bit of a mantissa is set: a makes up
 * for it. */
LM_INLINE int32_t lm_mul16(int32_t a, uint32_t m)
{
    int32_t high;
    __asm__("smmla %0, %1, %2, %1" : "=r"(high) : "r"(a), "r"(m << 16));
    return high;
}

LM_INLINE int32_t lm_mul_half(int32_t a, int32_t c)
{
    int32_t high;
    __asm__("smulwb %0, %1, %2" : "=r"(high) : "r"(a), "r"(c));
    return high;
}

#endif
