/* Matrix times vector, weights -1, 0, 1 packed five to a byte in base 3 (1.6 bits a weight): byte =
 * t0 + 3 t1 + 9 t2 + 27 t3 + 81 t4, t = weight + 1. For every 5 inputs a table holds the sums of
 * all 243 sign patterns. Needs lm_planes.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_TERNARY_H
#define LM_TERNARY_H

/* x (cols) int8 -> table: 243 sums per 5 inputs, 256 apart; gives the sum of x. */
LM_INLINE int32_t lm_table_trit(const int8_t *x, int16_t *table, int32_t cols)
{
    int32_t sum = 0;
    for (int32_t c = 0; c < cols; c += 5) {
        int32_t size = 1;
        int32_t first = 0;
        for (int32_t k = 0; k < 5; k++) {
            const int32_t v = c + k < cols ? x[c + k] : 0;
            sum += v;
            first -= v;
        }
        table[0] = (int16_t)(LM_BIAS + first);
        for (int32_t k = 0; k < 5; k++, size *= 3) {
            const int32_t v = c + k < cols ? x[c + k] : 0;
            for (int32_t i = 0; i < 2 * size; i++) {
                table[size + i] = (int16_t)(table[i] + v);
            }
        }
        table += 256;
    }
    return sum;
}

/* codes: blocks of 8 rows, byte by byte interleaved, `stride` bytes each; rows_data: book (unused),
 * then one scale a row -> y (rows, rounded up to 8) = (acc >> pre) * row scale. */
LM_INLINE void lm_ternary_byte(const uint8_t *codes, const uint8_t *rows_data, const int16_t *table,
                               int32_t *y, int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    for (int32_t r = 0; r < rows; r += 8) {
        int32_t s[8];
        lm_lanes_byte(codes, table, (cols + 4) / 5, 8, s);
        for (int32_t i = 0; i < 8; i++) {
            y[r + i] = (s[i] >> pre) * (int32_t)rows_data[LM_BOOK_BYTES + r + i];
        }
        codes += stride;
    }
}

/* Row `row` of such a matrix -> resid (cols) = value * row scale * 2^shift. */
LM_INLINE void lm_embed_ternary(const uint8_t *codes, const uint8_t *rows_data, int32_t row,
                                int32_t *resid, int32_t cols, int32_t stride, int32_t shift)
{
    const uint8_t *w = codes + (row / 8) * stride + row % 8;
    for (int32_t c = 0; c < cols; c += 5) {
        uint32_t code = w[(c / 5) * 8];
        for (int32_t k = 0; k < 5 && c + k < cols; k++) {
            const uint32_t rest = (code * 171U) >> 9; /* code / 3 for code < 256 */
            const int32_t value = (int32_t)(code - 3U * rest) - 1;
            resid[c + k] = lm_shift(value * (int32_t)rows_data[LM_BOOK_BYTES + row], shift);
            code = rest;
        }
    }
}

#endif
