/* lm_loops.h for cores with the DSP extension (Cortex-M4, M7, M33), to the bit. Four elements a
 * round: one instruction loads them, the largest so far is passed by seldom, four int8 are stored
 * as a word. Register r7 (frame pointer) stays untouched, so it compiles at every optimisation
 * level. Words may be read and written at any address. Needs lm_functions.h, lm_quantizer.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_LOOPS_H
#define LM_LOOPS_H

/* Each stands where it is called, or, in a build for size, once. */
#if defined(__OPTIMIZE_SIZE__)
#define LM_LOOP LM_FUNCTION
#else
#define LM_LOOP LM_INLINE
#endif

/* Four elements are in r3, r4, r5, r6. */
#define LM_LOOP_FOUR(one) one("r3") one("r4") one("r5") one("r6")
#define LM_LOOP_NEXT(at, end) "cmp %[" at "], %[" end "]\n\tbne 1b\n\t"
#define LM_LOOP_REGISTERS                                                                          \
    register uint32_t r3 __asm__("r3");                                                            \
    register uint32_t r4 __asm__("r4");                                                            \
    register uint32_t r5 __asm__("r5");                                                            \
    register uint32_t r6 __asm__("r6")
#define LM_LOOP_OUT "=&r"(r3), "=&r"(r4), "=&r"(r5), "=&r"(r6)

/* lm_size in place; bits |= lm_size */
#define LM_LOOP_SIZE(r) "eor " r ", " r ", " r ", asr #31\n\t"
#define LM_LOOP_LONG(r) LM_LOOP_SIZE(r) "orr %[bits], %[bits], " r "\n\t"

#define LM_LOOP_LONG_4 "ldmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(LM_LOOP_LONG)

/* Sizes against %[max], which grows a few times in a vector; what then happens stands behind the
 * loop. */
#define LM_LOOP_PASS(r, n) "cmp " r ", %[max]\n\tbhi 2" n "f\n3" n ":\n\t"
#define LM_LOOP_GROW(r, n) "2" n ":\n\tmov %[max], " r "\n\tb 3" n "b\n\t"
#define LM_LOOP_PASS_4                                                                             \
    LM_LOOP_PASS("r3", "3") LM_LOOP_PASS("r4", "4") LM_LOOP_PASS("r5", "5") LM_LOOP_PASS("r6", "6")
#define LM_LOOP_GROW_4                                                                             \
    "b 9f\n\t" LM_LOOP_GROW("r3", "3") LM_LOOP_GROW("r4", "4") LM_LOOP_GROW("r5", "5")             \
        LM_LOOP_GROW("r6", "6") "9:\n\t"

