/* What the passes share that prune units inside layers: heads are groups of head_dim columns of
 * attn.o, neurons columns of mlp.down. Units are scored, chosen, taken out with least squares over
 * what stays, and cut out of the shapes; what that cost is measured and reported. */
#ifndef LMCC_PRUNE_H
#define LMCC_PRUNE_H

#include "fisher.h"
#include "least_squares.h"
#include "trial.h"

/* The units that layer l has, and what each is worth; `keep` says which stay. */
typedef struct PruneLayer {
    int n;
    int width;     /* columns of a unit */
    double *score; /* n, not negative */
    bool *keep;    /* n */
} PruneLayer;

typedef struct Pruning Pruning;

typedef struct PruneKind {
    const char *pass, *what; /* "prune-heads", "heads" */
    Role role;               /* the linear that units are columns of */
    double (*magnitude)(const Block *b, int unit);
    void (*cut)(Arena *a, Block *b, const bool *keep); /* out of all of the block's linears */
} PruneKind;

struct Pruning {
    Arena *arena; /* of the pass alone */
    Unit *unit;
    const Prune *recipe;
    const PruneKind *kind;
    Model *whole;      /* as the pass found it */
    Sums **moments;    /* n_layers: of the inputs of kind->role in `whole` */
    Fisher *fisher;    /* of `whole` over the same samples; NULL: not known */
    Trial *trial;      /* of unit->model */
    Loss before;       /* of `whole` */
    PruneLayer *layer; /* n_layers */
};

/* passes/prune.c: the whole pass; does nothing when the recipe wants none to go. */
void prune_units(Unit *u, const Prune *recipe, const PruneKind *kind);
/* How many units of each layer go, or, when -1 is returned nowhere, of the model: fills quota
 * (n_layers) with the most that each may lose, gives the total. Dies for a recipe that asks for
 * more than leaves one unit in each layer. */
int prune_quota(const Pruning *p, int *quota);
/* Takes out of layer l of unit->model what its flags say goes, compensated by the moments if the
 * recipe wants that; from `whole` each time, so flags may come and go. Shapes stay. */
void prune_try(Pruning *p, int l);

/* passes/prune_score.c: fills the scores by the recipe's method. Saliencies are in nats where there
 * is the Fisher information, so layers compare. */
void prune_score(Pruning *p);
/* passes/prune_measured.c: clears `keep` of the units to go, by what trials lose: any unit may be
 * the next, or of each layer those with the lowest scores only. */
void prune_measured(Pruning *p, bool by_score);

/* passes/prune_cut.c */
int count_kept(const bool *keep, int n);
/* Keeps the groups of `width` rows (columns) whose flag is set; there are n flags. */
void keep_rows(Linear *l, const bool *keep, int n, int width);
void keep_cols(Linear *l, const bool *keep, int n, int width);

/* passes/prune_report.c: notes it and adds it to the unit's reports. `before` and `removed` are as
 * in PruneReport and copied. */
void prune_report(Unit *u, const char *pass, const char *method, bool compensated, int n_layers,
                  const int *before, const int *removed, Loss old, Loss new);

#endif
