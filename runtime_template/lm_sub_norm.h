/* RMSNorm of an int8 vector in place: what a linear reads is normed once more (BitNet b1.58). As in
 * lm_norm.h the root mean square only enters the scale. Needs lm_head_norm.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_SUB_NORM_H
#define LM_SUB_NORM_H

/* x (n <= 16384), worth scale each; gamma (n), int16, worth 2^g each; eps * n = eps_m * 2^eps_e,
 * eps_m < 2^16; sqrt(n) = root_m * 2^(exp + 31 - g), root_m in 32768..65535 -> x / rms(x) * gamma
 * as int8; gives its scale. */
LM_INLINE lm_scale lm_sub_norm(int8_t *x, const int16_t *gamma, lm_scale scale, int32_t n,
                               uint32_t eps_m, int32_t eps_e, uint32_t root_m, int32_t exp)
{
    uint32_t squares = 0;
    uint32_t top = 0;
    for (int32_t i = 0; i < n; i++) {
        const uint32_t size = lm_size(x[i] * gamma[i]);
        squares += (uint32_t)(x[i] * x[i]);
        top = size > top ? size : top;
    }
    if (top == 0U) {
        memset(x, 0, (uint32_t)n);
        return LM_SCALE_TINY;
    }
    int32_t e = 0;
    const uint32_t m = lm_eps_in(scale, eps_m, eps_e, &e);
    const lm_scale unit = lm_norm_unit(squares, 0, m, e, root_m, exp);
    const lm_quantizer q = lm_quantizer_for(top);
    for (int32_t i = 0; i < n; i++) {
        x[i] = lm_quantizer_apply(q, x[i] * gamma[i]);
    }
    return lm_quantizer_scale(q, unit);
}

#endif
