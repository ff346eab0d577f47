/* A Model from a GGUF file of llama or of an architecture that differs from it in what a row of a
 * table says. Every key of the architecture that changes the arithmetic is either read or must have
 * the one value that is implemented; every tensor must be used. */
#include "gguf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What tells an architecture from llama. Weights of gemma's norms are stored as they are. */
typedef struct Family {
    const char *name;
    bool interleaved; /* rows of q and k are stored for rotary pairs (2i, 2i + 1) */
    bool qkv_bias;    /* q, k and v always have a bias */
    bool qk_norm;
    bool scaled_embedding; /* tokens enter times sqrt(embedding_length) */
    Activation activation; /* that gates the MLP */
} Family;

static const Family families[] = {
    {"llama", .interleaved = true},
    {"qwen2", .qkv_bias = true},
    {"qwen3", .qk_norm = true},
    {"gemma", .scaled_embedding = true, .activation = ACT_GELU_TANH},
};

/* Keys of the file that change the result: the only value supported. Absent is fine. */
static const struct {
    const char *key, *value, *why;
} fixed[] = {
    {"general.type", "model", "supported: \"model\""},
};

/* Keys of the architecture, behind its name and a dot. */

static const char layout[] = "tensor_data_layout", scaling[] = "rope.scaling.type";

/* What is not implemented: 0 or false, or absent. */
static const char *const zero[] = {
    "expert_count",
    "expert_used_count",
    "expert_shared_count",
    "leading_dense_block_count",
    "attention.sliding_window",
    "attention.clamp_kqv",
    "attention.max_alibi_bias",
    "attention.scale",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "logit_scale",
    "residual_scale",
    "embedding_scale",
    "use_parallel_residual",
    "rope.scaling.attn_factor",
};

/* Read below, or without effect on inference. Any other key of the architecture gets a warning. */
static const char *const known[] = {
    "context_length",
    "embedding_length",
    "block_count",
    "feed_forward_length",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "attention.layer_norm_rms_epsilon",
    "attention.causal",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.scaling.factor",
    "rope.scaling.original_context_length",
    "rope.scaling.finetuned",
    "rope.scale_linear",
    "vocab_size",
    layout,
    scaling,
};

static const char *const linear_tensors[ROLES] = {
    [ROLE_Q] = "attn_q",      [ROLE_K] = "attn_k",      [ROLE_V] = "attn_v",
    [ROLE_O] = "attn_output", [ROLE_GATE] = "ffn_gate", [ROLE_UP] = "ffn_up",
    [ROLE_DOWN] = "ffn_down",
};

/* Metadata --------------------------------------------------------------------------------- */

static const Family *find_family(const Gguf *g)
{
    const char *name = gguf_string(g, "general.architecture", "");
    char *supported = arena_printf(g->arena, "supported: \"%s\"", families[0].name);
    for (size_t i = 0; i < LENGTH(families); i++) {
        if (!strcmp(families[i].name, name))
            return &families[i];
        if (i > 0)
            supported = arena_printf(g->arena, "%s, \"%s\"", supported, families[i].name);
    }
    gguf_bad(g, "general.architecture", supported);
}

/* The whole name of one of the architecture's keys. */
static const char *own(const Gguf *g, const Family *f, const char *key)
{
    return arena_printf(g->arena, "%s.%s", f->name, key);
}

static void check_own_keys(const Gguf *g, const Family *f)
{
    const size_t n = strlen(f->name);
    for (int i = 0; i < g->n_keys; i++) {
        const char *key = g->keys[i].name;
        if (strncmp(key, f->name, n) != 0 || key[n] != '.')
            continue;
        if (find_name(known, LENGTH(known), key + n + 1) < 0 &&
            find_name(zero, LENGTH(zero), key + n + 1) < 0)
            warn("%s: %.64s: not known, so it has no effect", g->file.path, key);
    }
}

/* A number that is 0, or false. */
static bool is_zero(const Gguf *g, const char *key)
{
    const GgufKey *k = gguf_key(g, key);
    return k && k->type == GGUF_BOOL ? !gguf_bool(g, key, false)
                                     : gguf_double(g, key, -1e300, 1e300, 0) == 0;
}

