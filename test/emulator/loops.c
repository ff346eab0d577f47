/* The steps and loops that have variants for a core, behind plain functions. Compiled twice: from
 * the portable files with PREFIX portable_, and with a core's own in their places with PREFIX
 * variant_. FILES includes them. */
#include FILES

#include "loops.h"

#define JOIN(a, b) a##b
#define NAME_OF(prefix, name) JOIN(prefix, name)
#define NAME(name) NAME_OF(PREFIX, name)

int32_t NAME(step)(int32_t which, int32_t a, int32_t b, int32_t c)
{
    switch (which) {
    case 0: return lm_mul16(a, 32768U | ((uint32_t)b & 0x7fffU));
    case 1: return lm_round_shift(a, 1 + (b & 0xff) % 255);
    case 2: return lm_add_sat(a, b);
    case 3: return (int32_t)lm_recip16(32768U | ((uint32_t)a & 0x7fffU));
    case 4: return (int32_t)lm_clip16(a & 0x7fffffff);
    case 5: return lm_silu(a >> (b & 15));
    case 6: return (int32_t)lm_mul_add((uint32_t)a, (uint32_t)b, (uint32_t)c);
    case 7: return (int32_t)lm_add_square((uint32_t)b, (int16_t)a);
    case 8: return lm_mul_half(a, (int16_t)b);
    case 9: return (int32_t)lm_isqrt((uint32_t)a);
    default: return (int32_t)(lm_add_square((uint64_t)(uint32_t)b << 20, (int16_t)a) >> 32);
    }
}

int32_t NAME(scores)(const int8_t *q, const int8_t *keys, const uint16_t *scales, int32_t first,
                     int32_t last, int32_t row, int32_t dim, int32_t pre, int32_t down,
                     int32_t *score)
{
    /* dim is a constant in generated code */
    switch (dim) {
    case 8: return lm_scores(q, keys, scales, first, last, row, 8, pre, down, score);
    case 6: return lm_scores(q, keys, scales, first, last, row, 6, pre, down, score);
    case 20: return lm_scores(q, keys, scales, first, last, row, 20, pre, down, score);
    default: return lm_scores(q, keys, scales, first, last, row, dim, pre, down, score);
    }
}

void NAME(scores_two)(const int8_t *q, const int8_t *keys, const uint16_t *scales, int32_t first,
                      int32_t last, int32_t row, int32_t dim, int32_t pre, const int32_t *down,
                      int32_t *score, int32_t n, int32_t *max)
{
    static const uint8_t kv_of[2] = {0, 0};
    int32_t count = 1;
    for (int32_t h = 0; h < 2; h += count) {
        count = lm_heads_at_once(kv_of + h, 2 - h, dim, pre);
        lm_scores_heads(q + h * dim, count, keys, scales, first, last, row, dim, pre, down + h,
                        score + h * n, n, max + h);
    }
}

uint32_t NAME(softmax_mix)(int32_t *score, const uint16_t *scales, const int8_t *values, int32_t n,
                           int32_t row, int32_t dim, int32_t max, uint32_t mantissa, int32_t spread,
                           int32_t *mix)
{
    const uint32_t total = lm_softmax_total(score, n, max, mantissa);
    return lm_softmax_mix(score, scales, values, n, row, dim, max, mantissa, spread, mix) ^
           (total << 1);
}

/* Two numbers at once, of which `round` has one bit. */
static lm_quantizer quantizer(uint32_t max, int32_t round)
{
    lm_quantizer q = lm_quantizer_for(max);
    q.round = round != 0 ? LM_NEAREST : LM_DOWN;
    return q;
}

uint32_t NAME(loop)(int32_t which, int32_t *v, const int32_t *w, const int16_t *gamma, int8_t *x,
                    int32_t n, int32_t a, int32_t b)
{
    const uint32_t m = 32768U | ((uint32_t)a & 0x7fffU);
    const lm_window window = lm_window_for(lm_longest(v, n));
    uint32_t max = 0;
    uint64_t squares;
    switch (which) {
    case 0: return lm_largest(v, n);
    case 1: return lm_longest(v, n);
    case 2: lm_quantize_loop(v, n, quantizer(lm_largest(v, n) | 1U, b & 1), x); return 0;
    case 3:
        squares = lm_norm_measure(v, gamma, n, window.right, &max);
        return max ^ (uint32_t)squares ^ (uint32_t)(squares >> 32) << 16;
    case 4:
        (void)lm_norm_measure(v, gamma, n, window.right, &max);
        lm_norm_apply(v, gamma, n, window.right, quantizer(max | 1U, b & 1), x);
        return 0;
    case 5: return lm_product_loop(v, w, window.right, lm_window_for(lm_longest(w, n)).right, n);
    case 6: return lm_silu_loop(v, n, m, 1 + (b & 31));
    case 7: lm_add_loop(v, w, n, m, 1 + (b & 0xff) % 255); return 0;
    case 8: lm_fixed_loop(v, n, m, 1 + (b & 31)); return 0;
    case 9: return lm_level_loop(v, n, m, b & 31);
    case 10: lm_raise_loop(v, w, n, m, (b & 0xff) % 31); return 0;
    case 11: lm_static_loop(v, n, b & 31, lm_factor_of(a & 0x1fff, b >> 8 & 31), x); return 0;
    case 12:
        squares = lm_squares_loop(v, n, window.right);
        return (uint32_t)squares ^ (uint32_t)(squares >> 32) << 16;
    case 13:
        lm_static_norm_loop(v, gamma, n, window.right, b & 15,
                            lm_factor_of(a & 0x1fff, b >> 8 & 31), x);
        return 0;
    case 14:
        lm_static_product_loop(v, w, a >> 8 & 31, b & 31, n, lm_factor_of(a & 255, b >> 8 & 31), x);
        return 0;
    default: return lm_turn_loop(w, (const int32_t *)(const void *)gamma, window, n / 2, v);
    }
}
