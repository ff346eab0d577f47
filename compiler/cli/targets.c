/* lmcc targets: the targets that are built in, or one of them (or a user's file) in full. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static const char *format_clock(Arena *a, int64_t hz)
{
    return hz == 0 ? "-" : arena_printf(a, "%g MHz", (double)hz / 1e6);
}

static void print_list(Arena *a)
{
    const char *name;
    printf("%-12s %-15s %8s %9s %9s  %s\n", "target", "core", "clock", "flash", "RAM", "what");
    for (int i = 0; (name = target_name(i)); i++) {
        const Target *t = target_load(a, name);
        printf("%-12s %-15s %8s %9s %9s  %s\n", t->name, t->core, format_clock(a, t->clock_hz),
               format_size(a, target_flash(t)), format_size(a, target_ram(t)), t->what);
    }
}

static void print_features(const Target *t)
{
    bool any = false;
    printf("  features   ");
    for (int f = 0; f < FEATURES; f++) {
        if (t->feature[f])
            printf("%s%s", any ? ", " : "", feature_names[f]);
        any = any || t->feature[f];
    }
    printf("%s\n", any ? "" : "none: portable C only");
}

static void print_regions(Arena *a, const Target *t)
{
    printf("  memory\n");
    for (int i = 0; i < t->n_regions; i++) {
        const Region *r = &t->regions[i];
        printf("    %-10s 0x%08llx %9s  %s%s%s", r->name, (unsigned long long)r->origin,
               format_size(a, (int64_t)r->size), r->writable ? "writable" : "constant",
               r->cached ? ", cached" : "",
               i == t->weights_region ? ", weights"
               : i == t->state_region ? ", state"
               : i == t->fast_region  ? ", fast weights"
                                      : "");
        if (*r->section)
            printf(", section %s", r->section);
        printf("\n");
    }
}

static void print_prefer(const Target *t)
{
    if (t->n_prefer > 0)
        printf("  kernels    ");
    for (int i = 0; i < t->n_prefer; i++)
        printf("%s%s", t->prefer[i], i + 1 < t->n_prefer ? ", " : "\n");
}

static void print_target(Arena *a, const Target *t)
{
    printf("%s: %s\n", t->name, t->what);
    printf("  core       %s, %s-endian\n", t->core, t->big_endian ? "big" : "little");
    printf("  clock      %s\n", t->clock_hz ? format_clock(a, t->clock_hz) : "not known");
    print_features(t);
    print_regions(a, t);
    printf("  alignment  rows %d, tensors %d, state %d bytes\n", t->row_align, t->tensor_align,
           t->state_align);
    if (t->cycles_other > 0)
        printf("  cycles     load %g, store %g, other %g (for estimates)\n", t->cycles_load,
               t->cycles_store, t->cycles_other);
    print_prefer(t);
    printf("  compiler   %s\n", *t->compiler ? t->compiler : "not known");
    printf("  flags      %s\n", *t->flags ? t->flags : "none");
    printf("  emulator   %s\n", *t->board ? t->board : "none");
}

int command_targets(Arena *a, const Options *o)
{
    if (o->n_args > 0)
        print_target(a, target_load(a, o->args[0]));
    else
        print_list(a);
    return 0;
}
