/* A signal to try a front end with: noise that halves every 1024 samples from full scale to
 * nothing, then a square wave at full scale. Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_SIGNAL_H
#define LM_SIGNAL_H

#define LM_SIGNAL_SQUARE 16384U /* where the square wave begins */

LM_INLINE int16_t lm_signal(uint32_t i)
{
    uint32_t noise = (i + 1U) * 0x9E3779B1U;
    noise = (noise ^ (noise >> 15)) * 0x85EBCA77U;
    noise = (noise ^ (noise >> 13)) * 0xC2B2AE3DU;
    if (i >= LM_SIGNAL_SQUARE) {
        return (i & 32U) != 0U ? INT16_MAX : INT16_MIN;
    }
    return (int16_t)((int32_t)noise >> (16U + (i >> 10)));
}

#endif
