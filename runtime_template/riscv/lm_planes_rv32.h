/* lm_planes.h for RV32IM[C]: the same tables and sums at the instruction floor of a core without
 * indexed loads, 5 per lookup (4 with Zba), 1 per table entry. No register is named, so it compiles
 * at every optimisation level. Needs lm_planes.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PLANES_RV32_H
#define LM_PLANES_RV32_H

/* One instruction on named operands; what it loads or stores is `at` bytes past a register. */
#define LM_RV_OP(op, to, a, b) #op " %[" #to "],%[" #a "],%[" #b "]\n\t"
#define LM_RV_AT(op, value, at, base) #op " %[" #value "]," #at "(%[" #base "])\n\t"
#define LM_RV_SLLI(to, by) "slli %[" #to "],%[" #to "]," #by "\n\t"

/* op on each of four pairs. */
#define LM_RV_OP_4(op, a, b, c, d, i, j, k, l)                                                     \
    LM_RV_OP(op, a, a, i)                                                                          \
    LM_RV_OP(op, b, b, j) LM_RV_OP(op, c, c, k) LM_RV_OP(op, d, d, l)

/* 16 sums to `at` bytes past t; the next 16, d more or less each. */
#define LM_RV_STORE(at)                                                                            \
    LM_RV_AT(sw, e0, at + 0, t)                                                                    \
    LM_RV_AT(sw, e1, at + 4, t)                                                                    \
    LM_RV_AT(sw, e2, at + 8, t)                                                                    \
    LM_RV_AT(sw, e3, at + 12, t)                                                                   \
    LM_RV_AT(sw, e4, at + 16, t)                                                                   \
    LM_RV_AT(sw, e5, at + 20, t)                                                                   \
    LM_RV_AT(sw, e6, at + 24, t) LM_RV_AT(sw, e7, at + 28, t)
#define LM_RV_NEXT(op, d, at)                                                                      \
    LM_RV_OP_4(op, e0, e1, e2, e3, d, d, d, d)                                                     \
    LM_RV_OP_4(op, e4, e5, e6, e7, d, d, d, d) LM_RV_STORE(at)

/* 8 times p and what follows from it by adding three more inputs; d: what leads from one time to
 * the next. Gives the last. GCC's own code computes each pair from the first eight and
 * runs out of registers. */
LM_INLINE lm_pairs lm_half_table_rv32(void *t, lm_pairs p, uint32_t d0, uint32_t d1, uint32_t d2)
{
    __asm__ volatile(LM_RV_STORE(0) LM_RV_NEXT(add, d0, 32) LM_RV_NEXT(add, d1, 64)
                         LM_RV_NEXT(add, d0, 96) LM_RV_NEXT(add, d2, 128) LM_RV_NEXT(add, d0, 160)
                             LM_RV_NEXT(add, d1, 192) LM_RV_NEXT(add, d0, 224)
                     : [e0] "+r"(p.e0), [e1] "+r"(p.e1), [e2] "+r"(p.e2), [e3] "+r"(p.e3),
                       [e4] "+r"(p.e4), [e5] "+r"(p.e5), [e6] "+r"(p.e6), [e7] "+r"(p.e7)
                     : [t] "r"(t), [d0] "r"(d0), [d1] "r"(d1), [d2] "r"(d2)
                     : "memory");
    return p;
}

/* The upper four inputs in Gray code's order, where one comes or goes from 16 sums to the next, so
 * that its number needs no preparation: a quarter each without x6 and x7, with x6, both, x7. The
 * third begins with all four: its last sum is that of all eight inputs. */
#define LM_RV_QUARTER_0                                                                            \
    LM_RV_STORE(0) LM_RV_NEXT(add, x4, 32) LM_RV_NEXT(add, x5, 96) LM_RV_NEXT(sub, x4, 64)
#define LM_RV_QUARTER_1                                                                            \
    LM_RV_NEXT(add, x6, 192)                                                                       \
    LM_RV_NEXT(sub, x5, 128) LM_RV_NEXT(add, x4, 160) LM_RV_NEXT(add, x5, 224)
#define LM_RV_QUARTER_2                                                                            \
    LM_RV_NEXT(add, x7, 480)                                                                       \
    "srli %[sum],%[e7],16\n\t" LM_RV_NEXT(sub, x5, 416) LM_RV_NEXT(sub, x4, 384)                   \
        LM_RV_NEXT(add, x5, 448)
