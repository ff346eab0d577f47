/* lm_ternary.h for RV32IM[C]. Needs lm_ternary.h and lm_planes_rv32.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_TERNARY_RV32_H
#define LM_TERNARY_RV32_H

/* 13 pairs to `at` bytes past t, in the order of the even runs and of the odd ones; d more or less
 * each. */
#define LM_RV_EVEN(at)                                                                             \
    LM_RV_STORE(at)                                                                                \
    LM_RV_AT(sw, e8, at + 32, t)                                                                   \
    LM_RV_AT(sw, e9, at + 36, t)                                                                   \
    LM_RV_AT(sw, e10, at + 40, t) LM_RV_AT(sw, e11, at + 44, t) LM_RV_AT(sw, e12, at + 48, t)
#define LM_RV_ODD(at)                                                                              \
    LM_RV_AT(sw, e5, at + 0, t)                                                                    \
    LM_RV_AT(sw, e6, at + 4, t)                                                                    \
    LM_RV_AT(sw, e7, at + 8, t)                                                                    \
    LM_RV_AT(sw, e8, at + 12, t)                                                                   \
    LM_RV_AT(sw, e0, at + 16, t)                                                                   \
    LM_RV_AT(sw, e1, at + 20, t)                                                                   \
    LM_RV_AT(sw, e2, at + 24, t)                                                                   \
    LM_RV_AT(sw, e3, at + 28, t)                                                                   \
    LM_RV_AT(sw, e4, at + 32, t)                                                                   \
    LM_RV_AT(sw, e9, at + 36, t)                                                                   \
    LM_RV_AT(sw, e10, at + 40, t) LM_RV_AT(sw, e11, at + 44, t) LM_RV_AT(sw, e12, at + 48, t)
#define LM_RV_OP_13(op, d)                                                                         \
    LM_RV_OP_4(op, e0, e1, e2, e3, d, d, d, d)                                                     \
    LM_RV_OP_4(op, e4, e5, e6, e7, d, d, d, d)                                                     \
    LM_RV_OP_4(op, e8, e9, e10, e11, d, d, d, d) LM_RV_OP(op, e12, e12, d)

/* Runs of 27 sums b, one for each pair of upper weights: 27 is odd, so every other run begins in
 * the middle of a word. The pairs b0 b1, b2 b3 ... b24 b25 of a run that does not, from the first
 * of each kind: the third weight is -1 up to b8, 0 up to b17. */
#define LM_RV_TRIT_PAIRS                                                                           \
    LM_RV_OP(add, e5, e0, x0)                                                                      \
    LM_RV_OP(add, e2, e5, x1)                                                                      \
    LM_RV_OP(add, e6, e0, x1)                                                                      \
    LM_RV_OP(add, e7, e1, x1)                                                                      \
    LM_RV_OP(add, e3, e6, x1)                                                                      \
    LM_RV_OP(add, e8, e2, x1)                                                                      \
    LM_RV_OP_4(add, e5, e6, e7, e8, x2, x2, x2, x2)                                                \
    LM_RV_OP(add, e9, e0, twice_x2)                                                                \
    LM_RV_OP(add, e10, e1, twice_x2)                                                               \
    LM_RV_OP(add, e11, e2, twice_x2) LM_RV_OP(add, e12, e3, twice_x2)

/* From the last of these runs, the pairs b1 b2, b3 b4 ... b25 b26 of the run before: x3 less, and a
 * third weight more or less; the first four are where the pairs of the third weight's 0 were. */
#define LM_RV_TRIT_ODD                                                                             \
    LM_RV_OP(add, e9, e5, up)                                                                      \
    LM_RV_OP(add, e10, e6, up)                                                                     \
    LM_RV_OP(add, e11, e7, up)                                                                     \
    LM_RV_OP(add, e12, e8, up)                                                                     \
    LM_RV_OP_4(sub, e5, e6, e7, e8, down, down, down, down)                                        \
    LM_RV_OP_4(add, e0, e1, e2, e3, up, up, up, up) LM_RV_OP(add, e4, e4, up)

/* 236 of the 243 sums for x (5, each twice in a word) to t; e0, e1, e4: the pairs b0 b1, b2 b3 and
 * b8 b9. From one to the next of either kind the upper weights grow by (2, 0) or (-1, 1). */
