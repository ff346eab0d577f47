/* lm_mul.h for RV32IM[C]: the high half of a product is one instruction. Needs lm_port.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_MUL_H
#define LM_MUL_H

/* A factor's 16 bits in the upper half of a word: the high half of the product is what a shift by
 * 16 gives. */
LM_INLINE int32_t lm_mul16(int32_t a, uint32_t m)
{
    int32_t high;
    __asm__("mulhsu %0,%1,%2" : "=r"(high) : "r"(a), "r"(m << 16));
    return high;
}

LM_INLINE int32_t lm_mul_half(int32_t a, int32_t c)
{
    int32_t high;
    __asm__("mulh %0,%1,%2" : "=r"(high) : "r"(a), "r"((uint32_t)c << 16));
    return high;
}

#endif
