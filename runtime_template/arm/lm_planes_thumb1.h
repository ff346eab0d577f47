/* lm_planes.h for ARMv6-M (Cortex-M0, M0+): the same tables and sums with few instructions. Half
 * of the sums live in r8..r11, to which this instruction set can add. Register r7 (frame pointer)
 * stays untouched, so it compiles at every optimisation level. Needs lm_planes.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_PLANES_THUMB1_H
#define LM_PLANES_THUMB1_H

/* 8 sums of each 16, the others 16 bytes on; then what leads to the next 16. */
#define LM_T1_STORE "stmia %[t]!, {r3, r4, r5, r6}\n\tadds %[t], #16\n\t"
#define LM_T1_ADD(d)                                                                               \
    "mov %[v], %[" #d "]\n\tadds r3, r3, %[v]\n\tadds r4, r4, %[v]\n\tadds r5, r5, %[v]\n\t"       \
    "adds r6, r6, %[v]\n\t" LM_T1_STORE
#define LM_T1_ADD_3 LM_T1_ADD(d0) LM_T1_ADD(d1) LM_T1_ADD(d0)

/* Half a table: 4 words p and all that follows from them by adding the upper four inputs;
 * gives the last pair. */
LM_INLINE uint32_t lm_half_table_thumb1(void *table, uint32_t p0, uint32_t p1, uint32_t p2,
                                        uint32_t p3, uint32_t up0, uint32_t up1, uint32_t up2,
                                        uint32_t up3)
{
    register uint32_t d0 __asm__("r8") = up0;
    register uint32_t d1 __asm__("r9") = up1;
    register uint32_t d2 __asm__("r10") = up2;
    register uint32_t d3 __asm__("r11") = up3;
    register void *t __asm__("r0") = table;
    register uint32_t v __asm__("r1");
    register uint32_t e0 __asm__("r3") = p0;
    register uint32_t e1 __asm__("r4") = p1;
    register uint32_t e2 __asm__("r5") = p2;
    register uint32_t e3 __asm__("r6") = p3;
    __asm__ volatile(".syntax unified\n\t" LM_T1_STORE LM_T1_ADD_3 LM_T1_ADD(d2)
                         LM_T1_ADD_3 LM_T1_ADD(d3) LM_T1_ADD_3 LM_T1_ADD(d2) LM_T1_ADD_3
                     : [t] "+l"(t), [v] "=&l"(v), "+l"(e0), "+l"(e1), "+l"(e2), "+l"(e3)
                     : [d0] "r"(d0), [d1] "r"(d1), [d2] "r"(d2), [d3] "r"(d3)
                     : "cc", "memory");
    return e3;
}

/* As lm_table_byte, to the bit; table (256 per 8 cols) on a 4-byte boundary. */
LM_INLINE int32_t lm_table_byte_thumb1(const int8_t *x, int16_t *table, int32_t cols)
{
    uint32_t sum = 0;
    for (int32_t c = 0; c < cols; c += 8) {
        int8_t tail[8];
        const int8_t *in = lm_inputs(x, c, 8, cols, tail);
        const uint32_t x4 = LM_TWICE(in[4]), x5 = LM_TWICE(in[5]), x6 = LM_TWICE(in[6]);
        const uint32_t d1 = x5 - x4, d2 = x6 - (x5 + x4);
        const uint32_t d3 = LM_TWICE(in[7]) - (x6 + (x5 + x4));
        const lm_pairs p = lm_subsets(in);
        (void)lm_half_table_thumb1(table, p.e0, p.e1, p.e2, p.e3, x4, d1, d2, d3);
        const uint32_t last =
            lm_half_table_thumb1(table + 8, p.e4, p.e5, p.e6, p.e7, x4, d1, d2, d3);
        sum += (last >> 16) - LM_BIAS; /* the last entry is the sum of all eight */
        table += 256;
    }
    return (int32_t)sum;
}

#define LM_T1_LOOK(lane, at)                                                                       \
    "ldrb %[x], [%[w], #" #at "]\n\tlsls %[x], %[x], #1\n\tldrh %[x], [%[t], %[x]]\n\t"            \
    "add " #lane ", " #lane ", %[x]\n\t"
