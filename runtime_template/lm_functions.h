/* exp2, sigmoid and sine by table and linear interpolation; error bounds in docs/arithmetic.md.
 * Needs lm_fixed.h, lm_tables.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_FUNCTIONS_H
#define LM_FUNCTIONS_H

/* 2^15 * 2^(-d / 2^11) for d >= 0. */
LM_INLINE uint32_t lm_exp2_negative(uint32_t d)
{
    const uint32_t i = (d >> 5) & 63U;
    const uint32_t a = lm_exp2_table[i];
    const uint32_t b = lm_exp2_table[i + 1U];
    const uint32_t n = d >> 11;
    return n > 15U ? 0U : (a - (((a - b) * (d & 31U)) >> 5)) >> n;
}

/* 2^16 / (1 + e^x), x = a / 2^15 >= 0: the sigmoid of -x, 0..32768. */
LM_INLINE uint32_t lm_sigmoid_negative(uint32_t a)
{
    const uint32_t i = a >> 10;
    if (i >= 384U) {
        return 0U;
    }
    {
        const uint32_t high = lm_sigmoid_table[i];
        const uint32_t low = lm_sigmoid_table[i + 1U];
        return high - (((high - low) * (a & 1023U)) >> 10);
    }
}

/* 2^15 * sin(2 pi * phase / 2^32), -32768..32768. */
LM_INLINE int32_t lm_sine(uint32_t phase)
{
    const uint32_t turn = phase + 0x2000U; /* to 18 bits, rounded */
    const uint32_t quarter = (turn >> 14) & 0xffffU;
    const uint32_t t = (turn & 0x40000000U) != 0U ? 0x10000U - quarter : quarter;
    const uint32_t a = lm_sine_table[t >> 8];
    const uint32_t b = lm_sine_table[(t >> 8) + 1U];
    const int32_t s = (int32_t)(a + (((b - a) * (t & 255U) + 128U) >> 8));
    return (turn & 0x80000000U) != 0U ? -s : s;
}

LM_INLINE int32_t lm_cosine(uint32_t phase)
{
    return lm_sine(phase + 0x40000000U);
}

/* cos and sin (2 x pairs) of position * frequency[i], frequency in turns * 2^32. */
LM_INLINE void lm_angles(uint32_t position, const uint32_t *frequency, int32_t *angles,
                         int32_t pairs)
{
    for (int32_t i = 0; i < pairs; i++) {
        const uint32_t phase = position * frequency[i];
        angles[2 * i] = lm_cosine(phase);
        angles[2 * i + 1] = lm_sine(phase);
    }
}

#endif
