/* Small random models for unit tests, and the usual checks on them. */
#ifndef LMCC_TEST_TINY_MODEL_H
#define LMCC_TEST_TINY_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run.h"

#include "trap.h"

#include <math.h>
#include <string.h>

static uint32_t tiny_state = 1;

/* Roughly normal, mean 0, deviation 1: the sum of twelve uniform numbers. */
static inline float tiny_random(void)
{
    float sum = -6;
    for (int i = 0; i < 12; i++) {
        tiny_state = tiny_state * 1664525u + 1013904223u;
        sum += (float)(tiny_state >> 8) / 16777216.0f;
    }
    return sum;
}

static inline float *tiny_weights(Arena *a, int n, float mean, float deviation)
{
    float *w = NEW(a, float, n);
    for (int i = 0; i < n; i++) {
        w[i] = mean + deviation * tiny_random();
    }
    return w;
}

static inline void tiny_linear(Arena *a, Linear *l, int rows, int cols)
{
    l->rows = rows;
    l->cols = cols;
    l->w = tiny_weights(a, rows * cols, 0, 1.5f / sqrtf((float)cols));
}

/* 3 layers of 4 query heads on 2 kv heads, head_dim 6, dim 20, 10 neurons, 24 tokens. */
static inline Model *tiny_model(Arena *a, uint32_t seed, bool tied)
{
    tiny_state = seed;
    Model *m = NEW(a, Model, 1);
    *m = (Model){.family = "llama",
                 .path = "tiny",
                 .dim = 20,
                 .n_layers = 3,
                 .vocab = 24,
                 .context = 32,
                 .norm_eps = 1e-5f,
                 .activation_bits = 8,
                 .rope_theta = 10000,
                 .tied_head = tied};
    m->blocks = NEW(a, Block, m->n_layers);
    for (int l = 0; l < m->n_layers; l++) {
        Block *b = &m->blocks[l];
        *b = (Block){.n_heads = 4, .n_kv_heads = 2, .head_dim = 6, .n_neurons = 10};
        b->kv_of_head = NEW(a, int, 4);
        for (int h = 0; h < 4; h++) {
            b->kv_of_head[h] = h / 2;
        }
        b->attn_norm = (Norm){.n = 20, .gamma = tiny_weights(a, 20, 1, 0.3f)};
        b->mlp_norm = (Norm){.n = 20, .gamma = tiny_weights(a, 20, 1, 0.3f)};
        tiny_linear(a, &b->linear[ROLE_Q], 24, 20);
        tiny_linear(a, &b->linear[ROLE_K], 12, 20);
        tiny_linear(a, &b->linear[ROLE_V], 12, 20);
        tiny_linear(a, &b->linear[ROLE_O], 20, 24);
        tiny_linear(a, &b->linear[ROLE_GATE], 10, 20);
        tiny_linear(a, &b->linear[ROLE_UP], 10, 20);
        tiny_linear(a, &b->linear[ROLE_DOWN], 20, 10);
    }
    tiny_linear(a, &m->embed, 24, 20);
    m->final_norm = (Norm){.n = 20, .gamma = tiny_weights(a, 20, 1, 0.3f)};
    if (!tied) {
        tiny_linear(a, &m->head, 24, 20);
    }
    model_name_tensors(a, m);
    return m;
}

/* What the families have beside a llama: biases everywhere, norms of queries and keys, scaled
 * positions, GELU. */
static inline void tiny_extras(Arena *a, Model *m)
{
    static const float factors[] = {1, 1.5f, 8};
    m->qk_norm = true;
    m->activation = ACT_GELU_TANH;
    m->rope_factor = arena_copy(a, factors, 3, sizeof *factors);
    for (int l = 0; l < m->n_layers; l++) {
        Block *b = &m->blocks[l];
        b->q_norm = (Norm){.n = 6, .gamma = tiny_weights(a, 6, 1, 0.3f)};
        b->k_norm = (Norm){.n = 6, .gamma = tiny_weights(a, 6, 1, 0.3f)};
        for (int r = 0; r < ROLES; r++) {
            b->linear[r].bias = tiny_weights(a, b->linear[r].rows, 0, 0.3f);
        }
    }
    model_name_tensors(a, m);
}

static inline void tiny_shift(Arena *a, Norm *n)
{
    n->beta = tiny_weights(a, n->n, 0, 0.3f);
}

/* What GPT-2 and its kin have: LayerNorm, learned positions or, of some, none, an MLP without a
 * gate, biases everywhere. */
