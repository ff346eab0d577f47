/* Keys of a Hugging Face configuration that no reader looks at: those that change the arithmetic
 * must have the one value that is implemented, those without effect on inference are known, others
 * get a warning. Also the tensors that nothing has read, which are an error. */
#include "import.h"

#include <string.h>

/* Without effect on inference, in every family. */
static const char *const harmless_keys[] = {
    "model_type",
    "architectures",
    "torch_dtype",
    "dtype",
    "transformers_version",
    "_name_or_path",
    "use_cache",
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
    "initializer_range",
    "attention_dropout",
    "hidden_dropout",
    "pretraining_tp",
    "task_specific_params",
    "chunk_size_feed_forward",
    "_attn_implementation_autoset",
};

/* In every family. */
static const HfFixed fixed_keys[] = {
    {"is_encoder_decoder", "false", "supported: false"},
    {"add_cross_attention", "false", "supported: false"},
};

static bool is_listed(const char *const *names, size_t n, const char *key)
{
    for (size_t i = 0; i < n && names[i]; i++)
        if (!strcmp(names[i], key))
            return true;
    return false;
}

static bool is_fixed_value(const HfFixed *f, const json_t *v)
{
    switch (*f->json) {
    case '"':
        return json_is_string(v) && strlen(f->json) == json_string_length(v) + 2 &&
               !memcmp(f->json + 1, json_string_value(v), json_string_length(v));
    case 'f': return json_is_false(v);
    case 't': return json_is_true(v);
    case '1': return json_is_number(v) && json_number_value(v) == 1;
    }
    return false; /* "null": a value is there, so it is not null */
}

static bool check_fixed(const HfCheckpoint *c, const HfFixed *f, const char *key)
{
    const json_t *v = get_value(c->config, f->key);
    if (v && !is_fixed_value(f, v))
        bad_value(c->config_path, f->key, v, f->why);
    return !strcmp(f->key, key);
}

void check_hf_keys(const HfCheckpoint *c, const HfFixed *fixed, const char *const *known)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)c->config, key, v)
    {
        bool found =
            is_listed(harmless_keys, LENGTH(harmless_keys), key) || is_listed(known, SIZE_MAX, key);
        for (size_t i = 0; i < LENGTH(fixed_keys); i++)
            found |= check_fixed(c, &fixed_keys[i], key);
        for (const HfFixed *f = fixed; f->key; f++)
            found |= check_fixed(c, f, key);
        if (!found)
            warn("%s: %.64s: not known for %s, so it has no effect", c->config_path, key,
                 c->family->model_type);
    }
}

void check_hf_tensors(const HfCheckpoint *c, const Model *m,
                      bool (*harmless)(const Model *, const char *))
{
    const char *name;
    for (int i = 0; (name = safetensors_unused(c->weights, i)); i++)
        if (!harmless(m, name))
            fatal("%s: tensor %s: has no place in a %d-layer %s model: it would be ignored",
                  m->path, name, m->n_layers, m->family);
}

int hf_kv_heads(const HfCheckpoint *c, int heads, int fallback)
{
    const char *p = c->config_path, *key = "num_key_value_heads";
    const int n = fallback > 0 ? get_int(p, c->config, key, 1, MAX_HEADS, fallback)
                               : need_int(p, c->config, key, 1, MAX_HEADS);
    if (heads % n)
        fatal("%s: %s: %d: %d attention heads: not a multiple of the %d kv heads", p, key, n, heads,
              n);
    return n;
}

int hf_head_dim(const char *path, const char *dim_key, const char *heads_key, int dim, int heads)
{
    if (dim % heads || dim / heads > MAX_HEAD_DIM)
        fatal("%s: %s: %d: must be %s (%d) times a head size of at most %d", path, dim_key, dim,
              heads_key, heads, MAX_HEAD_DIM);
    return dim / heads;
}

/* Tensors --------------------------------------------------------------------------------- */

void load_hf_linear(Arena *a, const HfCheckpoint *c, const char *name, bool bias, Linear *l)
{
    const int dims[] = {l->rows, l->cols};
    l->w = safetensors_load(a, c->weights, arena_printf(a, "%s.weight", name), 2, dims);
    if (bias)
        l->bias = safetensors_load(a, c->weights, arena_printf(a, "%s.bias", name), 1, &l->rows);
}

