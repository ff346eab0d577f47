/* The small steps between matrices: residual add, gated activation, logits.
 * Needs lm_quantize.h, lm_functions.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_LAYER_H
#define LM_LAYER_H

/* resid (n), value * 2^-fraction, += y (n), worth unit each; saturating. */
LM_INLINE void lm_add(int32_t *resid, const int32_t *y, lm_scale unit, int32_t n, int32_t fraction)
{
    const int32_t down = lm_down(unit, fraction);
    if (lm_is_plain(down)) {
        lm_add_loop(resid, y, n, lm_mantissa(unit), down);
    } else if (down <= 0 && down > -31) {
        lm_raise_loop(resid, y, n, lm_mantissa(unit), -down);
    } else {
        for (int32_t i = 0; i < n; i++) {
            resid[i] = lm_add_sat(resid[i], lm_to_fixed(y[i], unit, fraction));
        }
    }
}

/* resid (n) += row (n), both value * 2^-fraction for one fraction; saturating. */
LM_INLINE void lm_add_vector(int32_t *resid, const int32_t *row, int32_t n)
{
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        resid[i] = lm_add_sat(resid[i], row[i]);
    }
}

/* The same for a token that stands at `second` or later: of a pair's second text. */
LM_INLINE void lm_add_second(int32_t *resid, const int32_t *row, int32_t n, int32_t at,
                             int32_t second)
{
    if (at >= second) {
        lm_add_vector(resid, row, n);
    }
}

/* gate (n) worth unit each -> SiLU of it in units of 2^-15; gives lm_longest of these. */
LM_INLINE uint32_t lm_silu_all(int32_t *gate, lm_scale unit, int32_t n)
{
    const int32_t down = lm_down(unit, 15);
    if (lm_is_plain(down)) {
        return lm_silu_loop(gate, n, lm_mantissa(unit), down);
    }
    for (int32_t i = 0; i < n; i++) {
        gate[i] = lm_silu(lm_to_fixed(gate[i], unit, 15));
    }
    return lm_longest(gate, n);
}

/* gate (n), up (n), worth gate_unit and up_unit each -> x (n) int8 = silu(gate) * up; gives the
 * scale of x; gate is overwritten. Windows to the left wait for the quantizer. */
LM_INLINE lm_scale lm_glu_by(int32_t *gate, const int32_t *up, lm_scale gate_unit, lm_scale up_unit,
                             int8_t *x, int32_t n, uint32_t round)
{
    const lm_window a = lm_window_for(lm_silu_all(gate, gate_unit, n));
    const lm_window b = lm_window_for(lm_longest(up, n));
    const uint32_t max = lm_product_loop(gate, up, a.right, b.right, n);
    return lm_quantize_by(gate, n, max, a.left + b.left,
                          up_unit + (a.right - a.left + b.right - b.left - 15) * 65536, round, x);
}

LM_INLINE lm_scale lm_glu(int32_t *gate, const int32_t *up, lm_scale gate_unit, lm_scale up_unit,
                          int8_t *x, int32_t n)
{
    return lm_glu_by(gate, up, gate_unit, up_unit, x, n, LM_NEAREST);
}

/* y (n), worth unit each -> x (n) int8 = silu(y); gives its scale; y is overwritten. */
LM_INLINE lm_scale lm_silu_only(int32_t *y, lm_scale unit, int8_t *x, int32_t n, uint32_t round)
{
    (void)lm_silu_all(y, unit, n);
    return lm_quantize_by(y, n, lm_largest(y, n), 0, LM_SCALE(32768, -30), round, x);
}

/* logits (n), worth unit each -> value * 2^-fraction, in place. */
LM_INLINE void lm_logits(int32_t *logits, lm_scale unit, int32_t n, int32_t fraction)
{
    const int32_t down = lm_down(unit, fraction);
    if (lm_is_plain(down)) {
        lm_fixed_loop(logits, n, lm_mantissa(unit), down);
    } else {
        for (int32_t i = 0; i < n; i++) {
            logits[i] = lm_to_fixed(logits[i], unit, fraction);
        }
    }
}

#endif
