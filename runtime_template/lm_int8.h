/* Matrix times vector, weights int8, straight from the input vector.
 * Needs lm_planes.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_INT8_H
#define LM_INT8_H

/* Rows w and v (cols) times x -> acc (2). */
LM_INLINE void lm_int8_2_rows(const int8_t *w, const int8_t *v, const int8_t *x, int32_t cols,
                              int32_t *acc)
{
    int32_t a = 0, b = 0, c = 0;
    for (; c + 4 <= cols; c += 4) {
        a += w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + w[3] * x[3];
        b += v[0] * x[0] + v[1] * x[1] + v[2] * x[2] + v[3] * x[3];
        w += 4;
        v += 4;
        x += 4;
    }
    for (; c < cols; c++) {
        a += *w++ * *x;
        b += *v++ * *x++;
    }
    acc[0] = a;
    acc[1] = b;
}

/* codes: rows of `stride` bytes; rows_data: book (unused), then one scale a row; x (cols) int8 ->
 * y (rows) = (acc >> pre) * row scale. Two rows share the input; a last odd one counts twice. */
LM_INLINE void lm_int8(const uint8_t *codes, const uint8_t *rows_data, const int8_t *x, int32_t *y,
                       int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    const uint8_t *scales = rows_data + LM_BOOK_BYTES;
    for (int32_t r = 0; r < rows; r += 2) {
        const int8_t *w = (const int8_t *)codes;
        const int32_t next = r + 1 < rows ? 1 : 0;
        int32_t acc[2];
        lm_int8_2_rows(w, w + next * stride, x, cols, acc);
        y[r + next] = (acc[1] >> pre) * (int32_t)scales[r + next];
        y[r] = (acc[0] >> pre) * (int32_t)scales[r];
        codes += 2 * stride;
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
