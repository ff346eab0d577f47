/* lmcc probe: the residual stream after each layer of generated code, over a text or the golden
 * tokens: its range and, with --ref MODEL, how far it is from the float model's. The first layer
 * that is much worse than the one before it is where to look. */
#include "cli.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* Of one vector of the network, summed over tokens. */
typedef struct Sums {
    double signal, noise, own, cross; /* squares of float, of the error, of ours; products */
    double worst;                     /* error, absolute */
    int32_t largest;                  /* v, or -v - 1 of a negative v */
    int64_t saturated;                /* elements at an end of int32 */
    uint32_t hash;                    /* XXH32 from token to token, as firmware's probe has it */
} Sums;

typedef struct Probe {
    const Generated *code;
    Corpus *corpus;
    bool golden;            /* the corpus is the golden tokens: one document, hashes count */
    Reference **references; /* one for each thread, NULL: no --ref */
    int *place;             /* of each layer, that of the reference with the same residual */
    int n_rows;             /* the embedding, each layer, the logits */
    Sums *rows;             /* n_docs x n_rows */
} Probe;

/* values: n integers in units of 2^-fraction; of: the same in float, NULL: not known. */
static void add_vector(Sums *s, const int32_t *values, int n, int fraction, const float *of)
{
    for (int i = 0; i < n; i++) {
        const int32_t size = values[i] < 0 ? -(values[i] + 1) : values[i];
        s->largest = size > s->largest ? size : s->largest;
        s->saturated += size == INT32_MAX;
        if (!of)
            continue;
        const double x = (double)of[i], y = ldexp(values[i], -fraction), error = fabs(x - y);
        s->signal += x * x;
        s->noise += error * error;
        s->own += y * y;
        s->cross += x * y;
        s->worst = fmax(s->worst, error);
    }
    s->hash = XXH32(values, (size_t)n * sizeof *values, s->hash);
}

static void add_token(const Probe *p, int thread, int token, Sums *rows)
{
    const Generated *g = p->code;
    Reference *r = p->references ? p->references[thread] : NULL;
    const int32_t *output = generated_step(g, token);
    const float *logits = r ? reference_step(r, token) : NULL;
    for (int l = -1; l < g->layers; l++)
        add_vector(&rows[l + 1], g->residual(l), g->dim, g->residual_fraction,
                   r ? reference_residual(r, l < 0 ? l : p->place[l]) : NULL);
    if (g->top == 0)
        add_vector(&rows[g->layers + 1], output, g->vocab, LOGIT_FRACTION, logits);
}

/* Documents are independent: threads share them, and sums stay apart until all are there. */
static void walk(const Probe *p, int threads)
{
    const Corpus *c = p->corpus;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int d = 0; d < c->n_docs; d++) {
        const int thread = omp_get_thread_num();
        generated_reset(p->code);
        if (p->references)
            reference_reset(p->references[thread]);
        for (int i = 0; i < c->n_tokens[d]; i++)
            add_token(p, thread, c->tokens[d][i], p->rows + (size_t)d * (size_t)p->n_rows);
    }
}

static Sums sum_of(const Probe *p, int row)
{
    Sums all = {0};
    for (int d = 0; d < p->corpus->n_docs; d++) {
        const Sums *s = &p->rows[(size_t)d * (size_t)p->n_rows + (size_t)row];
        all.signal += s->signal;
        all.noise += s->noise;
        all.own += s->own;
        all.cross += s->cross;
        all.worst = fmax(all.worst, s->worst);
        all.largest = s->largest > all.largest ? s->largest : all.largest;
        all.saturated += s->saturated;
        all.hash = s->hash;
    }
    return all;
}

static double snr(const Sums *s)
{
    return s->noise > 0 ? 10 * log10(s->signal / s->noise) : 999;
}

static double cosine(const Sums *s)
{
    return s->signal > 0 && s->own > 0 ? s->cross / sqrt(s->signal * s->own) : 1;
}

/* The tokens that the self-test reads. */
static Corpus *golden_corpus(Arena *a, const Generated *g)
{
    const Node *golden = manifest_member(g->manifest, "golden");
    const Node *tokens = manifest_member(golden, "tokens");
    Corpus *c = NEW(a, Corpus, 1);
    *c = (Corpus){.n_docs = 1, .n_tokens = NEW(a, int, 1), .tokens = NEW(a, int *, 1)};
    c->n_tokens[0] = tokens->n;
    c->tokens[0] = NEW(a, int, tokens->n + 1);
    c->tokens[0][0] = (int)node_int(manifest_member(golden, "start"), "start", 0, g->vocab - 1);
    for (int i = 0; i + 1 < tokens->n; i++)
        c->tokens[0][i + 1] = (int)node_int(tokens->child[i], "tokens", 0, g->vocab - 1);
    return c;
}

/* Where layers were pruned, the residual stream is compared where the next layer that was kept
 * reads it. */
