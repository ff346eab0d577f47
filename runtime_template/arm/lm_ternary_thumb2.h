/* lm_ternary.h for Thumb-2 cores without vectors. Needs lm_ternary.h and lm_planes_thumb2.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_TERNARY_THUMB2_H
#define LM_TERNARY_THUMB2_H

#define LM_T2_STORE_7 "stmia %[t], {r3, r4, r5, r6, r8, r9, r10}\n\t"
#define LM_T2_ADD_7(d)                                                                             \
    "add %[t], %[t], #108\n\tadd r3, r3, %[" #d "]\n\tadd r4, r4, %[" #d "]\n\t"                   \
    "add r5, r5, %[" #d "]\n\tadd r6, r6, %[" #d "]\n\tadd r8, r8, %[" #d "]\n\t"                  \
    "add r9, r9, %[" #d "]\n\tadd r10, r10, %[" #d "]\n\t" LM_T2_STORE_7

/* 7 pairs e, with `add` added to both, -> 14 sums in every other run of 27: in 5 runs, those that
 * begin at a word, or in the 4 between them. From one to the next the upper weights grow by (2, 0)
 * or (-1, 1). */
LM_INLINE void lm_trit_runs_thumb2(int16_t *table, const uint32_t *e, uint32_t add, uint32_t up20,
                                   uint32_t up11, int32_t runs)
{
    const uint32_t f0 = e[0] + add, f1 = e[1] + add, f2 = e[2] + add, f3 = e[3] + add;
    const uint32_t f4 = e[4] + add, f5 = e[5] + add, f6 = e[6] + add;
    register int16_t *t __asm__("r0") = table;
    register uint32_t a __asm__("r1") = up20;
    register uint32_t b __asm__("r2") = up11;
    register uint32_t e0 __asm__("r3") = f0;
    register uint32_t e1 __asm__("r4") = f1;
    register uint32_t e2 __asm__("r5") = f2;
    register uint32_t e3 __asm__("r6") = f3;
    register uint32_t e4 __asm__("r8") = f4;
    register uint32_t e5 __asm__("r9") = f5;
    register uint32_t e6 __asm__("r10") = f6;
    if (runs == 5) {
        __asm__ volatile(LM_T2_STORE_7 LM_T2_ADD_7(a) LM_T2_ADD_7(b) LM_T2_ADD_7(b) LM_T2_ADD_7(a)
                         : [t] "+r"(t), "+r"(e0), "+r"(e1), "+r"(e2), "+r"(e3), "+r"(e4), "+r"(e5),
                           "+r"(e6)
                         : [a] "r"(a), [b] "r"(b)
                         : "memory");
    } else {
        __asm__ volatile(LM_T2_STORE_7 LM_T2_ADD_7(b) LM_T2_ADD_7(a) LM_T2_ADD_7(b)
                         : [t] "+r"(t), "+r"(e0), "+r"(e1), "+r"(e2), "+r"(e3), "+r"(e4), "+r"(e5),
                           "+r"(e6)
                         : [a] "r"(a), [b] "r"(b)
                         : "memory");
    }
}

/* As lm_table_trit, to the bit in all that is looked up. Of 13 pairs the middle one is stored
 * twice. */
LM_INLINE int32_t lm_table_trit_thumb2(const int8_t *x, int16_t *table, int32_t cols)
{
    int32_t sum = 0;
    for (int32_t c = 0; c < cols; c += 5) {
        int8_t tail[5];
        const int8_t *in = lm_inputs(x, c, 5, cols, tail);
        const int32_t x3 = in[3], x4 = in[4];
        const uint32_t up20 = LM_TWICE(2 * x3), up11 = LM_TWICE(x4 - x3);
        lm_trits p;
        lm_trit_pairs(in, &p);
        lm_trit_runs_thumb2(table, p.even, 0, up20, up11, 5);
        lm_trit_runs_thumb2(table + 12, p.even + 6, 0, up20, up11, 5);
        lm_trit_runs_thumb2(table + 28, p.odd, LM_TWICE(x3), up20, up11, 4);
        lm_trit_runs_thumb2(table + 40, p.odd + 6, LM_TWICE(x3), up20, up11, 4);
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
LM_INLINE void lm_ternary_byte_thumb2_part(const uint8_t *codes, const uint8_t *rows_data,
                                           const int16_t *table, int32_t *y, int32_t rows,
                                           int32_t cols, int32_t pre, int32_t stride, int32_t part)
{
    const int32_t groups = (cols + 4) / 5;
    for (int32_t r = 0; r < rows; r += 8) {
        int32_t s[8];
        lm_lanes_byte_thumb2(codes, table, groups, s);
        lm_unbias_sums(s, groups);
        lm_scale_rows(s, rows_data + LM_BOOK_BYTES + r, y + r, pre, part);
        codes += stride;
    }
}

LM_INLINE void lm_ternary_byte_thumb2(const uint8_t *codes, const uint8_t *rows_data,
                                      const int16_t *table, int32_t *y, int32_t rows, int32_t cols,
                                      int32_t pre, int32_t stride)
{
    lm_ternary_byte_thumb2_part(codes, rows_data, table, y, rows, cols, pre, stride, LM_PART_WHOLE);
}

#endif
