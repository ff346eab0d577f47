/* lm_pairs.h for RV32IM[C]: a lookup serves two inputs with 5 instructions. Needs lm_pairs.h and
 * lm_planes_rv32.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PAIRS_RV32_H
#define LM_PAIRS_RV32_H

/* As lm_table_pair_byte, to the bit: four times 64 words. */
LM_FUNCTION lm_two lm_table_pair_byte_rv32(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                           int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 8) {
        const lm_steps s = lm_steps_both(xa, xb, c, cols);
        const uint32_t *half = table + 128, *end = table + 256;
        uint32_t last = 0;
        lm_pairs p = s.first;
        while (table != end) {
            p = lm_half_table_rv32(table, p, s.d3, s.d4, s.d5);
            table += 64;
            last = p.e7;
            p = lm_add_pairs(p, table == half ? s.d7 : s.d6);
        }
        sum.a += (int32_t)(last & 0xFFFFU) - LM_BIAS; /* the last word is the sum of all eight */
        sum.b += (int32_t)(last >> 16) - LM_BIAS;
    }
    return sum;
}

/* As lm_lanes_pair with 8 lanes, their sums starting from `zero`: first what four does not divide,
 * then four steps a round, seen from between them. */
LM_INLINE void lm_lanes_8_pair_rv32(const uint8_t *w, const uint32_t *t, int32_t groups,
                                    uint32_t zero, uint32_t *p)
{
    uint32_t s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
    uint32_t i, j, k, l;
    const uint32_t *end = t + groups % 4 * 256;
    if (t != end) {
        LM_RV_LOOP(LM_RV_LOOK_8(t, lw, 2, 0, 0), 1, 2);
    }
    if (groups >= 4) {
        t += 512;
        end = t + groups / 4 * 1024;
        LM_RV_LOOP(LM_RV_LOOK_8(t, lw, 2, 0, -2048) LM_RV_LOOK_8(t, lw, 2, 8, -1024)
                       LM_RV_LOOK_8(t, lw, 2, 16, 0) LM_RV_LOOK_8(t, lw, 2, 24, 1024),
                   4, 2);
    }
    p[0] = s0;
    p[1] = s1;
    p[2] = s2;
    p[3] = s3;
    p[4] = s4;
    p[5] = s5;
    p[6] = s6;
    p[7] = s7;
}

/* A lm_lanes_both. */
LM_INLINE void lm_lanes_pair_rv32(const uint8_t *w, const uint32_t *t, int32_t groups,
                                  int32_t lanes, uint32_t *p)
{
    if (lanes == 8) {
        lm_lanes_8_pair_rv32(w, t, groups, 0U - LM_TWICE(LM_BIAS) * (uint32_t)groups, p);
    } else {
        lm_lanes_pair(w, t, groups, lanes, p);
    }
}

/* One row's sums for a and for b from those of its planes, which keep the bias: without one below
 * it, the upper half of a word is what a shift gives. */
LM_INLINE lm_two lm_row_both_rv32(uint32_t p0, uint32_t p1, uint32_t lower, lm_book k, lm_two zero)
{
    const uint32_t c0 = (uint32_t)k.c0, c1 = (uint32_t)k.c1;
    const lm_two row = {(int32_t)(c0 * (p0 & lower) + c1 * (p1 & lower) + (uint32_t)zero.a),
                        (int32_t)(c0 * (p0 >> 16) + c1 * (p1 >> 16) + (uint32_t)zero.b)};
    return row;
}

/* Four rows' sums into y, from what is there unless they are of the first part; the last part's
 * shifted and scaled. */
LM_INLINE void lm_keep_4_rv32(const int32_t *sums, const uint8_t *scales, int32_t *y, int32_t pre,
                              int32_t part)
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    if ((part & LM_PART_FIRST) == 0) {
        a += y[0];
        b += y[1];
        c += y[2];
        d += y[3];
    }
    if ((part & LM_PART_LAST) != 0) {
        a = (a >> pre) * scales[0];
        b = (b >> pre) * scales[1];
        c = (c >> pre) * scales[2];
        d = (d >> pre) * scales[3];
    }
    y[0] = a;
    y[1] = b;
    y[2] = c;
    y[3] = d;
}

/* At most LM_PAIR_STEPS steps of a matrix of 2 planes; `zero` makes up for the bias. */
LM_FUNCTION void lm_planes_2_pair_rv32(const uint8_t *codes, const uint8_t *rows_data,
                                       const uint32_t *table, lm_two zero, int32_t *ya, int32_t *yb,
                                       int32_t rows, int32_t groups, int32_t pre, int32_t stride,
                                       int32_t part)
{
    const lm_book k = lm_read_book(rows_data, 0);
    const uint8_t *scales = rows_data + LM_BOOK_BYTES;
    uint32_t lower = 0xFFFFU;
    LM_HIDE(lower);
    for (const int32_t *end = ya + ((rows + 3) & ~3); ya != end; ya += 4) {
        uint32_t p[8];
        lm_lanes_8_pair_rv32(codes, table, groups, 0, p);
        const lm_two r0 = lm_row_both_rv32(p[0], p[1], lower, k, zero);
        const lm_two r1 = lm_row_both_rv32(p[2], p[3], lower, k, zero);
        const lm_two r2 = lm_row_both_rv32(p[4], p[5], lower, k, zero);
        const lm_two r3 = lm_row_both_rv32(p[6], p[7], lower, k, zero);
        const int32_t a[4] = {r0.a, r1.a, r2.a, r3.a}, b[4] = {r0.b, r1.b, r2.b, r3.b};
        lm_keep_4_rv32(a, scales, ya, pre, part);
        lm_keep_4_rv32(b, scales, yb, pre, part);
        codes += stride;
        scales += 4;
        yb += 4;
    }
}

/* As lm_planes_pair_byte. */
LM_INLINE void lm_planes_pair_byte_rv32(const uint8_t *codes, const uint8_t *rows_data,
                                        const uint32_t *table, lm_two sum, int32_t *ya, int32_t *yb,
                                        int32_t rows, int32_t cols, int32_t planes, int32_t pre,
                                        int32_t stride)
{
    const int32_t groups = (cols + 7) / 8;
    if (planes != 2) {
        lm_planes_pair_by(lm_lanes_pair_rv32, codes, rows_data, table, sum, ya, yb, rows, cols,
                          planes, pre, stride);
        return;
    }
    const lm_book a = lm_read_book(rows_data, sum.a), b = lm_read_book(rows_data, sum.b);
    for (int32_t g = 0; g < groups; g += LM_PAIR_STEPS) {
        const int32_t left = groups - g, n = left < LM_PAIR_STEPS ? left : LM_PAIR_STEPS;
        const int32_t bias = LM_BIAS * n * (a.c0 + a.c1);
        const lm_two zero = {(g == 0 ? a.zero : 0) - bias, (g == 0 ? b.zero : 0) - bias};
        const int32_t part =
            (g == 0 ? LM_PART_FIRST : 0) | (left <= LM_PAIR_STEPS ? LM_PART_LAST : 0);
        lm_planes_2_pair_rv32(codes + 8 * g, rows_data, table + 256 * g, zero, ya, yb, rows, n, pre,
                              stride, part);
    }
}

/* As lm_ternary_pair_byte. */
LM_INLINE void lm_ternary_pair_byte_rv32(const uint8_t *codes, const uint8_t *rows_data,
                                         const uint32_t *table, int32_t *ya, int32_t *yb,
                                         int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    lm_ternary_pair_by(lm_lanes_pair_rv32, codes, rows_data, table, ya, yb, rows, cols, pre,
                       stride);
}

#endif
