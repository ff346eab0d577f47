/* lm_softmax.h for ARMv6-M (Cortex-M0, M0+), which gives the sum of the weights too:
 * lm_mix_thumb1.h needs it. Register r7 (frame pointer) is saved and restored, so it compiles at
 * every optimisation level. Needs lm_numerator.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SOFTMAX_H
#define LM_SOFTMAX_H

/* A weight from a score, 0 at label `none`, which goes back to `back`. Products of 2^31 and more,
 * as what is clipped gives, have a numerator of 0: they are shifted right by 16 or more. r7 has
 * twice what the table's index may be. */
#define LM_T1_WEIGHT(none, back)                                                                   \
    "ldr r2, [r0]\n\tsubs r2, r4, r2\n\tlsrs r3, r2, #16\n\tbne " none "f\n\tmuls r2, r5, r2\n\t"  \
    "bmi " none "f\n\tadd r2, r2, %[add]\n\tlsrs r3, r2, #27\n\tlsrs r2, r2, #17\n\t"              \
    "ands r2, r2, r7\n\tldrh r2, [r6, r2]\n\tlsrs r2, r2, r3\n\tadd %[total], %[total], r2\n\t"    \
    "ldrh r3, [r1]\n\tmuls r2, r3, r2\n\tadd r2, r2, %[half]\n\tlsrs r2, r2, #16\n\t"              \
    "add %[sum], %[sum], r2\n" back ":\n\tadd r1, r1, %[apart]\n\tstmia r0!, {r2}\n\t"

/* Scores (n > 0) -> in place, numerators times the scales of the values, divided by 2^16; gives the
 * sum of the numerators, and 2^32 times the sum of the results. An odd n begins with the second of
 * a round. */
LM_FUNCTION uint64_t lm_softmax_whole(int32_t *score, const uint16_t *scales, int32_t n,
                                      int32_t row, int32_t max, uint32_t mantissa)
{
    const uint32_t rounding = 0x8000U, most = (1U << 17) - 2U, zero = 0;
    const uint16_t *exp2 = lm_exp2_fine;
    const int32_t *last = score + n;
    const int32_t step = 2 * row;
    register uint32_t total __asm__("r8") = zero;
    register uint32_t sum __asm__("r9") = zero;
    register uint32_t half __asm__("r10") = rounding;
    register uint32_t add __asm__("r11") = most;
    register int32_t apart __asm__("r12") = step;
    register const int32_t *end __asm__("lr") = last;
    register int32_t *s __asm__("r0") = score;
    register const uint16_t *scale __asm__("r1") = scales;
    register uint32_t x __asm__("r2") = (uint32_t)n;
    register uint32_t t __asm__("r3");
    register int32_t top __asm__("r4") = max;
    register uint32_t m __asm__("r5") = mantissa;
    register const uint16_t *table __asm__("r6") = exp2;
    __asm__ volatile(
        ".syntax unified\n\tpush {r7}\n\tmovs r7, #255\n\tlsls r7, r7, #2\n\t"
        "adds r7, #2\n\tlsrs r2, r2, #1\n\tbcs 2f\n"
        "1:\n\t" LM_T1_WEIGHT("3", "5") "2:\n\t" LM_T1_WEIGHT(
            "4", "6") "cmp r0, %[end]\n\tbne 1b\n\tb 9f\n"
                      "3:\n\tmovs r2, #0\n\tb 5b\n4:\n\tmovs r2, #0\n\tb 6b\n9:\n\tpop {r7}"
        : "+l"(s), "+l"(scale), "+l"(x), "=&l"(t), [total] "+r"(total), [sum] "+r"(sum)
        : "l"(top), "l"(m),
          "l"(table), [half] "r"(half), [add] "r"(add), [apart] "r"(apart), [end] "r"(end)
        : "cc", "memory");
    return (uint64_t)sum << 32 | total;
}

/* The same, divided by 2^(16 + spread): of windows of many hundred slots. */
LM_INLINE uint64_t lm_softmax(int32_t *score, const uint16_t *scales, int32_t n, int32_t row,
                              int32_t max, uint32_t mantissa, int32_t spread)
{
    const uint32_t half = 0x8000U << spread;
    uint32_t total = 0, sum = 0;
    if (spread == 0) {
        return lm_softmax_whole(score, scales, n, row, max, mantissa);
    }
    for (int32_t j = 0; j < n; j++) {
        const uint32_t p = lm_numerator(score[j], max, mantissa);
        const uint32_t weight = lm_mul_add(p, *scales, half) >> (16 + spread);
        total += p;
        sum += weight;
        score[j] = (int32_t)weight;
        scales += row;
    }
    return (uint64_t)sum << 32 | total;
}

#endif
