/* Adds a bias to the result of a matrix, which gets a unit that is known when compiling: biases are
 * then integers of that unit. Needs lm_fixed.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_BIAS_H
#define LM_BIAS_H

/* y (n), worth unit each -> y + bias in units of 2^-fraction, saturated, in place; bias (n) in that
 * unit. Gives the scale that means it. */
LM_INLINE lm_scale lm_bias(int32_t *y, const int32_t *bias, lm_scale unit, int32_t n,
                           int32_t fraction)
{
    for (int32_t i = 0; i < n; i++) {
        y[i] = lm_add_sat(lm_to_fixed(y[i], unit, fraction), bias[i]);
    }
    return LM_SCALE(32768, -15 - fraction);
}

#endif
