/* lm_int8_pair for RV32IM[C]. Needs lm_pairs.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_INT8_PAIR_RV32_H
#define LM_INT8_PAIR_RV32_H

/* Rows w and v (cols) times xa and xb -> s (w xa, w xb, v xa, v xb). */
LM_INLINE void lm_int8_2_by_2_rv32(const int8_t *w, const int8_t *v, const int8_t *xa,
                                   const int8_t *xb, int32_t cols, int32_t *s)
{
    const int8_t *end = xa + cols, *last = xa + (cols & ~3);
    int32_t wa = 0, wb = 0, va = 0, vb = 0;
    while (xa != last) {
        wa += w[0] * xa[0] + w[1] * xa[1] + w[2] * xa[2] + w[3] * xa[3];
        wb += w[0] * xb[0] + w[1] * xb[1] + w[2] * xb[2] + w[3] * xb[3];
        va += v[0] * xa[0] + v[1] * xa[1] + v[2] * xa[2] + v[3] * xa[3];
        vb += v[0] * xb[0] + v[1] * xb[1] + v[2] * xb[2] + v[3] * xb[3];
        w += 4;
        v += 4;
        xa += 4;
        xb += 4;
    }
    for (; xa != end; xa++, xb++, w++, v++) {
        wa += *w * *xa;
        wb += *w * *xb;
        va += *v * *xa;
        vb += *v * *xb;
    }
    s[0] = wa;
    s[1] = wb;
    s[2] = va;
    s[3] = vb;
}

/* As lm_int8_pair. Two rows share both inputs; a last odd one counts twice. */
LM_INLINE void lm_int8_pair_rv32(const uint8_t *codes, const uint8_t *rows_data, const int8_t *xa,
                                 const int8_t *xb, int32_t *ya, int32_t *yb, int32_t rows,
                                 int32_t cols, int32_t pre, int32_t stride)
{
    const uint8_t *scales = rows_data + LM_BOOK_BYTES;
    for (int32_t r = 0; r < rows; r += 2) {
        const int8_t *w = (const int8_t *)codes;
        const int32_t next = r + 1 < rows ? 1 : 0;
        const int32_t scale = scales[r], next_scale = scales[r + next];
        int32_t s[4];
        lm_int8_2_by_2_rv32(w, w + next * stride, xa, xb, cols, s);
        ya[r + next] = (s[2] >> pre) * next_scale;
        yb[r + next] = (s[3] >> pre) * next_scale;
        ya[r] = (s[0] >> pre) * scale;
        yb[r] = (s[1] >> pre) * scale;
        codes += 2 * stride;
    }
}

#endif
