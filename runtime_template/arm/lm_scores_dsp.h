/* lm_scores.h for cores with the DSP extension (Cortex-M4, M7, M33): four products of int8 are one
 * load, two widenings and two dual multiplications. Words may be read from any address, and heads
 * of 8 elements begin on a 4-byte boundary. Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SCORES_H
#define LM_SCORES_H

typedef uint32_t __attribute__((may_alias, aligned(1))) lm_any_word;

LM_INLINE uint32_t lm_load_word(const int8_t *p)
{
    return *(const lm_any_word *)(const void *)p;
}

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

#endif
