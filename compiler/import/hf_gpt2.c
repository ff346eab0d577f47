/* GPT2LMHeadModel and GPTNeoForCausalLM: LayerNorm, learned positions, an MLP without a gate. GPT-2
 * stores its matrices as [in, out], query, key and value in one; GPT-Neo does not divide scores by
 * sqrt(head size), and every second layer sees the last tokens only. */
#include "import.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One name of a size in each family. */
typedef struct Keys {
    const char *dim, *layers, *heads, *neurons;
} Keys;

static const Keys gpt2_keys = {"n_embd", "n_layer", "n_head", "n_inner"};
static const Keys neo_keys = {"hidden_size", "num_layers", "num_heads", "intermediate_size"};

static const HfFixed fixed[] = {
    {"quantization_config", "null", "quantized checkpoints are not read: give the float one"},
    {NULL, NULL, NULL},
};

/* Read below, or without effect on inference. */
static const char *const known[] = {
    "n_embd", "n_layer", "n_head", "n_inner", "hidden_size", "num_layers", "num_heads",
    "intermediate_size", "vocab_size", "n_positions", "n_ctx", "max_position_embeddings",
    "activation_function", "layer_norm_epsilon", "tie_word_embeddings", "scale_attn_weights",
    "scale_attn_by_inverse_layer_idx", "attention_types", "attention_layers", "window_size",
    /* without effect */
    "reorder_and_upcast_attn", "attn_pdrop", "embd_pdrop", "resid_pdrop", "resid_dropout",
    "embed_dropout", "classifier_dropout", "summary_activation", "summary_first_dropout",
    "summary_proj_to_labels", "summary_type", "summary_use_proj", "gradient_checkpointing", NULL};

static Model *read_frame(Arena *a, const HfCheckpoint *c, const Keys *k, const char *positions)
{
    const char *p = c->config_path;
    const json_t *j = c->config;
    Shape s = {
        .dim = need_int(p, j, k->dim, 1, MAX_DIM),
        .n_layers = need_int(p, j, k->layers, 1, MAX_LAYERS),
        .n_heads = need_int(p, j, k->heads, 1, MAX_HEADS),
        .vocab = need_int(p, j, "vocab_size", 1, MAX_VOCAB),
        .context = get_int(p, j, positions, 1, MAX_CONTEXT, c->family->context),
    };
    s.n_neurons = get_int(p, j, k->neurons, 1, MAX_NEURONS, 4 * s.dim);
    s.n_kv_heads = s.n_heads;
    s.learned = true;
    s.head_dim = hf_head_dim(p, k->dim, k->heads, s.dim, s.n_heads);
    Model *m = new_model(a, p, c->family->model_type, &s);
    m->path = c->dir;
    m->norm = NORM_LAYER;
    m->norm_eps = (float)get_double(p, j, "layer_norm_epsilon", 1e-12, 0.1, 1e-5);
    m->activation = read_hf_activation(c, "activation_function", "gelu_new");
    m->tied_head = get_bool(p, j, "tie_word_embeddings", c->family->tied);
    set_ungated(m);
    set_learned_positions(m);
    return m;
}

/* "transformer.", which files of the bare model lack. */
static const char *prefix_of(const HfCheckpoint *c)
{
    return safetensors_has(c->weights, "wte.weight") ? "" : "transformer.";
}

static void load_ends(Arena *a, const HfCheckpoint *c, Model *m)
{
    const char *prefix = prefix_of(c);
    load_hf_linear(a, c, arena_printf(a, "%swte", prefix), false, &m->embed);
    load_hf_linear(a, c, arena_printf(a, "%swpe", prefix), false, &m->positions);
    load_hf_layer_norm(a, c, arena_printf(a, "%sln_f", prefix), &m->final_norm);
    load_hf_head(a, c, "lm_head", false, m);
}

/* Masks that are stored with the weights; a head that the embedding is. */
static bool is_harmless(const Model *m, const char *name)
{
    static const char *const buffers[] = {".attn.bias", ".attn.masked_bias", ".attn.attention.bias",
                                          ".attn.attention.masked_bias"};
    const size_t n = strlen(name);
    int layer, end = 0;
    const char *rest = !strncmp(name, "transformer.", 12) ? name + 12 : name;
    if (sscanf(rest, "h.%4d%n", &layer, &end) == 1 && layer >= 0 && layer < m->n_layers)
        for (size_t i = 0; i < LENGTH(buffers); i++)
            if (!strcmp(rest + end, buffers[i]))
                return true;
    return n == 14 && m->tied_head && !strcmp(name, "lm_head.weight");
}

/* GPT-2 ----------------------------------------------------------------------------------- */

static void load_gpt2_block(Arena *a, const HfCheckpoint *c, int layer, Block *b)
{
    const char *h = arena_printf(a, "%sh.%d", prefix_of(c), layer);
    Linear *const qkv[] = {&b->linear[ROLE_Q], &b->linear[ROLE_K], &b->linear[ROLE_V]};
    load_hf_layer_norm(a, c, arena_printf(a, "%s.ln_1", h), &b->attn_norm);
    load_hf_layer_norm(a, c, arena_printf(a, "%s.ln_2", h), &b->mlp_norm);
    load_hf_conv1d(a, c, arena_printf(a, "%s.attn.c_attn", h), qkv, 3);
    load_hf_conv1d(a, c, arena_printf(a, "%s.attn.c_proj", h),
                   (Linear *const[]){&b->linear[ROLE_O]}, 1);
    load_hf_conv1d(a, c, arena_printf(a, "%s.mlp.c_fc", h), (Linear *const[]){&b->linear[ROLE_UP]},
                   1);
    load_hf_conv1d(a, c, arena_printf(a, "%s.mlp.c_proj", h),
                   (Linear *const[]){&b->linear[ROLE_DOWN]}, 1);
}

