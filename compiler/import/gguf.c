/* GGUF, versions 2 and 3: header, key-value metadata, tensor table, data. The rules are those of
 * the format's specification and of its reference reader: tensors lie one behind the other, each
 * padded to the alignment, so that no byte is read twice or left out. */
#include "gguf.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_ALIGNMENT = 32,
    MAX_ALIGNMENT = 1 << 20,
    MAX_NAME = 63,     /* bytes of a tensor's name */
    MAX_KEY = 65535,   /* the specification's limit */
    LEAST_KEY = 14,    /* bytes of the smallest key with its value: 8 + 1 + 4 + 1 */
    LEAST_TENSOR = 33, /* of the smallest table entry: 8 + 1 + 4 + 8 + 4 + 8 */
    MAX_ELEMENTS = 1 << 30
};

/* Reading from the file, front to back. */
typedef struct Cursor {
    Gguf *g;
    size_t at;
} Cursor;

static const uint8_t *take(Cursor *c, uint64_t n, const char *what)
{
    const File *f = &c->g->file;
    if (n > f->size - c->at)
        fatal("%s: %s: %llu bytes at byte %zu: the file ends at %zu", f->path, what,
              (unsigned long long)n, c->at, f->size);
    const uint8_t *p = f->data + c->at;
    c->at += (size_t)n;
    return p;
}

static uint32_t take_u32(Cursor *c, const char *what)
{
    return read_u32le(take(c, 4, what));
}

static uint64_t take_u64(Cursor *c, const char *what)
{
    return read_u64le(take(c, 8, what));
}

/* A name of printable ASCII: what both keys and tensors are called by. */
static const char *take_name(Cursor *c, const char *what, uint64_t max)
{
    const char *path = c->g->file.path;
    const uint64_t n = take_u64(c, what);
    if (n < 1 || n > max)
        fatal("%s: %s: a name of %llu bytes: must be 1 to %llu", path, what, (unsigned long long)n,
              (unsigned long long)max);
    const uint8_t *s = take(c, n, what);
    for (uint64_t i = 0; i < n; i++)
        if (s[i] <= ' ' || s[i] > '~')
            fatal("%s: %s: byte %llu of its name is 0x%02X: printable ASCII was expected", path,
                  what, (unsigned long long)i, s[i]);
    return arena_strndup(c->g->arena, (const char *)s, (size_t)n);
}

/* Metadata --------------------------------------------------------------------------------- */

/* Bytes of a value of fixed size, 0 for strings and arrays. */
static const uint8_t value_bytes[GGUF_TYPES] = {
    [GGUF_U8] = 1,  [GGUF_I8] = 1,  [GGUF_BOOL] = 1, [GGUF_U16] = 2, [GGUF_I16] = 2, [GGUF_U32] = 4,
    [GGUF_I32] = 4, [GGUF_F32] = 4, [GGUF_U64] = 8,  [GGUF_I64] = 8, [GGUF_F64] = 8,
};

static GgufType take_type(Cursor *c, const char *key)
{
    const uint32_t type = take_u32(c, key);
    if (type >= GGUF_TYPES)
        fatal("%s: %s: value type %u: types are 0 to %d", c->g->file.path, key, type,
              GGUF_TYPES - 1);
    return (GgufType)type;
}

static void take_strings(Cursor *c, const GgufKey *k)
{
    for (uint64_t i = 0; i < k->n; i++)
        take(c, take_u64(c, k->name), k->name);
}

/* An array's elements are neither arrays nor more than the file has room for. */
static void take_array(Cursor *c, GgufKey *k)
{
    const char *path = c->g->file.path;
    k->element = take_type(c, k->name);
    if (k->element == GGUF_ARRAY)
        fatal("%s: %s: an array of arrays: only flat arrays are read", path, k->name);
    k->n = take_u64(c, k->name);
    if (k->n > MAX_ELEMENTS)
        fatal("%s: %s: %llu elements: the limit is %d", path, k->name, (unsigned long long)k->n,
              MAX_ELEMENTS);
    k->data = take(c, 0, k->name);
    if (k->element == GGUF_STRING)
        take_strings(c, k);
    else
        take(c, k->n * value_bytes[k->element], k->name);
}

static void take_key(Cursor *c, GgufKey *k)
{
    k->name = take_name(c, "key", MAX_KEY);
    k->type = take_type(c, k->name);
    k->n = 1;
    if (k->type == GGUF_ARRAY) {
        take_array(c, k);
        return;
    }
    if (k->type == GGUF_STRING)
        k->n = take_u64(c, k->name);
    k->data = take(c, k->type == GGUF_STRING ? k->n : value_bytes[k->type], k->name);
}

