/* lmcc compile: the whole way from a checkpoint to a folder of C. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

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

static void print_summary(const Unit *u, const char *dir)
{
    Arena *a = u->arena;
    const Program *p = u->program;
    const int64_t flash = u->flash_limit ? u->flash_limit : target_flash(u->target);
    const int64_t ram = u->ram_limit ? u->ram_limit : target_ram(u->target);
    const double original = 4.0 * (double)model_parameters(u->original);
    printf("%s for %s (%s)\n", u->recipe->name, u->target->name, u->target->what);
    printf("  model    %s, %s parameters, %d layers, dim %d, vocab %d\n", u->model->family,
           format_bytes(a, model_parameters(u->model)), u->model->n_layers, u->model->dim,
           u->model->vocab);
    printf("  weights  %11s bytes of %s flash, %.1f %% less than float32\n",
           format_bytes(a, p->weight_bytes), format_bytes(a, flash),
           100 * (1 - (double)p->weight_bytes / original));
    printf("  state    %11s bytes of %s RAM, KV cache of %d tokens included\n",
           format_bytes(a, p->state_bytes), format_bytes(a, ram), p->window);
    printf("  files    %s/%s.h, .c, ...\n", dir, u->recipe->name);
}

int command_compile(Arena *a, const Options *o)
{
    Buf dumped = {0};
    check_pass_name("--dump", o->dump);
    check_pass_name("--until", o->until);
    if (!o->output && !o->until)
        usage_error("compile: -o DIR is missing");
    Unit *u = open_unit(a, o, o->args[0]);
    run_passes(u, o->until, o->dump, &dumped);
    if (dumped.data)
        fwrite(dumped.data, 1, dumped.len, stdout);
    buf_free(&dumped);
    if (o->until)
        return 0;
    Output *out = output_begin(a, o->output);
    emit_all(u, out);
    output_commit(out);
    if (!o->dump && verbosity >= 0)
        print_summary(u, o->output);
    return 0;
}
