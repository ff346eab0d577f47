/* lmcc diff: what changed between two generated folders, and gates on it for a build server.
 * Everything but the perplexity comes from the manifests. */
#include "cli.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BEFORE, AFTER, SIDES };

/* A figure of both folders; NAN where there is none. */
typedef struct Figure {
    const char *name, *what;
    double value[SIDES];
} Figure;

enum { FLASH, WEIGHTS, TOKENIZER, RAM, KV, READ, INSTRUCTIONS, CYCLES, WORST_SNR, PPL, FIGURES };

static double number(const Node *map, const char *key)
{
    return node_double(manifest_member(map, key), key, -1e18, 1e18);
}

/* Sum of what the ops have under the key; those without an estimate count as nothing. */
static double sum_of_ops(const Node *manifest, const char *key)
{
    const Node *ops = manifest_member(manifest, "ops");
    double sum = 0;
    for (int i = 0; i < ops->n; i++)
        if (ops->child[i]->kind == NODE_MAP && node_get(ops->child[i], key))
            sum += number(ops->child[i], key);
    return sum;
}

static double worst_snr(const Node *manifest)
{
    const Node *tensors = manifest_member(manifest, "tensors");
    double worst = INFINITY;
    for (int i = 0; i < tensors->n; i++)
        worst = fmin(worst, number(tensors->child[i], "snr_db"));
    return worst;
}

static void read_figures(const Node *m, int side, Figure *f)
{
    const Node *sizes = manifest_member(m, "sizes");
    f[WEIGHTS].value[side] = number(sizes, "weights");
    f[TOKENIZER].value[side] = number(sizes, "tokenizer");
    f[FLASH].value[side] = f[WEIGHTS].value[side] + f[TOKENIZER].value[side];
    f[RAM].value[side] = number(sizes, "state");
    f[KV].value[side] = number(sizes, "kv_cache");
    f[READ].value[side] = number(sizes, "weights_per_token");
    f[INSTRUCTIONS].value[side] = sum_of_ops(m, "estimated_instructions");
    f[CYCLES].value[side] = sum_of_ops(m, "estimated_cycles");
    f[WORST_SNR].value[side] = worst_snr(m);
}

static double change(const Figure *f)
{
    return f->value[BEFORE] != 0 ? 100 * (f->value[AFTER] / f->value[BEFORE] - 1) : 0;
}

/* NAME>LIMIT: "flash>512K" (of the second folder), "ppl>+1%" (more than the first by that share),
 * "ram>+0" (by that much); < likewise. True when it is so. */
static bool gate(Arena *a, const char *text, const Figure *figures, Junit *results, Buf *why)
{
    const size_t n = strcspn(text, "<>");
    const Figure *f = NULL;
    for (int i = 0; i < FIGURES; i++)
        if (strlen(figures[i].name) == n && strncmp(figures[i].name, text, n) == 0)
            f = &figures[i];
    if (!f || !text[n])
        usage_error(
            "--fail-if: %s: expected FIGURE>LIMIT or FIGURE<LIMIT; figures are flash, weights, "
            "tokenizer, ram, kv, read, instructions, cycles, snr, ppl",
            text_clip(text).s);
    if (isnan(f->value[AFTER]))
        usage_error("--fail-if: %s: perplexity needs --text TEXT", text_clip(text).s);
    const char *limit = text + n + 1;
    const bool relative = *limit == '+' || *limit == '-';
    char *end;
    double v = strtod(limit, &end);
    if (end == limit)
        usage_error("--fail-if: %s: expected a number", text_clip(text).s);
    const bool percent = strcmp(end, "%") == 0;
    const char *const units = "KM";
    if (!percent && *end && end[1] == '\0' && strchr(units, toupper((unsigned char)*end)))
        v *= toupper((unsigned char)*end) == 'K' ? 1024 : 1048576;
    else if (*end && !percent)
        usage_error("--fail-if: %s: expected a number, K, M or %%", text_clip(text).s);
    if (percent && !relative)
        usage_error("--fail-if: %s: a share needs a sign: +1%%", text_clip(text).s);
    const double seen = percent    ? change(f)
                        : relative ? f->value[AFTER] - f->value[BEFORE]
                                   : f->value[AFTER];
    const bool failed = text[n] == '>' ? seen > v : seen < v;
    const char *now = arena_printf(a, "%s is %.10g, was %.10g", f->what + strspn(f->what, " "),
                                   f->value[AFTER], f->value[BEFORE]);
    if (failed)
        buf_printf(why, "  %s: %s\n", text, now);
    junit_case(results, text, failed ? now : NULL);
    return failed;
}

