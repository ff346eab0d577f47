/* A vector of int32 becomes int8 with one scale (lm_quantizer.h). Needs lm_loops.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_QUANTIZE_H
#define LM_QUANTIZE_H

/* v (n) of sizes up to max; a value is v * 2^left, worth unit each -> x (n) int8; gives the scale
 * of x. All zeros, and -1 where it is the largest size, give zeros. */
LM_INLINE lm_scale lm_quantize_by(const int32_t *v, int32_t n, uint32_t max, int32_t left,
                                  lm_scale unit, uint32_t round, int8_t *x)
{
    if (max == 0U) {
        memset(x, 0, (uint32_t)n);
        return LM_SCALE_TINY;
    }
    lm_quantizer q = lm_quantizer_for(lm_size_left(max, left));
    q.round = round;
    const lm_scale scale = lm_quantizer_scale(q, unit);
    lm_quantize_loop(v, n, lm_quantizer_before(q, left), x);
    return scale;
}

LM_INLINE lm_scale lm_quantize_to(const int32_t *v, int32_t n, uint32_t max, int32_t left,
                                  lm_scale unit, int8_t *x)
{
    return lm_quantize_by(v, n, max, left, unit, LM_NEAREST, x);
}

LM_INLINE lm_scale lm_quantize(const int32_t *v, int32_t n, lm_scale unit, int8_t *x)
{
    return lm_quantize_to(v, n, lm_largest(v, n), 0, unit, x);
}

#endif
