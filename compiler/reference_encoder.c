/* The float forward pass of an encoder, a whole sequence at a time: plain loops, matmuls in float,
 * norms and softmax in double. Every token sees all of the sequence. */
#include "run.h"

#include <math.h>
#include <string.h>

struct EncoderReference {
    const Model *model;
    int most, n;          /* tokens: room, and of the sequence read last */
    const float **weight; /* of each linear, as model_linears numbers them */
    float *residual;      /* most x dim; after reading: the final norm of it */
    float *kept;          /* (n_layers + 1) x most x dim: after the embedding, after each layer */
    float *x;             /* most x dim: a norm's result */
    float *y;             /* most x dim: what a half block adds */
    float *q, *k, *v, *mixed; /* most x the widest heads */
    float *hidden;            /* most x the most neurons */
    double *score;            /* most */
    float *dense, *output;    /* dim; model_outputs */
};

static const float *dequantize(Arena *a, const Linear *l)
{
    if (l->format == FORMAT_FLOAT)
        return l->w;
    float *w = NEW(a, float, (size_t)l->rows *(size_t)l->cols);
    for (int r = 0; r < l->rows; r++)
        for (int c = 0; c < l->cols; c++)
            w[(size_t)r * (size_t)l->cols + (size_t)c] = linear_value(l, r, c);
    return w;
}

EncoderReference *encoder_reference_new(Arena *a, const Model *m, int max_tokens)
{
    EncoderReference *r = NEW(a, EncoderReference, 1);
    Model *walk = (Model *)(uintptr_t)m; /* only read */
    const size_t most = (size_t)max_tokens, dim = (size_t)m->dim;
    int heads = 0, neurons = 0, n = 0;
    for (int l = 0; l < m->n_layers; l++) {
        heads = larger(heads, m->blocks[l].n_heads * m->blocks[l].head_dim);
        neurons = larger(neurons, m->blocks[l].n_neurons);
    }
    while (model_linears(walk, n))
        n++;
    *r = (EncoderReference){.model = m, .most = max_tokens};
    r->weight = NEW(a, const float *, n);
    for (int i = 0; i < n; i++)
        r->weight[i] = dequantize(a, model_linears(walk, i));
    r->residual = NEW(a, float, most *dim);
    r->kept = NEW(a, float, (size_t)(m->n_layers + 1) * most * dim);
    r->x = NEW(a, float, most *dim);
    r->y = NEW(a, float, most *dim);
    r->q = NEW(a, float, most *(size_t)heads);
    r->k = NEW(a, float, most *(size_t)heads);
    r->v = NEW(a, float, most *(size_t)heads);
    r->mixed = NEW(a, float, most *(size_t)heads);
    r->hidden = NEW(a, float, most *(size_t)neurons);
    r->score = NEW(a, double, most);
    r->dense = NEW(a, float, dim);
    r->output = NEW(a, float, larger(model_outputs(m), m->dim));
    return r;
}

/* LayerNorm of one vector. */
static void norm(const Model *m, const Norm *v, const float *x, float *y)
{
    double mean = 0, squares = 0;
    for (int i = 0; i < v->n; i++)
        mean += (double)x[i] / v->n;
    for (int i = 0; i < v->n; i++)
        squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    const double scale = 1 / sqrt(squares / v->n + (double)m->norm_eps);
    for (int i = 0; i < v->n; i++)
        y[i] = (float)(((double)x[i] - mean) * scale * (double)v->gamma[i] + (double)v->beta[i]);
}

/* The norm of every token's residual stream -> x; where it comes after a half block, -> the stream
 * too. */
static void norm_all(EncoderReference *r, const Norm *v)
{
    const size_t dim = (size_t)r->model->dim;
    for (size_t i = 0; i < (size_t)r->n; i++)
        norm(r->model, v, r->residual + i * dim, r->x + i * dim);
    if (r->model->post_norm)
        memcpy(r->residual, r->x, (size_t)r->n * dim * sizeof(float));
}

static void project(const Linear *l, const float *w, const float *x, int n, float *y)
{
    matmul(w, l->rows, l->cols, x, n, y);
    for (int i = 0; i < n * l->rows && l->bias; i++)
        y[i] += l->bias[i % l->rows];
}

