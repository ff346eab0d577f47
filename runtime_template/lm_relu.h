/* ReLU and its square, alone and as the gate of an MLP; both keep the exact values of their input's
 * window. Needs lm_layer.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_RELU_H
#define LM_RELU_H

/* v (n) -> max(v, 0), in place; gives lm_longest of these. */
LM_INLINE uint32_t lm_relu_loop(int32_t *v, int32_t n)
{
    uint32_t bits = 0;
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        v[i] &= ~(v[i] >> 31);
        bits |= (uint32_t)v[i];
    }
    return bits;
}

/* v (n) -> (max(v, 0) >> right)^2 in place, right such that 15 bits stay; gives right. */
LM_INLINE int32_t lm_relu2_loop(int32_t *v, int32_t n)
{
    const int32_t right = lm_window_for(lm_relu_loop(v, n)).right;
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        const int32_t positive = v[i] >> right;
        v[i] = positive * positive;
    }
    return right;
}

/* What a square of values worth `unit` each, of which `right` bits were cut, is worth. */
LM_INLINE lm_scale lm_square_unit(lm_scale unit, int32_t right)
{
    return lm_scale_mul(unit, unit) + 2 * right * 65536;
}

/* y (n), worth unit each -> x (n) int8 = relu(y); gives its scale; y is overwritten. */
LM_INLINE lm_scale lm_relu(int32_t *y, lm_scale unit, int8_t *x, int32_t n, uint32_t round)
{
    (void)lm_relu_loop(y, n);
    return lm_quantize_by(y, n, lm_largest(y, n), 0, unit, round, x);
}

/* The same with relu(y)^2. */
LM_INLINE lm_scale lm_relu2(int32_t *y, lm_scale unit, int8_t *x, int32_t n, uint32_t round)
{
    const int32_t right = lm_relu2_loop(y, n);
    return lm_quantize_by(y, n, lm_largest(y, n), 0, lm_square_unit(unit, right), round, x);
}

/* gate (n) is worth gate_unit each and not negative, up (n) up_unit -> x (n) int8 = gate * up;
 * gives its scale; gate is overwritten. */
LM_INLINE lm_scale lm_gate_by(int32_t *gate, const int32_t *up, lm_scale gate_unit,
                              lm_scale up_unit, int8_t *x, int32_t n, uint32_t round)
{
    const lm_window a = lm_window_for(lm_longest(gate, n));
    const lm_window b = lm_window_for(lm_longest(up, n));
    const uint32_t max = lm_product_loop(gate, up, a.right, b.right, n);
    return lm_quantize_by(
        gate, n, max, a.left + b.left,
        lm_scale_mul(gate_unit, up_unit) + (a.right - a.left + b.right - b.left) * 65536, round, x);
}

/* As lm_glu_by: x (n) int8 = relu(gate) * up. */
LM_INLINE lm_scale lm_reglu(int32_t *gate, const int32_t *up, lm_scale gate_unit, lm_scale up_unit,
                            int8_t *x, int32_t n, uint32_t round)
{
    (void)lm_relu_loop(gate, n);
    return lm_gate_by(gate, up, gate_unit, up_unit, x, n, round);
}

/* x (n) int8 = relu(gate)^2 * up */
LM_INLINE lm_scale lm_reglu2(int32_t *gate, const int32_t *up, lm_scale gate_unit, lm_scale up_unit,
                             int8_t *x, int32_t n, uint32_t round)
{
    const int32_t right = lm_relu2_loop(gate, n);
    return lm_gate_by(gate, up, lm_square_unit(gate_unit, right), up_unit, x, n, round);
}

#endif
