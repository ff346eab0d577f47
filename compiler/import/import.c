/* Chooses the importer for a path. Formats that are known and not read are told how to become
 * one that is. */
#include "import.h"

#include <stdio.h>
#include <string.h>

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n >= k && !strcmp(s + n - k, suffix);
}

/* The first bytes of a file; 0 for what cannot be read. */
static size_t first_bytes(const char *path, uint8_t *bytes, size_t n)
{
    FILE *f = file_exists(path) ? fopen(path, "rb") : NULL;
    if (!f)
        return 0;
    size_t got = fread(bytes, 1, n, f);
    fclose(f);
    return got;
}

static bool accepts_hf(const char *path)
{
    return dir_exists(path) || has_suffix(path, ".safetensors") ||
           has_suffix(path, ".safetensors.zst") || has_suffix(path, ".safetensors.index.json") ||
           has_suffix(path, "/config.json") || !strcmp(path, "config.json");
}

static bool accepts_gguf(const char *path)
{
    uint8_t magic[4];
    return has_suffix(path, ".gguf") ||
           (first_bytes(path, magic, sizeof magic) == 4 && !memcmp(magic, "GGUF", 4));
}

static bool accepts_llama2c(const char *path)
{
    uint8_t magic[4];
    return has_suffix(path, ".bin") ||
           (first_bytes(path, magic, sizeof magic) == 4 && !memcmp(magic, "24ka", 4));
}

const Importer importers[] = {
    {"safetensors",
     "directory with config.json and model.safetensors[.zst] or shards (Llama, Mistral, Qwen, "
     "Gemma)",
     accepts_hf, import_hf},
    {"gguf", "GGUF file, versions 2 and 3 (Llama)", accepts_gguf, import_gguf},
    {"llama2c", "llama2.c .bin, versions 0, 1 and 2 (Llama)", accepts_llama2c, import_llama2c},
    {NULL, NULL, NULL, NULL},
};

/* A version-0 llama2.c file starts with its dim, so 80 02 00 00 is dim 640 and no pickle. */
static bool is_pickle(const uint8_t *b, size_t n)
{
    return n >= 4 && (!memcmp(b, "PK\3\4", 4) || (b[0] == 0x80 && b[1] >= 2 && b[1] <= 5 && b[2]));
}

static void refuse_pickles(const char *path)
{
    uint8_t b[4];
    size_t n = first_bytes(path, b, sizeof b);
    if (is_pickle(b, n) || has_suffix(path, ".pt") || has_suffix(path, ".pth"))
        fatal("%s: PyTorch pickles are not read: they can run code; save it as safetensors with "
              "model.save_pretrained(DIR)",
              path);
}

Model *import_model(Arena *a, const char *path, const char *tokenizer_path)
{
    if (!dir_exists(path) && !file_exists(path))
        fatal("%s: cannot open: no such file or directory", path);
    refuse_pickles(path);
    for (const Importer *i = importers; i->name; i++)
        if (i->accepts(path))
            return i->import(a, path, tokenizer_path);
    Buf list = {0};
    for (const Importer *i = importers; i->name; i++)
        buf_printf(&list, "%s%s: %s", i == importers ? "" : "; ", i->name, i->what);
    const char *supported = arena_strndup(a, list.data, list.len);
    buf_free(&list);
    fatal("%s: unknown kind of model: supported are %s", path, supported);
}
