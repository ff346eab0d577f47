/* lm_ternary.h for RV32I. Needs lm_ternary.h and lm_planes_rv32.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_TERNARY_RV32_H
#define LM_TERNARY_RV32_H

/* As lm_ternary_byte. */
LM_INLINE void lm_ternary_byte_rv32(const uint8_t *codes, const uint8_t *rows_data,
                                    const int16_t *table, int32_t *y, int32_t rows, int32_t cols,
                                    int32_t pre, int32_t stride)
{
    const int32_t groups = (cols + 4) / 5;
    for (int32_t r = 0; r < rows; r += 8) {
        int32_t s[8];
        lm_lanes_byte_rv32(codes, table, groups, s);
        lm_unbias_sums(s, groups);
        lm_scale_rows(s, rows_data + LM_BOOK_BYTES + r, y + r, pre);
        codes += stride;
    }
}

#endif
