/* Sequences: the float network over many tokens at once, for passes that measure and train.
 *
 * A Sequence runs a Model's float weights (linear_value: dequantized when quantized) causally over
 * a whole document from position 0, attention over all tokens before (of an encoder all tokens; no
 * ring: n never exceeds the window), and keeps what each linear read and what the residual stream was. The same numbers as
 * reference_step to float rounding; the same bytes at any thread count. */
#ifndef LMCC_SEQUENCE_H
#define LMCC_SEQUENCE_H

#include "run.h"

typedef struct Sequence Sequence;

Sequence *sequence_new(Arena *a, const Model *m, int max_tokens);
/* Weights changed in place or a layer was quantized: read those of layer l again (-1: embedding,
 * head and final norm). */
void sequence_refresh(Sequence *s, int layer);
/* Embeds n tokens: the residual stream before layer 0. */
void sequence_start(Sequence *s, const int *tokens, int n);
/* Sets the residual stream (n x dim) to something else: what another network computed. */
void sequence_set_residual(Sequence *s, const float *residual, int n);
/* Runs a layer over the n tokens: residual stream before it -> after it. */
void sequence_layer(Sequence *s, int layer);
/* Logits of all n tokens, n x vocab, after the last layer. */
const float *sequence_logits(Sequence *s);
/* start, every layer, logits. */
const float *sequence_run(Sequence *s, const int *tokens, int n);

const float *sequence_residual(const Sequence *s); /* n x dim, now */
/* What the linear of the layer run last read: n x its cols. Q, K, V share one input, GATE and UP.
 */
const float *sequence_input(const Sequence *s, Role role);
/* What the head read, after sequence_logits: n x dim, the normed residual. */
const float *sequence_head_input(const Sequence *s);

/* Documents to calibrate on, as token lists (u->samples): the --calib text, or the model's own
 * samples at temperature 1, each starting with bos, at most `window` tokens long. Made once from
 * u->original (or u->model before fold has made it) and the recipe's seed. */
const Corpus *unit_samples(Unit *u);
/* Others of the same kind, with at least so many tokens if the text has them. Not kept. */
const Corpus *unit_samples_of(Unit *u, int64_t tokens);
/* As unit_samples, but written at temperature WARM: real text surprises a model more than its own
 * does. Made once. */
const Corpus *unit_warm_samples(Unit *u);
#define WARM 1.15
/* The first documents of unit_samples, as many as have so many tokens or more: a large model writes
 * slowly. Not kept. */
const Corpus *unit_first_samples(Unit *u, int64_t tokens);
int unit_window(const Unit *u); /* tokens in the KV cache */
Corpus *unit_text(Unit *u);     /* the whole --calib text, in pieces of a window */
/* About `tokens` tokens of it, whole documents evenly spaced. */
Corpus *corpus_part(Arena *a, const Corpus *whole, int64_t tokens);

#endif
