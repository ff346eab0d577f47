/* lm_ternary.h for ARMv6-M. Tables are those of lm_table_trit. Needs lm_ternary.h and
 * lm_planes_thumb1.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_TERNARY_THUMB1_H
#define LM_TERNARY_THUMB1_H

/* As lm_ternary_byte_part. */
LM_INLINE void lm_ternary_byte_thumb1_part(const uint8_t *codes, const uint8_t *rows_data,
                                           const int16_t *table, int32_t *y, int32_t rows,
                                           int32_t cols, int32_t pre, int32_t stride, int32_t part)
{
    const int32_t groups = (cols + 4) / 5;
    for (int32_t r = 0; r < rows; r += 8) {
        int32_t s[8];
        lm_lanes_byte_thumb1(codes, table, groups, s);
        lm_unbias_sums(s, groups);
        lm_scale_rows(s, rows_data + LM_BOOK_BYTES + r, y + r, pre, part);
        codes += stride;
    }
}

LM_INLINE void lm_ternary_byte_thumb1(const uint8_t *codes, const uint8_t *rows_data,
                                      const int16_t *table, int32_t *y, int32_t rows, int32_t cols,
                                      int32_t pre, int32_t stride)
{
    lm_ternary_byte_thumb1_part(codes, rows_data, table, y, rows, cols, pre, stride, LM_PART_WHOLE);
}

#endif
