/* lm_planes.h for RV32I (no bit manipulation): a lookup is 5 instructions, so what is left to save
 * is around it. Four steps a round, whose tables and codes are within reach of one address each.
 * Sums keep the table's bias, as those of Thumb-2 do. Needs lm_planes.h. SPDX-License-Identifier:
 * 0BSD */
#ifndef LM_PLANES_RV32_H
#define LM_PLANES_RV32_H

/* 8 pairs of sums stored; the same after adding what leads to the next. */
#define LM_RV32_STORE(at)                                                                          \
    "sw %[e0], " #at "(%[t])\n\tsw %[e1], " #at "+4(%[t])\n\t"                                     \
    "sw %[e2], " #at "+8(%[t])\n\tsw %[e3], " #at "+12(%[t])\n\t"                                  \
    "sw %[e4], " #at "+16(%[t])\n\tsw %[e5], " #at "+20(%[t])\n\t"                                 \
    "sw %[e6], " #at "+24(%[t])\n\tsw %[e7], " #at "+28(%[t])\n\t"
#define LM_RV32_NEXT(d, at)                                                                        \
    "add %[e0], %[e0], %[" #d "]\n\tadd %[e1], %[e1], %[" #d "]\n\t"                               \
    "add %[e2], %[e2], %[" #d "]\n\tadd %[e3], %[e3], %[" #d "]\n\t"                               \
    "add %[e4], %[e4], %[" #d "]\n\tadd %[e5], %[e5], %[" #d "]\n\t"                               \
    "add %[e6], %[e6], %[" #d "]\n\tadd %[e7], %[e7], %[" #d "]\n\t" LM_RV32_STORE(at)
#define LM_RV32_NEXT_3(first)                                                                      \
    LM_RV32_NEXT(d0, first + 32) LM_RV32_NEXT(d1, first + 64) LM_RV32_NEXT(d0, first + 96)

/* 256 sums: p and all that follows from it by adding the upper four inputs; gives the last pair. */
LM_INLINE uint32_t lm_table_group_rv32(int16_t *t, lm_pairs p, uint32_t d0, uint32_t d1,
                                       uint32_t d2, uint32_t d3)
{
    __asm__ volatile(LM_RV32_STORE(0) LM_RV32_NEXT_3(0) LM_RV32_NEXT(d2, 128) LM_RV32_NEXT_3(128)
                         LM_RV32_NEXT(d3, 256) LM_RV32_NEXT_3(256) LM_RV32_NEXT(d2, 384)
                             LM_RV32_NEXT_3(384)
                     : [e0] "+r"(p.e0), [e1] "+r"(p.e1), [e2] "+r"(p.e2), [e3] "+r"(p.e3),
                       [e4] "+r"(p.e4), [e5] "+r"(p.e5), [e6] "+r"(p.e6), [e7] "+r"(p.e7)
                     : [t] "r"(t), [d0] "r"(d0), [d1] "r"(d1), [d2] "r"(d2), [d3] "r"(d3)
                     : "memory");
    return p.e7;
}

/* As lm_table_byte, to the bit; table (256 per 8 cols) on a 4-byte boundary. */
LM_INLINE int32_t lm_table_byte_rv32(const int8_t *x, int16_t *table, int32_t cols)
{
    uint32_t sum = 0;
    for (int32_t c = 0; c < cols; c += 8) {
        int8_t tail[8];
        const int8_t *in = lm_inputs(x, c, 8, cols, tail);
        const uint32_t x4 = LM_TWICE(in[4]), x5 = LM_TWICE(in[5]), x6 = LM_TWICE(in[6]);
        const uint32_t last = lm_table_group_rv32(
            table, lm_subsets(in), x4, x5 - x4, x6 - (x5 + x4), LM_TWICE(in[7]) - (x6 + (x5 + x4)));
        sum += (last >> 16) - LM_BIAS; /* the last entry is the sum of all eight */
        table += 256;
    }
    return (int32_t)sum;
}

/* A step of all lanes, number k of a round. */
#define LM_RV32_LOOK(lane, at, k)                                                                  \
    "lbu %[x], " #k "*8+" #at "(%[w])\n\tslli %[x], %[x], 1\n\tadd %[x], %[x], %[t]\n\t"           \
    "lhu %[x], " #k "*512(%[x])\n\tadd %[" #lane "], %[" #lane "], %[x]\n\t"
#define LM_RV32_STEP(k)                                                                            \
    LM_RV32_LOOK(a, 0, k)                                                                          \
    LM_RV32_LOOK(b, 1, k) LM_RV32_LOOK(c, 2, k) LM_RV32_LOOK(d, 3, k) LM_RV32_LOOK(e, 4, k)        \
        LM_RV32_LOOK(f, 5, k) LM_RV32_LOOK(g, 6, k) LM_RV32_LOOK(h, 7, k)

/* As lm_lanes_byte with 8 lanes, but that the sums are LM_BIAS * groups too high. */
LM_INLINE void lm_lanes_byte_rv32(const uint8_t *w, const int16_t *t, int32_t groups, int32_t *s)
{
    const int16_t *last = t + groups * 256, *round = t + (groups & ~3) * 256;
    int32_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    uint32_t x;
    __asm__ volatile(
        "beq %[t], %[round], 2f\n1:\n\t" LM_RV32_STEP(0) LM_RV32_STEP(1) LM_RV32_STEP(2)
            LM_RV32_STEP(3) "addi %[w], %[w], 32\n\taddi %[t], %[t], 1024\n\t"
                            "addi %[t], %[t], 1024\n\tbne %[t], %[round], 1b\n2:\n\t"
                            "beq %[t], %[last], 4f\n3:\n\t" LM_RV32_STEP(
                                0) "addi %[w], %[w], 8\n\taddi %[t], %[t], 512\n\t"
                                   "bne %[t], %[last], 3b\n4:"
        : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [e] "+r"(e), [f] "+r"(f), [g] "+r"(g),
          [h] "+r"(h), [w] "+r"(w), [t] "+r"(t), [x] "=&r"(x)
        : [round] "r"(round), [last] "r"(last)
        : "memory");
    s[0] = a;
    s[1] = b;
    s[2] = c;
    s[3] = d;
    s[4] = e;
    s[5] = f;
    s[6] = g;
    s[7] = h;
}

/* As lm_planes_byte. */
LM_INLINE void lm_planes_byte_rv32(const uint8_t *codes, const uint8_t *rows_data,
                                   const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                   int32_t cols, int32_t planes, int32_t pre, int32_t stride)
{
    const int32_t step = lm_plane_rows(planes), groups = (cols + 7) / 8;
    const int32_t whole = step * planes == 8 ? 1 : 0;
    lm_book book = lm_read_book(rows_data, sum);
    book = whole != 0 ? lm_unbias(book, groups, planes) : book;
    for (int32_t r = 0; r < rows; r += step) {
        int32_t s[8];
        if (whole != 0) {
            lm_lanes_byte_rv32(codes, table, groups, s);
        } else {
            lm_lanes_byte(codes, table, groups, step * planes, s);
        }
        lm_combine_planes(s, book, rows_data + LM_BOOK_BYTES + r, y + r, planes, pre);
        codes += stride;
    }
}

#endif
