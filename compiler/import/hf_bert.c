/* BERT, RoBERTa and DistilBERT with their heads. The families differ in the names of keys and
 * tensors, which a table has. What each token adds alike folds away: the row of token type 0 goes
 * into the position table, which starts where the first token stands. */
#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a family calls things; %d is the layer. */
typedef struct Names {
    const char *model_type, *class_name;                     /* "BertForMaskedLM" without its end */
    const char *dim, *layers, *heads, *neurons, *activation; /* keys of config.json */
    const char *linear[ROLES], *attn_norm, *mlp_norm;        /* of a layer, after "encoder." */
    const char *class_dense, *class_out; /* of the sequence's classes, prefix included */
    DenseActivation class_activation;
    const char *mask_dense, *mask_norm, *mask_bias;
    bool offset; /* the first token stands at pad_token_id + 1 */
} Names;

#define BERT_LAYER "encoder.layer.%d."
#define DISTILBERT_LAYER "transformer.layer.%d."

/* What RoBERTa has from BERT. */
#define BERT_KEYS                                                                                  \
    .dim = "hidden_size", .layers = "num_hidden_layers", .heads = "num_attention_heads",           \
    .neurons = "intermediate_size", .activation = "hidden_act"
#define BERT_TENSORS                                                                               \
    .linear = {[ROLE_Q] = BERT_LAYER "attention.self.query",                                       \
               [ROLE_K] = BERT_LAYER "attention.self.key",                                         \
               [ROLE_V] = BERT_LAYER "attention.self.value",                                       \
               [ROLE_O] = BERT_LAYER "attention.output.dense",                                     \
               [ROLE_UP] = BERT_LAYER "intermediate.dense",                                        \
               [ROLE_DOWN] = BERT_LAYER "output.dense"},                                           \
    .attn_norm = BERT_LAYER "attention.output.LayerNorm",                                          \
    .mlp_norm = BERT_LAYER "output.LayerNorm"

static const Names families[] = {
    {
        .model_type = "bert",
        .class_name = "Bert",
        BERT_KEYS,
        BERT_TENSORS,
        .class_dense = "bert.pooler.dense",
        .class_out = "classifier",
        .class_activation = DENSE_TANH,
        .mask_dense = "cls.predictions.transform.dense",
        .mask_norm = "cls.predictions.transform.LayerNorm",
        .mask_bias = "cls.predictions.bias",
    },
    {
        .model_type = "roberta",
        .class_name = "Roberta",
        BERT_KEYS,
        BERT_TENSORS,
        .class_dense = "classifier.dense",
        .class_out = "classifier.out_proj",
        .class_activation = DENSE_TANH,
        .mask_dense = "lm_head.dense",
        .mask_norm = "lm_head.layer_norm",
        .mask_bias = "lm_head.bias",
        .offset = true,
    },
    {
        .model_type = "distilbert",
        .class_name = "DistilBert",
        .dim = "dim",
        .layers = "n_layers",
        .heads = "n_heads",
        .neurons = "hidden_dim",
        .activation = "activation",
        .linear = {[ROLE_Q] = DISTILBERT_LAYER "attention.q_lin",
                   [ROLE_K] = DISTILBERT_LAYER "attention.k_lin",
                   [ROLE_V] = DISTILBERT_LAYER "attention.v_lin",
                   [ROLE_O] = DISTILBERT_LAYER "attention.out_lin",
                   [ROLE_UP] = DISTILBERT_LAYER "ffn.lin1",
                   [ROLE_DOWN] = DISTILBERT_LAYER "ffn.lin2"},
        .attn_norm = DISTILBERT_LAYER "sa_layer_norm",
        .mlp_norm = DISTILBERT_LAYER "output_layer_norm",
        .class_dense = "pre_classifier",
        .class_out = "classifier",
        .class_activation = DENSE_RELU,
        .mask_dense = "vocab_transform",
        .mask_norm = "vocab_layer_norm",
        .mask_bias = "vocab_projector.bias",
    },
};

/* An import under way. */
typedef struct Import {
    Arena *arena;
    const HfCheckpoint *c;
    const Names *names;
    const char *prefix; /* of the encoder's tensors: "bert." or "" */
    Model *model;
    int layer; /* being loaded */
} Import;

/* Configuration ---------------------------------------------------------------------------- */

