/* The backward pass, layer by layer from the last, over what the forward pass kept. With y = x W^T:
 * dx = dy W and dW = dy^T x. */
#include "train/head.h"

#include "train/loops.h"

#include <math.h>
#include <string.h>

struct Trace {
    const Network *network;
    int n;
    const int *input;
    Activations **layer;
    float *residual;                /* n x dim; backward: its gradient */
    float *normed, *unit, *inverse; /* of the final norm */
    float *logits, *probability;
    HeadTrace *head; /* of an encoder, else NULL */
    float *patches;  /* of a model that reads frames: their bytes */
    float *after;    /* n_layers x n x dim, or NULL */
    float *d_after;  /* likewise */
    float *d_in;     /* n x dim: of a normed vector */
    float *d_wide;   /* n x the widest of mixed and gated */
    float *d_q, *d_k, *d_v, *dot;
    float *d_layer;  /* n x dim: of a layer's output; NULL where its halves are not parallel */
    float *d_normed; /* like d_wide; NULL without sub_norm */
    float *d_heads;  /* like the wider of q and k; NULL where heads have no norm */
};

Trace *trace_new(Arena *a, const Network *n)
{
    const Model *m = n->model;
    const size_t rows = (size_t)n->max_tokens;
    int q_dim = 0, kv_dim = 0, neurons = 0;
    Trace *t = NEW(a, Trace, 1);
    t->network = n;
    t->layer = NEW(a, Activations *, m->n_layers);
    for (int l = 0; l < m->n_layers; l++) {
        const Block *b = &m->blocks[l];
        t->layer[l] = activations_new(a, n, l, n->max_tokens, true);
        q_dim = larger(q_dim, b->n_heads * b->head_dim);
        kv_dim = larger(kv_dim, b->n_kv_heads * b->head_dim);
        neurons = larger(neurons, b->n_neurons);
    }
    t->residual = NEW(a, float, rows *(size_t)m->dim);
    t->normed = NEW(a, float, rows *(size_t)m->dim);
    t->unit = NEW(a, float, rows *(size_t)m->dim);
    t->inverse = NEW(a, float, rows);
    t->logits = NEW(a, float, rows *(size_t)model_outputs(m) * (size_t)(1 + m->n_exits));
    t->probability = NEW(a, float, model_outputs(m));
    t->head = m->encoder ? head_trace_new(a, n) : NULL;
    t->patches = model_reads_frames(m) ? NEW(a, float, model_inputs(m, 0)) : NULL;
    t->d_in = NEW(a, float, rows *(size_t)m->dim);
    t->d_wide = NEW(a, float, rows *(size_t)larger(q_dim, neurons));
    t->d_q = NEW(a, float, rows *(size_t)q_dim);
    t->d_k = NEW(a, float, rows *(size_t)kv_dim);
    t->d_v = NEW(a, float, rows *(size_t)kv_dim);
    t->d_layer = m->parallel ? NEW(a, float, rows *(size_t)m->dim) : NULL;
    t->d_normed = m->sub_norm ? NEW(a, float, rows *(size_t)larger(q_dim, neurons)) : NULL;
    t->d_heads = m->qk_norm ? NEW(a, float, rows *(size_t)larger(q_dim, kv_dim)) : NULL;
    t->dot = NEW(a, float, rows);
    return t;
}

static float *streams_new(Arena *a, const Network *n)
{
    return NEW(a, float, (size_t)n->model->n_layers *(size_t)n->max_tokens *(size_t)n->model->dim);
}

void trace_keep_layers(Arena *a, Trace *t)
{
    t->after = streams_new(a, t->network);
}

void trace_keep_gradients(Arena *a, Trace *t)
{
    t->d_after = streams_new(a, t->network);
}

static size_t stream_at(const Trace *t, int layer)
{
    return (size_t)layer * (size_t)t->n * (size_t)t->network->model->dim;
}

const float *trace_gradient(const Trace *t, int layer)
{
    return t->d_after + stream_at(t, layer);
}

