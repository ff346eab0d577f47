/* lmcc eval: perplexity on a text. For a MODEL: of the float model, of the model with its quantized
 * weights in float, and of the integer program; for a DIR: of the generated code itself. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

typedef struct Row {
    const char *what;
    bool compared; /* kl and top1 mean something */
    Score score;
} Row;

/* Generated code as something that steps. */
typedef struct GeneratedStepper {
    const Generated *code;
    float *logits;
} GeneratedStepper;

static void reset_generated(void *self)
{
    ((GeneratedStepper *)self)->code->reset();
}

static const float *step_generated(void *self, int token)
{
    GeneratedStepper *s = self;
    const int32_t *fixed = s->code->step(token);
    if (!fixed)
        fatal("%s: token %d: refused", s->code->dir, token);
    for (int i = 0; i < s->code->vocab; i++)
        s->logits[i] = (float)fixed[i] / (float)(1 << LOGIT_FRACTION);
    return s->logits;
}

static Stepper stepper_generated(Arena *a, const Generated *g)
{
    GeneratedStepper *s = NEW(a, GeneratedStepper, 1);
    *s = (GeneratedStepper){g, NEW(a, float, g->vocab)};
    return (Stepper){s, reset_generated, step_generated};
}

static int encode_generated(const void *self, Arena *a, const char *text, size_t n, int **ids)
{
    const Generated *g = self;
    if (n > INT32_MAX - 2)
        fatal("text of %zu bytes: too long", n);
    *ids = NEW(a, int, n + 2);
    const int32_t count = g->encode(text, (uint32_t)n, *ids, (int32_t)(n + 2));
    if (count < 0)
        fatal("%s: %s", g->dir, g->strerror(count));
    return count;
}

static int manifest_int(const Node *m, const char *map, const char *key, int min)
{
    const Node *n = node_get(m, map);
    n = n && n->kind == NODE_MAP ? node_get(n, key) : NULL;
    if (!n)
        fatal("%s: %s.%s: missing", m->file, map, key);
    return (int)node_int(n, key, min, INT32_MAX);
}

static DocsKind docs_kind(const Options *o)
{
    static const char *const names[DOCS_KINDS] = {"auto", "lines", "file"};
    const int k = o->docs ? find_name(names, DOCS_KINDS, o->docs) : DOCS_AUTO;
    if (k < 0)
        usage_error("--docs: %s: expected auto, lines or file", text_clip(o->docs).s);
    return (DocsKind)k;
}

static void print_rows(const Corpus *c, const Row *rows, int n, bool json)
{
    if (json)
        printf("{\"tokens\": %lld, \"bytes\": %lld, \"documents\": %d, \"results\": [",
               (long long)c->n_predicted, (long long)c->n_bytes, c->n_docs);
    else
        printf("%lld tokens of %lld bytes in %d pieces\n"
               "  %-28s perplexity  bits/byte  KL (nats)  top-1\n",
               (long long)c->n_predicted, (long long)c->n_bytes, c->n_docs, "");
    for (int i = 0; i < n; i++) {
        const Score *s = &rows[i].score;
        if (json) {
            printf("%s{\"what\": \"%s\", \"perplexity\": %.6f, \"bits_per_byte\": %.6f",
                   i ? ", " : "", rows[i].what, s->perplexity, s->bits_per_byte);
            if (rows[i].compared)
                printf(", \"kl\": %.8f, \"top1\": %.6f", s->kl, s->top1);
            printf("}");
        } else {
            printf("  %-28s %10.4f %10.4f", rows[i].what, s->perplexity, s->bits_per_byte);
            if (rows[i].compared)
                printf(" %10.6f %6.2f %%", s->kl, 100 * s->top1);
            if (i > 0)
                printf("  %+.2f %% perplexity",
                       100 * (s->perplexity / rows[0].score.perplexity - 1));
            printf("\n");
        }
    }
    if (json)
        printf("]}\n");
}

static const Tokenizer *need_tokenizer(const Model *m)
{
    if (!m->tokenizer)
        fatal("%s: no tokenizer beside the model: --tokenizer FILE names one", m->path);
    return m->tokenizer;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int eval_model(Arena *a, const Options *o)
{
    Unit *u = open_unit(a, o, o->args[0]);
    const Tokenizer *t = need_tokenizer(u->model);
    run_passes(u, NULL, NULL, NULL);
    const int window = u->program->window, sinks = u->program->sinks;
    const Corpus *c = corpus_read(a, encoder_of(a, t), o->args[1], docs_kind(o),
                                  smaller(u->model->context, window));
    const Stepper original = stepper_reference(reference_new(a, u->original, window, sinks));
    const Stepper weights = stepper_reference(reference_new(a, u->model, window, sinks));
    const Stepper integer = stepper_simulator(a, simulator_new(a, u), u->model->vocab);
    const Row rows[] = {
        {"float", false, evaluate(a, c, original, NULL, u->model->vocab)},
        {"compressed weights, float", true, evaluate(a, c, weights, &original, u->model->vocab)},
        {"integer program", true, evaluate(a, c, integer, &original, u->model->vocab)},
    };
    print_rows(c, rows, (int)LENGTH(rows), o->json);
    return 0;
}

static int eval_generated(Arena *a, const Options *o)
{
    Generated *g = generated_open(a, o->args[0], o->cc);
    if (g->top > 0)
        fatal("%s: head.top: %d: perplexity needs all logits, which this code never has; lmcc eval "
              "MODEL --recipe %s/%s.json computes the same ones",
              g->dir, g->top, g->dir, g->name);
    const int window = manifest_int(g->manifest, "recipe", "window", 0);
    const int context = manifest_int(g->manifest, "model", "context", 1);
    const int bos = manifest_int(g->manifest, "tokenizer", "bos", -1);
    const TextEncoder by = {g, bos, encode_generated};
    const Corpus *c =
        corpus_read(a, by, o->args[1], docs_kind(o), smaller(context, window ? window : context));
    const Stepper code = stepper_generated(a, g);
    Row rows[2];
    int n = 0;
    if (o->reference) {
        const Model *m = import_model(a, o->reference, o->tokenizer);
        if (m->vocab != g->vocab)
            fatal("%s: vocab %d: %s has %d", o->reference, m->vocab, g->dir, g->vocab);
        const Stepper original =
            stepper_reference(reference_new(a, m, window ? window : m->context, 0));
        rows[n++] = (Row){"float", false, evaluate(a, c, original, NULL, g->vocab)};
        rows[n++] = (Row){"generated code", true, evaluate(a, c, code, &original, g->vocab)};
    } else {
        rows[n++] = (Row){"generated code", false, evaluate(a, c, code, NULL, g->vocab)};
    }
    print_rows(c, rows, n, o->json);
    return 0;
}

int command_eval(Arena *a, const Options *o)
{
    return is_generated(o->args[0]) ? eval_generated(a, o) : eval_model(a, o);
}
