/* The frame of a Model, alike for every file format: sizes that go together, named tensors
 * without weights, and the finish once the weights are in. */
#include "import.h"

#include <math.h>

static void check_shape(const char *path, const Shape *s)
{
    if (s->n_heads % s->n_kv_heads)
        fatal("%s: %d attention heads: not a multiple of the %d kv heads", path, s->n_heads,
              s->n_kv_heads);
    if (s->head_dim % 2 && !s->learned)
        fatal("%s: head size %d: rotary positions need an even one", path, s->head_dim);
}

static void set_linear(Linear *l, int rows, int cols)
{
    l->rows = rows;
    l->cols = cols;
    l->format = FORMAT_FLOAT;
}

static void set_block(Arena *a, Block *b, const Shape *s)
{
    int q = s->n_heads * s->head_dim, kv = s->n_kv_heads * s->head_dim;
    b->n_heads = s->n_heads;
    b->n_kv_heads = s->n_kv_heads;
    b->head_dim = s->head_dim;
    b->n_neurons = s->n_neurons;
    b->kv_of_head = NEW(a, int, s->n_heads);
    for (int h = 0; h < s->n_heads; h++)
        b->kv_of_head[h] = h / (s->n_heads / s->n_kv_heads);
    b->attn_norm.n = b->mlp_norm.n = s->dim;
    b->q_norm.n = b->k_norm.n = s->head_dim;
    set_linear(&b->linear[ROLE_Q], q, s->dim);
    set_linear(&b->linear[ROLE_K], kv, s->dim);
    set_linear(&b->linear[ROLE_V], kv, s->dim);
    set_linear(&b->linear[ROLE_O], s->dim, q);
    set_linear(&b->linear[ROLE_GATE], s->n_neurons, s->dim);
    set_linear(&b->linear[ROLE_UP], s->n_neurons, s->dim);
    set_linear(&b->linear[ROLE_DOWN], s->dim, s->n_neurons);
}

Model *new_model(Arena *a, const char *path, const char *family, const Shape *s)
{
    check_shape(path, s);
    Model *m = NEW(a, Model, 1);
    m->family = family;
    m->path = path;
    m->dim = s->dim;
    m->n_layers = s->n_layers;
    m->vocab = s->vocab;
    m->context = s->context;
    m->activation_bits = 8;
    m->rope_theta = 1e4f;
    m->blocks = NEW(a, Block, s->n_layers);
    for (int i = 0; i < s->n_layers; i++)
        set_block(a, &m->blocks[i], s);
    set_linear(&m->embed, s->vocab, s->dim);
    set_linear(&m->head, s->vocab, s->dim);
    m->final_norm.n = s->dim;
    model_name_tensors(a, m);
    return m;
}

void set_ungated(Model *m)
{
    m->ungated = true;
    for (int i = 0; i < m->n_layers; i++)
        m->blocks[i].linear[ROLE_GATE].rows = 0;
}

void set_sub_norms(Model *m)
{
    m->sub_norm = true;
    for (int i = 0; i < m->n_layers; i++) {
        Block *b = &m->blocks[i];
        b->o_norm.n = b->n_heads * b->head_dim;
        b->down_norm.n = b->n_neurons;
    }
}

void set_learned_positions(Model *m)
{
    m->position = POSITION_LEARNED;
    set_linear(&m->positions, m->context, m->dim);
}

static void divide(float *v, size_t n, float by)
{
    for (size_t i = 0; i < n && v; i++)
        v[i] /= by;
}

void divide_residual(Model *m, float s)
{
    for (int i = 0; i < m->n_layers; i++) {
        Linear *const writes[] = {&m->blocks[i].linear[ROLE_O], &m->blocks[i].linear[ROLE_DOWN]};
        for (size_t k = 0; k < LENGTH(writes); k++) {
            divide(writes[k]->w, (size_t)writes[k]->rows * (size_t)writes[k]->cols, s);
            divide(writes[k]->bias, (size_t)writes[k]->rows, s);
        }
    }
    m->norm_eps /= s * s;
}

void check_finite(const char *path, const char *tensor, const float *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(w[i]))
            fatal("%s: tensor %s: element %zu is %s: every weight must be finite", path, tensor, i,
                  isnan(w[i]) ? "NaN" : "infinite");
}

void finish_model(Arena *a, Model *m, const char *tokenizer_path)
{
    m->hash = model_hash(m);
    m->tokenizer = find_tokenizer(a, m->path, tokenizer_path, m->vocab);
}
