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

/* What was checked. Lines of the report go to `text`, cases to `junit`. */
typedef struct Checked {
    Buf text;
    Junit junit;
    int bad_files, differing;
    int first_step;  /* whose logits differ from the recorded ones; -1: none, or not recorded */
    int first_layer; /* whose residual stream does, counted from 0 for the embedding */
    uint32_t hash;   /* of all logits */
} Checked;

/* Files that are not what the manifest says. NAME_config.h is the user's own; manifests of
 * ecosystems that are not used may be gone. */
static void check_files(Arena *a, const Generated *g, Checked *c)
{
    const Node *files = manifest_member(g->manifest, "files");
    if (files->kind != NODE_MAP)
        fatal("%s: files: expected a map", g->manifest->file);
    const char *own = arena_printf(a, "%s_config.h", g->name);
    for (int i = 0; i < files->n; i++) {
        const char *name = files->key[i];
        const char *path = path_join(a, g->dir, name);
        if (strcmp(name, own) == 0 || !stays_inside(name) ||
            (strchr(name, '/') && !file_exists(path)))
            continue;
        const File f = file_map(a, path);
        const bool bad =
            strcmp(file_hash(a, &f),
                   node_string(manifest_member(files->child[i], "xxh64"), "xxh64")) != 0;
        if (bad)
            buf_printf(&c->text, "  %-20s differs from what was generated\n", name);
        junit_case(&c->junit, arena_printf(a, "file %s", name),
                   bad ? "differs from what was generated" : NULL);
        c->bad_files += bad;
    }
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

/* The first of the hashes recorded under the key that is another one; -1: none. */
static int first_difference(Arena *a, const Node *golden, const char *key, const uint32_t *hashes,
                            int n)
{
    const Node *recorded = node_get(golden, key);
    for (int i = 0; recorded && i < n && i < recorded->n; i++)
        if (strcmp(node_string(recorded->child[i], key),
                   arena_printf(a, "%08x", (unsigned)hashes[i])) != 0)
            return i;
    return -1;
}

/* Steps through the golden tokens. */
static void replay(Arena *a, const Generated *g, const Node *golden, Checked *c)
{
    const Node *tokens = manifest_member(golden, "tokens");
    int64_t token = node_int(manifest_member(golden, "start"), "start", 0, g->vocab - 1);
    uint32_t *layers = NEW(a, uint32_t, g->layers + 1);
    g->reset();
    for (int i = 0; i < tokens->n; i++) {
        const int32_t *output = generated_step(g, (int)token);
        c->hash = XXH32(output, (size_t)(g->top > 0 ? 2 * g->top : g->vocab) * 4, c->hash);
        for (int l = 0; l <= g->layers; l++)
            layers[l] = XXH32(g->residual(l - 1), (size_t)g->dim * 4, layers[l]);
        int best = g->top > 0 ? output[0] : 0;
        for (int k = 1; k < g->vocab && g->top == 0; k++)
            best = output[k] > output[best] ? k : best;
        token = node_int(tokens->child[i], "tokens", 0, g->vocab - 1);
        c->first_step = best != token && c->differing == 0 ? i : c->first_step;
        c->differing += best != token;
    }
    c->first_layer = first_difference(a, golden, "layers_xxh32", layers, g->layers + 1);
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

static const char *layer_text(Arena *a, int layer)
{
    return layer < 0 ? "none" : layer == 0 ? "input" : arena_printf(a, "%d", layer - 1);
}

static void add_cases(Arena *a, const Generated *g, Checked *c, int selftest, const char *want)
{
    const char *got = arena_printf(a, "%08x", (unsigned)c->hash);
    junit_case(&c->junit, "self-test", selftest == 0 ? NULL : g->strerror(selftest));
    junit_case(&c->junit, "hash of the logits",
               strcmp(got, want) == 0 ? NULL : arena_printf(a, "%s, expected %s", got, want));
    junit_case(&c->junit, "golden tokens",
               c->differing == 0 ? NULL
                                 : arena_printf(a, "%d differ, the first one after step %d",
                                                c->differing, c->first_step));
    junit_case(&c->junit, "residual stream of each layer",
               c->first_layer < 0
                   ? NULL
                   : arena_printf(a, "differs from layer %s on", layer_text(a, c->first_layer)));
}

static void print_json(const Checked *c, bool passed, int selftest, const char *want,
                       const Buf *layers)
{
    printf("{\"passed\": %s, \"selftest\": %d, \"logits_xxh32\": \"%08x\", \"expected\": \"%s\", "
           "\"differing_tokens\": %d, \"differing_files\": %d, ",
           passed ? "true" : "false", selftest, (unsigned)c->hash, want, c->differing,
           c->bad_files);
    if (c->first_layer >= 0)
        printf("\"first_differing_layer\": %d, ", c->first_layer - 1);
    printf("\"layers\": [%s]}\n", layers->data ? layers->data : "");
}

/* Text or JSON of a decoder's checks. */
static void verify_decoder(Arena *a, const Options *o, const Generated *g, Checked *c)
{
    Buf layers = {0};
    const Node *golden = manifest_member(g->manifest, "golden");
    const char *want = node_string(manifest_member(golden, "logits_xxh32"), "logits_xxh32");
    replay(a, g, golden, c);
    report_layers(a, g, golden, o->json, &layers);
    const int selftest = g->selftest();
    add_cases(a, g, c, selftest, want);
    const bool passed = c->junit.failures == 0;
    if (o->json)
        print_json(c, passed, selftest, want, &layers);
    else
        printf("%s\n  self-test            %s\n  logits of %d steps   %08x, expected %s\n"
               "  tokens that differ   %d\n  first such layer     %s\n  files that differ    %d\n%s"
               "  residual stream at the last step against the float model:\n"
               "  layer      SNR dB    cosine\n%s%s\n",
               o->args[0], g->strerror(selftest), manifest_member(golden, "tokens")->n,
               (unsigned)c->hash, want, c->differing, layer_text(a, c->first_layer), c->bad_files,
               c->text.data ? c->text.data : "", layers.data ? layers.data : "",
               passed ? "verified" : "NOT verified");
    buf_free(&layers);
}

int command_verify(Arena *a, const Options *o)
{
    const Generated *g = generated_open(a, o->args[0], o->cc);
    Checked c = {.junit = {.suite = arena_printf(a, "lmcc verify %s", g->name)}, .first_step = -1};
    check_files(a, g, &c);
    if (g->encoder)
        verify_encoder(a, o, g, &c.junit, c.bad_files, c.text.data ? (char *)c.text.data : "");
    else
        verify_decoder(a, o, g, &c);
    buf_free(&c.text);
    if (o->junit)
        junit_write(&c.junit, o->junit);
    buf_free(&c.junit.cases);
    return c.junit.failures == 0 ? 0 : 1;
}
