/* lm_softmax.h for cores with the DSP extension: two slots a round, whose weights become the halves
 * of a word. Needs lm_numerator.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SOFTMAX_H
#define LM_SOFTMAX_H

/* Two words from a 4-byte boundary, by one instruction. */
typedef uint64_t __attribute__((may_alias, aligned(4))) lm_any_pair;
#define LM_LOAD_TWO(first, second, from)                                                           \
    __asm__("ldrd %0, %1, %2"                                                                      \
            : "=r"(first), "=r"(second)                                                            \
            : "m"(*(const lm_any_pair *)(const void *)(from)))

/* The upper halves of two words as a word. */
LM_INLINE uint32_t lm_upper_halves(uint32_t first, uint32_t second)
{
    uint32_t r;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(r) : "r"(second), "r"(first));
    return r;
}

/* As the portable one, but that the weights of slots 2 i and 2 i + 1 become the halves of word i.
 */
LM_FUNCTION uint32_t lm_softmax(int32_t *score, const uint16_t *scales, int32_t n, int32_t row,
                                int32_t max, uint32_t mantissa, int32_t spread)
{
    const uint32_t half = 0x8000U << spread;
    uint32_t *to = (uint32_t *)score;
    uint32_t total = 0;
    for (const int32_t *end = score + (n & ~1); score != end; score += 2) {
        int32_t a, b;
        LM_LOAD_TWO(a, b, score);
        const uint32_t p = lm_numerator(a, max, mantissa), q = lm_numerator(b, max, mantissa);
        total += p;
        total += q;
        *to++ = lm_upper_halves(lm_mul_add(p, scales[0], half) >> spread,
                                lm_mul_add(q, scales[row], half) >> spread);
        scales += 2 * row;
    }
    if ((n & 1) != 0) {
        const uint32_t p = lm_numerator(*score, max, mantissa);
        total += p;
        *to = lm_mul_add(p, *scales, half) >> (16 + spread);
    }
    return total;
}

#endif
