/* A sequence's embedding: the mean of its tokens' vectors, and a vector brought to length 1.
 * Needs lm_norm.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_POOL_H
#define LM_POOL_H

/* rows (n x dim) -> their sum divided by the least power of 2 that is not below n (dim): the mean
 * but for a factor of 1/2 .. 1, which the length takes back. */
LM_INLINE void lm_pool(const int32_t *rows, int32_t n, int32_t *pooled, int32_t dim)
{
    const int32_t bits = lm_bits((uint32_t)n - 1U);
    for (int32_t d = 0; d < dim; d++) {
        uint64_t sum = 0;
        for (int32_t r = 0; r < n; r++) {
            sum += (uint64_t)(int64_t)rows[r * dim + d];
        }
        pooled[d] = (int32_t)lm_shift64((uint32_t)(sum >> 32), (uint32_t)sum, bits);
    }
}

/* v (dim) -> v / |v| in units of 2^-15, at most 32767, in place; zeros stay zeros. */
LM_INLINE void lm_unit_length(int32_t *v, int32_t dim)
{
    const lm_window w = lm_window_for(lm_longest(v, dim));
    uint64_t squares = 0;
    for (int32_t i = 0; i < dim; i++) {
        squares = lm_add_square(squares, v[i] >> w.right);
    }
    if (squares == 0U) {
        return;
    }
    const lm_scale unit = lm_norm_unit(squares, w.left, 0, 0, 32768U, -46) + w.left * 65536;
    for (int32_t i = 0; i < dim; i++) {
        const int32_t x = lm_to_fixed(v[i] >> w.right, unit, 15);
        v[i] = x > 32767 ? 32767 : (x < -32767 ? -32767 : x);
    }
}

#endif
