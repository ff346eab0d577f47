/* Binary activations: a vector becomes its signs times the mean of its sizes, which of all such
 * vectors is the nearest one (XNOR-Net, Rastegari et al. 2016, arXiv 1603.05279, section 3.2).
 * Needs lm_fixed.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SIGN_H
#define LM_SIGN_H

/* x (n) int8, rounded down (LM_DOWN) and worth scale each -> 1 where it is not negative and -1
 * elsewhere, in place; gives what a sign is worth, scale * mean |x + 1/2|; inverse: 1 / (2 n). */
LM_INLINE lm_scale lm_sign(int8_t *x, int32_t n, lm_scale scale, lm_scale inverse)
{
    int32_t sum = 0;
    LM_UNROLL_4
    for (int32_t i = 0; i < n; i++) {
        const int32_t negative = x[i] >> 7;
        sum += x[i] ^ negative;
        x[i] = (int8_t)(negative | 1);
    }
    return lm_scale_mul(scale, lm_scale_mul(lm_scale_of((uint32_t)(2 * sum + n), 0), inverse));
}

#endif
