/* lm_static_loops.h for cores with the DSP extension (Cortex-M4, M7, M33), to the bit: four
 * elements a round, stored as a word. Words may be read and written at any address. Needs
 * lm_factor.h, lm_loops_dsp.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_STATIC_LOOPS_H
#define LM_STATIC_LOOPS_H

/* t in place, down to -128. */
#define LM_STATIC_BYTE(r)                                                                          \
    "mla " r ", " r ", %[m], %[half]\n\tasr " r ", " r ", %[down]\n\tssat " r ", #8, " r "\n\t"
/* Elements 0 and 2, then 1 and 3, are halves of r5 and r6: to x as a word, -128 as -127. Flags
 * choose the bytes 1 and 3 from r6. */
#define LM_STATIC_STORE                                                                            \
    "lsl r6, r6, #8\n\tsel r5, r6, r5\n\tmov r6, #0x01010101\n\tqsub8 r5, r5, r6\n\t"              \
    "qadd8 r5, r5, r6\n\tstr r5, [%[x]], #4\n\t"
/* Elements 0 to 3 are in r3, r4, r5, r6. */
#define LM_STATIC_PACK "pkhbt r5, r3, r5, lsl #16\n\tpkhbt r6, r4, r6, lsl #16\n\t" LM_STATIC_STORE

