/* lm_int8.h for cores with vectors (MVE): four rows share the input, 16 columns at a time; the
 * loop's own predicate ends at the last column. Needs lm_planes.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_INT8_MVE_H
#define LM_INT8_MVE_H

#include <arm_mve.h>

/* Rows p, q, r, s (cols each) times x -> their 4 sums. */
LM_INLINE int32x4_t lm_int8_rows_mve(const uint8_t *p, const uint8_t *q, const uint8_t *r,
                                     const uint8_t *s, const int8_t *x, int32_t cols)
{
    int32_t a = 0, b = 0, c = 0, d = 0;
    int32x4_t sums;
    int8x16_t u, v, w;
    __asm__ volatile("dlstp.8 lr, %[n]\n1:\n\t"
                     "vldrb.u8 %q[u], [%[x]], #16\n\tvldrb.u8 %q[v], [%[p]], #16\n\t"
                     "vldrb.u8 %q[w], [%[q]], #16\n\tvmladava.s8 %[a], %q[u], %q[v]\n\t"
                     "vldrb.u8 %q[v], [%[r]], #16\n\tvmladava.s8 %[b], %q[u], %q[w]\n\t"
                     "vldrb.u8 %q[w], [%[s]], #16\n\tvmladava.s8 %[c], %q[u], %q[v]\n\t"
                     "vmladava.s8 %[d], %q[u], %q[w]\n\tletp lr, 1b\n\t"
                     "vmov %q[sums][2], %q[sums][0], %[a], %[c]\n\t"
                     "vmov %q[sums][3], %q[sums][1], %[b], %[d]"
                     : [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c), [d] "+Te"(d), [p] "+r"(p),
                       [q] "+r"(q), [r] "+r"(r), [s] "+r"(s), [x] "+r"(x), [u] "=&w"(u),
                       [v] "=&w"(v), [w] "=&w"(w), [sums] "=&w"(sums)
                     : [n] "r"(cols)
                     : "lr", "cc", "memory");
    return sums;
}

/* As lm_int8. */
LM_INLINE void lm_int8_mve(const uint8_t *codes, const uint8_t *rows_data, const int8_t *x,
                           int32_t *y, int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    const uint8_t *w = codes, *scales = rows_data + LM_BOOK_BYTES;
    for (const int32_t *end = y + (rows & ~3); y != end; y += 4) {
        const int32x4_t acc =
            lm_int8_rows_mve(w, w + stride, w + 2 * stride, w + 3 * stride, x, cols);
        const int32x4_t scale = vreinterpretq_s32_u32(vldrbq_u32(scales));
        vstrwq_s32(y, vmulq_s32(vshlq_r_s32(acc, -pre), scale));
        w += 4 * stride;
        scales += 4;
    }
    const int32_t left = rows & 3;
    if (left > 0) { /* rows past the last: the first of these again, and not stored */
        const mve_pred16_t some = vctp32q((uint32_t)left);
        const int32x4_t acc = lm_int8_rows_mve(w, left > 1 ? w + stride : w,
                                               left > 2 ? w + 2 * stride : w, w, x, cols);
        const int32x4_t scale = vreinterpretq_s32_u32(vldrbq_z_u32(scales, some));
        vstrwq_p_s32(y, vmulq_s32(vshlq_r_s32(acc, -pre), scale), some);
    }
}

#endif
