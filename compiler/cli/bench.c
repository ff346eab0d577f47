/* lmcc bench: what generated code takes. Sizes from its manifest; where the target has an emulated
 * board, executed instructions, loads and stores of the real code, counted exactly. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

typedef struct Spread {
    double mean;
    long long min, max;
    double loads, stores;
} Spread;

static Spread spread(const Count *c, int n)
{
    Spread s = {.min = INT64_MAX};
    for (int i = 0; i < n; i++) {
        s.mean += (double)c[i].instructions / n;
        s.loads += (double)c[i].loads / n;
        s.stores += (double)c[i].stores / n;
        s.min = c[i].instructions < s.min ? c[i].instructions : s.min;
        s.max = c[i].instructions > s.max ? c[i].instructions : s.max;
    }
    return s;
}

static int64_t size_of(const Node *manifest, const char *key)
{
    const Node *sizes = node_get(manifest, "sizes");
    const Node *n = sizes && sizes->kind == NODE_MAP ? node_get(sizes, key) : NULL;
    if (!n)
        fatal("%s: sizes.%s: missing", manifest->file, key);
    return node_int(n, key, 0, INT64_MAX);
}

static const char *golden_hash(const Node *manifest)
{
    const Node *golden = node_get(manifest, "golden");
    const Node *n = golden && golden->kind == NODE_MAP ? node_get(golden, "logits_xxh32") : NULL;
    if (!n)
        fatal("%s: golden.logits_xxh32: missing", manifest->file);
    return node_string(n, "logits_xxh32");
}

static const char *const size_keys[] = {"weights",  "padding",      "tokenizer",        "state",
                                        "kv_cache", "largest_live", "weights_per_token"};
static const char *const size_names[] = {
    "weights, flash",   "  of it padding",    "tokenizer, flash",       "state, RAM",
    "  of it KV cache", "  largest live set", "weights read per token",
};

static void print_sizes(Arena *a, const Node *manifest, bool json)
{
    for (size_t i = 0; i < LENGTH(size_keys); i++) {
        const int64_t n = size_of(manifest, size_keys[i]);
        if (json)
            printf("%s\"%s\": %lld", i ? ", " : "", size_keys[i], (long long)n);
        else
            printf("  %-24s %12s bytes\n", size_names[i], format_bytes(a, n));
    }
}

static void print_regions(Arena *a, const Node *manifest, bool json)
{
    const Node *list = node_get(manifest, "regions");
    if (json)
        printf(", \"regions\": {");
    for (int i = 0; list && i < list->n; i++) {
        const Node *name = node_get(list->child[i], "name"),
                   *read = node_get(list->child[i], "read_per_token");
        if (!name || !read)
            fatal("%s: regions: name or read_per_token missing", manifest->file);
        const char *region = node_string(name, "name");
        const int64_t n = node_int(read, "read_per_token", 0, INT64_MAX);
        if (json)
            printf("%s\"%s\": %lld", i ? ", " : "", region, (long long)n);
        else
            printf("    from %-19s %10s bytes\n", region, format_bytes(a, n));
    }
    if (json)
        printf("}");
}

static void print_count(Arena *a, const char *what, const Count *c)
{
    printf("  %-24s %12s instructions %11s loads %11s stores\n", what,
           format_bytes(a, c->instructions), format_bytes(a, c->loads), format_bytes(a, c->stores));
}

static double cycles_of(const Target *t, double instructions, double loads, double stores)
{
    return t && t->cycles_other > 0 ? cost_cycles((Cost){instructions, loads, stores}, t) : 0;
}

/* Functions that take at least a thousandth, and how much of it all is not of matrices. */
static void print_profile(Arena *a, const Bench *b, bool json)
{
    double total = 0, rest = 0;
    for (int i = 0; i < b->n_parts; i++) {
        total += b->parts[i].instructions;
        rest += b->parts[i].matrix ? 0 : b->parts[i].instructions;
    }
    printf(json ? ", \"profile\": {" : "where a token's instructions go, mean of 64\n");
    for (int i = 0; i < b->n_parts; i++) {
        const Part *p = &b->parts[i];
        if (json)
            printf("%s\"%s\": %.0f", i ? ", " : "", p->name, p->instructions);
        else if (p->instructions >= total / 1000)
            printf("  %-36s %9s  %5.1f %%%s\n", p->name, format_bytes(a, (int64_t)p->instructions),
                   100 * p->instructions / total, p->matrix ? "" : "  not of a matrix");
    }
    if (json)
        printf("}, \"not_of_matrices\": %.0f", rest);
    else
        printf("  %-36s %9s  %5.1f %%\n", "all that is not of a matrix",
               format_bytes(a, (int64_t)rest), 100 * rest / total);
}

static void print_table(Arena *a, const Bench *b, const Target *t)
{
    const Spread s = spread(b->counts + 1, GOLDEN_STEPS);
    const Count mean = {(long long)s.mean, (long long)s.loads, (long long)s.stores};
    printf("on %s (emulated; instructions are exact, time is not measured)\n", b->board);
    if (b->code_bytes)
        printf("  %-24s %12s bytes\n", "code", format_bytes(a, b->code_bytes));
    print_count(a, "a token, mean of 64", &mean);
    printf("  %-24s %12s to %s instructions\n", "  from the 1st to the 64th",
           format_bytes(a, s.min), format_bytes(a, s.max));
    const double cycles = cycles_of(t, s.mean, s.loads, s.stores);
    if (cycles > 0)
        printf("  %-24s %12s cycles, an estimate", "", format_bytes(a, (int64_t)cycles));
    if (cycles > 0 && t->clock_hz > 0)
        printf(": %.2f ms", cycles / (double)t->clock_hz * 1000);
    printf("%s", cycles > 0 ? "\n" : "");
    print_count(a, "prefill of 64 tokens", &b->counts[GOLDEN_STEPS + 1]);
    print_count(a, "drawing a token", &b->counts[GOLDEN_STEPS + 2]);
    print_count(a, "init, weights checked", &b->counts[0]);
    printf("  %-24s %12s\n", "logits of 64 steps", b->hash);
    if (b->profile)
        print_profile(a, b, false);
}

