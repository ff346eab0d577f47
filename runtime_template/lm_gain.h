/* What all weights of a matrix are to be multiplied by, where bytes and a power of two for each row
 * cannot say it: the scale of what the matrix reads takes it. Needs lm_fixed.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_GAIN_H
#define LM_GAIN_H

/* scale * gain * 2^exp, 2^31 <= gain < 2^32: all 32 bits of it count, the result is cut to a
 * scale's 16. */
LM_INLINE lm_scale lm_gain(lm_scale scale, uint32_t gain, int32_t exp)
{
    const uint32_t m = lm_mantissa(scale);
    return lm_scale_of_product(m * (gain >> 16) + (m * (gain & 0xffffU) >> 16),
                               lm_exponent(scale) + exp + 16);
}

/* A row of an embedding (n), each element worth unit -> whole numbers, in place. */
LM_INLINE void lm_gain_row(int32_t *row, int32_t n, lm_scale unit)
{
    for (int32_t i = 0; i < n; i++) {
        row[i] = lm_to_fixed(row[i], unit, 0);
    }
}

#endif
