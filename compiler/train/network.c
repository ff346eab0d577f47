/* The forward pass over a whole document: matrix products over all its tokens, attention by blocks
 * of 16 queries. */
#include "train/network.h"

#include "run.h"
#include "train/loops.h"

#include <math.h>
#include <string.h>

/* Angles of the reference. */
static void make_angles(Arena *a, Network *n, int layer)
{
    const Model *m = n->model;
    const int head_dim = m->blocks[layer].head_dim, half = head_dim / 2;
    if (layer > 0 && m->blocks[layer - 1].head_dim == head_dim) {
        n->cosine[layer] = n->cosine[layer - 1];
        n->sine[layer] = n->sine[layer - 1];
        return;
    }
    n->cosine[layer] = NEW(a, float, (size_t)n->max_tokens *(size_t)half);
    n->sine[layer] = NEW(a, float, (size_t)n->max_tokens *(size_t)half);
    for (int i = 0; i < half; i++) {
        const double speed = model_frequency(m, i);
        for (int pos = 0; pos < n->max_tokens; pos++) {
            n->cosine[layer][(size_t)pos * (size_t)half + (size_t)i] = (float)cos(pos * speed);
            n->sine[layer][(size_t)pos * (size_t)half + (size_t)i] = (float)sin(pos * speed);
        }
    }
}

int network_norm(const Model *m, int layer, NormPlace place)
{
    return model_norm_index(m, layer, (int)place);
}

int network_final_norm(const Model *m)
{
    return network_norm(m, m->n_layers, NORM_ATTN);
}

Network *network_new(Arena *a, const Model *m, int max_tokens)
{
    if (max_tokens < 1) {
        die("network: %d tokens", max_tokens);
    }
    Network *n = NEW(a, Network, 1);
    n->model = m;
    n->max_tokens = max_tokens;
    n->weight = NEW(a, const float *, (size_t)m->n_layers *ROLES);
    n->gamma = NEW(a, const float *, model_norms(m));
    n->exit = m->n_exits > 0 ? NEW(a, const float *, m->n_exits) : NULL;
    n->cosine = NEW(a, float *, m->n_layers);
    n->sine = NEW(a, float *, m->n_layers);
    for (int l = 0; l < m->n_layers && m->position == POSITION_ROPE; l++) {
        make_angles(a, n, l);
    }
    return n;
}

const float *network_read(Arena *a, const Linear *l, float **room)
{
    if (l->format == FORMAT_FLOAT || l->rows == 0) {
        return l->w;
    }
    const size_t cols = (size_t)l->cols;
    if (!*room) {
        *room = NEW(a, float, (size_t)l->rows *cols);
    }
    float value[256];
    for (int code = 0; code < 256; code++) {
        const bool used =
            l->format == FORMAT_INT8 || code < (l->format == FORMAT_PLANES ? 1 << l->planes : 3);
        value[code] = used ? (float)linear_code_value(l, code) : 0;
    }
    for (int r = 0; r < l->rows; r++) {
        const float scale = (float)(linear_gain(l) * ldexp(l->scale[r], l->scale_exp));
        for (size_t i = (size_t)r * cols; i < ((size_t)r + 1) * cols; i++) {
            (*room)[i] = scale * value[l->code[i]];
        }
    }
    return *room;
}

Network *network_of_model(Arena *a, const Model *m, int max_tokens)
{
    Network *n = network_new(a, m, max_tokens);
    Model *walk = (Model *)(uintptr_t)m; /* only read */
    float *room = NULL;
    n->embed = network_read(a, &m->embed, &room);
    room = NULL;
    n->head = m->tied_head ? n->embed : network_read(a, &m->head, &room);
    room = NULL;
    if (m->position == POSITION_LEARNED) {
        n->positions = network_read(a, &m->positions, &room);
    }
    for (int i = 0; i < m->n_layers * ROLES; i++) {
        room = NULL;
        n->weight[i] = network_read(a, &m->blocks[i / ROLES].linear[i % ROLES], &room);
    }
    if (m->dense.rows > 0) {
        room = NULL;
        n->dense = network_read(a, &m->dense, &room);
    }
    if (model_reads_frames(m)) {
        room = NULL;
        n->patch = network_read(a, &m->patch, &room);
    }
    for (int i = 0; i < m->n_exits; i++) {
        room = NULL;
        n->exit[i] = network_read(a, &m->exits[i].head, &room);
    }
    for (int i = 0; i < model_norms(m); i++) {
        n->gamma[i] = model_norm(walk, i)->gamma;
    }
    return n;
}

