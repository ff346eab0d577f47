/* The small steps between matrices: residual add, gated activation, logits.
 * Needs lm_quantize.h, lm_functions.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_LAYER_H
#define LM_LAYER_H

/* resid (n), value * 2^-fraction, += y (n), worth unit each; saturating. */
LM_INLINE void lm_add(int32_t *resid, const int32_t *y, lm_scale unit, int32_t n, int32_t fraction)
{
    for (int32_t i = 0; i < n; i++) {
        resid[i] = lm_add_sat(resid[i], lm_to_fixed(y[i], unit, fraction));
    }
}

/* SiLU of g, both in units of 2^-15. */
LM_INLINE int32_t lm_silu(int32_t g)
{
    const int32_t t = lm_mul16(g, lm_sigmoid_negative(lm_abs(g)));
    return g >= 0 ? g - t : t;
}

/* gate (n), up (n), worth gate_unit and up_unit each -> x (n) int8 = silu(gate) * up; gives the
 * scale of x; gate is overwritten. */
LM_INLINE lm_scale lm_glu(int32_t *gate, const int32_t *up, lm_scale gate_unit, lm_scale up_unit,
                          int8_t *x, int32_t n)
{
    lm_window a, b;
    for (int32_t i = 0; i < n; i++) {
        gate[i] = lm_silu(lm_to_fixed(gate[i], gate_unit, 15));
    }
    a = lm_window_for(lm_max_abs(gate, n));
    b = lm_window_for(lm_max_abs(up, n));
    for (int32_t i = 0; i < n; i++) {
        gate[i] = lm_window_apply(a, gate[i]) * lm_window_apply(b, up[i]);
    }
    return lm_quantize(gate, n, up_unit + (a.right - a.left + b.right - b.left - 15) * 65536, x);
}

/* logits (n), worth unit each -> value * 2^-fraction, in place. */
LM_INLINE void lm_logits(int32_t *logits, lm_scale unit, int32_t n, int32_t fraction)
{
    for (int32_t i = 0; i < n; i++) {
        logits[i] = lm_to_fixed(logits[i], unit, fraction);
    }
}

#endif
