/* lm_scores.h for RV32IM[C], whose loops cost three instructions a round: eight elements of a query
 * stay in registers for all slots. Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SCORES_H
#define LM_SCORES_H

#define LM_RV_TWO_PRODUCTS(i, j, qi, qj)                                                           \
    "lb %[t], " #i "(%[k])\n\tlb %[u], " #j "(%[k])\n\t"                                           \
    "mul %[t],%[t],%[" #qi "]\n\tmul %[u],%[u],%[" #qj "]\n\t"                                     \
    "add %[dot],%[dot],%[t]\n\tadd %[dot],%[dot],%[u]\n\t"

/* 8 elements of one query head against slots first..last-1; where it is the head's last part, dots
 * become scores, of which it gives the largest. Where it is not the first part, `score` has the
 * part before. In assembler for the products alone: GCC loads all of them first and then lacks
 * registers. */
LM_INLINE int32_t lm_scores_8(const int8_t *q, const int8_t *k, const uint16_t *scales, int32_t n,
                              int32_t row, int32_t dim, int32_t pre, int32_t down, int32_t *score,
                              int32_t is_first, int32_t is_last)
{
    const int32_t q0 = q[0], q1 = q[1], q2 = q[2], q3 = q[3];
    const int32_t q4 = q[4], q5 = q[5], q6 = q[6], q7 = q[7];
    int32_t max = INT32_MIN, t, u;
    for (int32_t *end = score + n; score != end; score++) {
        int32_t dot = is_first ? 0 : *score;
        __asm__(LM_RV_TWO_PRODUCTS(0, 1, q0, q1) LM_RV_TWO_PRODUCTS(2, 3, q2, q3)
                    LM_RV_TWO_PRODUCTS(4, 5, q4, q5) LM_RV_TWO_PRODUCTS(6, 7, q6, q7)
                : [dot] "+r"(dot), [t] "=&r"(t), [u] "=&r"(u)
                : [k] "r"(k), [q0] "r"(q0), [q1] "r"(q1), [q2] "r"(q2), [q3] "r"(q3), [q4] "r"(q4),
                  [q5] "r"(q5), [q6] "r"(q6), [q7] "r"(q7), "m"(*(const int8_t(*)[8])k));
        if (is_last) {
            dot = ((dot >> pre) * (int32_t)*scales) >> down;
            max = dot > max ? dot : max;
            scales += row;
        }
        *score = dot;
        k += row * dim;
    }
    return max;
}

LM_INLINE int32_t lm_scores(const int8_t *q, const int8_t *keys, const uint16_t *scales,
                            int32_t first, int32_t last, int32_t row, int32_t dim, int32_t pre,
                            int32_t down, int32_t *score)
{
    const int8_t *k = keys + first * row * dim;
    const int32_t n = last - first;
    int32_t max = INT32_MIN;
    score += first;
    scales += first * row;
    if (dim == 8) {
        return lm_scores_8(q, k, scales, n, row, dim, pre, down, score, 1, 1);
    }
    if (dim % 8 == 0) {
        (void)lm_scores_8(q, k, scales, n, row, dim, pre, down, score, 1, 0);
        for (int32_t d = 8; d < dim - 8; d += 8) {
            (void)lm_scores_8(q + d, k + d, scales, n, row, dim, pre, down, score, 0, 0);
        }
        return lm_scores_8(q + dim - 8, k + dim - 8, scales, n, row, dim, pre, down, score, 0, 1);
    }
    for (int32_t *end = score + n; score != end; score++) {
        int32_t dot = 0;
        for (int32_t d = 0; d < dim; d++) {
            dot += q[d] * k[d];
        }
        dot = ((dot >> pre) * (int32_t)*scales) >> down;
        max = dot > max ? dot : max;
        *score = dot;
        k += row * dim;
        scales += row;
    }
    return max;
}

#endif
