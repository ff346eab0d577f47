/* Bit-planes straight from the input vector, without a table: for matrices of few rows, and where
 * RAM is short. One 32-bit multiplication adds an input to the sums of two lanes. 8 lanes, that is
 * 1, 2 or 4 planes. Needs lm_planes.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_PLANES_DIRECT_H
#define LM_PLANES_DIRECT_H

#define LM_DIRECT_GROUPS 32 /* 8 * 32 inputs of at most 127 stay below 2^15 */

/* Sums of two lanes each: the second one times 2^16. */
typedef struct lm_twins {
    uint32_t a, b, c, d; /* lanes 0 and 2, 1 and 3, 4 and 6, 5 and 7 */
} lm_twins;

/* Input number k of 8; v, u: the bytes of lanes 0..3 and 4..7; bits: 1 + 2^16. */
LM_INLINE void lm_direct_bit(lm_twins *s, uint32_t v, uint32_t u, int32_t x, int32_t k,
                             uint32_t bits)
{
    s->a += ((v >> k) & bits) * (uint32_t)x;
    s->b += ((v >> (8 + k)) & bits) * (uint32_t)x;
    s->c += ((u >> k) & bits) * (uint32_t)x;
    s->d += ((u >> (8 + k)) & bits) * (uint32_t)x;
}

/* The first byte lowest; compilers see one load in it where that may be unaligned. */
LM_INLINE uint32_t lm_four_bytes(const uint8_t *b)
{
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* groups <= LM_DIRECT_GROUPS times 8 bytes of codes and 8 inputs. */
LM_INLINE lm_twins lm_direct_groups(const uint8_t *codes, const int8_t *x, int32_t groups)
{
    lm_twins s = {0, 0, 0, 0};
    uint32_t bits = LM_TWICE(1);
    LM_HIDE(bits); /* as an immediate it would cost a shift apart */
    for (const int8_t *end = x + 8 * groups; x != end; x += 8) {
        const uint32_t v = lm_four_bytes(codes), u = lm_four_bytes(codes + 4);
        codes += 8;
        lm_direct_bit(&s, v, u, x[0], 0, bits);
        lm_direct_bit(&s, v, u, x[1], 1, bits);
        lm_direct_bit(&s, v, u, x[2], 2, bits);
        lm_direct_bit(&s, v, u, x[3], 3, bits);
        lm_direct_bit(&s, v, u, x[4], 4, bits);
        lm_direct_bit(&s, v, u, x[5], 5, bits);
        lm_direct_bit(&s, v, u, x[6], 6, bits);
        lm_direct_bit(&s, v, u, x[7], 7, bits);
    }
    return s;
}

LM_INLINE void lm_add_twins(uint32_t twins, int32_t *first, int32_t *second)
{
    const int32_t low = (int16_t)twins;
    *first += low;
    *second += (int32_t)(twins - (uint32_t)low) >> 16;
}

LM_INLINE void lm_direct_add(lm_twins t, int32_t *s)
{
    lm_add_twins(t.a, &s[0], &s[2]);
    lm_add_twins(t.b, &s[1], &s[3]);
    lm_add_twins(t.c, &s[4], &s[6]);
    lm_add_twins(t.d, &s[5], &s[7]);
}

/* The sums of a block's 8 lanes. */
LM_INLINE void lm_direct_lanes(const uint8_t *w, const int8_t *x, int32_t cols, int32_t *s)
{
    const int32_t groups = cols / 8;
    s[0] = s[1] = s[2] = s[3] = s[4] = s[5] = s[6] = s[7] = 0;
    for (int32_t g = 0; g < groups; g += LM_DIRECT_GROUPS) {
        const int32_t n = groups - g < LM_DIRECT_GROUPS ? groups - g : LM_DIRECT_GROUPS;
        lm_direct_add(lm_direct_groups(w + 8 * g, x + 8 * g, n), s);
    }
    if (cols % 8 != 0) {
        int8_t tail[8];
        const int8_t *in = lm_inputs(x, 8 * groups, 8, cols, tail);
        lm_direct_add(lm_direct_groups(w + 8 * groups, in, 1), s);
    }
}

LM_INLINE int32_t lm_sum(const int8_t *x, int32_t cols)
{
    int32_t sum = 0;
    for (int32_t c = 0; c < cols; c++) {
        sum += x[c];
    }
    return sum;
}

/* As lm_planes_byte, from x (cols) int8. */
LM_INLINE void lm_planes_direct(const uint8_t *codes, const uint8_t *rows_data, const int8_t *x,
                                int32_t *y, int32_t rows, int32_t cols, int32_t planes, int32_t pre,
                                int32_t stride)
{
    const int32_t step = lm_plane_rows(planes);
    const lm_book book = lm_read_book(rows_data, lm_sum(x, cols));
    for (int32_t r = 0; r < rows; r += step) {
        int32_t s[8];
        lm_direct_lanes(codes, x, cols, s);
        lm_combine_planes(s, book, rows_data + LM_BOOK_BYTES + r, y + r, planes, pre);
        codes += stride;
    }
}

#endif
