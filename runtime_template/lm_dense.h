/* Activations of a head's hidden layer, in place, to units of 2^-15: tanh by table and linear
 * interpolation, ReLU. Error bounds: docs/arithmetic.md. Needs lm_fixed.h, lm_tanh_table.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_DENSE_H
#define LM_DENSE_H

/* tanh of g, both in units of 2^-15; past 8 it is 1. */
LM_INLINE int32_t lm_tanh(int32_t g)
{
    const uint32_t size = lm_abs(g);
    const uint32_t a = size > 0x3ffffU ? 0x3ffffU : size;
    const int32_t low = lm_tanh_table[a >> 9];
    const int32_t high = lm_tanh_table[(a >> 9) + 1U];
    const int32_t v = low + (((high - low) * (int32_t)(a & 511U) + 256) >> 9);
    return g < 0 ? -v : v;
}

/* y (n), worth unit each -> tanh(y) in units of 2^-15, in place. */
LM_INLINE void lm_dense_tanh(int32_t *y, lm_scale unit, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        y[i] = lm_tanh(lm_to_fixed(y[i], unit, 15));
    }
}

/* The same of max(y, 0), saturated. */
LM_INLINE void lm_dense_relu(int32_t *y, lm_scale unit, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t g = lm_to_fixed(y[i], unit, 15);
        y[i] = g & ~(g >> 31);
    }
}

#endif
