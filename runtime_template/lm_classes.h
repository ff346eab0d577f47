/* Probabilities of classes from their logits. Needs lm_sample.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_CLASSES_H
#define LM_CLASSES_H

/* Softmax of logits (n up to 16384, value * 2^-16) -> p (n) in units of 2^-15. Written one by one:
 * full(i) = 2^30 * 2^(-(top - logit) * log2(e)) >> drop, as lm_sample.h has it, over their sum. */
LM_FUNCTION void lm_probabilities(const int32_t *logits, int32_t n, uint16_t *p)
{
    const lm_scale spread = lm_spread_scale(65536U);
    const uint32_t top = (uint32_t)logits[lm_argmax(logits, n)];
    const int32_t drop = lm_bits((uint32_t)n) - 1; /* the sum stays below 2^32 */
    uint32_t total = 0;
    for (int32_t i = 0; i < n; i++) {
        total += lm_weight(lm_spread(spread, top - (uint32_t)logits[i]), drop);
    }
    const int32_t length = lm_bits(total) - 16;
    const uint32_t inverse = lm_recip16(total >> length);
    for (int32_t i = 0; i < n; i++) {
        const uint32_t w = lm_weight(lm_spread(spread, top - (uint32_t)logits[i]), drop);
        const uint32_t share = lm_mul16_unsigned(w, inverse) >> length;
        p[i] = (uint16_t)(share > 32768U ? 32768U : share);
    }
}

#endif
