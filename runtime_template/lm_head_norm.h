/* RMSNorm of each head's queries or keys, before they are rotated. All heads leave in one unit.
 * Needs lm_norm.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_HEAD_NORM_H
#define LM_HEAD_NORM_H

/* eps_m * 2^eps_e in squares of `unit`: the mantissa to the right 13 bits at least, *e its
 * exponent. With r = recip16(m) = 2^31 / m, 1 / m^2 is r^2 2^-62, and r^2 / 2^16 fits in 16 bits.
 */
LM_INLINE uint32_t lm_eps_in(lm_scale unit, uint32_t eps_m, int32_t eps_e, int32_t *e)
{
    const uint32_t r = lm_recip16(lm_mantissa(unit));
    *e = eps_m == 0U ? -1024 : eps_e - 2 * lm_exponent(unit) - 30;
    return (eps_m * ((r * r) >> 16)) >> 16;
}

/* One head: y (dim), whose eps * dim is eps_m * 2^eps_e in squares of y's unit, in place. */
LM_FUNCTION void lm_head_norm_one(int32_t *y, const int16_t *gamma, int32_t dim, uint32_t eps_m,
                                  int32_t eps_e, uint32_t root_m, int32_t exp, int32_t fraction)
{
    const lm_window w = lm_window_for(lm_longest(y, dim));
    uint32_t top = 0;
    const uint64_t squares = lm_norm_measure(y, gamma, dim, w.right, &top);
    if (top == 0U) {
        memset(y, 0, (uint32_t)dim * 4U);
        return;
    }
    const lm_scale unit =
        lm_norm_unit(squares, w.left, eps_m, eps_e - 2 * (w.right - w.left), root_m, exp) +
        w.left * 65536;
    for (int32_t i = 0; i < dim; i++) {
        y[i] = lm_to_fixed((y[i] >> w.right) * gamma[i], unit, fraction);
    }
}

/* y (heads x dim), worth unit each; gamma (dim), int16, worth 2^g each; eps * dim = eps_m *
 * 2^eps_e, eps_m < 2^16; sqrt(dim) = root_m * 2^(exp + 31 - g), root_m in 32768..65535 -> y / rms(y
 * of its head) * gamma in units of 2^-fraction, saturated, in place. Gives the scale that means it.
 */
LM_INLINE lm_scale lm_head_norm(int32_t *y, const int16_t *gamma, lm_scale unit, int32_t heads,
                                int32_t dim, uint32_t eps_m, int32_t eps_e, uint32_t root_m,
                                int32_t exp, int32_t fraction)
{
    int32_t e = 0;
    const uint32_t m = lm_eps_in(unit, eps_m, eps_e, &e);
    for (int32_t h = 0; h < heads; h++) {
        lm_head_norm_one(y + h * dim, gamma, dim, m, e, root_m, exp, fraction);
    }
    return LM_SCALE(32768, -15 - fraction);
}

#endif
