/* Limits, rounding shifts and sums of products. These define them; a file for a core takes this
 * one's place. Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_CORE_H
#define LM_CORE_H

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

#endif
