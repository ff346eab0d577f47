/* Reads a target: one YAML file that says what a chip is. A built-in target and a user's file take
 * the same path and the same checks; targets/host.yaml describes every key. */
#include "target.h"

#include <stdlib.h>
#include <string.h>

enum {
    MIN_ALIGN = 4, /* kernels read words */
    MAX_ALIGN = 256,
    MAX_TEXT = 200,
    MAX_PREFER = 32,
    MAX_BUILT_IN = 64,
};

#define ADDRESS_SPACE ((int64_t)1 << 32)
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

const char *const feature_names[FEATURES] = {
    [FEATURE_THUMB1] = "thumb1", [FEATURE_THUMB2] = "thumb2",
    [FEATURE_DSP] = "dsp",       [FEATURE_MVE] = "mve",
    [FEATURE_FPU] = "fpu",       [FEATURE_RV32IMC] = "rv32imc",
    [FEATURE_XTENSA] = "xtensa", [FEATURE_UNALIGNED] = "unaligned",
    [FEATURE_HWDIV] = "hwdiv",
};

/* No core has both; with `needs`, the first without the second. */
static const struct {
    Feature one, other;
    bool needs;
    const char *why;
} feature_rules[] = {
    {FEATURE_THUMB1, FEATURE_THUMB2, false, "a core is ARMv6-M or ARMv7-M and up"},
    {FEATURE_THUMB1, FEATURE_RV32IMC, false, "a core has one instruction set"},
    {FEATURE_THUMB1, FEATURE_XTENSA, false, "a core has one instruction set"},
    {FEATURE_THUMB2, FEATURE_RV32IMC, false, "a core has one instruction set"},
    {FEATURE_THUMB2, FEATURE_XTENSA, false, "a core has one instruction set"},
    {FEATURE_RV32IMC, FEATURE_XTENSA, false, "a core has one instruction set"},
    {FEATURE_THUMB1, FEATURE_UNALIGNED, false, "ARMv6-M faults on unaligned access"},
    {FEATURE_THUMB1, FEATURE_HWDIV, false, "ARMv6-M has no divide instruction"},
    {FEATURE_DSP, FEATURE_THUMB2, true, "the DSP extension is ARMv7E-M's and ARMv8-M's"},
    {FEATURE_MVE, FEATURE_DSP, true, "ARMv8.1-M has MVE only with the DSP extension"},
};

/* Pieces of text that end up in C, in a shell's command line or in a path ------------------- */

static const char *read_text(const Node *map, const char *key, const char *allowed,
                             bool may_be_empty)
{
    const Node *n = node_get(map, key);
    if (!n) {
        if (!may_be_empty)
            node_fatal(map, key, "is missing");
        return "";
    }
    const char *s = node_string(n, key);
    size_t len = strlen(s);
    if (len > MAX_TEXT || (len == 0 && !may_be_empty))
        node_fatal(n, key, "must have %d to %d characters", may_be_empty ? 0 : 1, MAX_TEXT);
    if (strspn(s, allowed) != len)
        node_fatal(n, key, "character \"%s\" is not allowed here",
                   text_clip((char[]){s[strspn(s, allowed)], 0}).s);
    return s;
}

/* One printable line that may stand in a C comment. */
static const char *read_line(const Node *map, const char *key)
{
    static const char printable[] = LOWER UPPER DIGITS " !\"#$%&'()+,-./:;<=>?@[]^_`{|}~";
    return read_text(map, key, printable, false);
}

static const Node *need(const Node *map, const char *key)
{
    const Node *n = node_get(map, key);
    if (!n)
        node_fatal(map, key, "is missing");
    return n;
}

/* Parts ------------------------------------------------------------------------------------ */

