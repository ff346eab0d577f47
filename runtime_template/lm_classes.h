/* Probabilities of classes from their logits. Needs lm_sample.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_CLASSES_H
#define LM_CLASSES_H

/* What softmax divides by, of logits (n up to 16384, value * 2^-16): full(i) = 2^30 * 2^(-(top -
 * logit) * log2(e)) >> drop, as lm_sample.h has it, and 1 over their sum. */
typedef struct lm_shares {
    lm_scale spread;
    uint32_t top, inverse; /* of the sum cut to 16 bits, as lm_recip16 gives it */
    int32_t drop, length;  /* bits that were cut */
} lm_shares;

LM_INLINE uint32_t lm_share_weight(const lm_shares *s, int32_t logit)
{
    return lm_weight(lm_spread(s->spread, s->top - (uint32_t)logit), s->drop);
}

LM_FUNCTION void lm_shares_of(const int32_t *logits, int32_t n, lm_shares *s)
{
    uint32_t total = 0;
    s->spread = lm_spread_scale(65536U);
    s->top = (uint32_t)logits[lm_argmax(logits, n)];
    s->drop = lm_bits((uint32_t)n) - 1; /* the sum stays below 2^31 and is at least 2^16 */
    for (int32_t i = 0; i < n; i++) {
        total += lm_share_weight(s, logits[i]);
    }
    s->length = lm_bits(total) - 16;
    s->inverse = lm_recip16(total >> s->length);
}

LM_FUNCTION uint16_t lm_share(const lm_shares *s, int32_t logit)
{
    const uint32_t p = lm_mul16_unsigned(lm_share_weight(s, logit), s->inverse) >> s->length;
    return (uint16_t)(p > 32768U ? 32768U : p);
}

/* Softmax of logits (n) -> p (n) in units of 2^-15. */
LM_INLINE void lm_probabilities(const int32_t *logits, int32_t n, uint16_t *p)
{
    lm_shares s;
    lm_shares_of(logits, n, &s);
    for (int32_t i = 0; i < n; i++) {
        p[i] = lm_share(&s, logits[i]);
    }
}

/* Of one of them. */
LM_INLINE uint16_t lm_probability(const int32_t *logits, int32_t n, int32_t i)
{
    lm_shares s;
    lm_shares_of(logits, n, &s);
    return lm_share(&s, logits[i]);
}

#endif
