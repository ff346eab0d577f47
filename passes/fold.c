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

static void clear_gamma(Norm *n)
{
    for (int i = 0; i < n->n; i++) {
        n->gamma[i] = 1;
    }
}

static void fold_norms(Model *m)
{
    for (int l = 0; l < m->n_layers; l++) {
        Block *b = &m->blocks[l];
        scale_columns(&b->linear[ROLE_Q], b->attn_norm.gamma);
        scale_columns(&b->linear[ROLE_K], b->attn_norm.gamma);
        scale_columns(&b->linear[ROLE_V], b->attn_norm.gamma);
        clear_gamma(&b->attn_norm);
        scale_columns(&b->linear[ROLE_GATE], b->mlp_norm.gamma);
        scale_columns(&b->linear[ROLE_UP], b->mlp_norm.gamma);
        clear_gamma(&b->mlp_norm);
    }
    if (!m->tied_head) { /* a tied head is also the embedding, which the norm must not touch */
        scale_columns(&m->head, m->final_norm.gamma);
        clear_gamma(&m->final_norm);
    }
}

/* What the recipe asks for instead of what the model was trained with. */
static void set_activations(Model *m, int bits)
{
    if (bits == 0 || bits == m->activation_bits)
        return;
    warn("%s: activations: %d bits, but the model was trained for %d: what it gives will be of "
         "little use",
         m->path, bits, m->activation_bits);
    m->activation_bits = bits;
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
        fold_norms(m);
    }
    u->original = model_copy(u->arena, m);
    set_activations(m, u->recipe->activations);
}
