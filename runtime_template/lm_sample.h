/* The next token from the logits, in integers, by a definition exact enough to be written twice.
 * Logits are value * 2^-16. A = the allowed tokens; temperature 0 takes the largest logit of A, of
 * equal ones the lowest id. Otherwise, with "in order" meaning by falling logit, then rising id:
 *
 *   gap(i)  = largest logit of A - logit(i)
 *   d(i)    = gap(i) * log2(e) / temperature in units of 2^-16, as lm_spread computes it
 *   full(i) = 2^30 * 2^(-d / 2^16) by the exp2 table, as lm_weight computes it
 *   K       = the first top_k of A in order; all of A when top_k <= 0
 *   drop    = the least shift that brings the sum over K of full(i) below 2^32
 *   w(i)    = floor(full(i) / 2^drop)
 *   P       = the first of K in order whose sum of w is at least sum over K * top_p / 2^16;
 *             all of K when top_p is 0 or at least 2^16
 *   r       = floor(lm_draw(seed, position) * (sum over P of w) / 2^32)
 *   result  = the first id of P, by rising id, at which the running sum of w exceeds r
 *
 * There is no scratch memory: K and P are found by histograms over ever narrower ranges of gap,
 * five bits a pass. Needs lm_fixed.h, lm_tables.h, lm_error.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SAMPLE_H
#define LM_SAMPLE_H

typedef struct lm_sampling {
    uint32_t temperature; /* in units of 1/65536; 0: the most likely token */
    int32_t top_k;        /* 0: all */
    uint32_t top_p;       /* of 65536; 0: all */
    uint32_t seed;
    const uint32_t *allowed; /* bit i % 32 of word i / 32: token i may be drawn; NULL: all */
} lm_sampling;

#define LM_LOG2_E 47274U /* round(2^15 * log2(e)) */
#define LM_SAMPLE_BITS 5 /* of gap that a pass over the logits settles */
#define LM_SAMPLE_BINS 32U

/* What is left to draw from: the allowed tokens up to (last_gap, last_id), in order. */
typedef struct lm_candidates {
    const int32_t *logits; /* vocab */
    const uint32_t *allowed;
    int32_t vocab;
    int32_t count;  /* of allowed tokens */
    int32_t top;    /* the largest logit of these ... */
    int32_t top_id; /* ... and its first owner */
    uint32_t last_gap;
    int32_t last_id;
    lm_scale spread; /* log2(e) / temperature */
    int32_t drop;
} lm_candidates;

/* A bijection in which each input bit changes about half of the output bits; the constants are
 * those of "lowbias32" (C. Wellons, hash-prospector). */
LM_INLINE uint32_t lm_mix(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7FEB352DU;
    x ^= x >> 15;
    x *= 0x846CA68BU;
    return x ^ (x >> 16);
}

LM_INLINE uint32_t lm_draw(uint32_t seed, uint32_t position)
{
    return lm_mix(lm_mix(seed + 0x9E3779B9U) + position);
}

/* floor(a * m / 2^16), m < 2^16 */
LM_INLINE uint32_t lm_mul16_unsigned(uint32_t a, uint32_t m)
{
    return (a >> 16) * m + (((a & 0xffffU) * m) >> 16);
}

/* floor(a * b / 2^32) */
LM_INLINE uint32_t lm_mul_high(uint32_t a, uint32_t b)
{
    const uint32_t low = ((a & 0xffffU) * (b & 0xffffU)) >> 16;
    const uint32_t mid = (a >> 16) * (b & 0xffffU) + low;
    const uint32_t mid2 = (a & 0xffffU) * (b >> 16) + (mid & 0xffffU);
    return (a >> 16) * (b >> 16) + (mid >> 16) + (mid2 >> 16);
}

/* log2(e) / (temperature * 2^-16). With temperature = t * 2^e, t in 32768..65535 and what is below
 * cut off: lm_recip16(t) * LM_LOG2_E * 2^(-30 - e), cut to a 16-bit mantissa. */
