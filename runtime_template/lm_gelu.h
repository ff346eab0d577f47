/* GELU by table and linear interpolation, alone and as the gate of an MLP; error bound in
 * docs/arithmetic.md. Its form is the table's: lm_gelu_table (tanh) or lm_gelu_erf_table.
 * Needs lm_layer.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_GELU_H
#define LM_GELU_H

/* GELU of g, both in units of 2^-15: g or 0, less what is missing to it on either side, which past
 * 8 is nothing. */
LM_INLINE int32_t lm_gelu(const uint16_t *table, int32_t g)
{
    const uint32_t size = g < 0 ? 0U - (uint32_t)g : (uint32_t)g;
    const uint32_t a = size > 0x3ffffU ? 0x3ffffU : size;
    const int32_t low = table[a >> 9];
    const int32_t high = table[(a >> 9) + 1U];
    return (g & ~(g >> 31)) - (low + (((high - low) * (int32_t)(a & 511U)) >> 9));
}

/* gate (n) worth unit each -> GELU of it in units of 2^-15; gives lm_longest of these. */
LM_INLINE uint32_t lm_gelu_loop(const uint16_t *table, int32_t *gate, lm_scale unit, int32_t n)
{
    uint32_t bits = 0;
    for (int32_t i = 0; i < n; i++) {
        gate[i] = lm_gelu(table, lm_to_fixed(gate[i], unit, 15));
        bits |= lm_size(gate[i]);
    }
    return bits;
}

/* As lm_glu_by, with GELU: x (n) int8 = gelu(gate) * up. */
LM_INLINE lm_scale lm_geglu(const uint16_t *table, int32_t *gate, const int32_t *up,
                            lm_scale gate_unit, lm_scale up_unit, int8_t *x, int32_t n,
                            uint32_t round)
{
    const lm_window a = lm_window_for(lm_gelu_loop(table, gate, gate_unit, n));
    const lm_window b = lm_window_for(lm_longest(up, n));
    const uint32_t max = lm_product_loop(gate, up, a.right, b.right, n);
    return lm_quantize_by(gate, n, max, a.left + b.left,
                          up_unit + (a.right - a.left + b.right - b.left - 15) * 65536, round, x);
}

/* y (n), worth unit each -> x (n) int8 = gelu(y); gives its scale; y is overwritten. */
LM_INLINE lm_scale lm_gelu_only(const uint16_t *table, int32_t *y, lm_scale unit, int8_t *x,
                                int32_t n, uint32_t round)
{
    (void)lm_gelu_loop(table, y, unit, n);
    return lm_quantize_by(y, n, lm_largest(y, n), 0, LM_SCALE(32768, -30), round, x);
}

#endif