/* Roles that read one vector follow one another: what the first made of it stays as it is. */
static void project_role(EncoderReference *r, int layer, Role role, float *x, float *y)
{
    const Linear *l = &r->model->blocks[layer].linear[role];
    clip_input(l, x, r->n * l->cols);
    project(l, r->weight[model_linear_index(r->model, layer, role)], x, r->n, y);
}

/* softmax(q . keys / sqrt(head_dim)) . values of one head of one token; row: floats from one
 * token's keys to the next one's. */
static void attend(EncoderReference *r, const float *q, const float *keys, const float *values,
                   int head_dim, int row, float *out)
{
    double top = -INFINITY, total = 0;
    for (int t = 0; t < r->n; t++) {
        double sum = 0;
        for (int i = 0; i < head_dim; i++)
            sum += (double)q[i] * (double)keys[t * row + i];
        r->score[t] = sum / sqrt(head_dim);
        top = fmax(top, r->score[t]);
    }
    for (int t = 0; t < r->n; t++)
        total += r->score[t] = exp(r->score[t] - top);
    for (int i = 0; i < head_dim; i++) {
        double sum = 0;
        for (int t = 0; t < r->n; t++)
            sum += r->score[t] * (double)values[t * row + i];
        out[i] = (float)(sum / total);
    }
}

static void add(EncoderReference *r)
{
    for (size_t i = 0; i < (size_t)r->n * (size_t)r->model->dim; i++)
        r->residual[i] += r->y[i];
}

static void attention_half(EncoderReference *r, int layer)
{
    const Block *b = &r->model->blocks[layer];
    const int row = b->n_heads * b->head_dim, kv_row = b->n_kv_heads * b->head_dim;
    norm_all(r, &b->attn_norm);
    project_role(r, layer, ROLE_Q, r->x, r->q);
    project_role(r, layer, ROLE_K, r->x, r->k);
    project_role(r, layer, ROLE_V, r->x, r->v);
    for (int t = 0; t < r->n; t++)
        for (int h = 0; h < b->n_heads; h++)
            attend(r, r->q + t * row + h * b->head_dim, r->k + b->kv_of_head[h] * b->head_dim,
                   r->v + b->kv_of_head[h] * b->head_dim, b->head_dim, kv_row,
                   r->mixed + t * row + h * b->head_dim);
    project_role(r, layer, ROLE_O, r->mixed, r->y);
    add(r);
}

static double activate(Activation kind, double x)
{
    switch (kind) {
    case ACT_SILU: return x / (1 + exp(-x));
    case ACT_GELU_TANH:
        return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case ACT_GELU: return 0.5 * x * erfc(-x * 0.7071067811865476);
    case ACT_RELU: return fmax(x, 0);
    case ACT_RELU2: return x > 0 ? x * x : 0;
    case ACTIVATIONS: break;
    }
    die("encoder: activation %d", (int)kind);
}

static void mlp_half(EncoderReference *r, int layer)
{
    const Block *b = &r->model->blocks[layer];
    norm_all(r, &b->mlp_norm);
    project_role(r, layer, ROLE_UP, r->x, r->hidden);
    for (size_t i = 0; i < (size_t)r->n * (size_t)b->n_neurons; i++)
        r->hidden[i] = (float)activate(r->model->activation, (double)r->hidden[i]);
    project_role(r, layer, ROLE_DOWN, r->hidden, r->y);
    add(r);
}

static void keep(EncoderReference *r, int layer)
{
    const size_t dim = (size_t)r->model->dim;
    memcpy(r->kept + (size_t)(layer + 1) * (size_t)r->most * dim, r->residual,
           (size_t)r->n * dim * sizeof(float));
}

static void enter(EncoderReference *r, const int *tokens)
{
    const Model *m = r->model;
    if (model_reads_frames(m)) {
        if (r->n != m->context)
            die("encoder: %d tokens, of frames there are %d", r->n, m->context);
        frames_enter(m, r->weight[0], r->weight[model_patch_index(m)], m->patch.bias, tokens,
                     r->residual);
        return;
    }
    for (int t = 0; t < r->n; t++) {
        if (tokens[t] < 0 || tokens[t] >= m->vocab || t >= m->context)
            die("encoder: token %d of %d at %d", tokens[t], m->vocab, t);
        for (int i = 0; i < m->dim; i++)
            r->residual[t * m->dim + i] =
                linear_value(&m->embed, tokens[t], i) + linear_value(&m->positions, t, i);
    }
}

