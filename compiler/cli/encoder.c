/* lmcc verify and lmcc run for generated encoders: what their head gives, against what was recorded
 * and for a text. */
#include "cli.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

int encode_cut(Arena *a, const Generated *g, const char *text, size_t n, int **ids)
{
    if (n > INT32_MAX / LONGEST_ENCODING - 24)
        fatal("text of %zu bytes: too long", n);
    const size_t room = LONGEST_ENCODING * n + 24;
    *ids = NEW(a, int, room);
    const int32_t count = g->encode_cut(text, (uint32_t)n, *ids, (int32_t)room);
    if (count < 0)
        fatal("%s: %s", g->dir, g->strerror(count));
    return count;
}

int encode_texts(Arena *a, const Generated *g, const char *text, size_t n, int **ids, int *second)
{
    const char *tab = n > 0 ? memchr(text, '\t', n) : NULL;
    if (!tab)
        return *second = encode_cut(a, g, text, n, ids);
    if (n > INT32_MAX / LONGEST_ENCODING - 48)
        fatal("text of %zu bytes: too long", n);
    const size_t room = LONGEST_ENCODING * n + 48, first = (size_t)(tab - text);
    *ids = NEW(a, int, room);
    const int32_t count = g->encode_pair(text, (uint32_t)first, tab + 1, (uint32_t)(n - first - 1),
                                         *ids, (int32_t)room, second);
    if (count < 0)
        fatal("%s: %s", g->dir, g->strerror(count));
    return count;
}

int sequence_of(Arena *a, const Generated *g, const char *where, int line, const char *text,
                size_t n, int **ids, int *second)
{
    *second = g->window;
    if (g->frames == 0)
        return encode_texts(a, g, text, n, ids, second);
    *ids = frames_parse(a, where, line, text, n, g->frames * g->bands);
    return g->window;
}

void encoder_read(const Generated *g, const int *ids, int n, int second)
{
    const int error = second < n ? g->read_pair(ids, n, second) : g->read(ids, n);
    if (error != 0)
        fatal("%s: %s", g->dir, g->strerror(error));
}

