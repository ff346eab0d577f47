/* The loops that give int8 vectors of static scales: each value is multiplied, shifted, rounded and
 * saturated, so none is looked at before. These define them; files for a core take this one's
 * place. Needs lm_factor.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_STATIC_LOOPS_H
#define LM_STATIC_LOOPS_H

/* v >> right (n) -> x (n) int8 */
LM_INLINE void lm_static_loop(const int32_t *v, int32_t n, int32_t right, lm_factor f, int8_t *x)
{
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        x[i] = lm_static(f, v[i] >> right);
    }
}

/* The sum of the squares of resid >> right (n). */
LM_INLINE uint64_t lm_squares_loop(const int32_t *resid, int32_t n, int32_t right)
{
    uint64_t squares = 0;
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        squares = lm_add_square(squares, resid[i] >> right);
    }
    return squares;
}

/* (resid >> right) * gamma >> drop (n) -> x (n) int8 */
LM_INLINE void lm_static_norm_loop(const int32_t *resid, const int16_t *gamma, int32_t n,
                                   int32_t right, int32_t drop, lm_factor f, int8_t *x)
{
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        x[i] = lm_static(f, ((resid[i] >> right) * gamma[i]) >> drop);
    }
}

/* (gate >> a) * (up >> b) >> 8 (n) -> x (n) int8 */
LM_INLINE void lm_static_product_loop(const int32_t *gate, const int32_t *up, int32_t a, int32_t b,
                                      int32_t n, lm_factor f, int8_t *x)
{
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        x[i] = lm_static(f, lm_product(gate[i] >> a, up[i] >> b) >> 8);
    }
}

#endif
