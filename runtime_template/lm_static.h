/* Int8 vectors of static scales, fixed when compiling: no vector's largest value is looked for, and
 * what int8 cannot hold saturates. Needs lm_static_loops.h, lm_norm.h, lm_attention.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_STATIC_H
#define LM_STATIC_H

/* v (n) -> x (n) int8 = (v >> right) * m / 2^down */
LM_INLINE void lm_quantize_static(const int32_t *v, int32_t n, int32_t right, int32_t m,
                                  int32_t down, int8_t *x)
{
    lm_static_loop(v, n, right, lm_factor_of(m, down), x);
}

/* gate (n) >> a and up (n) >> b have 15 bits and a sign -> x (n) int8, the product / 256 times m /
 * 2^down */
LM_INLINE void lm_product_static(const int32_t *gate, const int32_t *up, int32_t a, int32_t b,
                                 int32_t m, int32_t down, int8_t *x, int32_t n)
{
    lm_static_product_loop(gate, up, a, b, n, lm_factor_of(m, down), x);
}

/* v (n) = (max(v, 0) >> down)^2 >> drop, in place. */
LM_INLINE void lm_square_static(int32_t *v, int32_t n, int32_t down, int32_t drop)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t positive = (v[i] & ~(v[i] >> 31)) >> down;
        v[i] = lm_product(positive, positive) >> drop;
    }
}

/* lm_norm with root_m * 2^(exp + 31 - g) = sqrt(dim) / scale of x. */
LM_INLINE void lm_norm_static(const int32_t *resid, const int16_t *gamma, int8_t *x, int32_t dim,
                              uint32_t eps_m, int32_t eps_e, uint32_t root_m, int32_t exp)
{
    const lm_window w = lm_window_for(lm_longest(resid, dim));
    const uint64_t squares = lm_squares_loop(resid, dim, w.right);
    if (squares == 0U) {
        memset(x, 0, (uint32_t)dim);
        return;
    }
    const lm_scale factor =
        lm_norm_unit(squares, w.left, eps_m, eps_e - 2 * (w.right - w.left), root_m, exp);
    const int32_t drop = w.left < 13 ? 13 - w.left : 0;
    lm_static_norm_loop(resid, gamma, dim, w.right, drop, lm_factor_13(factor, drop + w.left), x);
}

/* lm_attend whose heads become int8 one by one; inverse: 1 / scale of x. With w weights of sum W, a
 * head's mix is at most 127 W, and W, each w being rounded, below 2^(2 + E - exponent of the mix's
 * scale), E that of the values: below 2^17 when shifted. */
LM_INLINE void lm_attend_static(const int8_t *q, const int32_t *q_scale, const int8_t *keys,
                                const uint16_t *k_scale, const int32_t *k_exponent,
                                const int8_t *values, const uint16_t *v_scale,
                                const int32_t *v_exponent, const uint8_t *kv_of, int32_t n,
                                int32_t *weights, int32_t *mix, int32_t *mix_scale, int8_t *x,
                                int32_t heads, int32_t kv_heads, int32_t dim, int32_t sinks,
                                lm_scale unit, int32_t pre, int32_t spread, lm_scale inverse)
{
    int32_t count = 1;
    for (int32_t h = 0; h < heads; h += count) {
        const int32_t kv = kv_of[h];
        count = lm_heads_at_once(kv_of + h, heads - h, dim, pre);
        (void)lm_mix_heads(q, q_scale, keys + kv * dim, k_scale + kv, k_exponent[kv],
                           values + kv * dim, v_scale + kv, v_exponent + kv, h, count, 0, n,
                           weights, mix, mix_scale, heads, kv_heads, dim, sinks, unit, pre, spread);
        for (int32_t i = h; i < h + count; i++) {
            const lm_scale s = mix_scale[i];
            const int32_t over = v_exponent[kv] - lm_exponent(s) - 8;
            const int32_t right = over < 0 ? 0 : over;
            lm_static_loop(mix + i * dim, dim, right, lm_factor_13(lm_scale_mul(s, inverse), right),
                           x + i * dim);
        }
    }
}

#endif