LM_INLINE lm_scale lm_spread_scale(uint32_t temperature)
{
    const lm_scale t = lm_scale_of(temperature, 0);
    return lm_scale_of(lm_recip16(lm_mantissa(t)) * LM_LOG2_E, -30 - lm_exponent(t));
}

/* floor(gap * mantissa * 2^exponent) for both in units of 2^-16; the largest value when gap *
 * 2^(exponent + 16) has more than 32 bits. */
LM_INLINE uint32_t lm_spread(lm_scale spread, uint32_t gap)
{
    const int32_t shift = lm_exponent(spread) + 16; /* -15..17 */
    if (shift < 0) {
        return lm_mul16_unsigned(gap, lm_mantissa(spread)) >> -shift;
    }
    if (gap > (0xffffffffU >> shift)) {
        return 0xffffffffU;
    }
    return lm_mul16_unsigned(gap << shift, lm_mantissa(spread));
}

/* floor(2^30 * 2^(-d / 2^16) / 2^drop): table entry i of 2^15 * 2^(-i / 64), interpolated. */
LM_INLINE uint32_t lm_weight(uint32_t d, int32_t drop)
{
    const uint32_t shift = (d >> 16) + (uint32_t)drop;
    const uint32_t a = lm_exp2_table[(d >> 10) & 63U];
    const uint32_t b = lm_exp2_table[((d >> 10) & 63U) + 1U];
    return shift > 30U ? 0U : ((a - (((a - b) * (d & 1023U)) >> 10)) << 15) >> shift;
}

LM_INLINE int32_t lm_is_allowed(const uint32_t *allowed, int32_t id)
{
    return allowed == NULL || ((allowed[id >> 5] >> (id & 31)) & 1U) != 0U;
}

/* Whether a token is left to draw from; then *gap is set. */
LM_INLINE int32_t lm_candidate(const lm_candidates *c, int32_t id, uint32_t *gap)
{
    *gap = (uint32_t)c->top - (uint32_t)c->logits[id];
    return lm_is_allowed(c->allowed, id) &&
           (*gap < c->last_gap || (*gap == c->last_gap && id <= c->last_id));
}

LM_FUNCTION uint32_t lm_candidate_weight(const lm_candidates *c, uint32_t gap)
{
    return lm_weight(lm_spread(c->spread, gap), c->drop);
}

/* All allowed tokens: how many, the first largest logit, the widest gap. */
LM_FUNCTION void lm_candidates_all(lm_candidates *c)
{
    int32_t least = INT32_MAX;
    c->count = 0;
    c->top = INT32_MIN;
    c->top_id = -1;
    for (int32_t id = 0; id < c->vocab; id++) {
        if (lm_is_allowed(c->allowed, id)) {
            const int32_t v = c->logits[id];
            if (v > c->top || c->count == 0) {
                c->top = v;
                c->top_id = id;
            }
            least = v < least ? v : least;
            c->count++;
        }
    }
    c->last_gap = (uint32_t)c->top - (uint32_t)least;
    c->last_id = c->vocab - 1;
}

/* The first largest logit. */
LM_FUNCTION int32_t lm_argmax(const int32_t *logits, int32_t vocab)
{
    int32_t top = logits[0];
    int32_t top_id = 0;
    LM_UNROLL_8
    for (int32_t id = 1; id < vocab; id++) {
        if (logits[id] > top) {
            top = logits[id];
            top_id = id;
        }
    }
    return top_id;
}

/* Sum of the candidates' weights. */
LM_FUNCTION uint64_t lm_candidates_sum(const lm_candidates *c)
{
    uint64_t sum = 0;
    for (int32_t id = 0; id < c->vocab; id++) {
        uint32_t gap;
        if (lm_candidate(c, id, &gap)) {
            sum += lm_candidate_weight(c, gap);
        }
    }
    return sum;
}

/* The mass that lm_keep counts: 1 for each token, or its weight. */
LM_INLINE uint32_t lm_mass(const lm_candidates *c, uint32_t gap, int32_t weighted)
{
    return weighted ? lm_candidate_weight(c, gap) : 1U;
}