static inline void tiny_gpt(Arena *a, Model *m, Activation activation, PositionKind position)
{
    m->norm = NORM_LAYER;
    m->activation = activation;
    m->position = position;
    m->ungated = true;
    if (position == POSITION_LEARNED) {
        tiny_linear(a, &m->positions, m->context, m->dim);
    }
    for (int l = 0; l < m->n_layers; l++) {
        Block *b = &m->blocks[l];
        tiny_shift(a, &b->attn_norm);
        tiny_shift(a, &b->mlp_norm);
        b->linear[ROLE_GATE] = (Linear){.rows = 0};
        for (int r = 0; r < ROLES; r++) {
            b->linear[r].bias =
                b->linear[r].rows > 0 ? tiny_weights(a, b->linear[r].rows, 0, 0.3f) : NULL;
        }
    }
    tiny_shift(a, &m->final_norm);
    if (!m->tied_head) {
        m->head.bias = tiny_weights(a, m->vocab, 0, 0.3f);
    }
    model_name_tensors(a, m);
}

/* What else families have: halves side by side, a part of each head that turns, windows of some
 * layers, norms of what attn.o and mlp.down read. Of the last, integers know no signs. */
static inline void tiny_more(Arena *a, Model *m, bool sub_norm)
{
    m->parallel = true;
    m->rotary_pairs = m->position == POSITION_ROPE ? 2 : 0;
    m->sub_norm = sub_norm;
    m->blocks[1].window = 5;
    for (int l = 0; l < m->n_layers && sub_norm; l++) {
        Block *b = &m->blocks[l];
        b->o_norm = (Norm){.n = 24, .gamma = tiny_weights(a, 24, 1, 0.3f)};
        b->down_norm = (Norm){.n = 10, .gamma = tiny_weights(a, 10, 1, 0.3f)};
    }
    model_name_tensors(a, m);
}

/* What BERT and its kin have: norms after each half, positions, no gate, a head that says something
 * of the sequence or of each token. */
static inline void tiny_bert(Arena *a, Model *m, HeadKind head, bool dense)
{
    tiny_gpt(a, m, ACT_GELU, POSITION_LEARNED);
    m->family = "bert";
    m->encoder = m->post_norm = true;
    m->head_kind = head;
    if (dense) {
        tiny_linear(a, &m->dense, m->dim, m->dim);
        m->dense.bias = tiny_weights(a, m->dim, 0, 0.3f);
    }
    m->tied_head = head == HEAD_MASK || head == HEAD_EMBED;
    m->head = (Linear){.rows = 0};
    if (head == HEAD_MASK) {
        m->head = (Linear){.rows = m->vocab, .bias = tiny_weights(a, m->vocab, 0, 0.3f)};
        m->dense_norm = (Norm){.n = m->dim, .gamma = tiny_weights(a, m->dim, 1, 0.3f)};
        tiny_shift(a, &m->dense_norm);
    } else if (head != HEAD_EMBED) {
        tiny_linear(a, &m->head, 3, m->dim);
        m->head.bias = tiny_weights(a, 3, 0, 0.3f);
    }
    model_name_tensors(a, m);
}

/* Makes such a classifier read clips, 8 patches of 3 frames of 5 bytes. */
static inline void tiny_frames(Arena *a, Model *m)
{
    m->family = "keyword_transformer";
    m->position = POSITION_NONE;
    m->positions = (Linear){.rows = 0};
    m->vocab = m->context = 9;
    m->bands = 5;
    tiny_linear(a, &m->embed, 9, m->dim);
    tiny_linear(a, &m->patch, m->dim, 15);
    for (int i = 0; i < m->dim * 15; i++) {
        m->patch.w[i] /= 64;
    }
    m->patch.bias = tiny_weights(a, m->dim, 0, 0.3f);
    model_name_tensors(a, m);
}

/* Heads of its own after its first two layers. */
static inline void tiny_exits(Arena *a, Model *m)
{
    m->n_exits = 2;
    m->exits = NEW(a, Exit, 2);
    for (int i = 0; i < 2; i++) {
        m->exits[i].layer = i;
        tiny_linear(a, &m->exits[i].head, m->head.rows, m->dim);
        m->exits[i].head.bias = tiny_weights(a, m->head.rows, 0, 0.3f);
    }
    model_name_tensors(a, m);
}

/* Bytes of a clip of the frames above. */
static inline int tiny_byte(int i, int clip)
{
    return (i * i * 31 + i * clip) % 256 - 128;
}

static inline Unit tiny_unit(Arena *a, Model *m)
{
    return (Unit){.arena = a, .model = m, .recipe = recipe_default(a)};
}

/* A token sequence without a short period. */
static inline int tiny_token(int i)
{
    return (i * i * 7 + i * 3 + 5) % 24;
}

/* Both models say the same, to `tolerance`, over n tokens. */
static inline void assert_same_logits(Arena *a, const Model *x, const Model *y, int n,
                                      double tolerance)
{
    Reference *rx = reference_new(a, x, n, 0), *ry = reference_new(a, y, n, 0);
    for (int i = 0; i < n; i++) {
        const float *lx = reference_step(rx, tiny_token(i));
        const float *ly = reference_step(ry, tiny_token(i));
        for (int v = 0; v < x->vocab; v++) {
            if (!(fabs((double)lx[v] - (double)ly[v]) <= tolerance)) {
                fail_msg("token %d logit %d: %g and %g", i, v, (double)lx[v], (double)ly[v]);
            }
        }
    }
}

#endif
