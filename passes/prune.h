/* What the pruning passes share: choosing units (heads, neurons) by score and cutting them out. */
#ifndef LMCC_PRUNE_H
#define LMCC_PRUNE_H

#include "pass.h"

/* The units that layer l has, and what each is worth; `keep` is filled by prune_choose. */
typedef struct PruneLayer {
    int n;
    double *score; /* n, not negative */
    bool *keep;    /* n */
} PruneLayer;

PruneLayer *prune_layers(Arena *a, int n_layers);
void prune_layer_alloc(Arena *a, PruneLayer *p, int n);
/* Marks the lowest scores for removal as the recipe asks; every layer keeps one unit. Dies for a
 * recipe that asks for more: `what` is "heads" or "neurons". */
void prune_choose(Arena *a, const Model *m, const Prune *p, PruneLayer *layer, const char *what);

int count_kept(const bool *keep, int n);
/* Keeps the groups of `width` rows (columns) whose flag is set; there are n flags. */
void keep_rows(Linear *l, const bool *keep, int n, int width);
void keep_cols(Linear *l, const bool *keep, int n, int width);

#endif
