/* lm_xnor.h for cores with vectors (MVE, Cortex-M55 and M85). MVE cannot count bits either: a
 * gathering load looks the count of 16 bytes up at once, two groups of 8 lanes; 4 blocks share what
 * is read of the input. Needs lm_xnor.h, lm_planes_mve.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_XNOR_MVE_H
#define LM_XNOR_MVE_H

#define LM_MVE_XNOR_GROUPS 62 /* 31 vectors of 8 bits a byte stay below 2^8 */

/* How many bits are set in a byte. */
#define LM_COUNTS_2(n) (n), (n) + 1U, (n) + 1U, (n) + 2U
#define LM_COUNTS_4(n)                                                                             \
    LM_COUNTS_2(n), LM_COUNTS_2((n) + 1U), LM_COUNTS_2((n) + 1U), LM_COUNTS_2((n) + 2U)
#define LM_COUNTS_6(n)                                                                             \
    LM_COUNTS_4(n), LM_COUNTS_4((n) + 1U), LM_COUNTS_4((n) + 1U), LM_COUNTS_4((n) + 2U)
static const uint8_t lm_bit_count[256] = {LM_COUNTS_6(0U), LM_COUNTS_6(1U), LM_COUNTS_6(1U),
                                          LM_COUNTS_6(2U)};

/* The bits of two groups, each for 8 lanes; where `only`, of the first. */
LM_INLINE uint8x16_t lm_bits_mve(const int16_t *bits, int32_t only)
{
    static const uint32_t at[4] = {0, 0, 4, 4};
    const uint32_t *words = (const uint32_t *)(const void *)bits;
    const uint32x4_t offsets = vldrwq_u32(at);
    return vreinterpretq_u8_u32(only ? vldrwq_gather_offset_z_u32(words, offsets, vctp32q(2U))
                                     : vldrwq_gather_offset_u32(words, offsets));
}

/* 16 bytes of codes, on a 4-byte boundary; where `only`, 8 of them and zeros. */
LM_INLINE uint8x16_t lm_codes_mve(const uint8_t *w, int32_t only)
{
    const uint32_t *words = (const uint32_t *)(const void *)w;
    return vreinterpretq_u8_u32(only ? vldrwq_z_u32(words, vctp32q(2U)) : vldrwq_u32(words));
}

/* n with the bits of p ^ b, for 16 bytes of codes w. */
LM_INLINE uint8x16_t lm_count_mve(uint8x16_t n, uint8x16_t w, uint8x16_t b)
{
    return vaddq_u8(n, vldrbq_gather_offset_u8(lm_bit_count, veorq_u8(w, b)));
}

/* Lane sums less counts. */
LM_INLINE int16x8_t lm_less_mve(int16x8_t s, uint8x16_t n)
{
    uint32_t words[4];
    const uint8_t *bytes = (const uint8_t *)words;
    vstrwq_u32(words, vreinterpretq_u32_u8(n));
    s = vsubq_s16(s, vreinterpretq_s16_u16(vldrbq_u16(bytes)));
    return vsubq_s16(s, vreinterpretq_s16_u16(vldrbq_u16(bytes + 8)));
}

/* s (4 blocks) less the bits of p ^ b in their lanes, groups <= LM_MVE_XNOR_GROUPS. */
LM_INLINE void lm_xnor_groups_mve(const uint8_t *const *w, const int16_t *bits, int32_t groups,
                                  int16x8_t *s)
{
    uint8x16_t a = vdupq_n_u8(0), b = a, c = a, d = a;
    const uint8_t *p = w[0], *q = w[1], *r = w[2], *t = w[3];
    for (int32_t g = 0; g + 2 <= groups; g += 2) {
        const uint8x16_t x = lm_bits_mve(bits, 0);
        a = lm_count_mve(a, lm_codes_mve(p, 0), x);
        b = lm_count_mve(b, lm_codes_mve(q, 0), x);
        c = lm_count_mve(c, lm_codes_mve(r, 0), x);
        d = lm_count_mve(d, lm_codes_mve(t, 0), x);
        p += 16;
        q += 16;
        r += 16;
        t += 16;
        bits += 4;
    }
    if (groups % 2 != 0) {
        const uint8x16_t x = lm_bits_mve(bits, 1);
        a = lm_count_mve(a, lm_codes_mve(p, 1), x);
        b = lm_count_mve(b, lm_codes_mve(q, 1), x);
        c = lm_count_mve(c, lm_codes_mve(r, 1), x);
        d = lm_count_mve(d, lm_codes_mve(t, 1), x);
    }
    s[0] = lm_less_mve(s[0], a);
    s[1] = lm_less_mve(s[1], b);
    s[2] = lm_less_mve(s[2], c);
    s[3] = lm_less_mve(s[3], d);
}

/* The rows of up to 4 blocks, `left` of them; set: bits in b. */
LM_INLINE void lm_xnor_4_mve(const uint8_t *codes, const uint8_t *scales, const int16_t *bits,
                             int32_t set, int16x8_t coef, int32_t zero, int32_t *y, int32_t groups,
                             int32_t planes, int32_t pre, int32_t stride, int32_t left)
{
    const int32_t step = lm_plane_rows(planes);
    const uint8_t *w[4];
    int16x8_t s[4];
    s[0] = s[1] = s[2] = s[3] = vdupq_n_s16((int16_t)set);
    w[0] = codes;
    w[1] = codes + (left > 1 ? stride : 0);
    w[2] = w[1] + (left > 2 ? stride : 0);
    w[3] = w[2] + (left > 3 ? stride : 0);
    for (int32_t g = 0; g < groups; g += LM_MVE_XNOR_GROUPS) {
        const int32_t n = groups - g < LM_MVE_XNOR_GROUPS ? groups - g : LM_MVE_XNOR_GROUPS;
        lm_xnor_groups_mve(w, bits + 2 * g, n, s);
        for (int32_t k = 0; k < 4; k++) {
            w[k] += 8 * n;
        }
    }
    for (int32_t k = 0; k < left; k++) {
        lm_combine_mve(lm_weigh_mve(s[k], coef), zero, scales + k * step, y + k * step, planes, pre,
                       LM_PART_WHOLE);
    }
}

/* As lm_planes_xnor, to the bit. A lane's sum is at most 16384 in size. */
LM_INLINE void lm_planes_xnor_mve(const uint8_t *codes, const uint8_t *rows_data,
                                  const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                  int32_t cols, int32_t planes, int32_t pre, int32_t stride)
{
    const int32_t step = lm_plane_rows(planes), groups = (cols + 7) / 8;
    const int32_t set = (sum + cols) >> 1;
    const lm_book book = lm_read_book(rows_data, sum);
    const int16x8_t coef = lm_coef_mve(book, planes);
    const uint8_t *scales = rows_data + LM_BOOK_BYTES;
    int32_t blocks = (rows + step - 1) / step;
    for (; blocks >= 4; blocks -= 4) {
        lm_xnor_4_mve(codes, scales, table, set, coef, book.zero, y, groups, planes, pre, stride,
                      4);
        codes += 4 * stride;
        scales += 4 * step;
        y += 4 * step;
    }
    if (blocks != 0) {
        lm_xnor_4_mve(codes, scales, table, set, coef, book.zero, y, groups, planes, pre, stride,
                      blocks);
    }
}

#endif