#define LM_T1_LOOK_8(at0, at1, at2, at3, at4, at5, at6, at7)                                       \
    LM_T1_LOOK(r3, at0)                                                                            \
    LM_T1_LOOK(r4, at1)                                                                            \
    LM_T1_LOOK(r5, at2)                                                                            \
    LM_T1_LOOK(r6, at3) LM_T1_LOOK(r8, at4) LM_T1_LOOK(r9, at5) LM_T1_LOOK(r10, at6)               \
        LM_T1_LOOK(r11, at7)

/* As lm_lanes_byte with 8 lanes: two steps a round. Named registers are set last, from plain
 * variables, and r8 to r12 first, through any other. */
LM_INLINE void lm_lanes_byte_thumb1(const uint8_t *codes, const int16_t *table, int32_t groups,
                                    int32_t *s)
{
    const int32_t zero = -LM_BIAS * groups, bytes = 512;
    const int16_t *last = table + (groups & ~1) * 256;
    register int32_t e __asm__("r8") = zero;
    register int32_t f __asm__("r9") = zero;
    register int32_t g __asm__("r10") = zero;
    register int32_t h __asm__("r11") = zero;
    register const int16_t *end __asm__("r12") = last;
    register int32_t step __asm__("lr") = bytes;
    register const uint8_t *w __asm__("r0") = codes;
    register const int16_t *t __asm__("r1") = table;
    register uint32_t x __asm__("r2");
    register int32_t a __asm__("r3") = zero;
    register int32_t b __asm__("r4") = zero;
    register int32_t c __asm__("r5") = zero;
    register int32_t d __asm__("r6") = zero;
    if (groups > 1) {
        __asm__ volatile(
            ".syntax unified\n1:\n\t" LM_T1_LOOK_8(
                0, 1, 2, 3, 4, 5, 6,
                7) "add %[t], %[step]\n\t" LM_T1_LOOK_8(8, 9, 10, 11, 12, 13, 14,
                                                        15) "adds %[w], #16\n\tadd %[t], "
                                                            "%[step]\n\tcmp %[t], %[end]\n\tbne 1b"
            : [w] "+l"(w), [t] "+l"(t), [x] "=&l"(x), "+l"(a), "+l"(b), "+l"(c), "+l"(d), "+r"(e),
              "+r"(f), "+r"(g), "+r"(h)
            : [end] "r"(end), [step] "r"(step)
            : "cc", "memory");
    }
    const int32_t s0 = a, s1 = b, s2 = c, s3 = d, s4 = e, s5 = f, s6 = g, s7 = h;
    codes = w;
    table = t;
    const int32_t odd = groups & 1;
    s[0] = s0 + (odd ? table[codes[0]] : 0);
    s[1] = s1 + (odd ? table[codes[1]] : 0);
    s[2] = s2 + (odd ? table[codes[2]] : 0);
    s[3] = s3 + (odd ? table[codes[3]] : 0);
    s[4] = s4 + (odd ? table[codes[4]] : 0);
    s[5] = s5 + (odd ? table[codes[5]] : 0);
    s[6] = s6 + (odd ? table[codes[6]] : 0);
    s[7] = s7 + (odd ? table[codes[7]] : 0);
}

/* As lm_planes_byte_part. */
LM_INLINE void lm_planes_byte_thumb1_part(const uint8_t *codes, const uint8_t *rows_data,
                                          const int16_t *table, int32_t sum, int32_t *y,
                                          int32_t rows, int32_t cols, int32_t planes, int32_t pre,
                                          int32_t stride, int32_t part)
{
    const int32_t step = lm_plane_rows(planes);
    const lm_book book = lm_read_book(rows_data, sum);
    for (int32_t r = 0; r < rows; r += step) {
        int32_t s[8];
        if (step * planes == 8) {
            lm_lanes_byte_thumb1(codes, table, (cols + 7) / 8, s);
        } else {
            lm_lanes_byte(codes, table, (cols + 7) / 8, step * planes, s);
        }
        lm_combine_part(s, book, rows_data + LM_BOOK_BYTES + r, y + r, planes, pre, part);
        codes += stride;
    }
}

LM_INLINE void lm_planes_byte_thumb1(const uint8_t *codes, const uint8_t *rows_data,
                                     const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                     int32_t cols, int32_t planes, int32_t pre, int32_t stride)
{
    lm_planes_byte_thumb1_part(codes, rows_data, table, sum, y, rows, cols, planes, pre, stride,
                               LM_PART_WHOLE);
}

#endif
