/* Matrix times two vectors in one walk over the weights, for prompts. A table entry is a word: the
 * biased sum of the first vector's subset in its low half, that of the second's in its high half,
 * so that one lookup serves both. Results are those of the kernels for one vector. Needs
 * lm_planes.h, lm_ternary.h, lm_int8.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PAIRS_H
#define LM_PAIRS_H

#define LM_PAIR_GROUPS                                                                             \
    32 /* 32 * 2 * LM_BIAS is 2^16: sums of so many entries stay in their halves */

/* Something of both inputs. */
typedef struct lm_two {
    int32_t a, b;
} lm_two;

/* Two numbers as halves of a word, modulo 2^32: sums of such are right once both are in range. */
LM_INLINE uint32_t lm_halves(int32_t a, int32_t b)
{
    return (uint32_t)a + ((uint32_t)b << 16);
}

/* The sums of both inputs from a table's last entry, that of all of them. */
LM_INLINE lm_two lm_add_last(lm_two sum, uint32_t last)
{
    sum.a += (int32_t)(last & 0xffffU) - LM_BIAS;
    sum.b += (int32_t)(last >> 16) - LM_BIAS;
    return sum;
}

/* xa, xb (cols) int8 -> table: 256 words per 8 inputs; gives the sums of both. */
LM_INLINE lm_two lm_table_pair_byte(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                    int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 8) {
        int8_t ta[8], tb[8];
        const int8_t *a = lm_inputs(xa, c, 8, cols, ta), *b = lm_inputs(xb, c, 8, cols, tb);
        table[0] = LM_TWICE(LM_BIAS);
        for (int32_t k = 0, size = 1; k < 8; k++, size *= 2) {
            const uint32_t v = lm_halves(a[k], b[k]);
            for (int32_t i = 0; i < size; i++) {
                table[size + i] = table[i] + v;
            }
        }
        sum = lm_add_last(sum, table[255]);
        table += 256;
    }
    return sum;
}

/* xa, xb (cols) int8 -> table: 243 words per 5 inputs, 256 apart; gives the sums of both. */
LM_INLINE lm_two lm_table_pair_trit(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                    int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 5) {
        int8_t ta[5], tb[5];
        const int8_t *a = lm_inputs(xa, c, 5, cols, ta), *b = lm_inputs(xb, c, 5, cols, tb);
        table[0] = LM_TWICE(LM_BIAS) -
                   lm_halves(a[0] + a[1] + a[2] + a[3] + a[4], b[0] + b[1] + b[2] + b[3] + b[4]);
        for (int32_t k = 0, size = 1; k < 5; k++, size *= 3) {
            const uint32_t v = lm_halves(a[k], b[k]);
            for (int32_t i = 0; i < 2 * size; i++) {
                table[size + i] = table[i] + v;
            }
        }
        sum = lm_add_last(sum, table[242]);
        table += 256;
    }
    return sum;
}

/* One block of codes over at most LM_PAIR_GROUPS table steps -> s (lanes) words of both sums, which
 * keep the bias of every entry. */
