/* Attention over a ring of int8 keys and values. Scores, softmax and the weighted sum are integer;
 * every head of every token has its own scale. Needs lm_quantize.h, lm_functions.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_ATTENTION_H
#define LM_ATTENTION_H

/* The slot of the ring after `slot`: the first `sinks` slots keep what they hold. */
LM_INLINE uint32_t lm_next_slot(uint32_t slot, uint32_t window, uint32_t sinks)
{
    return slot + 1U < window ? slot + 1U : sinks;
}

/* A scale in 16 bits for the cache: 10 bits of fraction below a leading one, 6 bits of exponent:
 * (1024 + fraction) * 2^(exponent - 40). Rounded, clamped to the range. */
LM_INLINE uint16_t lm_scale_pack(lm_scale s)
{
    uint32_t m = (lm_mantissa(s) + 16U) >> 5;
    int32_t e = lm_exponent(s) + 5 + 40;
    if (m > 2047U) {
        m = 1024U;
        e++;
    }
    if (e < 0) {
        return 0U;
    }
    return (uint16_t)(e > 63 ? 0xffffU : ((uint32_t)e << 10 | (m - 1024U)));
}

LM_INLINE uint32_t lm_packed_mantissa(uint16_t s)
{
    return 1024U + (s & 1023U);
}

LM_INLINE int32_t lm_packed_exponent(uint16_t s)
{
    return (int32_t)(s >> 10) - 40;
}

/* One head's vector y (dim) turned by `turns` sets of angles (each cos, sin of dim/2 pairs; pair i
 * is elements i and i + dim/2) -> x: `turns` vectors (dim) int8, `apart` elements from one another,
 * with one common scale, which it gives; y is worth unit. turned (turns x dim) is scratch; window:
 * lm_window_for of a bound on |y|. */
LM_INLINE lm_scale lm_rotate_head(const int32_t *y, const int32_t *angles, lm_window window,
                                  lm_scale unit, int32_t *turned, int8_t *x, int32_t dim,
                                  int32_t turns, int32_t apart)
{
    uint32_t max;
    for (int32_t t = 0; t < turns; t++) {
        for (int32_t i = 0; i < dim / 2; i++) {
            const int32_t a = lm_window_apply(window, y[i]);
            const int32_t b = lm_window_apply(window, y[i + dim / 2]);
            const int32_t c = angles[t * dim + 2 * i];
            const int32_t s = angles[t * dim + 2 * i + 1];
            turned[t * dim + i] = a * c - b * s;
            turned[t * dim + i + dim / 2] = a * s + b * c;
        }
    }
    max = lm_max_abs(turned, turns * dim);
    for (int32_t t = 0; t < turns; t++) {
        lm_quantize_to(turned + t * dim, dim, max, x + t * apart);
    }
    return lm_quantized_scale(max, unit + (window.right - window.left - 15) * 65536);
}

/* y (heads x dim), worth unit -> q (turns x heads x dim) int8, scales (heads). */
LM_INLINE void lm_rotate(const int32_t *y, const int32_t *angles, lm_scale unit, int32_t *turned,
                         int8_t *q, int32_t *scales, int32_t heads, int32_t dim, int32_t turns)
{
    const lm_window window = lm_window_for(lm_max_abs(y, heads * dim));
    for (int32_t h = 0; h < heads; h++) {
        scales[h] = lm_rotate_head(y + h * dim, angles, window, unit, turned, q + h * dim, dim,
                                   turns, heads * dim);
    }
}

/* y (heads x dim), worth unit -> row `slot` of keys (window x heads x dim) and scales. */
LM_INLINE void lm_store_k(const int32_t *y, const int32_t *angles, lm_scale unit, int32_t *turned,
                          int8_t *keys, uint16_t *scales, uint32_t slot, int32_t heads, int32_t dim)
{
    const lm_window window = lm_window_for(lm_max_abs(y, heads * dim));
    keys += (int32_t)slot * heads * dim;
    scales += (int32_t)slot * heads;
    for (int32_t h = 0; h < heads; h++) {
        scales[h] = lm_scale_pack(
            lm_rotate_head(y + h * dim, angles, window, unit, turned, keys + h * dim, dim, 1, 0));
    }
}

/* y (heads x dim), worth unit -> row `slot` of values (window x heads x dim) and scales. */
LM_INLINE void lm_store_v(const int32_t *y, lm_scale unit, int8_t *values, uint16_t *scales,
                          uint32_t slot, int32_t heads, int32_t dim)
{
    values += (int32_t)slot * heads * dim;
    scales += (int32_t)slot * heads;
    for (int32_t h = 0; h < heads; h++) {
        scales[h] = lm_scale_pack(lm_quantize(y + h * dim, dim, unit, values + h * dim));
    }
}

/* One query head against slots first..last-1 -> score (slots): log2 of the softmax numerator in
 * units of 2^-11 * 2^16 / mantissa(factor); gives the largest, INT32_MIN for no slot. factor: the
 * query's scale times log2(e)/sqrt(dim); pre makes (dot >> pre) * mantissa fit in 32 bits; row:
 * kv heads of the cache; kv: the one to read. */