/* Keeps, in order, as few candidates as reach the mass `target` >= 1, which all of them together
 * do reach; gives the mass kept. */
LM_FUNCTION uint32_t lm_keep(lm_candidates *c, uint32_t target, int32_t weighted)
{
    uint32_t kept = 0; /* mass of gaps below `low` */
    uint32_t low = 0;
    int32_t shift = lm_bits(c->last_gap);
    int32_t id = 0;
    int32_t last_id = 0;
    do { /* the last candidate to keep has a gap in low .. low + 2^shift - 1 */
        uint32_t mass[LM_SAMPLE_BINS];
        uint32_t bin = 0;
        shift = shift > LM_SAMPLE_BITS ? shift - LM_SAMPLE_BITS : 0;
        memset(mass, 0, sizeof mass);
        for (id = 0; id < c->vocab; id++) {
            uint32_t gap;
            if (lm_candidate(c, id, &gap) && gap >= low) {
                const uint32_t at = (gap - low) >> shift;
                if (at < LM_SAMPLE_BINS) {
                    mass[at] += lm_mass(c, gap, weighted);
                }
            }
        }
        while (mass[bin] < target - kept) {
            kept += mass[bin++];
        }
        low += bin << shift;
    } while (shift > 0);
    for (id = 0; kept < target; id++) { /* of those at gap `low` the first ids */
        uint32_t gap;
        if (lm_candidate(c, id, &gap) && gap == low) {
            kept += lm_mass(c, gap, weighted);
            last_id = id;
        }
    }
    c->last_gap = low;
    c->last_id = last_id;
    return kept;
}

/* Token of the candidates at r of the running sum of their weights, by rising id. */
LM_FUNCTION int32_t lm_pick(const lm_candidates *c, uint32_t r)
{
    for (int32_t id = 0; id < c->vocab; id++) {
        uint32_t gap;
        if (lm_candidate(c, id, &gap)) {
            const uint32_t w = lm_candidate_weight(c, gap);
            if (r < w) {
                return id;
            }
            r -= w;
        }
    }
    return c->top_id;
}

/* ceil(total * top_p / 2^16), top_p < 2^16 */
LM_INLINE uint32_t lm_top_p_mass(uint32_t total, uint32_t top_p)
{
    const uint32_t part = (total & 0xffffU) * top_p;
    return (total >> 16) * top_p + (part >> 16) + ((part & 0xffffU) != 0U);
}

/* logits (vocab), value * 2^-16 -> a token, or LM_E_EMPTY. Same logits, options and position give
 * the same token. */
LM_FUNCTION int32_t lm_sample(const int32_t *logits, int32_t vocab, const lm_sampling *o,
                              uint32_t position)
{
    lm_candidates c;
    uint64_t sum;
    uint32_t total;
    if (o->temperature == 0U && o->allowed == NULL && vocab > 0) {
        return lm_argmax(logits, vocab);
    }
    c.logits = logits;
    c.allowed = o->allowed;
    c.vocab = vocab;
    c.drop = 0;
    lm_candidates_all(&c);
    if (c.count == 0) {
        return LM_E_EMPTY;
    }
    if (o->temperature == 0U) {
        return c.top_id;
    }
    c.spread = lm_spread_scale(o->temperature);
    if (o->top_k > 0 && o->top_k < c.count) {
        (void)lm_keep(&c, (uint32_t)o->top_k, 0);
    }
    sum = lm_candidates_sum(&c);
    c.drop = lm_bits((uint32_t)(sum >> 32));
    total = c.drop > 0 ? (uint32_t)lm_candidates_sum(&c) : (uint32_t)sum;
    if (o->top_p > 0U && o->top_p < 0x10000U) {
        total = lm_keep(&c, lm_top_p_mass(total, o->top_p), 1);
    }
    return lm_pick(&c, lm_mul_high(lm_draw(o->seed, position), total));
}

#endif