LM_INLINE void lm_lanes_pair(const uint8_t *w, const uint32_t *t, int32_t groups, int32_t lanes,
                             uint32_t *s)
{
    uint32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0;
    for (int32_t g = 0; g < groups; g++) {
        a0 += t[w[0]];
        a1 += t[w[1]];
        a2 += t[w[2]];
        a3 += t[w[3]];
        a4 += t[w[4]];
        a5 += lanes > 5 ? t[w[5]] : 0U;
        a6 += lanes > 6 ? t[w[6]] : 0U;
        a7 += lanes > 7 ? t[w[7]] : 0U;
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

/* The halves of words s (8) to sums a and b (8), or the first of these. */
LM_INLINE void lm_split_halves(const uint32_t *s, int32_t first, int32_t *a, int32_t *b)
{
    for (int32_t i = 0; i < 8; i++) {
        a[i] = (first != 0 ? 0 : a[i]) + (int32_t)(s[i] & 0xffffU);
        b[i] = (first != 0 ? 0 : b[i]) + (int32_t)(s[i] >> 16);
    }
}

/* How lanes are summed: as lm_lanes_pair. */
typedef void (*lm_pair_lanes)(const uint8_t *w, const uint32_t *t, int32_t groups, int32_t lanes,
                              uint32_t *s);

/* One block of codes over all table steps -> a, b (lanes) sums that keep the bias of each. */
LM_INLINE void lm_block_pair(lm_pair_lanes sum_lanes, const uint8_t *w, const uint32_t *t,
                             int32_t groups, int32_t lanes, int32_t *a, int32_t *b)
{
    for (int32_t g = 0; g < groups; g += LM_PAIR_GROUPS) {
        const int32_t n = groups - g < LM_PAIR_GROUPS ? groups - g : LM_PAIR_GROUPS;
        uint32_t s[8];
        sum_lanes(w + g * lanes, t + g * 256, n, lanes, s);
        lm_split_halves(s, g == 0 ? 1 : 0, a, b);
    }
}

/* sum + coefficient times the half of a word that lies `shift` up */
LM_INLINE uint32_t lm_add_half(int32_t coef, uint32_t word, int32_t shift, uint32_t sum)
{
    return lm_mul_add((uint32_t)coef, (word >> shift) & 0xffffU, sum);
}

/* As lm_combine_row, from halves of words. */
LM_INLINE int32_t lm_combine_half(const uint32_t *s, lm_book b, int32_t scale, int32_t planes,
                                  int32_t pre, int32_t shift)
{
    uint32_t acc = lm_add_half(b.c0, s[0], shift, (uint32_t)b.zero);
    acc = planes > 1 ? lm_add_half(b.c1, s[1], shift, acc) : acc;
    acc = planes > 2 ? lm_add_half(b.c2, s[2], shift, acc) : acc;
    acc = planes > 3 ? lm_add_half(b.c3, s[3], shift, acc) : acc;
    acc = planes > 4 ? lm_add_half(b.c4, s[4], shift, acc) : acc;
    acc = planes > 5 ? lm_add_half(b.c5, s[5], shift, acc) : acc;
    return ((int32_t)acc >> pre) * scale;
}

/* One row of both. */
LM_INLINE void lm_combine_rows_pair(const uint32_t *s, lm_book a, lm_book b, int32_t scale,
                                    int32_t *ya, int32_t *yb, int32_t planes, int32_t pre)
{
    *ya = lm_combine_half(s, a, scale, planes, pre, 0);
    *yb = lm_combine_half(s, b, scale, planes, pre, 16);
}

/* The rows of a block from words s (lanes) of both sums. */
LM_INLINE void lm_combine_pair(const uint32_t *s, lm_book a, lm_book b, const uint8_t *scales,
                               int32_t *ya, int32_t *yb, int32_t planes, int32_t pre)
{
    lm_combine_rows_pair(s, a, b, scales[0], ya, yb, planes, pre);
    if (planes <= 4) {
        lm_combine_rows_pair(s + planes, a, b, scales[1], ya + 1, yb + 1, planes, pre);
    }
    if (planes <= 2) {
        lm_combine_rows_pair(s + 2 * planes, a, b, scales[2], ya + 2, yb + 2, planes, pre);
        lm_combine_rows_pair(s + 3 * planes, a, b, scales[3], ya + 3, yb + 3, planes, pre);
    }
    if (planes == 1) {
        lm_combine_rows_pair(s + 4, a, b, scales[4], ya + 4, yb + 4, 1, pre);
        lm_combine_rows_pair(s + 5, a, b, scales[5], ya + 5, yb + 5, 1, pre);
        lm_combine_rows_pair(s + 6, a, b, scales[6], ya + 6, yb + 6, 1, pre);
        lm_combine_rows_pair(s + 7, a, b, scales[7], ya + 7, yb + 7, 1, pre);
    }
}

/* lm_planes_pair_byte with a way to sum lanes, which compilers put in its place. */
LM_INLINE void lm_planes_pair_with(lm_pair_lanes sum_lanes, const uint8_t *codes,
                                   const uint8_t *rows_data, const uint32_t *table, lm_two sum,
                                   int32_t *ya, int32_t *yb, int32_t rows, int32_t cols,
                                   int32_t planes, int32_t pre, int32_t stride)
{
    const int32_t step = lm_plane_rows(planes), groups = (cols + 7) / 8;
    const lm_book a = lm_unbias(lm_read_book(rows_data, sum.a), groups, planes);
    const lm_book b = lm_unbias(lm_read_book(rows_data, sum.b), groups, planes);
    for (int32_t r = 0; r < rows; r += step) {
        int32_t sa[8], sb[8];
        if (groups <= LM_PAIR_GROUPS) {
            uint32_t s[8];
            sum_lanes(codes, table, groups, step * planes, s);
            lm_combine_pair(s, a, b, rows_data + LM_BOOK_BYTES + r, ya + r, yb + r, planes, pre);
            codes += stride;
            continue;
        }
        lm_block_pair(sum_lanes, codes, table, groups, step * planes, sa, sb);
        lm_combine_planes(sa, a, rows_data + LM_BOOK_BYTES + r, ya + r, planes, pre);
        lm_combine_planes(sb, b, rows_data + LM_BOOK_BYTES + r, yb + r, planes, pre);
        codes += stride;
    }
}

/* lm_planes_byte for two inputs: table and sum from lm_table_pair_byte. */
LM_INLINE void lm_planes_pair_byte(const uint8_t *codes, const uint8_t *rows_data,
                                   const uint32_t *table, lm_two sum, int32_t *ya, int32_t *yb,
                                   int32_t rows, int32_t cols, int32_t planes, int32_t pre,
                                   int32_t stride)
{
    lm_planes_pair_with(lm_lanes_pair, codes, rows_data, table, sum, ya, yb, rows, cols, planes,
                        pre, stride);
}

LM_INLINE void lm_ternary_pair_with(lm_pair_lanes sum_lanes, const uint8_t *codes,
                                    const uint8_t *rows_data, const uint32_t *table, int32_t *ya,
                                    int32_t *yb, int32_t rows, int32_t cols, int32_t pre,
                                    int32_t stride)
{
    const int32_t groups = (cols + 4) / 5;
    for (int32_t r = 0; r < rows; r += 8) {
        int32_t sa[8], sb[8];
        lm_block_pair(sum_lanes, codes, table, groups, 8, sa, sb);
        lm_unbias_sums(sa, groups);
        lm_unbias_sums(sb, groups);
        lm_scale_rows(sa, rows_data + LM_BOOK_BYTES + r, ya + r, pre);
        lm_scale_rows(sb, rows_data + LM_BOOK_BYTES + r, yb + r, pre);
        codes += stride;
    }
}

/* lm_ternary_byte for two inputs: table from lm_table_pair_trit. */
LM_INLINE void lm_ternary_pair_byte(const uint8_t *codes, const uint8_t *rows_data,
                                    const uint32_t *table, int32_t *ya, int32_t *yb, int32_t rows,
                                    int32_t cols, int32_t pre, int32_t stride)
{
    lm_ternary_pair_with(lm_lanes_pair, codes, rows_data, table, ya, yb, rows, cols, pre, stride);
}

/* lm_int8 for two inputs. */
LM_INLINE void lm_int8_pair(const uint8_t *codes, const uint8_t *rows_data, const int8_t *xa,
                            const int8_t *xb, int32_t *ya, int32_t *yb, int32_t rows, int32_t cols,
                            int32_t pre, int32_t stride)
{
    for (int32_t r = 0; r < rows; r++) {
        const int8_t *w = (const int8_t *)codes;
        const int32_t scale = rows_data[LM_BOOK_BYTES + r];
        int32_t a = 0, b = 0;
        LM_UNROLL_4
        for (int32_t c = 0; c < cols; c++) {
            a += w[c] * xa[c];
            b += w[c] * xb[c];
        }
        ya[r] = (a >> pre) * scale;
        yb[r] = (b >> pre) * scale;
        codes += stride;
    }
}

#endif
