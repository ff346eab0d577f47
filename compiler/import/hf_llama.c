/* LlamaForCausalLM, and families that differ from it in what a row of hf.c's table says. Every key
 * of the configuration that changes the arithmetic is either read or must have the one value that
 * is implemented; every tensor must be used. */
#include "import.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Keys that change the result. */
static const HfFixed fixed[] = {
    {"partial_rotary_factor", "1", "only rotation of whole heads is supported: 1.0 was expected"},
    {"use_sliding_window", "false", "supported: false"},
    {"attn_logit_softcapping", "null", "supported: null"},
    {"final_logit_softcapping", "null", "supported: null"},
    {"rope_interleaved", "false", "supported: false"},
    {NULL, NULL, NULL},
};

/* Read below, or without effect on inference. */
static const char *const known[] = {
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "vocab_size",
    "max_position_embeddings",
    "rms_norm_eps",
    "rope_theta",
    "rope_scaling",
    "rope_parameters",
    "tie_word_embeddings",
    "hidden_act",
    "hidden_activation",
    "attention_bias",
    "mlp_bias",
    "sliding_window",
    "max_window_layers",
    "is_llama_config",
    "use_mrope",
    "layer_types",
    "activation_bits",
    "quantization_config",
    NULL,
};

static const char *const linear_tensors[ROLES] = {
    [ROLE_Q] = "self_attn.q_proj", [ROLE_K] = "self_attn.k_proj", [ROLE_V] = "self_attn.v_proj",
    [ROLE_O] = "self_attn.o_proj", [ROLE_GATE] = "mlp.gate_proj", [ROLE_UP] = "mlp.up_proj",
    [ROLE_DOWN] = "mlp.down_proj",
};

/* Configuration ---------------------------------------------------------------------------- */

static void check_layer_types(const HfCheckpoint *c)
{
    const json_t *list = get_array(c->config_path, c->config, "layer_types");
    const bool sliding = c->family->window == HF_WINDOW_COUNTS;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (!s || strcmp(s, sliding ? "sliding_attention" : "full_attention") != 0)
            bad_value(c->config_path, "layer_types", list,
                      sliding ? "supported: \"sliding_attention\" for all"
                              : "supported: \"full_attention\" for all");
    }
}

/* Gemma's first configurations say "gelu" and mean the tanh form, as the published model does. */
static Activation read_activation(const HfCheckpoint *c)
{
    static const struct {
        const char *names[2], *why;
    } of[ACTIVATIONS] = {
        [ACT_SILU] = {{"silu", "swish"}, "supported for this family: \"silu\""},
        [ACT_GELU_TANH] = {{"gelu_pytorch_tanh", "gelu"},
                           "supported for this family: \"gelu_pytorch_tanh\""},
        [ACT_RELU2] = {{"relu2", "relu2"}, "supported for this family: \"relu2\""},
    };
    const Activation means = c->family->activation;
    const bool other = get_value(c->config, "hidden_activation") != NULL;
    const char *key = other ? "hidden_activation" : "hidden_act";
    const char *const *names = of[means].names;
    if (find_name(names, 2, get_string(c->config_path, c->config, key, names[0])) < 0)
        bad_value(c->config_path, key, get_value(c->config, key), of[means].why);
    return means;
}

/* A token sees the last sliding_window tokens, itself included: what a KV cache of so many gives.
 * Where Mistral's configuration lacks the key, it is 4096. */
static int read_context(const HfCheckpoint *c)
{
    const char *p = c->config_path, *key = "sliding_window";
    const int context =
        get_int(p, c->config, "max_position_embeddings", 1, MAX_CONTEXT, c->family->context);
    const json_t *v = json_object_get(c->config, key);
    if (c->family->window == HF_NO_WINDOW && v && !json_is_null(v))
        bad_value(p, key, v, "supported: null");
    if (c->family->window != HF_WINDOW_COUNTS || json_is_null(v))
        return context;
    const int window = get_int(p, c->config, key, 1, MAX_CONTEXT, 4096);
    return window < context ? window : context;
}

static Shape read_shape(const HfCheckpoint *c)
{
    const char *p = c->config_path;
    const json_t *j = c->config;
    Shape s = {
        .dim = need_int(p, j, "hidden_size", 1, MAX_DIM),
        .n_layers = need_int(p, j, "num_hidden_layers", 1, MAX_LAYERS),
        .n_heads = need_int(p, j, "num_attention_heads", 1, MAX_HEADS),
        .n_neurons = need_int(p, j, "intermediate_size", 1, MAX_NEURONS),
        .vocab = need_int(p, j, "vocab_size", 1, MAX_VOCAB),
        .context = read_context(c),
    };
    s.n_kv_heads = hf_kv_heads(c, s.n_heads, c->family->all_kv_heads ? s.n_heads : 0);
    s.head_dim = get_int(p, j, "head_dim", 1, MAX_HEAD_DIM, c->family->head_dim);
    if (s.head_dim % 2)
        bad_value(p, "head_dim", get_value(j, "head_dim"),
                  "rotary positions need an even head size");
    if (s.head_dim == 0)
        s.head_dim = hf_head_dim(p, "hidden_size", "num_attention_heads", s.dim, s.n_heads);
    return s;
}