Activations *activations_new(Arena *a, const Network *n, int layer, int n_rows, bool keep)
{
    const Model *m = n->model;
    int q_dim = 0, kv_dim = 0, neurons = 0, heads = 0, kv_heads = 0, head_dim = 0;
    for (int l = layer < 0 ? 0 : layer; l < (layer < 0 ? m->n_layers : layer + 1); l++) {
        const Block *b = &m->blocks[l];
        q_dim = larger(q_dim, b->n_heads * b->head_dim);
        kv_dim = larger(kv_dim, b->n_kv_heads * b->head_dim);
        neurons = larger(neurons, b->n_neurons);
        heads = larger(heads, b->n_heads);
        kv_heads = larger(kv_heads, b->n_kv_heads);
        head_dim = larger(head_dim, b->head_dim);
    }
    const size_t rows = (size_t)n_rows, dim = (size_t)m->dim;
    Activations *t = NEW(a, Activations, 1);
    t->attn_in = NEW(a, float, rows *dim);
    t->mlp_in = NEW(a, float, rows *dim);
    t->q = NEW(a, float, rows *(size_t)q_dim);
    t->k = NEW(a, float, rows *(size_t)kv_dim);
    t->v = NEW(a, float, rows *(size_t)kv_dim);
    t->mixed = NEW(a, float, rows *(size_t)q_dim);
    t->gate = NEW(a, float, rows *(size_t)neurons);
    t->up = NEW(a, float, rows *(size_t)neurons);
    t->gated = NEW(a, float, rows *(size_t)neurons);
    for (size_t i = 0; m->ungated && i < rows * (size_t)neurons; i++) {
        t->up[i] = 1;
    }
    t->scratch_size = ((keep ? 2 : 1) * rows + 4 * (size_t)head_dim) * QUERIES;
    t->scratch = NEW(a, float, t->scratch_size *ATTENTION_SHARES);
    if (keep) {
        t->attn_unit = NEW(a, float, rows *dim);
        t->attn_inverse = NEW(a, float, rows);
        t->mlp_unit = NEW(a, float, rows *dim);
        t->mlp_inverse = NEW(a, float, rows);
        t->total = NEW(a, float, rows *(size_t)heads);
    }
    t->o_in = t->mixed;
    t->down_in = t->gated;
    if (m->sub_norm) {
        t->o_in = NEW(a, float, rows *(size_t)q_dim);
        t->down_in = NEW(a, float, rows *(size_t)neurons);
    }
    if (keep && m->activation_bits == 1) {
        t->attn_raw = NEW(a, float, rows *dim);
        t->o_raw = NEW(a, float, rows *(size_t)q_dim);
        t->mlp_raw = NEW(a, float, rows *dim);
        t->down_raw = NEW(a, float, rows *(size_t)neurons);
    }
    if (keep && m->sub_norm) {
        t->o_unit = NEW(a, float, rows *(size_t)q_dim);
        t->o_inverse = NEW(a, float, rows);
        t->down_unit = NEW(a, float, rows *(size_t)neurons);
        t->down_inverse = NEW(a, float, rows);
    }
    if (keep && m->qk_norm) {
        t->q_unit = NEW(a, float, rows *(size_t)q_dim);
        t->q_inverse = NEW(a, float, rows *(size_t)heads);
        t->k_unit = NEW(a, float, rows *(size_t)kv_dim);
        t->k_inverse = NEW(a, float, rows *(size_t)kv_heads);
    }
    return t;
}

