/* lm_loops.h for ARMv6-M (Cortex-M0, M0+), to the bit. The bit that a shift drops last is the carry
 * that rounds; what happens seldom (a larger size, a carry, saturation) stands behind the loop;
 * constants that leave no low register wait in r8 and above. Register r7 (frame pointer) stays
 * untouched, so it compiles at every optimisation level. No word is read but on a 4-byte boundary.
 * Needs lm_functions.h, lm_quantizer.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_LOOPS_H
#define LM_LOOPS_H

/* Each stands where it is called, or, in a build for size, once. */
#if defined(__OPTIMIZE_SIZE__)
#define LM_LOOP LM_FUNCTION
#else
#define LM_LOOP LM_INLINE
#endif

/* Named registers are set last, from plain variables, and high ones first, through any other. */
#define LM_LOOP_ASM ".syntax unified\n"
#define LM_LOOP_NEXT(at) "cmp %[" at "], %[end]\n\tbne 1b\n\t"

/* t: size of r; r stays. Against %[max], which grows a few times in a vector: LM_LOOP_GROW, of the
 * same n, stands behind the loop. */
#define LM_LOOP_SIZE(r, t) "asrs " t ", " r ", #31\n\teors " t ", " r "\n\t"
#define LM_LOOP_PASS(r, n) "cmp " r ", %[max]\n\tbhi 2" n "f\n3" n ":\n\t"
#define LM_LOOP_GROW(r, n) "2" n ":\n\tmov %[max], " r "\n\tb 3" n "b\n\t"

#define LM_LOOP_LARGER(r, n) LM_LOOP_SIZE(r, "r2") LM_LOOP_PASS("r2", n)

LM_LOOP uint32_t lm_largest(const int32_t *v, int32_t n)
{
    const int32_t whole = n & ~3;
    uint32_t max = 0;
    if (whole > 0) {
        const int32_t *last = v + whole;
        register uint32_t most __asm__("r8") = 0;
        register const int32_t *end __asm__("r9") = last;
        register const int32_t *at __asm__("r0") = v;
        __asm__ volatile(
            LM_LOOP_ASM "1:\n\tldmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_LARGER("r3", "3")
                LM_LOOP_LARGER("r4", "4") LM_LOOP_LARGER("r5", "5") LM_LOOP_LARGER("r6", "6")
                    LM_LOOP_NEXT("v") "b 9f\n\t" LM_LOOP_GROW("r2", "3") LM_LOOP_GROW("r2", "4")
                        LM_LOOP_GROW("r2", "5") LM_LOOP_GROW("r2", "6") "9:\n\t"
            : [v] "+l"(at), [max] "+r"(most)
            : [end] "r"(end)
            : "r2", "r3", "r4", "r5", "r6", "cc", "memory");
        max = most;
        v = at;
    }
    for (int32_t i = whole; i < n; i++) {
        const uint32_t size = lm_size(*v++);
        max = size > max ? size : max;
    }
    return max;
}

#define LM_LOOP_LONG(r) LM_LOOP_SIZE(r, "r2") "orrs %[bits], r2\n\t"
#define LM_LOOP_LONG_4                                                                             \
    "ldmia %[v]!, {r3, r4, r5, r6}\n\t" LM_LOOP_LONG("r3") LM_LOOP_LONG("r4") LM_LOOP_LONG("r5")   \
        LM_LOOP_LONG("r6")

LM_LOOP uint32_t lm_longest(const int32_t *v, int32_t n)
{
    const int32_t whole = n & ~3;
    uint32_t bits = 0;
    if (whole > 0) {
        const int32_t *last = v + whole;
        register const int32_t *end __asm__("r8") = last;
        register const int32_t *at __asm__("r0") = v;
        register uint32_t all __asm__("r1") = 0;
        __asm__ volatile(LM_LOOP_ASM "1:\n\t" LM_LOOP_LONG_4 LM_LOOP_NEXT("v")
                         : [v] "+l"(at), [bits] "+l"(all)
                         : [end] "r"(end)
                         : "r2", "r3", "r4", "r5", "r6", "cc", "memory");
        bits = all;
        v = at;
    }
    for (int32_t i = whole; i < n; i++) {
        bits |= lm_size(*v++);
    }
    return bits;
}

