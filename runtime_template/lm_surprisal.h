/* How unlikely a token was: -log2 of its softmax probability, in integers. The sum of all
 * exponentials has 40 bits; its logarithm is found by bisection of the table that made them. Off by
 * less than 0.001 bits. Needs lm_sample.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SURPRISAL_H
#define LM_SURPRISAL_H

/* log2(sum / 2^30) in units of 2^-16, 2^30 <= sum < 2^62. */
LM_INLINE uint32_t lm_log2_sum(uint64_t sum)
{
    const int32_t shift = lm_bits((uint32_t)((sum - 1U) >> 30)); /* least: sum <= 2^(30 + shift) */
    const uint32_t y = (uint32_t)(sum >> shift);
    uint32_t d = 0;
    for (uint32_t step = 0x8000U; step > 0U; step >>= 1) { /* the last d with 2^(30 - d) >= y */
        if (lm_weight(d + step, 0) >= y) {
            d += step;
        }
    }
    return (uint32_t)shift << 16 > d ? ((uint32_t)shift << 16) - d : 0U;
}

/* logits (vocab), value * 2^-16 -> bits in units of 2^-16 */
LM_FUNCTION uint32_t lm_surprisal(const int32_t *logits, int32_t vocab, int32_t token)
{
    const lm_scale spread = lm_spread_scale(0x10000U);
    const int32_t top = logits[lm_argmax(logits, vocab)];
    const uint32_t own = lm_spread(spread, (uint32_t)top - (uint32_t)logits[token]);
    uint64_t sum = 0;
    for (int32_t i = 0; i < vocab; i++) {
        sum += lm_weight(lm_spread(spread, (uint32_t)top - (uint32_t)logits[i]), 0);
    }
    return (own > 0x7fffffffU ? 0x7fffffffU : own) + lm_log2_sum(sum);
}

#endif
