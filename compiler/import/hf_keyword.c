/* The Keyword Transformer (Berg, O'Connor and Cruz 2021, arXiv 2104.00769) in the layout that
 * docs/formats.md states: patches of frames, a class token, learned positions, then the layers of a
 * BERT, or with norm_first those of a vision transformer. What is added to a token whatever it
 * hears, position, class token and all, becomes a row of `embed`. */
#include "import.h"

#include <string.h>

typedef struct Import {
    Arena *arena;
    const HfCheckpoint *c;
    Model *model;
    bool norm_first; /* norms before each half of a layer, not after */
} Import;

static const HfFixed fixed[] = {
    {"problem_type", "\"single_label_classification\"",
     "supported: \"single_label_classification\""},
    {NULL, NULL, NULL},
};

static const char *const known[] = {
    "num_bands",
    "num_frames",
    "patch_frames",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "layer_norm_eps",
    "norm_first",
    "attention_probs_dropout_prob",
    "hidden_dropout_prob",
    "num_labels",
    NULL,
};

static Shape read_shape(const HfCheckpoint *c, int *bands, int *patch)
{
    const char *p = c->config_path;
    const json_t *j = c->config;
    const int frames = need_int(p, j, "num_frames", 1, MAX_FRAMES);
    *bands = need_int(p, j, "num_bands", 1, MAX_FRAME_BYTES);
    *patch = need_int(p, j, "patch_frames", 1, frames);
    if (frames % *patch)
        fatal("%s: patch_frames: %d: num_frames (%d) must be so many times a whole number", p,
              *patch, frames);
    if (*patch > MAX_PATCH_BYTES / *bands)
        fatal("%s: patch_frames: %d: of %d bands each: a patch has at most %d bytes", p, *patch,
              *bands, MAX_PATCH_BYTES);
    Shape s = {
        .dim = need_int(p, j, "hidden_size", 1, MAX_DIM),
        .n_layers = need_int(p, j, "num_hidden_layers", 1, MAX_LAYERS),
        .n_heads = need_int(p, j, "num_attention_heads", 1, MAX_HEADS),
        .n_neurons = need_int(p, j, "intermediate_size", 1, MAX_NEURONS),
        .vocab = 1 + frames / *patch,
        .context = 1 + frames / *patch,
    };
    s.n_kv_heads = s.n_heads;
    s.learned = true;
    s.head_dim = hf_head_dim(p, "hidden_size", "num_attention_heads", s.dim, s.n_heads);
    return s;
}

/* Tensors ---------------------------------------------------------------------------------- */

/* Token 0 has no frames, and its row takes back the bias that all tokens get. */
static void load_tokens(Import *in)
{
    Model *m = in->model;
    const HfCheckpoint *c = in->c;
    const int table[] = {m->context, m->dim};
    load_hf_linear(in->arena, c, "embeddings.patch", true, &m->patch);
    const float *first =
        safetensors_load(in->arena, c->weights, "embeddings.class_token", 1, &m->dim);
    m->embed.w =
        safetensors_load(in->arena, c->weights, "embeddings.position_embeddings.weight", 2, table);
    for (int i = 0; i < m->dim; i++)
        m->embed.w[i] += first[i] - m->patch.bias[i];
}

static void load_norm(const Import *in, const char *name, Norm *v)
{
    load_hf_layer_norm(in->arena, in->c, name, v);
}

/* A norm after a half of a layer is the one before the next half. */
static void load_block(const Import *in, int layer)
{
    static const char *const linears[ROLES] = {
        [ROLE_Q] = "attention.self.query", [ROLE_K] = "attention.self.key",
        [ROLE_V] = "attention.self.value", [ROLE_O] = "attention.output.dense",
        [ROLE_UP] = "intermediate.dense",  [ROLE_DOWN] = "output.dense"};
    Model *m = in->model;
    Block *b = &m->blocks[layer];
    const char *at = arena_printf(in->arena, "encoder.layer.%d.", layer);
    for (int r = 0; r < ROLES; r++)
        if (linears[r])
            load_hf_linear(in->arena, in->c, arena_printf(in->arena, "%s%s", at, linears[r]), true,
                           &b->linear[r]);
    Norm *next = layer + 1 < m->n_layers ? &m->blocks[layer + 1].attn_norm : &m->final_norm;
    load_norm(in,
              arena_printf(in->arena, "%s%s", at,
                           in->norm_first ? "layernorm_before" : "attention.output.LayerNorm"),
              in->norm_first ? &b->attn_norm : &b->mlp_norm);
    load_norm(in,
              arena_printf(in->arena, "%s%s", at,
                           in->norm_first ? "layernorm_after" : "output.LayerNorm"),
              in->norm_first ? &b->mlp_norm : next);
}

static void load_head(const Import *in)
{
    Model *m = in->model;
    m->head.rows = read_hf_labels(in->arena, in->c, m);
    load_hf_linear(in->arena, in->c, "classifier", true, &m->head);
}

static bool is_harmless(const Model *m, const char *name)
{
    (void)m, (void)name;
    return false;
}

Model *import_hf_keyword(Arena *a, const HfCheckpoint *c)
{
    int bands, patch;
    check_hf_keys(c, fixed, known);
    const Shape shape = read_shape(c, &bands, &patch);
    Model *m = new_model(a, c->config_path, c->family->model_type, &shape);
    Import in = {a, c, m, get_bool(c->config_path, c->config, "norm_first", false)};
    m->path = c->dir;
    m->norm = NORM_LAYER;
    m->norm_eps = (float)get_double(c->config_path, c->config, "layer_norm_eps", 0, 0.1, 1e-12);
    m->position = POSITION_NONE;
    m->activation = read_hf_activation(c, "hidden_act", "gelu");
    set_ungated(m);
    m->encoder = true;
    m->post_norm = !in.norm_first;
    m->head_kind = HEAD_CLASS;
    m->bands = bands;
    m->patch.rows = m->dim;
    m->patch.cols = patch * bands;
    load_tokens(&in);
    load_norm(&in, in.norm_first ? "layernorm" : "embeddings.LayerNorm",
              in.norm_first ? &m->final_norm : &m->blocks[0].attn_norm);
    for (int l = 0; l < m->n_layers; l++)
        load_block(&in, l);
    load_head(&in);
    check_hf_tensors(c, m, is_harmless);
    return m;
}
