/* lm_int8_pair for cores with vectors (MVE): two rows share both inputs, 16 columns at a time; the
 * loop's own predicate ends at the last column. Needs lm_int8_mve.h and lm_pairs.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_INT8_PAIR_MVE_H
#define LM_INT8_PAIR_MVE_H

/* Rows w and v (cols) times xa and xb -> s (w xa, w xb, v xa, v xb). */
LM_INLINE void lm_int8_2_by_2_mve(const int8_t *w, const int8_t *v, const int8_t *xa,
                                  const int8_t *xb, int32_t cols, int32_t *s)
{
    int32_t wa = 0, wb = 0, va = 0, vb = 0;
    int8x16_t a, b, e, f;
    __asm__ volatile(
        "dlstp.8 lr, %[n]\n1:\n\t"
        "vldrb.u8 %q[a], [%[xa]], #16\n\tvldrb.u8 %q[e], [%[w]], #16\n\t"
        "vldrb.u8 %q[b], [%[xb]], #16\n\tvmladava.s8 %[wa], %q[a], %q[e]\n\t"
        "vldrb.u8 %q[f], [%[v]], #16\n\tvmladava.s8 %[wb], %q[b], %q[e]\n\t"
        "vmladava.s8 %[va], %q[a], %q[f]\n\tvmladava.s8 %[vb], %q[b], %q[f]\n\t"
        "letp lr, 1b"
        : [wa] "+Te"(wa), [wb] "+Te"(wb), [va] "+Te"(va), [vb] "+Te"(vb), [w] "+r"(w), [v] "+r"(v),
          [xa] "+r"(xa), [xb] "+r"(xb), [a] "=&w"(a), [b] "=&w"(b), [e] "=&w"(e), [f] "=&w"(f)
        : [n] "r"(cols)
        : "lr", "cc", "memory");
    s[0] = wa;
    s[1] = wb;
    s[2] = va;
    s[3] = vb;
}

/* As lm_int8_pair. Two rows share both inputs; a last odd one counts twice. */
LM_INLINE void lm_int8_pair_mve(const uint8_t *codes, const uint8_t *rows_data, const int8_t *xa,
                                const int8_t *xb, int32_t *ya, int32_t *yb, int32_t rows,
                                int32_t cols, int32_t pre, int32_t stride)
{
    const uint8_t *scales = rows_data + LM_BOOK_BYTES;
    for (int32_t r = 0; r < rows; r += 2) {
        const int8_t *w = (const int8_t *)codes;
        const int32_t next = r + 1 < rows ? 1 : 0;
        const int32_t scale = scales[r], next_scale = scales[r + next];
        int32_t s[4];
        lm_int8_2_by_2_mve(w, w + next * stride, xa, xb, cols, s);
        ya[r + next] = (s[2] >> pre) * next_scale;
        yb[r + next] = (s[3] >> pre) * next_scale;
        ya[r] = (s[0] >> pre) * scale;
        yb[r] = (s[1] >> pre) * scale;
        codes += 2 * stride;
    }
}

#endif