LM_INLINE int32_t lm_scores(const int8_t *q, const int8_t *keys, const uint16_t *scales,
                            int32_t first, int32_t last, int32_t row, int32_t kv, int32_t dim,
                            lm_scale factor, int32_t pre, int32_t *score)
{
    const int32_t base = pre + lm_exponent(factor) + 16 + 11;
    int32_t max = INT32_MIN;
    for (int32_t j = first; j < last; j++) {
        const int8_t *k = keys + (j * row + kv) * dim;
        const uint16_t s = scales[j * row + kv];
        int32_t dot = 0;
        for (int32_t d = 0; d < dim; d++) {
            dot += q[d] * k[d];
        }
        dot = lm_shift((dot >> pre) * (int32_t)lm_packed_mantissa(s), base + lm_packed_exponent(s));
        score[j] = dot;
        max = dot > max ? dot : max;
    }
    return max;
}

/* Scores (n) with their maximum -> softmax numerators in place, 2^15 at most; gives their sum. */
LM_INLINE uint32_t lm_softmax(int32_t *score, int32_t n, int32_t max, uint32_t mantissa)
{
    uint32_t total = 0;
    for (int32_t j = 0; j < n; j++) {
        const uint32_t below = (uint32_t)max - (uint32_t)score[j];
        const uint32_t p = below > 0xffffU ? 0U : lm_exp2_negative((below * mantissa) >> 16);
        total += p;
        score[j] = (int32_t)p;
    }
    return total;
}

/* Bits that the value weights give up so that 127 times their sum fits in 32 bits. `most` does for
 * any softmax over the window; a sum of numerators that is smaller than that needs fewer. */
LM_INLINE int32_t lm_mix_spread(uint32_t total, int32_t most)
{
    const int32_t enough = lm_bits(total) - 24;
    return enough >= most ? most : (enough > 0 ? enough : 0);
}

/* Scores (n) of one head -> mix (dim), the values' weighted sum; gives what one unit is worth. */
LM_INLINE lm_scale lm_mix_head(const int8_t *values, const uint16_t *scales, int32_t n,
                               int32_t *score, int32_t max, uint32_t mantissa, int32_t *mix,
                               int32_t row, int32_t dim, int32_t spread)
{
    const uint32_t total = lm_softmax(score, n, max, mantissa);
    const int32_t length = lm_bits(total);
    int32_t exp = -40;
    for (int32_t j = 0; j < n; j++) {
        const int32_t e = lm_packed_exponent(scales[j * row]);
        exp = e > exp ? e : exp;
    }
    exp += 11 + lm_mix_spread(total, spread);
    for (int32_t j = 0; j < n; j++) {
        const uint16_t s = scales[j * row];
        score[j] = lm_shift(score[j] * (int32_t)lm_packed_mantissa(s), lm_packed_exponent(s) - exp);
    }
    for (int32_t d = 0; d < dim; d++) {
        const int8_t *v = values + d;
        int32_t acc = 0;
        for (int32_t j = 0; j < n; j++) {
            acc += score[j] * v[j * row * dim];
        }
        mix[d] = acc;
    }
    return LM_SCALE(
        (int32_t)lm_recip16(length > 16 ? total >> (length - 16) : total << (16 - length)),
        exp - 15 - length);
}

/* q (heads x dim) int8, a second such q for the slots below sinks when sinks > 0; scales (heads);
 * keys, values (window x kv_heads x dim) int8 with packed scales (window x kv_heads); kv_of
 * (heads): which kv head each head reads; n slots are filled -> x (heads x dim) int8; gives its
 * scale. weights (window), mix (heads x dim), mix_scale (heads) are scratch. unit =
 * log2(e)/sqrt(dim); spread: bits that keep any sum over the window within 32 bits. */
LM_INLINE lm_scale lm_attend(const int8_t *q, const int32_t *q_scale, const int8_t *keys,
                             const uint16_t *k_scale, const int8_t *values, const uint16_t *v_scale,
                             const uint8_t *kv_of, int32_t n, int32_t *weights, int32_t *mix,
                             int32_t *mix_scale, int8_t *x, int32_t heads, int32_t kv_heads,
                             int32_t dim, int32_t sinks, lm_scale unit, int32_t pre, int32_t spread)
{
    const int32_t stay = sinks < n ? sinks : n;
    int32_t top = -32768;
    for (int32_t h = 0; h < heads; h++) {
        const int32_t kv = kv_of[h];
        const lm_scale factor = lm_scale_mul(q_scale[h], unit);
        int32_t max =
            lm_scores(q + h * dim, keys, k_scale, stay, n, kv_heads, kv, dim, factor, pre, weights);
        if (sinks > 0) {
            const int32_t max_sink = lm_scores(q + (heads + h) * dim, keys, k_scale, 0, stay,
                                               kv_heads, kv, dim, factor, pre, weights);
            max = max_sink > max ? max_sink : max;
        }
        mix_scale[h] = lm_mix_head(values + kv * dim, v_scale + kv, n, weights, max,
                                   lm_mantissa(factor), mix + h * dim, kv_heads, dim, spread);
        top = lm_exponent(mix_scale[h]) > top ? lm_exponent(mix_scale[h]) : top;
    }
    for (int32_t h = 0; h < heads; h++) {
        const int32_t drop = top - lm_exponent(mix_scale[h]);
        for (int32_t d = 0; d < dim; d++) {
            const int32_t v = lm_mul16(mix[h * dim + d], lm_mantissa(mix_scale[h]));
            mix[h * dim + d] = v >> (drop > 31 ? 31 : drop);
        }
    }
    return lm_quantize(mix, heads * dim, LM_SCALE(32768, top + 1), x);
}

#endif