static int *find_places(Arena *a, const Generated *g, int original_layers)
{
    const Node *pruning = manifest_member(g->manifest, "pruning");
    const Node *removed = NULL;
    int *kept = NEW(a, int, original_layers + 1), n = 0;
    for (int i = 0; i < pruning->n; i++)
        if (strcmp(node_string(manifest_member(pruning->child[i], "pass"), "pass"),
                   "prune-layers") == 0)
            removed = manifest_member(pruning->child[i], "removed");
    for (int l = 0; l < original_layers; l++)
        if (!removed || l >= removed->n || node_int(removed->child[l], "removed", 0, 1) == 0)
            kept[n++] = l;
    if (n != g->layers)
        fatal("%s: %d layers: %s was compiled from a model with others", g->manifest->file,
              original_layers, g->dir);
    kept[n] = original_layers;
    for (int l = 0; l < n; l++)
        kept[l] = kept[l + 1] - 1;
    return kept;
}

static void add_references(Arena *a, const Options *o, Probe *p, int threads)
{
    const Generated *g = p->code;
    const Model *m = generated_reference(a, o, g);
    if (m->dim != g->dim)
        fatal("%s: dim %d: %s has %d", o->reference, m->dim, g->dir, g->dim);
    p->place = find_places(a, g, m->n_layers);
    p->references = NEW(a, Reference *, threads);
    const Reference *first = reference_new(a, m, generated_window(g, m),
                                           manifest_int(g->manifest, "recipe", "sinks", 0));
    for (int i = 0; i < threads; i++)
        p->references[i] = reference_fork(a, first);
}

static int fraction_of(const Probe *p, int row)
{
    return row > p->code->layers ? LOGIT_FRACTION : p->code->residual_fraction;
}

static const char *row_name(Arena *a, const Probe *p, int row)
{
    return row == 0 ? "input" : row > p->code->layers ? "logits" : arena_printf(a, "%d", row - 1);
}

static void print_table(Arena *a, const Options *o, const Probe *p, int64_t tokens)
{
    const bool error = p->references != NULL;
    printf("%s%s%s: %lld tokens of %s\n", p->code->dir, error ? " against " : "",
           error ? o->reference : "", (long long)tokens,
           p->golden ? "the self-test" : arena_printf(a, "%d documents", p->corpus->n_docs));
    printf("  layer  %s    largest  spare bits  saturated%s\n",
           error ? "   SNR dB    cosine  max error" : "", p->golden ? "     XXH32" : "");
    for (int row = 0; row < p->n_rows; row++) {
        const Sums s = sum_of(p, row);
        printf("  %-7s", row_name(a, p, row));
        if (error)
            printf("%9.2f %9.6f  %9.5f", snr(&s), cosine(&s), s.worst);
        printf("  %9.4f %11d %10lld", ldexp(s.largest, -fraction_of(p, row)),
               31 - bit_length((uint64_t)s.largest), (long long)s.saturated);
        printf(p->golden ? "  %08x\n" : "\n", (unsigned)s.hash);
    }
    if (!error)
        printf("  --ref MODEL, the checkpoint that it was compiled from, adds the error of each "
               "layer\n");
}

static void print_json(Arena *a, const Probe *p, int64_t tokens)
{
    printf("{\"name\": \"%s\", \"golden\": %s, \"tokens\": %lld, \"documents\": %d, \"rows\": [",
           p->code->name, p->golden ? "true" : "false", (long long)tokens, p->corpus->n_docs);
    for (int row = 0; row < p->n_rows; row++) {
        const Sums s = sum_of(p, row);
        printf("%s\n  {\"row\": \"%s\", ", row ? "," : "", row_name(a, p, row));
        if (p->references)
            printf("\"snr_db\": %.3f, \"cosine\": %.8f, \"max_error\": %.6g, ", snr(&s), cosine(&s),
                   s.worst);
        if (p->golden)
            printf("\"xxh32\": \"%08x\", ", (unsigned)s.hash);
        printf("\"largest\": %.9g, \"spare_bits\": %d, \"saturated\": %lld}",
               ldexp(s.largest, -fraction_of(p, row)), 31 - bit_length((uint64_t)s.largest),
               (long long)s.saturated);
    }
    printf("\n]}\n");
}

int command_probe(Arena *a, const Options *o)
{
    Probe p = {.code = generated_open(a, o->args[0], o->cc), .golden = o->n_args < 2};
    p.corpus = p.golden ? golden_corpus(a, p.code) : generated_corpus(a, o, p.code, o->args[1]);
    p.n_rows = p.code->layers + 1 + (p.code->top == 0);
    p.rows = NEW(a, Sums, (size_t)p.corpus->n_docs * (size_t)p.n_rows);
    const int threads = evaluation_threads(p.corpus);
    int64_t tokens = 0;
    for (int d = 0; d < p.corpus->n_docs; d++)
        tokens += p.corpus->n_tokens[d];
    if (o->reference)
        add_references(a, o, &p, threads);
    walk(&p, threads);
    if (o->json)
        print_json(a, &p, tokens);
    else
        print_table(a, o, &p, tokens);
    return 0;
}
