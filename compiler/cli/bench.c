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

static const char *const size_keys[] = {"weights", "padding",  "tokenizer",
                                        "state",   "kv_cache", "weights_per_token"};
static const char *const size_names[] = {
    "weights, flash", "  of it padding",  "tokenizer, flash",
    "state, RAM",     "  of it KV cache", "weights read per token",
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

static void print_count(Arena *a, const char *what, const Count *c)
{
    printf("  %-24s %12s instructions %11s loads %11s stores\n", what,
           format_bytes(a, c->instructions), format_bytes(a, c->loads), format_bytes(a, c->stores));
}

static void print_table(Arena *a, const Bench *b)
{
    const Spread s = spread(b->counts + 1, GOLDEN_STEPS);
    const Count mean = {(long long)s.mean, (long long)s.loads, (long long)s.stores};
    printf("on %s (emulated; instructions are exact, time is not measured)\n", b->board);
    if (b->code_bytes)
        printf("  %-24s %12s bytes\n", "code", format_bytes(a, b->code_bytes));
    print_count(a, "a token, mean of 64", &mean);
    printf("  %-24s %12s to %s instructions\n", "  from the 1st to the 64th",
           format_bytes(a, s.min), format_bytes(a, s.max));
    print_count(a, "prefill of 64 tokens", &b->counts[GOLDEN_STEPS + 1]);
    print_count(a, "drawing a token", &b->counts[GOLDEN_STEPS + 2]);
    print_count(a, "init, weights checked", &b->counts[0]);
    printf("  %-24s %12s\n", "logits of 64 steps", b->hash);
}

static void print_json(const Bench *b)
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
 * a target that was a user's file only the name is known. */
static void choose_board(Arena *a, const Options *o, const Node *manifest, Bench *b)
{
    const Node *n = node_get(manifest, "target");
    const char *name = n ? node_string(n, "target") : "";
    const Target *t = !o->board && is_built_in(name) ? target_load(a, name) : NULL;
    b->board = t ? t->board : o->board ? o->board : "";
    b->flags = t ? t->flags : "";
}

int command_bench(Arena *a, const Options *o)
{
    Bench b = {.dir = o->args[0]};
    const Node *manifest = read_manifest(a, o->args[0], &b.name);
    choose_board(a, o, manifest, &b);
    if (*b.board) {
        bench_on_board(a, &b);
        if (strcmp(b.hash, golden_hash(manifest)) != 0)
            fatal("%s: on %s: logits hash %s, %s recorded", b.dir, b.board, b.hash,
                  golden_hash(manifest));
        if (b.n_counts != BENCH_COUNTS)
            fatal("%s: on %s: %d counts instead of %d", b.dir, b.board, b.n_counts, BENCH_COUNTS);
    }
    printf(o->json ? "{\"name\": \"%s\", " : "%s\n", b.name);
    print_sizes(a, manifest, o->json);
    if (*b.board && o->json)
        print_json(&b);
    else if (*b.board)
        print_table(a, &b);
    else if (!o->json)
        printf("  no emulated board: --board NAME names one\n");
    printf(o->json ? "}\n" : "");
    return 0;
}