static void read_features(Target *t, const Node *list)
{
    if (list->kind != NODE_LIST)
        node_fatal(list, "features", "expected a list such as [thumb2, dsp]");
    for (int i = 0; i < list->n; i++) {
        int f = node_choice(list->child[i], "features", feature_names, FEATURES);
        if (t->feature[f])
            node_fatal(list->child[i], "features", "%s is given twice", feature_names[f]);
        t->feature[f] = true;
    }
    for (size_t i = 0; i < LENGTH(feature_rules); i++) {
        Feature one = feature_rules[i].one, other = feature_rules[i].other;
        if (t->feature[one] && t->feature[other] != feature_rules[i].needs)
            node_fatal(list, "features", "%s %s %s: %s", feature_names[one],
                       feature_rules[i].needs ? "needs" : "excludes", feature_names[other],
                       feature_rules[i].why);
    }
}

/* "480 MHz", "1.8 GHz", "32768 Hz" */
static int64_t read_clock(const Node *n)
{
    static const struct {
        const char *name;
        double hz;
    } units[] = {{" Hz", 1}, {" kHz", 1e3}, {" MHz", 1e6}, {" GHz", 1e9}};
    const char *text = node_string(n, "clock");
    size_t digits = strspn(text, DIGITS ".");
    double v = digits ? strtod(text, NULL) : 0;
    for (size_t i = 0; i < LENGTH(units); i++) {
        double hz = v * units[i].hz;
        if (strcmp(text + digits, units[i].name) == 0 && hz >= 1 && hz <= 1e11)
            return (int64_t)(hz + 0.5);
    }
    node_fatal(n, "clock", "expected a frequency such as \"480 MHz\", got \"%s\"",
               text_clip(text).s);
}

static void read_region(Arena *a, Region *region, const char *name, const Node *n)
{
    static const char *const known[] = {"origin", "size", "writable", "cached", "section", NULL};
    const char *key = arena_printf(a, "memory.%s", text_clip(name).s);
    size_t len = strlen(name);
    if (len < 1 || len > 31 || strspn(name, LOWER DIGITS "_-") != len)
        node_fatal(n, key, "a region's name is 1 to 31 of a-z 0-9 _ -");
    node_check_keys(n, key, known);
    region->name = name;
    const Node *origin = node_get(n, "origin"), *flag;
    if (origin)
        region->origin = (uint64_t)node_int(origin, "origin", 0, ADDRESS_SPACE - 1);
    region->size = (uint64_t)node_size(need(n, "size"), "size");
    if (region->size == 0)
        node_fatal(n, key, "has no bytes");
    if (origin && region->origin + region->size > (uint64_t)ADDRESS_SPACE)
        node_fatal(n, key, "ends past the 32-bit address space");
    if ((flag = node_get(n, "writable")))
        region->writable = node_bool(flag, "writable");
    if ((flag = node_get(n, "cached")))
        region->cached = node_bool(flag, "cached");
    region->section = read_text(n, "section", LOWER UPPER DIGITS "._$-", true);
}

/* A region without an origin is somewhere that a loader chooses, and overlaps nothing. */
static void check_overlap(const Target *t, const Node *map, int i)
{
    const Region *r = &t->regions[i];
    for (int k = 0; k < i && node_get(map->child[i], "origin"); k++) {
        const Region *other = &t->regions[k];
        if (node_get(map->child[k], "origin") && r->origin < other->origin + other->size &&
            other->origin < r->origin + r->size)
            node_fatal(map->child[i], "memory", "%s overlaps %s", r->name, other->name);
    }
}

static void read_memory(Arena *a, Target *t, const Node *map)
{
    if (map->kind != NODE_MAP || map->n < 1 || map->n > MAX_REGIONS)
        node_fatal(map, "memory", "expected a map of 1 to %d regions", MAX_REGIONS);
    for (; t->n_regions < map->n; t->n_regions++) {
        int i = t->n_regions;
        read_region(a, &t->regions[i], map->key[i], map->child[i]);
        check_overlap(t, map, i);
    }
}