void load_hf_layer_norm(Arena *a, const HfCheckpoint *c, const char *name, Norm *v)
{
    v->gamma = safetensors_load(a, c->weights, arena_printf(a, "%s.weight", name), 1, &v->n);
    v->beta = safetensors_load(a, c->weights, arena_printf(a, "%s.bias", name), 1, &v->n);
}

void load_hf_head(Arena *a, const HfCheckpoint *c, const char *name, bool bias, Model *m)
{
    const char *weight = arena_printf(a, "%s.weight", name);
    if (m->tied_head)
        return;
    if (!safetensors_has(c->weights, weight))
        fatal("%s: tensor %s: missing, and tie_word_embeddings in %s is not true", c->dir, weight,
              c->config_path);
    load_hf_linear(a, c, name, bias, &m->head);
}

Activation read_hf_activation(const HfCheckpoint *c, const char *key, const char *fallback)
{
    static const struct {
        const char *name;
        Activation means;
    } known[] = {
        {"gelu_new", ACT_GELU_TANH},  {"gelu_pytorch_tanh", ACT_GELU_TANH},
        {"gelu_fast", ACT_GELU_TANH}, /* the same formula, written otherwise */
        {"gelu", ACT_GELU},           {"gelu_python", ACT_GELU},
        {"relu", ACT_RELU},           {"relu2", ACT_RELU2},
        {"silu", ACT_SILU},           {"swish", ACT_SILU},
    };
    const char *name = get_string(c->config_path, c->config, key, fallback);
    for (size_t i = 0; i < LENGTH(known); i++)
        if (!strcmp(known[i].name, name))
            return known[i].means;
    bad_value(c->config_path, key, get_value(c->config, key),
              "supported: \"gelu_new\", \"gelu_pytorch_tanh\", \"gelu_fast\", \"gelu\", "
              "\"gelu_python\", \"relu\", \"relu2\", \"silu\", \"swish\"");
}

/* [in, out], as Conv1D stores it, becomes [out, in]. */
static float *transposed(Arena *a, const float *w, int in, int out)
{
    float *t = NEW(a, float, (size_t)in *(size_t)out);
    for (int i = 0; i < in; i++)
        for (int o = 0; o < out; o++)
            t[(size_t)o * (size_t)in + (size_t)i] = w[(size_t)i * (size_t)out + (size_t)o];
    return t;
}

void load_hf_conv1d(Arena *a, const HfCheckpoint *c, const char *name, Linear *const *parts, int n)
{
    const int cols = parts[0]->cols;
    int rows = 0;
    for (int i = 0; i < n; i++)
        rows += parts[i]->rows;
    const int dims[] = {cols, rows};
    float *w = safetensors_load(a, c->weights, arena_printf(a, "%s.weight", name), 2, dims);
    float *bias = safetensors_load(a, c->weights, arena_printf(a, "%s.bias", name), 1, &rows);
    w = transposed(a, w, cols, rows);
    for (int i = 0, at = 0; i < n; at += parts[i++]->rows) {
        parts[i]->w = w + (size_t)at * (size_t)cols;
        parts[i]->bias = bias + at;
    }
}

int read_hf_labels(Arena *a, const HfCheckpoint *c, Model *m)
{
    const char *p = c->config_path;
    const json_t *map = get_object(p, c->config, "id2label");
    const int n =
        map ? (int)json_object_size(map) : get_int(p, c->config, "num_labels", 1, MAX_DIM, 2);
    if (n < 1 || n > MAX_LABELS)
        fatal("%s: id2label: %d labels: 1 to %d are supported", p, n, MAX_LABELS);
    m->labels = NEW(a, const char *, n);
    for (int i = 0; i < n; i++) {
        const char *key = arena_printf(a, "%d", i);
        const char *name = map ? get_string(p, map, key, NULL) : arena_printf(a, "LABEL_%d", i);
        if (!name)
            fatal("%s: id2label: %s: missing: ids of %d labels must be 0 to %d", p, key, n, n - 1);
        m->labels[i] = arena_strndup(a, name, strlen(name));
    }
    return n;
}

void scale_linear(Linear *l, float by)
{
    for (size_t i = 0; i < (size_t)l->rows * (size_t)l->cols; i++)
        l->w[i] *= by;
    for (int i = 0; l->bias && i < l->rows; i++)
        l->bias[i] *= by;
}