float *trace_layer(Trace *t, int layer)
{
    return t->after + stream_at(t, layer);
}

float *trace_forward_to(Trace *t, const int *input, int n, int layer)
{
    const size_t bytes = (size_t)n * (size_t)t->network->model->dim * sizeof(float);
    t->n = n;
    t->input = input;
    network_enter(t->network, input, n, t->residual);
    for (int l = 0; l <= layer; l++) {
        network_layer(t->network, l, t->layer[l], t->residual, n);
        if (t->after) {
            memcpy(trace_layer(t, l), t->residual, bytes);
        }
    }
    return t->residual;
}

/* The logits of an exit stand after those before it. */
static float *exit_logits(const Trace *t, int exit)
{
    const Model *m = t->network->model;
    return t->logits + (size_t)(1 + exit) * (size_t)head_rows(m, t->n) * (size_t)model_outputs(m);
}

float *trace_forward(Trace *t, const int *input, int n)
{
    const Model *m = t->network->model;
    trace_forward_to(t, input, n, m->n_layers - 1);
    network_logits(t->network, t->residual, n, t->normed, t->unit, t->inverse, t->logits);
    if (t->head) {
        head_forward(t->network, t->head, t->normed, n, t->logits);
    }
    for (int e = 0; e < m->n_exits; e++) {
        exit_forward(t->network, e, t->layer[m->exits[e].layer + 1]->attn_in, n, exit_logits(t, e));
    }
    return t->logits;
}

double trace_distill(Trace *t, const float *goal, float weight, float exits)
{
    const Model *m = t->network->model;
    const size_t outputs = (size_t)model_outputs(m);
    double sum = 0;
    if (m->head_kind == HEAD_EMBED) {
        return head_turn(t->logits, goal, m->dim, weight);
    }
    const size_t rows = (size_t)head_rows(m, t->n);
    for (size_t i = 0; i < rows * (size_t)(1 + m->n_exits); i++) {
        const float share = i < rows ? 1 : exits;
        sum += (double)share * loops()->distill(t->logits + i * outputs, goal + i * outputs,
                                                (int)outputs, share * weight, t->probability);
    }
    return sum;
}

void input_gradient(const float *w, int rows, int cols, const float *dy, int n, bool add, float *dx)
{
    product(&(Product){.m = n,
                       .n = cols,
                       .k = rows,
                       .a = dy,
                       .a_row = rows,
                       .a_step = 1,
                       .b = w,
                       .b_step = cols,
                       .b_col = 1,
                       .c = dx,
                       .c_row = cols,
                       .add = add});
}

void weight_gradient(const float *dy, int rows, const float *x, int cols, int n, float *dw)
{
    product(&(Product){.m = rows,
                       .n = cols,
                       .k = n,
                       .a = dy,
                       .a_row = 1,
                       .a_step = rows,
                       .b = x,
                       .b_step = cols,
                       .b_col = 1,
                       .c = dw,
                       .c_row = cols,
                       .add = true});
}

void bias_gradient(const float *dy, int rows, int n, float *db)
{
    for (int i = 0; i < n; i++) {
        loops()->add(dy + (size_t)i * (size_t)rows, (size_t)rows, db);
    }
}

/* The straight-through estimator (Hubara and others, arXiv 1602.02830): y = m sign(x / s) with s
 * the root mean square is m x / s where |x| <= s, and constant beyond; m, the mean size, has its
 * exact gradient. */
void signs_back(const float *x, int n, int width, float *d)
{
    for (int t = 0; t < n; t++, x += width, d += width) {
        double size = 0, square = 1e-30, along = 0;
        for (int i = 0; i < width; i++) {
            const double v = (double)x[i];
            size += fabs(v) / width;
            square += v * v / width;
            along += (double)(v < 0 ? -d[i] : d[i]) / width;
        }
        const double slope = size / sqrt(square);
        for (int i = 0; i < width; i++) {
            const double v = (double)x[i];
            d[i] = (float)((v < 0 ? -along : along) + (v * v <= square ? slope * (double)d[i] : 0));
        }
    }
}

