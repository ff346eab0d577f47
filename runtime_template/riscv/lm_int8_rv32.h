/* lm_int8.h for RV32IM[C]: four rows share the input. Needs lm_int8.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_INT8_RV32_H
#define LM_INT8_RV32_H

/* Rows w, w + stride, ... (4) times x -> acc (4). One pointer for all rows: where the stride is a
 * constant, it becomes part of the loads. */
LM_INLINE void lm_int8_rows_rv32(const int8_t *w, const int8_t *x, int32_t cols, int32_t stride,
                                 int32_t *acc)
{
    const int8_t *end = x + cols, *last = x + (cols & ~3);
    int32_t a = 0, b = 0, c = 0, d = 0;
    while (x != last) {
        const int8_t *u = w + 2 * stride;
        const int32_t x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
        a += w[0] * x0 + w[1] * x1 + w[2] * x2 + w[3] * x3;
        b += w[stride] * x0 + w[stride + 1] * x1 + w[stride + 2] * x2 + w[stride + 3] * x3;
        c += u[0] * x0 + u[1] * x1 + u[2] * x2 + u[3] * x3;
        d += u[stride] * x0 + u[stride + 1] * x1 + u[stride + 2] * x2 + u[stride + 3] * x3;
        w += 4;
        x += 4;
    }
    for (; x != end; x++, w++) {
        a += w[0] * *x;
        b += w[stride] * *x;
        c += w[2 * stride] * *x;
        d += w[3 * stride] * *x;
    }
    acc[0] = a;
    acc[1] = b;
    acc[2] = c;
    acc[3] = d;
}

/* As lm_int8. */
LM_INLINE void lm_int8_rv32(const uint8_t *codes, const uint8_t *rows_data, const int8_t *x,
                            int32_t *y, int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    const uint8_t *scales = rows_data + LM_BOOK_BYTES;
    for (int32_t r = 0; r + 4 <= rows; r += 4) {
        int32_t s[4];
        lm_int8_rows_rv32((const int8_t *)codes, x, cols, stride, s);
        y[r] = (s[0] >> pre) * (int32_t)scales[r];
        y[r + 1] = (s[1] >> pre) * (int32_t)scales[r + 1];
        y[r + 2] = (s[2] >> pre) * (int32_t)scales[r + 2];
        y[r + 3] = (s[3] >> pre) * (int32_t)scales[r + 3];
        codes += 4 * stride;
    }
    const int32_t done = rows & ~3;
    lm_int8(codes, rows_data + done, x, y + done, rows - done, cols, pre, stride);
}

#endif
