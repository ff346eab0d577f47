/* lm_attention_loops.h for RV32IM[C], whose loops cost three instructions a round: eight elements
 * of a query stay in registers for all slots, eight sums of values share the loads of the weights,
 * and slots that weigh nothing are passed over. Needs lm_functions.h. SPDX-License-Identifier: 0BSD
 */
#ifndef LM_ATTENTION_LOOPS_H
#define LM_ATTENTION_LOOPS_H

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
    for (int32_t j = 0; j < n; j++) {
        const uint32_t p = lm_numerator(score[j], max, mantissa);
        total += p;
        score[j] = (int32_t)(lm_mul_add(p, scales[j * row], half) >> (16 + spread));
    }
    return total;
}

/* Weights (n) times 8 elements of the values, `apart` from slot to slot -> mix (8). */
LM_FUNCTION void lm_mix_8(const int32_t *weights, const int8_t *v, int32_t n, int32_t apart,
                          int32_t *mix)
{
    int32_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    for (const int32_t *end = weights + n; weights != end; weights++) {
        const int32_t w = *weights;
        if (w != 0) {
            a += w * v[0];
            b += w * v[1];
            c += w * v[2];
            d += w * v[3];
            e += w * v[4];
            f += w * v[5];
            g += w * v[6];
            h += w * v[7];
        }
        v += apart;
    }
    mix[0] = a;
    mix[1] = b;
    mix[2] = c;
    mix[3] = d;
    mix[4] = e;
    mix[5] = f;
    mix[6] = g;
    mix[7] = h;
}

LM_INLINE uint32_t lm_softmax_mix(int32_t *score, const uint16_t *scales, const int8_t *values,
                                  int32_t n, int32_t row, int32_t dim, int32_t max,
                                  uint32_t mantissa, int32_t spread, int32_t *mix)
{
    const uint32_t total = lm_softmax(score, scales, n, row, max, mantissa, spread);
    int32_t d = 0;
    for (; d + 8 <= dim; d += 8) {
        lm_mix_8(score, values + d, n, row * dim, mix + d);
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
    return total;
}

#endif
