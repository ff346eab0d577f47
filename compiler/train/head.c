/* An encoder's heads over a sequence, and the chain rule through them. */
#include "train/head.h"

#include "train/loops.h"

#include <math.h>
#include <string.h>

HeadTrace *head_trace_new(Arena *a, const Network *n)
{
    const Model *m = n->model;
    const size_t size = (size_t)head_rows(m, n->max_tokens) * (size_t)m->dim;
    HeadTrace *t = NEW(a, HeadTrace, 1);
    if (m->dense.rows == 0) {
        return t;
    }
    t->dense = NEW(a, float, size);
    t->active = NEW(a, float, size);
    t->read = m->dense_norm.n > 0 ? NEW(a, float, size) : t->active;
    t->unit = NEW(a, float, size);
    t->inverse = NEW(a, float, n->max_tokens);
    t->ones = NEW(a, float, size);
    t->d_active = NEW(a, float, size);
    t->d_read = NEW(a, float, size);
    for (size_t i = 0; i < size; i++) {
        t->ones[i] = 1;
    }
    return t;
}

int head_rows(const Model *m, int n_tokens)
{
    return m->encoder && !model_each_token(m) ? 1 : n_tokens;
}

/* Tokens whose mean is the vector. */
static int pooled(const Model *m, int n_tokens)
{
    return m->pooling == POOL_MEAN ? n_tokens : 1;
}

static const Activation as_gate[DENSE_ACTIVATIONS] = {
    [DENSE_RELU] = ACT_RELU, [DENSE_GELU] = ACT_GELU, [DENSE_GELU_TANH] = ACT_GELU_TANH};

static void activate(const Model *m, HeadTrace *t, size_t n)
{
    if (m->dense_activation != DENSE_TANH) {
        loops()->gate[as_gate[m->dense_activation]](t->dense, t->ones, n, t->active);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        t->active[i] = (float)tanh((double)t->dense[i]);
    }
}

/* d_active -> the gradient of what the activation read, in `dense`. */
static void activate_back(const Model *m, HeadTrace *t, size_t n)
{
    if (m->dense_activation != DENSE_TANH) {
        loops()->gate_back[as_gate[m->dense_activation]](t->dense, t->ones, n, t->d_active);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        t->dense[i] = t->d_active[i] * (1 - t->active[i] * t->active[i]);
    }
}

static void multiply(const Network *n, const Linear *l, int i, const float *w, const float *x,
                     int rows, float *y)
{
    const float *bias = network_bias(n, i);
    multiply_forward(w, l->rows, l->cols, x, rows, false, y);
    for (int r = 0; bias && r < rows; r++) {
        loops()->add(bias, (size_t)l->rows, y + (size_t)r * (size_t)l->rows);
    }
}

static const Linear *matrix(const Model *m)
{
    return m->tied_head ? &m->embed : &m->head;
}

static void pool(const Model *m, const float *normed, int n_tokens, float *out)
{
    const size_t dim = (size_t)m->dim;
    const int n = pooled(m, n_tokens);
    memset(out, 0, dim * sizeof(float));
    for (int t = 0; t < n; t++) {
        loops()->add(normed + (size_t)t * dim, dim, out);
    }
    for (size_t i = 0; i < dim; i++) {
        out[i] /= (float)n;
    }
}

void head_forward(const Network *n, HeadTrace *t, const float *normed, int n_tokens, float *out)
{
    const Model *m = n->model;
    const int rows = head_rows(m, n_tokens);
    if (m->head_kind == HEAD_EMBED) {
        pool(m, normed, n_tokens, out);
        return;
    }
    if (m->dense.rows > 0) {
        multiply(n, &m->dense, model_dense_index(m), n->dense, normed, rows, t->dense);
        activate(m, t, (size_t)rows * (size_t)m->dim);
        if (m->dense_norm.n > 0) {
            network_norm_rows(n, network_final_norm(m) + 1, t->active, rows, t->read, t->unit,
                              t->inverse);
        }
    }
    multiply(n, matrix(m), network_head_bias(m), n->head, m->dense.rows > 0 ? t->read : normed,
             rows, out);
}

