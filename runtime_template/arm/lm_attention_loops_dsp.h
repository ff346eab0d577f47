/* lm_attention_loops.h for cores with the DSP extension (Cortex-M4, M7, M33): four products of int8
 * are one load, two widenings and two dual multiplications. Words may be read from any address.
 * Needs lm_functions.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_ATTENTION_LOOPS_H
#define LM_ATTENTION_LOOPS_H

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

LM_INLINE int32_t lm_dual_first(uint32_t a, uint32_t b)
{
    int32_t r;
    __asm__("smuad %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* acc + the lower or upper half of v times w, |w| < 2^15 */
LM_INLINE int32_t lm_low_times(uint32_t v, int32_t w, int32_t acc)
{
    __asm__("smlabb %0, %1, %2, %0" : "+r"(acc) : "r"(v), "r"(w));
    return acc;
}

LM_INLINE int32_t lm_high_times(uint32_t v, int32_t w, int32_t acc)
{
    __asm__("smlatb %0, %1, %2, %0" : "+r"(acc) : "r"(v), "r"(w));
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

/* As lm_scores for 8 elements, with the query widened in registers. */
LM_FUNCTION int32_t lm_scores_8(const int8_t *q, const int8_t *k, const uint16_t *scales,
                                int32_t row, int32_t pre, int32_t down, int32_t *s,
                                const int32_t *end)
{
    const uint32_t a = lm_load_word(q), b = lm_load_word(q + 4);
    const uint32_t a02 = lm_even_bytes(a), a13 = lm_odd_bytes(a);
    const uint32_t b02 = lm_even_bytes(b), b13 = lm_odd_bytes(b);
    const int32_t apart = 8 * row;
    int32_t max = INT32_MIN;
    LM_UNROLL_4
    for (; s != end; s++) {
        const uint32_t c = lm_load_word(k), d = lm_load_word(k + 4);
        int32_t v = lm_dual_first(a02, lm_even_bytes(c));
        v = lm_dual(a13, lm_odd_bytes(c), v);
        v = lm_dual(b02, lm_even_bytes(d), v);
        v = lm_dual(b13, lm_odd_bytes(d), v);
        v = ((v >> pre) * (int32_t)*scales) >> down;
        *s = v;
        max = v > max ? v : max;
        k += apart;
        scales += row;
    }
    return max;
}

LM_INLINE int32_t lm_scores(const int8_t *q, const int8_t *keys, const uint16_t *scales,
                            int32_t first, int32_t last, int32_t row, int32_t dim, int32_t pre,
                            int32_t down, int32_t *score)
{
    int32_t max = INT32_MIN;
    const int8_t *k = keys + first * row * dim;
    scales += first * row;
    if (dim == 8) {
        return lm_scores_8(q, k, scales, row, pre, down, score + first, score + last);
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

LM_FUNCTION uint32_t lm_softmax(int32_t *score, const uint16_t *scales, int32_t n, int32_t row,
                                int32_t max, uint32_t mantissa, int32_t spread)
{
    const uint32_t half = 0x8000U << spread;
    uint32_t total = 0;
    LM_UNROLL_4
    for (int32_t *s = score, *end = score + n; s != end; s++) {
        const uint32_t p = lm_numerator(*s, max, mantissa);
        total += p;
        *s = (int32_t)(lm_mul_add(p, *scales, half) >> (16 + spread));
        scales += row;
    }
    return total;
}

/* 8 elements of the values at once. */
LM_FUNCTION void lm_mix_8(const int32_t *weights, const int8_t *v, int32_t n, int32_t apart,
                          int32_t *mix)
{
    int32_t m0 = 0, m1 = 0, m2 = 0, m3 = 0, m4 = 0, m5 = 0, m6 = 0, m7 = 0;
    LM_UNROLL_4
    for (const int32_t *end = weights + n; weights != end; weights++) {
        const int32_t w = *weights;
        const uint32_t a = lm_load_word(v), b = lm_load_word(v + 4);
        const uint32_t a02 = lm_even_bytes(a), a13 = lm_odd_bytes(a);
        const uint32_t b02 = lm_even_bytes(b), b13 = lm_odd_bytes(b);
        m0 = lm_low_times(a02, w, m0);
        m1 = lm_low_times(a13, w, m1);
        m2 = lm_high_times(a02, w, m2);
        m3 = lm_high_times(a13, w, m3);
        m4 = lm_low_times(b02, w, m4);
        m5 = lm_low_times(b13, w, m5);
        m6 = lm_high_times(b02, w, m6);
        m7 = lm_high_times(b13, w, m7);
        v += apart;
    }
    mix[0] = m0;
    mix[1] = m1;
    mix[2] = m2;
    mix[3] = m3;
    mix[4] = m4;
    mix[5] = m5;
    mix[6] = m6;
    mix[7] = m7;
}

LM_INLINE void lm_mix_values(const int32_t *weights, const int8_t *values, int32_t n, int32_t row,
                             int32_t dim, int32_t *mix)
{
    for (int32_t d = 0; d < (dim & ~7); d += 8) {
        lm_mix_8(weights, values + d, n, row * dim, mix + d);
    }
    for (int32_t d = dim & ~7; d < dim; d++) {
        const int8_t *v = values + d;
        int32_t acc = 0;
        for (int32_t j = 0; j < n; j++) {
            acc += weights[j] * *v;
            v += row * dim;
        }
        mix[d] = acc;
    }
}

#endif
