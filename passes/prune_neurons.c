/* Removes MLP neurons by magnitude. A neuron adds down * act(gate . x) * (up . x), so its score is
 * the product of the three norms: |gate row| |up row| |down column|, the rows behind the norm's
 * weights. */
#include "prune.h"

#include <math.h>

static double row_norm(const Linear *l, int r, const float *gamma)
{
    double sum = 0;
    for (int c = 0; c < l->cols; c++) {
        double w = (double)l->w[(size_t)r * (size_t)l->cols + (size_t)c] * (double)gamma[c];
        sum += w * w;
    }
    return sqrt(sum);
}

static double column_norm(const Linear *l, int c)
{
    double sum = 0;
    for (int r = 0; r < l->rows; r++) {
        double w = (double)l->w[(size_t)r * (size_t)l->cols + (size_t)c];
        sum += w * w;
    }
    return sqrt(sum);
}

void pass_prune_neurons(Unit *u)
{
    Model *m = u->model;
    Arena *a = u->arena;
    PruneLayer *layer = prune_layers(a, m->n_layers);
    for (int l = 0; l < m->n_layers; l++) {
        const Block *b = &m->blocks[l];
        prune_layer_alloc(a, &layer[l], b->n_neurons);
        for (int i = 0; i < b->n_neurons; i++) {
            layer[l].score[i] = row_norm(&b->linear[ROLE_GATE], i, b->mlp_norm.gamma) *
                                row_norm(&b->linear[ROLE_UP], i, b->mlp_norm.gamma) *
                                column_norm(&b->linear[ROLE_DOWN], i);
        }
    }
    prune_choose(a, m, &u->recipe->prune_neurons, layer, "neurons");
    for (int l = 0; l < m->n_layers; l++) {
        Block *b = &m->blocks[l];
        keep_rows(&b->linear[ROLE_GATE], layer[l].keep, layer[l].n, 1);
        keep_rows(&b->linear[ROLE_UP], layer[l].keep, layer[l].n, 1);
        keep_cols(&b->linear[ROLE_DOWN], layer[l].keep, layer[l].n, 1);
        b->n_neurons = b->linear[ROLE_GATE].rows;
    }
}
