/* Choosing what to prune by score, and cutting rows and columns out of a linear. */
#include "prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Candidate {
    double score;
    int layer, index;
} Candidate;

PruneLayer *prune_layers(Arena *a, int n_layers)
{
    return NEW(a, PruneLayer, n_layers);
}

void prune_layer_alloc(Arena *a, PruneLayer *p, int n)
{
    p->n = n;
    p->score = NEW(a, double, n);
    p->keep = NEW(a, bool, n);
    memset(p->keep, 1, (size_t)n * sizeof(bool));
}

/* Lowest score first; of equal scores the lower layer, then the lower index goes first. */
static int compare(const void *x, const void *y)
{
    const Candidate *a = x, *b = y;
    if (a->score != b->score) {
        return a->score < b->score ? -1 : 1;
    }
    if (a->layer != b->layer) {
        return a->layer - b->layer;
    }
    return a->index - b->index;
}

/* How many of n a ratio means: rounded down, but 0.29 of 100 is 29 in spite of its binary form. */
static int amount(const Prune *p, int n)
{
    return p->count > 0 ? p->count : (int)floor(p->ratio * n + 1e-9);
}

static void choose_in_layer(Arena *a, PruneLayer *layer, int n)
{
    Candidate *list = NEW(a, Candidate, layer->n);
    for (int i = 0; i < layer->n; i++) {
        list[i] = (Candidate){layer->score[i], 0, i};
    }
    qsort(list, (size_t)layer->n, sizeof(*list), compare);
    for (int i = 0; i < n; i++) {
        layer->keep[list[i].index] = false;
    }
}

static void choose_by_layer(Arena *a, const Model *m, const Prune *p, PruneLayer *layer,
                            const char *what)
{
    if (p->n_counts > 0 && p->n_counts != m->n_layers) {
        fatal("%s: prune-%s: the recipe has counts for %d layers, the model has %d", m->path, what,
              p->n_counts, m->n_layers);
    }
    for (int l = 0; l < m->n_layers; l++) {
        int n = p->n_counts > 0 ? p->counts[l] : amount(p, layer[l].n);
        if (n < 0 || n >= layer[l].n) {
            fatal("%s: prune-%s: layer %d has %d %s, so at most %d can go; the recipe asks for %d",
                  m->path, what, l, layer[l].n, what, layer[l].n - 1, n);
        }
        choose_in_layer(a, &layer[l], n);
    }
}

/* Scores of different layers meet only after division by their layer's mean: a layer whose weights
 * are small as a whole is not a layer of no use. */
static int list_candidates(const Model *m, const PruneLayer *layer, Candidate *list)
{
    int n = 0;
    for (int l = 0; l < m->n_layers; l++) {
        double sum = 0;
        for (int i = 0; i < layer[l].n; i++) {
            sum += layer[l].score[i];
        }
        double scale = sum > 0 ? layer[l].n / sum : 0;
        for (int i = 0; i < layer[l].n; i++) {
            list[n++] = (Candidate){layer[l].score[i] * scale, l, i};
        }
    }
    return n;
}

static void choose_globally(Arena *a, const Model *m, const Prune *p, PruneLayer *layer,
                            const char *what)
{
    int total = 0;
    for (int l = 0; l < m->n_layers; l++) {
        total += layer[l].n;
    }
    int n = amount(p, total);
    if (n > total - m->n_layers) {
        fatal("%s: prune-%s: %d %s in %d layers, one stays in each, so at most %d can go; the "
              "recipe asks for %d",
              m->path, what, total, what, m->n_layers, total - m->n_layers, n);
    }
    Candidate *list = NEW(a, Candidate, total);
    int *left = NEW(a, int, m->n_layers);
    list_candidates(m, layer, list);
    for (int l = 0; l < m->n_layers; l++) {
        left[l] = layer[l].n;
    }
    qsort(list, (size_t)total, sizeof(*list), compare);
    for (int i = 0; n > 0; i++) {
        int l = list[i].layer;
        if (left[l] > 1) {
            layer[l].keep[list[i].index] = false;
            left[l]--;
            n--;
        }
    }
}

void prune_choose(Arena *a, const Model *m, const Prune *p, PruneLayer *layer, const char *what)
{
    if (p->scope == PRUNE_GLOBAL && p->n_counts == 0) {
        choose_globally(a, m, p, layer, what);
    } else {
        choose_by_layer(a, m, p, layer, what);
    }
}

int count_kept(const bool *keep, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        kept += keep[i];
    }
    return kept;
}

void keep_rows(Linear *l, const bool *keep, int n, int width)
{
    size_t group = (size_t)width * (size_t)l->cols;
    size_t to = 0;
    for (int i = 0; i < n; i++) {
        if (keep[i]) {
            memmove(l->w + to, l->w + (size_t)i * group, group * sizeof(float));
            to += group;
        }
    }
    for (int i = 0, at = 0; l->bias && i < n; i++) {
        if (keep[i]) {
            memmove(l->bias + at, l->bias + (size_t)i * (size_t)width,
                    (size_t)width * sizeof(float));
            at += width;
        }
    }
    l->rows = count_kept(keep, n) * width;
}

void keep_cols(Linear *l, const bool *keep, int n, int width)
{
    size_t to = 0, from = 0;
    for (int r = 0; r < l->rows; r++) {
        for (int i = 0; i < n; i++, from += (size_t)width) {
            if (keep[i]) {
                memmove(l->w + to, l->w + from, (size_t)width * sizeof(float));
                to += (size_t)width;
            }
        }
    }
    l->cols = count_kept(keep, n) * width;
}
