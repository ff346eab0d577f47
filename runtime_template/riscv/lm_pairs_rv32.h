/* lm_pairs.h for RV32IM[C]: a lookup serves two inputs with 5 instructions. Needs lm_pairs.h and
 * lm_planes_rv32.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PAIRS_RV32_H
#define LM_PAIRS_RV32_H

/* As lm_table_pair_byte, to the bit: four times 64 words. */
LM_FUNCTION lm_two lm_table_pair_byte_rv32(const int8_t *xa, const int8_t *xb, uint32_t *table,
                                           int32_t cols)
{
    lm_two sum = {0, 0};
    for (int32_t c = 0; c < cols; c += 8) {
        const lm_steps s = lm_steps_both(xa, xb, c, cols);
        const uint32_t *half = table + 128, *end = table + 256;
        uint32_t last = 0;
        lm_pairs p = s.first;
        while (table != end) {
            p = lm_half_table_rv32(table, p, s.d3, s.d4, s.d5);
            table += 64;
            last = p.e7;
            p = lm_add_pairs(p, table == half ? s.d7 : s.d6);
        }
        sum.a += (int32_t)(last & 0xFFFFU) - LM_BIAS; /* the last word is the sum of all eight */
        sum.b += (int32_t)(last >> 16) - LM_BIAS;
    }
    return sum;
}

/* As lm_lanes_pair with 8 lanes: first what four does not divide, then four steps a round, seen
 * from between them. */
LM_INLINE void lm_lanes_8_pair_rv32(const uint8_t *w, const uint32_t *t, int32_t groups,
                                    uint32_t *p)
{
    const uint32_t zero = 0U - LM_TWICE(LM_BIAS) * (uint32_t)groups;
    uint32_t s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
    uint32_t i, j, k, l;
    const uint32_t *end = t + groups % 4 * 256;
    if (t != end) {
        LM_RV_LOOP(LM_RV_LOOK_8(t, lw, 2, 0, 0), 1, 2);
    }
    if (groups >= 4) {
        t += 512;
        end = t + groups / 4 * 1024;
        LM_RV_LOOP(LM_RV_LOOK_8(t, lw, 2, 0, -2048) LM_RV_LOOK_8(t, lw, 2, 8, -1024)
                       LM_RV_LOOK_8(t, lw, 2, 16, 0) LM_RV_LOOK_8(t, lw, 2, 24, 1024),
                   4, 2);
    }
    p[0] = s0;
    p[1] = s1;
    p[2] = s2;
    p[3] = s3;
    p[4] = s4;
    p[5] = s5;
    p[6] = s6;
    p[7] = s7;
}

/* A lm_lanes_both. */
LM_INLINE void lm_lanes_pair_rv32(const uint8_t *w, const uint32_t *t, int32_t groups,
                                  int32_t lanes, uint32_t *p)
{
    if (lanes == 8) {
        lm_lanes_8_pair_rv32(w, t, groups, p);
    } else {
        lm_lanes_pair(w, t, groups, lanes, p);
    }
}

/* As lm_planes_pair_byte. */
LM_INLINE void lm_planes_pair_byte_rv32(const uint8_t *codes, const uint8_t *rows_data,
                                        const uint32_t *table, lm_two sum, int32_t *ya, int32_t *yb,
                                        int32_t rows, int32_t cols, int32_t planes, int32_t pre,
                                        int32_t stride)
{
    lm_planes_pair_by(lm_lanes_pair_rv32, codes, rows_data, table, sum, ya, yb, rows, cols, planes,
                      pre, stride);
}

/* As lm_ternary_pair_byte. */
LM_INLINE void lm_ternary_pair_byte_rv32(const uint8_t *codes, const uint8_t *rows_data,
                                         const uint32_t *table, int32_t *ya, int32_t *yb,
                                         int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    lm_ternary_pair_by(lm_lanes_pair_rv32, codes, rows_data, table, ya, yb, rows, cols, pre,
                       stride);
}

#endif