#define LM_RV_QUARTER_3                                                                            \
    LM_RV_NEXT(sub, x6, 320)                                                                       \
    LM_RV_NEXT(add, x4, 352) LM_RV_NEXT(sub, x5, 288) LM_RV_NEXT(sub, x4, 256)

/* The 256 sums for x (8), each twice in a word, of which e0 has the first in its upper half; gives
 * the biased sum of all eight. */
LM_INLINE uint32_t lm_gray_table_rv32(void *t, uint32_t e0, const uint32_t *x)
{
    uint32_t e1, e2, e3, e4, e5, e6, e7, sum;
    __asm__ volatile(
        LM_RV_OP(add, e1, e0, x1) LM_RV_OP(add, e2, e0, x2) LM_RV_OP(add, e3, e1, x2)
            LM_RV_OP(add, e4, e0, x3) LM_RV_OP(add, e5, e1, x3) LM_RV_OP(add, e6, e2, x3)
                LM_RV_OP(add, e7, e3, x3)
                    LM_RV_QUARTER_0 LM_RV_QUARTER_1 LM_RV_QUARTER_2 LM_RV_QUARTER_3
        : [e0] "+r"(e0), [e1] "=&r"(e1), [e2] "=&r"(e2), [e3] "=&r"(e3), [e4] "=&r"(e4),
          [e5] "=&r"(e5), [e6] "=&r"(e6), [e7] "=&r"(e7), [sum] "=&r"(sum)
        : [t] "r"(t), [x1] "r"(x[1]), [x2] "r"(x[2]), [x3] "r"(x[3]), [x4] "r"(x[4]),
          [x5] "r"(x[5]), [x6] "r"(x[6]), [x7] "r"(x[7])
        : "memory");
    return sum;
}

/* As lm_table_byte, to the bit; table (256 per 8 cols) on a 4-byte boundary. A factor in a register
 * repeats a number in both halves at once. */
LM_FUNCTION int32_t lm_table_byte_rv32(const int8_t *x, int16_t *table, int32_t cols)
{
    const int8_t *end = x + (cols & ~7);
    uint32_t sum = 0U - LM_BIAS * ((uint32_t)(cols + 7) / 8U);
    uint32_t twice = LM_TWICE(1), bias = LM_TWICE(LM_BIAS);
    int8_t tail[8];
    LM_HIDE(twice);
    LM_HIDE(bias);
    for (int32_t left = cols & 7;; left = 0) {
        for (; x != end; x += 8) {
            const uint32_t x1 = (uint32_t)x[1], x2 = (uint32_t)x[2], x3 = (uint32_t)x[3];
            const uint32_t x4 = (uint32_t)x[4], x5 = (uint32_t)x[5], x6 = (uint32_t)x[6];
            const uint32_t x7 = (uint32_t)x[7];
            const uint32_t v[8] = {0,          x1 * twice, x2 * twice, x3 * twice,
                                   x4 * twice, x5 * twice, x6 * twice, x7 * twice};
            sum += lm_gray_table_rv32(table, bias + (uint32_t)x[0] * LM_SECOND, v);
            table += 256;
        }
        if (left == 0) {
            return (int32_t)sum;
        }
        (void)lm_inputs(x, 0, 8, left, tail);
        x = tail;
        end = tail + 8;
    }
}

/* Indexes to where their entries of 2^shift bytes are in a table: two instructions each, one where
 * there is Zba. */