static void print_figures(const Figure *f)
{
    for (int i = 0; i < FIGURES; i++) {
        if (isnan(f[i].value[AFTER]))
            continue;
        const bool fraction = i == WORST_SNR || i == PPL;
        printf("  %-34s %14.*f %14.*f", f[i].what, fraction ? 3 : 0, f[i].value[BEFORE],
               fraction ? 3 : 0, f[i].value[AFTER]);
        if (f[i].value[BEFORE] != f[i].value[AFTER])
            printf("  %+.2f %%", change(&f[i]));
        printf("\n");
    }
}

static const Node *tensor_named(const Node *tensors, const char *name)
{
    for (int i = 0; i < tensors->n; i++)
        if (strcmp(node_string(manifest_member(tensors->child[i], "name"), "name"), name) == 0)
            return tensors->child[i];
    return NULL;
}

static const char *text_of(const Node *map, const char *key)
{
    return node_string(manifest_member(map, key), key);
}

/* "288x128 planes 4 bits 20.97 dB" */
static const char *tensor_text(Arena *arena, const Node *t)
{
    return arena_printf(arena, "%gx%g %s %g bits %g dB", number(t, "rows"), number(t, "cols"),
                        text_of(t, "format"), number(t, "bits"), number(t, "snr_db"));
}

/* Tensors whose shape, format or error changed, in the order of the second folder. */
static void print_tensors(Arena *arena, const Node *before, const Node *after)
{
    const Node *a = manifest_member(before, "tensors"), *b = manifest_member(after, "tensors");
    for (int i = 0; i < b->n; i++) {
        const char *name = text_of(b->child[i], "name");
        const Node *old = tensor_named(a, name);
        const char *now = tensor_text(arena, b->child[i]);
        const char *was = old ? tensor_text(arena, old) : "nothing";
        if (strcmp(was, now) != 0)
            printf("  %-24s %s -> %s\n", name, was, now);
    }
    for (int i = 0; i < a->n; i++)
        if (!tensor_named(b, text_of(a->child[i], "name")))
            printf("  %-24s gone\n", text_of(a->child[i], "name"));
}

static void print_output(const Node *before, const Node *after)
{
    const char *a = text_of(manifest_member(before, "golden"), "logits_xxh32");
    const char *b = text_of(manifest_member(after, "golden"), "logits_xxh32");
    if (strcmp(a, b) == 0)
        printf("  the same logits: %s\n", a);
    else
        printf("  logits differ: %s -> %s\n", a, b);
}

int command_diff(Arena *a, const Options *o)
{
    Figure f[FIGURES] = {
        [FLASH] = {.name = "flash", .what = "flash: weights and tokenizer"},
        [WEIGHTS] = {.name = "weights", .what = "  weights"},
        [TOKENIZER] = {.name = "tokenizer", .what = "  tokenizer"},
        [RAM] = {.name = "ram", .what = "RAM: state"},
        [KV] = {.name = "kv", .what = "  KV cache"},
        [READ] = {.name = "read", .what = "weight bytes read a token"},
        [INSTRUCTIONS] = {.name = "instructions", .what = "estimated instructions of matrices"},
        [CYCLES] = {.name = "cycles", .what = "estimated cycles of matrices"},
        [WORST_SNR] = {.name = "snr", .what = "worst tensor, dB"},
        [PPL] = {.name = "ppl", .what = "perplexity", .value = {NAN, NAN}},
    };
    const Node *m[SIDES];
    for (int side = 0; side < SIDES; side++) {
        const char *name;
        m[side] = read_manifest(a, o->args[side], &name);
        read_figures(m[side], side, f);
        if (o->text)
            f[PPL].value[side] = generated_score(a, o, o->args[side], o->text).perplexity;
    }
    printf("%s -> %s\n", o->args[0], o->args[1]);
    print_figures(f);
    print_output(m[BEFORE], m[AFTER]);
    print_tensors(a, m[BEFORE], m[AFTER]);
    Buf why = {0};
    Junit results = {.suite = "lmcc diff"};
    bool failed = false;
    for (int i = 0; i < o->n_gates; i++)
        failed |= gate(a, o->gates[i], f, &results, &why);
    if (failed)
        printf("FAILED\n%s", (const char *)why.data);
    buf_free(&why);
    if (o->junit)
        junit_write(&results, o->junit);
    buf_free(&results.cases);
    return failed;
}
