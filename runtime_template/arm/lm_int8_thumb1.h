/* lm_int8.h for ARMv6-M: two rows share the input. The one load that extends the
 * sign needs an index in a register: all three are read by the same index, which counts up to 0.
 * Needs lm_int8.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_INT8_THUMB1_H
#define LM_INT8_THUMB1_H

#define LM_T1_COLUMN                                                                               \
    "ldrsb %[x], [%[in], %[i]]\n\tldrsb %[u], [%[w], %[i]]\n\tldrsb %[e], [%[v], %[i]]\n\t"        \
    "muls %[u], %[x], %[u]\n\tmuls %[e], %[x], %[e]\n\tadd %[a], %[a], %[u]\n\t"                   \
    "add %[b], %[b], %[e]\n\tadds %[i], #1\n\t"

/* p and q (n) times `shared` -> sums (2). Named registers are set last, from plain variables,
 * and r8 and r9 first, through any other. */
LM_INLINE void lm_int8_dots_thumb1(const int8_t *p, const int8_t *q, const int8_t *shared,
                                   int32_t n, int32_t *sums)
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
    int32_t of_p = a, of_q = b;
    for (int32_t c = whole; c < n; c++) {
        of_p += p[c] * shared[c];
        of_q += q[c] * shared[c];
    }
    sums[0] = of_p;
    sums[1] = of_q;
}

/* As lm_int8. */
LM_INLINE void lm_int8_thumb1(const uint8_t *codes, const uint8_t *rows_data, const int8_t *x,
                              int32_t *y, int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    const uint8_t *scales = rows_data + LM_BOOK_BYTES;
    for (int32_t r = 0; r < rows; r += 2) {
        const int8_t *w = (const int8_t *)codes;
        const int32_t next = r + 1 < rows ? 1 : 0;
        int32_t s[2];
        lm_int8_dots_thumb1(w, w + next * stride, x, cols, s);
        y[r + next] = (s[1] >> pre) * (int32_t)scales[r + next];
        y[r] = (s[0] >> pre) * (int32_t)scales[r];
        codes += 2 * stride;
    }
}

#endif