Model *import_hf_gpt2(Arena *a, const HfCheckpoint *c)
{
    const char *p = c->config_path;
    check_hf_keys(c, fixed, known);
    Model *m =
        read_frame(a, c, &gpt2_keys, get_value(c->config, "n_positions") ? "n_positions" : "n_ctx");
    const bool scaled = get_bool(p, c->config, "scale_attn_weights", true);
    const bool by_layer = get_bool(p, c->config, "scale_attn_by_inverse_layer_idx", false);
    load_ends(a, c, m);
    for (int i = 0; i < m->n_layers; i++) {
        load_gpt2_block(a, c, i, &m->blocks[i]);
        scale_linear(&m->blocks[i].linear[ROLE_Q],
                     (scaled ? 1 : sqrtf((float)m->blocks[i].head_dim)) /
                         (float)(by_layer ? i + 1 : 1));
    }
    check_hf_tensors(c, m, is_harmless);
    return m;
}

/* GPT-Neo --------------------------------------------------------------------------------- */

static void bad_types(const HfCheckpoint *c, const char *key)
{
    bad_value(c->config_path, key, json_object_get(c->config, key),
              "supported: \"global\" or \"local\" for each layer");
}

static bool is_local(const HfCheckpoint *c, const char *key, const json_t *v)
{
    const char *s = json_string_value(v);
    if (!s || (strcmp(s, "global") != 0 && strcmp(s, "local") != 0))
        bad_types(c, key);
    return !strcmp(s, "local");
}

/* [[["global", "local"], 6]]: a list and how often it comes. */
static void read_types(const HfCheckpoint *c, const Model *m, bool *local)
{
    const char *key = "attention_types";
    const json_t *types = get_array(c->config_path, c->config, key);
    int layer = 0;
    for (size_t i = 0; i < json_array_size(types); i++) {
        const json_t *list = json_array_get(json_array_get(types, i), 0);
        const json_t *times = json_array_get(json_array_get(types, i), 1);
        if (json_array_size(list) == 0 || !json_is_integer(times))
            bad_types(c, key);
        for (json_int_t t = 0; t < json_integer_value(times); t++)
            for (size_t k = 0; k < json_array_size(list) && layer <= m->n_layers; k++, layer++)
                if (layer < m->n_layers)
                    local[layer] = is_local(c, key, json_array_get(list, k));
        if (layer > m->n_layers)
            break;
    }
    if (types ? layer != m->n_layers : m->n_layers % 2)
        bad_value(c->config_path, key, json_object_get(c->config, key),
                  "must name as many layers as num_layers says");
    for (layer = 0; !types && layer < m->n_layers; layer++)
        local[layer] = layer % 2;
}

/* attention_layers says it layer by layer, where it is. */
static void read_windows(Arena *a, const HfCheckpoint *c, Model *m)
{
    const char *key = "attention_layers";
    const json_t *list = get_array(c->config_path, c->config, key);
    const int window = get_int(c->config_path, c->config, "window_size", 1, MAX_CONTEXT, 256);
    bool *local = NEW(a, bool, m->n_layers);
    if (list && (int)json_array_size(list) != m->n_layers)
        bad_types(c, key);
    if (!list)
        read_types(c, m, local);
    for (int i = 0; i < m->n_layers; i++) {
        if (list)
            local[i] = is_local(c, key, json_array_get(list, (size_t)i));
        m->blocks[i].window = local[i] ? window : 0;
    }
}

static void load_neo_block(Arena *a, const HfCheckpoint *c, int layer, Block *b)
{
    static const struct {
        const char *name;
        Role role;
        bool bias;
    } linears[] = {
        {"attn.attention.q_proj", ROLE_Q, false},
        {"attn.attention.k_proj", ROLE_K, false},
        {"attn.attention.v_proj", ROLE_V, false},
        {"attn.attention.out_proj", ROLE_O, true},
        {"mlp.c_fc", ROLE_UP, true},
        {"mlp.c_proj", ROLE_DOWN, true},
    };
    const char *h = arena_printf(a, "%sh.%d", prefix_of(c), layer);
    load_hf_layer_norm(a, c, arena_printf(a, "%s.ln_1", h), &b->attn_norm);
    load_hf_layer_norm(a, c, arena_printf(a, "%s.ln_2", h), &b->mlp_norm);
    for (size_t i = 0; i < LENGTH(linears); i++)
        load_hf_linear(a, c, arena_printf(a, "%s.%s", h, linears[i].name), linears[i].bias,
                       &b->linear[linears[i].role]);
    scale_linear(&b->linear[ROLE_Q], sqrtf((float)b->head_dim)); /* scores are not divided by it */
}

Model *import_hf_gpt_neo(Arena *a, const HfCheckpoint *c)
{
    check_hf_keys(c, fixed, known);
    Model *m = read_frame(a, c, &neo_keys, "max_position_embeddings");
    read_windows(a, c, m);
    load_ends(a, c, m);
    for (int i = 0; i < m->n_layers; i++)
        load_neo_block(a, c, i, &m->blocks[i]);
    check_hf_tensors(c, m, is_harmless);
    return m;
}
