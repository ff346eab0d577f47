/* Matrix times vector, weights int8, straight from the input vector.
 * Needs lm_planes.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_INT8_H
#define LM_INT8_H

/* codes: rows of `stride` bytes; rows_data: book (unused), then one scale a row; x (cols) int8 ->
 * y (rows) = (acc >> pre) * row scale. */
LM_INLINE void lm_int8(const uint8_t *codes, const uint8_t *rows_data, const int8_t *x, int32_t *y,
                       int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    for (int32_t r = 0; r < rows; r++) {
        const int8_t *w = (const int8_t *)codes;
        int32_t acc = 0;
        for (int32_t c = 0; c < cols; c++) {
            acc += w[c] * x[c];
        }
        y[r] = (acc >> pre) * (int32_t)rows_data[LM_BOOK_BYTES + r];
        codes += stride;
    }
}

/* Row `row` of such a matrix -> resid (cols) = value * row scale * 2^shift. */
LM_INLINE void lm_embed_int8(const uint8_t *codes, const uint8_t *rows_data, int32_t row,
                             int32_t *resid, int32_t cols, int32_t stride, int32_t shift)
{
    const int8_t *w = (const int8_t *)codes + row * stride;
    for (int32_t c = 0; c < cols; c++) {
        resid[c] = lm_shift(w[c] * (int32_t)rows_data[LM_BOOK_BYTES + row], shift);
    }
}

#endif
