/* GPTNeoXForCausalLM (Pythia) and PhiForCausalLM: LayerNorm, rotary positions of a part of each
 * head, attention and MLP side by side. NeoX stores query, key and value of each head together; Phi
 * has one norm for both halves and a head with a bias. */
#include "import.h"

#include <stdio.h>
#include <string.h>

static const HfFixed fixed[] = {
    {"quantization_config", "null", "quantized checkpoints are not read: give the float one"},
    {"qk_layernorm", "false", "supported: false"},
    {NULL, NULL, NULL},
};

/* Read below, or without effect on inference. */
static const char *const known[] = {
    "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "intermediate_size", "vocab_size", "max_position_embeddings", "layer_norm_eps", "hidden_act",
    "tie_word_embeddings", "rotary_pct", "partial_rotary_factor", "rotary_emb_base", "rope_theta",
    "rope_scaling", "rope_parameters", "use_parallel_residual", "attention_bias",
    /* without effect */
    "classifier_dropout", "embd_pdrop", "resid_pdrop", "gradient_checkpointing", NULL};

static Model *read_frame(Arena *a, const HfCheckpoint *c)
{
    const char *p = c->config_path;
    const json_t *j = c->config;
    Shape s = {
        .dim = need_int(p, j, "hidden_size", 1, MAX_DIM),
        .n_layers = need_int(p, j, "num_hidden_layers", 1, MAX_LAYERS),
        .n_heads = need_int(p, j, "num_attention_heads", 1, MAX_HEADS),
        .n_neurons = need_int(p, j, "intermediate_size", 1, MAX_NEURONS),
        .vocab = need_int(p, j, "vocab_size", 1, MAX_VOCAB),
        .context = get_int(p, j, "max_position_embeddings", 1, MAX_CONTEXT, c->family->context),
    };
    s.n_kv_heads = hf_kv_heads(c, s.n_heads, s.n_heads);
    s.head_dim = hf_head_dim(p, "hidden_size", "num_attention_heads", s.dim, s.n_heads);
    Model *m = new_model(a, p, c->family->model_type, &s);
    m->path = c->dir;
    m->norm = NORM_LAYER;
    m->norm_eps = (float)get_double(p, j, "layer_norm_eps", 1e-12, 0.1, 1e-5);
    m->tied_head = get_bool(p, j, "tie_word_embeddings", c->family->tied);
    set_ungated(m);
    read_hf_rope(a, c, m);
    return m;
}

/* Rows of each head: pair i of the part that turns is (i, i + turned / 2) in the file and becomes
 * (i, i + head_dim / 2), as every other pair is; the rest of the head fills what is left, in order.
 */
static void spread_pairs(Arena *a, Linear *l, int n_heads, int head_dim, int pairs)
{
    const int half = head_dim / 2;
    const size_t cols = (size_t)l->cols;
    float *w = NEW(a, float, (size_t)l->rows *cols), *bias = NEW(a, float, l->rows);
    for (int r = 0; r < n_heads * head_dim; r++) {
        const int i = r % head_dim, low = i % half; /* where it goes: of the head, of its half */
        const int from = low < pairs ? low + (i < half ? 0 : pairs)
                                     : low + pairs + (i < half ? 0 : half - pairs);
        const size_t row = (size_t)(r - i + from);
        memcpy(w + (size_t)r * cols, l->w + row * cols, cols * sizeof *w);
        bias[r] = l->bias ? l->bias[row] : 0;
    }
    l->w = w;
    l->bias = l->bias ? bias : NULL;
}

static void spread_heads(Arena *a, const Model *m, Block *b)
{
    const int pairs = m->rotary_pairs;
    if (pairs == 0)
        return;
    spread_pairs(a, &b->linear[ROLE_Q], b->n_heads, b->head_dim, pairs);
    spread_pairs(a, &b->linear[ROLE_K], b->n_kv_heads, b->head_dim, pairs);
}

/* GPT-NeoX -------------------------------------------------------------------------------- */

/* Each head's rows: query, key, value. */
static void load_fused(Arena *a, const HfCheckpoint *c, const char *name, bool bias, Block *b)
{
    Linear all = {.rows = 3 * b->linear[ROLE_Q].rows, .cols = b->linear[ROLE_Q].cols};
    const size_t head = (size_t)b->head_dim, cols = (size_t)all.cols;
    load_hf_linear(a, c, name, bias, &all);
    for (int part = 0; part < 3; part++) {
        Linear *l = &b->linear[ROLE_Q + part];
        l->w = NEW(a, float, (size_t)l->rows *cols);
        l->bias = bias ? NEW(a, float, l->rows) : NULL;
        for (size_t h = 0; h < (size_t)b->n_heads; h++) {
            const size_t from = (3 * h + (size_t)part) * head;
            memcpy(l->w + h * head * cols, all.w + from * cols, head * cols * sizeof *l->w);
            if (bias)
                memcpy(l->bias + h * head, all.bias + from, head * sizeof *l->bias);
        }
    }
}

