/* lm_ternary.h for RV32IM[C]. Needs lm_ternary.h and lm_planes_rv32.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_TERNARY_RV32_H
#define LM_TERNARY_RV32_H

/* 13 pairs to `at` bytes past t; the next 13, d more each. */
#define LM_RV_STORE_13(at)                                                                         \
    "sw %[e0],0+" #at "(%[t])\n\tsw %[e1],4+" #at "(%[t])\n\t"                                     \
    "sw %[e2],8+" #at "(%[t])\n\tsw %[e3],12+" #at "(%[t])\n\t"                                    \
    "sw %[e4],16+" #at "(%[t])\n\tsw %[e5],20+" #at "(%[t])\n\t"                                   \
    "sw %[e6],24+" #at "(%[t])\n\tsw %[e7],28+" #at "(%[t])\n\t"                                   \
    "sw %[e8],32+" #at "(%[t])\n\tsw %[e9],36+" #at "(%[t])\n\t"                                   \
    "sw %[e10],40+" #at "(%[t])\n\tsw %[e11],44+" #at "(%[t])\n\t"                                 \
    "sw %[e12],48+" #at "(%[t])\n\t"
#define LM_RV_ADD_13(d, at)                                                                        \
    "add %[e0],%[e0],%[" #d "]\n\tadd %[e1],%[e1],%[" #d "]\n\t"                                   \
    "add %[e2],%[e2],%[" #d "]\n\tadd %[e3],%[e3],%[" #d "]\n\t"                                   \
    "add %[e4],%[e4],%[" #d "]\n\tadd %[e5],%[e5],%[" #d "]\n\t"                                   \
    "add %[e6],%[e6],%[" #d "]\n\tadd %[e7],%[e7],%[" #d "]\n\t"                                   \
    "add %[e8],%[e8],%[" #d "]\n\tadd %[e9],%[e9],%[" #d "]\n\t"                                   \
    "add %[e10],%[e10],%[" #d "]\n\tadd %[e11],%[e11],%[" #d "]\n\t"                               \
    "add %[e12],%[e12],%[" #d "]\n\t" LM_RV_STORE_13(at)

#define LM_RV_13                                                                                   \
    [e0] "+r"(e0), [e1] "+r"(e1), [e2] "+r"(e2), [e3] "+r"(e3), [e4] "+r"(e4), [e5] "+r"(e5),      \
        [e6] "+r"(e6), [e7] "+r"(e7), [e8] "+r"(e8), [e9] "+r"(e9), [e10] "+r"(e10),               \
        [e11] "+r"(e11), [e12] "+r"(e12)

/* 13 pairs p -> 26 sums in every other run of 27: in 5 runs, those that begin at a word, or in the
 * 4 between them. From one to the next the upper weights grow by (2, 0) or (-1, 1). */
LM_INLINE void lm_trit_runs_rv32(int16_t *t, const uint32_t *p, uint32_t add, uint32_t up20,
                                 uint32_t up11, int32_t runs)
{
    uint32_t e0 = p[0] + add, e1 = p[1] + add, e2 = p[2] + add, e3 = p[3] + add, e4 = p[4] + add;
    uint32_t e5 = p[5] + add, e6 = p[6] + add, e7 = p[7] + add, e8 = p[8] + add, e9 = p[9] + add;
    uint32_t e10 = p[10] + add, e11 = p[11] + add, e12 = p[12] + add;
    if (runs == 5) {
        __asm__ volatile(LM_RV_STORE_13(0) LM_RV_ADD_13(a, 108) LM_RV_ADD_13(b, 216)
                             LM_RV_ADD_13(b, 324) LM_RV_ADD_13(a, 432)
                         : LM_RV_13
                         : [t] "r"(t), [a] "r"(up20), [b] "r"(up11)
                         : "memory");
    } else {
        __asm__ volatile(LM_RV_STORE_13(0) LM_RV_ADD_13(b, 108) LM_RV_ADD_13(a, 216)
                             LM_RV_ADD_13(b, 324)
                         : LM_RV_13
                         : [t] "r"(t), [a] "r"(up20), [b] "r"(up11)
                         : "memory");
    }
}

/* As lm_table_trit, to the bit in all that is looked up. */
LM_FUNCTION int32_t lm_table_trit_rv32(const int8_t *x, int16_t *table, int32_t cols)
{
    int32_t sum = 0;
    for (int32_t c = 0; c < cols; c += 5) {
        int8_t tail[5];
        const int8_t *in = lm_inputs(x, c, 5, cols, tail);
        const int32_t x3 = in[3], x4 = in[4];
        const uint32_t up20 = LM_TWICE(2 * x3), up11 = LM_TWICE(x4 - x3);
        lm_trits p;
        lm_trit_pairs(in, &p);
        lm_trit_runs_rv32(table, p.even, 0, up20, up11, 5);
        lm_trit_runs_rv32(table + 28, p.odd, LM_TWICE(x3), up20, up11, 4);
        uint32_t between = p.between + lm_pair(0, x3);
        lm_store_pair(table + 26, between);
        between += lm_pair(2 * x3, x4 - x3);
        lm_store_pair(table + 80, between);
        between += lm_pair(x4 - x3, 2 * x3);
        lm_store_pair(table + 134, between);
        between += up11;
        lm_store_pair(table + 188, between);
        between += up20;
        lm_store_pair(table + 242, between);
        sum += in[0] + in[1] + in[2] + x3 + x4;
        table += 256;
    }
    return sum;
}

/* As lm_ternary_byte_part. */
LM_INLINE void lm_ternary_byte_rv32_part(const uint8_t *codes, const uint8_t *rows_data,
                                         const int16_t *table, int32_t *y, int32_t rows,
                                         int32_t cols, int32_t pre, int32_t stride, int32_t part)
{
    const lm_book book = {0, 1, 0, 0, 0, 0, 0};
    if (LM_RV_UNROLLED) {
        lm_planes_1_rv32(codes, rows_data + LM_BOOK_BYTES, table, &book, y, rows, (cols + 4) / 5,
                         pre, stride, part);
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
