/* llama2.c checkpoints. Version 0 has no magic and ends with RoPE tables that nothing needs;
 * 1 and 2 have a 256-byte header and start with the norms; 2 holds its matrices as int8 groups.
 * A version is its header plus the order of its parts. RoPE pairs are (2i, 2i+1). */
#include "import.h"

#include <math.h>
#include <string.h>

#define MAGIC 0x616b3432u /* "ak42" */

typedef enum Part {
    PART_END,
    PART_EMBED,
    PART_ATTN_NORMS,
    PART_MLP_NORMS,
    PART_FINAL_NORM,
    PART_TABLES, /* cos and sin, context x head_dim/2 each */
    PART_HEAD,   /* absent when the head is tied */
    PART_ROLES   /* PART_ROLES + role: that matrix of every layer */
} Part;

static const int order_v0[] = {
    PART_EMBED,
    PART_ATTN_NORMS,
    PART_ROLES + ROLE_Q,
    PART_ROLES + ROLE_K,
    PART_ROLES + ROLE_V,
    PART_ROLES + ROLE_O,
    PART_MLP_NORMS,
    PART_ROLES + ROLE_GATE,
    PART_ROLES + ROLE_DOWN,
    PART_ROLES + ROLE_UP,
    PART_FINAL_NORM,
    PART_TABLES,
    PART_HEAD,
    PART_END,
};

static const int order_v1[] = {
    PART_ATTN_NORMS,
    PART_MLP_NORMS,
    PART_FINAL_NORM,
    PART_EMBED,
    PART_ROLES + ROLE_Q,
    PART_ROLES + ROLE_K,
    PART_ROLES + ROLE_V,
    PART_ROLES + ROLE_O,
    PART_ROLES + ROLE_GATE,
    PART_ROLES + ROLE_DOWN,
    PART_ROLES + ROLE_UP,
    PART_HEAD,
    PART_END,
};

typedef struct Checkpoint {
    File file;
    int version;
    Shape shape;
    bool tied;
    int group; /* version 2: weights that share a scale */
    const int *order;
    size_t header; /* bytes */
    size_t at;     /* read position */
} Checkpoint;

static int field(const File *f, size_t at, const char *name, int64_t max)
{
    int32_t v = (int32_t)read_u32le(f->data + at);
    if (v < 1 || v > max)
        fatal("%s: header: %s is %d: must be 1 to %lld (is this a llama2.c file?)", f->path, name,
              v, (long long)max);
    return v;
}

/* The seven sizes; `vocab_sign` says whether the vocabulary's sign carries the tied flag. */
static void read_shape(Checkpoint *c, size_t at, bool vocab_sign)
{
    const File *f = &c->file;
    Shape *s = &c->shape;
    s->dim = field(f, at, "dim", MAX_DIM);
    s->n_neurons = field(f, at + 4, "hidden_dim", MAX_NEURONS);
    s->n_layers = field(f, at + 8, "n_layers", MAX_LAYERS);
    s->n_heads = field(f, at + 12, "n_heads", MAX_HEADS);
    s->n_kv_heads = field(f, at + 16, "n_kv_heads", MAX_HEADS);
    int64_t vocab = (int32_t)read_u32le(f->data + at + 20);
    c->tied = vocab > 0;
    if (vocab_sign && vocab < 0)
        vocab = -vocab;
    if (vocab < 1 || vocab > MAX_VOCAB)
        fatal("%s: header: vocab_size is %lld: must be 1 to %d", f->path, (long long)vocab,
              MAX_VOCAB);
    s->vocab = (int)vocab;
    s->context = field(f, at + 24, "seq_len", MAX_CONTEXT);
    if (s->dim % s->n_heads)
        fatal("%s: header: dim %d is not a multiple of n_heads %d", f->path, s->dim, s->n_heads);
    s->head_dim = s->dim / s->n_heads;
    if (s->head_dim > MAX_HEAD_DIM)
        fatal("%s: header: head size %d: the limit is %d", f->path, s->head_dim, MAX_HEAD_DIM);
}

static Checkpoint read_header(const File *f)
{
    Checkpoint c = {.file = *f, .order = order_v0, .header = 28};
    if (f->size < 28)
        fatal("%s: %zu bytes: a llama2.c file has at least 28", f->path, f->size);
    if (read_u32le(f->data) != MAGIC) {
        read_shape(&c, 0, true);
        return c;
    }
    if (f->size < 256)
        fatal("%s: %zu bytes: a llama2.c file of version 1 or 2 has at least 256", f->path,
              f->size);
    c.version = field(f, 4, "version", 2);
    c.order = order_v1;
    c.header = 256;
    read_shape(&c, 8, false);
    if (f->data[36] > 1)
        fatal("%s: header: shared_classifier is %d: must be 0 or 1", f->path, f->data[36]);
    c.tied = f->data[36];
    if (c.version == 2)
        c.group = field(f, 37, "group_size", MAX_DIM);
    return c;
}

