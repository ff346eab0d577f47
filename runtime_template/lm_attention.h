/* Attention over a ring of int8 keys and values. Scores, softmax and the weighted sum are integer.
 * Every head of every token has a scale: 16 bits, in a unit that all tokens of the head share and
 * that grows with the largest. Needs lm_quantize.h, lm_heads.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_ATTENTION_H
#define LM_ATTENTION_H

/* The slot of the ring after `slot`: the first `sinks` slots keep what they hold. */
LM_INLINE uint32_t lm_next_slot(uint32_t slot, uint32_t window, uint32_t sinks)
{
    return slot + 1U < window ? slot + 1U : sinks;
}

/* position % window by long division: the slot of a layer whose ring is shorter than the model's.
 */
LM_FUNCTION uint32_t lm_ring_slot(uint32_t position, uint32_t window)
{
    uint32_t left = 0;
    for (int32_t bit = 31; bit >= 0; bit--) {
        left = (left << 1) | ((position >> bit) & 1U);
        left -= left >= window ? window : 0U;
    }
    return left;
}

/* Slots of such a ring with a token, of the model's ring `filled`. */
LM_INLINE int32_t lm_ring_filled(int32_t filled, int32_t window)
{
    return filled < window ? filled : window;
}

/* The largest scale of the cache: a weight times it, rounded, still fits in 16 bits. */
#define LM_CACHE_SCALE_MAX 65534U

/* Scales (n slots, `heads` apart) in a unit that is 2^up times larger. */
LM_INLINE void lm_rescale_cache(uint16_t *scales, int32_t n, int32_t heads, int32_t up)
{
    for (int32_t j = 0; j < n; j++) {
        const uint32_t s = scales[j * heads];
        scales[j * heads] = (uint16_t)(up > 16 ? 0U : (s + (1U << (up - 1))) >> up);
    }
}

/* s to slot `slot` of scales (slots, `heads` apart), of which n are filled with this one; the first
 * sets their unit, 2^exponent. */
LM_FUNCTION void lm_store_scale(lm_scale s, uint16_t *scales, int32_t *exponent, uint32_t slot,
                                int32_t n, int32_t heads)
{
    const int32_t e = lm_exponent(s);
    if (n > 1 && e > *exponent) {
        lm_rescale_cache(scales, n, heads, e - *exponent);
    }
    if (n == 1 || e > *exponent) {
        *exponent = e;
    }
    const int32_t down = *exponent - e;
    const uint32_t m = lm_mantissa(s);
    const uint32_t rounded = down > 16 ? 0U : (down > 0 ? (m + (1U << (down - 1))) >> down : m);
    scales[(int32_t)slot * heads] =
        (uint16_t)(rounded > LM_CACHE_SCALE_MAX ? LM_CACHE_SCALE_MAX : rounded);
}

/* One head's vector y (dim) turned by `turns` sets of angles (each cos, sin of dim/2 pairs; pair i
 * is elements i and i + dim/2) -> x: `turns` vectors (dim) int8, `apart` elements from one another,
 * with one common scale, which it gives; y is worth unit. turned (turns x dim) is scratch; window:
 * lm_window_for all of y. */
LM_INLINE lm_scale lm_rotate_head(const int32_t *y, const int32_t *angles, lm_window window,
                                  lm_scale unit, int32_t *turned, int8_t *x, int32_t dim,
                                  int32_t turns, int32_t apart)
{
    uint32_t max = 0;
    for (int32_t t = 0; t < turns; t++) {
        const uint32_t most = lm_turn_loop(y, angles + t * dim, window, dim / 2, turned + t * dim);
        max = most > max ? most : max;
    }
    unit += (window.right - window.left - 15) * 65536;
    if (turns > 1) {
        (void)lm_quantize_to(turned + dim, dim, max, 0, unit, x + apart);
    }
    return lm_quantize_to(turned, dim, max, 0, unit, x);
}

/* y (heads x dim), worth unit -> q (turns x heads x dim) int8, scales (heads). */
LM_INLINE void lm_rotate(const int32_t *y, const int32_t *angles, lm_scale unit, int32_t *turned,
                         int8_t *q, int32_t *scales, int32_t heads, int32_t dim, int32_t turns)
{
    const lm_window window = lm_window_for(lm_longest(y, heads * dim));
    for (int32_t h = 0; h < heads; h++) {
        scales[h] = lm_rotate_head(y + h * dim, angles, window, unit, turned, q + h * dim, dim,
                                   turns, heads * dim);
    }
}

