/* Results that come one after the other, calmed down: a result counts once it has the majority of
 * the last few, until another one has it. A class, a label, a command: any number from 0 on; a
 * negative one is no result, and stands in the window as one. C99 or C++, needs nothing.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_DEBOUNCE_H
#define LM_DEBOUNCE_H

#include <stdint.h>

#ifndef LM_DEBOUNCE_MOST
#define LM_DEBOUNCE_MOST 31 /* results that are remembered at most */
#endif

typedef struct lm_debounce {
    int32_t window;   /* how many of the last results vote, 1 .. LM_DEBOUNCE_MOST */
    int32_t fallback; /* what counts before anything has had a majority, and after silence */
    int32_t value;    /* what counts now */
    int32_t n, at;    /* results remembered, and where the next one goes */
    int32_t last[LM_DEBOUNCE_MOST];
} lm_debounce;

/* window is brought into its range. */
static inline void lm_debounce_start(lm_debounce *d, int32_t window, int32_t fallback)
{
    d->window = window < 1 ? 1 : (window > LM_DEBOUNCE_MOST ? LM_DEBOUNCE_MOST : window);
    d->fallback = fallback;
    d->value = fallback;
    d->n = 0;
    d->at = 0;
}

static inline int32_t lm_debounce_votes(const lm_debounce *d, int32_t result)
{
    int32_t votes = 0;
    for (int32_t i = 0; i < d->n; i++) {
        votes += d->last[i] == result || (d->last[i] < 0 && result < 0);
    }
    return votes;
}

/* Takes one result, gives what counts: more than half of a whole window, or what counted before.
 * More than half of none brings the fallback back. */
static inline int32_t lm_debounce_add(lm_debounce *d, int32_t result)
{
    d->last[d->at] = result;
    d->at = d->at + 1 == d->window ? 0 : d->at + 1;
    d->n = d->n < d->window ? d->n + 1 : d->n;
    if (2 * lm_debounce_votes(d, result) > d->window) {
        d->value = result < 0 ? d->fallback : result;
    }
    return d->value;
}

#endif
