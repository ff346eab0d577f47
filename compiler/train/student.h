/* A quantized model as real parameters that gradients can move: latent weights, row scales,
 * codebooks, norms and biases. What the network runs with is always what the device would hold:
 * scales and codebooks rounded to their integers, each latent at the nearest level. The gradient
 * passes through the rounding as if it were not there (the straight-through estimator: Bengio,
 * Leonard, Courville, arXiv 1308.3432). */
#ifndef LMCC_TRAIN_STUDENT_H
#define LMCC_TRAIN_STUDENT_H

#include "recipe.h"
#include "train/backward.h"

/* Parameters that share a learning rate: that of the run times `rate`. */
typedef struct Segment {
    size_t at, n;
    float rate;
    int layer; /* whose they are, -1: no layer's */
} Segment;

typedef struct Student {
    const Layout *layout;
    size_t n;         /* parameters: latents, norms, biases; scales, codebooks */
    float *parameter; /* n: as laid out, then what is theirs alone */
    int n_segments;
    Segment *segment;
    struct Part *part; /* of each linear */
    uint8_t *code;     /* layout->weights */
} Student;

/* Starts at a quantized model's codebooks, scales and float weights. With LEVELS_UNIFORM steps that
 * are equal stay so. */
Student *student_new(Arena *a, Model *m, const Layout *y, LevelKind levels);
/* What the network runs with, layout->size floats; sets the codes. */
void student_weights(Student *s, float *all);
/* The parameters' gradient (n) from that of those floats, for the codes that were set. */
void student_gradient(const Student *s, const float *d_all, float *gradient);
/* Writes codes, scales, codebooks, norms and biases into the model, and the latents as its float
 * weights.
 */
void student_store(Student *s, Model *m, float *all);

#endif
