/* Two inputs at once, for the tokens of a prompt: one walk over the weights serves both. A word of
 * a table holds the same sum for both, input a in the low half, input b in the high half, so that
 * one lookup and one addition serve both. All arithmetic on such words is modulo 2^32: a negative
 * low half borrows from the high one, and reading them undoes that. Each result is that of the
 * kernels for one input, to the bit. Needs lm_planes.h. SPDX-License-Identifier: 0BSD
 */
#ifndef LM_PAIRS_H
#define LM_PAIRS_H

typedef struct lm_two {
    int32_t a, b;
} lm_two;

/* So many sums of 8 inputs still fit half a word: 32 * 8 * 127 < 2^15. */
#define LM_PAIR_STEPS 32

LM_INLINE uint32_t lm_both(int32_t a, int32_t b)
{
    return (uint32_t)a + ((uint32_t)b << 16);
}

LM_INLINE int32_t lm_of_a(uint32_t both)
{
    return (int16_t)(both & 0xFFFFU);
}

LM_INLINE int32_t lm_of_b(uint32_t both)
{
    return (int32_t)(both + 0x8000U) >> 16;
}

/* Inputs to the sums of the 8 subsets of the lowest three, v[0] to v[2]. */
LM_INLINE lm_pairs lm_subsets_both(const uint32_t *v)
{
    lm_pairs p;
    p.e0 = LM_TWICE(LM_BIAS);
    p.e1 = p.e0 + v[0];
    p.e2 = p.e0 + v[1];
    p.e3 = p.e1 + v[1];
    p.e4 = p.e0 + v[2];
    p.e5 = p.e1 + v[2];
    p.e6 = p.e2 + v[2];
    p.e7 = p.e3 + v[2];
    return p;
}

LM_INLINE void lm_store_both(uint32_t *table, lm_pairs p)
{
    table[0] = p.e0;
    table[1] = p.e1;
    table[2] = p.e2;
    table[3] = p.e3;
    table[4] = p.e4;
    table[5] = p.e5;
    table[6] = p.e6;
    table[7] = p.e7;
}

/* 32 words: p, and with either or both of two more inputs; as lm_store_quarter. */
LM_INLINE lm_pairs lm_store_four(uint32_t *table, lm_pairs p, uint32_t first, uint32_t next)
{
    lm_store_both(table, p);
    p = lm_add_pairs(p, first);
    lm_store_both(table + 8, p);
    p = lm_add_pairs(p, next);
    lm_store_both(table + 16, p);
    p = lm_add_pairs(p, first);
    lm_store_both(table + 24, p);
    return p;
}

/* Inputs c to c + 7 of xa and xb (cols), zeros past the end, then what each of the upper five adds
 * where the numbers are counted through, as in lm_table_byte. */
typedef struct lm_steps {
    lm_pairs first;
    uint32_t d3, d4, d5, d6, d7;
} lm_steps;

LM_INLINE lm_steps lm_steps_both(const int8_t *xa, const int8_t *xb, int32_t c, int32_t cols)
{
    int8_t tail_a[8], tail_b[8];
    const int8_t *a = lm_inputs(xa, c, 8, cols, tail_a), *b = lm_inputs(xb, c, 8, cols, tail_b);
    const uint32_t v[3] = {lm_both(a[0], b[0]), lm_both(a[1], b[1]), lm_both(a[2], b[2])};
    const uint32_t v3 = lm_both(a[3], b[3]), v4 = lm_both(a[4], b[4]), v5 = lm_both(a[5], b[5]);
    const uint32_t v6 = lm_both(a[6], b[6]), v7 = lm_both(a[7], b[7]);
    const uint32_t s4 = v3 + v4, s5 = s4 + v5, s6 = s5 + v6;
    const lm_steps s = {lm_subsets_both(v), v3, v4 - v3, v5 - s4, v6 - s5, v7 - s6};
    return s;
}

/* xa, xb (cols) int8 -> table: 256 words per 8 inputs; gives the sums of both. */
LM_INLINE lm_two lm_table_pair_byte(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                    int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 8) {
        const lm_steps s = lm_steps_both(xa, xb, c, cols);
        lm_pairs p = s.first;
        uint32_t last = 0;
        for (int32_t quarter = 0; quarter < 4; quarter++) {
            p = lm_store_four(table, p, s.d3, s.d4);
            p = lm_add_pairs(p, s.d5);
            p = lm_store_four(table + 32, p, s.d3, s.d4);
            last = p.e7;
            p = lm_add_pairs(p, quarter == 1 ? s.d7 : s.d6);
            table += 64;
        }
        sum.a += (int32_t)(last & 0xFFFFU) - LM_BIAS; /* the last word is the sum of all eight */
        sum.b += (int32_t)(last >> 16) - LM_BIAS;
    }
    return sum;
}