static void check_keys(const Gguf *g, const Family *f)
{
    static const char meta[] = "Meta AI original pth";
    const char *key = own(g, f, layout);
    if (gguf_int(g, "split.count", 0, 65535, 0) > 1)
        gguf_bad(g, "split.count", "one part of several: join them with gguf-split --merge");
    for (size_t i = 0; i < LENGTH(fixed); i++)
        if (strcmp(gguf_string(g, fixed[i].key, fixed[i].value), fixed[i].value) != 0)
            gguf_bad(g, fixed[i].key, fixed[i].why);
    if (strcmp(gguf_string(g, key, meta), meta) != 0)
        gguf_bad(g, key, "supported: \"Meta AI original pth\"");
    for (size_t i = 0; i < LENGTH(zero); i++)
        if (!is_zero(g, own(g, f, zero[i])))
            gguf_bad(g, own(g, f, zero[i]), "not supported: 0 was expected");
    if (!gguf_bool(g, own(g, f, "attention.causal"), true))
        gguf_bad(g, own(g, f, "attention.causal"), "supported: true");
    check_own_keys(g, f);
}

/* Sizes that the heads have in every way that a file says it. */
static void read_head_dim(const Gguf *g, const Family *f, Shape *s)
{
    const char *const same[] = {own(g, f, "attention.key_length"),
                                own(g, f, "attention.value_length"),
                                own(g, f, "rope.dimension_count")};
    s->head_dim = gguf_int(g, same[0], 1, MAX_HEAD_DIM, 0);
    if (s->head_dim == 0) {
        s->head_dim = s->dim / s->n_heads;
        if (s->dim % s->n_heads || s->head_dim > MAX_HEAD_DIM)
            gguf_bad(
                g, own(g, f, "attention.head_count"),
                arena_printf(g->arena,
                             "heads of %d inputs: embedding_length %d must be head_count times "
                             "at most %d",
                             s->head_dim, s->dim, MAX_HEAD_DIM));
    }
    for (size_t i = 0; i < LENGTH(same); i++)
        if (gguf_int(g, same[i], 1, MAX_HEAD_DIM, s->head_dim) != s->head_dim)
            gguf_bad(g, same[i],
                     arena_printf(g->arena,
                                  "the head size is %d: only one for keys, values and "
                                  "rotation is supported",
                                  s->head_dim));
}

/* The vocabulary is what the embedding has rows for. */
static int read_vocab(const Gguf *g, const Family *f)
{
    const GgufTensor *t = gguf_tensor(g, "token_embd.weight");
    if (!t)
        fatal("%s: tensor token_embd.weight: missing", g->file.path);
    const size_t rows = t->n_dims == 2 ? t->dims[1] : 0;
    if (rows < 1 || rows > MAX_VOCAB)
        fatal("%s: tensor token_embd.weight: %zu tokens in %d dimensions: 1 to %d in 2 were "
              "expected",
              g->file.path, rows, t->n_dims, MAX_VOCAB);
    if (gguf_int(g, own(g, f, "vocab_size"), 1, MAX_VOCAB, (int)rows) != (int)rows)
        gguf_bad(g, own(g, f, "vocab_size"),
                 arena_printf(g->arena, "token_embd.weight has %zu rows", rows));
    return (int)rows;
}

static Shape read_shape(const Gguf *g, const Family *f)
{
    Shape s = {
        .dim = gguf_need_int(g, own(g, f, "embedding_length"), 1, MAX_DIM),
        .n_layers = gguf_need_int(g, own(g, f, "block_count"), 1, MAX_LAYERS),
        .n_heads = gguf_need_int(g, own(g, f, "attention.head_count"), 1, MAX_HEADS),
        .n_neurons = gguf_need_int(g, own(g, f, "feed_forward_length"), 1, MAX_NEURONS),
        .context = gguf_need_int(g, own(g, f, "context_length"), 1, MAX_CONTEXT),
        .vocab = read_vocab(g, f),
    };
    s.n_kv_heads = gguf_int(g, own(g, f, "attention.head_count_kv"), 1, MAX_HEADS, s.n_heads);
    read_head_dim(g, f, &s);
    if (s.n_layers > g->n_tensors)
        gguf_bad(g, own(g, f, "block_count"),
                 arena_printf(g->arena, "the file has only %d tensors", g->n_tensors));
    return s;
}

/* Weights ---------------------------------------------------------------------------------- */

static void load_linear(Gguf *g, const char *name, Linear *l)
{
    const int dims[] = {l->rows, l->cols};
    l->w = gguf_load(g, arena_printf(g->arena, "%s.weight", name), 2, dims);
}

/* With a bias where the file has one, or `needed`. */
static void load_biased(Gguf *g, const char *name, bool needed, Linear *l)
{
    const char *bias = arena_printf(g->arena, "%s.bias", name);
    load_linear(g, name, l);
    if (needed || gguf_tensor(g, bias))
        l->bias = gguf_load(g, bias, 1, &l->rows);
}