static int by_key(const void *x, const void *y)
{
    return strcmp(((const GgufKey *)x)->name, ((const GgufKey *)y)->name);
}

static void take_keys(Cursor *c, uint64_t n)
{
    Gguf *g = c->g;
    if (n > (g->file.size - c->at) / LEAST_KEY)
        fatal("%s: %llu keys: a file of %zu bytes has no room for them", g->file.path,
              (unsigned long long)n, g->file.size);
    g->keys = NEW(g->arena, GgufKey, n);
    for (uint64_t i = 0; i < n; i++)
        take_key(c, &g->keys[g->n_keys++]);
    if (n)
        qsort(g->keys, (size_t)n, sizeof *g->keys, by_key);
    for (int i = 1; i < g->n_keys; i++)
        if (!by_key(&g->keys[i - 1], &g->keys[i]))
            fatal("%s: %.64s: two keys of this name", g->file.path, g->keys[i].name);
}

static size_t read_alignment(const Gguf *g)
{
    const GgufKey *k = gguf_key(g, "general.alignment");
    if (!k)
        return DEFAULT_ALIGNMENT;
    const uint32_t v = k->type == GGUF_U32 ? read_u32le(k->data) : 0;
    if (v == 0 || v > MAX_ALIGNMENT || (v & (v - 1)))
        gguf_bad(g, k->name, "a u32 that is a power of two, at most 1048576, was expected");
    return v;
}

/* Tensors ---------------------------------------------------------------------------------- */

static void take_dims(Cursor *c, GgufTensor *t)
{
    const char *path = c->g->file.path;
    const uint32_t n = take_u32(c, t->name);
    if (n < 1 || n > LENGTH(t->dims))
        fatal("%s: tensor %s: %u dimensions: 1 to 4 were expected", path, t->name, n);
    t->n_dims = (int)n;
    t->n = 1;
    for (int i = 0; i < t->n_dims; i++) {
        const uint64_t d = take_u64(c, t->name);
        if (d < 1 || d > SIZE_MAX / 64 || !mul_size(t->n, (size_t)d, &t->n) || t->n > SIZE_MAX / 64)
            fatal("%s: tensor %s: dimension %d is %llu: not a size that fits in memory", path,
                  t->name, i, (unsigned long long)d);
        t->dims[i] = (size_t)d;
    }
}

static void take_format(Cursor *c, GgufTensor *t)
{
    Gguf *g = c->g;
    const uint32_t id = take_u32(c, t->name);
    t->format = gguf_format(id);
    if (!t->format)
        fatal("%s: tensor %s: type %u%s%s%s: supported are %s", g->file.path, t->name, id,
              gguf_format_name(id) ? " (" : "", gguf_format_name(id) ? gguf_format_name(id) : "",
              gguf_format_name(id) ? ")" : "", gguf_format_list(g->arena));
    const size_t whole = t->format->tail ? t->n : t->dims[0]; /* rows start with a block */
    if (whole % t->format->elements)
        fatal("%s: tensor %s: rows of %zu elements: %s has blocks of %u", g->file.path, t->name,
              whole, t->format->name, t->format->elements);
    t->bytes = t->n / t->format->elements * t->format->bytes + t->format->tail;
}

static void take_tensor(Cursor *c, GgufTensor *t)
{
    t->name = take_name(c, "tensor", MAX_NAME);
    take_dims(c, t);
    take_format(c, t);
    const uint64_t offset = take_u64(c, t->name);
    if (offset > c->g->file.size)
        fatal("%s: tensor %s: offset %llu: the file has only %zu bytes", c->g->file.path, t->name,
              (unsigned long long)offset, c->g->file.size);
    t->offset = (size_t)offset;
}

static size_t pad(size_t n, size_t alignment)
{
    return (n + alignment - 1) & ~(alignment - 1);
}

/* In the order of the table, each tensor starts where the one before it ended, padded. The last
 * one's padding may be missing. */
