/* lmcc verify: does generated code do what was recorded when it was compiled? Builds it for the
 * host, runs its self-test, compares tokens and logits hash with the manifest, file contents with
 * their hashes, and the residual stream after each layer with the float model's. */
#include "cli.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Below the folder, not above it: a manifest is input too. */
static bool stays_inside(const char *name)
{
    return name[0] != '/' && strstr(name, "..") == NULL;
}

/* Files that are not what the manifest says. NAME_config.h is the user's own; manifests of
 * ecosystems that are not used may be gone. */
static int check_files(Arena *a, const Generated *g, Buf *report)
{
    const Node *files = manifest_member(g->manifest, "files");
    if (files->kind != NODE_MAP)
        fatal("%s: files: expected a map", g->manifest->file);
    const char *own = arena_printf(a, "%s_config.h", g->name);
    int bad = 0;
    for (int i = 0; i < files->n; i++) {
        const char *name = files->key[i];
        const char *path = path_join(a, g->dir, name);
        if (strcmp(name, own) == 0 || !stays_inside(name) ||
            (strchr(name, '/') && !file_exists(path)))
            continue;
        const File f = file_map(a, path);
        if (strcmp(file_hash(a, &f),
                   node_string(manifest_member(files->child[i], "xxh64"), "xxh64")) != 0) {
            buf_printf(report, "  %-20s differs from what was generated\n", name);
            bad++;
        }
    }
    return bad;
}

typedef struct Layer {
    double snr, cosine;
} Layer;

/* The residual after a layer against the float model's, as kept in the manifest. */
static Layer compare_layer(const Generated *g, const Node *kept, int layer, int every)
{
    const int32_t *resid = g->residual(layer - 1);
    double signal = 0, noise = 0, own = 0, cross = 0;
    for (int64_t i = 0; i < kept->n && i * every < g->dim; i++) {
        const double x = node_double(kept->child[i], "float_residual", -FLT_MAX, FLT_MAX);
        const double y = ldexp(resid[i * every], -g->residual_fraction);
        signal += x * x;
        noise += (x - y) * (x - y);
        own += y * y;
        cross += x * y;
    }
    return (Layer){.snr = noise > 0 ? 10 * log10(signal / noise) : 999,
                   .cosine = signal > 0 && own > 0 ? cross / sqrt(signal * own) : 1};
}

/* Steps through the golden tokens; gives how many differ. */
static int replay(const Generated *g, const Node *golden, uint32_t *hash)
{
    const Node *tokens = manifest_member(golden, "tokens");
    int64_t token = node_int(manifest_member(golden, "start"), "start", 0, g->vocab - 1);
    int differing = 0;
    *hash = 0;
    g->reset();
    for (int i = 0; i < tokens->n; i++) {
        const int32_t *output = g->step((int32_t)token);
        if (!output)
            fatal("%s: step %d: token %lld refused", g->dir, i, (long long)token);
        *hash = XXH32(output, (size_t)(g->top > 0 ? 2 * g->top : g->vocab) * 4, *hash);
        int best = g->top > 0 ? output[0] : 0;
        for (int k = 1; k < g->vocab && g->top == 0; k++)
            best = output[k] > output[best] ? k : best;
        token = node_int(tokens->child[i], "tokens", 0, g->vocab - 1);
        differing += best != token;
    }
    return differing;
}

static void report_layers(Arena *a, const Generated *g, const Node *golden, bool json, Buf *b)
{
    const Node *kept = manifest_member(golden, "float_residual");
    const int every =
        (int)node_int(manifest_member(golden, "float_residual_every"), "every", 1, 1 << 20);
    for (int l = 0; l < kept->n && l <= g->layers; l++) {
        const Layer c = compare_layer(g, kept->child[l], l, every);
        if (json)
            buf_printf(b, "%s{\"layer\": %d, \"snr_db\": %.2f, \"cosine\": %.6f}", l ? ", " : "",
                       l - 1, c.snr, c.cosine);
        else
            buf_printf(b, "  %-8s %8.2f %9.6f\n", l == 0 ? "input" : arena_printf(a, "%d", l - 1),
                       c.snr, c.cosine);
    }
}

int command_verify(Arena *a, const Options *o)
{
    Buf files = {0}, layers = {0};
    const Generated *g = generated_open(a, o->args[0], o->cc);
    const Node *golden = manifest_member(g->manifest, "golden");
    uint32_t hash;
    const int bad_files = check_files(a, g, &files);
    const int differing = replay(g, golden, &hash);
    report_layers(a, g, golden, o->json, &layers);
    const int selftest = g->selftest();
    const char *want = node_string(manifest_member(golden, "logits_xxh32"), "logits_xxh32");
    const bool same = strcmp(arena_printf(a, "%08x", (unsigned)hash), want) == 0;
    const bool passed = bad_files == 0 && differing == 0 && same && selftest == 0;
    if (o->json)
        printf(
            "{\"passed\": %s, \"selftest\": %d, \"logits_xxh32\": \"%08x\", \"expected\": \"%s\", "
            "\"differing_tokens\": %d, \"differing_files\": %d, \"layers\": [%s]}\n",
            passed ? "true" : "false", selftest, (unsigned)hash, want, differing, bad_files,
            layers.data ? layers.data : "");
    else
        printf("%s\n  self-test            %s\n  logits of %d steps   %08x, expected %s\n"
               "  tokens that differ   %d\n  files that differ    %d\n%s"
               "  residual stream at the last step against the float model:\n"
               "  layer      SNR dB    cosine\n%s%s\n",
               o->args[0], g->strerror(selftest), manifest_member(golden, "tokens")->n,
               (unsigned)hash, want, differing, bad_files, files.data ? files.data : "",
               layers.data ? layers.data : "", passed ? "verified" : "NOT verified");
    buf_free(&files);
    buf_free(&layers);
    return passed ? 0 : 1;
}
