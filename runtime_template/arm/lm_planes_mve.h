/* lm_planes.h for cores with vectors (MVE, Cortex-M55 and M85): a table is written 8 sums at a time
 * and looked up by gathering loads for the 8 lanes of a block; 4 blocks share the walk over the
 * tables. Lane sums are 16 bits wide, which holds 32 groups of 8 inputs, and are then widened.
 * Tables are those of lm_table_byte, to the bit. Needs lm_planes.h. SPDX-License-Identifier: 0BSD
 */
#ifndef LM_PLANES_MVE_H
#define LM_PLANES_MVE_H

#include <arm_mve.h>

#define LM_MVE_GROUPS 32 /* 8 * 32 inputs of at most 127 stay below 2^15 */

/* Sums of 4 lanes, and of the 4 lanes between them. */
typedef struct lm_sums_mve {
    int32x4_t even, odd;
} lm_sums_mve;

/* 8 sums to the place of upper bits `at`, which lie 16 bytes apart around the middle of the table;
 * then one input more or less. The order of the upper bits is a Gray code. */
#define LM_MVE_PUT(at) "vstrw.32 %q[e], [%[t], #" #at "]\n\t"
#define LM_MVE_MORE(x, at) "vadd.i16 %q[e], %q[e], %[" #x "]\n\t" LM_MVE_PUT(at)
#define LM_MVE_LESS(x, at) "vsub.i16 %q[e], %q[e], %[" #x "]\n\t" LM_MVE_PUT(at)

/* The 31 vectors of a table that follow from the one for its lower 3 inputs, and that one. */
LM_INLINE void lm_table_group_mve(int16_t *middle, int16x8_t e, int32_t x3, int32_t x4, int32_t x5,
                                  int32_t x6, int32_t x7)
{
    __asm__ volatile(
        LM_MVE_PUT(-256) LM_MVE_MORE(x3, -240) LM_MVE_MORE(x4, -208) LM_MVE_LESS(x3, -224)
            LM_MVE_MORE(x5, -160) LM_MVE_MORE(x3, -144) LM_MVE_LESS(x4, -176) LM_MVE_LESS(x3, -192)
                LM_MVE_MORE(x6, -64) LM_MVE_MORE(x3, -48) LM_MVE_MORE(x4, -16) LM_MVE_LESS(x3, -32)
                    LM_MVE_LESS(x5, -96) LM_MVE_MORE(x3, -80) LM_MVE_LESS(x4, -112)
                        LM_MVE_LESS(x3, -128) LM_MVE_MORE(x7, 128) LM_MVE_MORE(x3, 144)
                            LM_MVE_MORE(x4, 176) LM_MVE_LESS(x3, 160) LM_MVE_MORE(x5, 224)
                                LM_MVE_MORE(x3, 240) LM_MVE_LESS(x4, 208) LM_MVE_LESS(x3, 192)
                                    LM_MVE_LESS(x6, 64) LM_MVE_MORE(x3, 80) LM_MVE_MORE(x4, 112)
                                        LM_MVE_LESS(x3, 96) LM_MVE_LESS(x5, 32) LM_MVE_MORE(x3, 48)
                                            LM_MVE_LESS(x4, 16) LM_MVE_LESS(x3, 0)
        : [e] "+w"(e)
        : [t] "r"(middle), [x3] "r"(x3), [x4] "r"(x4), [x5] "r"(x5), [x6] "r"(x6), [x7] "r"(x7)
        : "memory");
}

/* The sum of x (cols). */
LM_INLINE int32_t lm_sum_mve(const int8_t *x, int32_t cols)
{
    int32_t sum = 0;
    int32_t c = 0;
    for (; c + 16 <= cols; c += 16) {
        sum = vaddvaq_s8(sum, vldrbq_s8(x + c));
    }
    if (c < cols) {
        sum = vaddvaq_s8(sum, vldrbq_z_s8(x + c, vctp8q((uint32_t)(cols - c))));
    }
    return sum;
}

