/* lm_planes.h for Thumb-2 cores without vectors (Cortex-M3, M4, M7, M33): the same tables and sums
 * at the instruction floor, 3 per lookup. Registers r7 (frame pointer) and r13 stay untouched, so
 * it compiles at every optimisation level. Needs lm_planes.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PLANES_THUMB2_H
#define LM_PLANES_THUMB2_H

#define LM_T2_STORE "stmia %[t]!, {r4, r5, r6, r8, r9, r10, r11, r12}\n\t"
#define LM_T2_ADD(d)                                                                               \
    "add r4, r4, %[" #d "]\n\tadd r5, r5, %[" #d "]\n\tadd r6, r6, %[" #d "]\n\t"                  \
    "add r8, r8, %[" #d "]\n\tadd r9, r9, %[" #d "]\n\tadd r10, r10, %[" #d "]\n\t"                \
    "add r11, r11, %[" #d "]\n\tadd r12, r12, %[" #d "]\n\t" LM_T2_STORE
#define LM_T2_ADD_3 LM_T2_ADD(d0) LM_T2_ADD(d1) LM_T2_ADD(d0)

/* 16 times p and what follows from it by adding four more inputs; up: what leads from one time to
 * the next. Gives the last. Named registers are set last, from plain variables: a build without
 * optimization computes in any register. */
LM_INLINE lm_pairs lm_table_group_thumb2(void *table, lm_pairs p, uint32_t up0, uint32_t up1,
                                         uint32_t up2, uint32_t up3)
{
    register void *t __asm__("r0") = table;
    register uint32_t d0 __asm__("r1") = up0;
    register uint32_t d1 __asm__("r2") = up1;
    register uint32_t d2 __asm__("r3") = up2;
    register uint32_t d3 __asm__("lr") = up3;
    register uint32_t e0 __asm__("r4") = p.e0;
    register uint32_t e1 __asm__("r5") = p.e1;
    register uint32_t e2 __asm__("r6") = p.e2;
    register uint32_t e3 __asm__("r8") = p.e3;
    register uint32_t e4 __asm__("r9") = p.e4;
    register uint32_t e5 __asm__("r10") = p.e5;
    register uint32_t e6 __asm__("r11") = p.e6;
    register uint32_t e7 __asm__("r12") = p.e7;
    __asm__ volatile(LM_T2_STORE LM_T2_ADD_3 LM_T2_ADD(d2) LM_T2_ADD_3 LM_T2_ADD(d3)
                         LM_T2_ADD_3 LM_T2_ADD(d2) LM_T2_ADD_3
                     : [t] "+r"(t), "+r"(e0), "+r"(e1), "+r"(e2), "+r"(e3), "+r"(e4), "+r"(e5),
                       "+r"(e6), "+r"(e7)
                     : [d0] "r"(d0), [d1] "r"(d1), [d2] "r"(d2), [d3] "r"(d3)
                     : "memory");
    const lm_pairs last = {e0, e1, e2, e3, e4, e5, e6, e7};
    return last;
}

/* As lm_table_byte, to the bit; table (256 per 8 cols) on a 4-byte boundary. 16 sums stay in eight
 * registers and are stored by one instruction. */
LM_FUNCTION int32_t lm_table_byte_thumb2(const int8_t *x, int16_t *table, int32_t cols)
{
    uint32_t sum = 0;
    for (int32_t c = 0; c < cols; c += 8) {
        int8_t tail[8];
        const int8_t *in = lm_inputs(x, c, 8, cols, tail);
        const uint32_t x4 = LM_TWICE(in[4]), x5 = LM_TWICE(in[5]), x6 = LM_TWICE(in[6]);
        const lm_pairs last = lm_table_group_thumb2(
            table, lm_subsets(in), x4, x5 - x4, x6 - (x5 + x4), LM_TWICE(in[7]) - (x6 + (x5 + x4)));
        sum += (last.e7 >> 16) - LM_BIAS; /* the last entry is the sum of all eight */
        table += 256;
    }
    return (int32_t)sum;
}

/* One byte of codes to one lane sum: its first entry, or one more. */
#define LM_T2_FIRST(lane, at)                                                                      \
    "ldrb %[x], [%[w]" at "\n\tldrh %[" #lane "], [%[t], %[x], lsl #1]\n\t"
