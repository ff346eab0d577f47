/* Many documents written by a model at once. */
#ifndef LMCC_TRAIN_SAMPLER_H
#define LMCC_TRAIN_SAMPLER_H

#include "run.h"

typedef struct SamplePlan {
    int first, n; /* documents first .. first + n - 1 of all that there could be */
    int window;   /* tokens of a document at most */
    uint32_t seed;
    int n_temperatures; /* document i has temperature[i % n_temperatures] */
    const double *temperature;
} SamplePlan;

/* Each document starts with bos (token 0 without one) and ends before the next bos or eos, or at
 * the window. Document i depends on model, seed and i only. */
Corpus *sample_documents(Arena *a, const Model *m, const SamplePlan *plan);

#endif
