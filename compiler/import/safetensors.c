/* safetensors: u64 header length, a JSON header, raw data; plain, zstd-compressed, or as shards
 * under an index. The rules are the reference reader's, and duplicate keys are refused as well:
 * the tensors must tile the data exactly, so no byte is read twice or left out. */
#include "import.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define MAX_HEADER 100000000u /* the reference's limit */
#define MAX_UNPACKED ((uint64_t)4 << 30)
#define MAX_RATIO 200u /* weights hardly shrink; what unpacks to more is a bomb */
#define FREE_UNPACKED ((uint64_t)16 << 20) /* no ratio is asked of less than this */

typedef struct Dtype {
    const char *name;
    unsigned bits;
} Dtype;

static const Dtype dtypes[] = {
    {"BOOL", 8},        {"U8", 8},          {"I8", 8},      {"I16", 16},    {"U16", 16},
    {"F16", 16},        {"BF16", 16},       {"I32", 32},    {"U32", 32},    {"F32", 32},
    {"I64", 64},        {"U64", 64},        {"F64", 64},    {"C64", 64},    {"F4", 4},
    {"F6_E2M3", 6},     {"F6_E3M2", 6},     {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8},
    {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
};

typedef struct Tensor {
    const char *name, *path;
    const Dtype *dtype;
    int n_dims;
    size_t *dims;
    uint64_t begin, end; /* in the data of its file */
    const uint8_t *data; /* maybe unaligned */
    bool used;
} Tensor;

struct Safetensors {
    const char *path;
    int n;
    Tensor *tensors; /* sorted by name */
};

/* Header ----------------------------------------------------------------------------------- */

static const Dtype *find_dtype(const char *name)
{
    for (size_t i = 0; i < LENGTH(dtypes); i++)
        if (!strcmp(dtypes[i].name, name))
            return &dtypes[i];
    return NULL;
}

static uint64_t natural(const char *where, const char *key, const json_t *v)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        bad_value(where, key, v, "an integer of at least 0 was expected");
    return (uint64_t)json_integer_value(v);
}

/* Shape, dtype and offsets of one entry, and whether they agree. */
static void read_entry(Arena *a, Tensor *t, const json_t *entry)
{
    const char *where = arena_printf(a, "%s: tensor %s", t->path, t->name);
    if (!json_is_object(entry))
        fatal("%s: its header entry is not an object", where);
    const char *dtype = get_string(where, entry, "dtype", NULL);
    t->dtype = dtype ? find_dtype(dtype) : NULL;
    if (!t->dtype)
        bad_value(where, "dtype", json_object_get(entry, "dtype"), "unknown dtype");
    const json_t *shape = get_array(where, entry, "shape");
    if (!shape || json_array_size(shape) > 64)
        bad_value(where, "shape", json_object_get(entry, "shape"),
                  "an array of at most 64 sizes was expected");
    t->n_dims = (int)json_array_size(shape);
    t->dims = NEW(a, size_t, t->n_dims);
    size_t bits = t->dtype->bits;
    for (int i = 0; i < t->n_dims; i++) {
        t->dims[i] = natural(where, "shape", json_array_get(shape, (size_t)i));
        if (!mul_size(bits, t->dims[i], &bits))
            bad_value(where, "shape", shape, "the product overflows");
    }
    const json_t *offsets = get_array(where, entry, "data_offsets");
    if (json_array_size(offsets) != 2)
        bad_value(where, "data_offsets", offsets, "an array of two offsets was expected");
    t->begin = natural(where, "data_offsets", json_array_get(offsets, 0));
    t->end = natural(where, "data_offsets", json_array_get(offsets, 1));
    if (t->end < t->begin)
        bad_value(where, "data_offsets", offsets, "the end is before the start");
    if (bits % 8)
        bad_value(where, "shape", shape, "the tensor does not fill whole bytes");
    if (t->end - t->begin != bits / 8)
        fatal("%s: data_offsets span %llu bytes: shape and dtype %s need %zu", where,
              (unsigned long long)(t->end - t->begin), t->dtype->name, bits / 8);
}

static void check_metadata(const char *path, const json_t *metadata)
{
    if (!json_is_object(metadata))
        bad_value(path, "__metadata__", metadata, "an object of strings was expected");
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)metadata, key, v) if (!json_is_string(v))
        bad_value(path, "__metadata__", metadata, "an object of strings was expected");
}

static int by_offsets(const void *x, const void *y)
{
    const Tensor *s = x, *t = y;
    if (s->begin != t->begin)
        return s->begin < t->begin ? -1 : 1;
    return s->end < t->end ? -1 : s->end > t->end;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(((const Tensor *)x)->name, ((const Tensor *)y)->name);
}

