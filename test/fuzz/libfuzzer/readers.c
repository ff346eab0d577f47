/* Every reader of a file that a user brings: what it is given must become what it reads, or end in
 * fatal() with a message, under the sanitizers. The name of the program chooses the reader. */
#include "fuzz_files.h"
#include "gguf.h"
#include "pass.h"
#include "recipe.h"
#include "run.h"
#include "target.h"

#include <stdio.h>
#include <string.h>

#define KEPT "test/fuzz/corpus/"

enum { VOCAB = 280 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A reader's result is used as the next stage does: the tables of a tokenizer are built. */
static void use_tokenizer(Arena *a, const Tokenizer *t, int vocab)
{
    Data *tables;
    if (t && t->n_pieces != vocab)
        die("%d pieces, vocabulary of %d", t->n_pieces, vocab);
    if (t)
        tokenizer_tables(a, t, &tables);
}

static void read_gguf(Arena *a, const File *f)
{
    const Model *m = import_gguf_file(a, f, NULL);
    use_tokenizer(a, m->tokenizer, m->vocab);
}

static void read_llama2c(Arena *a, const File *f)
{
    import_llama2c(a, f->path, NULL);
}

/* config.json, the index of shards or the weights: whichever of them it is, the others are good. */
static void read_folder(Arena *a, const File *f)
{
    (void)f;
    import_hf(a, "fuzz", NULL);
}

static void read_bin(Arena *a, const File *f)
{
    use_tokenizer(a, read_tokenizer_bin(a, f->path, VOCAB), VOCAB);
}

static void read_json_tokenizer(Arena *a, const File *f)
{
    use_tokenizer(a, read_tokenizer_json(a, f->path, VOCAB), VOCAB);
}

static void read_sentencepiece(Arena *a, const File *f)
{
    use_tokenizer(a, read_tokenizer_model(a, f->path, VOCAB), VOCAB);
}

static void read_recipe(Arena *a, const File *f)
{
    Recipe *r = recipe_default(a);
    Buf b = {0};
    recipe_apply(a, r, yaml_parse(a, f->path, (const char *)f->data, f->size));
    recipe_json(r, &b, 0);
    buf_free(&b);
}

static void read_target(Arena *a, const File *f)
{
    target_load(a, f->path);
}

static void read_ir(Arena *a, const File *f)
{
    Unit u = {.arena = a};
    ir_parse(&u, f->path, (const char *)f->data, f->size);
    verify(&u, "reading");
}

/* As `--calib` of a model with frames of 3 bytes, of which 4 are a clip. */
static void read_clips(Arena *a, const File *f)
{
    frames_read(a, 12, 5, f->path);
}

static const struct {
    const char *name, *path;
    void (*read)(Arena *a, const File *f);
    const char *beside[3]; /* kept inputs that stand beside it, as paths under KEPT */
} readers[] = {
    {"gguf", "fuzz/model.gguf", read_gguf, {NULL}},
    {"llama2c", "fuzz/model.bin", read_llama2c, {NULL}},
    {"config", "fuzz/config.json", read_folder, {"safetensors/model.safetensors"}},
    {"safetensors", "fuzz/model.safetensors", read_folder, {"config/config.json"}},
    {"zstd", "fuzz/model.safetensors.zst", read_folder, {"config/config.json"}},
    {"index",
     "fuzz/model.safetensors.index.json",
     read_folder,
     {"config/config.json", "safetensors/model.safetensors"}},
    {"tokenizer_bin", "fuzz/tokenizer.bin", read_bin, {NULL}},
    {"tokenizer_json", "fuzz/tokenizer.json", read_json_tokenizer, {NULL}},
    {"sentencepiece", "fuzz/tokenizer.model", read_sentencepiece, {NULL}},
    {"recipe", "fuzz/recipe.yaml", read_recipe, {NULL}},
    {"target", "fuzz/target.yaml", read_target, {NULL}},
    {"ir", "fuzz/model.ir", read_ir, {NULL}},
    {"clips", "fuzz/clips.tsv", read_clips, {NULL}},
};
static size_t chosen;

static void find_reader(const char *program)
{
    const char *slash = strrchr(program, '/');
    const char *name = slash ? slash + 1 : program;
    for (chosen = 0; chosen < LENGTH(readers); chosen++)
        if (!strcmp(readers[chosen].name, name))
            return;
    die("%s: no such reader", name);
}

/* The names under which the readers look for the kept inputs are those that they have there; a
 * weights file beside an index is a shard. */
static void keep_beside(Arena *a)
{
    for (size_t i = 0; i < LENGTH(readers[chosen].beside) && readers[chosen].beside[i]; i++) {
        const char *from = readers[chosen].beside[i], *name = strrchr(from, '/') + 1;
        const bool shard = !strcmp(readers[chosen].name, "index") && strstr(name, "safetensors");
        keep_file(arena_printf(a, "fuzz/%s", shard ? "shard.safetensors" : name),
                  arena_printf(a, KEPT "%s", from));
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static Arena *names;
    (void)argc;
    names = arena_new();
    verbosity = -1;
    find_reader((*argv)[0]);
    keep_beside(names);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const File f = {readers[chosen].path, data, size};
    Arena *a = arena_new();
    jmp_buf trap;
    put_file(f.path, data, size);
    fatal_trap = &trap;
    if (setjmp(trap) == 0)
        readers[chosen].read(a, &f);
    fatal_trap = NULL;
    arena_free(a);
    return 0;
}
