/* LayerNorm: the mean is taken off, the rest divided by its root mean square, weighted and shifted.
 * All in one fixed unit, because the shift needs one. Needs lm_norm.h. SPDX-License-Identifier:
 * 0BSD */
#ifndef LM_LAYER_NORM_H
#define LM_LAYER_NORM_H

/* The mean of x (n <= 16384), off by at most 2; 1 / n = inverse_m * 2^inverse_e, inverse_m in
 * 32768..65535. What the first estimate leaves of the sum fits in 32 bits and gives the second. */
LM_INLINE int32_t lm_mean(const int32_t *x, int32_t n, uint32_t inverse_m, int32_t inverse_e)
{
    int64_t sum = 0;
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        sum += x[i];
    }
    const uint32_t low = (uint32_t)((uint64_t)sum & 0xffffffffU);
    const int32_t mean = lm_shift(lm_mul16((int32_t)(sum >> 14), inverse_m), inverse_e + 16 + 14);
    const int32_t left = (int32_t)(low - (uint32_t)mean * (uint32_t)n);
    return lm_add_sat(mean, lm_shift(lm_mul16(left, inverse_m), inverse_e + 16));
}

/* y (n) = x (n) less its mean, saturated; y may be x. */
LM_INLINE void lm_centre(const int32_t *x, int32_t *y, int32_t n, uint32_t inverse_m,
                         int32_t inverse_e)
{
    const int32_t mean = lm_mean(x, n, inverse_m, inverse_e);
    const int32_t shift = mean == INT32_MIN ? INT32_MAX : -mean;
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        y[i] = lm_add_sat(x[i], shift);
    }
}

/* x (dim): value * 2^r for one r; gamma (dim), int16, worth 2^g each; beta (dim) in units of
 * 2^-fraction; eps * dim = eps_m * 2^(eps_e + 2 r), eps_m < 2^16; sqrt(dim) = root_m * 2^(exp + 31
 * - g), root_m in 32768..65535; 1 / dim as in lm_mean -> y (dim) in units of 2^-fraction,
 * saturated. y may be x. */
LM_INLINE void lm_layer_norm_fixed(const int32_t *x, const int16_t *gamma, const int32_t *beta,
                                   int32_t *y, int32_t dim, uint32_t mean_m, int32_t mean_e,
                                   uint32_t eps_m, int32_t eps_e, uint32_t root_m, int32_t exp,
                                   int32_t fraction)
{
    lm_centre(x, y, dim, mean_m, mean_e);
    const lm_window w = lm_window_for(lm_longest(y, dim));
    uint32_t top = 0;
    const uint64_t squares = lm_norm_measure(y, gamma, dim, w.right, &top);
    if (top == 0U) {
        memcpy(y, beta, (uint32_t)dim * 4U);
        return;
    }
    const lm_scale unit =
        lm_norm_unit(squares, w.left, eps_m, eps_e - 2 * (w.right - w.left), root_m, exp) +
        w.left * 65536;
    for (int32_t i = 0; i < dim; i++) {
        y[i] = lm_add_sat(lm_to_fixed((y[i] >> w.right) * gamma[i], unit, fraction), beta[i]);
    }
}

/* The same of the residual -> x (dim) int8; gives its scale. centred (dim) is scratch. */
LM_INLINE lm_scale lm_layer_norm_by(const int32_t *resid, const int16_t *gamma, const int32_t *beta,
                                    int32_t *centred, int8_t *x, int32_t dim, uint32_t mean_m,
                                    int32_t mean_e, uint32_t eps_m, int32_t eps_e, uint32_t root_m,
                                    int32_t exp, int32_t fraction, uint32_t round)
{
    lm_layer_norm_fixed(resid, gamma, beta, centred, dim, mean_m, mean_e, eps_m, eps_e, root_m, exp,
                        fraction);
    return lm_quantize_by(centred, dim, lm_largest(centred, dim), 0,
                          LM_SCALE(32768, -15 - fraction), round, x);
}

LM_INLINE lm_scale lm_layer_norm(const int32_t *resid, const int16_t *gamma, const int32_t *beta,
                                 int32_t *centred, int8_t *x, int32_t dim, uint32_t mean_m,
                                 int32_t mean_e, uint32_t eps_m, int32_t eps_e, uint32_t root_m,
                                 int32_t exp, int32_t fraction)
{
    return lm_layer_norm_by(resid, gamma, beta, centred, x, dim, mean_m, mean_e, eps_m, eps_e,
                            root_m, exp, fraction, LM_NEAREST);
}

#endif
