/* Scores of units, comparable within their layer; magnitudes, divided by their mean, over layers
 * too. */
#include "prune.h"
#include "saliency.h"

#include <string.h>

#define METRIC_DAMPING 1e-6 /* of the mean diagonal: against rounding */

/* Magnitudes meet without any measuring, as the published method has it: divided by their layer's
 * mean, so that a layer whose weights are small as a whole is not a layer of no use. */
static void by_magnitude(const Pruning *p, int l)
{
    PruneLayer *layer = &p->layer[l];
    double sum = 0;
    for (int i = 0; i < layer->n; i++) {
        layer->score[i] = p->kind->magnitude(&p->whole->blocks[l], i);
        sum += layer->score[i];
    }
    for (int i = 0; i < layer->n && sum > 0; i++) {
        layer->score[i] *= layer->n / sum;
    }
}

/* The squared norm of each weight times that of its input, summed over the unit's weights: Wanda's
 * metric (arXiv 2306.11695) in structures (FLAP, arXiv 2312.11983). */
static void by_activation(const Pruning *p, int l)
{
    const Linear *w = &p->whole->blocks[l].linear[p->kind->role];
    const Sums *m = p->moments[l];
    PruneLayer *layer = &p->layer[l];
    memset(layer->score, 0, (size_t)layer->n * sizeof(*layer->score));
    for (int r = 0; r < w->rows; r++) {
        for (int c = 0; c < w->cols; c++) {
            const double v = (double)w->w[(size_t)r * (size_t)w->cols + (size_t)c];
            layer->score[c / layer->width] += v * v * m->h[(size_t)c * (size_t)m->cols + (size_t)c];
        }
    }
}

/* L^T w, L L^T being the metric: the squares of what it gives are those of what w gives as the
 * metric counts them. */
static float *in_metric(Arena *a, const Linear *w, const double *metric)
{
    const size_t rows = (size_t)w->rows, cols = (size_t)w->cols;
    double *l = arena_copy(a, metric, rows * rows, sizeof(*l));
    float *out = NEW(a, float, rows *cols);
    double diagonal = 0;
    for (size_t i = 0; i < rows; i++) {
        diagonal += metric[i * rows + i] / w->rows;
    }
    for (size_t i = 0; i < rows; i++) {
        l[i * rows + i] += METRIC_DAMPING * diagonal;
    }
    if (!spd_factor(l, w->rows)) {
        return NULL;
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < cols; c++) {
            double sum = 0;
            for (size_t r = i; r < rows; r++) {
                sum += l[r * rows + i] * (double)w->w[r * cols + c];
            }
            out[i * cols + c] = (float)sum;
        }
    }
    return out;
}

static void by_saliency(const Pruning *p, int l)
{
    Arena *a = arena_new();
    const Linear *w = &p->whole->blocks[l].linear[p->kind->role];
    const float *in = p->fisher ? in_metric(a, w, p->fisher->metric[l]) : w->w;
    saliency(in ? in : w->w, p->moments[l], p->layer[l].width, p->layer[l].score);
    arena_free(a);
}

void prune_score(Pruning *p)
{
    const PruneMethod method = p->recipe->method;
    for (int l = 0; l < p->whole->n_layers; l++) {
        switch (method) {
        case PRUNE_MAGNITUDE: by_magnitude(p, l); break;
        case PRUNE_ACTIVATION: by_activation(p, l); break;
        case PRUNE_SALIENCY: by_saliency(p, l); break;
        case PRUNE_MEASURED:
        case PRUNE_METHODS: die("%s: method %d has no scores", p->kind->pass, (int)method);
        }
    }
}
