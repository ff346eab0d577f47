/* lm_pairs.h for Thumb-2 cores: a lookup serves two inputs with 3 instructions. Needs lm_pairs.h
 * and lm_planes_thumb2.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PAIRS_THUMB2_H
#define LM_PAIRS_THUMB2_H

/* As lm_table_pair_byte, to the bit. Twice 128 words, of the upper five inputs the last one comes
 * with the second. */
LM_FUNCTION lm_two lm_table_pair_byte_thumb2(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                             int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 8) {
        const lm_steps s = lm_steps_both(xa, xb, c, cols);
        lm_pairs p = lm_table_group_thumb2(table, s.first, s.d3, s.d4, s.d5, s.d6);
        p = lm_add_pairs(p, s.d7);
        p = lm_table_group_thumb2(table + 128, p, s.d3, s.d4, s.d5, s.d6);
        sum.a += (int32_t)(p.e7 & 0xFFFFU) - LM_BIAS; /* the last word is the sum of all eight */
        sum.b += (int32_t)(p.e7 >> 16) - LM_BIAS;
        table += 256;
    }
    return sum;
}

#define LM_T2_STORE_9 "stmia %[t]!, {r3, r4, r5, r6, r8, r9, r10, r11, r12}\n\t"
#define LM_T2_ADD_9(d)                                                                             \
    "add r3, r3, %[" #d "]\n\tadd r4, r4, %[" #d "]\n\tadd r5, r5, %[" #d "]\n\t"                  \
    "add r6, r6, %[" #d "]\n\tadd r8, r8, %[" #d "]\n\tadd r9, r9, %[" #d "]\n\t"                  \
    "add r10, r10, %[" #d "]\n\tadd r11, r11, %[" #d "]\n\tadd r12, r12, %[" #d                    \
    "]\n\t" LM_T2_STORE_9
#define LM_T2_TRITS LM_T2_ADD_9(up) LM_T2_ADD_9(up)
#define LM_T2_TRITS_3                                                                              \
    LM_T2_TRITS LM_T2_ADD_9(next)                                                                  \
    LM_T2_TRITS LM_T2_ADD_9(next) LM_T2_TRITS

/* 27 times the 9 sums n and what follows from them by counting the upper three weights through:
 * `up` leads from one to the next, `next` where the third weight and `last` where the fourth one,
 * too, starts again at -1. */
LM_INLINE void lm_trit_group_thumb2(uint32_t *table, const uint32_t *n, uint32_t step,
                                    uint32_t step_3, uint32_t step_9)
{
    const uint32_t n0 = n[0], n1 = n[1], n2 = n[2], n3 = n[3], n4 = n[4];
    const uint32_t n5 = n[5], n6 = n[6], n7 = n[7], n8 = n[8];
    register uint32_t *t __asm__("r0") = table;
    register uint32_t up __asm__("r1") = step;
    register uint32_t next __asm__("r2") = step_3;
    register uint32_t last __asm__("lr") = step_9;
    register uint32_t e0 __asm__("r3") = n0;
    register uint32_t e1 __asm__("r4") = n1;
    register uint32_t e2 __asm__("r5") = n2;
    register uint32_t e3 __asm__("r6") = n3;
    register uint32_t e4 __asm__("r8") = n4;
    register uint32_t e5 __asm__("r9") = n5;
    register uint32_t e6 __asm__("r10") = n6;
    register uint32_t e7 __asm__("r11") = n7;
    register uint32_t e8 __asm__("r12") = n8;
    __asm__ volatile(LM_T2_STORE_9 LM_T2_TRITS_3 LM_T2_ADD_9(last) LM_T2_TRITS_3 LM_T2_ADD_9(last)
                         LM_T2_TRITS_3
                     : [t] "+r"(t), "+r"(e0), "+r"(e1), "+r"(e2), "+r"(e3), "+r"(e4), "+r"(e5),
                       "+r"(e6), "+r"(e7), "+r"(e8)
                     : [up] "r"(up), [next] "r"(next), [last] "r"(last)
                     : "memory");
}

/* As lm_table_pair_trit, to the bit. */
LM_FUNCTION lm_two lm_table_pair_trit_thumb2(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                             int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 5) {
        const lm_nine in = lm_nine_both(xa, xb, c, cols);
        const uint32_t next = in.v3 - 2 * in.v2;
        lm_trit_group_thumb2(table, in.n, in.v2, next, in.v4 - 2 * (in.v3 + in.v2));
        sum.a += in.sum.a;
        sum.b += in.sum.b;
        table += 256;
    }
    return sum;
}

