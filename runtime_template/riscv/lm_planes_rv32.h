/* lm_planes.h for RV32IM[C]: the same tables and sums at the instruction floor of a core without
 * indexed loads, 5 per lookup. No register is named, so it compiles at every optimisation level.
 * Needs lm_planes.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PLANES_RV32_H
#define LM_PLANES_RV32_H

/* 16 sums to `at` bytes past t; the next 16, d more each. */
#define LM_RV_STORE(at)                                                                            \
    "sw %[e0]," #at "+0(%[t])\n\tsw %[e1]," #at "+4(%[t])\n\tsw %[e2]," #at "+8(%[t])\n\t"         \
    "sw %[e3]," #at "+12(%[t])\n\tsw %[e4]," #at "+16(%[t])\n\tsw %[e5]," #at "+20(%[t])\n\t"      \
    "sw %[e6]," #at "+24(%[t])\n\tsw %[e7]," #at "+28(%[t])\n\t"
#define LM_RV_ADD(d, at)                                                                           \
    "add %[e0],%[e0],%[" #d "]\n\tadd %[e1],%[e1],%[" #d "]\n\tadd %[e2],%[e2],%[" #d "]\n\t"      \
    "add %[e3],%[e3],%[" #d "]\n\tadd %[e4],%[e4],%[" #d "]\n\tadd %[e5],%[e5],%[" #d "]\n\t"      \
    "add %[e6],%[e6],%[" #d "]\n\tadd %[e7],%[e7],%[" #d "]\n\t" LM_RV_STORE(at)

/* 8 times p and what follows from it by adding three more inputs; d: what leads from one time to
 * the next. Gives the last. GCC's own code computes each pair from the first eight and
 * runs out of registers. */
LM_INLINE lm_pairs lm_half_table_rv32(void *t, lm_pairs p, uint32_t d0, uint32_t d1, uint32_t d2)
{
    __asm__ volatile(LM_RV_STORE(0) LM_RV_ADD(d0, 32) LM_RV_ADD(d1, 64) LM_RV_ADD(d0, 96)
                         LM_RV_ADD(d2, 128) LM_RV_ADD(d0, 160) LM_RV_ADD(d1, 192) LM_RV_ADD(d0, 224)
                     : [e0] "+r"(p.e0), [e1] "+r"(p.e1), [e2] "+r"(p.e2), [e3] "+r"(p.e3),
                       [e4] "+r"(p.e4), [e5] "+r"(p.e5), [e6] "+r"(p.e6), [e7] "+r"(p.e7)
                     : [t] "r"(t), [d0] "r"(d0), [d1] "r"(d1), [d2] "r"(d2)
                     : "memory");
    return p;
}

/* As lm_table_byte, to the bit; table (256 per 8 cols) on a 4-byte boundary. */
LM_FUNCTION int32_t lm_table_byte_rv32(const int8_t *x, int16_t *table, int32_t cols)
{
    uint32_t sum = 0;
    for (int32_t c = 0; c < cols; c += 8) {
        int8_t tail[8];
        const int8_t *in = lm_inputs(x, c, 8, cols, tail);
        const uint32_t d0 = LM_TWICE(in[4]), x5 = LM_TWICE(in[5]), x6 = LM_TWICE(in[6]);
        const uint32_t d1 = x5 - d0, d2 = x6 - (x5 + d0), d3 = LM_TWICE(in[7]) - (x6 + (x5 + d0));
        lm_pairs p = lm_half_table_rv32(table, lm_subsets(in), d0, d1, d2);
        p = lm_half_table_rv32(table + 128, lm_add_pairs(p, d3), d0, d1, d2);
        sum += (p.e7 >> 16) - LM_BIAS; /* the last entry is the sum of all eight */
        table += 256;
    }
    return (int32_t)sum;
}

/* Four bytes of codes, `at` past w, to four lane sums, through the table of `load`s `step` past t,
 * entries of 2^shift bytes. Four at a time, so that no load is followed by what waits for it. */
#define LM_RV_LOOK_4(a, b, c, d, load, shift, at, step)                                            \
    "lbu %[i]," #at "+0(%[w])\n\tlbu %[j]," #at "+1(%[w])\n\tlbu %[k]," #at "+2(%[w])\n\t"         \
    "lbu %[l]," #at "+3(%[w])\n\tslli %[i],%[i]," #shift "\n\tslli %[j],%[j]," #shift "\n\t"       \
    "slli %[k],%[k]," #shift "\n\tslli %[l],%[l]," #shift "\n\tadd %[i],%[i],%[t]\n\t"             \
    "add %[j],%[j],%[t]\n\tadd %[k],%[k],%[t]\n\tadd %[l],%[l],%[t]\n\t" #load " %[i]," #step      \
    "(%[i])\n\t" #load " %[j]," #step "(%[j])\n\t" #load " %[k]," #step "(%[k])\n\t" #load         \
    " %[l]," #step "(%[l])\n\t"                                                                    \
    "add %[" #a "],%[" #a "],%[i]\n\tadd %[" #b "],%[" #b "],%[j]\n\t"                             \
    "add %[" #c "],%[" #c "],%[k]\n\tadd %[" #d "],%[" #d "],%[l]\n\t"
#define LM_RV_LOOK_8(load, shift, at, step)                                                        \
    LM_RV_LOOK_4(s0, s1, s2, s3, load, shift, at, step)                                            \
    LM_RV_LOOK_4(s4, s5, s6, s7, load, shift, at + 4, step)

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
        LM_RV_LOOP(LM_RV_LOOK_8(lhu, 1, 0, 0), 1, 1);
    }
    end = t + groups / 4 * 1024;
    if (t != end) {
        LM_RV_LOOP(LM_RV_LOOK_8(lhu, 1, 0, 0) LM_RV_LOOK_8(lhu, 1, 8, 512)
                       LM_RV_LOOK_8(lhu, 1, 16, 1024) LM_RV_LOOK_8(lhu, 1, 24, 1536),
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

/* As lm_planes_byte_part. */
LM_INLINE void lm_planes_byte_rv32_part(const uint8_t *codes, const uint8_t *rows_data,
                                        const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                        int32_t cols, int32_t planes, int32_t pre, int32_t stride,
                                        int32_t part)
{
    const int32_t step = lm_plane_rows(planes);
    const lm_book book = lm_read_book(rows_data, sum);
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
