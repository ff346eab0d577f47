/* Generated code on the host: the folder's sources and a small driver are built into a shared
 * object with the host's compiler, in a temporary folder that is gone before any result is used. */
#include "cli.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static bool ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), k = strlen(end);
    return n > k && strcmp(s + n - k, end) == 0;
}

/* The manifest among the .json files of a folder: the one that starts as ours do. */
static const char *find_manifest(Arena *a, const char *dir)
{
    static const char magic[] = "{\n  \"lmcc\": ";
    DIR *d = opendir(dir);
    const char *found = NULL;
    for (struct dirent *f; d && (f = readdir(d));) {
        if (!ends_with(f->d_name, ".json"))
            continue;
        const char *path = path_join(a, dir, f->d_name);
        char head[sizeof magic - 1];
        FILE *in = fopen(path, "rb");
        if (in && fread(head, 1, sizeof head, in) == sizeof head &&
            memcmp(head, magic, sizeof head) == 0)
            found = path;
        if (in)
            fclose(in);
    }
    if (d)
        closedir(d);
    return found;
}

bool is_generated(const char *path)
{
    Arena *a = arena_new();
    const bool yes = dir_exists(path) && find_manifest(a, path) != NULL;
    arena_free(a);
    return yes;
}

const Node *read_manifest(Arena *a, const char *dir, const char **name)
{
    const char *path = dir_exists(dir) ? find_manifest(a, dir) : NULL;
    if (!path)
        fatal("%s: not a folder that lmcc generated: no manifest in it", dir);
    const Node *m = yaml_read(a, path);
    const Node *n = m->kind == NODE_MAP ? node_get(m, "name") : NULL;
    if (!n)
        fatal("%s: name: missing", path);
    *name = node_string(n, "name");
    if (prefix_fault(*name))
        fatal("%s: name: %s", path, prefix_fault(*name));
    return m;
}

const Node *manifest_member(const Node *map, const char *key)
{
    const Node *n = map->kind == NODE_MAP ? node_get(map, key) : NULL;
    if (!n)
        fatal("%s: %s: missing", map->file, key);
    return n;
}

bool stays_inside(const char *name)
{
    return name[0] != '/' && strstr(name, "..") == NULL;
}

const char *file_hash(Arena *a, const File *f)
{
    return arena_printf(a, "%016llx", (unsigned long long)XXH64(f->data, f->size, 0));
}

static void write_file(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    const bool written = f && fwrite(data, 1, n, f) == n;
    if (!f || fclose(f) != 0 || !written)
        fatal("%s: cannot be written: %s", path, strerror(errno));
}

/* What the manifest says of the model's head: NEXT of a decoder. */
static HeadKind head_of(const Generated *g)
{
    const Node *model = manifest_member(g->manifest, "model");
    const Node *n = model->kind == NODE_MAP ? node_get(model, "head") : NULL;
    const int kind = n ? find_name(head_names, HEAD_KINDS, node_string(n, "head")) : HEAD_NEXT;
    if (kind < 0)
        fatal("%s: model.head: not known", g->manifest->file);
    return (HeadKind)kind;
}

static void write_driver(Arena *a, const char *name, bool encoder, const char *path)
{
    Buf b = {0};
    const Emission e = {.arena = a, .name = name, .upper = upper_case(a, name)};
    emit_template(&e, encoder ? "encoder_driver.c" : "model_driver.c", NULL, &b);
    write_file(path, b.data, b.len);
    buf_free(&b);
}

WeightsForm generated_weights(const Node *manifest)
{
    const Node *n = node_get(manifest, "weights");
    return n ? (WeightsForm)node_choice(n, "weights", weights_form_names, WEIGHTS_FORMS)
             : WEIGHTS_C;
}

/* NAME_weights.bin in the host's byte order. */
static const uint8_t *host_weights(Arena *a, const Generated *g, size_t *size)
{
    const char *path = path_join(a, g->dir, arena_printf(a, "%s_weights.bin", g->name));
    const File f = file_map(a, path);
    *size = f.size;
    return weights_file_for_host(a, &f);
}

