/* lm_int8_pair for ARMv6-M: both inputs share a row. Needs lm_int8_thumb1.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_INT8_PAIR_THUMB1_H
#define LM_INT8_PAIR_THUMB1_H

/* As lm_int8_pair. */
LM_INLINE void lm_int8_pair_thumb1(const uint8_t *codes, const uint8_t *rows_data, const int8_t *xa,
                                   const int8_t *xb, int32_t *ya, int32_t *yb, int32_t rows,
                                   int32_t cols, int32_t pre, int32_t stride)
{
    for (int32_t r = 0; r < rows; r++) {
        int32_t s[2];
        lm_int8_dots_thumb1(xa, xb, (const int8_t *)codes, cols, s);
        const int32_t scale = rows_data[LM_BOOK_BYTES + r];
        ya[r] = (s[0] >> pre) * scale;
        yb[r] = (s[1] >> pre) * scale;
        codes += stride;
    }
}

#endif