LM_INLINE void lm_trit_runs_rv32(int16_t *t, uint32_t e0, uint32_t e1, uint32_t e4,
                                 const uint32_t *x)
{
    uint32_t e2, e3, e5, e6, e7, e8, e9, e10, e11, e12;
    __asm__ volatile(LM_RV_TRIT_PAIRS LM_RV_EVEN(0) LM_RV_OP_13(add, two) LM_RV_EVEN(108)
                         LM_RV_OP_13(add, one) LM_RV_EVEN(216) LM_RV_OP_13(add, one) LM_RV_EVEN(324)
                             LM_RV_OP_13(add, two) LM_RV_EVEN(432) LM_RV_TRIT_ODD LM_RV_ODD(380)
                                 LM_RV_OP_13(sub, one) LM_RV_ODD(272) LM_RV_OP_13(sub, two)
                                     LM_RV_ODD(164) LM_RV_OP_13(sub, one) LM_RV_ODD(56)
                     : [e0] "+r"(e0), [e1] "+r"(e1), [e2] "=&r"(e2), [e3] "=&r"(e3), [e4] "+r"(e4),
                       [e5] "=&r"(e5), [e6] "=&r"(e6), [e7] "=&r"(e7), [e8] "=&r"(e8),
                       [e9] "=&r"(e9), [e10] "=&r"(e10), [e11] "=&r"(e11), [e12] "=&r"(e12)
                     : [t] "r"(t), [x0] "r"(x[0]), [x1] "r"(x[1]), [x2] "r"(x[2]),
                       [twice_x2] "r"(2 * x[2]), [up] "r"(x[2] - x[3]), [down] "r"(x[2] + x[3]),
                       [two] "r"(2 * x[3]), [one] "r"(x[4] - x[3])
                     : "memory");
}

/* The words between two runs, b26 of the one and b0 of the other. */
LM_INLINE void lm_trit_seams_rv32(int16_t *t, uint32_t seam, uint32_t x3, uint32_t x4)
{
    const uint32_t two = 2 * x3, one = x4 - x3, add = two * LM_FIRST + one * LM_SECOND;
    lm_store_pair(t + 26, seam);
    lm_store_pair(t + 80, seam + add);
    seam += (two + one) * LM_TWICE(1);
    lm_store_pair(t + 134, seam);
    seam += one * LM_TWICE(1);
    lm_store_pair(t + 188, seam);
    lm_store_pair(t + 242, seam + two * LM_TWICE(1));
}

/* As lm_table_trit, to the bit in all that is looked up. A factor in a register repeats a number in
 * both halves of a word. */
LM_FUNCTION int32_t lm_table_trit_rv32(const int8_t *x, int16_t *table, int32_t cols)
{
    uint32_t twice = LM_TWICE(1), sum = 0;
    LM_HIDE(twice);
    for (int32_t c = 0; c < cols; c += 5) {
        int8_t tail[5];
        const int8_t *in = lm_inputs(x, c, 5, cols, tail);
        const uint32_t x0 = (uint32_t)in[0], x1 = (uint32_t)in[1], x2 = (uint32_t)in[2];
        const uint32_t x3 = (uint32_t)in[3], x4 = (uint32_t)in[4];
        const uint32_t v[5] = {x0 * twice, x1 * twice, x2 * twice, x3 * twice, x4 * twice};
        const uint32_t all = x0 + x1 + x2 + x3 + x4, b0 = LM_BIAS - all, both = b0 * twice;
        const uint32_t b2 = both + 2 * x0 * LM_FIRST, b8 = b2 + 2 * x1 * LM_FIRST;
        lm_trit_runs_rv32(table, both + x0 * LM_SECOND, b2 + x1 * LM_SECOND, b8 + x2 * LM_SECOND,
                          v);
        lm_trit_seams_rv32(table, b8 + 2 * x2 * LM_FIRST + x3 * LM_SECOND, x3, x4);
        sum += all;
        table += 256;
    }
    return (int32_t)sum;
}

LM_FUNCTION void lm_ternary_rows_rv32(const uint8_t *codes, const uint8_t *scales,
                                      const int16_t *table, int32_t *y, int32_t rows,
                                      int32_t groups, int32_t pre, int32_t stride, int32_t part)
{
    const lm_book book = {0, 1, 0, 0, 0, 0, 0};
    lm_planes_rows_rv32(codes, scales, table, &book, y, rows, 0, groups, pre, stride, part);
}

/* As lm_ternary_byte_part. */
LM_INLINE void lm_ternary_byte_rv32_part(const uint8_t *codes, const uint8_t *rows_data,
                                         const int16_t *table, int32_t *y, int32_t rows,
                                         int32_t cols, int32_t pre, int32_t stride, int32_t part)
{
    if (LM_RV_UNROLLED) {
        lm_ternary_rows_rv32(codes, rows_data + LM_BOOK_BYTES, table, y, rows, (cols + 4) / 5, pre,
                             stride, part);
        return;
    }
    for (int32_t r = 0; r < rows; r += 8) {
        int32_t s[8];
        lm_lanes_byte_rv32(codes, table, (cols + 4) / 5, s);
        lm_scale_rows(s, rows_data + LM_BOOK_BYTES + r, y + r, pre, part);
        codes += stride;
    }
}

LM_INLINE void lm_ternary_byte_rv32(const uint8_t *codes, const uint8_t *rows_data,
                                    const int16_t *table, int32_t *y, int32_t rows, int32_t cols,
                                    int32_t pre, int32_t stride)
{
    lm_ternary_byte_rv32_part(codes, rows_data, table, y, rows, cols, pre, stride, LM_PART_WHOLE);
}

#endif