/* One byte of codes to one lane sum. */
#define LM_T2_BOTH(lane, at)                                                                       \
    "ldrb %[x], [%[w]" at "\n\tldr %[x], [%[t], %[x], lsl #2]\n\tadd %[" #lane "], %[x]\n\t"

/* As lm_lanes_pair with 8 lanes: two steps a round. Named registers are set last, from plain
 * variables: a build without optimization computes in any register. */
LM_INLINE void lm_lanes_8_pair_thumb2(const uint8_t *codes, const uint32_t *table, int32_t groups,
                                      uint32_t *p)
{
    const uint32_t zero = 0U - LM_TWICE(LM_BIAS) * (uint32_t)groups;
    const uint32_t *last = table + (groups & ~1) * 256;
    register const uint8_t *w __asm__("r0") = codes;
    register const uint32_t *t __asm__("r1") = table;
    register const uint32_t *end __asm__("r12") = last;
    register uint32_t x __asm__("r2");
    register uint32_t a __asm__("r3") = zero;
    register uint32_t b __asm__("r4") = zero;
    register uint32_t c __asm__("r5") = zero;
    register uint32_t d __asm__("r6") = zero;
    register uint32_t e __asm__("r8") = zero;
    register uint32_t f __asm__("r9") = zero;
    register uint32_t g __asm__("r10") = zero;
    register uint32_t h __asm__("r11") = zero;
    if (groups > 1) {
        __asm__ volatile(
            "1:\n\t" LM_T2_BOTH(b, ", #1]") LM_T2_BOTH(c, ", #2]") LM_T2_BOTH(d, ", #3]")
                LM_T2_BOTH(e, ", #4]") LM_T2_BOTH(f, ", #5]") LM_T2_BOTH(g, ", #6]") LM_T2_BOTH(
                    h, ", #7]") LM_T2_BOTH(a, "], #16") "add %[t], #1024\n\t" LM_T2_BOTH(a,
                                                                                         ", #-8]")
                    LM_T2_BOTH(b, ", #-7]") LM_T2_BOTH(c, ", #-6]") LM_T2_BOTH(d, ", #-5]")
                        LM_T2_BOTH(e, ", #-4]") LM_T2_BOTH(f, ", #-3]") LM_T2_BOTH(g, ", #-2]")
                            LM_T2_BOTH(h, ", #-1]") "add %[t], #1024\n\tcmp %[t], %[end]\n\tbne 1b"
            : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [e] "+r"(e), [f] "+r"(f),
              [g] "+r"(g), [h] "+r"(h), [w] "+r"(w), [t] "+r"(t), [x] "=&r"(x)
            : [end] "r"(end)
            : "cc", "memory");
    }
    const int32_t odd = groups & 1;
    p[0] = a + (odd ? t[w[0]] : 0);
    p[1] = b + (odd ? t[w[1]] : 0);
    p[2] = c + (odd ? t[w[2]] : 0);
    p[3] = d + (odd ? t[w[3]] : 0);
    p[4] = e + (odd ? t[w[4]] : 0);
    p[5] = f + (odd ? t[w[5]] : 0);
    p[6] = g + (odd ? t[w[6]] : 0);
    p[7] = h + (odd ? t[w[7]] : 0);
}

/* A lm_lanes_both. */
LM_INLINE void lm_lanes_pair_thumb2(const uint8_t *w, const uint32_t *t, int32_t groups,
                                    int32_t lanes, uint32_t *p)
{
    if (lanes == 8) {
        lm_lanes_8_pair_thumb2(w, t, groups, p);
    } else {
        lm_lanes_pair(w, t, groups, lanes, p);
    }
}

/* As lm_planes_pair_byte. */
LM_INLINE void lm_planes_pair_byte_thumb2(const uint8_t *codes, const uint8_t *rows_data,
                                          const uint32_t *table, lm_two sum, int32_t *ya,
                                          int32_t *yb, int32_t rows, int32_t cols, int32_t planes,
                                          int32_t pre, int32_t stride)
{
    lm_planes_pair_by(lm_lanes_pair_thumb2, codes, rows_data, table, sum, ya, yb, rows, cols,
                      planes, pre, stride);
}

/* As lm_ternary_pair_byte. */
LM_INLINE void lm_ternary_pair_byte_thumb2(const uint8_t *codes, const uint8_t *rows_data,
                                           const uint32_t *table, int32_t *ya, int32_t *yb,
                                           int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    lm_ternary_pair_by(lm_lanes_pair_thumb2, codes, rows_data, table, ya, yb, rows, cols, pre,
                       stride);
}

#endif