/* n floats: norms and tables of every version, all of versions 0 and 1. */
static float *read_floats(Arena *a, Checkpoint *c, const char *name, size_t n)
{
    float *w = NEW(a, float, n);
    memcpy(w, c->file.data + c->at, n * sizeof *w);
    c->at += n * sizeof *w;
    check_finite(c->file.path, name, w, n);
    return w;
}

/* n int8 codes, then a scale for each group; groups may straddle rows. */
static float *read_int8(Arena *a, Checkpoint *c, const char *name, size_t n)
{
    const uint8_t *code = c->file.data + c->at;
    float *w = NEW(a, float, n);
    c->at += n;
    float *scale = read_floats(a, c, arena_printf(a, "%s (scales)", name), n / (size_t)c->group);
    for (size_t i = 0; i < n; i++)
        w[i] = (float)(code[i] < 128 ? code[i] : code[i] - 256) * scale[i / (size_t)c->group];
    check_finite(c->file.path, name, w, n);
    return w;
}

static size_t linear_size(const Linear *l)
{
    return (size_t)l->rows * (size_t)l->cols;
}

static void read_linear(Arena *a, Checkpoint *c, Linear *l)
{
    size_t n = linear_size(l);
    l->w = c->version == 2 ? read_int8(a, c, l->name, n) : read_floats(a, c, l->name, n);
}

static void read_norm(Arena *a, Checkpoint *c, Norm *v)
{
    v->gamma = read_floats(a, c, v->name, (size_t)v->n);
}

static void read_part(Arena *a, Checkpoint *c, Model *m, int part)
{
    switch (part) {
    case PART_EMBED: read_linear(a, c, &m->embed); return;
    case PART_FINAL_NORM: read_norm(a, c, &m->final_norm); return;
    case PART_TABLES:
        c->at += (size_t)c->shape.context * (size_t)c->shape.head_dim * sizeof(float);
        return;
    case PART_HEAD:
        if (!m->tied_head)
            read_linear(a, c, &m->head);
        return;
    }
    for (int i = 0; i < m->n_layers; i++) {
        Block *b = &m->blocks[i];
        if (part == PART_ATTN_NORMS)
            read_norm(a, c, &b->attn_norm);
        else if (part == PART_MLP_NORMS)
            read_norm(a, c, &b->mlp_norm);
        else
            read_linear(a, c, &b->linear[part - PART_ROLES]);
    }
}

/* The size that the header implies. Within the header's limits it is below 2^52. */
static size_t expected_size(const Checkpoint *c, Model *m)
{
    size_t size = c->header, matrix = 0;
    const Linear *l;
    const Norm *v;
    for (int i = 0; (v = model_norm(m, i)); i++)
        size += (size_t)v->n * sizeof(float);
    for (int i = 0; (l = model_linears(m, i)); i++) {
        size_t n = linear_size(l);
        if (c->version == 2 && n % (size_t)c->group)
            fatal("%s: %s: %zu weights: not a multiple of group_size %d", c->file.path, l->name, n,
                  c->group);
        matrix += c->version == 2 ? n + n / (size_t)c->group * sizeof(float) : n * sizeof(float);
    }
    if (c->version == 0)
        size += (size_t)c->shape.context * (size_t)c->shape.head_dim * sizeof(float);
    return size + matrix;
}

Model *import_llama2c(Arena *a, const char *path, const char *tokenizer_path)
{
    File f = file_map(a, path);
    Checkpoint c = read_header(&f);
    Model *m = new_model(a, path, "llama", &c.shape);
    m->norm_eps = 1e-5f;
    m->rope_theta = 1e4f;
    m->rope_interleaved = true;
    m->tied_head = c.tied;
    size_t expected = expected_size(&c, m);
    if (f.size != expected)
        fatal("%s: %zu bytes: its version %d header asks for exactly %zu", path, f.size, c.version,
              expected);
    c.at = c.header;
    for (const int *part = c.order; *part != PART_END; part++)
        read_part(a, &c, m, *part);
    finish_model(a, m, tokenizer_path);
    return m;
}
