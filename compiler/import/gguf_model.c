/* A Model from a GGUF file of the llama architecture. Every key of the architecture that changes
 * the arithmetic is either read or must have the one value that is implemented; every tensor must
 * be used. Rows of q and k are stored for rotary pairs (2i, 2i + 1). */
#include "gguf.h"

#include <stdio.h>
#include <string.h>

#define ARCH "llama."

/* Keys that change the result: the only value supported, as text. Absent is fine. */
static const struct {
    const char *key, *value, *why;
} fixed[] = {
    {"general.type", "model", "supported: \"model\""},
    {ARCH "rope.scaling.type", "none", "supported: \"none\""},
    {ARCH "tensor_data_layout", "Meta AI original pth", "supported: \"Meta AI original pth\""},
};

/* Counts of what is not implemented: 0, or absent. */
static const char *const zero[] = {
    ARCH "expert_count",        ARCH "expert_used_count",        ARCH "attention.sliding_window",
    ARCH "attention.clamp_kqv", ARCH "attention.max_alibi_bias",
};

/* Read below, or without effect on inference. Any other key of the architecture gets a warning. */
static const char *const known[] = {
    ARCH "context_length",
    ARCH "embedding_length",
    ARCH "block_count",
    ARCH "feed_forward_length",
    ARCH "attention.head_count",
    ARCH "attention.head_count_kv",
    ARCH "attention.key_length",
    ARCH "attention.value_length",
    ARCH "attention.layer_norm_rms_epsilon",
    ARCH "rope.dimension_count",
    ARCH "rope.freq_base",
    ARCH "vocab_size",
};

static const char *const linear_tensors[ROLES] = {
    [ROLE_Q] = "attn_q",      [ROLE_K] = "attn_k",      [ROLE_V] = "attn_v",
    [ROLE_O] = "attn_output", [ROLE_GATE] = "ffn_gate", [ROLE_UP] = "ffn_up",
    [ROLE_DOWN] = "ffn_down",
};

/* Metadata --------------------------------------------------------------------------------- */

static bool is_known(const char *key)
{
    for (size_t i = 0; i < LENGTH(known); i++)
        if (!strcmp(known[i], key))
            return true;
    for (size_t i = 0; i < LENGTH(fixed); i++)
        if (!strcmp(fixed[i].key, key))
            return true;
    for (size_t i = 0; i < LENGTH(zero); i++)
        if (!strcmp(zero[i], key))
            return true;
    return false;
}

static void check_keys(const Gguf *g)
{
    const char *arch = gguf_string(g, "general.architecture", NULL);
    if (!arch || strcmp(arch, "llama") != 0)
        gguf_bad(g, "general.architecture", "supported: \"llama\"");
    if (gguf_int(g, "split.count", 0, 65535, 0) > 1)
        gguf_bad(g, "split.count", "one part of several: join them with gguf-split --merge");
    for (size_t i = 0; i < LENGTH(fixed); i++)
        if (strcmp(gguf_string(g, fixed[i].key, fixed[i].value), fixed[i].value) != 0)
            gguf_bad(g, fixed[i].key, fixed[i].why);
    for (size_t i = 0; i < LENGTH(zero); i++)
        if (gguf_double(g, zero[i], -1e300, 1e300, 0) != 0)
            gguf_bad(g, zero[i], "not supported: 0 was expected");
    for (int i = 0; i < g->n_keys; i++)
        if (!strncmp(g->keys[i].name, ARCH, strlen(ARCH)) && !is_known(g->keys[i].name))
            warn("%s: %.64s: not known, so it has no effect", g->file.path, g->keys[i].name);
}