void exit_forward(const Network *n, int exit, const float *normed, int n_tokens, float *out)
{
    multiply(n, &n->model->exits[exit].head, model_exit_index(n->model, exit), n->exit[exit],
             normed, head_rows(n->model, n_tokens), out);
}

/* One linear: dx = or += */
static void linear_back(const Layout *y, const Linear *l, int i, int bias, const float *w,
                        const float *dy, const float *x, int rows, bool add, float *dx,
                        float *gradient)
{
    weight_gradient(dy, l->rows, x, l->cols, rows, gradient + y->linear[i]);
    if (y->bias[bias]) {
        bias_gradient(dy, l->rows, rows, gradient + y->bias[bias]);
    }
    input_gradient(w, l->rows, l->cols, dy, rows, add, dx);
}

/* d_read -> d_active. */
static void dense_norm_back(const Network *n, const Layout *y, HeadTrace *t, int rows,
                            float *gradient)
{
    const int dim = n->model->dim, norm = network_final_norm(n->model) + 1;
    const size_t bytes = (size_t)rows * (size_t)dim * sizeof(float);
    if (n->model->dense_norm.n == 0) {
        memcpy(t->d_active, t->d_read, bytes);
        return;
    }
    bias_gradient(t->d_read, dim, rows, gradient + y->beta[norm]);
    memset(t->d_active, 0, bytes);
    loops()->layer_norm_back(t->d_read, t->unit, t->inverse, n->gamma[norm], rows, dim, t->d_active,
                             gradient + y->norm[norm]);
}

void head_back(const Network *n, const Layout *y, HeadTrace *t, const float *normed, int n_tokens,
               const float *d_out, float *d_normed, float *gradient)
{
    const Model *m = n->model;
    const size_t dim = (size_t)m->dim;
    const int rows = head_rows(m, n_tokens), many = pooled(m, n_tokens);
    const bool dense = m->dense.rows > 0;
    memset(d_normed, 0, (size_t)n_tokens * dim * sizeof(float));
    if (m->head_kind == HEAD_EMBED) {
        for (size_t i = 0; i < (size_t)many * dim; i++) {
            d_normed[i] = d_out[i % dim] / (float)many;
        }
        return;
    }
    linear_back(y, matrix(m), model_head_index(m), network_head_bias(m), n->head, d_out,
                dense ? t->read : normed, rows, false, dense ? t->d_read : d_normed, gradient);
    if (dense) {
        dense_norm_back(n, y, t, rows, gradient);
        activate_back(m, t, (size_t)rows * dim);
        linear_back(y, &m->dense, model_dense_index(m), model_dense_index(m), n->dense, t->dense,
                    normed, rows, false, d_normed, gradient);
    }
}

void exit_back(const Network *n, const Layout *y, int exit, const float *normed, int n_tokens,
               const float *d_out, float *d_normed, float *gradient)
{
    const int i = model_exit_index(n->model, exit);
    linear_back(y, &n->model->exits[exit].head, i, i, n->exit[exit], d_out, normed,
                head_rows(n->model, n_tokens), true, d_normed, gradient);
}

/* With u = own / |own| and g = goal / |goal|: the gradient of -u.g is (u (u.g) - g) / |own|. */
double head_turn(float *own, const float *goal, int n, float weight)
{
    double squares = 0, goal_squares = 0, dot = 0;
    for (int i = 0; i < n; i++) {
        squares += (double)own[i] * (double)own[i];
        goal_squares += (double)goal[i] * (double)goal[i];
        dot += (double)own[i] * (double)goal[i];
    }
    const double length = sqrt(squares), goal_length = sqrt(goal_squares);
    if (length == 0 || goal_length == 0) { /* no direction to turn from, or to */
        memset(own, 0, (size_t)n * sizeof(float));
        return length == goal_length ? 0 : 1;
    }
    const double cosine = dot / (length * goal_length);
    for (int i = 0; i < n; i++) {
        const double turn = (double)own[i] / length * cosine - (double)goal[i] / goal_length;
        own[i] = (float)((double)weight * turn / length);
    }
    return 1 - cosine;
}