/* Keys that change the result: the only value supported. Absent and null are fine. */
static const struct {
    const char *key, *value, *why; /* value: as a JSON string or true or false; NULL: null */
} fixed[] = {
    {"position_embedding_type", "absolute", "supported: \"absolute\""},
    {"problem_type", "single_label_classification", "supported: \"single_label_classification\""},
    {"is_decoder", "false", "supported: false"},
    {"add_cross_attention", "false", "supported: false"},
    {"tie_word_embeddings", "true", "supported: true"},
    {"quantization_config", NULL, "quantized checkpoints are not read: give the float one"},
};

/* Read below, or without effect on inference. Any other key gets a warning. */
static const char *const known[] = {
    "model_type",
    "architectures",
    "hidden_size",
    "dim",
    "num_hidden_layers",
    "n_layers",
    "num_attention_heads",
    "n_heads",
    "intermediate_size",
    "hidden_dim",
    "hidden_act",
    "activation",
    "vocab_size",
    "max_position_embeddings",
    "type_vocab_size",
    "layer_norm_eps",
    "pad_token_id",
    "bos_token_id",
    "eos_token_id",
    "id2label",
    "label2id",
    "num_labels",
    "_num_labels",
    "torch_dtype",
    "dtype",
    "transformers_version",
    "_name_or_path",
    "_attn_implementation_autoset",
    "attention_dropout",
    "attention_probs_dropout_prob",
    "hidden_dropout_prob",
    "dropout",
    "classifier_dropout",
    "seq_classif_dropout",
    "qa_dropout",
    "initializer_range",
    "sinusoidal_pos_embds",
    "tie_weights_",
    "gradient_checkpointing",
    "use_cache",
    "output_past",
    "output_attentions",
    "output_hidden_states",
    "return_dict",
    "torchscript",
    "chunk_size_feed_forward",
    "finetuning_task",
    "pruned_heads",
    "directionality",
    "pooler_fc_size",
    "pooler_num_attention_heads",
    "pooler_num_fc_layers",
    "pooler_size_per_head",
    "pooler_type",
};

static bool is_fixed_value(const char *value, const json_t *v)
{
    if (!value)
        return false;
    if (json_is_boolean(v))
        return strcmp(value, json_is_true(v) ? "true" : "false") == 0;
    return json_is_string(v) && strcmp(json_string_value(v), value) == 0;
}

static bool is_known(const char *key)
{
    for (size_t i = 0; i < LENGTH(fixed); i++)
        if (strcmp(fixed[i].key, key) == 0)
            return true;
    return find_name(known, LENGTH(known), key) >= 0;
}

static void check_keys(const HfCheckpoint *c)
{
    for (size_t i = 0; i < LENGTH(fixed); i++) {
        const json_t *v = get_value(c->config, fixed[i].key);
        if (v && !is_fixed_value(fixed[i].value, v))
            bad_value(c->config_path, fixed[i].key, v, fixed[i].why);
    }
    const json_t *pruned = get_object(c->config_path, c->config, "pruned_heads");
    if (json_object_size(pruned) > 0)
        bad_value(c->config_path, "pruned_heads", pruned, "supported: none");
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)c->config, key, v) if (!is_known(key))
        warn("%s: %.64s: not known for %s, so it has no effect", c->config_path, key,
             c->family->model_type);
}

static const Names *find_names(const char *model_type)
{
    for (size_t i = 0; i < LENGTH(families); i++)
        if (strcmp(families[i].model_type, model_type) == 0)
            return &families[i];
    die("family %s", model_type);
}

/* The head is what the architecture's name ends with: "BertForMaskedLM". */
static HeadKind read_head(const Import *in)
{
    static const struct {
        const char *end;
        HeadKind kind;
    } ends[] = {{"ForSequenceClassification", HEAD_CLASS},
                {"ForTokenClassification", HEAD_LABEL},
                {"ForMaskedLM", HEAD_MASK},
                {"Model", HEAD_EMBED}};
    const json_t *list = get_array(in->c->config_path, in->c->config, "architectures");
    const char *name = json_string_value(json_array_get(list, 0));
    const char *supported = "supported:";
    for (size_t i = 0; i < LENGTH(ends); i++) {
        const char *whole = arena_printf(in->arena, "%s%s", in->names->class_name, ends[i].end);
        if (name && strcmp(name, whole) == 0)
            return ends[i].kind;
        supported = arena_printf(in->arena, "%s%s %s", supported, i ? "," : "", whole);
    }
    bad_value(in->c->config_path, "architectures", json_object_get(in->c->config, "architectures"),
              supported);
}

