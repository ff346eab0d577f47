/* lm_sub_norm whose result has a static scale. Needs lm_static.h, lm_sub_norm.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_STATIC_SUB_NORM_H
#define LM_STATIC_SUB_NORM_H

/* x (n <= 16384), worth scale each, in place; root_m * 2^(exp + 31 - g) = sqrt(n) / scale of the
 * result. */
LM_INLINE void lm_sub_norm_static(int8_t *x, const int16_t *gamma, lm_scale scale, int32_t n,
                                  uint32_t eps_m, int32_t eps_e, uint32_t root_m, int32_t exp)
{
    uint32_t squares = 0;
    for (int32_t i = 0; i < n; i++) {
        squares += (uint32_t)(x[i] * x[i]);
    }
    if (squares == 0U) {
        return;
    }
    int32_t e = 0;
    const uint32_t m = lm_eps_in(scale, eps_m, eps_e, &e);
    const lm_factor f = lm_factor_13(lm_norm_unit(squares, 0, m, e, root_m, exp), 5);
    for (int32_t i = 0; i < n; i++) {
        x[i] = lm_static(f, (x[i] * gamma[i]) >> 5);
    }
}

#endif