static int argmax(const int32_t *v, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

/* Verify ----------------------------------------------------------------------------------- */

/* The output of the last run at token 0 against the float model's: cosine. */
static double compare(Arena *a, const Generated *g, const Node *golden)
{
    const Node *kept = manifest_member(golden, "float_output");
    int *tokens = NEW(a, int, larger(GOLDEN_LONGEST, g->frames * g->bands));
    const int n = g->frames ? g->window : golden_run(GOLDEN_RUNS - 1, g->vocab, g->window, tokens);
    golden_bytes(GOLDEN_RUNS - 1, g->bands, g->frames * g->bands, tokens);
    encoder_read(g, tokens, n, n);
    const int32_t *out = g->output(0);
    double own = 0, other = 0, cross = 0;
    for (int i = 0; i < kept->n && i < g->outputs; i++) {
        const double x = node_double(kept->child[i], "float_output", -FLT_MAX, FLT_MAX);
        own += (double)out[i] * out[i];
        other += x * x;
        cross += out[i] * x;
    }
    return own > 0 && other > 0 ? cross / sqrt(own * other) : 1;
}

void verify_encoder(Arena *a, const Options *o, const Generated *g, Junit *junit, int bad_files,
                    const char *files)
{
    const Node *golden = manifest_member(g->manifest, "golden");
    const int runs = (int)node_int(manifest_member(golden, "runs"), "runs", 1, GOLDEN_RUNS);
    const char *want = node_string(manifest_member(golden, "logits_xxh32"), "logits_xxh32");
    const char *got = arena_printf(a, "%08x", (unsigned)g->hash(runs));
    const int selftest = g->selftest();
    const double cosine = compare(a, g, golden);
    junit_case(junit, "self-test", selftest == 0 ? NULL : g->strerror(selftest));
    junit_case(junit, "hash of the head's results",
               strcmp(got, want) == 0 ? NULL : arena_printf(a, "%s, expected %s", got, want));
    const bool passed = junit->failures == 0;
    if (o->json)
        printf("{\"passed\": %s, \"selftest\": %d, \"logits_xxh32\": \"%s\", \"expected\": "
               "\"%s\", \"differing_files\": %d, \"cosine\": %.6f}\n",
               passed ? "true" : "false", selftest, got, want, bad_files, cosine);
    else
        printf("%s\n  self-test            %s\n  head of %d sequences  %s, expected %s\n"
               "  files that differ    %d\n%s"
               "  against the float model, cosine %.6f\n%s\n",
               o->args[0], g->strerror(selftest), runs, got, want, bad_files, files, cosine,
               passed ? "verified" : "NOT verified");
}

/* Run -------------------------------------------------------------------------------------- */

/* Softmax of logits in units of 2^-16, for display. */
static double probability(const int32_t *logits, int n, int i)
{
    double total = 0;
    for (int k = 0; k < n; k++)
        total += exp((logits[k] - (double)logits[i]) / 65536);
    return 1 / total;
}

static const char *token_text(Arena *a, const Generated *g, int id)
{
    char text[MAX_TOKEN_TEXT];
    const int32_t n = g->decode(id, text, sizeof text);
    return n > 0 ? arena_strndup(a, text, (size_t)n) : arena_printf(a, "#%d", id);
}

static void print_classes(const Generated *g, const int32_t *logits)
{
    const int best = argmax(logits, g->outputs);
    for (int i = 0; i < g->outputs; i++)
        printf("%c %-24s %.4f\n", i == best ? '*' : ' ', g->label(i),
               probability(logits, g->outputs, i));
}

static void print_labels(Arena *a, const Generated *g, const int *ids, int n)
{
    for (int i = 0; i < n; i++) {
        const int32_t *logits = g->output(i);
        const int best = argmax(logits, g->outputs);
        printf("%-20s %-16s %.4f\n", token_text(a, g, ids[i]), g->label(best),
               probability(logits, g->outputs, best));
    }
}

/* What would stand in the place of each token. */
static void print_fills(Arena *a, const Generated *g, const int *ids, int n)
{
    for (int i = 0; i < n; i++) {
        const int32_t *logits = g->output(i);
        const int best = argmax(logits, g->outputs);
        printf("%-20s %-20s %.4f\n", token_text(a, g, ids[i]), token_text(a, g, best),
               probability(logits, g->outputs, best));
    }
}

/* Of a file, one after the other. */
static int run_clips(Arena *a, const Options *o, const Generated *g)
{
    if (o->n_args < 2)
        fatal("%s: a file of clips is needed, %d frames of %d numbers a line: lmcc run DIR FILE",
              o->args[0], g->frames, g->bands);
    const Corpus *c = frames_read(a, g->frames * g->bands, g->window, o->args[1]);
    for (int i = 0; i < c->n_docs; i++) {
        encoder_read(g, c->tokens[i], c->n_tokens[i], c->n_tokens[i]);
        if (c->n_docs > 1)
            printf("%sclip %d\n", i ? "\n" : "", i + 1);
        print_classes(g, g->output(0));
    }
    return 0;
}

int run_encoder(Arena *a, const Options *o, const Generated *g)
{
    const char *text = o->n_args > 1 ? o->args[1] : "";
    int *ids, second;
    if (g->frames > 0)
        return run_clips(a, o, g);
    const int n = encode_texts(a, g, text, strlen(text), &ids, &second);
    if (n == 0)
        fatal("%s: a text is needed: lmcc run DIR TEXT", o->args[0]);
    encoder_read(g, ids, n, second);
    switch (g->head) {
    case HEAD_CLASS: print_classes(g, g->output(0)); return 0;
    case HEAD_LABEL: print_labels(a, g, ids, n); return 0;
    case HEAD_MASK: print_fills(a, g, ids, n); return 0;
    case HEAD_EMBED: {
        const int32_t *v = g->output(0);
        for (int i = 0; i < g->outputs; i++)
            printf("%s%.5f", i ? " " : "", v[i] / 32768.0);
        printf("\n");
        return 0;
    }
    case HEAD_NEXT:
    case HEAD_KINDS: break;
    }
    fatal("%s: head %d: not known", g->dir, (int)g->head);
}