LM_LOOP void lm_static_loop(const int32_t *v, int32_t n, int32_t right, lm_factor f, int8_t *x)
{
    const int32_t whole = n & ~3;
    if (whole > 0) {
        const int32_t *end = v + whole;
        LM_LOOP_REGISTERS;
        __asm__ volatile(LM_LOOP_FLAGS
                         "1:\n\tldmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(LM_LOOP_RIGHT)
                             LM_LOOP_FOUR(LM_STATIC_BYTE) LM_STATIC_PACK LM_LOOP_NEXT("v", "end")
                         : [v] "+r"(v), [x] "+r"(x), LM_LOOP_OUT
                         : [end] "r"(end), [right] "r"(right), [m] "r"(f.m), [half] "r"(f.half),
                           [down] "r"(f.down)
                         : "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        *x++ = lm_static(f, *v++ >> right);
    }
}

LM_LOOP uint64_t lm_squares_loop(const int32_t *resid, int32_t n, int32_t right)
{
    const int32_t whole = n & ~3;
    uint32_t low = 0, high = 0;
    if (whole > 0) {
        const int32_t *end = resid + whole;
        LM_LOOP_REGISTERS;
        __asm__ volatile("1:\n\tldmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(LM_LOOP_RIGHT)
                             LM_LOOP_FOUR(LM_LOOP_SQUARE) LM_LOOP_NEXT("v", "end")
                         : [v] "+r"(resid), [low] "+r"(low), [high] "+r"(high), LM_LOOP_OUT
                         : [end] "r"(end), [right] "r"(right)
                         : "cc", "memory");
    }
    uint64_t squares = (uint64_t)high << 32 | low;
    for (int32_t i = whole; i < n; i++) {
        squares = lm_add_square(squares, *resid++ >> right);
    }
    return squares;
}

#define LM_STATIC_DROP(r) "asr " r ", " r ", r8\n\t"

/* Registers have names, set last from plain variables, as in lm_norm_apply; what else a round needs
 * is in memory. */
LM_LOOP void lm_static_norm_loop(const int32_t *resid, const int16_t *gamma, int32_t n,
                                 int32_t right, int32_t drop, lm_factor f, int8_t *x)
{
    const int32_t whole = n & ~3;
    if (whole > 0) {
        const int32_t *end = resid + whole;
        int8_t *to_x = x;
        LM_LOOP_REGISTERS;
        register const int32_t *v __asm__("r0") = resid;
        register const int16_t *g __asm__("r1") = gamma;
        register int8_t *to __asm__("r2") = to_x;
        register uint32_t r8 __asm__("r8");
        register int32_t before __asm__("r9") = right;
        register int32_t m __asm__("r10") = f.m;
        register int32_t half __asm__("r11") = f.half;
        register int32_t down __asm__("r12") = f.down;
        __asm__ volatile(LM_LOOP_FLAGS
                         "1:\n\tldmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(LM_LOOP_RIGHT)
                             LM_LOOP_GAMMA "ldr r8, %[drop]\n\t" LM_LOOP_FOUR(LM_STATIC_DROP)
                                 LM_LOOP_FOUR(LM_STATIC_BYTE) LM_STATIC_PACK
                         "ldr r8, %[end]\n\tcmp %[v], r8\n\tbne 1b\n\t"
                         : [v] "+r"(v), [gamma] "+r"(g), [x] "+r"(to), "=&r"(r8), LM_LOOP_OUT
                         : [end] "m"(end), [drop] "m"(drop), [right] "r"(before), [m] "r"(m),
                           [half] "r"(half), [down] "r"(down)
                         : "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        x[i] = lm_static(f, ((resid[i] >> right) * gamma[i]) >> drop);
    }
}

/* An element of gate is in r, of up in s: their product, as int8, in r. */
#define LM_STATIC_PRODUCT(r, s)                                                                    \
    "asr " r ", " r ", %[a]\n\tasr " s ", " s ", %[b]\n\tmul " r ", " r ", " s "\n\t"              \
    "asr " r ", " r ", #8\n\t" LM_STATIC_BYTE(r)

LM_LOOP void lm_static_product_loop(const int32_t *gate, const int32_t *up, int32_t a, int32_t b,
                                    int32_t n, lm_factor f, int8_t *x)
{
    const int32_t whole = n & ~3;
    if (whole > 0) {
        const int32_t *end = gate + whole;
        const int32_t *from = gate, *second = up;
        int8_t *to_x = x;
        LM_LOOP_REGISTERS;
        register const int32_t *v __asm__("r0") = from;
        register const int32_t *w __asm__("r1") = second;
        register int8_t *to __asm__("r2") = to_x;
        register int32_t gate_down __asm__("r8") = a;
        register int32_t up_down __asm__("r9") = b;
        register int32_t m __asm__("r10") = f.m;
        register int32_t half __asm__("r11") = f.half;
        register int32_t down __asm__("r12") = f.down;
        __asm__ volatile(
            LM_LOOP_FLAGS
            "1:\n\tldrd r3, r4, [%[v]], #8\n\tldrd r5, r6, [%[w]], #8\n\t" LM_STATIC_PRODUCT("r3",
                                                                                             "r5")
                LM_STATIC_PRODUCT(
                    "r4",
                    "r6") "pkhbt r4, r3, r4, lsl #16\n\t"
                          "ldr r3, [%[v]], #4\n\tldr r5, [%[w]], #4\n\t" LM_STATIC_PRODUCT(
                              "r3",
                              "r5") "ldr r5, [%[v]], #4\n\tldr r6, [%[w]], "
                                    "#4\n\t" LM_STATIC_PRODUCT("r5",
                                                               "r6") "pkhbt r3, r3, r5, lsl #16\n\t"
                                                                     "pkhbt r5, r4, r3, lsl "
                                                                     "#16\n\tpkhtb r6, r3, r4, asr "
                                                                     "#16\n\t" LM_STATIC_STORE
                                                                     "ldr r3, %[end]\n\tcmp %[v], "
                                                                     "r3\n\tbne 1b\n\t"
            : [v] "+r"(v), [w] "+r"(w), [x] "+r"(to), LM_LOOP_OUT
            : [end] "m"(end), [a] "r"(gate_down), [b] "r"(up_down), [m] "r"(m), [half] "r"(half),
              [down] "r"(down)
            : "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        x[i] = lm_static(f, lm_product(gate[i] >> a, up[i] >> b) >> 8);
    }
}

#endif