static int find_region(const Target *t, const Node *root, const char *key)
{
    const char *names[MAX_REGIONS];
    for (int i = 0; i < t->n_regions; i++)
        names[i] = t->regions[i].name;
    return node_choice(need(root, key), key, names, t->n_regions);
}

static void read_alignment(const Node *layout, const char *key, int *bytes)
{
    const Node *n = layout ? node_get(layout, key) : NULL;
    if (n)
        *bytes = (int)node_int(n, key, MIN_ALIGN, MAX_ALIGN);
    if (n && (*bytes & (*bytes - 1)))
        node_fatal(n, key, "%d is not a power of two", *bytes);
}

/* Behind a cache, a row that straddles a line more than it must costs a fill; see
 * docs/targets.md. MVE loads 16 bytes at a time. */
static void read_layout(Target *t, const Node *n)
{
    static const char *const known[] = {"row_align", "tensor_align", "state_align", NULL};
    bool cached = t->regions[t->weights_region].cached;
    t->row_align = cached ? 32 : MIN_ALIGN;
    t->tensor_align = cached ? 64 : MIN_ALIGN;
    t->state_align = t->feature[FEATURE_MVE] ? 16 : MIN_ALIGN;
    if (n)
        node_check_keys(n, "layout", known);
    read_alignment(n, "row_align", &t->row_align);
    read_alignment(n, "tensor_align", &t->tensor_align);
    read_alignment(n, "state_align", &t->state_align);
    if (n && t->row_align > t->tensor_align)
        node_fatal(n, "layout", "rows aligned to %d need tensors aligned to as much, not %d",
                   t->row_align, t->tensor_align);
}

static void read_compiler(Target *t, const Node *n)
{
    static const char *const known[] = {"command", "flags", NULL};
    t->compiler = t->flags = "";
    if (!n)
        return;
    node_check_keys(n, "compiler", known);
    t->compiler = read_text(n, "command", LOWER UPPER DIGITS "_+./-", true);
    t->flags = read_text(n, "flags", LOWER UPPER DIGITS " _+=,./:-", true);
}

/* Where weights and code that every token needs may go, for recipes that ask for it. */
static void read_fast(Target *t, const Node *n)
{
    static const char *const known[] = {"weights", "code", NULL};
    t->fast_region = -1;
    t->fast_code = "";
    if (!n)
        return;
    node_check_keys(n, "fast", known);
    if (node_get(n, "weights"))
        t->fast_region = find_region(t, n, "weights");
    if (t->fast_region >= 0 && !*t->regions[t->fast_region].section)
        node_fatal(n, "fast", "region %s has no section to put weights into",
                   t->regions[t->fast_region].name);
    t->fast_code = read_text(n, "code", LOWER UPPER DIGITS "_.", true);
}

static void read_cycles(Target *t, const Node *n)
{
    static const char *const known[] = {"load", "store", "other", NULL};
    if (!n)
        return;
    node_check_keys(n, "cycles", known);
    t->cycles_load = node_double(need(n, "load"), "load", 0.1, 100);
    t->cycles_store = node_double(need(n, "store"), "store", 0.1, 100);
    t->cycles_other = node_double(need(n, "other"), "other", 0.1, 100);
}

static void read_kernels(Arena *a, Target *t, const Node *list)
{
    if (!list)
        return;
    if (list->kind != NODE_LIST || list->n > MAX_PREFER)
        node_fatal(list, "kernels", "expected a list of at most %d kernel names", MAX_PREFER);
    t->prefer = NEW(a, const char *, list->n + 1);
    for (int i = 0; i < list->n; i++) {
        const char *name = node_string(list->child[i], "kernels");
        if (strspn(name, LOWER DIGITS "_") != strlen(name) || !*name)
            node_fatal(list->child[i], "kernels", "\"%s\" is not a kernel's name",
                       text_clip(name).s);
        t->prefer[t->n_prefer++] = name;
    }
}

/* The whole -------------------------------------------------------------------------------- */

