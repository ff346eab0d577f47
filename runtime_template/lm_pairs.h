/* Matrix times two vectors in one walk over the weights, for prompts. A table entry is a word: the
 * biased sum of the first vector's subset in the low half, that of the second's in the high one.
 * Needs lm_planes.h, lm_ternary.h, lm_int8.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PAIRS_H
#define LM_PAIRS_H

typedef struct lm_two {
    int32_t a, b;
} lm_two;

LM_INLINE lm_two lm_table_pair_byte(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                    int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 8) {
        int8_t ta[8], tb[8];
        const int8_t *a = lm_inputs(xa, c, 8, cols, ta), *b = lm_inputs(xb, c, 8, cols, tb);
        table[0] = LM_TWICE(LM_BIAS);
        for (int32_t k = 0; k < 8; k++) {
            const uint32_t v = (uint32_t)a[k] + ((uint32_t)b[k] << 16);
            for (int32_t i = 0; i < 1 << k; i++) {
                table[(1 << k) + i] = table[i] + v;
            }
            sum.a += a[k];
            sum.b += b[k];
        }
        table += 256;
    }
    return sum;
}

LM_INLINE void lm_planes_pair_byte(const uint8_t *codes, const uint8_t *rows_data,
                                   const uint32_t *table, lm_two sum, int32_t *ya, int32_t *yb,
                                   int32_t rows, int32_t cols, int32_t planes, int32_t pre,
                                   int32_t stride)
{
    const int32_t step = lm_plane_rows(planes);
    const lm_book a = lm_read_book(rows_data, sum.a), b = lm_read_book(rows_data, sum.b);
    for (int32_t r = 0; r < rows; r += step) {
        int32_t sa[8] = {0}, sb[8] = {0};
        for (int32_t g = 0; g < (cols + 7) / 8; g++) {
            for (int32_t i = 0; i < step * planes; i++) {
                const uint32_t v = table[g * 256 + codes[g * step * planes + i]];
                sa[i] += (int32_t)(v & 0xffffU) - LM_BIAS;
                sb[i] += (int32_t)(v >> 16) - LM_BIAS;
            }
        }
        lm_combine_planes(sa, a, rows_data + LM_BOOK_BYTES + r, ya + r, planes, pre);
        lm_combine_planes(sb, b, rows_data + LM_BOOK_BYTES + r, yb + r, planes, pre);
        codes += stride;
    }
}

/* 243 sums per 5 inputs, 256 apart. */
LM_INLINE lm_two lm_table_pair_trit(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                    int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 5) {
        int8_t ta[5], tb[5];
        const int8_t *a = lm_inputs(xa, c, 5, cols, ta), *b = lm_inputs(xb, c, 5, cols, tb);
        int32_t size = 1;
        table[0] = LM_TWICE(LM_BIAS);
        for (int32_t k = 0; k < 5; k++) {
            sum.a += a[k];
            sum.b += b[k];
            table[0] -= (uint32_t)a[k] + ((uint32_t)b[k] << 16);
        }
        for (int32_t k = 0; k < 5; k++, size *= 3) {
            const uint32_t v = (uint32_t)a[k] + ((uint32_t)b[k] << 16);
            for (int32_t i = 0; i < 2 * size; i++) {
                table[size + i] = table[i] + v;
            }
        }
        table += 256;
    }
    return sum;
}

LM_INLINE void lm_ternary_pair_byte(const uint8_t *codes, const uint8_t *rows_data,
                                    const uint32_t *table, int32_t *ya, int32_t *yb, int32_t rows,
                                    int32_t cols, int32_t pre, int32_t stride)
{
    for (int32_t r = 0; r < rows; r += 8) {
        int32_t sa[8] = {0}, sb[8] = {0};
        for (int32_t g = 0; g < (cols + 4) / 5; g++) {
            for (int32_t i = 0; i < 8; i++) {
                const uint32_t v = table[g * 256 + codes[g * 8 + i]];
                sa[i] += (int32_t)(v & 0xffffU) - LM_BIAS;
                sb[i] += (int32_t)(v >> 16) - LM_BIAS;
            }
        }
        lm_scale_rows(sa, rows_data + LM_BOOK_BYTES + r, ya + r, pre);
        lm_scale_rows(sb, rows_data + LM_BOOK_BYTES + r, yb + r, pre);
        codes += stride;
    }
}

LM_INLINE void lm_int8_pair(const uint8_t *codes, const uint8_t *rows_data, const int8_t *xa,
                            const int8_t *xb, int32_t *ya, int32_t *yb, int32_t rows, int32_t cols,
                            int32_t pre, int32_t stride)
{
    lm_int8(codes, rows_data, xa, ya, rows, cols, pre, stride);
    lm_int8(codes, rows_data, xb, yb, rows, cols, pre, stride);
}

#endif