/* The quantizer's product and rounding of r, to x[at]. */
#define LM_LOOP_BYTE(r, at)                                                                        \
    "muls " r ", %[inverse], " r "\n\tadd " r ", %[round]\n\tasrs " r ", " r ", #23\n\t"           \
    "strb " r ", [%[x], #" at "]\n\t"
#define LM_LOOP_QUANTIZE_2(at0, at1)                                                               \
    "ldmia %[v]!, {r4, r5}\n\tasrs r4, %[right]\n\tasrs r5, %[right]\n\t" LM_LOOP_BYTE("r4", at0)  \
        LM_LOOP_BYTE("r5", at1)

LM_LOOP void lm_quantize_loop(const int32_t *v, int32_t n, lm_quantizer q, int8_t *x)
{
    const int32_t whole = n & ~3;
    if (whole > 0) {
        const int32_t *last = v + whole;
        register const int32_t *end __asm__("r8") = last;
        register uint32_t round __asm__("r9") = q.round;
        register const int32_t *at __asm__("r0") = v;
        register int8_t *to __asm__("r1") = x;
        register int32_t right __asm__("r2") = q.right;
        register uint32_t inverse __asm__("r3") = q.inverse;
        __asm__ volatile(
            LM_LOOP_ASM "1:\n\t" LM_LOOP_QUANTIZE_2("0", "1")
                LM_LOOP_QUANTIZE_2("2", "3") "adds %[x], #4\n\t" LM_LOOP_NEXT("v")
            : [v] "+l"(at), [x] "+l"(to)
            : [end] "r"(end), [round] "r"(round), [right] "l"(right), [inverse] "l"(inverse)
            : "r4", "r5", "cc", "memory");
        v = at;
        x = to;
    }
    for (int32_t i = whole; i < n; i++) {
        *x++ = lm_quantizer_apply(q, *v++);
    }
}

/* One element: r5 is v, then v * gamma. %[i] counts up to 0 by the bytes of gamma. */
#define LM_LOOP_MEASURE(n, m)                                                                      \
    "ldmia %[v]!, {r5}\n\tasrs r5, %[right]\n\tmovs r6, r5\n\tmuls r6, r5, r6\n\t"                 \
    "adds %[low], r6\n\tbcs 2" n "f\n3" n ":\n\tldrsh r6, [%[gamma], %[i]]\n\t"                    \
    "muls r5, r6, r5\n\t" LM_LOOP_SIZE("r5", "r6") LM_LOOP_PASS("r6", m) "adds %[i], #2\n\t"
#define LM_LOOP_CARRY(n) "2" n ":\n\tmovs r6, #1\n\tadd %[high], r6\n\tb 3" n "b\n\t"

