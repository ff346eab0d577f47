/* What the quantize pass is made of. */
#ifndef LMCC_QUANTIZE_H
#define LMCC_QUANTIZE_H

#include "gptq.h"

/* passes/quantize.c: gives one linear its codes in the format that the recipe's bits name for it;
 * fitted to its weights alone where m is NULL or the weights are a lattice already. */
void quantize_linear(Unit *u, Linear *l, const GptqMoments *m);

void fit_weights(Arena *a, Linear *l, const GptqOptions *o);

/* passes/lattice.c: quantizes l, and says so, if its weights are levels of the format already.
 * gain: it can have one. */
bool fit_lattice(Arena *a, Linear *l, const GptqOptions *o, bool gain);

/* passes/exact.c: the same without any rounding, if there is a way; planes and ternary. */
bool fit_exact(Arena *a, Linear *l, const GptqOptions *o, bool gain);

/* passes/sequential.c: every linear of the unit's model, in execution order. */
void quantize_sequential(Unit *u);

/* passes/static_scales.c: sets input_clip of every linear that reads activations, from what the
 * quantized model's linears read on the unit's samples. */
void find_static_scales(Unit *u);

#endif
