/* lm_mul.h for Thumb-2 cores (Cortex-M3 and up): products of 64 bits are instructions.
 * Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_MUL_H
#define LM_MUL_H

LM_INLINE int32_t lm_mul16(int32_t a, uint32_t m)
{
    return (int32_t)(((int64_t)a * (int32_t)m) >> 16);
}

LM_INLINE int32_t lm_mul_half(int32_t a, int32_t c)
{
    return (int32_t)(((int64_t)a * c) >> 16);
}

#endif