static void place_tensors(Gguf *g, size_t start, size_t alignment)
{
    const char *path = g->file.path;
    size_t next = 0, end = 0;
    if (start > g->file.size)
        fatal("%s: %zu bytes: the data of its tensors should start at %zu (the file was cut off)",
              path, g->file.size, start);
    const size_t room = g->file.size - start;
    for (int i = 0; i < g->n_tensors; i++) {
        GgufTensor *t = &g->tensors[i];
        if (t->offset != next)
            fatal("%s: tensor %s: offset %zu: the tensors before it end at %zu (%s)", path, t->name,
                  t->offset, next, t->offset < next ? "they overlap" : "a gap");
        if (t->offset > room || t->bytes > room - t->offset)
            fatal("%s: tensor %s: %zu bytes at %zu: the file has only %zu of data (it was cut off)",
                  path, t->name, t->bytes, t->offset, room);
        t->data = g->file.data + start + t->offset;
        end = t->offset + t->bytes;
        next = pad(end, alignment);
    }
    if (room > next)
        fatal("%s: %zu bytes after the last tensor: nothing there belongs to the model", path,
              room - end);
}

static int by_tensor(const void *x, const void *y)
{
    return strcmp(((const GgufTensor *)x)->name, ((const GgufTensor *)y)->name);
}

static void take_tensors(Cursor *c, uint64_t n)
{
    Gguf *g = c->g;
    if (n > (g->file.size - c->at) / LEAST_TENSOR)
        fatal("%s: %llu tensors: a file of %zu bytes has no room for them", g->file.path,
              (unsigned long long)n, g->file.size);
    g->tensors = NEW(g->arena, GgufTensor, n);
    for (uint64_t i = 0; i < n; i++)
        take_tensor(c, &g->tensors[g->n_tensors++]);
    const size_t alignment = read_alignment(g);
    place_tensors(g, pad(c->at, alignment), alignment);
    if (n)
        qsort(g->tensors, (size_t)n, sizeof *g->tensors, by_tensor);
    for (int i = 1; i < g->n_tensors; i++)
        if (!by_tensor(&g->tensors[i - 1], &g->tensors[i]))
            fatal("%s: tensor %s: two tensors of this name", g->file.path, g->tensors[i].name);
}

/* File ------------------------------------------------------------------------------------- */

static void check_version(const Gguf *g, uint32_t version)
{
    if (version && !(version & 0xFFFF))
        fatal("%s: version 0x%08X: a big-endian file: supported are little-endian ones",
              g->file.path, version);
    if (version != 2 && version != 3)
        fatal("%s: version %u: supported are 2 and 3", g->file.path, version);
}

Gguf *gguf_parse(Arena *a, const File *f)
{
    Gguf *g = NEW(a, Gguf, 1);
    g->arena = a;
    g->file = *f;
    if (f->size > INT_MAX * (size_t)LEAST_KEY)
        fatal("%s: %zu bytes: larger than any model for a microcontroller", f->path, f->size);
    if (f->size < 24 || memcmp(f->data, "GGUF", 4) != 0)
        fatal("%s: not a GGUF file: it must start with \"GGUF\" and 20 bytes of header", f->path);
    Cursor c = {g, 4};
    check_version(g, take_u32(&c, "version"));
    const uint64_t n_tensors = take_u64(&c, "tensor count");
    take_keys(&c, take_u64(&c, "key count"));
    take_tensors(&c, n_tensors);
    return g;
}

GgufTensor *gguf_tensor(const Gguf *g, const char *name)
{
    const GgufTensor key = {.name = name};
    return g->n_tensors ? bsearch(&key, g->tensors, (size_t)g->n_tensors, sizeof key, by_tensor)
                        : NULL;
}

static const char *shape_text(Arena *a, const GgufTensor *t)
{
    char *text = arena_printf(a, "[");
    for (int i = t->n_dims - 1; i >= 0; i--)
        text = arena_printf(a, "%s%zu%s", text, t->dims[i], i ? ", " : "]");
    return text;
}

float *gguf_load(Gguf *g, const char *name, int n_dims, const int *dims)
{
    GgufTensor *t = gguf_tensor(g, name);
    if (!t)
        fatal("%s: tensor %s: missing", g->file.path, name);
    GgufTensor want = {.n_dims = n_dims};
    bool same = t->n_dims == n_dims;
    for (int i = 0; i < n_dims; i++) {
        want.dims[i] = (size_t)dims[n_dims - 1 - i];
        same = same && t->dims[i] == want.dims[i];
    }
    if (!same)
        fatal("%s: tensor %s: shape %s: the metadata asks for %s", g->file.path, name,
              shape_text(g->arena, t), shape_text(g->arena, &want));
    t->used = true;
    float *w = NEW(g->arena, float, t->n);
    t->format->decode(t->data, t->data + t->bytes - t->format->tail, t->n, w);
    check_finite(g->file.path, name, w, t->n);
    return w;
}