static void load_neox_block(Arena *a, const HfCheckpoint *c, const Model *m, int layer)
{
    Block *b = &m->blocks[layer];
    const char *p = arena_printf(a, "gpt_neox.layers.%d", layer);
    const bool bias = get_bool(c->config_path, c->config, "attention_bias", true);
    load_hf_layer_norm(a, c, arena_printf(a, "%s.input_layernorm", p), &b->attn_norm);
    load_hf_layer_norm(a, c, arena_printf(a, "%s.post_attention_layernorm", p), &b->mlp_norm);
    load_fused(a, c, arena_printf(a, "%s.attention.query_key_value", p), bias, b);
    load_hf_linear(a, c, arena_printf(a, "%s.attention.dense", p), bias, &b->linear[ROLE_O]);
    load_hf_linear(a, c, arena_printf(a, "%s.mlp.dense_h_to_4h", p), true, &b->linear[ROLE_UP]);
    load_hf_linear(a, c, arena_printf(a, "%s.mlp.dense_4h_to_h", p), true, &b->linear[ROLE_DOWN]);
    spread_heads(a, m, b);
}

/* Masks and rotation frequencies that are stored with the weights. */
static bool is_neox_harmless(const Model *m, const char *name)
{
    static const char *const buffers[] = {".attention.bias", ".attention.masked_bias",
                                          ".attention.rotary_emb.inv_freq"};
    int layer, end = 0;
    if (sscanf(name, "gpt_neox.layers.%4d%n", &layer, &end) == 1 && layer >= 0 &&
        layer < m->n_layers)
        for (size_t i = 0; i < LENGTH(buffers); i++)
            if (!strcmp(name + end, buffers[i]))
                return true;
    return !strcmp(name, "gpt_neox.rotary_emb.inv_freq") ||
           (m->tied_head && !strcmp(name, "embed_out.weight"));
}

Model *import_hf_neox(Arena *a, const HfCheckpoint *c)
{
    check_hf_keys(c, fixed, known);
    if (get_value(c->config, "num_key_value_heads"))
        bad_value(c->config_path, "num_key_value_heads",
                  get_value(c->config, "num_key_value_heads"), "supported for gpt_neox: null");
    Model *m = read_frame(a, c);
    m->activation = read_hf_activation(c, "hidden_act", "gelu");
    m->parallel = get_bool(c->config_path, c->config, "use_parallel_residual", true);
    load_hf_linear(a, c, "gpt_neox.embed_in", false, &m->embed);
    for (int i = 0; i < m->n_layers; i++)
        load_neox_block(a, c, m, i);
    load_hf_layer_norm(a, c, "gpt_neox.final_layer_norm", &m->final_norm);
    load_hf_head(a, c, "embed_out", false, m);
    check_hf_tensors(c, m, is_neox_harmless);
    return m;
}

/* Phi ------------------------------------------------------------------------------------- */

static void load_phi_block(Arena *a, const HfCheckpoint *c, const Model *m, int layer)
{
    static const struct {
        const char *name;
        Role role;
    } linears[] = {
        {"self_attn.q_proj", ROLE_Q}, {"self_attn.k_proj", ROLE_K}, {"self_attn.v_proj", ROLE_V},
        {"self_attn.dense", ROLE_O},  {"mlp.fc1", ROLE_UP},         {"mlp.fc2", ROLE_DOWN},
    };
    Block *b = &m->blocks[layer];
    const char *p = arena_printf(a, "model.layers.%d", layer);
    load_hf_layer_norm(a, c, arena_printf(a, "%s.input_layernorm", p), &b->attn_norm);
    b->mlp_norm.gamma = arena_copy(a, b->attn_norm.gamma, (size_t)m->dim, sizeof(float));
    b->mlp_norm.beta = arena_copy(a, b->attn_norm.beta, (size_t)m->dim, sizeof(float));
    for (size_t i = 0; i < LENGTH(linears); i++)
        load_hf_linear(a, c, arena_printf(a, "%s.%s", p, linears[i].name), true,
                       &b->linear[linears[i].role]);
    spread_heads(a, m, b);
}

static bool is_phi_harmless(const Model *m, const char *name)
{
    int layer, end = 0;
    return sscanf(name, "model.layers.%4d%n", &layer, &end) == 1 && layer >= 0 &&
           layer < m->n_layers && !strcmp(name + end, ".self_attn.rotary_emb.inv_freq");
}

Model *import_hf_phi(Arena *a, const HfCheckpoint *c)
{
    check_hf_keys(c, fixed, known);
    if (!get_bool(c->config_path, c->config, "attention_bias", true))
        bad_value(c->config_path, "attention_bias", get_value(c->config, "attention_bias"),
                  "supported: true");
    Model *m = read_frame(a, c);
    if (m->tied_head)
        bad_value(c->config_path, "tie_word_embeddings",
                  get_value(c->config, "tie_word_embeddings"), "supported for phi: false");
    m->activation = read_hf_activation(c, "hidden_act", "gelu_new");
    m->parallel = true;
    load_hf_linear(a, c, "model.embed_tokens", false, &m->embed);
    for (int i = 0; i < m->n_layers; i++)
        load_phi_block(a, c, m, i);
    load_hf_layer_norm(a, c, "model.final_layernorm", &m->final_norm);
    load_hf_head(a, c, "lm_head", true, m);
    check_hf_tensors(c, m, is_phi_harmless);
    return m;
}