static Activation read_activation(const Import *in)
{
    static const struct {
        const char *name;
        Activation activation;
    } all[] = {{"gelu", ACT_GELU},           {"gelu_python", ACT_GELU},
               {"gelu_new", ACT_GELU_TANH},  {"gelu_pytorch_tanh", ACT_GELU_TANH},
               {"gelu_fast", ACT_GELU_TANH}, {"relu", ACT_RELU}};
    const char *key = in->names->activation;
    const char *name = get_string(in->c->config_path, in->c->config, key, "gelu");
    for (size_t i = 0; i < LENGTH(all); i++)
        if (strcmp(all[i].name, name) == 0)
            return all[i].activation;
    bad_value(in->c->config_path, key, get_value(in->c->config, key),
              "supported: \"gelu\", \"gelu_python\", \"gelu_new\", \"gelu_pytorch_tanh\", "
              "\"gelu_fast\", \"relu\"");
}

/* Rows of the position table before the first token's. */
static int first_position(const Import *in)
{
    const char *p = in->c->config_path;
    return in->names->offset ? get_int(p, in->c->config, "pad_token_id", 0, MAX_CONTEXT, 1) + 1 : 0;
}

static Shape read_shape(const Import *in)
{
    const char *p = in->c->config_path;
    const json_t *j = in->c->config;
    const int rows = get_int(p, j, "max_position_embeddings", 1, MAX_CONTEXT, 512);
    Shape s = {
        .dim = need_int(p, j, in->names->dim, 1, MAX_DIM),
        .n_layers = need_int(p, j, in->names->layers, 1, MAX_LAYERS),
        .n_heads = need_int(p, j, in->names->heads, 1, MAX_HEADS),
        .n_neurons = need_int(p, j, in->names->neurons, 1, MAX_NEURONS),
        .vocab = need_int(p, j, "vocab_size", 1, MAX_VOCAB),
        .context = rows - first_position(in),
    };
    if (s.context < 1)
        bad_value(p, "max_position_embeddings", get_value(j, "max_position_embeddings"),
                  "no position is left after pad_token_id");
    if (s.dim % s.n_heads || s.dim / s.n_heads > MAX_HEAD_DIM)
        fatal("%s: %s: %d: must be %s (%d) times a head size of at most %d", p, in->names->dim,
              s.dim, in->names->heads, s.n_heads, MAX_HEAD_DIM);
    s.n_kv_heads = s.n_heads;
    s.learned = true;
    s.head_dim = s.dim / s.n_heads;
    return s;
}

/* Sentence embeddings: 1_Pooling of the sentence-transformers layout; the mean where there is none.
 */
static Pooling read_pooling(const Import *in)
{
    static const char *const other[] = {
        "pooling_mode_max_tokens", "pooling_mode_mean_sqrt_len_tokens",
        "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"};
    const char *path = path_join(in->arena, in->c->dir, "1_Pooling/config.json");
    if (dir_exists(path_join(in->arena, in->c->dir, "2_Dense")))
        fatal("%s: 2_Dense: a dense layer after pooling is not supported", in->c->dir);
    if (!file_exists(path))
        return POOL_MEAN;
    const json_t *j = read_json(in->arena, path);
    for (size_t i = 0; i < LENGTH(other); i++)
        if (get_bool(path, j, other[i], false))
            bad_value(path, other[i], get_value(j, other[i]),
                      "supported: pooling_mode_cls_token or pooling_mode_mean_tokens");
    const bool first = get_bool(path, j, "pooling_mode_cls_token", false);
    if (first == get_bool(path, j, "pooling_mode_mean_tokens", !first))
        fatal("%s: one of pooling_mode_cls_token and pooling_mode_mean_tokens must be true", path);
    return first ? POOL_FIRST : POOL_MEAN;
}

/* Tensors ---------------------------------------------------------------------------------- */

/* A name of the encoder's, %d being the layer. */
static const char *name_of(const Import *in, const char *pattern)
{
    const char *mark = strstr(pattern, "%d");
    if (!mark)
        return arena_printf(in->arena, "%s%s", in->prefix, pattern);
    return arena_printf(in->arena, "%s%.*s%d%s", in->prefix, (int)(mark - pattern), pattern,
                        in->layer, mark + 2);
}

static float *load(const Import *in, const char *name, int rows, int cols)
{
    const int dims[] = {rows, cols};
    return safetensors_load(in->arena, in->c->weights, name, cols > 0 ? 2 : 1, dims);
}