/* As lm_table_byte, to the bit; table (256 per 8 cols) on a 4-byte boundary. */
LM_INLINE int32_t lm_table_byte_mve(const int8_t *x, int16_t *table, int32_t cols)
{
    static const int16_t bits[3][8] = {
        {0, 1, 0, 1, 0, 1, 0, 1}, {0, 0, 1, 1, 0, 0, 1, 1}, {0, 0, 0, 0, 1, 1, 1, 1}};
    const int16x8_t b0 = vldrhq_s16(bits[0]), b1 = vldrhq_s16(bits[1]), b2 = vldrhq_s16(bits[2]);
    for (int32_t c = 0; c < cols; c += 8) {
        int8_t tail[8];
        const int8_t *in = lm_inputs(x, c, 8, cols, tail);
        int16x8_t e = vdupq_n_s16(LM_BIAS);
        e = vmlaq_n_s16(e, b0, in[0]);
        e = vmlaq_n_s16(e, b1, in[1]);
        e = vmlaq_n_s16(e, b2, in[2]);
        lm_table_group_mve(table + 128, e, in[3], in[4], in[5], in[6], in[7]);
        table += 256;
    }
    return lm_sum_mve(x, cols);
}

/* Two blocks of the four: indices i and j, sums looked up k and i, lane sums a and b. */
#define LM_MVE_TWO(load, lanes, p, a, q, b)                                                        \
    load " %q[i], [%[" #p "]], #" #lanes "\n\t" load " %q[j], [%[" #q "]], #" #lanes "\n\t"        \
         "vldrh.u16 %q[k], [%[t], %q[i], uxtw #1]\n\t"                                             \
         "vldrh.u16 %q[i], [%[t], %q[j], uxtw #1]\n\t"                                             \
         "vadd.i16 %q[" #a "], %q[" #a "], %q[k]\n\tvadd.i16 %q[" #b "], %q[" #b "], %q[i]\n\t"
#define LM_MVE_REST "add %[t], %[t], #512\n\tle lr, 1b"
#define LM_MVE_OPERANDS                                                                            \
    [a] "+w"(a), [b] "+w"(b), [c] "+w"(c), [d] "+w"(d), [i] "=&w"(i), [j] "=&w"(j), [k] "=&w"(k),  \
        [p] "+l"(p), [q] "+l"(q), [r] "+l"(r), [s] "+l"(s), [t] "+r"(t)

/* The lane sums of blocks w (4) over `groups` <= LM_MVE_GROUPS table steps, which move w on. With
 * fewer than 8 lanes the rest is neither read nor meant. */