static void load_norm(Gguf *g, const char *name, Norm *v)
{
    v->gamma = gguf_load(g, arena_printf(g->arena, "%s.weight", name), 1, &v->n);
}

static void load_block(Gguf *g, const Family *f, int layer, Block *b)
{
    const char *at = arena_printf(g->arena, "blk.%d", layer);
    load_norm(g, arena_printf(g->arena, "%s.attn_norm", at), &b->attn_norm);
    load_norm(g, arena_printf(g->arena, "%s.ffn_norm", at), &b->mlp_norm);
    for (int r = 0; r < ROLES; r++)
        load_biased(g, arena_printf(g->arena, "%s.%s", at, linear_tensors[r]),
                    f->qkv_bias && r <= ROLE_V, &b->linear[r]);
    if (f->qk_norm) {
        load_norm(g, arena_printf(g->arena, "%s.attn_q_norm", at), &b->q_norm);
        load_norm(g, arena_printf(g->arena, "%s.attn_k_norm", at), &b->k_norm);
    }
}

static void check_all_used(const Gguf *g, const Model *m)
{
    for (int i = 0; i < g->n_tensors; i++)
        if (!g->tensors[i].used)
            fatal("%s: tensor %s: has no place in a %d-layer %s model: it would be ignored",
                  g->file.path, g->tensors[i].name, m->n_layers, m->family);
}

/* What slows rotary pairs down: one factor for all, or a tensor with one for each (Llama 3.1). */
static void read_rope(Gguf *g, const Family *f, Model *m)
{
    static const char tensor[] = "rope_freqs.weight";
    const char *key = own(g, f, scaling), *type = gguf_string(g, key, "none");
    const char *const by[] = {own(g, f, "rope.scaling.factor"), own(g, f, "rope.scale_linear")};
    const int pairs = m->blocks[0].head_dim / 2;
    const bool old = !gguf_key(g, key) && gguf_key(g, by[1]);
    if (strcmp(type, "none") != 0 && strcmp(type, "linear") != 0)
        gguf_bad(g, key, "supported: \"none\", \"linear\"");
    const double factor = old || !strcmp(type, "linear") ? gguf_double(g, by[old], 1, 1e4, 1) : 1;
    m->rope_theta = (float)gguf_double(g, own(g, f, "rope.freq_base"), 1, 1e12, 1e4);
    m->rope_interleaved = f->interleaved;
    if (factor == 1 && !gguf_tensor(g, tensor))
        return;
    m->rope_factor =
        gguf_tensor(g, tensor) ? gguf_load(g, tensor, 1, &pairs) : NEW(g->arena, float, pairs);
    for (int i = 0; i < pairs; i++) {
        const float own_factor = gguf_tensor(g, tensor) ? m->rope_factor[i] : 1;
        m->rope_factor[i] = (float)factor * own_factor;
        if (!(own_factor >= 1 && m->rope_factor[i] <= 1e4F))
            fatal("%s: tensor %s: %g: factors from 1 to 10000 were expected", g->file.path, tensor,
                  (double)own_factor);
    }
}

Model *import_gguf_file(Arena *a, const File *file, const char *tokenizer_path)
{
    Gguf *g = gguf_parse(a, file);
    const Family *f = find_family(g);
    check_keys(g, f);
    const Shape shape = read_shape(g, f);
    Model *m = new_model(a, file->path, f->name, &shape);
    m->activation = f->activation;
    m->qk_norm = f->qk_norm;
    m->norm_eps =
        (float)gguf_double(g, own(g, f, "attention.layer_norm_rms_epsilon"), 1e-12, 0.1, 1e-5);
    read_rope(g, f, m);
    m->tied_head = !gguf_tensor(g, "output.weight");
    load_linear(g, "token_embd", &m->embed);
    for (int i = 0; i < m->n_layers; i++)
        load_block(g, f, i, &m->blocks[i]);
    load_norm(g, "output_norm", &m->final_norm);
    if (!m->tied_head)
        load_linear(g, "output", &m->head);
    if (f->scaled_embedding)
        divide_residual(m, sqrtf((float)m->dim));
    check_all_used(g, m);
    m->hash = model_hash(m);
    m->tokenizer = tokenizer_path ? NULL : gguf_tokenizer(g, m->vocab);
    if (!m->tokenizer)
        m->tokenizer = find_tokenizer(a, file->path, tokenizer_path, m->vocab);
    return m;
}

Model *import_gguf(Arena *a, const char *path, const char *tokenizer_path)
{
    const File f = file_map(a, path);
    return import_gguf_file(a, &f, tokenizer_path);
}
