/* Text held to a grammar: an automaton over bytes that the compiler made, and which tokens may
 * follow where one stands in it. A token may follow when its bytes lead to a state from which
 * tokens lead on to a whole sentence; so no choice among these can fail, and no other text comes
 * out. Needs lm_tokenizer.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_GRAMMAR_H
#define LM_GRAMMAR_H

#define LM_GRAMMAR_NONE 0xffffU /* no such state */
#define LM_GRAMMAR_ACCEPTS 1U   /* what was read so far is a sentence */
#define LM_GRAMMAR_LIVE 2U      /* tokens lead from here to a sentence */
#define LM_GRAMMAR_GOES_ON 4U   /* a token may follow */

/* Edges of state s: first[s] .. first[s + 1] - 1, ascending; bytes low .. high lead to state `to`.
 */
typedef struct lm_grammar {
    const uint16_t *first;
    const uint8_t *low, *high;
    const uint16_t *to;
    const uint8_t *flags; /* of each state: LM_GRAMMAR_ */
} lm_grammar;

LM_INLINE uint32_t lm_grammar_next(const lm_grammar *g, uint32_t state, uint32_t byte)
{
    const uint32_t end = g->first[state + 1U];
    uint32_t i = g->first[state];
    while (i < end && g->high[i] < byte) {
        i++;
    }
    return i < end && g->low[i] <= byte ? g->to[i] : LM_GRAMMAR_NONE;
}

/* The state after n bytes from `state`; LM_GRAMMAR_NONE when no sentence goes on so, or none that
 * tokens can spell. */
LM_INLINE uint32_t lm_grammar_read(const lm_grammar *g, uint32_t state, const uint8_t *bytes,
                                   uint32_t n)
{
    for (uint32_t i = 0; i < n && state != LM_GRAMMAR_NONE; i++) {
        state = lm_grammar_next(g, state, bytes[i]);
    }
    return state != LM_GRAMMAR_NONE && (g->flags[state] & LM_GRAMMAR_LIVE) != 0U ? state
                                                                                 : LM_GRAMMAR_NONE;
}

/* The state after a token; LM_GRAMMAR_NONE when it may not follow, as one without bytes. */
LM_FUNCTION uint32_t lm_grammar_token(const lm_grammar *g, const lm_tokenizer *t, uint32_t state,
                                      uint32_t token)
{
    const uint32_t start = lm_piece_start(t, token);
    const uint32_t n = lm_piece_start(t, token + 1U) - start;
    return n == 0U ? LM_GRAMMAR_NONE : lm_grammar_read(g, state, t->piece_bytes + start, n);
}

/* Sets the bits of mask ((vocab + 31) / 32 words) whose tokens may follow; gives their number. */
LM_FUNCTION int32_t lm_grammar_mask(const lm_grammar *g, const lm_tokenizer *t, uint32_t state,
                                    uint32_t *mask, int32_t vocab)
{
    uint32_t start = lm_piece_start(t, 0);
    int32_t count = 0;
    memset(mask, 0, ((uint32_t)vocab + 31U) / 32U * 4U);
    for (uint32_t id = 0; id < (uint32_t)vocab; id++) {
        const uint32_t end = lm_piece_start(t, id + 1U);
        if (end > start &&
            lm_grammar_read(g, state, t->piece_bytes + start, end - start) != LM_GRAMMAR_NONE) {
            mask[id >> 5] |= 1U << (id & 31U);
            count++;
        }
        start = end;
    }
    return count;
}

#endif