/* Sorted by offset, each tensor must start where the one before ended, the last at the end. */
static void check_tiling(const char *path, Tensor *tensors, int n, size_t data_size)
{
    if (n)
        qsort(tensors, (size_t)n, sizeof *tensors, by_offsets);
    uint64_t end = 0;
    for (int i = 0; i < n; i++) {
        if (tensors[i].begin != end)
            fatal("%s: tensor %s: starts at byte %llu of the data: the tensors before it end at "
                  "%llu (%s)",
                  path, tensors[i].name, (unsigned long long)tensors[i].begin,
                  (unsigned long long)end, tensors[i].begin < end ? "they overlap" : "a gap");
        end = tensors[i].end;
    }
    if (end != data_size)
        fatal("%s: %zu bytes of data: the header describes %llu%s", path, data_size,
              (unsigned long long)end, end > data_size ? " (the file was cut off)" : "");
}

static const uint8_t *header_end(const File *f, const char **text, size_t *n)
{
    if (f->size < 8)
        fatal("%s: %zu bytes: a safetensors file has at least 8", f->path, f->size);
    uint64_t header = read_u64le(f->data);
    if (header > MAX_HEADER)
        fatal("%s: header of %llu bytes: the limit is %u (is this a safetensors file?)", f->path,
              (unsigned long long)header, MAX_HEADER);
    if (header > f->size - 8)
        fatal("%s: header of %llu bytes: the file has only %zu", f->path,
              (unsigned long long)header, f->size);
    *text = (const char *)f->data + 8;
    *n = (size_t)header;
    if (!*n || **text != '{')
        fatal("%s: header: must start with '{'", f->path);
    return f->data + 8 + header;
}

static Safetensors *parse_file(Arena *a, const File *f)
{
    const char *text;
    size_t n;
    const uint8_t *data = header_end(f, &text, &n);
    json_t *root = parse_json(a, arena_printf(a, "%s: header", f->path), (const uint8_t *)text, n);
    Safetensors *s = NEW(a, Safetensors, 1);
    s->path = f->path;
    s->tensors = NEW(a, Tensor, json_object_size(root));
    const char *key;
    json_t *v;
    json_object_foreach(root, key, v)
    {
        if (!strcmp(key, "__metadata__")) {
            check_metadata(f->path, v);
            continue;
        }
        Tensor *t = &s->tensors[s->n++];
        t->name = key; /* lives in the JSON tree, so as long as the arena */
        t->path = f->path;
        read_entry(a, t, v);
    }
    check_tiling(f->path, s->tensors, s->n, f->size - 8 - n);
    for (int i = 0; i < s->n; i++)
        s->tensors[i].data = data + s->tensors[i].begin;
    if (s->n)
        qsort(s->tensors, (size_t)s->n, sizeof *s->tensors, by_name);
    return s;
}

/* Compressed and sharded files -------------------------------------------------------------- */

/* Sum over the frames, all of which must say their size: what is unpacked is then bounded. */
static uint64_t unpacked_size(const File *f)
{
    uint64_t total = 0;
    for (size_t at = 0; at < f->size;) {
        size_t packed = ZSTD_findFrameCompressedSize(f->data + at, f->size - at);
        unsigned long long size = ZSTD_getFrameContentSize(f->data + at, f->size - at);
        if (ZSTD_isError(packed) || size == ZSTD_CONTENTSIZE_ERROR)
            fatal("%s: not a zstd file, or cut off", f->path);
        if (size == ZSTD_CONTENTSIZE_UNKNOWN)
            fatal("%s: the zstd frame does not say its size: compress the file itself, not a pipe",
                  f->path);
        if (size > MAX_UNPACKED - total)
            fatal("%s: unpacks to more than %llu bytes", f->path, (unsigned long long)MAX_UNPACKED);
        total += size;
        at += packed;
    }
    if (total > FREE_UNPACKED && total / MAX_RATIO > f->size)
        fatal("%s: unpacks from %zu to %llu bytes: more than %u times its size", f->path, f->size,
              (unsigned long long)total, MAX_RATIO);
    return total;
}

static File unpack(Arena *a, const File *f)
{
    uint64_t size = unpacked_size(f);
    uint8_t *data = NEW(a, uint8_t, size);
    size_t got = ZSTD_decompress(data, (size_t)size, f->data, f->size);
    if (ZSTD_isError(got) || got != size)
        fatal("%s: damaged zstd data: %s", f->path,
              ZSTD_isError(got) ? ZSTD_getErrorName(got) : "it is shorter than it says");
    return (File){f->path, data, (size_t)size};
}

static Safetensors *open_file(Arena *a, const char *path)
{
    size_t n = strlen(path);
    File f = file_map(a, path);
    if (n > 4 && !strcmp(path + n - 4, ".zst"))
        f = unpack(a, &f);
    return parse_file(a, &f);
}

static Tensor *find_tensor(const Safetensors *s, const char *name)
{
    Tensor key = {.name = name};
    return s->n ? bsearch(&key, s->tensors, (size_t)s->n, sizeof key, by_name) : NULL;
}

