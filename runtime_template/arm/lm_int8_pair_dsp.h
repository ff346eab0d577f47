/* lm_int8_pair for cores with the DSP extension (Cortex-M4, M7, M33): what is loaded and widened
 * once is multiplied twice. Words may be read from any address. Needs lm_int8_dsp.h and lm_pairs.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_INT8_PAIR_DSP_H
#define LM_INT8_PAIR_DSP_H

/* 4 weights in e times inputs a and b: columns 1 and 3, then 0 and 2. */
#define LM_DSP_BOTH(a, b)                                                                          \
    "sxtb16 %[v], %[e], ror #8\n\tsxtb16 %[e], %[e]\n\t"                                           \
    "smlad %[" #a "], %[v], %[a13], %[" #a "]\n\tsmlad %[" #b "], %[v], %[b13], %[" #b "]\n\t"     \
    "smlad %[" #a "], %[e], %[a02], %[" #a "]\n\tsmlad %[" #b "], %[e], %[b02], %[" #b "]\n\t"

/* Rows w and w + stride times xa and xb, in (cols & ~3) columns -> s (w xa, w xb, then the other
 * row's). Named registers, because r7 is the frame pointer of a debug build; they are set last,
 * from plain variables, because such a build computes in any register. For want of registers,
 * where the columns end and the stride stay in memory. */
LM_INLINE void lm_int8_2_by_2_dsp(const int8_t *w, const int8_t *xa, const int8_t *xb, int32_t cols,
                                  int32_t stride, int32_t *s)
{
    const int8_t *const end = xa + (cols & ~3);
    register const int8_t *row __asm__("r0") = w;
    register const int8_t *in_a __asm__("r1") = xa;
    register const int8_t *in_b __asm__("r2") = xb;
    register int32_t wa __asm__("r3") = 0;
    register int32_t wb __asm__("r4") = 0;
    register int32_t va __asm__("r5") = 0;
    register int32_t vb __asm__("r6") = 0;
    register uint32_t a02 __asm__("r8");
    register uint32_t a13 __asm__("r9");
    register uint32_t b02 __asm__("r10");
    register uint32_t b13 __asm__("r11");
    register uint32_t e __asm__("r12");
    register uint32_t v __asm__("lr");
    if (cols >= 4) {
        __asm__ volatile(
            "1:\n\tldr %[a02], [%[in_a]], #4\n\tldr %[b02], [%[in_b]], #4\n\t"
            "ldr %[e], %[stride]\n\tldr %[e], [%[row], %[e]]\n\t"
            "sxtb16 %[a13], %[a02], ror #8\n\tsxtb16 %[a02], %[a02]\n\t"
            "sxtb16 %[b13], %[b02], ror #8\n\tsxtb16 %[b02], %[b02]\n\t" LM_DSP_BOTH(
                va, vb) "ldr %[e], [%[row]], #4\n\t" LM_DSP_BOTH(wa, wb) "ldr %[e], %[end]\n\tcmp "
                                                                         "%[in_a], %[e]\n\tbne 1b"
            : [row] "+r"(row), [in_a] "+r"(in_a), [in_b] "+r"(in_b), [wa] "+r"(wa), [wb] "+r"(wb),
              [va] "+r"(va), [vb] "+r"(vb), [a02] "=&r"(a02), [a13] "=&r"(a13), [b02] "=&r"(b02),
              [b13] "=&r"(b13), [e] "=&r"(e), [v] "=&r"(v)
            : [end] "m"(end), [stride] "m"(stride)
            : "cc", "memory");
    }
    s[0] = wa;
    s[1] = wb;
    s[2] = va;
    s[3] = vb;
}

/* As lm_int8_pair. Two rows share both inputs; a last odd one counts twice. */
LM_INLINE void lm_int8_pair_dsp(const uint8_t *codes, const uint8_t *rows_data, const int8_t *xa,
                                const int8_t *xb, int32_t *ya, int32_t *yb, int32_t rows,
                                int32_t cols, int32_t pre, int32_t stride)
{
    const uint8_t *scales = rows_data + LM_BOOK_BYTES;
    for (int32_t r = 0; r < rows; r += 2) {
        const int8_t *w = (const int8_t *)codes;
        const int32_t next = r + 1 < rows ? 1 : 0;
        const int32_t scale = scales[r], next_scale = scales[r + next];
        int32_t s[4];
        const int8_t *v = w + next * stride;
        lm_int8_2_by_2_dsp(w, xa, xb, cols, next * stride, s);
        s[0] += lm_int8_rest(w, xa, cols);
        s[1] += lm_int8_rest(w, xb, cols);
        s[2] += lm_int8_rest(v, xa, cols);
        s[3] += lm_int8_rest(v, xb, cols);
        ya[r + next] = (s[2] >> pre) * next_scale;
        yb[r + next] = (s[3] >> pre) * next_scale;
        ya[r] = (s[0] >> pre) * scale;
        yb[r] = (s[1] >> pre) * scale;
        codes += 2 * stride;
    }
}

#endif