static void build(Arena *a, Generated *g, const char *cc, const char *tmp, const char *so)
{
    static const char *const parts[] = {"", "_weights", "_tokenizer", "_selftest"};
    const char *driver = path_join(a, tmp, "driver.c");
    write_driver(a, g->name, g->encoder, driver);
    const char *argv[32] = {cc, "-std=c99", "-O2", "-shared", "-fPIC", "-I", g->dir};
    int n = 7;
    argv[n++] = arena_printf(a, "-D%s_PROBE(l,x,n)=%s_driver_probe((l),(x),(n))",
                             upper_case(a, g->name), g->name);
    argv[n++] = "-include";
    argv[n++] = path_join(a, tmp, "probe.h");
    const char *probe =
        arena_printf(a,
                     "#ifndef __ASSEMBLER__\n#include <stdint.h>\n"
                     "void %s_driver_probe(int32_t, const int32_t *, int32_t);\n#endif\n",
                     g->name);
    write_file(argv[n - 1], probe, strlen(probe));
    argv[n++] = "-o";
    argv[n++] = so;
    argv[n++] = driver;
    for (size_t i = 0; i < LENGTH(parts); i++)
        argv[n++] = path_join(a, g->dir, arena_printf(a, "%s%s.c", g->name, parts[i]));
    if (generated_weights(g->manifest) == WEIGHTS_ASM) {
        size_t size;
        const uint8_t *weights = host_weights(a, g, &size);
        const char *bin = path_join(a, tmp, "weights.bin");
        write_file(bin, weights, size);
        argv[n++] = path_join(a, g->dir, arena_printf(a, "%s_weights.S", g->name));
        argv[n++] = arena_printf(a, "-D%s_WEIGHTS_FILE=\"%s\"", upper_case(a, g->name), bin);
    }
    const int status = run_child(argv, tmp, NULL, NULL);
    if (status == 127)
        fatal("%s: cannot be run: a C compiler for this machine is needed (--cc)", cc);
    if (status != 0)
        fatal("%s: the generated code does not compile with %s", g->dir, cc);
}

static void *symbol(Arena *a, void *handle, const Generated *g, const char *what)
{
    void *p = dlsym(handle, arena_printf(a, "%s_%s", g->name, what));
    if (!p)
        fatal("%s: %s_%s: missing in the generated code", g->dir, g->name, what);
    return p;
}

static void close_handle(void *handle, size_t size)
{
    (void)size;
    dlclose(handle);
}

/* A blob stays where it is as long as the code. */
static int bind_weights(Arena *a, void *handle, const Generated *g)
{
    int (*bind)(const void *blob, uint32_t bytes);
    void *p = symbol(a, handle, g, "driver_bind");
    memcpy(&bind, &p, sizeof p);
    size_t size;
    const uint8_t *weights = host_weights(a, g, &size);
    return bind(weights, size > UINT32_MAX ? UINT32_MAX : (uint32_t)size);
}

/* Object to function pointer, as dlsym is meant to be used. */
#define LOAD(field, what)                                                                          \
    do {                                                                                           \
        void *p = symbol(a, handle, g, what);                                                      \
        memcpy(&g->field, &p, sizeof p);                                                           \
    } while (0)

static void load_encoder(Arena *a, Generated *g, void *handle)
{
    LOAD(read, "driver_read");
    LOAD(output, "driver_output");
    LOAD(read_pair, "driver_read_pair");
    LOAD(encode_cut, "encode_cut");
    LOAD(encode_pair, "encode_pair");
    LOAD(decode, "decode");
    if (g->head == HEAD_CLASS || g->head == HEAD_LABEL)
        LOAD(label, "label_name");
}

static void load_decoder(Arena *a, Generated *g, void *handle)
{
    LOAD(step, "driver_step");
    LOAD(reset, "driver_reset");
    LOAD(residual, "driver_residual");
    LOAD(generate, "driver_generate");
}

/* Gives what becomes of the weights' check. */
static int load(Arena *a, Generated *g, const char *so)
{
    void *handle = dlopen(so, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        fatal("%s: %s", g->dir, dlerror());
    temporary_remove();
    arena_on_free(a, close_handle, handle, 0);
    LOAD(sizes, "driver_sizes");
    LOAD(init, "driver_init");
    LOAD(selftest, "driver_selftest");
    LOAD(hash, "driver_hash");
    LOAD(encode, "encode");
    LOAD(strerror, "strerror");
    if (g->encoder) {
        load_encoder(a, g, handle);
    } else {
        load_decoder(a, g, handle);
    }
    return generated_weights(g->manifest) == WEIGHTS_BLOB ? bind_weights(a, handle, g) : g->init();
}

Generated *generated_open(Arena *a, const char *dir, const char *cc)
{
    Generated *g = NEW(a, Generated, 1);
    g->dir = dir;
    g->manifest = read_manifest(a, dir, &g->name);
    g->head = head_of(g);
    g->encoder = g->head != HEAD_NEXT;
    const char *tmp = temporary_folder();
    const char *so = path_join(a, tmp, "model.so");
    const char *env = getenv("CC");
    build(a, g, cc ? cc : env && *env ? env : "cc", tmp, so);
    const int status = load(a, g, so);
    const int32_t *sizes = g->sizes();
    g->vocab = sizes[0];
    g->dim = sizes[1];
    g->layers = g->encoder ? 0 : sizes[2];
    g->residual_fraction = g->encoder ? 0 : sizes[3];
    g->top = g->encoder ? 0 : sizes[4];
    g->window = g->encoder ? sizes[2] : 0;
    g->outputs = g->encoder ? sizes[3] : 0;
    g->frames = g->encoder ? sizes[5] : 0;
    g->bands = g->encoder ? sizes[6] : 0;
    if (status != 0)
        fatal("%s: %s: %s", dir, g->name, g->strerror(status));
    return g;
}
