/* lm_xnor.h for Thumb-2 cores without vectors (Cortex-M3, M4, M7, M33): masks are immediates and
 * shifts cost nothing, so 53 instructions count 192 products. Registers r7 (frame pointer) and r13
 * stay untouched. Needs lm_xnor.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_XNOR_THUMB2_H
#define LM_XNOR_THUMB2_H

/* lm_count_three of a ^ b0, b ^ b1 and c ^ b2, added to acc. */
#define LM_T2_COUNT(acc)                                                                           \
    "eor %[a], %[a], %[b0]\n\teor %[b], %[b], %[b1]\n\teor %[c], %[c], %[b2]\n\t"                  \
    "and %[t], %[a], #0xAAAAAAAA\n\tsub %[a], %[a], %[t], lsr #1\n\t"                              \
    "and %[t], %[b], #0xAAAAAAAA\n\tsub %[b], %[b], %[t], lsr #1\n\t"                              \
    "and %[t], %[c], #0x55555555\n\tadd %[a], %[a], %[t]\n\t"                                      \
    "bic %[c], %[c], #0x55555555\n\tadd %[b], %[b], %[c], lsr #1\n\t"                              \
    "and %[t], %[a], #0x33333333\n\tbic %[a], %[a], #0x33333333\n\t"                               \
    "add %[a], %[t], %[a], lsr #2\n\t"                                                             \
    "and %[t], %[b], #0x33333333\n\tadd %[a], %[a], %[t]\n\t"                                      \
    "bic %[b], %[b], #0x33333333\n\tadd %[a], %[a], %[b], lsr #2\n\t"                              \
    "and %[t], %[a], #0x0F0F0F0F\n\tadd %[" #acc "], %[" #acc "], %[t]\n\t"                        \
    "bic %[a], %[a], #0x0F0F0F0F\n\tadd %[" #acc "], %[" #acc "], %[a], lsr #4\n\t"

/* As lm_xnor_steps, to the bit. */
LM_INLINE lm_counts lm_xnor_steps_thumb2(const uint8_t *codes, const int16_t *bits, int32_t steps)
{
    lm_counts counts = {0, 0};
    if (steps == 0) {
        return counts;
    }
    register const uint8_t *w __asm__("r0") = codes;
    register const int16_t *v __asm__("r1") = bits;
    register int32_t n __asm__("r2") = steps;
    register uint32_t low __asm__("r3") = 0;
    register uint32_t high __asm__("r4") = 0;
    register uint32_t b0 __asm__("r5");
    register uint32_t b1 __asm__("r6");
    register uint32_t b2 __asm__("r8");
    register uint32_t a __asm__("r9");
    register uint32_t b __asm__("r10");
    register uint32_t c __asm__("r11");
    register uint32_t t __asm__("r12");
    __asm__ volatile(
        "1:\n\t"
        "ldmia %[v]!, {r5, r6, r8}\n\t"
        "ldr %[b], [%[w], #8]\n\tldr %[c], [%[w], #16]\n\tldr %[a], [%[w]], #24\n\t" LM_T2_COUNT(
            low) "ldr %[a], [%[w], #-20]\n\tldr %[b], [%[w], #-12]\n\tldr %[c], [%[w], "
                 "#-4]\n\t" LM_T2_COUNT(high) "subs %[n], %[n], #1\n\tbne 1b\n\t"
        : [w] "+r"(w), [v] "+r"(v), [n] "+r"(n), [low] "+r"(low), [high] "+r"(high), [b0] "=&r"(b0),
          [b1] "=&r"(b1), [b2] "=&r"(b2), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [t] "=&r"(t)
        :
        : "cc", "memory");
    counts.low = low;
    counts.high = high;
    return counts;
}

LM_INLINE void lm_planes_xnor_thumb2(const uint8_t *codes, const uint8_t *rows_data,
                                     const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                     int32_t cols, int32_t planes, int32_t pre, int32_t stride)
{
    lm_planes_xnor_by(lm_xnor_steps_thumb2, codes, rows_data, table, sum, y, rows, cols, planes,
                      pre, stride);
}

#endif