/* The same where positions do not turn queries: y (heads x dim) -> q (heads x dim) int8. */
LM_INLINE void lm_quantize_heads(const int32_t *y, lm_scale unit, int8_t *q, int32_t *scales,
                                 int32_t heads, int32_t dim)
{
    for (int32_t h = 0; h < heads; h++) {
        scales[h] = lm_quantize(y + h * dim, dim, unit, q + h * dim);
    }
}

/* y (heads x dim), worth unit -> row `slot` of keys (window x heads x dim) and scales (window x
 * heads), in units of 2^exponents (heads); n slots are filled with this one. */
LM_INLINE void lm_store_k(const int32_t *y, const int32_t *angles, lm_scale unit, int32_t *turned,
                          int8_t *keys, uint16_t *scales, int32_t *exponents, uint32_t slot,
                          int32_t n, int32_t heads, int32_t dim)
{
    const lm_window window = lm_window_for(lm_longest(y, heads * dim));
    keys += (int32_t)slot * heads * dim;
    for (int32_t h = 0; h < heads; h++) {
        const lm_scale s =
            lm_rotate_head(y + h * dim, angles, window, unit, turned, keys + h * dim, dim, 1, 0);
        lm_store_scale(s, scales + h, exponents + h, slot, n, heads);
    }
}

/* The same of values, and of keys where positions do not turn them. */
LM_INLINE void lm_store_v(const int32_t *y, lm_scale unit, int8_t *values, uint16_t *scales,
                          int32_t *exponents, uint32_t slot, int32_t n, int32_t heads, int32_t dim)
{
    values += (int32_t)slot * heads * dim;
    for (int32_t h = 0; h < heads; h++) {
        const lm_scale s = lm_quantize(y + h * dim, dim, unit, values + h * dim);
        lm_store_scale(s, scales + h, exponents + h, slot, n, heads);
    }
}

/* v * 2^up, saturated to 31 bits: what two of these are apart fits in 32. */
LM_INLINE int32_t lm_raise(int32_t v, int32_t up)
{
    const int32_t most = up > 30 ? 0 : 0x3fffffff >> up;
    return v > most ? 0x3fffffff : (v < -most ? -0x3fffffff : (int32_t)((uint32_t)v << (up & 31)));
}

/* Scores (n) and their maximum times 2^up. */
LM_FUNCTION int32_t lm_raise_scores(int32_t *score, int32_t n, int32_t max, int32_t up)
{
    for (int32_t j = 0; j < n; j++) {
        score[j] = lm_raise(score[j], up);
    }
    return lm_raise(max, up);
}

/* Bits that the weights give up so that 127 times their sum fits in 32 bits. `most` does for any
 * softmax over the window; a sum of numerators that is smaller than that needs fewer. */
LM_INLINE int32_t lm_mix_spread(uint32_t total, int32_t most)
{
    const int32_t enough = lm_bits(total) - 24;
    return enough >= most ? most : (enough > 0 ? enough : 0);
}

/* Scores (n) of one head -> mix (dim), the values' weighted sum; gives what one unit is worth.
 * exponent: of the unit of the values' scales. */
LM_INLINE lm_scale lm_mix_head(const int8_t *values, const uint16_t *scales, int32_t exponent,
                               int32_t n, int32_t *score, int32_t max, uint32_t mantissa,
                               int32_t *mix, int32_t row, int32_t dim, int32_t most)
{
    int32_t spread = 0;
    if (most > 0) {
        spread = lm_mix_spread(lm_softmax_total(score, n, max, mantissa), most);
    }
    const uint32_t total =
        lm_softmax_mix(score, scales, values, n, row, dim, max, mantissa, spread, mix);
    const int32_t length = lm_bits(total);
    return LM_SCALE(
        (int32_t)lm_recip16(length > 16 ? total >> (length - 16) : total << (16 - length)),
        exponent + 1 + spread - length);
}

/* `count` of the heads, from h on, that read one kv head: as lm_attend_by -> mix, mix_scale; gives
 * the largest exponent of these scales, or top. */
