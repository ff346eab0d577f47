/* Matrix times vector, weights -1, 0, 1 packed five to a byte in base 3 (1.6 bits a weight): byte =
 * t0 + 3 t1 + 9 t2 + 27 t3 + 81 t4, t = weight + 1. For every 5 inputs a table holds the sums of
 * all 243 sign patterns. Needs lm_planes.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_TERNARY_H
#define LM_TERNARY_H

/* The 27 sums b of the lower 3 weights, the upper 2 being -1, as pairs: 27 is odd, so every other
 * run of 27 begins in the middle of a word. */
typedef struct lm_trits {
    uint32_t even[13]; /* b0 b1, b2 b3 ... b24 b25 */
    uint32_t between;  /* b26 b0 */
    uint32_t odd[13];  /* b1 b2, b3 b4 ... b25 b26 */
} lm_trits;

LM_INLINE uint32_t lm_pair(int32_t first, int32_t second)
{
    return (uint32_t)first * LM_FIRST + (uint32_t)second * LM_SECOND;
}

/* From x (5), the 9 sums n of the lower 2 weights; for the third weight's 0 and 1, x[2] and twice
 * x[2] more. No loop, so that the pairs stay in registers. */
LM_INLINE void lm_trit_pairs(const int8_t *x, lm_trits *p)
{
    const int32_t n0 = LM_BIAS - x[0] - x[1] - x[2] - x[3] - x[4], n1 = n0 + x[0], n2 = n1 + x[0];
    const int32_t n3 = n0 + x[1], n4 = n1 + x[1], n5 = n2 + x[1];
    const int32_t n6 = n3 + x[1], n7 = n4 + x[1], n8 = n5 + x[1];
    const uint32_t up = LM_TWICE(x[2]), up2 = 2 * up;
    const uint32_t seam = lm_pair(n8, n0 + x[2]);
    p->even[0] = lm_pair(n0, n1);
    p->even[1] = lm_pair(n2, n3);
    p->even[2] = lm_pair(n4, n5);
    p->even[3] = lm_pair(n6, n7);
    p->odd[0] = lm_pair(n1, n2);
    p->odd[1] = lm_pair(n3, n4);
    p->odd[2] = lm_pair(n5, n6);
    p->odd[3] = lm_pair(n7, n8);
    p->even[4] = seam;
    p->odd[8] = seam + up;
    p->between = lm_pair(n8 + 2 * x[2], n0);
    p->even[5] = p->odd[0] + up;
    p->even[6] = p->odd[1] + up;
    p->even[7] = p->odd[2] + up;
    p->even[8] = p->odd[3] + up;
    p->odd[4] = p->even[0] + up;
    p->odd[5] = p->even[1] + up;
    p->odd[6] = p->even[2] + up;
    p->odd[7] = p->even[3] + up;
    p->even[9] = p->even[0] + up2;
    p->even[10] = p->even[1] + up2;
    p->even[11] = p->even[2] + up2;
    p->even[12] = p->even[3] + up2;
    p->odd[9] = p->odd[0] + up2;
    p->odd[10] = p->odd[1] + up2;
    p->odd[11] = p->odd[2] + up2;
    p->odd[12] = p->odd[3] + up2;
}

/* 13 pairs e, each with `add` added to both -> 26 sums. */
LM_INLINE void lm_store_trits(int16_t *table, const uint32_t *e, uint32_t add)
{
    lm_store_pair(table, e[0] + add);
    lm_store_pair(table + 2, e[1] + add);
    lm_store_pair(table + 4, e[2] + add);
    lm_store_pair(table + 6, e[3] + add);
    lm_store_pair(table + 8, e[4] + add);
    lm_store_pair(table + 10, e[5] + add);
    lm_store_pair(table + 12, e[6] + add);
    lm_store_pair(table + 14, e[7] + add);
    lm_store_pair(table + 16, e[8] + add);
    lm_store_pair(table + 18, e[9] + add);
    lm_store_pair(table + 20, e[10] + add);
    lm_store_pair(table + 22, e[11] + add);
    lm_store_pair(table + 24, e[12] + add);
}

