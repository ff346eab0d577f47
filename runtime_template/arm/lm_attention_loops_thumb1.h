/* lm_attention_loops.h for ARMv6-M (Cortex-M0, M0+), which has few registers and no addition of two
 * bytes' products. Four values of a word are told apart by arithmetic modulo 2^32 instead of by
 * extracting signs, and slots that weigh nothing are passed over. Register r7 (frame pointer) is
 * saved and restored, so it compiles at every optimisation level. Needs lm_functions.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_ATTENTION_LOOPS_H
#define LM_ATTENTION_LOOPS_H

/* Adds 128 to each byte of a word of int8. */
#define LM_T1_FLIP 0x80808080U

LM_INLINE int32_t lm_scores(const int8_t *q, const int8_t *keys, const uint16_t *scales,
                            int32_t first, int32_t last, int32_t row, int32_t dim, int32_t pre,
                            int32_t down, int32_t *score)
{
    int32_t max = INT32_MIN;
    const int8_t *k = keys + first * row * dim;
    scales += first * row;
    for (int32_t *s = score + first, *end = score + last; s != end; s++) {
        int32_t dot = 0;
        for (int32_t d = 0; d < dim; d++) {
            dot += q[d] * k[d];
        }
        dot = ((dot >> pre) * (int32_t)*scales) >> down;
        *s = dot;
        max = dot > max ? dot : max;
        k += row * dim;
        scales += row;
    }
    return max;
}

/* The softmax numerator of a score, 2^15 at most. */
LM_INLINE uint32_t lm_numerator(int32_t score, int32_t max, uint32_t mantissa)
{
    return lm_exp2_nearest(lm_clip16(max - score), mantissa);
}

LM_INLINE uint32_t lm_softmax_total(const int32_t *score, int32_t n, int32_t max, uint32_t mantissa)
{
    uint32_t total = 0;
    for (int32_t j = 0; j < n; j++) {
        total += lm_numerator(score[j], max, mantissa);
    }
    return total;
}

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

/* One slot: its weight times each of the words of 8 values, shifted right by 0, 8, 16 and 24 bits;
 * without a weight, nothing. The stack has the end of the weights and what is from one slot to the
 * next. */
#define LM_T1_TIMES(by, acc)                                                                       \
    "lsrs r4, r2, #" #by "\n\tmuls r4, r3, r4\n\tadd " #acc ", " #acc ", r4\n\t"
#define LM_T1_TIMES_WORD(at, acc0, acc1, acc2, acc3)                                               \
    "ldr r2, [r0, #" #at "]\n\teors r2, r2, r7\n\t" LM_T1_TIMES(24, acc3) LM_T1_TIMES(16, acc2)    \
        LM_T1_TIMES(8, acc1) "muls r2, r3, r2\n\tadd " #acc0 ", " #acc0 ", r2\n\t"
#define LM_T1_SLOT(n)                                                                              \
    "ldmia r1!, {r3}\n\tcmp r3, #0\n\tbeq 2" n "f\n\t" LM_T1_TIMES_WORD(0, r5, r6, r8, r9)         \
        LM_T1_TIMES_WORD(4, r10, r11, r12, lr) "2" n                                               \
                                               ":\n\tldr r4, [sp, #4]\n\tadds r0, r0, r4\n\t"

/* 8 elements of the values, on a 4-byte boundary; `sum` is that of the weights (n > 0). What an
 * accumulator has, of one word shifted right by 8 i, is 256 times the next one's and its own
 * byte's, plus 128 times the weights. The first round of four slots begins as far in as n mod 4
 * asks for. */
LM_FUNCTION void lm_mix_8(const int32_t *weights, const int8_t *values, int32_t n, int32_t apart,
                          uint32_t sum, int32_t *mix)
{
    const uint32_t rest = (uint32_t)n & 3U, flip = LM_T1_FLIP, zero = 0;
    const uint32_t last = (uint32_t)(uintptr_t)(weights + n);
    register uint32_t e2 __asm__("r8") = zero;
    register uint32_t e3 __asm__("r9") = zero;
    register uint32_t f0 __asm__("r10") = zero;
    register uint32_t f1 __asm__("r11") = zero;
    register uint32_t f2 __asm__("r12") = zero;
    register uint32_t f3 __asm__("lr") = zero;
    register const int8_t *v __asm__("r0") = values;
    register const int32_t *w __asm__("r1") = weights;
    register uint32_t x __asm__("r2") = rest;
    register uint32_t m __asm__("r3") = flip;
    register uint32_t t __asm__("r4");
    register uint32_t e0 __asm__("r5") = last;
    register uint32_t e1 __asm__("r6") = (uint32_t)apart;
    __asm__ volatile(
        ".syntax unified\n\tpush {r5, r6, r7}\n\tmovs r7, r3\n\tmovs r5, #0\n\tmovs r6, #0\n\t"
        "cmp r2, #2\n\tbeq 12f\n\tbhi 11f\n\tcmp r2, #1\n\tbne 10f\n\tb 13f\n\t"
        "10:\n\t" LM_T1_SLOT("0") "11:\n\t" LM_T1_SLOT("1") "12:\n\t" LM_T1_SLOT(
            "2") "13:\n\t" LM_T1_SLOT("3") "ldr r4, [sp]\n\tcmp r1, r4\n\tbeq 14f\n\tb 10b\n\t"
                                           "14:\n\tadd sp, #8\n\tpop {r7}"
        : "+l"(v), "+l"(w), "+l"(x), "+l"(m), "=&l"(t), "+l"(e0), "+l"(e1), "+r"(e2), "+r"(e3),
          "+r"(f0), "+r"(f1), "+r"(f2), "+r"(f3)
        :
        : "cc", "memory");
    const uint32_t a0 = e0, a1 = e1, a2 = e2, a3 = e3, b0 = f0, b1 = f1, b2 = f2, b3 = f3;
    sum <<= 7;
    mix[0] = (int32_t)(a0 - (a1 << 8) - sum);
    mix[1] = (int32_t)(a1 - (a2 << 8) - sum);
    mix[2] = (int32_t)(a2 - (a3 << 8) - sum);
    mix[3] = (int32_t)(a3 - sum);
    mix[4] = (int32_t)(b0 - (b1 << 8) - sum);
    mix[5] = (int32_t)(b1 - (b2 << 8) - sum);
    mix[6] = (int32_t)(b2 - (b3 << 8) - sum);
    mix[7] = (int32_t)(b3 - sum);
}

LM_INLINE uint32_t lm_softmax_mix(int32_t *score, const uint16_t *scales, const int8_t *values,
                                  int32_t n, int32_t row, int32_t dim, int32_t max,
                                  uint32_t mantissa, int32_t spread, int32_t *mix)
{
    const uint64_t sums = lm_softmax(score, scales, n, row, max, mantissa, spread);
    int32_t d = 0;
    if (dim % 8 == 0) {
        for (; d < dim; d += 8) {
            lm_mix_8(score, values + d, n, row * dim, (uint32_t)(sums >> 32), mix + d);
        }
    }
    for (; d < dim; d++) {
        const int8_t *v = values + d;
        int32_t acc = 0;
        for (int32_t j = 0; j < n; j++) {
            acc += score[j] * *v;
            v += row * dim;
        }
        mix[d] = acc;
    }
    return (uint32_t)sums;
}

#endif