static Target *read_target(Arena *a, const Node *root)
{
    static const char *const known[] = {
        "name",  "what",   "core",     "features", "endian",  "clock", "memory", "weights",
        "state", "layout", "compiler", "emulator", "kernels", "fast",  "cycles", NULL};
    static const char *const endians[] = {"little", "big"};
    Target *t = NEW(a, Target, 1);
    node_check_keys(root, "target", known);
    t->name = read_text(root, "name", LOWER DIGITS "_-", false);
    t->what = read_line(root, "what");
    t->core = read_text(root, "core", LOWER UPPER DIGITS "_+.-", false);
    const Node *n = node_get(root, "features");
    if (n)
        read_features(t, n);
    n = node_get(root, "endian");
    t->big_endian = n && node_choice(n, "endian", endians, LENGTH(endians)) == 1;
    n = node_get(root, "clock");
    t->clock_hz = n ? read_clock(n) : 0;
    read_memory(a, t, need(root, "memory"));
    t->weights_region = find_region(t, root, "weights");
    t->state_region = find_region(t, root, "state");
    if (!t->regions[t->state_region].writable)
        node_fatal(need(root, "state"), "state", "region %s is not writable",
                   t->regions[t->state_region].name);
    read_layout(t, node_get(root, "layout"));
    read_compiler(t, node_get(root, "compiler"));
    t->board = read_text(root, "emulator", LOWER DIGITS "_-", true);
    read_kernels(a, t, node_get(root, "kernels"));
    read_fast(t, node_get(root, "fast"));
    read_cycles(t, node_get(root, "cycles"));
    return t;
}

/* The name in "targets/NAME.yaml", of length *n; NULL for any other embedded file. */
static const char *built_in_name(const char *path, size_t *n)
{
    static const char dir[] = "targets/", ext[] = ".yaml";
    size_t len = strlen(path), skip = sizeof(dir) - 1, tail = sizeof(ext) - 1;
    if (len <= skip + tail || strncmp(path, dir, skip) != 0 ||
        strcmp(path + len - tail, ext) != 0 || strchr(path + skip, '/'))
        return NULL;
    *n = len - skip - tail;
    return path + skip;
}

/* Names are cut out of the embedded paths once. */
const char *target_name(int index)
{
    static char names[MAX_BUILT_IN][32];
    static int n_names;
    for (const EmbeddedFile *f = n_names ? NULL : embedded_files; f && f->path; f++) {
        size_t n = 0;
        const char *name = built_in_name(f->path, &n);
        if (!name)
            continue;
        if (n >= sizeof(names[0]) || n_names == MAX_BUILT_IN)
            die("%s: the table of names is too small", f->path);
        memcpy(names[n_names++], name, n);
    }
    return index >= 0 && index < n_names ? names[index] : NULL;
}

static _Noreturn void unknown_target(const char *name)
{
    const char *known[MAX_BUILT_IN + 1] = {NULL};
    for (int i = 0; target_name(i); i++)
        known[i] = target_name(i);
    const char *near = nearest_name(name, known);
    fatal("%s: no such target%s%s%s; `lmcc targets` lists the names, and the path of a .yaml "
          "file works as well",
          text_clip(name).s, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

Target *target_load(Arena *a, const char *name_or_path)
{
    size_t n = strlen(name_or_path);
    bool is_path = strchr(name_or_path, '/') || (n > 5 && !strcmp(name_or_path + n - 5, ".yaml"));
    if (is_path)
        return read_target(a, yaml_read(a, name_or_path));
    const EmbeddedFile *f = embedded_find(arena_printf(a, "targets/%s.yaml", name_or_path));
    if (!f)
        unknown_target(name_or_path);
    return read_target(a, yaml_parse(a, f->path, f->data, f->size));
}

int64_t target_flash(const Target *t)
{
    return (int64_t)t->regions[t->weights_region].size;
}

int64_t target_ram(const Target *t)
{
    return (int64_t)t->regions[t->state_region].size;
}
