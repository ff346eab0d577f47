/* Least squares from layer to layer: what pruning took, the linears that write to the residual
 * stream give back as far as they can. */
#ifndef LMCC_REFIT_H
#define LMCC_REFIT_H

#include "sequence.h"

/* What goes, before it is cut out of the shapes. */
typedef struct Removal {
    bool *
        *keep[ROLES]; /* O and DOWN: n_layers pointers to a flag for each column; NULL: all stay */
    bool *skip;       /* n_layers: layers that go as a whole; NULL: none */
} Removal;

/* u->model, whole so far, loses what `gone` names (columns become 0); its attn.o and mlp.down are
 * fitted, in execution order, to bring the residual stream back to what `whole` (the same model
 * before) has there: the error that comes in from earlier layers is corrected too. */
void refit(Unit *u, const Model *whole, const Removal *gone);

#endif