/* 1: the model was trained for binary activations; not a key of Transformers. */
static int read_activation_bits(const HfCheckpoint *c)
{
    const int bits = get_int(c->config_path, c->config, "activation_bits", 1, 8, 8);
    if (bits != 1 && bits != 8)
        bad_value(c->config_path, "activation_bits", get_value(c->config, "activation_bits"),
                  "supported: 8, and 1 for binary activations");
    return bits;
}

/* Weights ---------------------------------------------------------------------------------- */

static void load_norm(Arena *a, const HfCheckpoint *c, const char *name, Norm *v)
{
    v->gamma = safetensors_load(a, c->weights, name, 1, &v->n);
    for (int i = 0; i < v->n && c->family->norm_offset; i++)
        v->gamma[i] += 1;
}

static bool has_bias(const HfCheckpoint *c, Role r)
{
    const bool attention = get_bool(c->config_path, c->config, "attention_bias", false);
    const bool mlp = get_bool(c->config_path, c->config, "mlp_bias", false);
    if (r > ROLE_O)
        return mlp;
    return attention || (c->family->qkv_bias && r != ROLE_O);
}

static void load_block(Arena *a, const HfCheckpoint *c, HfBitnet bits, int layer, Block *b)
{
    const char *prefix = arena_printf(a, "model.layers.%d", layer);
    load_norm(a, c, arena_printf(a, "%s.input_layernorm.weight", prefix), &b->attn_norm);
    load_norm(a, c, arena_printf(a, "%s.post_attention_layernorm.weight", prefix), &b->mlp_norm);
    for (int r = 0; r < ROLES; r++) {
        const char *name = arena_printf(a, "%s.%s", prefix, linear_tensors[r]);
        load_hf_ternary(a, c, bits, name, has_bias(c, (Role)r), &b->linear[r]);
    }
    if (c->family->sub_norm) {
        load_norm(a, c, arena_printf(a, "%s.self_attn.attn_sub_norm.weight", prefix), &b->o_norm);
        load_norm(a, c, arena_printf(a, "%s.mlp.ffn_sub_norm.weight", prefix), &b->down_norm);
    }
    if (c->family->qk_norm) {
        load_norm(a, c, arena_printf(a, "%s.self_attn.q_norm.weight", prefix), &b->q_norm);
        load_norm(a, c, arena_printf(a, "%s.self_attn.k_norm.weight", prefix), &b->k_norm);
    }
}

/* Old files store the rotation frequencies, which follow from theta. */
static bool is_harmless(const Model *m, const char *name)
{
    char inv_freq[80];
    int layer;
    if (sscanf(name, "model.layers.%4d.", &layer) == 1 && layer >= 0 && layer < m->n_layers) {
        snprintf(inv_freq, sizeof inv_freq, "model.layers.%d.self_attn.rotary_emb.inv_freq", layer);
        return !strcmp(name, inv_freq);
    }
    return !strcmp(name, "model.rotary_emb.inv_freq") ||
           (m->tied_head && !strcmp(name, "lm_head.weight"));
}

Model *import_hf_llama(Arena *a, const HfCheckpoint *c)
{
    check_hf_keys(c, fixed, known);
    check_layer_types(c);
    Shape shape = read_shape(c);
    Model *m = new_model(a, c->config_path, c->family->model_type, &shape);
    m->activation = read_activation(c);
    const HfBitnet bits = read_hf_bitnet(a, c);
    m->qk_norm = c->family->qk_norm;
    if (c->family->sub_norm)
        set_sub_norms(m);
    m->norm_eps = (float)get_double(c->config_path, c->config, "rms_norm_eps", 1e-12, 0.1,
                                    c->family->eps > 0 ? c->family->eps : 1e-6);
    m->activation_bits = read_activation_bits(c);
    read_hf_rope(a, c, m);
    m->tied_head = get_bool(c->config_path, c->config, "tie_word_embeddings", c->family->tied);
    m->path = c->dir;
    load_hf_linear(a, c, "model.embed_tokens", false, &m->embed);
    for (int i = 0; i < m->n_layers; i++)
        load_block(a, c, bits, i, &m->blocks[i]);
    load_norm(a, c, "model.norm.weight", &m->final_norm);
    load_hf_head(a, c, "lm_head", false, m);
    if (c->family->scaled_embedding)
        divide_residual(m, sqrtf((float)m->dim));
    check_hf_tensors(c, m, is_harmless);
    return m;
}
