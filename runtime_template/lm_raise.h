/* The residual's loop where its unit is small against a product's. A file for a core takes this
 * one's place. Needs lm_mul.h, lm_add_sat.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_RAISE_H
#define LM_RAISE_H

/* resid (n) += lm_mul16(y, m) * 2^up, both saturated; up in 0..30. */
LM_INLINE void lm_raise_loop(int32_t *resid, const int32_t *y, int32_t n, uint32_t m, int32_t up)
{
    const int32_t most = INT32_MAX >> up;
    for (int32_t i = 0; i < n; i++) {
        const int32_t v = lm_mul16(y[i], m);
        int32_t raised = (int32_t)((uint32_t)v << up);
        if ((uint32_t)v + (uint32_t)most > 2U * (uint32_t)most) {
            raised = v > 0 ? INT32_MAX : -INT32_MAX;
        }
        resid[i] = lm_add_sat(resid[i], raised);
    }
}

#endif