static void load_linear(const Import *in, const char *name, Linear *l, int rows, int cols)
{
    l->rows = rows;
    l->cols = cols;
    l->w = load(in, arena_printf(in->arena, "%s.weight", name), rows, cols);
    l->bias = load(in, arena_printf(in->arena, "%s.bias", name), rows, 0);
}

/* The first checkpoints have gamma and beta for weight and bias. */
static void load_norm(const Import *in, const char *name, Norm *v)
{
    const char *gamma = arena_printf(in->arena, "%s.gamma", name);
    const bool old = safetensors_has(in->c->weights, gamma);
    v->n = in->model->dim;
    v->gamma = load(in, old ? gamma : arena_printf(in->arena, "%s.weight", name), v->n, 0);
    v->beta = load(in, arena_printf(in->arena, "%s.%s", name, old ? "beta" : "bias"), v->n, 0);
}

/* The row of type 0 goes into the position table; of a pair's second text the difference to type 1
 * is added. */
static void load_positions(const Import *in)
{
    Model *m = in->model;
    const int first = first_position(in), rows = first + m->context;
    const char *types = name_of(in, "embeddings.token_type_embeddings.weight");
    const float *all = load(in, name_of(in, "embeddings.position_embeddings.weight"), rows, m->dim);
    const size_t dim = (size_t)m->dim;
    m->position = POSITION_LEARNED;
    m->positions.rows = m->context;
    m->positions.cols = m->dim;
    m->positions.w =
        arena_copy(in->arena, all + (size_t)first * dim, (size_t)m->context * dim, sizeof *all);
    if (strcmp(in->names->model_type, "distilbert") == 0)
        return;
    const int n = get_int(in->c->config_path, in->c->config, "type_vocab_size", 1, 64, 2);
    const float *type = load(in, types, n, m->dim);
    for (size_t i = 0; i < (size_t)m->context * dim; i++)
        m->positions.w[i] += type[i % dim];
    m->second = n > 1 ? NEW(in->arena, float, dim) : NULL;
    for (size_t i = 0; i < dim && m->second; i++)
        m->second[i] = type[dim + i] - type[i];
}

static void load_block(Import *in, Block *b)
{
    const int dim = in->model->dim, n = b->n_neurons;
    const int rows[ROLES] = {dim, dim, dim, dim, 0, n, dim};
    Norm *after = in->layer + 1 < in->model->n_layers ? &in->model->blocks[in->layer + 1].attn_norm
                                                      : &in->model->final_norm;
    for (int r = 0; r < ROLES; r++)
        if (in->names->linear[r])
            load_linear(in, name_of(in, in->names->linear[r]), &b->linear[r], rows[r],
                        r == ROLE_DOWN ? n : dim);
    b->linear[ROLE_GATE].rows = b->linear[ROLE_GATE].cols = 0;
    load_norm(in, name_of(in, in->names->attn_norm), &b->mlp_norm);
    load_norm(in, name_of(in, in->names->mlp_norm), after);
}

static void load_dense(Import *in, const char *name, DenseActivation activation)
{
    load_linear(in, name, &in->model->dense, in->model->dim, in->model->dim);
    in->model->dense_activation = activation;
}

/* RoBERTa's is always GELU, the others' that of the layers. */
static DenseActivation mask_activation(const Import *in)
{
    switch (in->model->activation) {
    case ACT_GELU_TANH: return in->names->offset ? DENSE_GELU : DENSE_GELU_TANH;
    case ACT_RELU: return in->names->offset ? DENSE_GELU : DENSE_RELU;
    case ACT_GELU: return DENSE_GELU;
    case ACT_SILU:
    case ACT_RELU2:
    case ACTIVATIONS: break;
    }
    die("activation %d", (int)in->model->activation);
}

static void load_head(Import *in)
{
    const Names *names = in->names;
    Model *m = in->model;
    m->head = (Linear){.name = m->head.name, .cols = m->dim};
    switch (m->head_kind) {
    case HEAD_CLASS:
        load_dense(in, names->class_dense, names->class_activation);
        load_linear(in, names->class_out, &m->head, read_hf_labels(in->arena, in->c, m), m->dim);
        return;
    case HEAD_LABEL:
        load_linear(in, "classifier", &m->head, read_hf_labels(in->arena, in->c, m), m->dim);
        return;
    case HEAD_MASK:
        load_dense(in, names->mask_dense, mask_activation(in));
        load_norm(in, names->mask_norm, &m->dense_norm);
        m->tied_head = true;
        m->head.rows = m->vocab;
        m->head.bias = load(in, names->mask_bias, m->vocab, 0);
        return;
    case HEAD_EMBED:
        m->tied_head = true;
        m->pooling = read_pooling(in);
        return;
    case HEAD_NEXT:
    case HEAD_KINDS: break;
    }
    die("head %d", (int)m->head_kind);
}

