/* lm_attention_loops.h for cores with the DSP extension (Cortex-M4, M7, M33): four products of int8
 * are one load, two widenings and two dual multiplications. Two slots a round; the weights of two
 * slots are the halves of a word. Words may be read from any address, and heads of 8 elements begin
 * on a 4-byte boundary.
 * Needs lm_functions.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_ATTENTION_LOOPS_H
#define LM_ATTENTION_LOOPS_H

typedef uint32_t __attribute__((may_alias, aligned(1))) lm_any_word;

LM_INLINE uint32_t lm_load_word(const int8_t *p)
{
    return *(const lm_any_word *)(const void *)p;
}

/* Two words from a 4-byte boundary, by one instruction. */
typedef uint64_t __attribute__((may_alias, aligned(4))) lm_any_pair;
#define LM_LOAD_TWO(first, second, from)                                                           \
    __asm__("ldrd %0, %1, %2"                                                                      \
            : "=r"(first), "=r"(second)                                                            \
            : "m"(*(const lm_any_pair *)(const void *)(from)))

/* Bytes 0 and 2, and bytes 1 and 3, as pairs of int16. */
LM_INLINE uint32_t lm_even_bytes(uint32_t v)
{
    uint32_t r;
    __asm__("sxtb16 %0, %1" : "=r"(r) : "r"(v));
    return r;
}

LM_INLINE uint32_t lm_odd_bytes(uint32_t v)
{
    uint32_t r;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(v));
    return r;
}

LM_INLINE int32_t lm_dual(uint32_t a, uint32_t b, int32_t acc)
{
    __asm__("smlad %0, %1, %2, %0" : "+r"(acc) : "r"(a), "r"(b));
    return acc;
}

/* acc + the lower or upper half of v times the lower or upper half of w */
#define LM_HALVES(name, instruction)                                                               \
    LM_INLINE int32_t name(uint32_t v, uint32_t w, int32_t acc)                                    \
    {                                                                                              \
        __asm__(instruction " %0, %1, %2, %0" : "+r"(acc) : "r"(v), "r"(w));                       \
        return acc;                                                                                \
    }
LM_HALVES(lm_low_low, "smlabb")
LM_HALVES(lm_high_low, "smlatb")
LM_HALVES(lm_low_high, "smlabt")
LM_HALVES(lm_high_high, "smlatt")

/* The upper halves of two words as a word. */
LM_INLINE uint32_t lm_upper_halves(uint32_t first, uint32_t second)
{
    uint32_t r;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(r) : "r"(second), "r"(first));
    return r;
}

/* q . k for dim that 4 divides */
LM_INLINE int32_t lm_dot_words(const int8_t *q, const int8_t *k, int32_t dim)
{
    int32_t dot = 0;
    for (int32_t d = 0; d < dim; d += 4) {
        const uint32_t a = lm_load_word(q + d), b = lm_load_word(k + d);
        dot = lm_dual(lm_even_bytes(a), lm_even_bytes(b), dot);
        dot = lm_dual(lm_odd_bytes(a), lm_odd_bytes(b), dot);
    }
    return dot;
}

LM_INLINE int32_t lm_dot_any(const int8_t *q, const int8_t *k, int32_t dim)
{
    int32_t dot = lm_dot_words(q, k, dim & ~3);
    for (int32_t d = dim & ~3; d < dim; d++) {
        dot += q[d] * k[d];
    }
    return dot;
}

/* One slot: the key's eight elements in r3 and r4, then their score in r3. A larger one than any so
 * far is seldom: what then happens stands behind the loop. */
