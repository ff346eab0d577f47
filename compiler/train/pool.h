/* The tokens to train on: windows of one length, cut from text and from what a model writes. */
#ifndef LMCC_TRAIN_POOL_H
#define LMCC_TRAIN_POOL_H

#include "pass.h"

typedef struct Pool {
    int window, n;  /* tokens of a window; windows */
    int *tokens;    /* n x window */
    int n_held_out; /* the first of them: never trained on */
} Pool;

/* About `tokens` tokens: half of them the --calib text's where there is one, the others samples of
 * the original at temperatures 1 and 1.3. */
Pool *pool_new(Unit *u, Arena *a, int64_t tokens);
/* The window that the step-th piece of work trains on: every one once, in an order drawn anew for
 * each time round. `order`: n ints of scratch that stay the caller's; `round` is theirs, -1 at
 * first. */
const int *pool_window(const Pool *p, int64_t step, uint32_t seed, int *order, int64_t *round);

#endif
