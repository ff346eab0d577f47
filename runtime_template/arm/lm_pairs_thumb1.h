/* lm_pairs.h for ARMv6-M: a lookup serves two inputs with 4 instructions. Needs lm_pairs.h and
 * lm_planes_thumb1.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PAIRS_THUMB1_H
#define LM_PAIRS_THUMB1_H

/* 8 sums of each 16, the others 16 bytes on; then what leads to the next 16. */
#define LM_T1_HALF_STORE "stmia %[t]!, {r3, r4, r5, r6}\n\tadds %[t], #16\n\t"
#define LM_T1_HALF_ADD(d)                                                                          \
    "mov %[v], %[" #d "]\n\tadds r3, r3, %[v]\n\tadds r4, r4, %[v]\n\tadds r5, r5, %[v]\n\t"       \
    "adds r6, r6, %[v]\n\t" LM_T1_HALF_STORE
#define LM_T1_HALF_ADD_3 LM_T1_HALF_ADD(d0) LM_T1_HALF_ADD(d1) LM_T1_HALF_ADD(d0)

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
    __asm__ volatile(".syntax unified\n\t" LM_T1_HALF_STORE LM_T1_HALF_ADD_3 LM_T1_HALF_ADD(d2)
                         LM_T1_HALF_ADD_3 LM_T1_HALF_ADD(d3) LM_T1_HALF_ADD_3 LM_T1_HALF_ADD(d2)
                             LM_T1_HALF_ADD_3
                     : [t] "+l"(t), [v] "=&l"(v), "+l"(e0), "+l"(e1), "+l"(e2), "+l"(e3)
                     : [d0] "r"(d0), [d1] "r"(d1), [d2] "r"(d2), [d3] "r"(d3)
                     : "cc", "memory");
    return e3;
}

/* As lm_table_pair_byte, to the bit: four times 64 words. */
LM_FUNCTION lm_two lm_table_pair_byte_thumb1(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                             int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 8) {
        const lm_steps s = lm_steps_both(xa, xb, c, cols);
        const uint32_t d0 = s.d3, d1 = s.d4, d2 = s.d5, d3 = s.d6, d4 = s.d7;
        const uint32_t v7 = d4 + (d3 + 2 * (d2 + 2 * (d1 + 2 * d0))); /* input 7 itself */
        uint32_t last = 0;
        lm_pairs p = s.first;
        for (int32_t half = 0; half < 2; half++) {
            (void)lm_half_table_thumb1(table, p.e0, p.e1, p.e2, p.e3, d0, d1, d2, d3);
            last = lm_half_table_thumb1(table + 4, p.e4, p.e5, p.e6, p.e7, d0, d1, d2, d3);
            p = lm_add_pairs(p, v7);
            table += 128;
        }
        sum.a += (int32_t)(last & 0xFFFFU) - LM_BIAS; /* the last word is the sum of all eight */
        sum.b += (int32_t)(last >> 16) - LM_BIAS;
    }
    return sum;
}

/* 5 or 4 words of each 9, past the others; then what leads to the next 9. */
#define LM_T1_STORE_5 "stmia %[t]!, {r2, r3, r4, r5, r6}\n\tadds %[t], #16\n\t"
#define LM_T1_STORE_4 "stmia %[t]!, {r3, r4, r5, r6}\n\tadds %[t], #20\n\t"
#define LM_T1_ADD_4(d)                                                                             \
    "mov %[v], %[" #d "]\n\tadds r3, r3, %[v]\n\tadds r4, r4, %[v]\n\tadds r5, r5, %[v]\n\t"       \
    "adds r6, r6, %[v]\n\t" LM_T1_STORE_4
#define LM_T1_ADD_5(d)                                                                             \
    "mov %[v], %[" #d "]\n\tadds r2, r2, %[v]\n\tadds r3, r3, %[v]\n\tadds r4, r4, %[v]\n\t"       \
    "adds r5, r5, %[v]\n\tadds r6, r6, %[v]\n\t" LM_T1_STORE_5