/* One linear: dW, db, and dx from dy. */
static void linear_back(Trace *t, const Layout *y, int layer, Role role, const float *dy,
                        const float *x, bool add, float *dx, float *gradient)
{
    const Model *m = t->network->model;
    const Linear *l = &m->blocks[layer].linear[role];
    const int i = model_linear_index(m, layer, role);
    weight_gradient(dy, l->rows, x, l->cols, t->n, gradient + y->linear[i]);
    if (y->bias[i]) {
        bias_gradient(dy, l->rows, t->n, gradient + y->bias[i]);
    }
    input_gradient(t->network->weight[layer * ROLES + (int)role], l->rows, l->cols, dy, t->n, add,
                   dx);
}

/* d_in is what a norm gave its readers; where it took the stream's place, the stream was one. */
static void norm_back(Trace *t, const Layout *y, int norm, const float *unit, const float *inverse,
                      float *gradient)
{
    const Model *m = t->network->model;
    const size_t n = (size_t)t->n * (size_t)m->dim;
    if (m->post_norm) {
        loops()->add(t->residual, n, t->d_in);
        memset(t->residual, 0, n * sizeof(float));
    }
    if (y->beta[norm]) {
        bias_gradient(t->d_in, m->dim, t->n, gradient + y->beta[norm]);
    }
    (m->norm == NORM_LAYER ? loops()->layer_norm_back : loops()->norm_back)(
        t->d_in, unit, inverse, t->network->gamma[norm], t->n, m->dim, t->residual,
        gradient + y->norm[norm]);
}

/* dy (n x width) in d_wide becomes the gradient of what a norm of all of it read. */
static void sub_norm_back(Trace *t, const Layout *y, int norm, const float *unit,
                          const float *inverse, int width, float *gradient)
{
    const size_t bytes = (size_t)t->n * (size_t)width * sizeof(float);
    memset(t->d_normed, 0, bytes);
    loops()->norm_back(t->d_wide, unit, inverse, t->network->gamma[norm], t->n, width, t->d_normed,
                       gradient + y->norm[norm]);
    memcpy(t->d_wide, t->d_normed, bytes);
}

static void mlp_back(Trace *t, const Layout *y, int layer, float *gradient)
{
    Activations *act = t->layer[layer];
    const Model *m = t->network->model;
    const size_t n = (size_t)t->n * (size_t)m->blocks[layer].n_neurons;
    linear_back(t, y, layer, ROLE_DOWN, t->residual, act->down_in, false, t->d_wide, gradient);
    if (act->down_raw) {
        signs_back(act->down_raw, t->n, m->blocks[layer].n_neurons, t->d_wide);
    }
    if (m->sub_norm) {
        sub_norm_back(t, y, network_norm(m, layer, NORM_DOWN), act->down_unit, act->down_inverse,
                      m->blocks[layer].n_neurons, gradient);
    }
    loops()->gate_back[m->activation](act->gate, act->up, n, t->d_wide);
    linear_back(t, y, layer, m->ungated ? ROLE_UP : ROLE_GATE, act->gate, act->mlp_in, false,
                t->d_in, gradient);
    if (!m->ungated) {
        linear_back(t, y, layer, ROLE_UP, t->d_wide, act->mlp_in, true, t->d_in, gradient);
    }
    if (act->mlp_raw) {
        signs_back(act->mlp_raw, t->n, m->dim, t->d_in);
    }
    norm_back(t, y, network_norm(t->network->model, layer, NORM_MLP), act->mlp_unit,
              act->mlp_inverse, gradient);
}

