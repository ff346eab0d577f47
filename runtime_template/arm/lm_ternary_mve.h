/* lm_ternary.h for cores with vectors (MVE). Needs lm_ternary.h and lm_planes_mve.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_TERNARY_MVE_H
#define LM_TERNARY_MVE_H

/* The 27 sums of the lower 3 weights, the upper 2 being -1; the last 5 mean nothing. */
typedef struct lm_trits_mve {
    int16x8_t v0, v1, v2, v3;
} lm_trits_mve;

/* 8 of them from `first` on; weights lie by the index of their sum. */
LM_INLINE int16x8_t lm_trit_sums_mve(const int8_t *x, int32_t first)
{
    static const int16_t weights[3][32] = {
        {-1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1},
        {-1, -1, -1, 0, 0, 0, 1, 1, 1, -1, -1, -1, 0, 0, 0, 1, 1, 1, -1, -1, -1, 0, 0, 0, 1, 1, 1},
        {-1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    };
    int16x8_t v = vdupq_n_s16((int16_t)(LM_BIAS - x[3] - x[4]));
    v = vmlaq_n_s16(v, vldrhq_s16(weights[0] + first), x[0]);
    v = vmlaq_n_s16(v, vldrhq_s16(weights[1] + first), x[1]);
    return vmlaq_n_s16(v, vldrhq_s16(weights[2] + first), x[2]);
}

/* Stores a run of 27 sums, and 5 that the next run overwrites; gives the run with `add` added. */
LM_INLINE lm_trits_mve lm_trit_run_mve(int16_t *table, lm_trits_mve t, int16_t add)
{
    vstrhq_s16(table, t.v0);
    vstrhq_s16(table + 8, t.v1);
    vstrhq_s16(table + 16, t.v2);
    vstrhq_s16(table + 24, t.v3);
    t.v0 = vaddq_n_s16(t.v0, add);
    t.v1 = vaddq_n_s16(t.v1, add);
    t.v2 = vaddq_n_s16(t.v2, add);
    t.v3 = vaddq_n_s16(t.v3, add);
    return t;
}

/* As lm_table_trit, to the bit in all that is looked up. */
LM_INLINE int32_t lm_table_trit_mve(const int8_t *x, int16_t *table, int32_t cols)
{
    for (int32_t c = 0; c < cols; c += 5) {
        int8_t tail[5];
        const int8_t *in = lm_inputs(x, c, 5, cols, tail);
        const int16_t x3 = in[3], last = (int16_t)(in[4] - 2 * in[3]);
        lm_trits_mve t = {lm_trit_sums_mve(in, 0), lm_trit_sums_mve(in, 8),
                          lm_trit_sums_mve(in, 16), lm_trit_sums_mve(in, 24)};
        for (int32_t i = 0; i < 243; i += 81) {
            t = lm_trit_run_mve(table + i, t, x3);
            t = lm_trit_run_mve(table + i + 27, t, x3);
            t = lm_trit_run_mve(table + i + 54, t, last);
        }
        table += 256;
    }
    return lm_sum_mve(x, cols);
}

/* As lm_ternary_byte_part. */
LM_INLINE void lm_ternary_byte_mve_part(const uint8_t *codes, const uint8_t *rows_data,
                                        const int16_t *table, int32_t *y, int32_t rows,
                                        int32_t cols, int32_t pre, int32_t stride, int32_t part)
{
    const int32_t groups = (cols + 4) / 5;
    const int16x8_t one = vdupq_n_s16(1);
    for (int32_t r = 0; r < rows; r += 32) {
        const int32_t left = (rows - r + 7) / 8;
        const uint8_t *scales = rows_data + LM_BOOK_BYTES + r;
        lm_sums_mve s[4];
        lm_blocks_mve(codes, table, groups, 8, one, left, stride, s);
        lm_scale_8_mve(s[0], 0, scales, y + r, pre, part);
        if (left > 1) {
            lm_scale_8_mve(s[1], 0, scales + 8, y + r + 8, pre, part);
        }
        if (left > 2) {
            lm_scale_8_mve(s[2], 0, scales + 16, y + r + 16, pre, part);
        }
        if (left > 3) {
            lm_scale_8_mve(s[3], 0, scales + 24, y + r + 24, pre, part);
        }
        codes += 4 * stride;
    }
}

LM_INLINE void lm_ternary_byte_mve(const uint8_t *codes, const uint8_t *rows_data,
                                   const int16_t *table, int32_t *y, int32_t rows, int32_t cols,
                                   int32_t pre, int32_t stride)
{
    lm_ternary_byte_mve_part(codes, rows_data, table, y, rows, cols, pre, stride, LM_PART_WHOLE);
}

#endif
