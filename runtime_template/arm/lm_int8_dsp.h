/* lm_int8.h for cores with the DSP extension (Cortex-M4, M7, M33): four rows share the input, four
 * weights are one load, two sign extensions and two dual multiplications. Words may be read from
 * any address. Needs lm_planes.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_INT8_DSP_H
#define LM_INT8_DSP_H

/* 4 weights of the row at [p] times the inputs: 0 and 2 in x, 1 and 3 in u. */
#define LM_DSP_ROW(acc, at)                                                                        \
    "ldr %[v], " at "\n\tsxtb16 %[e], %[v]\n\tsmlad %[" #acc "], %[e], %[x], %[" #acc "]\n\t"      \
    "sxtb16 %[e], %[v], ror #8\n\tsmlad %[" #acc "], %[e], %[u], %[" #acc "]\n\t"

/* 4 columns of 4 rows; leaves the inputs and the first two rows where they are. */
#define LM_DSP_FOUR(in, third, fourth)                                                             \
    "ldr %[x], " in                                                                                \
    "\n\tsxtb16 %[u], %[x], ror #8\n\tsxtb16 %[x], %[x]\n\t" LM_DSP_ROW(b, "[%[p], %[stride]]")    \
        LM_DSP_ROW(d, "[%[q], %[stride]]") LM_DSP_ROW(a, third) LM_DSP_ROW(c, fourth)

/* Rows w, w + stride, ... (4) times x, in (cols & ~3) columns -> acc (4). Named registers, because
 * r7 is the frame pointer of a debug build; they are set last, from plain variables, because such a
 * build computes in any register. */
LM_INLINE void lm_int8_rows_dsp(const int8_t *w, const int8_t *inputs, int32_t cols,
                                int32_t row_bytes, int32_t *acc)
{
    const int8_t *third = w + 2 * row_bytes, *last = inputs + (cols & ~3);
    register const int8_t *p __asm__("r0") = w;
    register const int8_t *q __asm__("r1") = third;
    register const int8_t *in __asm__("r2") = inputs;
    register const int8_t *end __asm__("r12") = last;
    register int32_t stride __asm__("lr") = row_bytes;
    register int32_t a __asm__("r3") = 0;
    register int32_t b __asm__("r4") = 0;
    register int32_t c __asm__("r5") = 0;
    register int32_t d __asm__("r6") = 0;
    register uint32_t x __asm__("r8");
    register uint32_t u __asm__("r9");
    register uint32_t v __asm__("r10");
    register uint32_t e __asm__("r11");
    if (cols >= 4) {
        __asm__ volatile(
            "1:\n\t" LM_DSP_FOUR("[%[in]], #4", "[%[p]], #4",
                                 "[%[q]], #4") "cmp %[in], %[end]\n\tbne 1b"
            : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [p] "+r"(p), [q] "+r"(q),
              [in] "+r"(in), [x] "=&r"(x), [u] "=&r"(u), [v] "=&r"(v), [e] "=&r"(e)
            : [stride] "r"(stride), [end] "r"(end)
            : "cc", "memory");
    }
    acc[0] = a;
    acc[1] = b;
    acc[2] = c;
    acc[3] = d;
}

/* The columns past the last whole word. */
LM_INLINE int32_t lm_int8_rest(const int8_t *w, const int8_t *x, int32_t cols)
{
    int32_t acc = 0;
    for (int32_t c = cols & ~3; c < cols; c++) {
        acc += w[c] * x[c];
    }
    return acc;
}

/* As lm_int8. */
LM_INLINE void lm_int8_dsp(const uint8_t *codes, const uint8_t *rows_data, const int8_t *x,
                           int32_t *y, int32_t rows, int32_t cols, int32_t pre, int32_t stride)
{
    const uint8_t *scales = rows_data + LM_BOOK_BYTES;
    for (int32_t r = 0; r + 4 <= rows; r += 4) {
        const int8_t *w = (const int8_t *)codes;
        int32_t s[4];
        lm_int8_rows_dsp(w, x, cols, stride, s);
        const int32_t s0 = s[0] + lm_int8_rest(w, x, cols);
        const int32_t s1 = s[1] + lm_int8_rest(w + stride, x, cols);
        const int32_t s2 = s[2] + lm_int8_rest(w + 2 * stride, x, cols);
        const int32_t s3 = s[3] + lm_int8_rest(w + 3 * stride, x, cols);
        y[r] = (s0 >> pre) * (int32_t)scales[r];
        y[r + 1] = (s1 >> pre) * (int32_t)scales[r + 1];
        y[r + 2] = (s2 >> pre) * (int32_t)scales[r + 2];
        y[r + 3] = (s3 >> pre) * (int32_t)scales[r + 3];
        codes += 4 * stride;
    }
    const int32_t done = rows & ~3;
    lm_int8(codes, rows_data + done, x, y + done, rows - done, cols, pre, stride);
}

#endif
