/* Two texts as one sequence: what a model that was trained on pairs reads. Needs lm_port.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_JOIN_H
#define LM_JOIN_H

/* How the tokens of a pair stand: those that begin a text, the first text, `between`, the second
 * text, those that end a text. */
typedef struct lm_join {
    int32_t before, after; /* how many tokens encoding puts before a text and after it: 0 or 1 */
    int32_t n_between;     /* 0 .. before + after; below 0: there are no pairs */
    int32_t between[2];
    int32_t typed; /* 1: the second text is of another type, with what ends it */
} lm_join;

/* How many tokens stay of texts of n and other tokens that have `room` for both: where both have
 * more than their half, each gets it, else the longer one what is left. An odd token goes to the
 * longer one, of two that are as long to the second: as the tokenizers library cuts, longest first.
 */
LM_INLINE int32_t lm_join_kept(int32_t n, int32_t other, int32_t room, int32_t is_second)
{
    const int32_t half = room >> 1, odd = room & 1;
    if (n + other <= room || n <= half) {
        return n;
    }
    if (other <= half) {
        return room - other;
    }
    return half + ((n > other || (n == other && is_second != 0)) ? odd : 0);
}

/* t: n tokens of the first text, then m of the second, each with what begins and ends a text -> the
 * pair, cut to `window` tokens; gives their number, -1 where not even the tokens around the texts
 * have room. *second: where the second text begins, if it is typed, else their number. */
LM_FUNCTION int32_t lm_join_texts(int32_t *t, int32_t n, int32_t m, const lm_join *how,
                                  int32_t window, int32_t *second)
{
    const int32_t ends = how->before + how->after, room = window - ends - how->n_between;
    const int32_t from = n + how->before, last = n + m - 1;
    const int32_t first = lm_join_kept(n - ends, m - ends, room, 0);
    const int32_t rest = lm_join_kept(m - ends, n - ends, room, 1);
    int32_t at = how->before + first;
    if (room < 0) {
        return -1;
    }
    for (int32_t i = 0; i < how->n_between; i++) {
        t[at + i] = how->between[i];
    }
    at += how->n_between;
    *second = at;
    for (int32_t i = 0; i < rest; i++) {
        t[at + i] = t[from + i];
    }
    at += rest;
    if (how->after > 0) {
        t[at] = t[last];
        at++;
    }
    *second = how->typed != 0 ? *second : at;
    return at;
}

#endif
