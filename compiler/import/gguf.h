/* A GGUF file as a checked directory of keys and tensors: what the files gguf*.c share. */
#ifndef LMCC_GGUF_H
#define LMCC_GGUF_H

#include "import.h"

/* Types of metadata values, as numbered in the file. */
typedef enum GgufType {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    GGUF_TYPES
} GgufType;

typedef struct GgufKey {
    const char *name;
    GgufType type;
    GgufType element;    /* ARRAY: of its elements, never ARRAY */
    uint64_t n;          /* ARRAY: elements; STRING: bytes; else 1 */
    const uint8_t *data; /* the value; STRING: its bytes; ARRAY: the first element */
} GgufKey;

/* How a tensor's elements are stored: blocks of `elements` in `bytes`. */
typedef struct GgufFormat {
    uint32_t id;
    const char *name;
    uint32_t elements, bytes;
    uint32_t tail; /* bytes after all blocks */
    /* n elements, a multiple of `elements`, from data to w; `end` is where the blocks end */
    void (*decode)(const uint8_t *data, const uint8_t *end, size_t n, float *w);
} GgufFormat;

typedef struct GgufTensor {
    const char *name;
    int n_dims;
    size_t dims[4]; /* dims[0] varies fastest: the inputs of a matrix */
    const GgufFormat *format;
    size_t n;      /* elements */
    size_t bytes;  /* of data */
    size_t offset; /* from the start of all data */
    const uint8_t *data;
    bool used;
} GgufTensor;

typedef struct Gguf {
    Arena *arena;
    File file;
    int n_keys, n_tensors;
    GgufKey *keys;       /* sorted by name */
    GgufTensor *tensors; /* sorted by name */
} Gguf;

/* gguf.c: every size, offset and count is checked here; what follows only reads. */
Gguf *gguf_parse(Arena *a, const File *f);
GgufTensor *gguf_tensor(const Gguf *g, const char *name); /* NULL: there is none */
/* The tensor as float, marked used; fatal unless it has exactly these dims, fastest last. */
float *gguf_load(Gguf *g, const char *name, int n_dims, const int *dims);

/* gguf_keys.c: a missing key gives `fallback`; a wrong type or range is fatal. */
const GgufKey *gguf_key(const Gguf *g, const char *name); /* NULL: there is none */
/* fatal("FILE: KEY: VALUE: WHY") */
_Noreturn void gguf_bad(const Gguf *g, const char *name, const char *why);
int gguf_int(const Gguf *g, const char *name, int min, int max, int fallback);
int gguf_need_int(const Gguf *g, const char *name, int min, int max);
double gguf_double(const Gguf *g, const char *name, double min, double max, double fallback);
bool gguf_bool(const Gguf *g, const char *name, bool fallback);
const char *gguf_string(const Gguf *g, const char *name, const char *fallback);
/* An array of this type; NULL when the key is missing. */
const GgufKey *gguf_array(const Gguf *g, const char *name, GgufType element);
/* The string at *at, whose bytes and length it gives; moves *at behind it. */
const uint8_t *gguf_next_string(const uint8_t **at, size_t *n);

/* gguf_formats.c: NULL when the type is not read; gguf_format_names lists those that are. */
const GgufFormat *gguf_format(uint32_t id);
const char *gguf_format_name(uint32_t id); /* also of types that are known and not read */
char *gguf_format_list(Arena *a);

/* gguf_tokenizer.c: the file's own; NULL when it has none. */
Tokenizer *gguf_tokenizer(const Gguf *g, int vocab);
void gguf_tokenizer_keys(const Gguf *g, Tokenizer *t); /* gguf_tokenizer_keys.c: what is done to
                                                          text first, into t; or fatal */

/* gguf_model.c: what import_gguf does with a file in memory; also the fuzzer's entry. */
Model *import_gguf_file(Arena *a, const File *f, const char *tokenizer_path);

#endif
