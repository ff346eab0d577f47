/* The loops of attention over the slots of a ring: scores, softmax, the weighted sum of the values.
 * These define them; files for a core take this one's place. Needs lm_functions.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_ATTENTION_LOOPS_H
#define LM_ATTENTION_LOOPS_H

/* One query head against slots first..last-1 of one kv head -> score (slots): log2 of the softmax
 * numerator in units of 2^-11 * 2^16 / mantissa(query's factor); gives the largest, INT32_MIN for
 * no slot. keys, scales: of slot 0; `row` kv heads a slot; pre makes (dot >> pre) * scale fit in
 * 31 bits, of which down, 0..31, are cut off. */
LM_INLINE int32_t lm_scores(const int8_t *q, const int8_t *keys, const uint16_t *scales,
                            int32_t first, int32_t last, int32_t row, int32_t dim, int32_t pre,
                            int32_t down, int32_t *score)
{
    int32_t max = INT32_MIN;
    const int8_t *k = keys + first * row * dim;
    scales += first * row;
    for (int32_t *s = score + first, *end = score + last; s < end; s++) {
        int32_t dot = 0;
        LM_UNROLL_8
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

/* The sum of the numerators of scores (n). */
LM_INLINE uint32_t lm_softmax_total(const int32_t *score, int32_t n, int32_t max, uint32_t mantissa)
{
    uint32_t total = 0;
    for (int32_t j = 0; j < n; j++) {
        total += lm_numerator(score[j], max, mantissa);
    }
    return total;
}

/* Scores (n) with their maximum -> in place, numerators times the scales of the values, divided by
 * 2^(16 + spread); gives the sum of the numerators. */
LM_FUNCTION uint32_t lm_softmax(int32_t *score, const uint16_t *scales, int32_t n, int32_t row,
                                int32_t max, uint32_t mantissa, int32_t spread)
{
    const uint32_t half = 0x8000U << spread;
    uint32_t total = 0;
    LM_UNROLL_4
    for (int32_t j = 0; j < n; j++) {
        const uint32_t p = lm_numerator(score[j], max, mantissa);
        total += p;
        score[j] = (int32_t)(lm_mul_add(p, scales[j * row], half) >> (16 + spread));
    }
    return total;
}

/* Weights (n) times values (n rows of dim, row * dim apart) -> mix (dim). */
LM_INLINE void lm_mix_values(const int32_t *weights, const int8_t *values, int32_t n, int32_t row,
                             int32_t dim, int32_t *mix)
{
    for (int32_t d = 0; d < dim; d++) {
        const int8_t *v = values + d;
        int32_t acc = 0;
        LM_UNROLL_4
        for (int32_t j = 0; j < n; j++) {
            acc += weights[j] * v[j * row * dim];
        }
        mix[d] = acc;
    }
}

/* Scores (n) of one head with their maximum -> mix (dim), the sum of the values times what
 * lm_softmax gives of the scores, which it overwrites; gives the sum of the numerators. */
LM_INLINE uint32_t lm_softmax_mix(int32_t *score, const uint16_t *scales, const int8_t *values,
                                  int32_t n, int32_t row, int32_t dim, int32_t max,
                                  uint32_t mantissa, int32_t spread, int32_t *mix)
{
    const uint32_t total = lm_softmax(score, scales, n, row, max, mantissa, spread);
    lm_mix_values(score, values, n, row, dim, mix);
    return total;
}

#endif