#define LM_T2_LOOK(lane, at)                                                                       \
    "ldrb %[x], [%[w]" at "\n\tldrh %[x], [%[t], %[x], lsl #1]\n\tadd %[" #lane "], %[x]\n\t"

/* A step of all lanes with one of these; the last moves on to the next step's codes. */
#define LM_T2_STEP(one)                                                                            \
    one(b, ", #1]") one(c, ", #2]") one(d, ", #3]") one(e, ", #4]") one(f, ", #5]")                \
        one(g, ", #6]") one(h, ", #7]") one(a, "], #8") "add %[t], #512\n\t"
#define LM_T2_LOOP                                                                                 \
    "cmp %[t], %[end]\n\tbeq 2f\n1:\n\t" LM_T2_STEP(LM_T2_LOOK)                                    \
        LM_T2_STEP(LM_T2_LOOK) "cmp %[t], %[end]\n\tbne 1b\n2:"
#define LM_T2_LANES                                                                                \
    [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [e] "=&r"(e), [f] "=&r"(f),            \
        [g] "=&r"(g), [h] "=&r"(h), [w] "+r"(w), [t] "+r"(t), [x] "=&r"(x)

/* As lm_lanes_byte with 8 lanes, but that the sums keep the bias of the table: they are LM_BIAS *
 * groups too high. */
LM_INLINE void lm_lanes_byte_thumb2(const uint8_t *codes, const int16_t *table, int32_t groups,
                                    int32_t *s)
{
    const int16_t *last = table + groups * 256;
    register const uint8_t *w __asm__("r0") = codes;
    register const int16_t *t __asm__("r1") = table;
    register const int16_t *end __asm__("r12") = last;
    register uint32_t x __asm__("r2");
    register int32_t a __asm__("r3");
    register int32_t b __asm__("r4");
    register int32_t c __asm__("r5");
    register int32_t d __asm__("r6");
    register int32_t e __asm__("r8");
    register int32_t f __asm__("r9");
    register int32_t g __asm__("r10");
    register int32_t h __asm__("r11");
    if ((groups & 1) != 0) {
        __asm__ volatile(LM_T2_STEP(LM_T2_FIRST) LM_T2_LOOP:LM_T2_LANES
                         : [end] "r"(end)
                         : "cc", "memory");
    } else {
        __asm__ volatile(LM_T2_STEP(LM_T2_FIRST) LM_T2_STEP(LM_T2_LOOK) LM_T2_LOOP:LM_T2_LANES
                         : [end] "r"(end)
                         : "cc", "memory");
    }
    s[0] = a;
    s[1] = b;
    s[2] = c;
    s[3] = d;
    s[4] = e;
    s[5] = f;
    s[6] = g;
    s[7] = h;
}

/* As lm_planes_byte_part. */
LM_INLINE void lm_planes_byte_thumb2_part(const uint8_t *codes, const uint8_t *rows_data,
                                          const int16_t *table, int32_t sum, int32_t *y,
                                          int32_t rows, int32_t cols, int32_t planes, int32_t pre,
                                          int32_t stride, int32_t part)
{
    const int32_t step = lm_plane_rows(planes), groups = (cols + 7) / 8;
    const int32_t whole = step * planes == 8 ? 1 : 0;
    lm_book book = lm_read_book(rows_data, sum);
    book = whole != 0 ? lm_unbias(book, groups, planes) : book;
    for (int32_t r = 0; r < rows; r += step) {
        int32_t s[8];
        if (whole != 0) {
            lm_lanes_byte_thumb2(codes, table, groups, s);
        } else {
            lm_lanes_byte(codes, table, groups, step * planes, s);
        }
        lm_combine_part(s, book, rows_data + LM_BOOK_BYTES + r, y + r, planes, pre, part);
        codes += stride;
    }
}

LM_INLINE void lm_planes_byte_thumb2(const uint8_t *codes, const uint8_t *rows_data,
                                     const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                     int32_t cols, int32_t planes, int32_t pre, int32_t stride)
{
    lm_planes_byte_thumb2_part(codes, rows_data, table, sum, y, rows, cols, planes, pre, stride,
                               LM_PART_WHOLE);
}

#endif
