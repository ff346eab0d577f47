/* Distillation: a quantized model learns to give the float model's probabilities. */
#ifndef LMCC_TRAIN_TRAINER_H
#define LMCC_TRAIN_TRAINER_H

#include "train/pool.h"
#include "train/student.h"

typedef struct Trainer {
    const Model *teacher_model;
    Student *student;
    const Layout *layout;
    const Pool *pool;
    int batch;                       /* windows a step */
    uint32_t seed;                   /* of their order */
    double rate;                     /* learning rate at its height */
    int64_t steps;                   /* in all */
    int64_t step;                    /* done */
    double loss;                     /* mean of the last step, nats a prediction */
    double best_loss;                /* on the held-out windows */
    float *best;                     /* parameters that gave it */
    float *mean, *square, *gradient; /* Adam's, like the parameters */
    float *all;                      /* what the student runs with */
    int *order;
    int *window; /* batch: of this step */
    int64_t round;
    struct Slot *slot; /* batch: each a window's network */
} Trainer;

/* The model is quantized; the teacher has its float weights. */
Trainer *trainer_new(Arena *a, Model *m, const Model *teacher, const Pool *pool, const Recipe *r);
/* One step; the same bytes at any thread count. */
void trainer_step(Trainer *t);
/* Mean KL of a quantized model on the held-out windows. */
double trainer_judge_model(Trainer *t, const Model *m);
/* The same of the student; keeps the parameters when it is the least so far. */
double trainer_judge(Trainer *t);

/* state.c: everything that a step depends on, in a file that appears whole or not at all. */
void trainer_save(const Trainer *t, const char *path, uint64_t fingerprint);
/* False when there is no such file; fatal when it is damaged or another run's. */
bool trainer_load(Arena *a, Trainer *t, const char *path, uint64_t fingerprint);

#endif
