/* exp2, SiLU and sine by table and linear interpolation; error bounds in docs/arithmetic.md.
 * Needs lm_fixed.h, lm_tables.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_FUNCTIONS_H
#define LM_FUNCTIONS_H

/* 2^15 * 2^(-a * m / 2^27), of the nearest of 512 steps an octave; a, m below 2^16. Half a step is
 * added, but that the largest product stays below 2^32. */
LM_INLINE uint32_t lm_exp2_nearest(uint32_t a, uint32_t m)
{
    const uint32_t t = lm_mul_add(a, m, (1U << 17) - 2U);
    return (uint32_t)lm_exp2_fine[(t >> 18) & 511U] >> (t >> 27);
}

/* SiLU of g, both in units of 2^-15: g or 0, less what is missing to it on either side, which past
 * 16 is nothing. */
LM_INLINE int32_t lm_silu(int32_t g)
{
    const uint32_t a = lm_clip19(g < 0 ? 0U - (uint32_t)g : (uint32_t)g);
    const int32_t low = lm_silu_table[a >> 10];
    const int32_t high = lm_silu_table[(a >> 10) + 1U];
    return (g & ~(g >> 31)) - (low + (((high - low) * (int32_t)(a & 1023U)) >> 10));
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
