/* Least squares from layer to layer: what pruning took, the linears that stay give back as far as
 * they can. */
#ifndef LMCC_REFIT_H
#define LMCC_REFIT_H

#include "fisher.h"

/* What goes, before it is cut out of the shapes. */
typedef struct Removal {
    bool *
        *keep[ROLES]; /* O and DOWN: n_layers pointers to a flag for each column; NULL: all stay */
    bool *skip;       /* n_layers: layers that go as a whole; NULL: none */
} Removal;

/* u->model, whole so far, loses what `gone` names (columns become 0). Its linears are fitted, in
 * execution order: those that read the residual stream to give what they give in `whole` (the same
 * model before), attn.o and mlp.down to bring the stream back to what it is there. So the error
 * that comes in from earlier layers is corrected too. fisher: of unit_warm_samples, says what an
 * error of the stream counts at each token; NULL: all the same. */
void refit(Unit *u, const Model *whole, const Removal *gone, const Fisher *fisher);

#endif
