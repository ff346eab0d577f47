/* LlamaForCausalLM. Every key of the configuration that changes the arithmetic is either read or
 * must have the one value that is implemented; every tensor must be used. */
#include "import.h"

#include <stdio.h>
#include <string.h>

/* Keys that change the result: the only value supported, as JSON. Absent and null are fine. */
typedef struct Fixed {
    const char *key, *json, *why;
} Fixed;

static const Fixed fixed[] = {
    {"hidden_act", "\"silu\"", "supported: \"silu\""},
    {"attention_bias", "false", "biases are not supported: false was expected"},
    {"mlp_bias", "false", "biases are not supported: false was expected"},
    {"partial_rotary_factor", "1", "only rotation of whole heads is supported: 1.0 was expected"},
    {"quantization_config", "null", "quantized checkpoints are not read: give the float one"},
    {"sliding_window", "null", "supported: null"},
    {"use_sliding_window", "false", "supported: false"},
    {"rope_interleaved", "false", "supported: false"},
    {"is_encoder_decoder", "false", "supported: false"},
    {"add_cross_attention", "false", "supported: false"},
};

/* Read below, or without effect on inference. Any other key gets a warning. */
static const char *const known[] = {
    "model_type",
    "architectures",
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
    "layer_types",
    "torch_dtype",
    "dtype",
    "transformers_version",
    "_name_or_path",
    "_attn_implementation_autoset",
    "attention_dropout",
    "initializer_range",
    "use_cache",
    "pretraining_tp",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "unk_token_id",
    "auto_map",
    "output_attentions",
    "output_hidden_states",
    "return_dict",
    "is_decoder",
    "id2label",
    "label2id",
    "problem_type",
    "torchscript",
    "chunk_size_feed_forward",
    "activation_bits",
};

static const char *const linear_tensors[ROLES] = {
    [ROLE_Q] = "self_attn.q_proj", [ROLE_K] = "self_attn.k_proj", [ROLE_V] = "self_attn.v_proj",
    [ROLE_O] = "self_attn.o_proj", [ROLE_GATE] = "mlp.gate_proj", [ROLE_UP] = "mlp.up_proj",
    [ROLE_DOWN] = "mlp.down_proj",
};

/* Configuration ---------------------------------------------------------------------------- */

static bool is_known(const char *key)
{
    for (size_t i = 0; i < LENGTH(known); i++)
        if (!strcmp(known[i], key))
            return true;
    for (size_t i = 0; i < LENGTH(fixed); i++)
        if (!strcmp(fixed[i].key, key))
            return true;
    return false;
}

static bool is_fixed_value(const Fixed *f, const json_t *v)
{
    switch (*f->json) {
    case '"':
        return json_is_string(v) && strlen(f->json) == json_string_length(v) + 2 &&
               !memcmp(f->json + 1, json_string_value(v), json_string_length(v));
    case 'f': return json_is_false(v);
    case '1': return json_is_number(v) && json_number_value(v) == 1;
    }
    return false; /* "null": a value is there, so it is not null */
}

static void check_keys(const HfCheckpoint *c)
{
    for (size_t i = 0; i < LENGTH(fixed); i++) {
        const json_t *v = get_value(c->config, fixed[i].key);
        if (v && !is_fixed_value(&fixed[i], v))
            bad_value(c->config_path, fixed[i].key, v, fixed[i].why);
    }
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)c->config, key, v) if (!is_known(key))
        warn("%s: %.64s: not known for llama, so it has no effect", c->config_path, key);
}

static void check_layer_types(const HfCheckpoint *c)
{
    const json_t *list = get_array(c->config_path, c->config, "layer_types");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (!s || strcmp(s, "full_attention") != 0)
            bad_value(c->config_path, "layer_types", list, "supported: \"full_attention\"");
    }
}

/* rope_parameters (newer) and rope_scaling (older) describe the same: only "default" is read. */
static void check_rope(Arena *a, const HfCheckpoint *c, const char *section)
{
    const json_t *rope = get_object(c->config_path, c->config, section);
    if (!rope)
        return;
    const char *where = arena_printf(a, "%s: %s", c->config_path, section), *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)rope, key, v)
    {
        if (!strcmp(key, "rope_theta") || json_is_null(v))
            continue;
        if (!strcmp(key, "rope_type") || !strcmp(key, "type")) {
            const char *s = json_string_value(v);
            if (!s || strcmp(s, "default") != 0)
                bad_value(where, key, v, "scaled positions are not supported: \"default\" only");
        } else if (strcmp(key, "partial_rotary_factor") != 0 || json_number_value(v) != 1) {
            bad_value(where, key, v,
                      "supported: rope_theta, rope_type \"default\", "
                      "partial_rotary_factor 1.0");
        }
    }
}

