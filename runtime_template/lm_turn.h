/* Rotation by position. Files for a core take this one's place. Needs lm_fixed.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_TURN_H
#define LM_TURN_H

/* y (2 x pairs), in the window: element i and i + pairs turned by angle i, cos and sin in units of
 * 2^-15 -> turned (2 x pairs); gives the largest size. */
LM_INLINE uint32_t lm_turn_loop(const int32_t *y, const int32_t *angles, lm_window window,
                                int32_t pairs, int32_t *turned)
{
    uint32_t max = 0;
    for (int32_t i = 0; i < pairs; i++) {
        const int32_t a = lm_window_apply(window, y[i]);
        const int32_t b = lm_window_apply(window, y[i + pairs]);
        const int32_t c = angles[2 * i], s = angles[2 * i + 1];
        const int32_t first = a * c - b * s, second = a * s + b * c;
        const uint32_t size1 = lm_size(first), size2 = lm_size(second);
        turned[i] = first;
        turned[i + pairs] = second;
        max = size1 > max ? size1 : max;
        max = size2 > max ? size2 : max;
    }
    return max;
}

#endif
