/* lmcc compile: the whole way from a checkpoint to a folder of C. */
#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void check_pass_name(const char *option, const char *name)
{
    const char *known[32] = {NULL};
    int n = 0;
    for (const Pass *p = passes; p->name && n < 31; p++)
        known[n++] = p->name;
    if (!name || find_pass(name) >= 0)
        return;
    const char *near = nearest_name(name, known);
    usage_error("%s: %s: no such pass%s%s", option, text_clip(name).s,
                near ? ", did you mean " : "", near ? near : "");
}

static void print_summary(const Unit *u, Buf *b)
{
    Arena *a = u->arena;
    const Program *p = u->program;
    const int64_t flash = u->flash_limit ? u->flash_limit : target_flash(u->target);
    const int64_t ram = u->ram_limit ? u->ram_limit : target_ram(u->target);
    const double original = 4.0 * (double)model_parameters(u->original);
    buf_printf(b, "%s for %s (%s)\n", u->recipe->name, u->target->name, u->target->what);
    buf_printf(b, "  model    %s, %s parameters, %d layers, dim %d, vocab %d\n", u->model->family,
               format_bytes(a, model_parameters(u->model)), u->model->n_layers, u->model->dim,
               u->model->vocab);
    buf_printf(b, "  weights  %11s bytes of %s flash, %.1f %% less than float32\n",
               format_bytes(a, p->weight_bytes), format_bytes(a, flash),
               100 * (1 - (double)p->weight_bytes / original));
    buf_printf(b, "  state    %11s bytes of %s RAM, %s of %d tokens included\n",
               format_bytes(a, p->state_bytes), format_bytes(a, ram),
               p->encoder ? "sequences" : "KV cache", p->window);
}

/* NAME_config.h is the user's to edit: one that differs from what was generated there stays. */
static const char *edited_config(Arena *a, const char *dir, const char *name)
{
    const char *of, *file = arena_printf(a, "%s_config.h", name);
    const char *path = path_join(a, dir, file);
    if (!is_generated(dir) || !file_exists(path))
        return NULL;
    const Node *files = node_get(read_manifest(a, dir, &of), "files");
    const Node *entry = files && files->kind == NODE_MAP ? node_get(files, file) : NULL;
    const Node *hash = entry && entry->kind == NODE_MAP ? node_get(entry, "xxh64") : NULL;
    const File f = file_map(a, path);
    if (!hash || hash->kind != NODE_SCALAR || strcmp(hash->text, file_hash(a, &f)) == 0)
        return NULL;
    warn("%s: has been edited: left as it is", path);
    return arena_strndup(a, (const char *)f.data, f.size);
}

/* What is generated in DIR under this name: the manifest's files; NULL: nothing. */
static const Node *generated_files(Arena *a, const char *dir, const char *name)
{
    const char *path = path_join(a, dir, arena_printf(a, "%s.json", name));
    if (!is_generated(dir) || !file_exists(path))
        return NULL;
    const Node *manifest = yaml_read(a, path);
    const Node *files = manifest->kind == NODE_MAP ? node_get(manifest, "files") : NULL;
    return files && files->kind == NODE_MAP ? files : NULL;
}

/* What was generated before and is not any more goes, unless it was changed since: another form of
 * the weights would be compiled beside the new one. */
static void drop_stale(Arena *a, const char *dir, const Node *before, Output *out)
{
    for (int i = 0; before && i < before->n; i++) {
        const char *name = before->key[i], *path = path_join(a, dir, name);
        const Node *entry = before->child[i];
        const Node *hash = entry->kind == NODE_MAP ? node_get(entry, "xxh64") : NULL;
        if (output_has(out, name) || !stays_inside(name) || !file_exists(path) || !hash ||
            hash->kind != NODE_SCALAR)
            continue;
        const File f = file_map(a, path);
        if (strcmp(hash->text, file_hash(a, &f)) == 0)
            output_drop(out, name);
    }
}

/* What the options ask for, from a model to its files, which wait for output_commit; what is to be
 * printed is added to b. NULL: no files were asked for. */
static Output *compile(Unit *u, const Options *o, const char *config, Cache *cache, Buf *b)
{
    Buf dumped = {0};
    if (wants_search(o))
        search_within_limits(u, o, b);
    run_passes(u, o->until, o->dump, &dumped);
    if (dumped.data)
        fwrite(dumped.data, 1, dumped.len, stdout);
    buf_free(&dumped);
    if (o->until)
        return NULL;
    print_summary(u, b);
    Output *out = output_begin(u->arena, o->output);
    if (cache)
        cache_begin(cache, b, out);
    emit_all(u, config, out);
    return out;
}

int command_compile(Arena *a, const Options *o)
{
    Buf printed = {0};
    check_pass_name("--dump", o->dump);
    check_pass_name("--until", o->until);
    if (!o->output && !o->until)
        usage_error("compile: -o DIR is missing");
    file_digest_begin();
    Unit *u = open_unit(a, o, o->args[0]);
    Cache *cache = cache_open(a, u, o);
    const char *config = o->until ? NULL : edited_config(a, o->output, u->recipe->name);
    if (cache && config)
        cache_add(cache, config);
    const Node *before = o->until ? NULL : generated_files(a, o->output, u->recipe->name);
    Output *out = cache ? cache_restore(cache, o->output, &printed) : NULL;
    const bool cached = out != NULL;
    const int warnings = warning_count;
    if (!out)
        out = compile(u, o, config, cache, &printed);
    if (out) {
        drop_stale(a, o->output, before, out);
        output_commit(out);
    }
    /* A warning would be said once and then never again. */
    if (out && cache && !cached && warning_count == warnings)
        cache_keep(cache);
    if (!o->dump && verbosity >= 0 && printed.data)
        printf("%s", printed.data);
    if (!o->dump && verbosity >= 0 && !o->until)
        printf("  files    %s/%s.h, .c, ...\n", o->output, u->recipe->name);
    buf_free(&printed);
    return 0;
}
