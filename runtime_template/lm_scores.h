/* Scores of attention: a query against the keys of slots of a ring. This defines them; files for a
 * core take this one's place, as of the other files of attention's loops. Needs lm_port.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_SCORES_H
#define LM_SCORES_H

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

#endif