static void print_json(Arena *a, const Bench *b, const Target *t)
{
    const Spread s = spread(b->counts + 1, GOLDEN_STEPS);
    printf(
        ", \"board\": \"%s\", \"code\": %lld, \"token\": {\"instructions\": %.1f, \"min\": %lld, "
        "\"max\": %lld, \"loads\": %.1f, \"stores\": %.1f}, \"prefill_64\": %lld, \"sample\": "
        "%lld, "
        "\"init\": %lld, \"logits_xxh32\": \"%s\"",
        b->board, (long long)b->code_bytes, s.mean, s.min, s.max, s.loads, s.stores,
        b->counts[GOLDEN_STEPS + 1].instructions, b->counts[GOLDEN_STEPS + 2].instructions,
        b->counts[0].instructions, b->hash);
    const double cycles = cycles_of(t, s.mean, s.loads, s.stores);
    if (cycles > 0)
        printf(", \"estimated_cycles\": %.0f", cycles);
    if (b->profile)
        print_profile(a, b, true);
}

/* Of an encoder: what a token adds is the difference, the more the longer the sequence is. */
static void print_encoder_table(Arena *a, const Bench *b)
{
    printf("on %s (emulated; instructions are exact, time is not measured)\n", b->board);
    if (b->code_bytes)
        printf("  %-24s %12s bytes\n", "code", format_bytes(a, b->code_bytes));
    if (b->frames == 0)
        print_count(a, "a sequence of 1 token", &b->counts[1]);
    print_count(
        a, b->frames ? arena_printf(a, "a clip of %d frames", b->frames) : "the longest sequence",
        &b->counts[2]);
    print_count(a, "init, weights checked", &b->counts[0]);
    printf("  %-24s %12s\n", "what the head gives", b->hash);
}

static void print_encoder_json(const Bench *b)
{
    printf(", \"board\": \"%s\", \"code\": %lld, \"one_token\": %lld, \"longest\": %lld, "
           "\"init\": %lld, \"logits_xxh32\": \"%s\"",
           b->board, (long long)b->code_bytes, b->counts[1].instructions, b->counts[2].instructions,
           b->counts[0].instructions, b->hash);
}

static void print_result(Arena *a, const Bench *b, const Target *t, bool json)
{
    if (b->encoder && json)
        print_encoder_json(b);
    else if (b->encoder)
        print_encoder_table(a, b);
    else if (json)
        print_json(a, b, t);
    else
        print_table(a, b, t);
}

static bool is_encoder(const Node *manifest)
{
    const Node *model = manifest_member(manifest, "model");
    return model->kind == NODE_MAP && node_get(model, "head") != NULL;
}

/* Of a clip, where the code reads such. */
static int frames_of(const Node *manifest)
{
    const Node *n = node_get(manifest_member(manifest, "model"), "frames");
    return n ? (int)node_int(n, "frames", 1, INT32_MAX) : 0;
}

static bool is_built_in(const char *target)
{
    const char *name;
    for (int i = 0; (name = target_name(i)); i++)
        if (strcmp(name, target) == 0)
            return true;
    return false;
}

/* The board named on the command line or by the target, with the flags of the target's own core. Of
 * a target that was a user's file only the name is known. Gives the target, NULL: not known. */
static const Target *choose_board(Arena *a, const Options *o, const Node *manifest, Bench *b)
{
    const Node *n = node_get(manifest, "target");
    const char *name = n ? node_string(n, "target") : "";
    const Target *t = !o->board && is_built_in(name) ? target_load(a, name) : NULL;
    b->board = t ? t->board : o->board ? o->board : "";
    b->flags = t ? t->flags : "";
    return t;
}

int command_bench(Arena *a, const Options *o)
{
    Bench b = {.dir = o->args[0], .profile = o->profile};
    const Node *manifest = read_manifest(a, o->args[0], &b.name);
    const Target *t = choose_board(a, o, manifest, &b);
    b.weights = generated_weights(manifest);
    b.encoder = is_encoder(manifest);
    b.frames = b.encoder ? frames_of(manifest) : 0;
    if (b.encoder && b.profile)
        fatal("%s: --profile: is of decoders", b.dir);
    if (*b.board) {
        bench_on_board(a, &b);
        if (strcmp(b.hash, golden_hash(manifest)) != 0)
            fatal("%s: on %s: logits hash %s, %s recorded", b.dir, b.board, b.hash,
                  golden_hash(manifest));
        const int expected = b.encoder ? ENCODER_COUNTS : BENCH_COUNTS;
        if (b.n_counts != expected)
            fatal("%s: on %s: %d counts instead of %d", b.dir, b.board, b.n_counts, expected);
    }
    printf(o->json ? "{\"name\": \"%s\", " : "%s\n", b.name);
    print_sizes(a, manifest, o->json);
    print_regions(a, manifest, o->json);
    if (*b.board)
        print_result(a, &b, t, o->json);
    else if (!o->json)
        printf("  no emulated board: --board NAME names one\n");
    printf(o->json ? "}\n" : "");
    return 0;
}