static void attention_head_back(Trace *t, int layer, int head)
{
    const Block *b = &t->network->model->blocks[layer];
    const Activations *act = t->layer[layer];
    const int at = head * b->head_dim, kv = b->kv_of_head[head] * b->head_dim;
    const int blocks = (t->n + QUERIES - 1) / QUERIES;
    const bool signs = act->o_raw && act->o_in == act->mixed; /* in the place of what was mixed */
    float *out = signs ? act->o_raw : act->mixed;
    const AttentionBack back = {
        .forward = {.n = t->n,
                    .all = t->network->model->encoder,
                    .head_dim = b->head_dim,
                    .window = b->window,
                    .scale = 1 / sqrtf((float)b->head_dim),
                    .q = act->q + at,
                    .k = act->k + kv,
                    .v = act->v + kv,
                    .q_row = (ptrdiff_t)b->n_heads * b->head_dim,
                    .kv_row = (ptrdiff_t)b->n_kv_heads * b->head_dim,
                    .out = out + at,
                    .total = act->total + (size_t)head * (size_t)t->network->max_tokens},
        .d_out = t->d_wide + at,
        .dot = t->dot,
        .d_q = t->d_q + at,
        .d_k = t->d_k + kv,
        .d_v = t->d_v + kv,
    };
    for (int i = 0; i < blocks; i++) {
        loops()->attend_back_queries(&back, i, act->scratch);
    }
    for (int i = 0; i < blocks; i++) {
        loops()->attend_back_keys(&back, i, act->scratch);
    }
}

/* dy (rows x head_dim) becomes the gradient of what the norm of each head read. */
static void head_norm_back(Trace *t, const Layout *y, int norm, const float *unit,
                           const float *inverse, int rows, int head_dim, float *dy, float *gradient)
{
    const size_t bytes = (size_t)rows * (size_t)head_dim * sizeof(float);
    memset(t->d_heads, 0, bytes);
    loops()->norm_back(dy, unit, inverse, t->network->gamma[norm], rows, head_dim, t->d_heads,
                       gradient + y->norm[norm]);
    memcpy(dy, t->d_heads, bytes);
}

/* What the head of an exit before this layer adds to d_in, which it reads too. */
static void exits_back(Trace *t, const Layout *y, int layer, float *gradient)
{
    const Model *m = t->network->model;
    for (int e = 0; e < m->n_exits; e++) {
        if (m->exits[e].layer == layer - 1) {
            exit_back(t->network, y, e, t->layer[layer]->attn_in, t->n, exit_logits(t, e), t->d_in,
                      gradient);
        }
    }
}

/* exits: those are part of the loss. */
static void attention_back(Trace *t, const Layout *y, int layer, bool exits, float *gradient)
{
    const Block *b = &t->network->model->blocks[layer];
    const Activations *act = t->layer[layer];
    const size_t kv = (size_t)t->n * (size_t)(b->n_kv_heads * b->head_dim);
    const Model *model = t->network->model;
    linear_back(t, y, layer, ROLE_O, model->parallel ? t->d_layer : t->residual, act->o_in, false,
                t->d_wide, gradient);
    if (act->o_raw) {
        signs_back(act->o_raw, t->n, b->n_heads * b->head_dim, t->d_wide);
    }
    if (model->sub_norm) {
        sub_norm_back(t, y, network_norm(model, layer, NORM_O), act->o_unit, act->o_inverse,
                      b->n_heads * b->head_dim, gradient);
    }
    memset(t->d_k, 0, kv * sizeof(float));
    memset(t->d_v, 0, kv * sizeof(float));
    for (int h = 0; h < b->n_heads; h++) {
        attention_head_back(t, layer, h);
    }
    network_rotate(t->network, layer, t->d_q, t->n, b->n_heads, -1);
    network_rotate(t->network, layer, t->d_k, t->n, b->n_kv_heads, -1);
    if (model->qk_norm) {
        head_norm_back(t, y, network_norm(model, layer, NORM_Q), act->q_unit, act->q_inverse,
                       t->n * b->n_heads, b->head_dim, t->d_q, gradient);
        head_norm_back(t, y, network_norm(model, layer, NORM_K), act->k_unit, act->k_inverse,
                       t->n * b->n_kv_heads, b->head_dim, t->d_k, gradient);
    }
    linear_back(t, y, layer, ROLE_Q, t->d_q, act->attn_in, false, t->d_in, gradient);
    linear_back(t, y, layer, ROLE_K, t->d_k, act->attn_in, true, t->d_in, gradient);
    linear_back(t, y, layer, ROLE_V, t->d_v, act->attn_in, true, t->d_in, gradient);
    if (act->attn_raw) {
        signs_back(act->attn_raw, t->n, model->dim, t->d_in);
    }
    if (exits) {
        exits_back(t, y, layer, gradient);
    }
    norm_back(t, y, network_norm(model, layer, NORM_ATTN), act->attn_unit, act->attn_inverse,
              gradient);
}