/* One block of codes: for each of `groups` (at most LM_PAIR_STEPS) table steps, `lanes` bytes -> p
 * (lanes) sums of both. */
typedef void lm_lanes_both(const uint8_t *w, const uint32_t *t, int32_t groups, int32_t lanes,
                           uint32_t *p);

LM_INLINE void lm_lanes_pair(const uint8_t *w, const uint32_t *t, int32_t groups, int32_t lanes,
                             uint32_t *p)
{
    const uint32_t zero = 0U - LM_TWICE(LM_BIAS) * (uint32_t)groups;
    uint32_t a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero, a6 = zero, a7 = zero;
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
    p[0] = a0;
    p[1] = a1;
    p[2] = a2;
    p[3] = a3;
    p[4] = a4;
    p[5] = a5;
    p[6] = a6;
    p[7] = a7;
}

/* What one row's lanes add to the sum of input a, of input b. Factors of 16 bits: cores with the
 * DSP extension multiply halves of words. */
LM_INLINE int32_t lm_row_of_a(const uint32_t *p, lm_book k, int32_t planes)
{
    int32_t acc = lm_of_a(p[0]) * (int16_t)k.c0;
    acc += planes > 1 ? lm_of_a(p[1]) * (int16_t)k.c1 : 0;
    acc += planes > 2 ? lm_of_a(p[2]) * (int16_t)k.c2 : 0;
    acc += planes > 3 ? lm_of_a(p[3]) * (int16_t)k.c3 : 0;
    acc += planes > 4 ? lm_of_a(p[4]) * (int16_t)k.c4 : 0;
    acc += planes > 5 ? lm_of_a(p[5]) * (int16_t)k.c5 : 0;
    return acc;
}

LM_INLINE int32_t lm_row_of_b(const uint32_t *p, lm_book k, int32_t planes)
{
    int32_t acc = lm_of_b(p[0]) * (int16_t)k.c0;
    acc += planes > 1 ? lm_of_b(p[1]) * (int16_t)k.c1 : 0;
    acc += planes > 2 ? lm_of_b(p[2]) * (int16_t)k.c2 : 0;
    acc += planes > 3 ? lm_of_b(p[3]) * (int16_t)k.c3 : 0;
    acc += planes > 4 ? lm_of_b(p[4]) * (int16_t)k.c4 : 0;
    acc += planes > 5 ? lm_of_b(p[5]) * (int16_t)k.c5 : 0;
    return acc;
}

/* Where a part of the columns stands: the first starts from `zero`, others from what is in y; the
 * last scales. */
typedef struct lm_part {
    lm_two zero;
    int32_t first, last, pre;
} lm_part;

LM_INLINE void lm_add_part(lm_part at, int32_t a, int32_t b, int32_t scale, int32_t *ya,
                           int32_t *yb)
{
    a += at.first ? at.zero.a : *ya;
    b += at.first ? at.zero.b : *yb;
    *ya = at.last ? (a >> at.pre) * scale : a;
    *yb = at.last ? (b >> at.pre) * scale : b;
}

LM_INLINE void lm_add_row(lm_part at, const uint32_t *p, lm_book k, int32_t scale, int32_t planes,
                          int32_t *ya, int32_t *yb)
{
    lm_add_part(at, lm_row_of_a(p, k, planes), lm_row_of_b(p, k, planes), scale, ya, yb);
}

