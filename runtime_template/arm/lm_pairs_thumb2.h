/* lm_pairs.h for Thumb-2 cores without vectors: three instructions a lookup, which serves two
 * vectors. Needs lm_pairs.h and lm_planes_thumb2.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PAIRS_THUMB2_H
#define LM_PAIRS_THUMB2_H

/* As lm_table_pair_byte. The 128 words without and with the last input are made alike: 8 for the
 * first three inputs, and what follows by adding the next four. */
LM_FUNCTION lm_two lm_table_pair_byte_thumb2(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                             int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 8) {
        int8_t ta[8], tb[8];
        const int8_t *a = lm_inputs(xa, c, 8, cols, ta), *b = lm_inputs(xb, c, 8, cols, tb);
        const uint32_t x0 = lm_halves(a[0], b[0]), x1 = lm_halves(a[1], b[1]);
        const uint32_t x2 = lm_halves(a[2], b[2]), x3 = lm_halves(a[3], b[3]);
        const uint32_t x4 = lm_halves(a[4], b[4]), x5 = lm_halves(a[5], b[5]);
        const uint32_t x6 = lm_halves(a[6], b[6]);
        const uint32_t up1 = x4 - x3, up2 = x5 - (x4 + x3), up3 = x6 - (x5 + x4 + x3);
        lm_pairs p;
        p.e0 = LM_TWICE(LM_BIAS);
        p.e1 = p.e0 + x0;
        p.e2 = p.e0 + x1;
        p.e3 = p.e1 + x1;
        p.e4 = p.e0 + x2;
        p.e5 = p.e1 + x2;
        p.e6 = p.e2 + x2;
        p.e7 = p.e3 + x2;
        (void)lm_table_group_thumb2((int16_t *)(void *)table, p, x3, up1, up2, up3);
        p = lm_add_pairs(p, lm_halves(a[7], b[7]));
        sum = lm_add_last(
            sum, lm_table_group_thumb2((int16_t *)(void *)(table + 128), p, x3, up1, up2, up3));
        table += 256;
    }
    return sum;
}

#define LM_P2_FIRST(lane, at) "ldrb %[x], [%[w]" at "\n\tldr %[" #lane "], [%[t], %[x], lsl #2]\n\t"
#define LM_P2_LOOK(lane, at)                                                                       \
    "ldrb %[x], [%[w]" at "\n\tldr %[x], [%[t], %[x], lsl #2]\n\tadd %[" #lane "], %[x]\n\t"
#define LM_P2_STEP(one)                                                                            \
    one(b, ", #1]") one(c, ", #2]") one(d, ", #3]") one(e, ", #4]") one(f, ", #5]")                \
        one(g, ", #6]") one(h, ", #7]") one(a, "], #8") "add %[t], #1024\n\t"

/* As lm_lanes_pair with 8 lanes. */
LM_INLINE void lm_lanes_pair_8_thumb2(const uint8_t *codes, const uint32_t *table, int32_t groups,
                                      uint32_t *s)
{
    const uint32_t *last = table + groups * 256;
    register const uint8_t *w __asm__("r0") = codes;
    register const uint32_t *t __asm__("r1") = table;
    register const uint32_t *end __asm__("r12") = last;
    register uint32_t x __asm__("r2");
    register uint32_t a __asm__("r3");
    register uint32_t b __asm__("r4");
    register uint32_t c __asm__("r5");
    register uint32_t d __asm__("r6");
    register uint32_t e __asm__("r8");
    register uint32_t f __asm__("r9");
    register uint32_t g __asm__("r10");
    register uint32_t h __asm__("r11");
    __asm__ volatile(LM_P2_STEP(LM_P2_FIRST) "cmp %[t], %[end]\n\tbeq 2f\n1:\n\t" LM_P2_STEP(
                         LM_P2_LOOK) "cmp %[t], %[end]\n\tbne 1b\n2:"
                     : LM_T2_LANES
                     : [end] "r"(end)
                     : "cc", "memory");
    s[0] = a;
    s[1] = b;
    s[2] = c;
    s[3] = d;
    s[4] = e;
    s[5] = f;
    s[6] = g;
    s[7] = h;
}

LM_INLINE void lm_lanes_pair_thumb2(const uint8_t *w, const uint32_t *t, int32_t groups,
                                    int32_t lanes, uint32_t *s)
{
    if (lanes == 8) {
        lm_lanes_pair_8_thumb2(w, t, groups, s);
    } else {
        lm_lanes_pair(w, t, groups, lanes, s);
    }
}

/* As lm_planes_pair_byte. */
LM_INLINE void lm_planes_pair_byte_thumb2(const uint8_t *codes, const uint8_t *rows_data,
                                          const uint32_t *table, lm_two sum, int32_t *ya,
                                          int32_t *yb, int32_t rows, int32_t cols, int32_t planes,
                                          int32_t pre, int32_t stride)
{
    lm_planes_pair_with(lm_lanes_pair_thumb2, codes, rows_data, table, sum, ya, yb, rows, cols,
                        planes, pre, stride);
}

/* As lm_ternary_pair_byte. */
LM_INLINE void lm_ternary_pair_byte_thumb2(const uint8_t *codes, const uint8_t *rows_data,
                                           const uint32_t *table, int32_t *ya, int32_t *yb,
                                           int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    lm_ternary_pair_with(lm_lanes_pair_thumb2, codes, rows_data, table, ya, yb, rows, cols, pre,
                         stride);
}

#endif
