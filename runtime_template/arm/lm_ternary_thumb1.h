/* lm_ternary.h for ARMv6-M. Needs lm_ternary.h and lm_planes_thumb1.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_TERNARY_THUMB1_H
#define LM_TERNARY_THUMB1_H

/* The next 4 or 5 of 13 pairs, from p to r3..r6 or r7, and where in a table they begin. */
#define LM_T1_LOAD(words, at)                                                                      \
    "mov r0, %[p]\n\tldmia r0!, {" words "}\n\tmov %[p], r0\n\tmov r0, %[t]\n\tadds r0, #" at "\n" \
                                                                                              "\t"
#define LM_T1_FOUR "r3, r4, r5, r6"
#define LM_T1_FIVE LM_T1_FOUR ", r7"

/* They are stored in every other run of 27 sums, 108 bytes on: from one to the next the upper
 * weights grow by (2, 0), %[a], or (-1, 1), %[b]. Odd runs begin where x[3] is added. */
#define LM_T1_GROW_4(d) "adds r3, " d "\n\tadds r4, " d "\n\tadds r5, " d "\n\tadds r6, " d "\n\t"
#define LM_T1_RUN_4(d) LM_T1_GROW_4(d) "adds r0, #92\n\tstmia r0!, {" LM_T1_FOUR "}\n\t"
#define LM_T1_RUN_5(d)                                                                             \
    LM_T1_GROW_4(d) "adds r7, " d "\n\tadds r0, #88\n\tstmia r0!, {" LM_T1_FIVE "}\n\t"
#define LM_T1_EVEN(words, at, run)                                                                 \
    LM_T1_LOAD(words, at) "stmia r0!, {" words "}\n\t" run("r1") run("r2") run("r2") run("r1")
#define LM_T1_START_4                                                                              \
    "add r3, %[first]\n\tadd r4, %[first]\n\tadd r5, %[first]\n\tadd r6, %[first]\n\t"
#define LM_T1_ODD(words, at, start, run)                                                           \
    LM_T1_LOAD(words, at) start "stmia r0!, {" words "}\n\t" run("r2") run("r1") run("r2")

/* What leads from one run to the next but one, and the pairs of the runs 0 and, without x[3], 1 ->
 * all runs' pairs that are in one run; r7 waits on the stack. */
LM_INLINE void lm_trit_runs_thumb1(int16_t *table, const lm_trits *pairs, uint32_t x3,
                                   uint32_t up20, uint32_t up11)
{
    register const uint32_t *p __asm__("r12") = pairs->even;
    register int16_t *t __asm__("lr") = table;
    register uint32_t first __asm__("r8") = x3;
    register uint32_t a __asm__("r1") = up20;
    register uint32_t b __asm__("r2") = up11;
    __asm__ volatile(
        ".syntax unified\n\tpush {r7}\n\t" LM_T1_EVEN(LM_T1_FIVE, "0", LM_T1_RUN_5) LM_T1_EVEN(
            LM_T1_FOUR, "20", LM_T1_RUN_4)
            LM_T1_EVEN(LM_T1_FOUR, "36", LM_T1_RUN_4) "movs r0, #4\n\tadd %[p], r0\n\t" LM_T1_ODD(
                LM_T1_FIVE, "56", LM_T1_START_4 "add r7, %[first]\n\t", LM_T1_RUN_5)
                LM_T1_ODD(LM_T1_FOUR, "76", LM_T1_START_4, LM_T1_RUN_4)
                    LM_T1_ODD(LM_T1_FOUR, "92", LM_T1_START_4, LM_T1_RUN_4) "pop {r7}"
        : [p] "+r"(p)
        : [t] "r"(t), [first] "r"(first), "l"(a), "l"(b)
        : "r0", "r3", "r4", "r5", "r6", "cc", "memory");
}

/* As lm_table_trit, to the bit in all that is looked up. */
LM_FUNCTION int32_t lm_table_trit_thumb1(const int8_t *x, int16_t *table, int32_t cols)
{
    int32_t sum = 0;
    for (int32_t c = 0; c < cols; c += 5) {
        int8_t tail[5];
        const int8_t *in = lm_inputs(x, c, 5, cols, tail);
        const int32_t x3 = in[3], x4 = in[4];
        const uint32_t up11 = LM_TWICE(x4 - x3);
        lm_trits p;
        lm_trit_pairs(in, &p);
        lm_trit_runs_thumb1(table, &p, LM_TWICE(x3), LM_TWICE(2 * x3), up11);
        uint32_t between = p.between + lm_pair(0, x3);
        lm_store_pair(table + 26, between);
        between += lm_pair(2 * x3, x4 - x3);
        lm_store_pair(table + 80, between);
        between += lm_pair(x4 - x3, 2 * x3);
        lm_store_pair(table + 134, between);
        between += up11;
        lm_store_pair(table + 188, between);
        between += LM_TWICE(2 * x3);
        lm_store_pair(table + 242, between);
        sum += in[0] + in[1] + in[2] + x3 + x4;
        table += 256;
    }
    return sum;
}

/* As lm_ternary_byte_part. */
LM_INLINE void lm_ternary_byte_thumb1_part(const uint8_t *codes, const uint8_t *rows_data,
                                           const int16_t *table, int32_t *y, int32_t rows,
                                           int32_t cols, int32_t pre, int32_t stride, int32_t part)
{
    const int32_t groups = (cols + 4) / 5;
    for (int32_t r = 0; r < rows; r += 8) {
        int32_t s[8];
        lm_lanes_byte_thumb1(codes, table, groups, 8, s);
        lm_unbias_sums(s, groups);
        lm_scale_rows(s, rows_data + LM_BOOK_BYTES + r, y + r, pre, part);
        codes += stride;
    }
}

LM_INLINE void lm_ternary_byte_thumb1(const uint8_t *codes, const uint8_t *rows_data,
                                      const int16_t *table, int32_t *y, int32_t rows, int32_t cols,
                                      int32_t pre, int32_t stride)
{
    lm_ternary_byte_thumb1_part(codes, rows_data, table, y, rows, cols, pre, stride, LM_PART_WHOLE);
}

#endif
