/* lm_int8.h and lm_int8_pair for ARMv6-M: two vectors share a third. The one load that extends the
 * sign needs an index in a register: all three are read by the same index, which counts up to 0.
 * Needs lm_pairs.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_INT8_THUMB1_H
#define LM_INT8_THUMB1_H

#define LM_T1_COLUMN                                                                               \
    "ldrsb %[x], [%[in], %[i]]\n\tldrsb %[u], [%[w], %[i]]\n\tldrsb %[e], [%[v], %[i]]\n\t"        \
    "muls %[u], %[x], %[u]\n\tmuls %[e], %[x], %[e]\n\tadd %[a], %[a], %[u]\n\t"                   \
    "add %[b], %[b], %[e]\n\tadds %[i], #1\n\t"

/* p and q (n) times `shared` -> their 2 sums. Named registers are set last, from plain variables,
 * and r8 and r9 first, through any other. */
LM_INLINE lm_two lm_int8_dots_thumb1(const int8_t *p, const int8_t *q, const int8_t *shared,
                                     int32_t n)
{
    const int32_t whole = n & ~3;
    const int8_t *p_end = p + whole, *q_end = q + whole, *end = shared + whole;
    register int32_t a __asm__("r8") = 0;
    register int32_t b __asm__("r9") = 0;
    register const int8_t *w __asm__("r0") = p_end;
    register const int8_t *v __asm__("r1") = q_end;
    register const int8_t *in __asm__("r2") = end;
    register int32_t i __asm__("r3") = -whole;
    register int32_t x __asm__("r4");
    register int32_t u __asm__("r5");
    register int32_t e __asm__("r6");
    if (i != 0) {
        __asm__ volatile(
            ".syntax unified\n1:\n\t" LM_T1_COLUMN LM_T1_COLUMN LM_T1_COLUMN LM_T1_COLUMN "bne 1b"
            : [a] "+r"(a), [b] "+r"(b), [i] "+l"(i), [x] "=&l"(x), [u] "=&l"(u), [e] "=&l"(e)
            : [w] "l"(w), [v] "l"(v), [in] "l"(in)
            : "cc", "memory");
    }
    lm_two s = {a, b};
    for (int32_t c = whole; c < n; c++) {
        s.a += p[c] * shared[c];
        s.b += q[c] * shared[c];
    }
    return s;
}

/* As lm_int8. */
LM_INLINE void lm_int8_thumb1(const uint8_t *codes, const uint8_t *rows_data, const int8_t *x,
                              int32_t *y, int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    const uint8_t *scales = rows_data + LM_BOOK_BYTES;
    for (int32_t r = 0; r < rows; r += 2) {
        const int8_t *w = (const int8_t *)codes;
        const int32_t next = r + 1 < rows ? 1 : 0;
        const lm_two s = lm_int8_dots_thumb1(w, w + next * stride, x, cols);
        y[r + next] = (s.b >> pre) * (int32_t)scales[r + next];
        y[r] = (s.a >> pre) * (int32_t)scales[r];
        codes += 2 * stride;
    }
}

/* As lm_int8_pair. */
LM_INLINE void lm_int8_pair_thumb1(const uint8_t *codes, const uint8_t *rows_data, const int8_t *xa,
                                   const int8_t *xb, int32_t *ya, int32_t *yb, int32_t rows,
                                   int32_t cols, int32_t pre, int32_t stride)
{
    for (int32_t r = 0; r < rows; r++) {
        const lm_two s = lm_int8_dots_thumb1(xa, xb, (const int8_t *)codes, cols);
        const int32_t scale = rows_data[LM_BOOK_BYTES + r];
        ya[r] = (s.a >> pre) * scale;
        yb[r] = (s.b >> pre) * scale;
        codes += stride;
    }
}

#endif