void multiply_forward(const float *w, int rows, int cols, const float *x, int n, bool add, float *y)
{
    product(&(Product){.m = n,
                       .n = rows,
                       .k = cols,
                       .a = x,
                       .a_row = cols,
                       .a_step = 1,
                       .b = w,
                       .b_step = 1,
                       .b_col = cols,
                       .c = y,
                       .c_row = rows,
                       .add = add});
}

void network_rotate_row(const Network *n, int layer, float *x, int pos, int n_heads,
                        float direction)
{
    const int head_dim = n->model->blocks[layer].head_dim, half = head_dim / 2;
    const bool interleaved = n->model->rope_interleaved;
    const float *c = n->cosine[layer] + (size_t)pos * (size_t)half;
    const float *s = n->sine[layer] + (size_t)pos * (size_t)half;
    for (int h = 0; h < n_heads; h++, x += head_dim) {
        for (int i = 0; i < half; i++) {
            float *p = x + (interleaved ? 2 * i : i), *q = interleaved ? p + 1 : p + half;
            const float a = *p, b = *q, sine = direction * s[i];
            *p = a * c[i] - b * sine;
            *q = a * sine + b * c[i];
        }
    }
}

void network_rotate(const Network *n, int layer, float *x, int n_tokens, int n_heads,
                    float direction)
{
    const ptrdiff_t row = (ptrdiff_t)n_heads * n->model->blocks[layer].head_dim;
    for (int pos = 0; pos < n_tokens && n->cosine[layer]; pos++) {
        network_rotate_row(n, layer, x + pos * row, pos, n_heads, direction);
    }
}

/* A head's block of queries. */
static void attend_block(const Network *net, const Block *b, Activations *t, int n, int head,
                         int block, float *scratch)
{
    const int kv = b->kv_of_head[head] * b->head_dim;
    const Attention with = {
        .n = n,
        .all = net->model->encoder,
        .head_dim = b->head_dim,
        .window = b->window,
        .scale = 1 / sqrtf((float)b->head_dim),
        .q = t->q + head * b->head_dim,
        .k = t->k + kv,
        .v = t->v + kv,
        .q_row = (ptrdiff_t)b->n_heads * b->head_dim,
        .kv_row = (ptrdiff_t)b->n_kv_heads * b->head_dim,
        .out = t->mixed + head * b->head_dim,
        .total = t->total ? t->total + (size_t)head * (size_t)net->max_tokens : NULL,
    };
    loops()->attend(&with, block, scratch);
}

static void attend(const Network *net, const Block *b, Activations *t, int n)
{
    const int blocks = (n + QUERIES - 1) / QUERIES;
    const int64_t work = (int64_t)b->n_heads * n * n * b->head_dim;
#pragma omp parallel for if (work >= 1 << 25)
    for (int share = 0; share < ATTENTION_SHARES; share++) {
        for (int i = share; i < b->n_heads * blocks; i += ATTENTION_SHARES) {
            attend_block(net, b, t, n, i % b->n_heads, i / b->n_heads,
                         t->scratch + (size_t)share * t->scratch_size);
        }
    }
}

void network_embed(const Network *n, const int *tokens, const int *at, int n_tokens,
                   float *residual)
{
    const size_t dim = (size_t)n->model->dim;
    const int last = n->model->context - 1;
    if (n_tokens < 0 || n_tokens > n->max_tokens) {
        die("network: %d tokens of %d", n_tokens, n->max_tokens);
    }
    for (int i = 0; i < n_tokens; i++) {
        if (tokens[i] < 0 || tokens[i] >= n->model->vocab) {
            die("network: token %d of %d", tokens[i], n->model->vocab);
        }
        memcpy(residual + (size_t)i * dim, n->embed + (size_t)tokens[i] * dim, dim * sizeof(float));
        if (n->positions) {
            loops()->add(n->positions + (size_t)smaller(at ? at[i] : i, last) * dim, dim,
                         residual + (size_t)i * dim);
        }
    }
}

