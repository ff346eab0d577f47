/* Where matrices, norms and biases stand in one array of floats: matrices first. */
#include "train/backward.h"

#include <string.h>

/* Numbered after the linears: the tied head, of which only the bias is its own. */
static Linear *biased(Model *m, int i)
{
    Linear *l = model_linears(m, i);
    return l ? l : m->tied_head ? &m->head : NULL;
}

static size_t place(Layout *y, const void *there, int n)
{
    const size_t at = y->size;
    y->size += there ? (size_t)n : 0;
    return there ? at : 0;
}

Layout *layout_new(Arena *a, const Model *m)
{
    Model *walk = (Model *)(uintptr_t)m; /* only read */
    Layout *y = NEW(a, Layout, 1);
    const Linear *l;
    const Norm *v;
    while (model_linears(walk, y->n_linears)) {
        y->n_linears++;
    }
    y->n_norms = model_norms(m);
    y->linear = NEW(a, size_t, y->n_linears);
    y->bias = NEW(a, size_t, y->n_linears + 1);
    y->norm = NEW(a, size_t, y->n_norms);
    y->beta = NEW(a, size_t, y->n_norms);
    for (int i = 0; (l = model_linears(walk, i)); i++) {
        y->linear[i] = y->size;
        y->size += (size_t)l->rows * (size_t)l->cols;
    }
    y->weights = y->size;
    for (int i = 0; (v = model_norm(walk, i)); i++) {
        y->norm[i] = place(y, v->gamma, v->n);
    }
    for (int i = 0; (v = model_norm(walk, i)); i++) {
        y->beta[i] = place(y, v->beta, v->n);
    }
    for (int i = 0; i <= y->n_linears; i++) {
        l = biased(walk, i);
        y->bias[i] = l ? place(y, l->bias, l->rows) : 0;
    }
    return y;
}

static void point_blocks(const Layout *y, Network *n, const float *all)
{
    const Model *m = n->model;
    for (int i = 0; i < m->n_layers * ROLES; i++) {
        const Role r = (Role)(i % ROLES);
        const bool there = m->blocks[i / ROLES].linear[r].rows > 0;
        n->weight[i] = there ? all + y->linear[model_linear_index(m, i / ROLES, r)] : NULL;
    }
}

void layout_point(Arena *a, const Layout *y, Network *n, const float *all)
{
    const Model *m = n->model;
    n->embed = all + y->linear[0];
    n->head = m->head_kind == HEAD_EMBED ? NULL : all + y->linear[model_head_index(m)];
    if (m->position == POSITION_LEARNED) {
        n->positions = all + y->linear[model_positions_index(m)];
    }
    if (m->dense.rows > 0) {
        n->dense = all + y->linear[model_dense_index(m)];
    }
    if (model_reads_frames(m)) {
        n->patch = all + y->linear[model_patch_index(m)];
    }
    for (int i = 0; i < m->n_exits; i++) {
        n->exit[i] = all + y->linear[model_exit_index(m, i)];
    }
    point_blocks(y, n, all);
    n->bias = NEW(a, const float *, y->n_linears + 1);
    n->beta = NEW(a, const float *, y->n_norms);
    for (int i = 0; i <= y->n_linears; i++) {
        n->bias[i] = all + y->bias[i];
    }
    for (int i = 0; i < y->n_norms; i++) {
        n->gamma[i] = all + y->norm[i];
        n->beta[i] = all + y->beta[i];
    }
}

static void copy(float *to, const float *from, int n)
{
    memcpy(to, from, (size_t)n * sizeof(float));
}

void layout_read(const Layout *y, const Model *m, float *all)
{
    Model *walk = (Model *)(uintptr_t)m; /* only read */
    for (int i = 0; i < y->n_norms; i++) {
        const Norm *v = model_norm(walk, i);
        copy(all + y->norm[i], v->gamma, v->n);
        if (y->beta[i]) {
            copy(all + y->beta[i], v->beta, v->n);
        }
    }
    for (int i = 0; i <= y->n_linears; i++) {
        if (y->bias[i]) {
            copy(all + y->bias[i], biased(walk, i)->bias, biased(walk, i)->rows);
        }
    }
}

void layout_write(const Layout *y, const float *all, Model *m)
{
    for (int i = 0; i < y->n_norms; i++) {
        Norm *v = model_norm(m, i);
        copy(v->gamma, all + y->norm[i], v->n);
        if (y->beta[i]) {
            copy(v->beta, all + y->beta[i], v->n);
        }
    }
    for (int i = 0; i <= y->n_linears; i++) {
        if (y->bias[i]) {
            copy(biased(m, i)->bias, all + y->bias[i], biased(m, i)->rows);
        }
    }
}