/* The rows of a block. No loops, so that the sums stay in registers. */
LM_INLINE void lm_add_rows(lm_part at, const uint32_t *p, lm_book k, const uint8_t *scales,
                           int32_t planes, int32_t *ya, int32_t *yb)
{
    lm_add_row(at, p, k, scales[0], planes, ya, yb);
    if (planes <= 4) {
        lm_add_row(at, p + planes, k, scales[1], planes, ya + 1, yb + 1);
    }
    if (planes <= 2) {
        lm_add_row(at, p + 2 * planes, k, scales[2], planes, ya + 2, yb + 2);
        lm_add_row(at, p + 3 * planes, k, scales[3], planes, ya + 3, yb + 3);
    }
    if (planes == 1) {
        lm_add_row(at, p + 4, k, scales[4], 1, ya + 4, yb + 4);
        lm_add_row(at, p + 5, k, scales[5], 1, ya + 5, yb + 5);
        lm_add_row(at, p + 6, k, scales[6], 1, ya + 6, yb + 6);
        lm_add_row(at, p + 7, k, scales[7], 1, ya + 7, yb + 7);
    }
}

/* lm_planes_pair_byte with `lanes_of` to sum up the lanes. */
LM_INLINE void lm_planes_pair_by(lm_lanes_both *lanes_of, const uint8_t *codes,
                                 const uint8_t *rows_data, const uint32_t *table, lm_two sum,
                                 int32_t *ya, int32_t *yb, int32_t rows, int32_t cols,
                                 int32_t planes, int32_t pre, int32_t stride)
{
    const int32_t step = lm_plane_rows(planes), lanes = step * planes, groups = (cols + 7) / 8;
    const lm_book k = lm_read_book(rows_data, 0);
    const int32_t zero = (int8_t)rows_data[0];
    for (int32_t r = 0; r < rows; r += step) {
        for (int32_t g = 0; g < groups; g += LM_PAIR_STEPS) {
            const int32_t left = groups - g, last = left <= LM_PAIR_STEPS;
            const lm_part at = {{zero * sum.a, zero * sum.b}, g == 0, last, pre};
            uint32_t p[8];
            lanes_of(codes + g * lanes, table + g * 256, last ? left : LM_PAIR_STEPS, lanes, p);
            lm_add_rows(at, p, k, rows_data + LM_BOOK_BYTES + r, planes, ya + r, yb + r);
        }
        codes += stride;
    }
}

/* As lm_planes_byte for each of two inputs; table and sum from lm_table_pair_byte -> ya, yb (rows,
 * rounded up to whole blocks). */
LM_INLINE void lm_planes_pair_byte(const uint8_t *codes, const uint8_t *rows_data,
                                   const uint32_t *table, lm_two sum, int32_t *ya, int32_t *yb,
                                   int32_t rows, int32_t cols, int32_t planes, int32_t pre,
                                   int32_t stride)
{
    lm_planes_pair_by(lm_lanes_pair, codes, rows_data, table, sum, ya, yb, rows, cols, planes, pre,
                      stride);
}

/* 27 words: the 9 sums n of the lower 2 weights, and with the third weight's 0 and 1. */
LM_INLINE void lm_store_27(uint32_t *table, const uint32_t *n, uint32_t add, uint32_t up)
{
    for (int32_t i = 0; i < 3; i++) {
        table[0] = n[0] + add;
        table[1] = n[1] + add;
        table[2] = n[2] + add;
        table[3] = n[3] + add;
        table[4] = n[4] + add;
        table[5] = n[5] + add;
        table[6] = n[6] + add;
        table[7] = n[7] + add;
        table[8] = n[8] + add;
        table += 9;
        add += up;
    }
}

/* Of inputs c to c + 4 of xa and xb (cols), zeros past the end: the 9 sums of the lower two
 * weights, the upper three being -1; the upper three inputs; the sums of all. */
typedef struct lm_nine {
    uint32_t n[9];
    uint32_t v2, v3, v4;
    lm_two sum;
} lm_nine;

LM_INLINE lm_nine lm_nine_both(const int8_t *xa, const int8_t *xb, int32_t c, int32_t cols)
{
    int8_t tail_a[5], tail_b[5];
    const int8_t *a = lm_inputs(xa, c, 5, cols, tail_a), *b = lm_inputs(xb, c, 5, cols, tail_b);
    const uint32_t v0 = lm_both(a[0], b[0]), v1 = lm_both(a[1], b[1]), v2 = lm_both(a[2], b[2]);
    const uint32_t v3 = lm_both(a[3], b[3]), v4 = lm_both(a[4], b[4]);
    const uint32_t n0 = LM_TWICE(LM_BIAS) - v0 - v1 - v2 - v3 - v4, n1 = n0 + v0, n2 = n1 + v0;
    const uint32_t n3 = n0 + v1, n4 = n1 + v1, n5 = n2 + v1;
    const lm_nine nine = {{n0, n1, n2, n3, n4, n5, n3 + v1, n4 + v1, n5 + v1},
                          v2,
                          v3,
                          v4,
                          {a[0] + a[1] + a[2] + a[3] + a[4], b[0] + b[1] + b[2] + b[3] + b[4]}};
    return nine;
}

