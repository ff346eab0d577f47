/* Trials: what a change of some layers does to the model's predictions on the calibration samples.
 * The residual stream before every layer is kept, so a trial runs from the changed layer on. */
#ifndef LMCC_TRIAL_H
#define LMCC_TRIAL_H

#include "sequence.h"

typedef struct Loss {
    double kl;         /* nats a token: KL(original || model), over every position of the samples */
    double worst;      /* the same over the WORST documents that lose most, in a hundred */
    double perplexity; /* of the samples */
} Loss;

typedef struct Trial Trial;

#define WORST 2

/* For u->model as it is now, against u->original (without one: against u->model as it is now), on
 * the first of the samples: TRIAL_TOKENS in all, or as many as TRIAL_BYTES hold the streams of; one
 * at the least. */
Trial *trial_new(Arena *a, Unit *u);
#define TRIAL_TOKENS 4096
#define TRIAL_BYTES (64 << 20)
/* The same on many short documents that the model writes at a temperature above 1: kinds of text
 * that are rare among its own, such as another tense, are in it. With a calibration text: on that.
 */
Trial *trial_diverse(Arena *a, Unit *u);
#define DIVERSE_DOCUMENTS 256
#define DIVERSE_WINDOW 128
#define DIVERSE_TEMPERATURE 1.3

/* A layer that is skipped adds nothing. All run at first. */
void trial_skip(Trial *t, int layer, bool skip);
/* Runs from `layer` on, whose weights may have changed since. Trials before it stay as kept. */
Loss trial_run(Trial *t, int layer);
/* The same, and what the layers now compute is where later trials start from. */
Loss trial_keep(Trial *t, int layer);

#endif