void encoder_reference_read(EncoderReference *r, const int *tokens, int n)
{
    encoder_reference_read_pair(r, tokens, n, n);
}

void encoder_reference_read_pair(EncoderReference *r, const int *tokens, int n, int second)
{
    const Model *m = r->model;
    if (n < 1 || n > r->most)
        die("encoder: %d tokens of %d", n, r->most);
    r->n = n;
    enter(r, tokens);
    for (int t = second; t < n && m->second; t++)
        for (int i = 0; i < m->dim; i++)
            r->residual[t * m->dim + i] += m->second[i];
    keep(r, -1);
    for (int l = 0; l < m->n_layers; l++) {
        attention_half(r, l);
        mlp_half(r, l);
        keep(r, l);
    }
    norm_all(r, &m->final_norm);
    memcpy(r->residual, r->x, (size_t)n * (size_t)m->dim * sizeof(float));
}

const float *encoder_reference_residual(const EncoderReference *r, int layer, int token)
{
    return r->kept +
           ((size_t)(layer + 1) * (size_t)r->most + (size_t)token) * (size_t)r->model->dim;
}

static double activate_dense(DenseActivation kind, double x)
{
    switch (kind) {
    case DENSE_TANH: return tanh(x);
    case DENSE_RELU: return activate(ACT_RELU, x);
    case DENSE_GELU: return activate(ACT_GELU, x);
    case DENSE_GELU_TANH: return activate(ACT_GELU_TANH, x);
    case DENSE_ACTIVATIONS: break;
    }
    die("encoder: dense activation %d", (int)kind);
}

/* The sequence's vector, of length 1. */
static void pool(EncoderReference *r)
{
    const int dim = r->model->dim, n = r->model->pooling == POOL_MEAN ? r->n : 1;
    double squares = 0;
    for (int i = 0; i < dim; i++) {
        double sum = 0;
        for (int t = 0; t < n; t++)
            sum += (double)r->residual[t * dim + i];
        r->output[i] = (float)(sum / n);
        squares += sum / n * (sum / n);
    }
    for (int i = 0; i < dim && squares > 0; i++)
        r->output[i] = (float)((double)r->output[i] / sqrt(squares));
}

const float *encoder_reference_exit(EncoderReference *r, int exit, int token)
{
    const Model *m = r->model;
    const Exit *e = &m->exits[exit];
    norm(m, &m->blocks[e->layer + 1].attn_norm, encoder_reference_residual(r, e->layer, token),
         r->dense);
    clip_input(&e->head, r->dense, m->dim);
    project(&e->head, r->weight[model_exit_index(m, exit)], r->dense, 1, r->output);
    return r->output;
}

const float *encoder_reference_output(EncoderReference *r, int token)
{
    const Model *m = r->model;
    const float *x = r->residual + (size_t)token * (size_t)m->dim;
    if (m->head_kind == HEAD_EMBED) {
        pool(r);
        return r->output;
    }
    if (m->dense.rows > 0) {
        memcpy(r->x, x, (size_t)m->dim * sizeof(float));
        clip_input(&m->dense, r->x, m->dim);
        project(&m->dense, r->weight[model_dense_index(m)], r->x, 1, r->dense);
        for (int i = 0; i < m->dim; i++)
            r->dense[i] = (float)activate_dense(m->dense_activation, (double)r->dense[i]);
        if (m->dense_norm.n > 0)
            norm(m, &m->dense_norm, r->dense, r->dense);
        x = r->dense;
    }
    const float *w = r->weight[model_head_index(m)];
    memcpy(r->x, x, (size_t)m->dim * sizeof(float));
    clip_input(m->tied_head ? &m->embed : &m->head, r->x, m->dim);
    matmul(w, model_outputs(m), m->dim, r->x, 1, r->output);
    for (int i = 0; i < model_outputs(m) && m->head.bias; i++)
        r->output[i] += m->head.bias[i];
    return r->output;
}

const float *encoder_reference_dense(const EncoderReference *r)
{
    return r->dense;
}