void network_enter(const Network *n, const int *input, int n_tokens, float *residual)
{
    const Model *m = n->model;
    if (!model_reads_frames(m)) {
        network_embed(n, input, NULL, n_tokens, residual);
        return;
    }
    if (n_tokens != m->context || n_tokens > n->max_tokens) {
        die("network: %d tokens, of frames there are %d", n_tokens, m->context);
    }
    frames_enter(m, n->embed, n->patch, network_bias(n, model_patch_index(m)), input, residual);
}

int network_head_bias(const Model *m)
{
    Model *walk = (Model *)(uintptr_t)m; /* only read */
    int past = 0;
    while (m->tied_head && model_linears(walk, past)) {
        past++;
    }
    return m->tied_head ? past : model_head_index(m);
}

const float *network_bias(const Network *n, int i)
{
    const Model *m = n->model;
    const Linear *l = model_linears((Model *)(uintptr_t)m, i); /* only read */
    const float *own = l ? l->bias : m->tied_head ? m->head.bias : NULL;
    return own && n->bias ? n->bias[i] : own;
}

/* y (n_tokens x rows) = x W^T + bias of a linear of a layer, or y += */
static void project(const Network *n, int layer, Role role, const float *x, int n_tokens, bool add,
                    float *y)
{
    const Linear *l = &n->model->blocks[layer].linear[role];
    multiply_forward(n->weight[layer * ROLES + (int)role], l->rows, l->cols, x, n_tokens, add, y);
    const float *bias = l->bias ? network_bias(n, model_linear_index(n->model, layer, role)) : NULL;
    for (int i = 0; bias && i < n_tokens; i++) {
        loops()->add(bias, (size_t)l->rows, y + (size_t)i * (size_t)l->rows);
    }
}

/* What a linear of a layer reads, n_tokens x its columns: of a model with binary activations their
 * signs. `raw`, unless NULL, is what it was. */
static void read_rows(const Network *n, int layer, Role role, float *x, int n_tokens, float *raw)
{
    const Linear *l = &n->model->blocks[layer].linear[role];
    if (raw) {
        memcpy(raw, x, (size_t)n_tokens * (size_t)l->cols * sizeof(float));
    }
    for (int i = 0; i < n_tokens; i++) {
        read_input(n->model, l, x + (size_t)i * (size_t)l->cols, l->cols);
    }
}

void network_norm_rows(const Network *n, int i, const float *x, int n_tokens, float *y, float *unit,
                       float *inverse)
{
    const Model *m = n->model;
    const float *own = model_norm((Model *)(uintptr_t)m, i)->beta; /* only read */
    const float *beta = own && n->beta ? n->beta[i] : own;
    if (beta) {
        loops()->layer_norm(x, n->gamma[i], beta, m->norm_eps, n_tokens, m->dim, y, unit, inverse);
    } else {
        loops()->norm(x, n->gamma[i], m->norm_eps, n_tokens, m->dim, y, unit, inverse);
    }
}

/* Where norms come after half a block their result is what the stream goes on with. */
static void replace_stream(const Network *n, const float *normed, int n_tokens, float *residual)
{
    if (n->model->post_norm) {
        memcpy(residual, normed, (size_t)n_tokens * (size_t)n->model->dim * sizeof(float));
    }
}

void network_read_attention(const Network *n, int layer, Activations *t, const float *residual,
                            int n_tokens)
{
    const Model *m = n->model;
    const Block *b = &m->blocks[layer];
    network_norm_rows(n, network_norm(m, layer, NORM_ATTN), residual, n_tokens, t->attn_in,
                      t->attn_unit, t->attn_inverse);
    if (m->parallel) {
        network_norm_rows(n, network_norm(m, layer, NORM_MLP), residual, n_tokens, t->mlp_in,
                          t->mlp_unit, t->mlp_inverse);
    }
    read_rows(n, layer, ROLE_Q, t->attn_in, n_tokens, t->attn_raw);
    project(n, layer, ROLE_Q, t->attn_in, n_tokens, false, t->q);
    project(n, layer, ROLE_K, t->attn_in, n_tokens, false, t->k);
    project(n, layer, ROLE_V, t->attn_in, n_tokens, false, t->v);
    if (m->qk_norm) { /* each head is a row */
        loops()->norm(t->q, n->gamma[network_norm(m, layer, NORM_Q)], m->norm_eps,
                      n_tokens * b->n_heads, b->head_dim, t->q, t->q_unit, t->q_inverse);
        loops()->norm(t->k, n->gamma[network_norm(m, layer, NORM_K)], m->norm_eps,
                      n_tokens * b->n_kv_heads, b->head_dim, t->k, t->k_unit, t->k_inverse);
    }
}

