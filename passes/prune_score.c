/* Scores of units, comparable within their layer; magnitudes, divided by their mean, over layers
 * too. */
#include "prune.h"
#include "saliency.h"

#include <string.h>

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

static void by_saliency(const Pruning *p, int l)
{
    saliency(p->whole->blocks[l].linear[p->kind->role].w, p->moments[l], p->layer[l].width,
             p->layer[l].score);
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