/* Sizes that the heads have in every way that a file says it. */
static void read_head_dim(const Gguf *g, Shape *s)
{
    static const char *const same[] = {ARCH "attention.key_length", ARCH "attention.value_length",
                                       ARCH "rope.dimension_count"};
    s->head_dim = gguf_int(g, same[0], 1, MAX_HEAD_DIM, 0);
    if (s->head_dim == 0) {
        s->head_dim = s->dim / s->n_heads;
        if (s->dim % s->n_heads || s->head_dim > MAX_HEAD_DIM)
            gguf_bad(
                g, ARCH "attention.head_count",
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
static int read_vocab(const Gguf *g)
{
    const GgufTensor *t = gguf_tensor(g, "token_embd.weight");
    if (!t)
        fatal("%s: tensor token_embd.weight: missing", g->file.path);
    const size_t rows = t->n_dims == 2 ? t->dims[1] : 0;
    if (rows < 1 || rows > MAX_VOCAB)
        fatal("%s: tensor token_embd.weight: %zu tokens in %d dimensions: 1 to %d in 2 were "
              "expected",
              g->file.path, rows, t->n_dims, MAX_VOCAB);
    if (gguf_int(g, ARCH "vocab_size", 1, MAX_VOCAB, (int)rows) != (int)rows)
        gguf_bad(g, ARCH "vocab_size",
                 arena_printf(g->arena, "token_embd.weight has %zu rows", rows));
    return (int)rows;
}

static Shape read_shape(const Gguf *g)
{
    Shape s = {
        .dim = gguf_need_int(g, ARCH "embedding_length", 1, MAX_DIM),
        .n_layers = gguf_need_int(g, ARCH "block_count", 1, MAX_LAYERS),
        .n_heads = gguf_need_int(g, ARCH "attention.head_count", 1, MAX_HEADS),
        .n_neurons = gguf_need_int(g, ARCH "feed_forward_length", 1, MAX_NEURONS),
        .context = gguf_need_int(g, ARCH "context_length", 1, MAX_CONTEXT),
        .vocab = read_vocab(g),
    };
    s.n_kv_heads = gguf_int(g, ARCH "attention.head_count_kv", 1, MAX_HEADS, s.n_heads);
    read_head_dim(g, &s);
    if (s.n_layers > g->n_tensors)
        gguf_bad(g, ARCH "block_count",
                 arena_printf(g->arena, "the file has only %d tensors", g->n_tensors));
    return s;
}

/* Weights ---------------------------------------------------------------------------------- */

static void load_linear(Gguf *g, const char *name, Linear *l)
{
    const int dims[] = {l->rows, l->cols};
    l->w = gguf_load(g, name, 2, dims);
}

static void load_norm(Gguf *g, const char *name, Norm *v)
{
    v->gamma = gguf_load(g, name, 1, &v->n);
}

static void load_block(Gguf *g, int layer, Block *b)
{
    load_norm(g, arena_printf(g->arena, "blk.%d.attn_norm.weight", layer), &b->attn_norm);
    load_norm(g, arena_printf(g->arena, "blk.%d.ffn_norm.weight", layer), &b->mlp_norm);
    for (int r = 0; r < ROLES; r++)
        load_linear(g, arena_printf(g->arena, "blk.%d.%s.weight", layer, linear_tensors[r]),
                    &b->linear[r]);
}

static void check_all_used(const Gguf *g, const Model *m)
{
    for (int i = 0; i < g->n_tensors; i++)
        if (!g->tensors[i].used)
            fatal("%s: tensor %s: has no place in a %d-layer llama model: it would be ignored",
                  g->file.path, g->tensors[i].name, m->n_layers);
}

Model *import_gguf_file(Arena *a, const File *f, const char *tokenizer_path)
{
    Gguf *g = gguf_parse(a, f);
    check_keys(g);
    const Shape shape = read_shape(g);
    Model *m = new_model(a, f->path, "llama", &shape);
    m->norm_eps = (float)gguf_double(g, ARCH "attention.layer_norm_rms_epsilon", 1e-12, 0.1, 1e-5);
    m->rope_theta = (float)gguf_double(g, ARCH "rope.freq_base", 1, 1e12, 1e4);
    m->rope_interleaved = true;
    m->tied_head = !gguf_tensor(g, "output.weight");
    load_linear(g, "token_embd.weight", &m->embed);
    for (int i = 0; i < m->n_layers; i++)
        load_block(g, i, &m->blocks[i]);
    load_norm(g, "output_norm.weight", &m->final_norm);
    if (!m->tied_head)
        load_linear(g, "output.weight", &m->head);
    check_all_used(g, m);
    m->hash = model_hash(m);
    m->tokenizer = tokenizer_path ? NULL : gguf_tokenizer(g, m->vocab);
    if (!m->tokenizer)
        m->tokenizer = find_tokenizer(a, f->path, tokenizer_path, m->vocab);
    return m;
}

Model *import_gguf(Arena *a, const char *path, const char *tokenizer_path)
{
    const File f = file_map(a, path);
    return import_gguf_file(a, &f, tokenizer_path);
}