LM_INLINE int32_t lm_mix_heads(const int8_t *q, const int32_t *q_scale, const int8_t *keys,
                               const uint16_t *k_scale, int32_t k_exponent, const int8_t *values,
                               const uint16_t *v_scale, const int32_t *v_exponent, int32_t h,
                               int32_t count, int32_t top, int32_t n, int32_t *weights,
                               int32_t *mix, int32_t *mix_scale, int32_t heads, int32_t kv_heads,
                               int32_t dim, int32_t sinks, lm_scale unit, int32_t pre,
                               int32_t spread)
{
    const int32_t stay = sinks < n ? sinks : n;
    lm_scale factor[LM_HEADS_AT_ONCE];
    int32_t up[LM_HEADS_AT_ONCE], down[LM_HEADS_AT_ONCE], max[LM_HEADS_AT_ONCE];
    int32_t max_sink[LM_HEADS_AT_ONCE];
    for (int32_t i = 0; i < count; i++) {
        factor[i] = lm_scale_mul(q_scale[h + i], unit);
        up[i] = pre + k_exponent + lm_exponent(factor[i]) + 16 + 11;
        down[i] = up[i] > 0 ? 0 : (up[i] < -31 ? 31 : -up[i]);
    }
    lm_scores_heads(q + h * dim, count, keys, k_scale, stay, n, kv_heads, dim, pre, down, weights,
                    n, max);
    if (sinks > 0) {
        lm_scores_heads(q + (heads + h) * dim, count, keys, k_scale, 0, stay, kv_heads, dim, pre,
                        down, weights, n, max_sink);
    }
    for (int32_t i = 0; i < count; i++) {
        int32_t *score = weights + i * n;
        int32_t most = sinks > 0 && max_sink[i] > max[i] ? max_sink[i] : max[i];
        if (up[i] > 0) {
            most = lm_raise_scores(score, n, most, up[i]);
        }
        mix_scale[h + i] =
            lm_mix_head(values, v_scale, *v_exponent, n, score, most, lm_mantissa(factor[i]),
                        mix + (h + i) * dim, kv_heads, dim, spread);
        const int32_t exponent = lm_exponent(mix_scale[h + i]);
        top = exponent > top ? exponent : top;
    }
    return top;
}

/* q (heads x dim) int8, a second such q for the slots below sinks when sinks > 0; q_scale (heads);
 * keys, values (window x kv_heads x dim) int8 with their scales (window x kv_heads) in units of
 * 2^exponents (kv_heads); kv_of (heads): which kv head each head reads; n slots are filled -> x
 * (heads x dim) int8; gives its scale. weights (LM_HEADS_AT_ONCE x window), mix (heads x dim),
 * mix_scale (heads) are scratch. unit = log2(e)/sqrt(dim); spread: bits that keep any sum over the
 * window within 32 bits. */
LM_INLINE lm_scale lm_attend_by(const int8_t *q, const int32_t *q_scale, const int8_t *keys,
                                const uint16_t *k_scale, const int32_t *k_exponent,
                                const int8_t *values, const uint16_t *v_scale,
                                const int32_t *v_exponent, const uint8_t *kv_of, int32_t n,
                                int32_t *weights, int32_t *mix, int32_t *mix_scale, int8_t *x,
                                int32_t heads, int32_t kv_heads, int32_t dim, int32_t sinks,
                                lm_scale unit, int32_t pre, int32_t spread, uint32_t round)
{
    int32_t top = -32768, count = 1;
    for (int32_t h = 0; h < heads; h += count) {
        const int32_t kv = kv_of[h];
        count = lm_heads_at_once(kv_of + h, heads - h, dim, pre);
        top = lm_mix_heads(q, q_scale, keys + kv * dim, k_scale + kv, k_exponent[kv],
                           values + kv * dim, v_scale + kv, v_exponent + kv, h, count, top, n,
                           weights, mix, mix_scale, heads, kv_heads, dim, sinks, unit, pre, spread);
    }
    uint32_t max = 0;
    for (int32_t h = 0; h < heads; h++) {
        const int32_t drop = top - lm_exponent(mix_scale[h]);
        const uint32_t most =
            lm_level_loop(mix + h * dim, dim, lm_mantissa(mix_scale[h]), drop > 31 ? 31 : drop);
        max = most > max ? most : max;
    }
    return lm_quantize_by(mix, heads * dim, max, 0, LM_SCALE(32768, top + 1), round, x);
}

LM_INLINE lm_scale lm_attend(const int8_t *q, const int32_t *q_scale, const int8_t *keys,
                             const uint16_t *k_scale, const int32_t *k_exponent,
                             const int8_t *values, const uint16_t *v_scale,
                             const int32_t *v_exponent, const uint8_t *kv_of, int32_t n,
                             int32_t *weights, int32_t *mix, int32_t *mix_scale, int8_t *x,
                             int32_t heads, int32_t kv_heads, int32_t dim, int32_t sinks,
                             lm_scale unit, int32_t pre, int32_t spread)
{
    return lm_attend_by(q, q_scale, keys, k_scale, k_exponent, values, v_scale, v_exponent, kv_of,
                        n, weights, mix, mix_scale, x, heads, kv_heads, dim, sinks, unit, pre,
                        spread, LM_NEAREST);
}

#endif
