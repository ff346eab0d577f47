/* The loops over a vector's elements that are not attention's: sizes, int8, norms, residual, gated
 * activation, logits. These define them; files for a core take this one's place.
 * Needs lm_functions.h, lm_quantizer.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_LOOPS_H
#define LM_LOOPS_H

/* The largest size in v (n). */
LM_INLINE uint32_t lm_largest(const int32_t *v, int32_t n)
{
    uint32_t max = 0;
    LM_UNROLL_8
    for (int32_t i = 0; i < n; i++) {
        const uint32_t size = lm_size(v[i]);
        max = size > max ? size : max;
    }
    return max;
}

/* As many bits as the largest has. */
LM_INLINE uint32_t lm_longest(const int32_t *v, int32_t n)
{
    uint32_t bits = 0;
    LM_UNROLL_8
    for (int32_t i = 0; i < n; i++) {
        bits |= lm_size(v[i]);
    }
    return bits;
}

/* v (n) -> x (n) int8 */
LM_INLINE void lm_quantize_loop(const int32_t *v, int32_t n, lm_quantizer q, int8_t *x)
{
    LM_UNROLL_8
    for (int32_t i = 0; i < n; i++) {
        x[i] = lm_quantizer_apply(q, v[i]);
    }
}

/* Of v = resid >> right (n): the sum of squares, and the largest v * gamma. */
LM_INLINE uint64_t lm_norm_measure(const int32_t *resid, const int16_t *gamma, int32_t n,
                                   int32_t right, uint32_t *largest)
{
    uint64_t squares = 0;
    uint32_t top = 0;
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        const int32_t v = resid[i] >> right;
        const uint32_t scaled = lm_size(v * gamma[i]);
        squares = lm_add_square(squares, v);
        top = scaled > top ? scaled : top;
    }
    *largest = top;
    return squares;
}

/* v * gamma -> x (n) int8 */
LM_INLINE void lm_norm_apply(const int32_t *resid, const int16_t *gamma, int32_t n, int32_t right,
                             lm_quantizer q, int8_t *x)
{
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        x[i] = lm_quantizer_apply(q, (resid[i] >> right) * gamma[i]);
    }
}

/* gate (n) = (gate >> a) * (up >> b); gives the largest size. */
LM_INLINE uint32_t lm_product_loop(int32_t *gate, const int32_t *up, int32_t a, int32_t b,
                                   int32_t n)
{
    uint32_t max = 0;
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        const int32_t v = (gate[i] >> a) * (up[i] >> b);
        const uint32_t size = lm_size(v);
        gate[i] = v;
        max = size > max ? size : max;
    }
    return max;
}

/* gate (n) -> SiLU of lm_round_shift(lm_mul16(gate, m), down), which is in units of 2^-15; gives
 * lm_longest of these. */
LM_INLINE uint32_t lm_silu_loop(int32_t *gate, int32_t n, uint32_t m, int32_t down)
{
    uint32_t bits = 0;
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        gate[i] = lm_silu(lm_round_shift(lm_mul16(gate[i], m), down));
        bits |= lm_size(gate[i]);
    }
    return bits;
}

/* resid (n) += lm_round_shift(lm_mul16(y, m), down), saturated. */
LM_INLINE void lm_add_loop(int32_t *resid, const int32_t *y, int32_t n, uint32_t m, int32_t down)
{
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        resid[i] = lm_add_sat(resid[i], lm_round_shift(lm_mul16(y[i], m), down));
    }
}

/* v (n) = lm_round_shift(lm_mul16(v, m), down) */
LM_INLINE void lm_fixed_loop(int32_t *v, int32_t n, uint32_t m, int32_t down)
{
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        v[i] = lm_round_shift(lm_mul16(v[i], m), down);
    }
}

/* v (n) = lm_mul16(v, m) >> down; gives the largest size. */
LM_INLINE uint32_t lm_level_loop(int32_t *v, int32_t n, uint32_t m, int32_t down)
{
    uint32_t max = 0;
    for (int32_t i = 0; i < n; i++) {
        const int32_t level = lm_mul16(v[i], m) >> down;
        const uint32_t size = lm_size(level);
        v[i] = level;
        max = size > max ? size : max;
    }
    return max;
}

#endif