LM_LOOP uint32_t lm_largest(const int32_t *v, int32_t n)
{
    const int32_t whole = n & ~3;
    uint32_t max = 0;
    if (whole > 0) {
        const int32_t *end = v + whole;
        LM_LOOP_REGISTERS;
        __asm__ volatile("1:\n\tldmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(LM_LOOP_SIZE)
                             LM_LOOP_PASS_4 LM_LOOP_NEXT("v", "end") LM_LOOP_GROW_4
                         : [v] "+r"(v), [max] "+r"(max), LM_LOOP_OUT
                         : [end] "r"(end)
                         : "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        const uint32_t size = lm_size(*v++);
        max = size > max ? size : max;
    }
    return max;
}

/* Eight a round, of which the first may begin in the middle. */
LM_LOOP uint32_t lm_longest(const int32_t *v, int32_t n)
{
    const int32_t whole = n & ~3;
    uint32_t bits = 0;
    if (whole > 0) {
        const int32_t *end = v + whole;
        LM_LOOP_REGISTERS;
        __asm__ volatile("tst %[whole], #4\n\tbne 2f\n1:\n\t" LM_LOOP_LONG_4
                         "2:\n\t" LM_LOOP_LONG_4 LM_LOOP_NEXT("v", "end")
                         : [v] "+r"(v), [bits] "+r"(bits), LM_LOOP_OUT
                         : [end] "r"(end), [whole] "r"(whole)
                         : "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        bits |= lm_size(*v++);
    }
    return bits;
}

#define LM_LOOP_DOWN(r) "asr " r ", " r ", %[down]\n\t"

/* Twice what lm_quantizer_apply shifts right by 23, so that the result is the top byte; four of
 * these, in the order of the elements, to x. Flags choose the bytes 1 and 3 from r6. */
#define LM_LOOP_RIGHT(r) "asr " r ", " r ", %[right]\n\t"
#define LM_LOOP_TIMES(r) "mla " r ", " r ", %[inverse], %[round]\n\t"
#define LM_LOOP_FLAGS "mov r3, #0xff00ff00\n\tuadd8 r3, r3, r3\n\t"
#define LM_LOOP_PACK                                                                               \
    "pkhtb r5, r5, r3, asr #16\n\tpkhtb r6, r6, r4, asr #16\n\tlsr r5, r5, #8\n\t"                 \
    "sel r5, r6, r5\n\tstr r5, [%[x]], #4\n\t"

#define LM_LOOP_QUANTIZE_4                                                                         \
    "ldmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(LM_LOOP_RIGHT) LM_LOOP_FOUR(LM_LOOP_TIMES)    \
        LM_LOOP_PACK

LM_LOOP void lm_quantize_loop(const int32_t *v, int32_t n, lm_quantizer q, int8_t *x)
{
    const int32_t whole = n & ~3;
    if (whole > 0) {
        const int32_t *end = v + whole;
        const uint32_t inverse = 2U * q.inverse, round = 2U * q.round;
        LM_LOOP_REGISTERS;
        __asm__ volatile(LM_LOOP_FLAGS "tst %[whole], #4\n\tbne 2f\n1:\n\t" LM_LOOP_QUANTIZE_4
                                       "2:\n\t" LM_LOOP_QUANTIZE_4 LM_LOOP_NEXT("v", "end")
                         : [v] "+r"(v), [x] "+r"(x), LM_LOOP_OUT
                         : [end] "r"(end), [right] "r"(q.right), [inverse] "r"(inverse),
                           [round] "r"(round), [whole] "r"(whole)
                         : "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        *x++ = lm_quantizer_apply(q, *v++);
    }
}

/* Four of gamma times the windowed elements. */
#define LM_LOOP_GAMMA                                                                              \
    "ldr r8, [%[gamma]], #4\n\tsmulbb r3, r3, r8\n\tsmulbt r4, r4, r8\n\t"                         \
    "ldr r8, [%[gamma]], #4\n\tsmulbb r5, r5, r8\n\tsmulbt r6, r6, r8\n\t"
#define LM_LOOP_SQUARE(r) "smlal %[low], %[high], " r ", " r "\n\t"

/* Where a loop needs more than eleven registers all have names, set last, from plain variables: a
 * build without optimization computes in any register. */
LM_LOOP uint64_t lm_norm_measure(const int32_t *resid, const int16_t *gamma, int32_t n,
                                 int32_t right, uint32_t *largest)
{
    const int32_t whole = n & ~3;
    uint64_t squares = 0;
    uint32_t top = 0;
    if (whole > 0) {
        const int32_t *last = resid + whole;
        LM_LOOP_REGISTERS;
        register const int32_t *v __asm__("r0") = resid;
        register const int16_t *g __asm__("r1") = gamma;
        register int32_t down __asm__("r2") = right;
        register uint32_t r8 __asm__("r8");
        register uint32_t low __asm__("r9") = 0;
        register uint32_t high __asm__("r10") = 0;
        register uint32_t max __asm__("r11") = 0;
        register const int32_t *end __asm__("r12") = last;
        __asm__ volatile(
            "1:\n\tldmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(LM_LOOP_DOWN)
                LM_LOOP_FOUR(LM_LOOP_SQUARE) LM_LOOP_GAMMA LM_LOOP_FOUR(LM_LOOP_SIZE)
                    LM_LOOP_PASS_4 LM_LOOP_NEXT("v", "end") LM_LOOP_GROW_4
            : [v] "+r"(v), [gamma] "+r"(g), [low] "+r"(low), [high] "+r"(high), [max] "+r"(max),
              "=&r"(r8), LM_LOOP_OUT
            : [end] "r"(end), [down] "r"(down)
            : "cc", "memory");
        squares = (uint64_t)high << 32 | low;
        top = max;
    }
    for (int32_t i = whole; i < n; i++) {
        const int32_t v = resid[i] >> right;
        const uint32_t size = lm_size(v * gamma[i]);
        squares = lm_add_square(squares, v);
        top = size > top ? size : top;
    }
    *largest = top;
    return squares;
}

LM_LOOP void lm_norm_apply(const int32_t *resid, const int16_t *gamma, int32_t n, int32_t before,
                           lm_quantizer q, int8_t *x)
{
    const int32_t whole = n & ~3;
    if (whole > 0) {
        const int32_t *end = resid + whole;
        const uint32_t twice = 2U * q.inverse, half = 2U * q.round;
        int8_t *to_x = x;
        LM_LOOP_REGISTERS;
        register const int32_t *v __asm__("r0") = resid;
        register const int16_t *g __asm__("r1") = gamma;
        register int8_t *to __asm__("r2") = to_x;
        register uint32_t r8 __asm__("r8");
        register int32_t down __asm__("r9") = before;
        register int32_t right __asm__("r10") = q.right;
        register uint32_t inverse __asm__("r11") = twice;
        register uint32_t round __asm__("r12") = half;
        __asm__ volatile(LM_LOOP_FLAGS
                         "1:\n\tldmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(LM_LOOP_DOWN)
                             LM_LOOP_GAMMA LM_LOOP_FOUR(LM_LOOP_RIGHT) LM_LOOP_FOUR(LM_LOOP_TIMES)
                                 LM_LOOP_PACK "ldr r8, %[end]\n\tcmp %[v], r8\n\tbne 1b\n\t"
                         : [v] "+r"(v), [gamma] "+r"(g), [x] "+r"(to), "=&r"(r8), LM_LOOP_OUT
                         : [end] "m"(end), [down] "r"(down), [right] "r"(right),
                           [inverse] "r"(inverse), [round] "r"(round)
                         : "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        x[i] = lm_quantizer_apply(q, (resid[i] >> before) * gamma[i]);
    }
}

/* Two elements of each vector, in r3, r4 and r5, r6. */
#define LM_LOOP_PRODUCT                                                                            \
    "ldrd r3, r4, [%[gate]]\n\tldrd r5, r6, [%[up]], #8\n\tasr r3, r3, %[a]\n\t"                   \
    "asr r4, r4, %[a]\n\tasr r5, r5, %[b]\n\tasr r6, r6, %[b]\n\tmul r3, r3, r5\n\t"               \
    "mul r4, r4, r6\n\tstrd r3, r4, [%[gate]], #8\n\t" LM_LOOP_SIZE("r3") LM_LOOP_SIZE("r4")

LM_LOOP uint32_t lm_product_loop(int32_t *gate, const int32_t *up, int32_t a, int32_t b, int32_t n)
{
    const int32_t whole = n & ~3;
    uint32_t max = 0;
    if (whole > 0) {
        const int32_t *end = gate + whole;
        LM_LOOP_REGISTERS;
        __asm__ volatile("1:\n\t" LM_LOOP_PRODUCT LM_LOOP_PASS("r3", "3") LM_LOOP_PASS("r4", "4")
                             LM_LOOP_PRODUCT LM_LOOP_PASS("r3", "5") LM_LOOP_PASS("r4", "6")
                                 LM_LOOP_NEXT("gate", "end") "b 9f\n\t" LM_LOOP_GROW("r3", "3")
                                     LM_LOOP_GROW("r4", "4") LM_LOOP_GROW("r3", "5")
                                         LM_LOOP_GROW("r4", "6") "9:\n\t"
                         : [gate] "+r"(gate), [up] "+r"(up), [max] "+r"(max), LM_LOOP_OUT
                         : [end] "r"(end), [a] "r"(a), [b] "r"(b)
                         : "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        const int32_t v = (*gate >> a) * (*up++ >> b);
        const uint32_t size = lm_size(v);
        *gate++ = v;
        max = size > max ? size : max;
    }
    return max;
}

/* lm_mul16; lm_round_shift */
#define LM_LOOP_HIGH(r) "smmla " r ", " r ", %[m], " r "\n\t"
#define LM_LOOP_ROUND(r) "asrs " r ", " r ", %[down]\n\tadc " r ", " r ", #0\n\t"
#define LM_LOOP_FIXED(r) LM_LOOP_HIGH(r) LM_LOOP_ROUND(r)

/* lm_silu: both ends of a step are one word, low and high; times 1024 - fraction and fraction. */
#define LM_LOOP_SILU(r)                                                                            \
    LM_LOOP_FIXED(r)                                                                               \
    "eor %[t], " r ", " r ", asr #31\n\tsub %[t], %[t], " r ", asr #31\n\t"                        \
    "usat %[t], #19, %[t]\n\tlsr %[u], %[t], #10\n\tldr %[u], [%[table], %[u], lsl #1]\n\t"        \
    "ubfx %[t], %[t], #0, #10\n\trsb %[t], %[t], %[t], lsl #16\n\tadd %[t], %[t], #1024\n\t"       \
    "smuad %[t], %[u], %[t]\n\tbic " r ", " r ", " r ", asr #31\n\t"                               \
    "sub " r ", " r ", %[t], lsr #10\n\teor %[t], " r ", " r ", asr #31\n\t"                       \
    "orr %[bits], %[bits], %[t]\n\t"

LM_LOOP uint32_t lm_silu_loop(int32_t *gate, int32_t n, uint32_t m, int32_t down)
{
    const int32_t whole = n & ~3;
    uint32_t bits = 0;
    if (whole > 0) {
        const int32_t *end = gate + whole;
        const uint16_t *table = lm_silu_table;
        const uint32_t high = m << 16;
        uint32_t t, u;
        LM_LOOP_REGISTERS;
        __asm__ volatile(
            "1:\n\tldmia %[v], {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(
                LM_LOOP_SILU) "stmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_NEXT("v", "end")
            : [v] "+r"(gate), [bits] "+r"(bits), [t] "=&r"(t), [u] "=&r"(u), LM_LOOP_OUT
            : [end] "r"(end), [m] "r"(high), [down] "r"(down), [table] "r"(table)
            : "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        *gate = lm_silu(lm_round_shift(lm_mul16(*gate, m), down));
        bits |= lm_size(*gate++);
    }
    return bits;
}

LM_LOOP void lm_add_loop(int32_t *resid, const int32_t *y, int32_t n, uint32_t m, int32_t down)
{
    const int32_t whole = n & ~3;
    if (whole > 0) {
        const int32_t *end = y + whole;
        const uint32_t high = m << 16;
        uint32_t t, u;
        LM_LOOP_REGISTERS;
        __asm__ volatile(
            "1:\n\tldmia %[y]!, {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(
                LM_LOOP_FIXED) "ldrd %[t], %[u], [%[v]]\n\tqadd r3, r3, %[t]\n\tqadd r4, r4, "
                               "%[u]\n\t"
                               "ldrd %[t], %[u], [%[v], #8]\n\tqadd r5, r5, %[t]\n\tqadd r6, r6, "
                               "%[u]\n\t"
                               "stmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_NEXT("y", "end")
            : [v] "+r"(resid), [y] "+r"(y), [t] "=&r"(t), [u] "=&r"(u), LM_LOOP_OUT
            : [end] "r"(end), [m] "r"(high), [down] "r"(down)
            : "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        *resid = lm_add_sat(*resid, lm_round_shift(lm_mul16(*y++, m), down));
        resid++;
    }
}

LM_LOOP void lm_fixed_loop(int32_t *v, int32_t n, uint32_t m, int32_t down)
{
    const int32_t whole = n & ~3;
    if (whole > 0) {
        const int32_t *end = v + whole;
        const uint32_t high = m << 16;
        LM_LOOP_REGISTERS;
        __asm__ volatile(
            "1:\n\tldmia %[v], {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(
                LM_LOOP_FIXED) "stmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_NEXT("v", "end")
            : [v] "+r"(v), LM_LOOP_OUT
            : [end] "r"(end), [m] "r"(high), [down] "r"(down)
            : "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        *v = lm_round_shift(lm_mul16(*v, m), down);
        v++;
    }
}

LM_LOOP uint32_t lm_level_loop(int32_t *v, int32_t n, uint32_t m, int32_t down)
{
    const int32_t whole = n & ~3;
    uint32_t max = 0;
    if (whole > 0) {
        const int32_t *end = v + whole;
        const uint32_t high = m << 16;
        LM_LOOP_REGISTERS;
        __asm__ volatile(
            "1:\n\tldmia %[v], {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(LM_LOOP_HIGH) LM_LOOP_FOUR(
                LM_LOOP_DOWN) "stmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_FOUR(LM_LOOP_SIZE)
                LM_LOOP_PASS_4 LM_LOOP_NEXT("v", "end") LM_LOOP_GROW_4
            : [v] "+r"(v), [max] "+r"(max), LM_LOOP_OUT
            : [end] "r"(end), [m] "r"(high), [down] "r"(down)
            : "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        const int32_t level = lm_mul16(*v, m) >> down;
        const uint32_t size = lm_size(level);
        *v++ = level;
        max = size > max ? size : max;
    }
    return max;
}

#endif
