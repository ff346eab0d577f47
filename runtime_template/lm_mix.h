/* The weighted sum of the values. Needs lm_softmax.h for what a weight is.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_MIX_H
#define LM_MIX_H

/* Weights (n) times values (n rows of dim, row * dim apart) -> mix (dim). */
LM_INLINE void lm_mix_values(const int32_t *weights, const int8_t *values, int32_t n, int32_t row,
                             int32_t dim, int32_t *mix)
{
    for (int32_t d = 0; d < dim; d++) {
        const int8_t *v = values + d;
        int32_t acc = 0;
        LM_UNROLL_4
        for (int32_t j = 0; j < n; j++) {
            acc += weights[j] * v[j * row * dim];
        }
        mix[d] = acc;
    }
}

#endif
