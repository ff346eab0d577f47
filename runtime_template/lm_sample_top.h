/* The next token from the largest logits alone, as lm_top gives them: lm_sample's definition, where
 * A holds only the allowed ones of these. With all logits of a vocabulary, or with a top_k that
 * they reach and no allowed set, it is lm_sample's token.
 * Needs lm_sample.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SAMPLE_TOP_H
#define LM_SAMPLE_TOP_H

/* What is left to draw from: the allowed ones among the first n. */
typedef struct lm_top_draw {
    const int32_t *best; /* 2 * n: id and logit of each, by falling logit, then rising id */
    int32_t n;
    const uint32_t *allowed;
    int32_t top;     /* the largest logit of these */
    lm_scale spread; /* log2(e) / temperature */
    int32_t drop;
} lm_top_draw;

/* 0 for one that is not allowed */
LM_FUNCTION uint32_t lm_top_weight(const lm_top_draw *d, int32_t i)
{
    const uint32_t gap = (uint32_t)d->top - (uint32_t)d->best[2 * i + 1];
    return lm_is_allowed(d->allowed, d->best[2 * i]) ? lm_weight(lm_spread(d->spread, gap), d->drop)
                                                     : 0U;
}

LM_FUNCTION uint64_t lm_top_sum(const lm_top_draw *d)
{
    uint64_t sum = 0;
    for (int32_t i = 0; i < d->n; i++) {
        sum += lm_top_weight(d, i);
    }
    return sum;
}

/* How many of the first n hold k allowed ones; n when all of them hold fewer. */
LM_FUNCTION int32_t lm_top_first(const lm_top_draw *d, int32_t k)
{
    int32_t i = 0;
    for (; i < d->n && k > 0; i++) {
        k -= lm_is_allowed(d->allowed, d->best[2 * i]);
    }
    return i;
}

/* The index of the least id above `last`; n when there is none. */
LM_INLINE int32_t lm_top_next(const lm_top_draw *d, int32_t last)
{
    int32_t next = d->n;
    int32_t least = INT32_MAX;
    for (int32_t i = 0; i < d->n; i++) {
        const int32_t id = d->best[2 * i];
        if (id > last && id < least) {
            least = id;
            next = i;
        }
    }
    return next;
}

/* Token at r of the running sum of the weights, by rising id. */
LM_FUNCTION int32_t lm_top_pick(const lm_top_draw *d, uint32_t r)
{
    int32_t i = lm_top_next(d, -1);
    for (uint32_t w = lm_top_weight(d, i); r >= w; w = lm_top_weight(d, i)) {
        r -= w;
        i = lm_top_next(d, d->best[2 * i]);
    }
    return d->best[2 * i];
}

/* best (2 * n) -> a token, or LM_E_EMPTY. */
LM_FUNCTION int32_t lm_sample_top(const int32_t *best, int32_t n, const lm_sampling *o,
                                  uint32_t position)
{
    lm_top_draw d;
    uint64_t sum;
    uint32_t total;
    int32_t first;
    d.best = best;
    d.n = n;
    d.allowed = o->allowed;
    d.drop = 0;
    first = lm_top_first(&d, 1) - 1;
    if (first < 0 || !lm_is_allowed(d.allowed, best[2 * first])) {
        return LM_E_EMPTY;
    }
    if (o->temperature == 0U) {
        return best[2 * first];
    }
    d.top = best[2 * first + 1];
    d.spread = lm_spread_scale(o->temperature);
    d.n = o->top_k > 0 ? lm_top_first(&d, o->top_k) : n;
    sum = lm_top_sum(&d);
    d.drop = lm_bits((uint32_t)(sum >> 32));
    total = d.drop > 0 ? (uint32_t)lm_top_sum(&d) : (uint32_t)sum;
    if (o->top_p > 0U && o->top_p < 0x10000U) {
        const uint32_t target = lm_top_p_mass(total, o->top_p);
        total = 0;
        for (d.n = 0; total < target; d.n++) {
            total += lm_top_weight(&d, d.n);
        }
    }
    return lm_top_pick(&d, lm_mul_high(lm_draw(o->seed, position), total));
}

#endif
