/* Saturating addition. Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_ADD_SAT_H
#define LM_ADD_SAT_H

/* a + b, saturated to the int32_t range. */
LM_INLINE int32_t lm_add_sat(int32_t a, int32_t b)
{
    const uint32_t sum = (uint32_t)a + (uint32_t)b;
    if ((((sum ^ (uint32_t)a) & (sum ^ (uint32_t)b)) >> 31) != 0U) {
        return a < 0 ? INT32_MIN : INT32_MAX;
    }
    return (int32_t)sum;
}

#endif