/* Heads after layers before the last, where the checkpoint has any: "exits.N.classifier", N the
 * layer. */
static void load_exits(Import *in)
{
    Model *m = in->model;
    for (int l = 0;
         l + 1 < m->n_layers && (m->head_kind == HEAD_CLASS || m->head_kind == HEAD_LABEL); l++) {
        const char *name = arena_printf(in->arena, "exits.%d.classifier", l);
        if (!safetensors_has(in->c->weights, arena_printf(in->arena, "%s.weight", name)))
            continue;
        m->exits = arena_grow(in->arena, m->exits, m->n_exits, sizeof *m->exits);
        Exit *e = &m->exits[m->n_exits++];
        e->layer = l;
        load_linear(in, name, &e->head, m->head.rows, m->dim);
    }
    model_name_tensors(in->arena, m);
}

/* What is published with an encoder and no part of what it gives: buffers, copies of tied tensors,
 * the head of another task. */
static bool is_harmless(const Import *in, const char *name)
{
    static const char *const starts[] = {"cls.seq_relationship.", "cls.predictions.decoder.",
                                         "lm_head.decoder.", "vocab_projector.weight",
                                         "qa_outputs."};
    static const char *const embed_starts[] = {"cls.",    "lm_head.",     "vocab_",
                                               "pooler.", "bert.pooler.", "roberta.pooler."};
    const char *end = "embeddings.position_ids";
    const size_t n = strlen(name), k = strlen(end);
    if (n >= k && strcmp(name + n - k, end) == 0)
        return true;
    for (size_t i = 0; i < LENGTH(starts); i++)
        if (strncmp(name, starts[i], strlen(starts[i])) == 0)
            return true;
    if (in->model->head_kind != HEAD_EMBED)
        return strstr(name, "pooler.dense.") != NULL;
    for (size_t i = 0; i < LENGTH(embed_starts); i++)
        if (strncmp(name, embed_starts[i], strlen(embed_starts[i])) == 0)
            return true;
    return false;
}

static void check_all_used(const Import *in)
{
    const char *name;
    for (int i = 0; (name = safetensors_unused(in->c->weights, i)); i++)
        if (!is_harmless(in, name))
            fatal("%s: tensor %s: has no place in a %d-layer %s model with this head: it would be "
                  "ignored",
                  in->c->dir, name, in->model->n_layers, in->names->model_type);
}

/* "bert.", or nothing where the encoder was saved alone. */
static const char *find_prefix(const Import *in)
{
    const char *prefix = arena_printf(in->arena, "%s.", in->names->model_type);
    const char *probe = arena_printf(in->arena, "%sembeddings.word_embeddings.weight", prefix);
    return safetensors_has(in->c->weights, probe) ? prefix : "";
}

Model *import_hf_bert(Arena *a, const HfCheckpoint *c)
{
    Import in = {.arena = a, .c = c, .names = find_names(c->family->model_type)};
    check_keys(c);
    const Shape shape = read_shape(&in);
    Model *m = in.model = new_model(a, c->config_path, c->family->model_type, &shape);
    in.prefix = find_prefix(&in);
    m->path = c->dir;
    m->norm = NORM_LAYER;
    m->norm_eps = (float)get_double(c->config_path, c->config, "layer_norm_eps", 0, 0.1, 1e-12);
    m->activation = read_activation(&in);
    m->ungated = m->encoder = m->post_norm = true;
    m->head_kind = read_head(&in);
    m->embed.w = load(&in, name_of(&in, "embeddings.word_embeddings.weight"), m->vocab, m->dim);
    load_positions(&in);
    load_norm(&in, name_of(&in, "embeddings.LayerNorm"), &m->blocks[0].attn_norm);
    for (in.layer = 0; in.layer < m->n_layers; in.layer++)
        load_block(&in, &m->blocks[in.layer]);
    load_head(&in);
    load_exits(&in);
    check_all_used(&in);
    return m;
}
