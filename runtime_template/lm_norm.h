/* RMSNorm from the fixed-point residual to an int8 vector. The root mean square only enters the
 * scale of the result, never its elements. Needs lm_quantize.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_NORM_H
#define LM_NORM_H

/* floor of the 64-bit value hi:lo / 2^n, which must fit in 32 bits; n may be negative. */
LM_INLINE uint32_t lm_shift64(uint32_t hi, uint32_t lo, int32_t n)
{
    if (n <= 0) {
        return lo << -n;
    }
    if (n >= 32) {
        return hi >> (n - 32);
    }
    return (hi << (32 - n)) | (lo >> n);
}

/* root_m * 2^(exp + 31) / sqrt(squares * 2^(2 left) + eps_m * 2^eps_e), squares >= 2^(28 - 2 left).
 */
LM_INLINE lm_scale lm_norm_unit(uint64_t squares, int32_t left, uint32_t eps_m, int32_t eps_e,
                                uint32_t root_m, int32_t exp)
{
    /* squares = sum * 2^k with k even and 2^28 <= sum < 2^30; eps is added in that unit. */
    const uint32_t hi = (uint32_t)(squares >> 32);
    const uint32_t lo = (uint32_t)squares;
    const int32_t length = hi != 0U ? 32 + lm_bits(hi) : lm_bits(lo);
    int32_t k = (length - 29) & ~1;
    uint32_t sum = lm_shift64(hi, lo, k);
    k += 2 * left;
    int32_t eps_shift = eps_e - k;
    if (eps_shift > 13) { /* eps outweighs the squares: a coarser unit */
        const int32_t coarser = (eps_shift - 12) & ~1;
        sum = coarser > 31 ? 0U : sum >> coarser;
        k += coarser;
        eps_shift -= coarser;
    }
    if (eps_shift > -16) {
        sum += eps_shift >= 0 ? eps_m << eps_shift : eps_m >> -eps_shift;
    }
    const int32_t up = (32 - lm_bits(sum)) & ~1; /* now 2^30 <= sum < 2^32 */
    return lm_scale_of_product(lm_recip16(lm_isqrt(sum << up)) * root_m, exp - ((k - up) >> 1));
}

/* resid (dim): value * 2^r for one r; gamma (dim), int16, worth 2^g each; eps * dim =
 * eps_m * 2^(eps_e + 2 r), eps_m < 2^16; sqrt(dim) = root_m * 2^(exp + 31 - g), root_m in
 * 32768..65535 -> x (dim) int8; gives the scale of x. A window to the left is made up for at the
 * end: what it multiplies is the same everywhere. */
LM_INLINE lm_scale lm_norm_by(const int32_t *resid, const int16_t *gamma, int8_t *x, int32_t dim,
                              uint32_t eps_m, int32_t eps_e, uint32_t root_m, int32_t exp,
                              uint32_t round)
{
    const lm_window w = lm_window_for(lm_longest(resid, dim));
    uint32_t top = 0;
    const uint64_t squares = lm_norm_measure(resid, gamma, dim, w.right, &top);
    if (top == 0U) {
        memset(x, 0, (uint32_t)dim);
        return LM_SCALE_TINY;
    }
    lm_quantizer q = lm_quantizer_for(lm_size_left(top, w.left));
    q.round = round;
    const lm_scale unit =
        lm_norm_unit(squares, w.left, eps_m, eps_e - 2 * (w.right - w.left), root_m, exp);
    lm_norm_apply(resid, gamma, dim, w.right, lm_quantizer_before(q, w.left), x);
    return lm_quantizer_scale(q, unit);
}

LM_INLINE lm_scale lm_norm(const int32_t *resid, const int16_t *gamma, int8_t *x, int32_t dim,
                           uint32_t eps_m, int32_t eps_e, uint32_t root_m, int32_t exp)
{
    return lm_norm_by(resid, gamma, x, dim, eps_m, eps_e, root_m, exp, LM_NEAREST);
}

#endif