#define LM_SLOT_8(n)                                                                               \
    "ldrd r3, r4, [%[k]]\n\tadd %[k], %[k], %[steps], lsr #6\n\t"                                  \
    "sxtb16 r5, r3, ror #8\n\tsxtb16 r3, r3\n\tsmuad r3, %[a02], r3\n\t"                           \
    "smlad r3, %[a13], r5, r3\n\tsxtb16 r5, r4, ror #8\n\tsxtb16 r4, r4\n\t"                       \
    "smlad r3, %[b02], r4, r3\n\tsmlad r3, %[b13], r5, r3\n\tldrh r4, [%[scales]]\n\t"             \
    "add %[scales], %[scales], %[steps], lsr #8\n\tasr r3, r3, #3\n\tmul r3, r3, r4\n\t"           \
    "asr r3, r3, %[steps]\n\tstr r3, [%[s]], #4\n\tcmp r3, %[max]\n\tbgt 2" n "f\n3" n ":\n\t"
#define LM_SLOT_8_GROW(n) "2" n ":\n\tmov %[max], r3\n\tb 3" n "b\n\t"

/* A build for size has one slot a round; others four, of which the first round begins as far in as
 * n mod 4, in r3, asks for. */
#if defined(__OPTIMIZE_SIZE__)
#define LM_SLOTS "10:\n\t" LM_SLOT_8("0") "cmp %[s], %[end]\n\tbne 10b\n\tb 9f\n\t"
#define LM_SLOTS_GROW LM_SLOT_8_GROW("0") "9:"
#else
#define LM_SLOTS                                                                                   \
    "cmp r3, #2\n\tbeq 12f\n\tbhi 11f\n\tcmp r3, #1\n\tbeq 13f\n10:\n\t" LM_SLOT_8(                \
        "0") "11:\n\t" LM_SLOT_8("1") "12:\n\t" LM_SLOT_8("2") "13:\n\t" LM_SLOT_8("3") "cmp "     \
                                                                                        "%[s], "   \
                                                                                        "%[end]"   \
                                                                                        "\n\tbne " \
                                                                                        "10b\n\tb" \
                                                                                        " 9f\n\t"
#define LM_SLOTS_GROW                                                                              \
    LM_SLOT_8_GROW("0") LM_SLOT_8_GROW("1") LM_SLOT_8_GROW("2") LM_SLOT_8_GROW("3") "9:"
#endif

/* lm_scores for 8 elements and pre 3, with the query widened in registers. `steps`: the bytes from
 * one scale to the next, a quarter of what is from one key to the next, times 256, and the shift.
 * Registers have names, set last, from plain variables: a build without optimization computes in
 * any register. */
LM_FUNCTION int32_t lm_scores_8(const int8_t *q, const int8_t *keys, const uint16_t *scales,
                                int32_t row, int32_t shift, int32_t *score, int32_t n)
{
    const uint32_t a = lm_load_word(q), b = lm_load_word(q + 4), rest = (uint32_t)n & 3U;
    if (n <= 0) {
        return INT32_MIN;
    }
    const uint32_t even_a = lm_even_bytes(a), odd_a = lm_odd_bytes(a);
    const uint32_t even_b = lm_even_bytes(b), odd_b = lm_odd_bytes(b);
    const int32_t *last = score + n, least = INT32_MIN;
    const uint32_t packed = (uint32_t)row << 9 | (uint32_t)shift;
    register uint32_t a02 __asm__("r6") = even_a;
    register uint32_t a13 __asm__("r8") = odd_a;
    register uint32_t b02 __asm__("r9") = even_b;
    register uint32_t b13 __asm__("r10") = odd_b;
    register const int32_t *end __asm__("r11") = last;
    register int32_t max __asm__("r12") = least;
    register uint32_t steps __asm__("lr") = packed;
    register const int8_t *k __asm__("r0") = keys;
    register const uint16_t *scale __asm__("r1") = scales;
    register int32_t *s __asm__("r2") = score;
    register uint32_t r3 __asm__("r3") = rest;
    register uint32_t r4 __asm__("r4");
    register uint32_t r5 __asm__("r5");
    __asm__ volatile(LM_SLOTS LM_SLOTS_GROW
                     : [k] "+r"(k), [scales] "+r"(scale), [s] "+r"(s), [max] "+r"(max), "+r"(r3),
                       "=&r"(r4), "=&r"(r5)
                     : [a02] "r"(a02), [a13] "r"(a13), [b02] "r"(b02), [b13] "r"(b13),
                       [end] "r"(end), [steps] "r"(steps)
                     : "cc", "memory");
    return max;
}