LM_INLINE void lm_lanes_mve(const uint8_t **w, const int16_t *t, int32_t groups, int32_t lanes,
                            int16x8_t *sums)
{
    int16x8_t a = vdupq_n_s16((int16_t)(-LM_BIAS * groups)), b = a, c = a, d = a;
    uint16x8_t i, j, k;
    const uint8_t *p = w[0], *q = w[1], *r = w[2], *s = w[3];
    uint32_t old; /* predicate: compilers do not know it as something to clobber */
    if (lanes == 8) {
        __asm__ volatile("dls lr, %[n]\n1:\n\t" LM_MVE_TWO("vldrb.u16", 8, p, a, q, b)
                             LM_MVE_TWO("vldrb.u16", 8, r, c, s, d) LM_MVE_REST:LM_MVE_OPERANDS
                         : [n] "r"(groups)
                         : "lr", "cc", "memory");
    } else if (lanes == 6) {
        __asm__ volatile("vmrs %[old], p0\n\tvmsr p0, %[m]\n\tdls lr, %[n]\n1:\n\t"
                         "vpstt\n\t" LM_MVE_TWO("vldrbt.u16", 6, p, a, q, b) "vpstt\n\t" LM_MVE_TWO(
                             "vldrbt.u16", 6, r, c, s, d) LM_MVE_REST "\n\tvmsr p0, %[old]"
                         : LM_MVE_OPERANDS, [old] "=&r"(old)
                         : [n] "r"(groups), [m] "r"(0xFFF)
                         : "lr", "cc", "memory");
    } else {
        __asm__ volatile("vmrs %[old], p0\n\tvmsr p0, %[m]\n\tdls lr, %[n]\n1:\n\t"
                         "vpstt\n\t" LM_MVE_TWO("vldrbt.u16", 5, p, a, q, b) "vpstt\n\t" LM_MVE_TWO(
                             "vldrbt.u16", 5, r, c, s, d) LM_MVE_REST "\n\tvmsr p0, %[old]"
                         : LM_MVE_OPERANDS, [old] "=&r"(old)
                         : [n] "r"(groups), [m] "r"(0x3FF)
                         : "lr", "cc", "memory");
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
    w[0] = p, w[1] = q, w[2] = r, w[3] = s;
}

/* Lane sums times the lanes' coefficients. */
LM_INLINE lm_sums_mve lm_weigh_mve(int16x8_t s, int16x8_t coef)
{
    const lm_sums_mve wide = {vmullbq_int_s16(s, coef), vmulltq_int_s16(s, coef)};
    return wide;
}

LM_INLINE lm_sums_mve lm_add_mve(lm_sums_mve a, lm_sums_mve b)
{
    a.even = vaddq_s32(a.even, b.even);
    a.odd = vaddq_s32(a.odd, b.odd);
    return a;
}

/* The weighed lane sums of 4 blocks, stride bytes apart; where fewer are left, of the last one
 * again. */
LM_INLINE void lm_blocks_mve(const uint8_t *codes, const int16_t *table, int32_t groups,
                             int32_t lanes, int16x8_t coef, int32_t left, int32_t stride,
                             lm_sums_mve *out)
{
    const uint8_t *w[4];
    w[0] = codes;
    w[1] = codes + (left > 1 ? stride : 0);
    w[2] = w[1] + (left > 2 ? stride : 0);
    w[3] = w[2] + (left > 3 ? stride : 0);
    int16x8_t s[4];
    lm_lanes_mve(w, table, groups < LM_MVE_GROUPS ? groups : LM_MVE_GROUPS, lanes, s);
    out[0] = lm_weigh_mve(s[0], coef);
    out[1] = lm_weigh_mve(s[1], coef);
    out[2] = lm_weigh_mve(s[2], coef);
    out[3] = lm_weigh_mve(s[3], coef);
    for (int32_t g = LM_MVE_GROUPS; g < groups; g += LM_MVE_GROUPS) {
        const int32_t n = groups - g;
        lm_lanes_mve(w, table + 256 * g, n < LM_MVE_GROUPS ? n : LM_MVE_GROUPS, lanes, s);
        out[0] = lm_add_mve(out[0], lm_weigh_mve(s[0], coef));
        out[1] = lm_add_mve(out[1], lm_weigh_mve(s[1], coef));
        out[2] = lm_add_mve(out[2], lm_weigh_mve(s[2], coef));
        out[3] = lm_add_mve(out[3], lm_weigh_mve(s[3], coef));
    }
}

/* Lanes are 8 rows: y (8) = ((acc + zero) >> pre) * scale. */
LM_INLINE void lm_scale_8_mve(lm_sums_mve s, int32_t zero, const uint8_t *scales, int32_t *y,
                              int32_t pre, int32_t part)
{
    int32x4x2_t out;
    out.val[0] = vaddq_n_s32(s.even, zero);
    out.val[1] = vaddq_n_s32(s.odd, zero);
    if ((part & LM_PART_FIRST) == 0) {
        const int32x4x2_t before = vld2q_s32(y);
        out.val[0] = vaddq_s32(out.val[0], before.val[0]);
        out.val[1] = vaddq_s32(out.val[1], before.val[1]);
    }
    if ((part & LM_PART_LAST) != 0) {
        const uint16x8_t scale = vldrbq_u16(scales);
        const int32x4_t even = vshlq_r_s32(out.val[0], -pre), odd = vshlq_r_s32(out.val[1], -pre);
        out.val[0] = vmulq_s32(even, vreinterpretq_s32_u32(vmovlbq_u16(scale)));
        out.val[1] = vmulq_s32(odd, vreinterpretq_s32_u32(vmovltq_u16(scale)));
    }
    vst2q_s32(y, out);
}

/* Each 2 lanes are a row: y (4). */
LM_INLINE void lm_scale_4_mve(lm_sums_mve s, int32_t zero, const uint8_t *scales, int32_t *y,
                              int32_t pre, int32_t part)
{
    int32x4_t acc = vaddq_n_s32(vaddq_s32(s.even, s.odd), zero);
    acc = (part & LM_PART_FIRST) != 0 ? acc : vaddq_s32(acc, vldrwq_s32(y));
    if ((part & LM_PART_LAST) != 0) {
        acc = vmulq_s32(vshlq_r_s32(acc, -pre), vreinterpretq_s32_u32(vldrbq_u32(scales)));
    }
    vstrwq_s32(y, acc);
}

/* The rows of a block from its weighed lane sums; lanes past the last have weight 0. Masks are
 * vectors: GCC 12 gets constant predicates wrong. */
LM_INLINE void lm_combine_mve(lm_sums_mve s, int32_t zero, const uint8_t *scales, int32_t *y,
                              int32_t planes, int32_t pre, int32_t part)
{
    if (planes == 1) {
        lm_scale_8_mve(s, zero, scales, y, pre, part);
    } else if (planes == 2) {
        lm_scale_4_mve(s, zero, scales, y, pre, part);
    } else if (planes <= 4) { /* lanes 0 1 2 | 3 4 5 or 0 1 2 3 | 4 5 6 7; even ones first */
        const int32x4_t even = {1, 1, 0, 0}, odd = {1, planes == 3 ? 0 : 1, 0, 0};
        const int32_t first = vmladavaq_s32(vmladavaq_s32(zero, s.even, even), s.odd, odd);
        const int32_t all = vaddvaq_s32(vaddvaq_s32(zero, s.even), s.odd);
        const int32_t second = all - first + zero;
        y[0] = lm_part_row(first + lm_part_sum(y, part), scales[0], pre, part);
        y[1] = lm_part_row(second + lm_part_sum(y + 1, part), scales[1], pre, part);
    } else {
        const int32_t all = vaddvaq_s32(vaddvaq_s32(zero, s.even), s.odd);
        y[0] = lm_part_row(all + lm_part_sum(y, part), scales[0], pre, part);
    }
}

LM_INLINE int16x8_t lm_pair_mve(int32_t even, int32_t odd)
{
    return vreinterpretq_s16_u32(vdupq_n_u32(((uint32_t)even & 0xFFFFU) | ((uint32_t)odd << 16)));
}

/* What each bit adds, by lane; 0 past the last. */
LM_INLINE int16x8_t lm_coef_mve(lm_book b, int32_t planes)
{
    const int32_t c[6] = {b.c0, b.c1, b.c2, b.c3, b.c4, b.c5};
    int16_t lanes[8];
    for (int32_t i = 0; i < 8; i++) {
        lanes[i] = (int16_t)(i < lm_plane_rows(planes) * planes ? c[i % planes] : 0);
    }
    return vldrhq_s16(lanes);
}

/* Up to 4 blocks, `left` of them. */
LM_INLINE void lm_planes_4_mve(const uint8_t *codes, const uint8_t *scales, const int16_t *table,
                               int16x8_t coef, int32_t zero, int32_t *y, int32_t groups,
                               int32_t planes, int32_t pre, int32_t stride, int32_t left,
                               int32_t part)
{
    const int32_t step = lm_plane_rows(planes);
    lm_sums_mve s[4];
    lm_blocks_mve(codes, table, groups, step * planes, coef, left, stride, s);
    lm_combine_mve(s[0], zero, scales, y, planes, pre, part);
    if (left > 1) {
        lm_combine_mve(s[1], zero, scales + step, y + step, planes, pre, part);
    }
    if (left > 2) {
        lm_combine_mve(s[2], zero, scales + 2 * step, y + 2 * step, planes, pre, part);
    }
    if (left > 3) {
        lm_combine_mve(s[3], zero, scales + 3 * step, y + 3 * step, planes, pre, part);
    }
}

/* As lm_planes_byte_part. */
LM_INLINE void lm_planes_byte_mve_part(const uint8_t *codes, const uint8_t *rows_data,
                                       const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                       int32_t cols, int32_t planes, int32_t pre, int32_t stride,
                                       int32_t part)
{
    const int32_t step = lm_plane_rows(planes), blocks = (rows + step - 1) / step;
    const int32_t groups = (cols + 7) / 8;
    const lm_book book = lm_read_book(rows_data, sum);
    const int16x8_t coef = planes == 1   ? vdupq_n_s16((int16_t)book.c0)
                           : planes == 2 ? lm_pair_mve(book.c0, book.c1)
                                         : lm_coef_mve(book, planes);
    const uint8_t *scales = rows_data + LM_BOOK_BYTES;
    for (int32_t b = 0; b + 4 <= blocks; b += 4) {
        lm_planes_4_mve(codes, scales, table, coef, book.zero, y, groups, planes, pre, stride, 4,
                        part);
        codes += 4 * stride;
        scales += 4 * step;
        y += 4 * step;
    }
    if (blocks % 4 != 0) {
        lm_planes_4_mve(codes, scales, table, coef, book.zero, y, groups, planes, pre, stride,
                        blocks % 4, part);
    }
}

LM_INLINE void lm_planes_byte_mve(const uint8_t *codes, const uint8_t *rows_data,
                                  const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                  int32_t cols, int32_t planes, int32_t pre, int32_t stride)
{
    lm_planes_byte_mve_part(codes, rows_data, table, sum, y, rows, cols, planes, pre, stride,
                            LM_PART_WHOLE);
}

#endif