/* xa, xb (cols) int8 -> table: 243 words per 5 inputs, 256 apart; gives the sums of both. */
LM_INLINE lm_two lm_table_pair_trit(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                    int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 5) {
        const lm_nine in = lm_nine_both(xa, xb, c, cols);
        uint32_t *t = table;
        for (uint32_t add = 0; t != table + 243; add += in.v4) {
            lm_store_27(t, in.n, add, in.v2);
            lm_store_27(t + 27, in.n, add + in.v3, in.v2);
            lm_store_27(t + 54, in.n, add + 2 * in.v3, in.v2);
            t += 81;
        }
        sum.a += in.sum.a;
        sum.b += in.sum.b;
        table += 256;
    }
    return sum;
}

/* lm_ternary_pair_byte with `lanes_of` to sum up the lanes. */
LM_INLINE void lm_ternary_pair_by(lm_lanes_both *lanes_of, const uint8_t *codes,
                                  const uint8_t *rows_data, const uint32_t *table, int32_t *ya,
                                  int32_t *yb, int32_t rows, int32_t cols, int32_t pre,
                                  int32_t stride)
{
    const int32_t groups = (cols + 4) / 5;
    for (int32_t r = 0; r < rows; r += 8) {
        const uint8_t *scales = rows_data + LM_BOOK_BYTES + r;
        for (int32_t g = 0; g < groups; g += LM_PAIR_STEPS) {
            const int32_t left = groups - g, last = left <= LM_PAIR_STEPS;
            const lm_part at = {{0, 0}, g == 0, last, pre};
            uint32_t p[8];
            lanes_of(codes + g * 8, table + g * 256, last ? left : LM_PAIR_STEPS, 8, p);
            lm_add_part(at, lm_of_a(p[0]), lm_of_b(p[0]), scales[0], ya + r, yb + r);
            lm_add_part(at, lm_of_a(p[1]), lm_of_b(p[1]), scales[1], ya + r + 1, yb + r + 1);
            lm_add_part(at, lm_of_a(p[2]), lm_of_b(p[2]), scales[2], ya + r + 2, yb + r + 2);
            lm_add_part(at, lm_of_a(p[3]), lm_of_b(p[3]), scales[3], ya + r + 3, yb + r + 3);
            lm_add_part(at, lm_of_a(p[4]), lm_of_b(p[4]), scales[4], ya + r + 4, yb + r + 4);
            lm_add_part(at, lm_of_a(p[5]), lm_of_b(p[5]), scales[5], ya + r + 5, yb + r + 5);
            lm_add_part(at, lm_of_a(p[6]), lm_of_b(p[6]), scales[6], ya + r + 6, yb + r + 6);
            lm_add_part(at, lm_of_a(p[7]), lm_of_b(p[7]), scales[7], ya + r + 7, yb + r + 7);
        }
        codes += stride;
    }
}

/* As lm_ternary_byte for each of two inputs; table from lm_table_pair_trit -> ya, yb (rows, rounded
 * up to 8). */
LM_INLINE void lm_ternary_pair_byte(const uint8_t *codes, const uint8_t *rows_data,
                                    const uint32_t *table, int32_t *ya, int32_t *yb, int32_t rows,
                                    int32_t cols, int32_t pre, int32_t stride)
{
    lm_ternary_pair_by(lm_lanes_pair, codes, rows_data, table, ya, yb, rows, cols, pre, stride);
}

/* As lm_int8 for each of two inputs xa, xb (cols) -> ya, yb (rows). */
LM_INLINE void lm_int8_pair(const uint8_t *codes, const uint8_t *rows_data, const int8_t *xa,
                            const int8_t *xb, int32_t *ya, int32_t *yb, int32_t rows, int32_t cols,
                            int32_t pre, int32_t stride)
{
    for (int32_t r = 0; r < rows; r++) {
        const int8_t *w = (const int8_t *)codes;
        const int32_t scale = rows_data[LM_BOOK_BYTES + r];
        int32_t a = 0, b = 0;
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