/* From the logits' gradient to d_in, that of what the final norm gave. */
static void logits_back(Trace *t, const Layout *y, float *gradient)
{
    const Model *m = t->network->model;
    if (t->head) {
        head_back(t->network, y, t->head, t->normed, t->n, t->logits, t->d_in, gradient);
        return;
    }
    const int bias = network_head_bias(m);
    weight_gradient(t->logits, m->vocab, t->normed, m->dim, t->n,
                    gradient + y->linear[model_head_index(m)]);
    if (y->bias[bias]) {
        bias_gradient(t->logits, m->vocab, t->n, gradient + y->bias[bias]);
    }
    input_gradient(t->network->head, m->vocab, m->dim, t->logits, t->n, false, t->d_in);
}

static void layer_back(Trace *t, const Layout *y, int layer, bool exits, float *gradient)
{
    const Model *m = t->network->model;
    if (m->parallel) {
        memcpy(t->d_layer, t->residual, (size_t)t->n * (size_t)m->dim * sizeof(float));
    }
    mlp_back(t, y, layer, gradient);
    attention_back(t, y, layer, exits, gradient);
}

void trace_backward_layer(Trace *t, const Layout *y, int layer, float *gradient)
{
    layer_back(t, y, layer, false, gradient);
}

/* t->residual is the gradient of what tokens were before the first layer. */
static void embed_back(Trace *t, const Layout *y, float *gradient)
{
    const Model *m = t->network->model;
    const size_t dim = (size_t)m->dim;
    for (int i = 0; i < t->n; i++) {
        const float *d = t->residual + (size_t)i * dim;
        loops()->add(d, dim, gradient + y->linear[0] + (size_t)t->input[i] * dim);
        if (m->position == POSITION_LEARNED) {
            loops()->add(d, dim,
                         gradient + y->linear[model_positions_index(m)] +
                             (size_t)smaller(i, m->context - 1) * dim);
        }
    }
}

/* The same where token i is row i of the embedding plus, after token 0, patch i - 1 times a matrix;
 * its bias is every token's. */
static void frames_back(Trace *t, const Layout *y, float *gradient)
{
    const Model *m = t->network->model;
    const int at = model_patch_index(m);
    for (int i = 0; i < model_inputs(m, t->n); i++) {
        t->patches[i] = (float)t->input[i];
    }
    loops()->add(t->residual, (size_t)t->n * (size_t)m->dim, gradient + y->linear[0]);
    bias_gradient(t->residual, m->dim, t->n, gradient + y->bias[at]);
    weight_gradient(t->residual + m->dim, m->dim, t->patches, m->patch.cols, t->n - 1,
                    gradient + y->linear[at]);
}

void trace_backward(Trace *t, const Layout *y, float *gradient)
{
    const Model *m = t->network->model;
    const size_t dim = (size_t)m->dim;
    logits_back(t, y, gradient);
    memset(t->residual, 0, (size_t)t->n * dim * sizeof(float)); /* from here on its gradient */
    norm_back(t, y, network_final_norm(m), t->unit, t->inverse, gradient);
    for (int l = m->n_layers - 1; l >= 0; l--) {
        if (t->after) {
            loops()->add(trace_layer(t, l), (size_t)t->n * dim, t->residual);
        }
        if (t->d_after) {
            memcpy(t->d_after + stream_at(t, l), t->residual, (size_t)t->n * dim * sizeof(float));
        }
        layer_back(t, y, l, true, gradient);
    }
    (model_reads_frames(m) ? frames_back : embed_back)(t, y, gradient);
}