#define LM_T1_TRITS(add) add(up) add(up) add(next) add(up) add(up) add(next) add(up) add(up)

/* 27 times the sums n[0] to n[4], or n[5] to n[8], and what follows from them by counting the upper
 * three weights through: `up` leads from one to the next, `next` where the third weight and `last`
 * where the fourth one, too, starts again at -1. */
LM_INLINE void lm_trit_group_thumb1(uint32_t *table, const uint32_t *n, uint32_t step,
                                    uint32_t step_3, uint32_t step_9, int32_t words)
{
    const uint32_t n0 = words == 5 ? n[0] : 0, n1 = n[words - 4], n2 = n[words - 3];
    const uint32_t n3 = n[words - 2], n4 = n[words - 1];
    register uint32_t up __asm__("r8") = step;
    register uint32_t next __asm__("r9") = step_3;
    register uint32_t last __asm__("r10") = step_9;
    register uint32_t *t __asm__("r0") = table;
    register uint32_t v __asm__("r1");
    register uint32_t e0 __asm__("r2") = n0;
    register uint32_t e1 __asm__("r3") = n1;
    register uint32_t e2 __asm__("r4") = n2;
    register uint32_t e3 __asm__("r5") = n3;
    register uint32_t e4 __asm__("r6") = n4;
    if (words == 5) {
        __asm__ volatile(
            ".syntax unified\n\t" LM_T1_STORE_5 LM_T1_TRITS(LM_T1_ADD_5) LM_T1_ADD_5(last)
                LM_T1_TRITS(LM_T1_ADD_5) LM_T1_ADD_5(last) LM_T1_TRITS(LM_T1_ADD_5)
            : [t] "+l"(t), [v] "=&l"(v), "+l"(e0), "+l"(e1), "+l"(e2), "+l"(e3), "+l"(e4)
            : [up] "r"(up), [next] "r"(next), [last] "r"(last)
            : "cc", "memory");
    } else {
        __asm__ volatile(".syntax unified\n\t" LM_T1_STORE_4 LM_T1_TRITS(LM_T1_ADD_4)
                             LM_T1_ADD_4(last) LM_T1_TRITS(LM_T1_ADD_4) LM_T1_ADD_4(last)
                                 LM_T1_TRITS(LM_T1_ADD_4)
                         : [t] "+l"(t), [v] "=&l"(v), "+l"(e1), "+l"(e2), "+l"(e3), "+l"(e4)
                         : [up] "r"(up), [next] "r"(next), [last] "r"(last)
                         : "cc", "memory");
    }
}

/* As lm_table_pair_trit, to the bit. */
LM_FUNCTION lm_two lm_table_pair_trit_thumb1(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                             int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 5) {
        const lm_nine in = lm_nine_both(xa, xb, c, cols);
        const uint32_t next = in.v3 - 2 * in.v2, last = in.v4 - 2 * (in.v3 + in.v2);
        lm_trit_group_thumb1(table, in.n, in.v2, next, last, 5);
        lm_trit_group_thumb1(table + 5, in.n + 5, in.v2, next, last, 4);
        sum.a += in.sum.a;
        sum.b += in.sum.b;
        table += 256;
    }
    return sum;
}

#define LM_T1_BOTH(lane, at)                                                                       \
    "ldrb %[x], [%[w], #" #at "]\n\tlsls %[x], %[x], #2\n\tldr %[x], [%[t], %[x]]\n\t"             \
    "add " #lane ", " #lane ", %[x]\n\t"
#define LM_T1_BOTH_8(at0, at1, at2, at3, at4, at5, at6, at7)                                       \
    LM_T1_BOTH(r3, at0)                                                                            \
    LM_T1_BOTH(r4, at1)                                                                            \
    LM_T1_BOTH(r5, at2)                                                                            \
    LM_T1_BOTH(r6, at3)                                                                            \
    LM_T1_BOTH(r8, at4) LM_T1_BOTH(r9, at5) LM_T1_BOTH(r10, at6) LM_T1_BOTH(r11, at7)

/* As lm_lanes_pair with 8 lanes: two steps a round. Named registers are set last, from plain
 * variables, and r8 to r12 first, through any other. */
