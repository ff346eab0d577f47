/* lm_add_sat.h for cores with the DSP extension. Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_ADD_SAT_H
#define LM_ADD_SAT_H

LM_INLINE int32_t lm_add_sat(int32_t a, int32_t b)
{
    __asm__("qadd %0, %0, %1" : "+r"(a) : "r"(b));
    return a;
}

#endif
