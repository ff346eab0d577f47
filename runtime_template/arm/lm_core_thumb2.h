/* lm_core.h for Thumb-2 cores (Cortex-M3 and up): products of 64 bits and division are
 * instructions, and the bit that a shift drops last is the carry that rounds. With the DSP
 * extension (Cortex-M4, M7, M33, M55) the high half of a product and a saturating sum are one
 * instruction each. Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_CORE_H
#define LM_CORE_H

#ifdef __ARM_FEATURE_DSP
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

LM_INLINE int32_t lm_add_sat(int32_t a, int32_t b)
{
    __asm__("qadd %0, %0, %1" : "+r"(a) : "r"(b));
    return a;
}
#else
LM_INLINE int32_t lm_mul16(int32_t a, uint32_t m)
{
    return (int32_t)(((int64_t)a * (int32_t)m) >> 16);
}

LM_INLINE int32_t lm_mul_half(int32_t a, int32_t c)
{
    return (int32_t)(((int64_t)a * c) >> 16);
}

LM_INLINE int32_t lm_add_sat(int32_t a, int32_t b)
{
    const uint32_t sum = (uint32_t)a + (uint32_t)b;
    if ((((sum ^ (uint32_t)a) & (sum ^ (uint32_t)b)) >> 31) != 0U) {
        return a < 0 ? INT32_MIN : INT32_MAX;
    }
    return (int32_t)sum;
}
#endif

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
