/* GELU in its tanh form by table and linear interpolation, and the MLP gated by it; error bound in
 * docs/arithmetic.md. Needs lm_layer.h, lm_gelu_table.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_GELU_H
#define LM_GELU_H

/* GELU of g, both in units of 2^-15: g or 0, less what is missing to it on either side, which past
 * 8 is nothing. */
LM_INLINE int32_t lm_gelu(int32_t g)
{
    const uint32_t size = g < 0 ? 0U - (uint32_t)g : (uint32_t)g;
    const uint32_t a = size > 0x3ffffU ? 0x3ffffU : size;
    const int32_t low = lm_gelu_table[a >> 9];
    const int32_t high = lm_gelu_table[(a >> 9) + 1U];
    return (g & ~(g >> 31)) - (low + (((high - low) * (int32_t)(a & 511U)) >> 9));
}

/* gate (n) worth unit each -> GELU of it in units of 2^-15; gives lm_longest of these. */
LM_INLINE uint32_t lm_gelu_loop(int32_t *gate, lm_scale unit, int32_t n)
{
    uint32_t bits = 0;
    for (int32_t i = 0; i < n; i++) {
        gate[i] = lm_gelu(lm_to_fixed(gate[i], unit, 15));
        bits |= lm_size(gate[i]);
    }
    return bits;
}

/* As lm_glu_by, with GELU: x (n) int8 = gelu(gate) * up. */
LM_INLINE lm_scale lm_geglu_by(int32_t *gate, const int32_t *up, lm_scale gate_unit,
                               lm_scale up_unit, int8_t *x, int32_t n, uint32_t round)
{
    const lm_window a = lm_window_for(lm_gelu_loop(gate, gate_unit, n));
    const lm_window b = lm_window_for(lm_longest(up, n));
    const uint32_t max = lm_product_loop(gate, up, a.right, b.right, n);
    return lm_quantize_by(gate, n, max, a.left + b.left,
                          up_unit + (a.right - a.left + b.right - b.left - 15) * 65536, round, x);
}

LM_INLINE lm_scale lm_geglu(int32_t *gate, const int32_t *up, lm_scale gate_unit, lm_scale up_unit,
                            int8_t *x, int32_t n)
{
    return lm_geglu_by(gate, up, gate_unit, up_unit, x, n, LM_NEAREST);
}

#endif
