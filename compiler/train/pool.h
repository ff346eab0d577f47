/* What to train on: windows that are a document each, cut from text and from what a model writes;
 * of an encoder windows of several sequences. */
#ifndef LMCC_TRAIN_POOL_H
#define LMCC_TRAIN_POOL_H

#include "pass.h"

typedef struct Pool {
    int window, n;  /* tokens of a window, at most; windows */
    int longest;    /* tokens of a document, at most */
    int row;        /* numbers of a window: its tokens, or the bytes of its clips' frames */
    int *inputs;    /* n x row */
    int *lengths;   /* n x window: tokens of each of a window's documents, then 0 */
    int n_held_out; /* the first of them: never trained on */
} Pool;

/* Of a decoder, about `tokens` tokens: half of them the --calib text's where there is one, the
 * others samples of the original at temperatures 1 and 1.3. */
Pool *pool_new(Unit *u, Arena *a, int64_t tokens);
/* Of an encoder: lines of the --calib text, or random tokens. Where there are less than `tokens`,
 * others made of them: words of one in another, ends changed. Of a masked model some are masked. */
Pool *pool_of_sequences(Unit *u, Arena *a, int64_t tokens);
/* Of one that reads frames: clips of the --calib file, and where there are less, others made of
 * them. */
Pool *pool_of_clips(Unit *u, Arena *a, int64_t tokens);
/* The number of the window that the step-th piece of work trains on: every one once, in an order
 * drawn anew for each time round. `order`: n ints of scratch that stay the caller's; `round` is
 * theirs, -1 at first. */
int pool_window(const Pool *p, int64_t step, uint32_t seed, int *order, int64_t *round);

#endif
