/* Distillation: a quantized model learns to give the float model's probabilities. */
#ifndef LMCC_TRAIN_TRAINER_H
#define LMCC_TRAIN_TRAINER_H

#include "train/pool.h"
#include "train/student.h"

typedef struct Trainer {
    const Model *model, *teacher_model;
    int *teacher_layer; /* of each layer: which one's output its own should be */
    Student *student;
    const Layout *layout;
    const Pool *pool;
    int batch;                       /* windows a step */
    uint32_t seed;                   /* of their order */
    double rate;                     /* learning rate at its height */
    double hidden;                   /* weight of what layers give */
    float exits;                     /* of what heads of exits give */
    int64_t block_steps;             /* of each layer, one after the other, before all together */
    int64_t steps;                   /* in all, those of layers too */
    int64_t step;                    /* done */
    double loss;                     /* mean of the last step: nats a prediction; while layers are
                                        trained their error's share of what they should give */
    double best_loss;                /* on the held-out windows */
    float *best;                     /* parameters that gave it */
    float *mean, *square, *gradient; /* Adam's, like the parameters */
    float *all;                      /* what the student runs with */
    int *order;
    int *window; /* batch: of this step */
    int64_t round;
    struct Slot *slot; /* batch: each a window's network */
} Trainer;

/* Of a unit whose model is quantized, towards its original, as the recipe says. */
Trainer *trainer_new(Arena *a, const Unit *u, const Pool *pool);
/* How many steps a number of tokens is. */
int64_t trainer_steps(const Trainer *t, int64_t tokens);
/* Whether the last step was one of a single layer. */
bool trainer_in_layers(const Trainer *t);
/* One step; the same bytes at any thread count. */
void trainer_step(Trainer *t);
/* Mean KL of a quantized model on the held-out windows. */
double trainer_judge_model(Trainer *t, const Model *m);
/* The same of the student; keeps the parameters when it is the least so far. */
double trainer_judge(Trainer *t);

/* hidden.c: the error of n rows of a residual stream, each as a share of the other's variance,
 * summed; own becomes `weight` times the gradient. */
double hidden_error(float *own, const float *goal, int n, int dim, float weight);

/* state.c: everything that a step depends on, in a file that appears whole or not at all. */
void trainer_save(const Trainer *t, const char *path, uint64_t fingerprint);
/* False when there is no such file; fatal when it is damaged or another run's. */
bool trainer_load(Arena *a, Trainer *t, const char *path, uint64_t fingerprint);

#endif