/* All tensors of one shard must be the ones that the index puts there. */
static void add_shard(Arena *a, Safetensors *s, const char *dir, const char *file,
                      const json_t *weight_map)
{
    if (!*file || strchr(file, '/') || strchr(file, '\\') || *file == '.')
        fatal("%s: weight_map: \"%s\": a plain file name was expected", s->path, file);
    Safetensors *shard = open_file(a, path_join(a, dir, file));
    for (int i = 0; i < shard->n; i++) {
        const char *owner = json_string_value(json_object_get(weight_map, shard->tensors[i].name));
        if (!owner || strcmp(owner, file) != 0)
            fatal("%s: tensor %s: is in %s, but weight_map does not say so", s->path,
                  shard->tensors[i].name, file);
        s->tensors[s->n++] = shard->tensors[i];
    }
}

static Safetensors *open_index(Arena *a, const char *path)
{
    const json_t *root = read_json(a, path);
    json_t *weight_map = get_object(path, root, "weight_map");
    if (!weight_map)
        fatal("%s: weight_map: missing", path);
    Safetensors *s = NEW(a, Safetensors, 1);
    s->path = path;
    s->tensors = NEW(a, Tensor, json_object_size(weight_map));
    json_t *seen = own_json(a, json_object());
    const char *key;
    json_t *v;
    json_object_foreach(weight_map, key, v)
    {
        const char *file = get_string(path, weight_map, key, NULL);
        if (!file)
            bad_value(path, key, v, "a file name was expected");
        if (json_object_get(seen, file))
            continue;
        if (json_object_set_new(seen, file, json_true()))
            fatal("out of memory");
        add_shard(a, s, path_dir(a, path), file, weight_map);
    }
    if (s->n)
        qsort(s->tensors, (size_t)s->n, sizeof *s->tensors, by_name);
    json_object_foreach(weight_map, key, v) if (!find_tensor(s, key))
        fatal("%s: tensor %s: is not in %s", path, key, json_string_value(v));
    return s;
}

Safetensors *safetensors_open(Arena *a, const char *path)
{
    size_t n = strlen(path);
    return n > 5 && !strcmp(path + n - 5, ".json") ? open_index(a, path) : open_file(a, path);
}

/* Tensors ---------------------------------------------------------------------------------- */

bool safetensors_has(const Safetensors *s, const char *name)
{
    return find_tensor(s, name) != NULL;
}

static const char *shape_text(Arena *a, const size_t *dims, int n)
{
    char *text = arena_printf(a, "[");
    for (int i = 0; i < n && i < 8; i++)
        text = arena_printf(a, "%s%s%zu", text, i ? ", " : "", dims[i]);
    return arena_printf(a, "%s%s]", text, n > 8 ? ", ..." : "");
}

static void check_dims(Arena *a, const Tensor *t, int n_dims, const int *dims)
{
    size_t *want = NEW(a, size_t, n_dims);
    bool same = t->n_dims == n_dims;
    for (int i = 0; i < n_dims; i++) {
        want[i] = (size_t)dims[i];
        same = same && t->dims[i] == want[i];
    }
    if (!same)
        fatal("%s: tensor %s: shape %s: the configuration asks for %s", t->path, t->name,
              shape_text(a, t->dims, t->n_dims), shape_text(a, want, n_dims));
}

static Tensor *use_tensor(Arena *a, const Safetensors *s, const char *name, int n_dims,
                          const int *dims)
{
    Tensor *t = find_tensor(s, name);
    if (!t)
        fatal("%s: tensor %s: missing", s->path, name);
    t->used = true;
    check_dims(a, t, n_dims, dims);
    return t;
}

const uint8_t *safetensors_bytes(Arena *a, const Safetensors *s, const char *name, int n_dims,
                                 const int *dims)
{
    const Tensor *t = use_tensor(a, s, name, n_dims, dims);
    if (strcmp(t->dtype->name, "U8") != 0)
        fatal("%s: tensor %s: dtype %s: packed weights are U8", t->path, name, t->dtype->name);
    return t->data;
}

float *safetensors_load(Arena *a, const Safetensors *s, const char *name, int n_dims,
                        const int *dims)
{
    const Tensor *t = use_tensor(a, s, name, n_dims, dims);
    bool f32 = !strcmp(t->dtype->name, "F32"), f16 = !strcmp(t->dtype->name, "F16");
    if (!f32 && !f16 && strcmp(t->dtype->name, "BF16") != 0)
        fatal("%s: tensor %s: dtype %s: supported are F32, F16 and BF16", t->path, name,
              t->dtype->name);
    size_t n = (size_t)(t->end - t->begin) / (f32 ? 4 : 2);
    float *w = NEW(a, float, n);
    if (f32 && n)
        memcpy(w, t->data, n * sizeof *w);
    for (size_t i = 0; i < n && !f32; i++) {
        uint16_t h = read_u16le(t->data + 2 * i);
        w[i] = f16 ? f16_to_f32(h) : bf16_to_f32(h);
    }
    check_finite(t->path, name, w, n);
    return w;
}

const char *safetensors_unused(const Safetensors *s, int i)
{
    for (int k = 0; k < s->n; k++)
        if (!s->tensors[k].used && i-- == 0)
            return s->tensors[k].name;
    return NULL;
}
