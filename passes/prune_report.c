/* What pruning did and what it cost, said and kept for the manifest. */
#include "prune.h"

#include <string.h>

void prune_report(Unit *u, const char *pass, const char *method, bool compensated, int n_layers,
                  const int *before, const int *removed, Loss old, Loss new)
{
    Arena *a = u->arena;
    PruneReport *all = NEW(a, PruneReport, u->n_prunings + 1);
    if (u->n_prunings > 0) {
        memcpy(all, u->prunings, (size_t)u->n_prunings * sizeof(*all));
    }
    u->prunings = all;
    all[u->n_prunings++] = (PruneReport){
        .pass = pass,
        .method = method,
        .compensated = compensated,
        .n_layers = n_layers,
        .before = arena_copy(a, before, (size_t)n_layers, sizeof(*before)),
        .removed = arena_copy(a, removed, (size_t)n_layers, sizeof(*removed)),
        .perplexity_before = old.perplexity,
        .perplexity_after = new.perplexity,
        .kl_before = old.kl,
        .kl_after = new.kl,
    };
    for (int l = 0; l < n_layers; l++) {
        note("%s: layer %d: %d of %d go", pass, l, removed[l], before[l]);
    }
    note("%s: by %s%s: perplexity of the samples %.4f before, %.4f after; KL %.5f, %.5f nats", pass,
         method, compensated ? ", compensated" : "", old.perplexity, new.perplexity, old.kl,
         new.kl);
}