LM_INLINE void lm_lanes_8_pair_thumb1(const uint8_t *codes, const uint32_t *table, int32_t groups,
                                      uint32_t *p)
{
    const uint32_t zero = 0U - LM_TWICE(LM_BIAS) * (uint32_t)groups;
    const int32_t bytes = 1024;
    const uint32_t *last = table + (groups & ~1) * 256;
    register uint32_t e __asm__("r8") = zero;
    register uint32_t f __asm__("r9") = zero;
    register uint32_t g __asm__("r10") = zero;
    register uint32_t h __asm__("r11") = zero;
    register const uint32_t *end __asm__("r12") = last;
    register int32_t step __asm__("lr") = bytes;
    register const uint8_t *w __asm__("r0") = codes;
    register const uint32_t *t __asm__("r1") = table;
    register uint32_t x __asm__("r2");
    register uint32_t a __asm__("r3") = zero;
    register uint32_t b __asm__("r4") = zero;
    register uint32_t c __asm__("r5") = zero;
    register uint32_t d __asm__("r6") = zero;
    if (groups > 1) {
        __asm__ volatile(
            ".syntax unified\n1:\n\t" LM_T1_BOTH_8(
                0, 1, 2, 3, 4, 5, 6,
                7) "add %[t], %[step]\n\t" LM_T1_BOTH_8(8, 9, 10, 11, 12, 13, 14,
                                                        15) "adds %[w], #16\n\tadd %[t], "
                                                            "%[step]\n\tcmp %[t], %[end]\n\tbne 1b"
            : [w] "+l"(w), [t] "+l"(t), [x] "=&l"(x), "+l"(a), "+l"(b), "+l"(c), "+l"(d), "+r"(e),
              "+r"(f), "+r"(g), "+r"(h)
            : [end] "r"(end), [step] "r"(step)
            : "cc", "memory");
    }
    const uint32_t p0 = a, p1 = b, p2 = c, p3 = d, p4 = e, p5 = f, p6 = g, p7 = h;
    codes = w;
    table = t;
    const int32_t odd = groups & 1;
    p[0] = p0 + (odd ? table[codes[0]] : 0);
    p[1] = p1 + (odd ? table[codes[1]] : 0);
    p[2] = p2 + (odd ? table[codes[2]] : 0);
    p[3] = p3 + (odd ? table[codes[3]] : 0);
    p[4] = p4 + (odd ? table[codes[4]] : 0);
    p[5] = p5 + (odd ? table[codes[5]] : 0);
    p[6] = p6 + (odd ? table[codes[6]] : 0);
    p[7] = p7 + (odd ? table[codes[7]] : 0);
}

/* A lm_lanes_both. */
LM_INLINE void lm_lanes_pair_thumb1(const uint8_t *w, const uint32_t *t, int32_t groups,
                                    int32_t lanes, uint32_t *p)
{
    if (lanes == 8) {
        lm_lanes_8_pair_thumb1(w, t, groups, p);
    } else {
        lm_lanes_pair(w, t, groups, lanes, p);
    }
}

/* As lm_planes_pair_byte. */
LM_INLINE void lm_planes_pair_byte_thumb1(const uint8_t *codes, const uint8_t *rows_data,
                                          const uint32_t *table, lm_two sum, int32_t *ya,
                                          int32_t *yb, int32_t rows, int32_t cols, int32_t planes,
                                          int32_t pre, int32_t stride)
{
    lm_planes_pair_by(lm_lanes_pair_thumb1, codes, rows_data, table, sum, ya, yb, rows, cols,
                      planes, pre, stride);
}

/* As lm_ternary_pair_byte. */
LM_INLINE void lm_ternary_pair_byte_thumb1(const uint8_t *codes, const uint8_t *rows_data,
                                           const uint32_t *table, int32_t *ya, int32_t *yb,
                                           int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    lm_ternary_pair_by(lm_lanes_pair_thumb1, codes, rows_data, table, ya, yb, rows, cols, pre,
                       stride);
}

#endif
