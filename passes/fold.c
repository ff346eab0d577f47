/* Brings every import route to one Model: rope pairs become (i, i + head_dim / 2), which is what
 * the runtime rotates, and norm weights may move into the linears that read the normed vector.
 * Neither changes what the model computes. The result is kept as the unit's original. */
#include "pass.h"

#include <string.h>

/* Interleaved pairs (2i, 2i + 1) of each head become (i, i + head_dim / 2). Queries and keys move
 * alike, so their products stay. */
static void split_pairs(Arena *a, Linear *l, int n_heads, int head_dim)
{
    size_t cols = (size_t)l->cols, half = (size_t)head_dim / 2;
    size_t head = (size_t)head_dim * cols;
    float *old = NEW(a, float, head);
    for (int h = 0; h < n_heads; h++) {
        float *w = l->w + (size_t)h * head;
        memcpy(old, w, head * sizeof(float));
        for (size_t i = 0; i < half; i++) {
            memcpy(w + i * cols, old + 2 * i * cols, cols * sizeof(float));
            memcpy(w + (i + half) * cols, old + (2 * i + 1) * cols, cols * sizeof(float));
        }
    }
}

/* The same of one value a row: a bias, or the weights of a norm over one head. */
static void split_vector(Arena *a, float *v, int n_heads, int head_dim)
{
    Linear l = {.rows = n_heads * head_dim, .cols = 1, .w = v};
    if (v) {
        split_pairs(a, &l, n_heads, head_dim);
    }
}

static void scale_columns(Linear *l, const float *gamma)
{
    for (int r = 0; r < l->rows; r++) {
        for (int c = 0; c < l->cols; c++) {
            l->w[(size_t)r * (size_t)l->cols + (size_t)c] *= gamma[c];
        }
    }
}

/* W (n gamma + beta) = (W gamma) n + W beta: the second part is a bias. */
static void add_shift(Arena *a, Linear *l, const float *beta)
{
    if (!l->bias) {
        l->bias = NEW(a, float, l->rows);
    }
    for (int r = 0; r < l->rows; r++) {
        double sum = (double)l->bias[r];
        for (int c = 0; c < l->cols; c++) {
            sum += (double)l->w[(size_t)r * (size_t)l->cols + (size_t)c] * (double)beta[c];
        }
        l->bias[r] = (float)sum;
    }
}

static void fold_norm(Arena *a, Linear *l, const Norm *n)
{
    if (n->beta && l->rows > 0) {
        add_shift(a, l, n->beta);
    }
    scale_columns(l, n->gamma);
}

static void clear_norm(Norm *n)
{
    for (int i = 0; i < n->n; i++) {
        n->gamma[i] = 1;
        if (n->beta) {
            n->beta[i] = 0;
        }
    }
}

/* A tied head is also the embedding, which the norm must not touch; a head without a bias gets
 * none. */
static void fold_norms(Arena *a, Model *m)
{
    for (int l = 0; l < m->n_layers; l++) {
        Block *b = &m->blocks[l];
        for (int r = ROLE_Q; r <= ROLE_V; r++) {
            fold_norm(a, &b->linear[r], &b->attn_norm);
        }
        clear_norm(&b->attn_norm);
        for (int r = ROLE_GATE; r <= ROLE_UP; r++) {
            fold_norm(a, &b->linear[r], &b->mlp_norm);
        }
        clear_norm(&b->mlp_norm);
    }
    if (!m->tied_head && (m->head.bias || m->norm == NORM_RMS)) {
        fold_norm(a, &m->head, &m->final_norm);
        clear_norm(&m->final_norm);
    }
}

/* What the recipe asks for instead of what the model was trained with. */
static void set_activations(Model *m, const Recipe *r)
{
    const int bits = r->activations;
    if (bits == 0 || bits == m->activation_bits)
        return;
    if (r->recover_tokens == 0)
        warn("%s: activations: %d bits, but the model was trained for %d: what it gives will be of "
             "little use without recover",
             m->path, bits, m->activation_bits);
    m->activation_bits = bits;
}

/* A model with heads after its layers is the one without them until the recipe gives a threshold.
 */
static void keep_exits(Model *m, const Recipe *r)
{
    if (r->exit_threshold > 0 && m->n_exits == 0)
        fatal("%s: exits.threshold: no layer has a head of its own (exits.N.classifier): leave it "
              "out",
              m->path);
    if (!(r->exit_threshold > 0))
        m->n_exits = 0;
}

void pass_fold(Unit *u)
{
    Model *m = u->model;
    if (m->rope_interleaved) {
        Arena *scratch = arena_new();
        for (int l = 0; l < m->n_layers; l++) {
            Block *b = &m->blocks[l];
            split_pairs(scratch, &b->linear[ROLE_Q], b->n_heads, b->head_dim);
            split_pairs(scratch, &b->linear[ROLE_K], b->n_kv_heads, b->head_dim);
            split_vector(scratch, b->linear[ROLE_Q].bias, b->n_heads, b->head_dim);
            split_vector(scratch, b->linear[ROLE_K].bias, b->n_kv_heads, b->head_dim);
            split_vector(scratch, b->q_norm.gamma, 1, b->head_dim);
            split_vector(scratch, b->k_norm.gamma, 1, b->head_dim);
        }
        arena_free(scratch);
        m->rope_interleaved = false;
        m->hash = model_hash(m); /* of the same network, however it was stored */
    }
    if (u->recipe->fold_norms) {
        fold_norms(u->arena, m);
    }
    keep_exits(m, u->recipe);
    u->original = model_copy(u->arena, m);
    set_activations(m, u->recipe);
}