void network_finish_layer(const Network *n, int layer, Activations *t, float *residual,
                          int n_tokens)
{
    const Model *m = n->model;
    const Block *b = &m->blocks[layer];
    if (m->sub_norm) {
        loops()->norm(t->mixed, n->gamma[network_norm(m, layer, NORM_O)], m->norm_eps, n_tokens,
                      b->n_heads * b->head_dim, t->o_in, t->o_unit, t->o_inverse);
    }
    read_rows(n, layer, ROLE_O, t->o_in, n_tokens, t->o_raw);
    project(n, layer, ROLE_O, t->o_in, n_tokens, true, residual);
    if (!m->parallel) {
        network_norm_rows(n, network_norm(m, layer, NORM_MLP), residual, n_tokens, t->mlp_in,
                          t->mlp_unit, t->mlp_inverse);
    }
    replace_stream(n, t->mlp_in, n_tokens, residual);
    read_rows(n, layer, ROLE_UP, t->mlp_in, n_tokens, t->mlp_raw);
    if (m->ungated) {
        project(n, layer, ROLE_UP, t->mlp_in, n_tokens, false, t->gate);
    } else {
        project(n, layer, ROLE_GATE, t->mlp_in, n_tokens, false, t->gate);
        project(n, layer, ROLE_UP, t->mlp_in, n_tokens, false, t->up);
    }
    loops()->gate[m->activation](t->gate, t->up, (size_t)n_tokens * (size_t)b->n_neurons, t->gated);
    if (m->sub_norm) {
        loops()->norm(t->gated, n->gamma[network_norm(m, layer, NORM_DOWN)], m->norm_eps, n_tokens,
                      b->n_neurons, t->down_in, t->down_unit, t->down_inverse);
    }
    read_rows(n, layer, ROLE_DOWN, t->down_in, n_tokens, t->down_raw);
    project(n, layer, ROLE_DOWN, t->down_in, n_tokens, true, residual);
}

void network_layer(const Network *n, int layer, Activations *t, float *residual, int n_tokens)
{
    const Block *b = &n->model->blocks[layer];
    network_read_attention(n, layer, t, residual, n_tokens);
    replace_stream(n, t->attn_in, n_tokens, residual);
    network_rotate(n, layer, t->q, n_tokens, b->n_heads, 1);
    network_rotate(n, layer, t->k, n_tokens, b->n_kv_heads, 1);
    attend(n, b, t, n_tokens);
    network_finish_layer(n, layer, t, residual, n_tokens);
}

void network_logits(const Network *n, const float *residual, int n_tokens, float *normed,
                    float *unit, float *inverse, float *logits)
{
    const Model *m = n->model;
    network_norm_rows(n, network_final_norm(m), residual, n_tokens, normed, unit, inverse);
    if (m->encoder) {
        return; /* what its heads make of it is no logits of next tokens */
    }
    for (int i = 0; i < n_tokens; i++) {
        clip_input(m->tied_head ? &m->embed : &m->head, normed + (size_t)i * (size_t)m->dim,
                   m->dim);
    }
    multiply_forward(n->head, m->vocab, m->dim, normed, n_tokens, false, logits);
    const float *bias = network_bias(n, network_head_bias(m));
    for (int i = 0; bias && i < n_tokens; i++) {
        loops()->add(bias, (size_t)m->vocab, logits + (size_t)i * (size_t)m->vocab);
    }
}