LM_INLINE int32_t lm_scores(const int8_t *q, const int8_t *keys, const uint16_t *scales,
                            int32_t first, int32_t last, int32_t row, int32_t dim, int32_t pre,
                            int32_t down, int32_t *score)
{
    int32_t max = INT32_MIN;
    const int8_t *k = keys + first * row * dim;
    scales += first * row;
    if (dim == 8 && pre == 3) {
        return lm_scores_8(q, k, scales, row, down, score + first, last - first);
    }
    for (int32_t *s = score + first, *end = score + last; s != end; s++) {
        const int32_t v = ((lm_dot_any(q, k, dim) >> pre) * (int32_t)*scales) >> down;
        *s = v;
        max = v > max ? v : max;
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

/* Eight elements times the lower or the upper half of w. None is loaded before those before it are
 * done with: there are as many registers as that takes. */
#define LM_MIX_FOUR(m, four, by_low, by_high)                                                      \
    even = lm_even_bytes(four), odd = lm_odd_bytes(four), m##0 = by_low(even, w, m##0),            \
    m##2 = by_high(even, w, m##2), m##1 = by_low(odd, w, m##1), m##3 = by_high(odd, w, m##3)
#define LM_MIX_EIGHT(v, by_low, by_high)                                                           \
    do {                                                                                           \
        uint32_t one, two, even, odd;                                                              \
        LM_LOAD_TWO(one, two, v);                                                                  \
        LM_MIX_FOUR(a, one, by_low, by_high);                                                      \
        LM_MIX_FOUR(b, two, by_low, by_high);                                                      \
        __asm__ volatile("" : : : "memory");                                                       \
    } while (0)

/* 8 elements of the values at once. */
LM_FUNCTION void lm_mix_8(const uint32_t *weights, const int8_t *v, int32_t n, int32_t apart,
                          int32_t *mix)
{
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    const uint32_t *end = weights + n / 2;
    if ((n & 1) != 0) {
        const uint32_t w = *end;
        LM_MIX_EIGHT(v + (n - 1) * apart, lm_low_low, lm_high_low);
    }
    while (weights != end) {
        const uint32_t w = *weights++;
        LM_MIX_EIGHT(v, lm_low_low, lm_high_low);
        LM_MIX_EIGHT(v + apart, lm_low_high, lm_high_high);
        v += 2 * apart;
    }
    mix[0] = a0;
    mix[1] = a1;
    mix[2] = a2;
    mix[3] = a3;
    mix[4] = b0;
    mix[5] = b1;
    mix[6] = b2;
    mix[7] = b3;
}

/* Weights as lm_softmax leaves them. */
LM_INLINE void lm_mix_values(const int32_t *weights, const int8_t *values, int32_t n, int32_t row,
                             int32_t dim, int32_t *mix)
{
    const uint32_t *pairs = (const uint32_t *)weights;
    int32_t d = 0;
    if (dim % 8 == 0) {
        for (; d < dim; d += 8) {
            lm_mix_8(pairs, values + d, n, row * dim, mix + d);
        }
    }
    for (; d < dim; d++) {
        const int8_t *v = values + d;
        int32_t acc = 0;
        for (int32_t j = 0; j < n; j++) {
            acc += (int32_t)(pairs[j >> 1] >> ((j & 1) << 4) & 0xffffU) * *v;
            v += row * dim;
        }
        mix[d] = acc;
    }
}

LM_INLINE uint32_t lm_softmax_mix(int32_t *score, const uint16_t *scales, const int8_t *values,
                                  int32_t n, int32_t row, int32_t dim, int32_t max,
                                  uint32_t mantissa, int32_t spread, int32_t *mix)
{
    const uint32_t total = lm_softmax(score, scales, n, row, max, mantissa, spread);
    lm_mix_values(score, values, n, row, dim, mix);
    return total;
}

#endif
