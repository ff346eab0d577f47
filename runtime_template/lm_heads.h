/* How many query heads that read one kv head have their scores at once: one. A file for a core
 * where keys are dear to take apart takes this one's place. Needs lm_scores.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_HEADS_H
#define LM_HEADS_H

#define LM_HEADS_AT_ONCE 1

/* Of the heads that kv_of begins with, `left` of them, how many are taken at once. */
LM_INLINE int32_t lm_heads_at_once(const uint8_t *kv_of, int32_t left, int32_t dim, int32_t pre)
{
    (void)kv_of;
    (void)left;
    (void)dim;
    (void)pre;
    return 1;
}

/* lm_scores of heads (q, heads x dim), each with its `down` -> score (heads x n) and max (heads),
 * both of the slots first..last-1. */
LM_INLINE void lm_scores_heads(const int8_t *q, int32_t heads, const int8_t *keys,
                               const uint16_t *scales, int32_t first, int32_t last, int32_t row,
                               int32_t dim, int32_t pre, const int32_t *down, int32_t *score,
                               int32_t n, int32_t *max)
{
    (void)heads;
    (void)n;
    max[0] = lm_scores(q, keys, scales, first, last, row, dim, pre, down[0], score);
}

#endif