static float read_theta(Arena *a, const HfCheckpoint *c)
{
    check_rope(a, c, "rope_parameters");
    check_rope(a, c, "rope_scaling");
    double outer = get_double(c->config_path, c->config, "rope_theta", 1, 1e12, 0), theta = outer;
    const json_t *rope = get_object(c->config_path, c->config, "rope_parameters");
    if (rope)
        theta = get_double(arena_printf(a, "%s: rope_parameters", c->config_path), rope,
                           "rope_theta", 1, 1e12, outer);
    if (outer != 0 && theta != outer)
        fatal("%s: rope_theta: %g here, %g in rope_parameters: they must agree", c->config_path,
              outer, theta);
    return theta == 0 ? 1e4f : (float)theta;
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
        .context = get_int(p, j, "max_position_embeddings", 1, MAX_CONTEXT, 2048),
    };
    s.n_kv_heads = get_int(p, j, "num_key_value_heads", 1, MAX_HEADS, s.n_heads);
    s.head_dim = get_int(p, j, "head_dim", 1, MAX_HEAD_DIM, 0);
    if (s.head_dim == 0) {
        if (s.dim % s.n_heads || s.dim / s.n_heads > MAX_HEAD_DIM)
            fatal("%s: hidden_size: %d: must be num_attention_heads (%d) times a head size of at "
                  "most %d",
                  p, s.dim, s.n_heads, MAX_HEAD_DIM);
        s.head_dim = s.dim / s.n_heads;
    }
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

static void load_linear(Arena *a, const Safetensors *s, const char *name, Linear *l)
{
    const int dims[] = {l->rows, l->cols};
    l->w = safetensors_load(a, s, name, 2, dims);
}

static void load_norm(Arena *a, const Safetensors *s, const char *name, Norm *v)
{
    v->gamma = safetensors_load(a, s, name, 1, &v->n);
}

static void load_block(Arena *a, const Safetensors *s, int layer, Block *b)
{
    const char *prefix = arena_printf(a, "model.layers.%d", layer);
    load_norm(a, s, arena_printf(a, "%s.input_layernorm.weight", prefix), &b->attn_norm);
    load_norm(a, s, arena_printf(a, "%s.post_attention_layernorm.weight", prefix), &b->mlp_norm);
    for (int r = 0; r < ROLES; r++)
        load_linear(a, s, arena_printf(a, "%s.%s.weight", prefix, linear_tensors[r]),
                    &b->linear[r]);
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
    return m->tied_head && !strcmp(name, "lm_head.weight");
}

static void check_all_used(const Model *m, const Safetensors *s)
{
    const char *name;
    for (int i = 0; (name = safetensors_unused(s, i)); i++)
        if (!is_harmless(m, name))
            fatal("%s: tensor %s: has no place in a %d-layer llama model: it would be ignored",
                  m->path, name, m->n_layers);
}

Model *import_hf_llama(Arena *a, const HfCheckpoint *c)
{
    check_keys(c);
    check_layer_types(c);
    Shape shape = read_shape(c);
    Model *m = new_model(a, c->config_path, "llama", &shape);
    m->norm_eps = (float)get_double(c->config_path, c->config, "rms_norm_eps", 1e-12, 0.1, 1e-6);
    m->rope_theta = read_theta(a, c);
    m->activation_bits = read_activation_bits(c);
    m->tied_head = get_bool(c->config_path, c->config, "tie_word_embeddings", false);
    m->path = c->dir;
    load_linear(a, c->weights, "model.embed_tokens.weight", &m->embed);
    for (int i = 0; i < m->n_layers; i++)
        load_block(a, c->weights, i, &m->blocks[i]);
    load_norm(a, c->weights, "model.norm.weight", &m->final_norm);
    if (!m->tied_head && !safetensors_has(c->weights, "lm_head.weight"))
        fatal("%s: tensor lm_head.weight: missing, and tie_word_embeddings in %s is not true",
              c->dir, c->config_path);
    if (!m->tied_head)
        load_linear(a, c->weights, "lm_head.weight", &m->head);
    check_all_used(m, c->weights);
    return m;
}
