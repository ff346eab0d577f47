/* Matrix times vector, weights as bit-planes. For every 8 inputs a table holds the 256 sums of
 * their subsets; one byte of a plane looks up 8 products at once. Several (row, plane) pairs, the
 * lanes, are interleaved byte by byte so that they share the walk over the tables.
 * Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PLANES_H
#define LM_PLANES_H

/* What precedes the row scales of a matrix: value of code 0, then what each bit adds. */
#define LM_BOOK_BYTES 8

/* x (cols) int8 -> table: 256 sums per 8 inputs; gives the sum of x. */
LM_INLINE int32_t lm_table_byte(const int8_t *x, int16_t *table, int32_t cols)
{
    int32_t sum = 0;
    for (int32_t c = 0; c < cols; c += 8) {
        int32_t size = 1;
        table[0] = 0;
        for (int32_t k = 0; k < 8; k++, size *= 2) {
            const int32_t v = c + k < cols ? x[c + k] : 0;
            sum += v;
            for (int32_t i = 0; i < size; i++) {
                table[size + i] = (int16_t)(table[i] + v);
            }
        }
        table += 256;
    }
    return sum;
}

/* x (cols) int8 -> table: 16 sums per 4 inputs, two such per 8 inputs; gives the sum of x. */
LM_INLINE int32_t lm_table_nibble(const int8_t *x, int16_t *table, int32_t cols)
{
    int32_t sum = 0;
    for (int32_t c = 0; c < ((cols + 7) & ~7); c += 4) {
        int32_t size = 1;
        table[0] = 0;
        for (int32_t k = 0; k < 4; k++, size *= 2) {
            const int32_t v = c + k < cols ? x[c + k] : 0;
            sum += v;
            for (int32_t i = 0; i < size; i++) {
                table[size + i] = (int16_t)(table[i] + v);
            }
        }
        table += 16;
    }
    return sum;
}

/* One block of codes: for each of `groups` table steps, `lanes` bytes -> s (lanes) sums. */
LM_INLINE void lm_lanes_byte(const uint8_t *w, const int16_t *t, int32_t groups, int32_t lanes,
                             int32_t *s)
{
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0;
    for (int32_t g = 0; g < groups; g++) {
        a0 += t[w[0]];
        a1 += t[w[1]];
        a2 += t[w[2]];
        a3 += t[w[3]];
        a4 += t[w[4]];
        a5 += lanes > 5 ? t[w[5]] : 0;
        a6 += lanes > 6 ? t[w[6]] : 0;
        a7 += lanes > 7 ? t[w[7]] : 0;
        w += lanes;
        t += 256;
    }
    s[0] = a0;
    s[1] = a1;
    s[2] = a2;
    s[3] = a3;
    s[4] = a4;
    s[5] = a5;
    s[6] = a6;
    s[7] = a7;
}

LM_INLINE int32_t lm_nibbles(const int16_t *t, uint32_t code)
{
    return t[code & 15U] + t[16U + (code >> 4)];
}

LM_INLINE void lm_lanes_nibble(const uint8_t *w, const int16_t *t, int32_t groups, int32_t lanes,
                               int32_t *s)
{
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0;
    for (int32_t g = 0; g < groups; g++) {
        a0 += lm_nibbles(t, w[0]);
        a1 += lm_nibbles(t, w[1]);
        a2 += lm_nibbles(t, w[2]);
        a3 += lm_nibbles(t, w[3]);
        a4 += lm_nibbles(t, w[4]);
        a5 += lanes > 5 ? lm_nibbles(t, w[5]) : 0;
        a6 += lanes > 6 ? lm_nibbles(t, w[6]) : 0;
        a7 += lanes > 7 ? lm_nibbles(t, w[7]) : 0;
        w += lanes;
        t += 32;
    }
    s[0] = a0;
    s[1] = a1;
    s[2] = a2;
    s[3] = a3;
    s[4] = a4;
    s[5] = a5;
    s[6] = a6;
    s[7] = a7;
}

/* Rows that a block interleaves: as many as fill 5 to 8 lanes. */
LM_INLINE int32_t lm_plane_rows(int32_t planes)
{
    return planes == 1 ? 8 : (planes == 2 ? 4 : (planes <= 4 ? 2 : 1));
}

/* Row results from lane sums: y = ((zero * sum + coef . s) >> pre) * row scale. */
LM_INLINE void lm_combine_planes(const int32_t *s, const uint8_t *rows_data, int32_t row,
                                 int32_t sum, int32_t *y, int32_t planes, int32_t pre)
{
    const int32_t rows = lm_plane_rows(planes);
    const int8_t *book = (const int8_t *)rows_data;
    for (int32_t i = 0; i < rows; i++) {
        int32_t acc = book[0] * sum;
        for (int32_t k = 0; k < planes; k++) {
            acc += book[1 + k] * s[i * planes + k];
        }
        y[row + i] = (acc >> pre) * (int32_t)rows_data[LM_BOOK_BYTES + row + i];
    }
}

/* codes: blocks of lm_plane_rows(planes) rows, `stride` bytes each; rows_data: book, then one
 * scale a row; table and sum from lm_table_byte -> y (rows, rounded up to whole blocks). */
LM_INLINE void lm_planes_byte(const uint8_t *codes, const uint8_t *rows_data, const int16_t *table,
                              int32_t sum, int32_t *y, int32_t rows, int32_t cols, int32_t planes,
                              int32_t pre, int32_t stride)
{
    const int32_t step = lm_plane_rows(planes);
    for (int32_t r = 0; r < rows; r += step) {
        int32_t s[8];
        lm_lanes_byte(codes, table, (cols + 7) / 8, step * planes, s);
        lm_combine_planes(s, rows_data, r, sum, y, planes, pre);
        codes += stride;
    }
}

/* The same through the tables of lm_table_nibble, an eighth of the size. */
LM_INLINE void lm_planes_nibble(const uint8_t *codes, const uint8_t *rows_data,
                                const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                int32_t cols, int32_t planes, int32_t pre, int32_t stride)
{
    const int32_t step = lm_plane_rows(planes);
    for (int32_t r = 0; r < rows; r += step) {
        int32_t s[8];
        lm_lanes_nibble(codes, table, (cols + 7) / 8, step * planes, s);
        lm_combine_planes(s, rows_data, r, sum, y, planes, pre);
        codes += stride;
    }
}

/* Row `row` of such a matrix -> resid (cols) = value * row scale * 2^shift. */
LM_INLINE void lm_embed_planes(const uint8_t *codes, const uint8_t *rows_data, int32_t row,
                               int32_t *resid, int32_t cols, int32_t planes, int32_t stride,
                               int32_t shift)
{
    const int32_t step = lm_plane_rows(planes);
    const int32_t lanes = step * planes;
    const uint8_t *w = codes + (row / step) * stride + (row % step) * planes;
    const int8_t *book = (const int8_t *)rows_data;
    for (int32_t c = 0; c < cols; c++) {
        int32_t value = book[0];
        for (int32_t k = 0; k < planes; k++) {
            value += ((w[(c / 8) * lanes + k] >> (c % 8)) & 1) != 0 ? book[1 + k] : 0;
        }
        resid[c] = lm_shift(value * (int32_t)rows_data[LM_BOOK_BYTES + row], shift);
    }
}

#endif
