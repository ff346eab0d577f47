/* lm_mix.h for cores with the DSP extension: two slots a round, whose weights are the halves of a
 * word. Values of heads of 8 elements begin on a 4-byte boundary.
 * Needs lm_scores_dsp.h, lm_softmax_dsp.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_MIX_H
#define LM_MIX_H

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

#endif
