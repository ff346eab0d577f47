/* lm_core.h for RV32IM[C]: the high half of a product and division are instructions.
 * Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_CORE_H
#define LM_CORE_H

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

LM_INLINE uint32_t lm_clip19(uint32_t a)
{
    return a > 0x7ffffU ? 0x7ffffU : a;
}

LM_INLINE uint32_t lm_clip16(int32_t v)
{
    return v > 0xffff ? 0xffffU : (uint32_t)v;
}

LM_INLINE int32_t lm_round_shift(int32_t a, int32_t n)
{
    return n > 31 ? 0 : (a >> n) + ((a >> (n - 1)) & 1);
}

LM_INLINE uint32_t lm_mul_add(uint32_t a, uint32_t b, uint32_t c)
{
    return a * b + c;
}

LM_INLINE uint64_t lm_add_square(uint64_t sum, int32_t v)
{
    return sum + (uint32_t)(v * v);
}

LM_INLINE int32_t lm_add_sat(int32_t a, int32_t b)
{
    const uint32_t sum = (uint32_t)a + (uint32_t)b;
    if ((((sum ^ (uint32_t)a) & (sum ^ (uint32_t)b)) >> 31) != 0U) {
        return a < 0 ? INT32_MIN : INT32_MAX;
    }
    return (int32_t)sum;
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