LM_LOOP uint64_t lm_norm_measure(const int32_t *resid, const int16_t *gamma, int32_t n,
                                 int32_t right, uint32_t *largest)
{
    const int32_t whole = n & ~3;
    uint64_t squares = 0;
    uint32_t top = 0;
    if (whole > 0) {
        const int16_t *last = gamma + whole;
        register uint32_t high __asm__("r8") = 0;
        register uint32_t max __asm__("r9") = 0;
        register const int32_t *v __asm__("r0") = resid;
        register const int16_t *g __asm__("r1") = last;
        register int32_t i __asm__("r2") = -2 * whole;
        register int32_t down __asm__("r3") = right;
        register uint32_t low __asm__("r4") = 0;
        __asm__ volatile(
            LM_LOOP_ASM
            "1:\n\t" LM_LOOP_MEASURE("2", "3") LM_LOOP_MEASURE("4", "5") LM_LOOP_MEASURE("6", "7")
                LM_LOOP_MEASURE("8", "9") "bne 1b\n\tb 9f\n\t" LM_LOOP_CARRY("2") LM_LOOP_CARRY("4")
                    LM_LOOP_CARRY("6") LM_LOOP_CARRY("8") LM_LOOP_GROW("r6", "3")
                        LM_LOOP_GROW("r6", "5") LM_LOOP_GROW("r6", "7")
                            LM_LOOP_GROW("r6", "9") "9:\n\t"
            : [v] "+l"(v), [i] "+l"(i), [low] "+l"(low), [high] "+r"(high), [max] "+r"(max)
            : [gamma] "l"(g), [right] "l"(down)
            : "r5", "r6", "cc", "memory");
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

/* Element n of 4, whose gamma is 2 n bytes on. */
#define LM_LOOP_NORM(n, bytes)                                                                     \
    "ldmia %[v]!, {r5}\n\tasrs r5, %[before]\n\tldrh r6, [%[gamma], #" bytes                       \
    "]\n\tsxth r6, r6\n\t"                                                                         \
    "muls r5, r6, r5\n\tmov r6, %[right]\n\tasrs r5, r6\n\t" LM_LOOP_BYTE("r5", n)

LM_LOOP void lm_norm_apply(const int32_t *resid, const int16_t *gamma, int32_t n, int32_t before,
                           lm_quantizer q, int8_t *x)
{
    const int32_t whole = n & ~3;
    if (whole > 0) {
        const int32_t *last = resid + whole;
        register const int32_t *end __asm__("r8") = last;
        register uint32_t round __asm__("r9") = q.round;
        register int32_t right __asm__("r10") = q.right;
        register const int32_t *v __asm__("r0") = resid;
        register const int16_t *g __asm__("r1") = gamma;
        register int8_t *to __asm__("r2") = x;
        register int32_t down __asm__("r3") = before;
        register uint32_t inverse __asm__("r4") = q.inverse;
        __asm__ volatile(LM_LOOP_ASM "1:\n\t" LM_LOOP_NORM("0", "0") LM_LOOP_NORM("1", "2")
                             LM_LOOP_NORM("2", "4")
                                 LM_LOOP_NORM("3", "6") "adds %[gamma], #8\n\t"
                                                        "adds %[x], #4\n\t" LM_LOOP_NEXT("v")
                         : [v] "+l"(v), [gamma] "+l"(g), [x] "+l"(to)
                         : [end] "r"(end), [round] "r"(round), [right] "r"(right),
                           [before] "l"(down), [inverse] "l"(inverse)
                         : "r5", "r6", "cc", "memory");
    }
    for (int32_t i = whole; i < n; i++) {
        x[i] = lm_quantizer_apply(q, (resid[i] >> before) * gamma[i]);
    }
}

#define LM_LOOP_PRODUCT(n)                                                                         \
    "ldr r4, [%[gate]]\n\tldmia %[up]!, {r5}\n\tasrs r4, %[a]\n\tasrs r5, %[b]\n\t"                \
    "muls r4, r5, r4\n\tstmia %[gate]!, {r4}\n\t" LM_LOOP_SIZE("r4", "r5") LM_LOOP_PASS("r5", n)

LM_LOOP uint32_t lm_product_loop(int32_t *gate, const int32_t *up, int32_t a, int32_t b, int32_t n)
{
    const int32_t whole = n & ~3;
    uint32_t max = 0;
    if (whole > 0) {
        const int32_t *last = gate + whole;
        register uint32_t most __asm__("r8") = 0;
        register const int32_t *end __asm__("r9") = last;
        register int32_t *to __asm__("r0") = gate;
        register const int32_t *by __asm__("r1") = up;
        register int32_t of_gate __asm__("r2") = a;
        register int32_t of_up __asm__("r3") = b;
        __asm__ volatile(
            LM_LOOP_ASM "1:\n\t" LM_LOOP_PRODUCT("3") LM_LOOP_PRODUCT("4") LM_LOOP_PRODUCT("5")
                LM_LOOP_PRODUCT("6") LM_LOOP_NEXT("gate") "b 9f\n\t" LM_LOOP_GROW("r5", "3")
                    LM_LOOP_GROW("r5", "4") LM_LOOP_GROW("r5", "5") LM_LOOP_GROW("r5", "6") "9:\n\t"
            : [gate] "+l"(to), [up] "+l"(by), [max] "+r"(most)
            : [end] "r"(end), [a] "l"(of_gate), [b] "l"(of_up)
            : "r4", "r5", "cc", "memory");
        max = most;
        gate = to;
        up = by;
    }
    for (int32_t i = whole; i < n; i++) {
        const int32_t v = (*gate >> a) * (*up++ >> b);
        const uint32_t size = lm_size(v);
        *gate++ = v;
        max = size > max ? size : max;
    }
    return max;
}

/* lm_mul16 of r, by way of t */
#define LM_LOOP_HIGH(r, t)                                                                         \
    "asrs " t ", " r ", #16\n\tmuls " t ", %[m], " t "\n\tuxth " r ", " r "\n\t"                   \
    "muls " r ", %[m], " r "\n\tlsrs " r ", " r ", #16\n\tadds " r ", " t "\n\t"

/* r6: what is missing to SiLU at r3, below 2^19. */
#define LM_LOOP_MISSING                                                                            \
    "lsls r5, r3, #22\n\tlsrs r4, r3, #10\n\tlsrs r5, r5, #22\n\tlsls r4, r4, #1\n\t"              \
    "add r4, %[table]\n\tldrh r6, [r4, #2]\n\tldrh r4, [r4]\n\tsubs r6, r4\n\t"                    \
    "muls r6, r5, r6\n\tasrs r6, r6, #10\n\tadds r6, r4\n\t"

/* Of either sign a way of its own; at 5 and 7 values of which nothing is missing. */
LM_LOOP uint32_t lm_silu_loop(int32_t *gate, int32_t n, uint32_t m, int32_t down)
{
    uint32_t bits = 0;
    if (n > 0) {
        const int32_t *last = gate + n;
        register const int32_t *end __asm__("r8") = last;
        register const uint16_t *table __asm__("r9") = lm_silu_table;
        register int32_t right __asm__("r10") = down;
        register int32_t *v __asm__("r0") = gate;
        register uint32_t all __asm__("r1") = 0;
        register uint32_t mantissa __asm__("r2") = m;
        __asm__ volatile(
            LM_LOOP_ASM "1:\n\tldr r3, [%[v]]\n\t" LM_LOOP_HIGH(
                "r3",
                "r4") "mov r4, %[down]\n\tasrs r3, r4\n\t"
                      "movs r4, #0\n\tadcs r3, r4\n\tbmi 6f\n\tlsrs r4, r3, #19\n\tbne "
                      "5f\n\t" LM_LOOP_MISSING
                      "subs r3, r6\n5:\n\torrs %[bits], r3\n\tstmia %[v]!, {r3}\n\t" LM_LOOP_NEXT(
                          "v") "b 9f\n6:\n\trsbs r3, r3, #0\n\tlsrs r4, r3, #19\n\tbne "
                               "7f\n\t" LM_LOOP_MISSING "rsbs r3, r6, #0\n\t" LM_LOOP_SIZE(
                                   "r3", "r4") "orrs %[bits], r4\n\tstmia %[v]!, "
                                               "{r3}\n\t" LM_LOOP_NEXT("v") "b 9f\n7:\n\tmovs r3, "
                                                                            "#0\n\tb 5b\n9:\n\t"
            : [v] "+l"(v), [bits] "+l"(all)
            : [end] "r"(end), [table] "r"(table), [down] "r"(right), [m] "l"(mantissa)
            : "r3", "r4", "r5", "r6", "cc", "memory");
        bits = all;
    }
    return bits;
}

/* One of resid, to which r is added with the carry that rounds it; a sum past the range is shorter
 * by it, so its sign is wrong. */
#define LM_LOOP_ADD(r, n)                                                                          \
    LM_LOOP_HIGH(r, "r5")                                                                          \
    "ldr r5, [%[v]]\n\tasrs " r ", %[down]\n\tadcs " r ", r5\n\tbvs 2" n "f\n3" n ":\n\t"          \
    "stmia %[v]!, {" r "}\n\t"
#define LM_LOOP_SATURATE(r, n)                                                                     \
    "2" n ":\n\tasrs " r ", " r ", #31\n\tmovs r5, #1\n\tlsls r5, r5, #31\n\teors " r ", r5\n\t"   \
    "b 3" n "b\n\t"

LM_LOOP void lm_add_loop(int32_t *resid, const int32_t *y, int32_t n, uint32_t m, int32_t down)
{
    const int32_t whole = n & ~3;
    if (whole > 0) {
        const int32_t *last = y + whole;
        register const int32_t *end __asm__("r8") = last;
        register int32_t *v __asm__("r0") = resid;
        register const int32_t *at __asm__("r1") = y;
        register uint32_t mantissa __asm__("r2") = m;
        register int32_t right __asm__("r3") = down;
        __asm__ volatile(
            LM_LOOP_ASM "1:\n\tldmia %[y]!, {r4, r6}\n\t" LM_LOOP_ADD("r4", "3")
                LM_LOOP_ADD("r6", "4") "ldmia %[y]!, {r4, r6}\n\t" LM_LOOP_ADD("r4", "5")
                    LM_LOOP_ADD("r6", "6") LM_LOOP_NEXT("y") "b 9f\n\t" LM_LOOP_SATURATE("r4", "3")
                        LM_LOOP_SATURATE("r6", "4") LM_LOOP_SATURATE("r4", "5")
                            LM_LOOP_SATURATE("r6", "6") "9:\n\t"
            : [v] "+l"(v), [y] "+l"(at)
            : [end] "r"(end), [m] "l"(mantissa), [down] "l"(right)
            : "r4", "r5", "r6", "cc", "memory");
        resid = v;
        y = at;
    }
    for (int32_t i = whole; i < n; i++) {
        *resid = lm_add_sat(*resid, lm_round_shift(lm_mul16(*y++, m), down));
        resid++;
    }
}

#define LM_LOOP_FIXED(r) LM_LOOP_HIGH(r, "r6") "asrs " r ", %[down]\n\tadcs " r ", %[zero]\n\t"
#define LM_LOOP_FIXED_2                                                                            \
    "ldr r4, [%[v]]\n\tldr r5, [%[v], #4]\n\t" LM_LOOP_FIXED("r4")                                 \
        LM_LOOP_FIXED("r5") "stmia %[v]!, {r4, r5}\n\t"

LM_LOOP void lm_fixed_loop(int32_t *v, int32_t n, uint32_t m, int32_t down)
{
    const int32_t whole = n & ~3;
    if (whole > 0) {
        const int32_t *last = v + whole;
        register const int32_t *end __asm__("r8") = last;
        register int32_t *at __asm__("r0") = v;
        register uint32_t mantissa __asm__("r1") = m;
        register int32_t right __asm__("r2") = down;
        register int32_t zero __asm__("r3") = 0;
        __asm__ volatile(LM_LOOP_ASM "1:\n\t" LM_LOOP_FIXED_2 LM_LOOP_FIXED_2 LM_LOOP_NEXT("v")
                         : [v] "+l"(at)
                         : [end] "r"(end), [m] "l"(mantissa), [down] "l"(right), [zero] "l"(zero)
                         : "r4", "r5", "r6", "cc", "memory");
        v = at;
    }
    for (int32_t i = whole; i < n; i++) {
        *v = lm_round_shift(lm_mul16(*v, m), down);
        v++;
    }
}

#define LM_LOOP_LEVEL(n)                                                                           \
    "ldr r3, [%[v]]\n\t" LM_LOOP_HIGH(                                                             \
        "r3", "r4") "asrs r3, %[down]\n\tstmia %[v]!, {r3}\n\t" LM_LOOP_SIZE("r3", "r4")           \
        LM_LOOP_PASS("r4", n)

LM_LOOP uint32_t lm_level_loop(int32_t *v, int32_t n, uint32_t m, int32_t down)
{
    const int32_t whole = n & ~1;
    uint32_t max = 0;
    if (whole > 0) {
        const int32_t *last = v + whole;
        register const int32_t *end __asm__("r8") = last;
        register uint32_t most __asm__("r9") = 0;
        register int32_t *at __asm__("r0") = v;
        register uint32_t mantissa __asm__("r1") = m;
        register int32_t right __asm__("r2") = down;
        __asm__ volatile(LM_LOOP_ASM "1:\n\t" LM_LOOP_LEVEL("3") LM_LOOP_LEVEL("4")
                             LM_LOOP_NEXT("v") "b 9f\n\t" LM_LOOP_GROW("r4", "3")
                                 LM_LOOP_GROW("r4", "4") "9:\n\t"
                         : [v] "+l"(at), [max] "+r"(most)
                         : [end] "r"(end), [m] "l"(mantissa), [down] "l"(right)
                         : "r3", "r4", "cc", "memory");
        max = most;
        v = at;
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
