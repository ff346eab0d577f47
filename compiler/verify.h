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
void verify_clips(const Verifier *v);    /* compiler/verify_static.c: of static scales */
void verify_program(const Verifier *v);  /* compiler/verify_program.c */
void verify_matrices(const Verifier *v); /* compiler/verify_matrices.c */
void verify_memory(const Verifier *v);   /* compiler/verify_memory.c */

/* One op under check, as messages name it. */
typedef struct Site {
    const Verifier *v;
    const Op *op;
    int index;
} Site;

#define MAX_EXP 2048 /* of a scale: floats and sums stay far below */

/* compiler/verify_program.c: what an op's operands must be; need_buffer of what one token has. */
void need_buffer(const Site *s, int buffer, ElemType elem, int64_t count);
const Data *need_data(const Site *s, int data, ElemType elem, int64_t count);
void need_imm(const Site *s, int i, int64_t min, int64_t max);
void need_equal(const Site *s, int i, int64_t value);
void need_exp(const Site *s, int i);
void need_mantissa(const Site *s, int i);                /* of a scale */
void check_layer_norm_constants(const Site *s, int dim); /* and its data */

/* compiler/verify_static.c: of an op whose x may have a static scale; of what matrices read. */
void check_static_scale(const Site *s);
void verify_static_inputs(const Verifier *v);

/* compiler/verify_encoder.c */
void check_encoder_op(const Site *s); /* one of the kinds that only encoders have */
void verify_phases(const Verifier *v);

#endif