#ifdef __riscv_zba
#define LM_RV_SCALED_4(i, j, k, l, table, shift)                                                   \
    LM_RV_OP(sh##shift##add, i, i, table)                                                          \
    LM_RV_OP(sh##shift##add, j, j, table)                                                          \
    LM_RV_OP(sh##shift##add, k, k, table) LM_RV_OP(sh##shift##add, l, l, table)
#else
#define LM_RV_SCALED_4(i, j, k, l, table, shift)                                                   \
    LM_RV_SLLI(i, shift)                                                                           \
    LM_RV_SLLI(j, shift)                                                                           \
    LM_RV_SLLI(k, shift)                                                                           \
    LM_RV_SLLI(l, shift) LM_RV_OP_4(add, i, j, k, l, table, table, table, table)
#endif

/* Four bytes of codes, `at` past w, to where their entries are; the entries. */
#define LM_RV_INDEX_4(i, j, k, l, table, shift, at)                                                \
    LM_RV_AT(lbu, i, at + 0, w)                                                                    \
    LM_RV_AT(lbu, j, at + 1, w)                                                                    \
    LM_RV_AT(lbu, k, at + 2, w)                                                                    \
    LM_RV_AT(lbu, l, at + 3, w) LM_RV_SCALED_4(i, j, k, l, table, shift)
#define LM_RV_LOAD_4(i, j, k, l, load, step)                                                       \
    LM_RV_AT(load, i, step, i)                                                                     \
    LM_RV_AT(load, j, step, j) LM_RV_AT(load, k, step, k) LM_RV_AT(load, l, step, l)

/* Four bytes of codes to four lane sums, through the table of `load`s `step` past a register. Four
 * at a time, so that no load is followed by what waits for it. */
#define LM_RV_LOOK_4(a, b, c, d, table, load, shift, at, step)                                     \
    LM_RV_INDEX_4(i, j, k, l, table, shift, at)                                                    \
    LM_RV_LOAD_4(i, j, k, l, load, step) LM_RV_OP_4(add, a, b, c, d, i, j, k, l)
#define LM_RV_LOOK_8(table, load, shift, at, step)                                                 \
    LM_RV_LOOK_4(s0, s1, s2, s3, table, load, shift, at, step)                                     \
    LM_RV_LOOK_4(s4, s5, s6, s7, table, load, shift, at + 4, step)

/* `looks`, as many as `steps` of 2^shift * 256 bytes, again and again until t is at `end`. */
#define LM_RV_LOOP(looks, steps, shift)                                                            \
    __asm__ volatile("1:\n\t" looks "addi %[w],%[w],8*" #steps "\n\tadd %[t],%[t],%[bytes]\n\t"    \
                     "bne %[t],%[end],1b"                                                          \
                     : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [s4] "+r"(s4),  \
                       [s5] "+r"(s5), [s6] "+r"(s6), [s7] "+r"(s7), [w] "+r"(w), [t] "+r"(t),      \
                       [i] "=&r"(i), [j] "=&r"(j), [k] "=&r"(k), [l] "=&r"(l)                      \
                     : [end] "r"(end), [bytes] "r"((steps)*256 << (shift))                         \
                     : "memory")

/* As lm_lanes_byte with 8 lanes: first what four does not divide, then four steps a round. */
LM_INLINE void lm_lanes_byte_rv32(const uint8_t *w, const int16_t *t, int32_t groups, int32_t *s)
{
    int32_t s0 = -LM_BIAS * groups, s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
    uint32_t i, j, k, l;
    const int16_t *end = t + groups % 4 * 256;
    if (t != end) {
        LM_RV_LOOP(LM_RV_LOOK_8(t, lhu, 1, 0, 0), 1, 1);
    }
    end = t + groups / 4 * 1024;
    if (t != end) {
        LM_RV_LOOP(LM_RV_LOOK_8(t, lhu, 1, 0, 0) LM_RV_LOOK_8(t, lhu, 1, 8, 512)
                       LM_RV_LOOK_8(t, lhu, 1, 16, 1024) LM_RV_LOOK_8(t, lhu, 1, 24, 1536),
                   4, 1);
    }
    s[0] = s0;
    s[1] = s1;
    s[2] = s2;
    s[3] = s3;
    s[4] = s4;
    s[5] = s5;
    s[6] = s6;
    s[7] = s7;
}

/* 32 steps in a row take 3.5 KiB of code; where size counts, the loops above do, and where without
 * compressed instructions a branch does not reach over them. */
#if defined(__OPTIMIZE_SIZE__) || !defined(__riscv_compressed)
#define LM_RV_UNROLLED 0
#else
#define LM_RV_UNROLLED 1
#endif

/* The steps that the offsets of one load reach from t, the last one first: it needs no addition. A
 * label before each of the others, so that a jump leaves out as many as there are too many. */
#define LM_RV_FIRST(t, at, step)                                                                   \
    LM_RV_INDEX_4(s0, s1, s2, s3, t, 1, at)                                                        \
    LM_RV_LOAD_4(s0, s1, s2, s3, lhu, step)                                                        \
    LM_RV_INDEX_4(s4, s5, s6, s7, t, 1, at + 4) LM_RV_LOAD_4(s4, s5, s6, s7, lhu, step)
#define LM_RV_STEP(label, t, at, step) #label ":\n\t" LM_RV_LOOK_8(t, lhu, 1, at, step)
#define LM_RV_STEPS_7(n, t, at)                                                                    \
    LM_RV_STEP(n##0, t, at, -2048)                                                                 \
    LM_RV_STEP(n##1, t, at + 8, -1536)                                                             \
    LM_RV_STEP(n##2, t, at + 16, -1024)                                                            \
    LM_RV_STEP(n##3, t, at + 24, -512)                                                             \
    LM_RV_STEP(n##4, t, at + 32, 0)                                                                \
    LM_RV_STEP(n##5, t, at + 40, 512) LM_RV_STEP(n##6, t, at + 48, 1024)
#define LM_RV_STEPS_8(n, t, at) LM_RV_STEPS_7(n, t, at) LM_RV_STEP(n##7, t, at + 56, 1536)
#define LM_RV_STEPS_31                                                                             \
    LM_RV_STEPS_8(1, t0, 0)                                                                        \
    LM_RV_STEPS_8(2, t1, 64) LM_RV_STEPS_8(3, t2, 128) LM_RV_STEPS_7(4, t3, 192)

/* Where to enter for 0, 1 ... 31 steps, seen from label 9. */
#define LM_RV_ENTRY(label) ".4byte " #label "f-9b\n\t"
#define LM_RV_ENTRIES_8(n)                                                                         \
    LM_RV_ENTRY(n##7)                                                                              \
    LM_RV_ENTRY(n##6)                                                                              \
    LM_RV_ENTRY(n##5)                                                                              \
    LM_RV_ENTRY(n##4) LM_RV_ENTRY(n##3) LM_RV_ENTRY(n##2) LM_RV_ENTRY(n##1) LM_RV_ENTRY(n##0)
#define LM_RV_ENTRIES                                                                              \
    ".balign 4\n9:\t" LM_RV_ENTRIES_8(4) LM_RV_ENTRIES_8(3) LM_RV_ENTRIES_8(2) LM_RV_ENTRIES_8(1)

/* To four rows' sums what is in y; shift and scale them; keep them in y. */
#define LM_RV_MORE_4(a, b, c, d, at)                                                               \
    LM_RV_AT(lw, i, at + 0, y)                                                                     \
    LM_RV_AT(lw, j, at + 4, y)                                                                     \
    LM_RV_AT(lw, k, at + 8, y)                                                                     \
    LM_RV_AT(lw, l, at + 12, y) LM_RV_OP_4(add, a, b, c, d, i, j, k, l)
#define LM_RV_SCALE_4(a, b, c, d, at)                                                              \
    LM_RV_AT(lbu, i, at + 0, scales)                                                               \
    LM_RV_AT(lbu, j, at + 1, scales)                                                               \
    LM_RV_AT(lbu, k, at + 2, scales)                                                               \
    LM_RV_AT(lbu, l, at + 3, scales)                                                               \
    LM_RV_OP_4(sra, a, b, c, d, pre, pre, pre, pre) LM_RV_OP_4(mul, a, b, c, d, i, j, k, l)
#define LM_RV_KEEP_4(a, b, c, d, at)                                                               \
    LM_RV_AT(sw, a, at + 0, y)                                                                     \
    LM_RV_AT(sw, b, at + 4, y) LM_RV_AT(sw, c, at + 8, y) LM_RV_AT(sw, d, at + 12, y)

/* 2 planes: the lanes are 4 rows. */
#define LM_RV_SUMS_2                                                                               \
    LM_RV_OP_4(mul, s0, s2, s4, s6, c0, c0, c0, c0)                                                \
    LM_RV_OP_4(mul, s1, s3, s5, s7, c1, c1, c1, c1)                                                \
    LM_RV_OP_4(add, s0, s2, s4, s6, s1, s3, s5, s7)                                                \
    LM_RV_OP_4(add, s0, s2, s4, s6, zero, zero, zero, zero)
#define LM_RV_MORE_2 LM_RV_MORE_4(s0, s2, s4, s6, 0)
#define LM_RV_SCALE_2 LM_RV_SCALE_4(s0, s2, s4, s6, 0)
#define LM_RV_KEEP_2 LM_RV_KEEP_4(s0, s2, s4, s6, 0)

/* 1 plane: the lanes are 8 rows; 0: without a factor. */
#define LM_RV_SUMS_1                                                                               \
    LM_RV_OP_4(mul, s0, s1, s2, s3, c0, c0, c0, c0)                                                \
    LM_RV_OP_4(mul, s4, s5, s6, s7, c0, c0, c0, c0) LM_RV_SUMS_0
#define LM_RV_SUMS_0                                                                               \
    LM_RV_OP_4(add, s0, s1, s2, s3, zero, zero, zero, zero)                                        \
    LM_RV_OP_4(add, s4, s5, s6, s7, zero, zero, zero, zero)
#define LM_RV_MORE_1 LM_RV_MORE_4(s0, s1, s2, s3, 0) LM_RV_MORE_4(s4, s5, s6, s7, 16)
#define LM_RV_SCALE_1 LM_RV_SCALE_4(s0, s1, s2, s3, 0) LM_RV_SCALE_4(s4, s5, s6, s7, 4)
#define LM_RV_KEEP_1 LM_RV_KEEP_4(s0, s1, s2, s3, 0) LM_RV_KEEP_4(s4, s5, s6, s7, 16)

/* Blocks of `rows` rows until y is at `end`. Bits 31, 30 and 29 of `pre`, which a shift does not
 * look at: not all columns, not the first, the last. */
#define LM_RV_BLOCKS(planes, combine, rows)                                                        \
    __asm__ volatile(                                                                              \
        "lla %[i],9f\n\tadd %[entry],%[entry],%[i]\n\tlw %[entry],0(%[entry])\n\t"                 \
        "add %[entry],%[entry],%[i]\n\tj 1f\n\t" LM_RV_ENTRIES                                     \
        "1:\n\t" LM_RV_FIRST(t3, 248, 1536) "jr %[entry]\n" LM_RV_STEPS_31                         \
                                            "47:\n\t" LM_RV_SUMS_##planes                          \
        "bltz %[pre],4f\n2:\n\t" LM_RV_SCALE_##combine "3:\n\t" LM_RV_KEEP_##combine               \
        "addi %[y],%[y],4*" #rows "\n\t"                                                           \
        "addi %[scales],%[scales]," #rows "\n\tadd %[w],%[w],%[stride]\n\t"                        \
        "bne %[y],%[end],1b\n\tj 6f\n"                                                             \
        "4:\tslli %[i],%[pre],1\n\tbgez %[i],5f\n\t" LM_RV_MORE_##combine                          \
        "5:\tslli %[i],%[pre],2\n\tbltz %[i],2b\n\tj 3b\n6:"                                       \
        : [s0] "=&r"(s0), [s1] "=&r"(s1), [s2] "=&r"(s2), [s3] "=&r"(s3), [s4] "=&r"(s4),          \
          [s5] "=&r"(s5), [s6] "=&r"(s6), [s7] "=&r"(s7), [i] "=&r"(i), [j] "=&r"(j),              \
          [k] "=&r"(k), [l] "=&r"(l), [w] "+r"(w), [entry] "+r"(entry), [y] "+r"(y),               \
          [scales] "+r"(scales)                                                                    \
        : [t0] "r"(t), [t1] "r"(t + 4096), [t2] "r"(t + 8192), [t3] "r"(t + 12288), [c0] "r"(c0),  \
          [c1] "r"(c1), [zero] "r"(zero), [pre] "r"(pre), [end] "r"(end), [stride] "r"(stride)     \
        : "memory")

/* At most 32 steps of a matrix of 2 planes, of 1: y = ((zero + c0 s + c1 s) >> pre) * scale; of 0
 * planes, of lanes that are rows: y = ((zero + s) >> pre) * scale. */
LM_INLINE void lm_blocks_rv32(const uint8_t *codes, const uint8_t *scales, const int16_t *table,
                              uint32_t c0, uint32_t c1, uint32_t zero, int32_t *y, int32_t rows,
                              int32_t planes, int32_t groups, uint32_t pre, int32_t stride)
{
    /* what is left out lies before the first step */
    uintptr_t w = (uintptr_t)codes + (uintptr_t)(8 * groups) - 256U;
    const uintptr_t t = (uintptr_t)table + (uintptr_t)(512 * groups) - 16384U + 2048U;
    uint32_t entry = 4U * (uint32_t)(groups - 1);
    uint32_t s0, s1, s2, s3, s4, s5, s6, s7, i, j, k, l;
    if (planes == 2) {
        const int32_t *end = y + ((rows + 3) & ~3);
        LM_RV_BLOCKS(2, 2, 4);
    } else if (planes == 1) {
        const int32_t *end = y + ((rows + 7) & ~7);
        LM_RV_BLOCKS(1, 1, 8);
    } else {
        const int32_t *end = y + ((rows + 7) & ~7);
        LM_RV_BLOCKS(0, 1, 8);
    }
}

/* All steps, 32 at a time; where that is not all of them y holds the sums in between. */
LM_INLINE void lm_planes_rows_rv32(const uint8_t *codes, const uint8_t *scales,
                                   const int16_t *table, const lm_book *book, int32_t *y,
                                   int32_t rows, int32_t planes, int32_t groups, int32_t pre,
                                   int32_t stride, int32_t part)
{
    const uint32_t c0 = (uint32_t)book->c0, c1 = planes == 2 ? (uint32_t)book->c1 : 0U;
    uint32_t zero = (uint32_t)book->zero;
    for (int32_t g = 0; g < groups; g += 32) {
        const int32_t left = groups - g, n = left < 32 ? left : 32;
        const int32_t next = g > 0 || (part & LM_PART_FIRST) == 0;
        const int32_t last = left <= 32 && (part & LM_PART_LAST) != 0;
        const uint32_t flags = (next || !last ? 0x80000000U : 0U) | (next ? 0x40000000U : 0U) |
                               (last ? 0x20000000U : 0U);
        zero -= LM_BIAS * (uint32_t)n * (c0 + c1);
        lm_blocks_rv32(codes + 8 * g, scales, table + 256 * g, c0, c1, zero, y, rows, planes, n,
                       (uint32_t)pre | flags, stride);
        zero = 0;
    }
}

LM_FUNCTION void lm_planes_2_rv32(const uint8_t *codes, const uint8_t *scales, const int16_t *table,
                                  const lm_book *book, int32_t *y, int32_t rows, int32_t groups,
                                  int32_t pre, int32_t stride, int32_t part)
{
    lm_planes_rows_rv32(codes, scales, table, book, y, rows, 2, groups, pre, stride, part);
}

LM_FUNCTION void lm_planes_1_rv32(const uint8_t *codes, const uint8_t *scales, const int16_t *table,
                                  const lm_book *book, int32_t *y, int32_t rows, int32_t groups,
                                  int32_t pre, int32_t stride, int32_t part)
{
    lm_planes_rows_rv32(codes, scales, table, book, y, rows, 1, groups, pre, stride, part);
}

/* As lm_planes_byte_part. */
LM_INLINE void lm_planes_byte_rv32_part(const uint8_t *codes, const uint8_t *rows_data,
                                        const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                        int32_t cols, int32_t planes, int32_t pre, int32_t stride,
                                        int32_t part)
{
    const int32_t step = lm_plane_rows(planes);
    const lm_book book = lm_read_book(rows_data, sum);
    if (LM_RV_UNROLLED && planes <= 2) {
        const uint8_t *scales = rows_data + LM_BOOK_BYTES;
        if (planes == 2) {
            lm_planes_2_rv32(codes, scales, table, &book, y, rows, (cols + 7) / 8, pre, stride,
                             part);
        } else {
            lm_planes_1_rv32(codes, scales, table, &book, y, rows, (cols + 7) / 8, pre, stride,
                             part);
        }
        return;
    }
    for (int32_t r = 0; r < rows; r += step) {
        int32_t s[8];
        if (step * planes == 8) {
            lm_lanes_byte_rv32(codes, table, (cols + 7) / 8, s);
        } else {
            lm_lanes_byte(codes, table, (cols + 7) / 8, step * planes, s);
        }
        lm_combine_part(s, book, rows_data + LM_BOOK_BYTES + r, y + r, planes, pre, part);
        codes += stride;
    }
}

LM_INLINE void lm_planes_byte_rv32(const uint8_t *codes, const uint8_t *rows_data,
                                   const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                   int32_t cols, int32_t planes, int32_t pre, int32_t stride)
{
    lm_planes_byte_rv32_part(codes, rows_data, table, sum, y, rows, cols, planes, pre, stride,
                             LM_PART_WHOLE);
}

#endif