/* x (cols) int8 -> table, on a 4-byte boundary: 243 biased sums per 5 inputs, 256 apart; gives the
 * sum of x. Runs of 27 sums for each pair of upper weights, two runs at a time. */
LM_INLINE int32_t lm_table_trit(const int8_t *x, int16_t *table, int32_t cols)
{
    int32_t sum = 0;
    for (int32_t c = 0; c < cols; c += 5) {
        int8_t tail[5];
        const int8_t *in = lm_inputs(x, c, 5, cols, tail);
        const int32_t x3 = in[3], x4 = in[4];
        const int32_t up[10] = {0,      x3,          2 * x3,          x4, x3 + x4, 2 * x3 + x4,
                                2 * x4, x3 + 2 * x4, 2 * x3 + 2 * x4, 0};
        lm_trits p;
        lm_trit_pairs(in, &p);
        for (int32_t i = 0; i < 10; i += 2) {
            int16_t *t = table + 27 * i;
            lm_store_trits(t, p.even, LM_TWICE(up[i]));
            lm_store_pair(t + 26, p.between + lm_pair(up[i], up[i + 1]));
            if (i < 8) {
                lm_store_trits(t + 28, p.odd, LM_TWICE(up[i + 1]));
            }
        }
        sum += in[0] + in[1] + in[2] + x3 + x4;
        table += 256;
    }
    return sum;
}

/* One row from its sum: y = (s >> pre) * scale. */
LM_INLINE void lm_scale_row(int32_t s, int32_t scale, int32_t *y, int32_t pre, int32_t part)
{
    *y = lm_part_row(lm_part_sum(y, part) + s, scale, pre, part);
}

/* The 8 rows of a block. No loop, so that the sums stay in registers. */
LM_INLINE void lm_scale_rows(const int32_t *s, const uint8_t *scales, int32_t *y, int32_t pre,
                             int32_t part)
{
    lm_scale_row(s[0], scales[0], y, pre, part);
    lm_scale_row(s[1], scales[1], y + 1, pre, part);
    lm_scale_row(s[2], scales[2], y + 2, pre, part);
    lm_scale_row(s[3], scales[3], y + 3, pre, part);
    lm_scale_row(s[4], scales[4], y + 4, pre, part);
    lm_scale_row(s[5], scales[5], y + 5, pre, part);
    lm_scale_row(s[6], scales[6], y + 6, pre, part);
    lm_scale_row(s[7], scales[7], y + 7, pre, part);
}

/* Sums (8) that keep the bias of `groups` table entries each -> without it. */
LM_INLINE void lm_unbias_sums(int32_t *s, int32_t groups)
{
    s[0] -= LM_BIAS * groups;
    s[1] -= LM_BIAS * groups;
    s[2] -= LM_BIAS * groups;
    s[3] -= LM_BIAS * groups;
    s[4] -= LM_BIAS * groups;
    s[5] -= LM_BIAS * groups;
    s[6] -= LM_BIAS * groups;
    s[7] -= LM_BIAS * groups;
}

/* codes: blocks of 8 rows, byte by byte interleaved, `stride` bytes each; rows_data: book (unused),
 * then one scale a row -> y (rows, rounded up to 8) = (acc >> pre) * row scale. */
LM_INLINE void lm_ternary_byte_part(const uint8_t *codes, const uint8_t *rows_data,
                                    const int16_t *table, int32_t *y, int32_t rows, int32_t cols,
                                    int32_t pre, int32_t stride, int32_t part)
{
    for (int32_t r = 0; r < rows; r += 8) {
        int32_t s[8];
        lm_lanes_byte(codes, table, (cols + 4) / 5, 8, s);
        lm_scale_rows(s, rows_data + LM_BOOK_BYTES + r, y + r, pre, part);
        codes += stride;
    }
}

/* All columns at once. */
LM_INLINE void lm_ternary_byte(const uint8_t *codes, const uint8_t *rows_data, const int16_t *table,
                               int32_t *y, int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    lm_ternary_byte_part(codes, rows_data, table, y, rows, cols, pre, stride, LM_PART_WHOLE);
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
