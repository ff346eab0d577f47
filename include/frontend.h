/* An audio front end: from samples to log-mel features. Independent of any model; `lmcc frontend`
 * writes one as C. The arithmetic is runtime_template/lm_frontend.h. */
#ifndef LMCC_FRONTEND_H
#define LMCC_FRONTEND_H

#include "util.h"

#define MAX_BANDS 128
#define MAX_SLOPE 127 /* bins between the centres of two bands: sums fit 32 bits */
#define MAX_POINTS 1024

/* What to compute. */
typedef struct FrontendShape {
    int rate; /* samples a second */
    int window_ms, hop_ms;
    int bands;
    int low_hz, high_hz; /* where the first band begins and the last one ends */
} FrontendShape;

typedef struct Frontend {
    FrontendShape shape;
    int window, hop; /* samples */
    int points;      /* of the FFT: the power of two from window on */
    int scale_bits;  /* its logarithm */
    int n_hann, n_cosine, n_first, n_rise, n_log2;
    uint16_t *hann;  /* first half of the window, units of 2^-15 */
    int16_t *cosine; /* a quarter wave */
    uint16_t *first; /* bands + 2: the bin that each slope begins with; the last one: the end */
    uint16_t *rise;  /* weight of each bin from first[0] on in the band above, units of 2^-15 */
    uint16_t *log2;  /* 65 */
} Frontend;

/* compiler/frontend.c: the tables. Fatal where the shape cannot be: `what` names it in messages. */
Frontend *frontend_new(Arena *a, const char *what, const FrontendShape *shape);

/* XXH32 over the first n frames of lm_signal, as NAME_frames_hash computes it. */
uint32_t frontend_hash(const Frontend *f, int n);

#endif
