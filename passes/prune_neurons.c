/* Removes MLP neurons. The magnitude of one: it adds down * act(gate . x) * (up . x), so the
 * product of three norms, |gate row| |up row| |down column|, the rows behind the norm's weights; of
 * two where there is no gate. */
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

static double magnitude(const Block *b, int i)
{
    const Linear *gate = &b->linear[ROLE_GATE];
    return (gate->rows > 0 ? row_norm(gate, i, b->mlp_norm.gamma) : 1) *
           row_norm(&b->linear[ROLE_UP], i, b->mlp_norm.gamma) *
           column_norm(&b->linear[ROLE_DOWN], i);
}

static void cut(Arena *a, Block *b, const bool *keep)
{
    (void)a;
    const int n = b->n_neurons;
    if (b->linear[ROLE_GATE].rows > 0) {
        keep_rows(&b->linear[ROLE_GATE], keep, n, 1);
    }
    keep_rows(&b->linear[ROLE_UP], keep, n, 1);
    keep_cols(&b->linear[ROLE_DOWN], keep, n, 1);
    b->n_neurons = b->linear[ROLE_UP].rows;
}

void pass_prune_neurons(Unit *u)
{
    static const PruneKind kind = {"prune-neurons", "neurons", ROLE_DOWN, magnitude, cut};
    prune_units(u, &u->recipe->prune_neurons, &kind);
}
