/* lm_core.h for Thumb-2 cores (Cortex-M3 and up): the bit that a shift drops last is the carry that
 * rounds, and saturation and products of 64 bits are instructions. Needs lm_port.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_CORE_H
#define LM_CORE_H

LM_INLINE uint32_t lm_clip19(uint32_t a)
{
    uint32_t r;
    __asm__("usat %0, #19, %1" : "=r"(r) : "r"(a));
    return r;
}

LM_INLINE uint32_t lm_clip16(int32_t v)
{
    uint32_t r;
    __asm__("usat %0, #16, %1" : "=r"(r) : "r"(v));
    return r;
}

LM_INLINE int32_t lm_round_shift(int32_t a, int32_t n)
{
    __asm__("asrs %0, %1, %2\n\tadc %0, %0, #0" : "=r"(a) : "r"(a), "r"(n) : "cc");
    return a;
}

/* Compilers would rather add a large constant in two halves. */
LM_INLINE uint32_t lm_mul_add(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t r;
    __asm__("mla %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c));
    return r;
}

LM_INLINE uint64_t lm_add_square(uint64_t sum, int32_t v)
{
    return sum + (uint64_t)((int64_t)v * v);
}

#endif
