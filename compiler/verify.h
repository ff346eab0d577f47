/* What the verifier's files share. The unit is checked in this order, each part relying on those
 * before it, so that a hostile text IR cannot make a check itself go wrong. */
#ifndef LMCC_VERIFY_H
#define LMCC_VERIFY_H

#include "pass.h"

typedef struct Verifier {
    const Unit *unit;
    Model *model; /* the unit's, only read: the walkers serve writers too */
    const Program *program;
    const char *after; /* NULL: the unit is what a file said */
} Verifier;

/* Dies, or is fatal, with the broken invariant. */
_Noreturn void broken(const Verifier *v, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool holds(const Verifier *v, Fact f);

void verify_model(const Verifier *v);    /* compiler/verify_model.c */
void verify_program(const Verifier *v);  /* compiler/verify_program.c */
void verify_matrices(const Verifier *v); /* compiler/verify_matrices.c */
void verify_memory(const Verifier *v);   /* compiler/verify_memory.c */

#endif
