/* The metadata of a GGUF file by name, with messages that name file, key and value. */
#include "gguf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[GGUF_TYPES] = {
    "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64"};

const GgufKey *gguf_key(const Gguf *g, const char *name)
{
    int low = 0, high = g->n_keys;
    while (low < high) {
        const int middle = low + (high - low) / 2, order = strcmp(name, g->keys[middle].name);
        if (order == 0)
            return &g->keys[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* An integer of any type; false: it is none, or beyond int64_t. */
static bool read_int(const GgufKey *k, int64_t *v)
{
    switch (k->type) {
    case GGUF_U8: *v = k->data[0]; return true;
    case GGUF_I8: *v = (int8_t)k->data[0]; return true;
    case GGUF_U16: *v = read_u16le(k->data); return true;
    case GGUF_I16: *v = (int16_t)read_u16le(k->data); return true;
    case GGUF_U32: *v = read_u32le(k->data); return true;
    case GGUF_I32: *v = (int32_t)read_u32le(k->data); return true;
    case GGUF_U64:
    case GGUF_I64: *v = (int64_t)read_u64le(k->data); return *v >= 0 || k->type == GGUF_I64;
    case GGUF_F32:
    case GGUF_F64:
    case GGUF_BOOL:
    case GGUF_STRING:
    case GGUF_ARRAY:
    case GGUF_TYPES: break;
    }
    return false;
}

static bool read_double(const GgufKey *k, double *v)
{
    const uint64_t bits64 = k->type == GGUF_F64 ? read_u64le(k->data) : 0;
    const uint32_t bits32 = k->type == GGUF_F32 ? read_u32le(k->data) : 0;
    float f;
    int64_t i;
    switch (k->type) {
    case GGUF_F32:
        memcpy(&f, &bits32, sizeof f);
        *v = (double)f;
        return true;
    case GGUF_F64: memcpy(v, &bits64, sizeof *v); return true;
    case GGUF_U8:
    case GGUF_I8:
    case GGUF_U16:
    case GGUF_I16:
    case GGUF_U32:
    case GGUF_I32:
    case GGUF_U64:
    case GGUF_I64: *v = read_int(k, &i) ? (double)i : INFINITY; return true;
    case GGUF_BOOL:
    case GGUF_STRING:
    case GGUF_ARRAY:
    case GGUF_TYPES: break;
    }
    return false;
}

static const char *value_text(Arena *a, const GgufKey *k)
{
    int64_t i;
    double v;
    if (!k)
        return "missing";
    if (k->type == GGUF_STRING)
        return arena_printf(a, "\"%.*s\"", (int)(k->n < 40 ? k->n : 40), (const char *)k->data);
    if (k->type == GGUF_ARRAY)
        return arena_printf(a, "an array of %llu %s", (unsigned long long)k->n,
                            type_names[k->element]);
    if (k->type == GGUF_BOOL)
        return k->data[0] ? "true" : "false";
    if (read_int(k, &i))
        return arena_printf(a, "%lld", (long long)i);
    return read_double(k, &v) ? arena_printf(a, "%g", v) : "?";
}

_Noreturn void gguf_bad(const Gguf *g, const char *name, const char *why)
{
    fatal("%s: %.100s: %s: %s", g->file.path, name, value_text(g->arena, gguf_key(g, name)), why);
}

int gguf_need_int(const Gguf *g, const char *name, int min, int max)
{
    const GgufKey *k = gguf_key(g, name);
    int64_t v;
    if (!k || !read_int(k, &v) || v < min || v > max)
        gguf_bad(g, name,
                 arena_printf(g->arena, "an integer from %d to %d was expected", min, max));
    return (int)v;
}

int gguf_int(const Gguf *g, const char *name, int min, int max, int fallback)
{
    return gguf_key(g, name) ? gguf_need_int(g, name, min, max) : fallback;
}

double gguf_double(const Gguf *g, const char *name, double min, double max, double fallback)
{
    const GgufKey *k = gguf_key(g, name);
    double v = fallback;
    if (k && (!read_double(k, &v) || !(v >= min && v <= max)))
        gguf_bad(g, name, arena_printf(g->arena, "a number from %g to %g was expected", min, max));
    return v;
}

bool gguf_bool(const Gguf *g, const char *name, bool fallback)
{
    const GgufKey *k = gguf_key(g, name);
    if (k && (k->type != GGUF_BOOL || k->data[0] > 1))
        gguf_bad(g, name, "a bool was expected");
    return k ? k->data[0] : fallback;
}

const char *gguf_string(const Gguf *g, const char *name, const char *fallback)
{
    const GgufKey *k = gguf_key(g, name);
    if (k && (k->type != GGUF_STRING || memchr(k->data, 0, (size_t)k->n)))
        gguf_bad(g, name, "a string was expected");
    return k ? arena_strndup(g->arena, (const char *)k->data, (size_t)k->n) : fallback;
}

const GgufKey *gguf_array(const Gguf *g, const char *name, GgufType element)
{
    const GgufKey *k = gguf_key(g, name);
    if (k && (k->type != GGUF_ARRAY || k->element != element))
        gguf_bad(g, name,
                 arena_printf(g->arena, "an array of %s was expected", type_names[element]));
    return k;
}

const uint8_t *gguf_next_string(const uint8_t **at, size_t *n)
{
    const uint8_t *s = *at + 8;
    *n = (size_t)read_u64le(*at);
    *at = s + *n;
    return s;
}
