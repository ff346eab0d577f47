/* Second-order saliency of groups of a linear's inputs: what removing them costs its output. */
#ifndef LMCC_SALIENCY_H
#define LMCC_SALIENCY_H

#include "least_squares.h"

/* score[g] (m->cols / width groups): what the squared error of w x, summed over the moments' tokens
 * and damped as compensate() does, grows by when group g goes as the cheapest of those left, after
 * the best compensation. Groups go one by one until one is left, so that scores grow in the order
 * of removal; the last is scored as if it went too. Structured optimal brain surgeon (Hassibi,
 * Stork, 1993; in groups arXiv 2203.07259). */
void saliency(const float *w, const Sums *m, int width, double *score);

#endif
