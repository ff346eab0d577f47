/* Rotation with a window to the left, for files that take the place of lm_turn.h.
 * Needs lm_loops.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_TURN_LEFT_H
#define LM_TURN_LEFT_H

/* lm_turn_loop with a window to the left, which only small vectors have. */
LM_FUNCTION uint32_t lm_turn_left(const int32_t *y, const int32_t *angles, int32_t left,
                                  int32_t pairs, int32_t *turned)
{
    for (int32_t i = 0; i < pairs; i++) {
        const int32_t a = y[i] * (1 << left), b = y[i + pairs] * (1 << left);
        const int32_t c = angles[2 * i], s = angles[2 * i + 1];
        turned[i] = a * c - b * s;
        turned[i + pairs] = a * s + b * c;
    }
    return lm_largest(turned, 2 * pairs);
}

#endif
