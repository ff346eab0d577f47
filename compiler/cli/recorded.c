/* What a manifest records, as commands that run the generated code need it: numbers, a text cut
 * into the documents that fit its window, the float model that it is compared with. */
#include "cli.h"

#include <string.h>

int64_t manifest_number(const Node *m, const char *map, const char *key, int64_t min, int64_t max)
{
    const Node *n = node_get(m, map);
    n = n && n->kind == NODE_MAP ? node_get(n, key) : NULL;
    if (!n)
        fatal("%s: %s.%s: missing", m->file, map, key);
    return node_int(n, key, min, max);
}

int manifest_int(const Node *m, const char *map, const char *key, int min)
{
    return (int)manifest_number(m, map, key, min, INT32_MAX);
}

DocsKind docs_kind(const Options *o)
{
    static const char *const names[DOCS_KINDS] = {"auto", "lines", "file"};
    const int k = o->docs ? find_name(names, DOCS_KINDS, o->docs) : DOCS_AUTO;
    if (k < 0)
        usage_error("--docs: %s: expected auto, lines or file", text_clip(o->docs).s);
    return (DocsKind)k;
}

static int encode_generated(const void *self, Arena *a, const char *text, size_t n, int **ids)
{
    const Generated *g = self;
    if (n > INT32_MAX - 2)
        fatal("text of %zu bytes: too long", n);
    *ids = NEW(a, int, n + 2);
    const int32_t count = g->encode(text, (uint32_t)n, *ids, (int32_t)(n + 2));
    if (count < 0)
        fatal("%s: %s", g->dir, g->strerror(count));
    return count;
}

Corpus *generated_corpus(Arena *a, const Options *o, const Generated *g, const char *text)
{
    const int window = manifest_int(g->manifest, "recipe", "window", 0);
    const int context = manifest_int(g->manifest, "model", "context", 1);
    const TextEncoder by = {g, manifest_int(g->manifest, "tokenizer", "bos", -1), encode_generated};
    return corpus_read(a, by, text, docs_kind(o), smaller(context, window ? window : context));
}

const Model *generated_reference(Arena *a, const Options *o, const Generated *g)
{
    Options as_compiled = *o;
    as_compiled.recipe = g->manifest->file;
    Unit *u = open_unit(a, &as_compiled, o->reference);
    run_passes(u, "fold", NULL, NULL);
    const char *hash = arena_printf(a, "%016llx", (unsigned long long)u->model->hash);
    const Node *model = manifest_member(g->manifest, "model");
    if (u->model->vocab != g->vocab)
        fatal("%s: vocab %d: %s has %d", o->reference, u->model->vocab, g->dir, g->vocab);
    if (strcmp(hash, node_string(manifest_member(model, "hash"), "hash")) != 0)
        warn("%s: is not the model that %s was compiled from: hash %s", o->reference, g->dir, hash);
    return u->model;
}

int generated_window(const Generated *g, const Model *m)
{
    const int window = manifest_int(g->manifest, "recipe", "window", 0);
    return window ? window : m->context;
}

void generated_reset(const Generated *g)
{
    const int status = g->init();
    if (status != 0)
        fatal("%s: %s_init: %s", g->dir, g->name, g->strerror(status));
}

const int32_t *generated_step(const Generated *g, int token)
{
    const int32_t *output = g->step(token);
    if (!output)
        fatal("%s: token %d: refused", g->dir, token);
    return output;
}
