/* lmcc eval for encoders that classify: how many texts of a table get the class that stands there,
 * from the float model, from what quantization left of it and from the integers. A line is LABEL, a
 * tab, TEXT, of a pair a tab and the second TEXT; LABEL is a class's name or number. */
#include "cli.h"
#include "runtime.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Example {
    int label, line;
    const char *text;
    size_t n;
} Example;

typedef struct Table {
    int n;
    Example *list;
} Table;

/* A contender's classes; the first one's are what the others are compared with. */
typedef struct Verdict {
    const char *what;
    int *label; /* of each example */
} Verdict;

static int find_label(const char *s, size_t n, int n_labels, const char *(*name)(const void *, int),
                      const void *self)
{
    char text[MAX_LABEL_BYTES + 1] = "";
    if (n > MAX_LABEL_BYTES)
        return -1;
    memcpy(text, s, n);
    for (int i = 0; i < n_labels; i++) {
        const char *label = name(self, i);
        if (label && strcmp(label, text) == 0)
            return i;
    }
    char *end;
    const long number = strtol(text, &end, 10);
    return end != text && *end == '\0' && number >= 0 && number < n_labels ? (int)number : -1;
}

static Table read_table(Arena *a, const char *path, int n_labels,
                        const char *(*name)(const void *, int), const void *self)
{
    const File f = file_map(a, path);
    const char *at = (const char *)f.data, *end = at + f.size;
    Table t = {0};
    for (int line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        const char *tab = memchr(at, '\t', (size_t)(stop - at));
        if (stop > at && !tab)
            fatal("%s:%d: expected a label, a tab and a text", path, line);
        if (stop > at) {
            Example e = {.line = line, .text = tab + 1, .n = (size_t)(stop - tab - 1)};
            e.n -= e.n > 0 && e.text[e.n - 1] == '\r';
            e.label = find_label(at, (size_t)(tab - at), n_labels, name, self);
            if (e.label < 0)
                fatal("%s:%d: label \"%.40s\": the model has no such class, name or number", path,
                      line, arena_strndup(a, at, (size_t)(tab - at)));
            t.list = arena_grow(a, t.list, t.n, sizeof *t.list);
            t.list[t.n++] = e;
        }
        at = stop < end ? stop + 1 : end;
    }
    if (t.n == 0)
        fatal("%s: no line has a label and a text", path);
    return t;
}

/* Fixed or floating logits of a class head. */
static int best_of(const float *x, const int32_t *fixed, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (x ? x[i] > x[best] : fixed[i] > fixed[best])
            best = i;
    return best;
}

static void print_verdict(const Table *t, const Verdict *first, const Verdict *v, bool json,
                          bool last)
{
    int right = 0, equal = 0;
    for (int i = 0; i < t->n; i++) {
        right += v->label[i] == t->list[i].label;
        equal += v->label[i] == first->label[i];
    }
    const double p = (double)right / t->n, margin = 1.96 * sqrt(p * (1 - p) / t->n);
    if (json)
        printf("{\"what\": \"%s\", \"accuracy\": %.6f, \"right\": %d, \"as_float\": %.6f}%s",
               v->what, p, right, (double)equal / t->n, last ? "" : ", ");
    else
        printf("  %-22s %8.2f %% +- %.2f  %6d right  %8.2f %% as the first\n", v->what, 100 * p,
               100 * margin, right, 100.0 * equal / t->n);
}

/* Exits ------------------------------------------------------------------------------------ */

/* What each head of the integer program says of each example, heads x examples: the exits in their
 * order, then the last one; how sure it is, in units of 2^-15. */
typedef struct Heads {
    const Model *model;
    int *label, *sure;
} Heads;

static Heads heads_new(Arena *a, const Model *m, const Table *t)
{
    const size_t n = (size_t)(m->n_exits + 1) * (size_t)t->n;
    return (Heads){m, NEW(a, int, n), NEW(a, int, n)};
}

static void run_heads(const Heads *h, Simulator *s, const Table *t, int example, const int *ids,
                      int n, int second)
{
    const int exits = h->model->n_exits, rows = h->model->head.rows;
    for (int head = 0; head <= exits && exits > 0; head++) {
        const size_t at = (size_t)head * (size_t)t->n + (size_t)example;
        for (int i = 0; i < exits; i++)
            simulator_exit_at(s, i, i == head ? 0 : EXIT_NEVER);
        simulator_read_pair(s, ids, n, second);
        const int32_t *logits = simulator_head(s, 0);
        h->label[at] = best_of(NULL, logits, rows);
        h->sure[at] = lm_probability(logits, rows, h->label[at]);
    }
}

/* Accuracy, and layers that were run, if each exit is taken from a threshold on. */
static void print_exits(const Table *t, const Heads *h, bool json)
{
    static const double thresholds[] = {1.01, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5};
    const Model *m = h->model;
    for (size_t k = 0; k < LENGTH(thresholds) && m->n_exits > 0; k++) {
        int right = 0, layers = 0;
        for (int i = 0; i < t->n; i++) {
            int head = 0;
            while (head < m->n_exits && h->sure[head * t->n + i] < thresholds[k] * 32768)
                head++;
            right += h->label[head * t->n + i] == t->list[i].label;
            layers += head < m->n_exits ? m->exits[head].layer + 1 : m->n_layers;
        }
        const double mean = (double)layers / t->n, p = (double)right / t->n;
        if (json)
            printf("%s{\"threshold\": %g, \"accuracy\": %.6f, \"layers\": %.4f}",
                   k ? ", " : ", \"exits\": [", thresholds[k], p, mean);
        else if (k == 0)
            printf("  no exit taken          %8.2f %%  %26d layers\n", 100 * p, m->n_layers);
        else
            printf("  exits from %.2f on     %8.2f %%  %26.2f layers\n", thresholds[k], 100 * p,
                   mean);
    }
    if (json)
        printf(m->n_exits > 0 ? "]}\n" : "}\n");
}

static void print_verdicts(const Table *t, const Verdict *v, int n, bool json)
{
    if (json)
        printf("{\"examples\": %d, \"results\": [", t->n);
    else
        printf("%d texts; margins are of 95 %%\n", t->n);
    for (int i = 0; i < n; i++)
        print_verdict(t, &v[0], &v[i], json, i == n - 1);
    if (json)
        printf("]");
}

static const char *model_label(const void *self, int i)
{
    const Model *m = self;
    return m->labels ? m->labels[i] : NULL;
}

/* The text's tokens, or those of two, cut as the generated code cuts them. */
static int encode_for(Arena *a, const Model *m, const Encoder *by, const char *path,
                      const Example *e, int window, int **ids, int *second)
{
    *second = window;
    if (model_reads_frames(m)) {
        *ids = frames_parse(a, path, e->line, e->text, e->n, model_frames(m) * m->bands);
        return window;
    }
    const char *tab = e->n > 0 ? memchr(e->text, '\t', e->n) : NULL;
    if (tab) {
        const size_t first = (size_t)(tab - e->text);
        return encode_pair(a, m->tokenizer, by, e->text, first, tab + 1, e->n - first - 1, window,
                           ids, second);
    }
    const int n = encode(a, by, e->text, e->n, ids);
    if (n > window)
        (*ids)[window - 1] = (*ids)[n - 1];
    return smaller(n, window);
}

int eval_encoder(Arena *a, const Options *o, Unit *u)
{
    const bool text = !model_reads_frames(u->model);
    if (u->model->head_kind != HEAD_CLASS || (text && !u->model->tokenizer))
        fatal("%s: eval needs %s", u->model->path,
              u->model->tokenizer ? "an encoder that classifies sequences" : "a tokenizer");
    const Table t = read_table(a, o->args[1], u->model->head.rows, model_label, u->model);
    run_passes(u, NULL, NULL, NULL);
    const int window = u->program->window, n_labels = u->model->head.rows;
    const bool trained = u->recipe->recover_tokens > 0 || u->recipe->recover_blockwise > 0;
    const Encoder *by = text ? encoder_new(a, u->model->tokenizer) : NULL;
    EncoderReference *original = encoder_reference_new(a, u->original, window);
    EncoderReference *quantized = encoder_reference_new(a, u->model, window);
    Simulator *s = simulator_new(a, u);
    Simulator *by_head = u->model->n_exits > 0 ? simulator_new(a, u) : NULL;
    const Heads heads = heads_new(a, u->model, &t);
    Verdict v[] = {{"float model", NEW(a, int, t.n)},
                   {trained ? "after recover, float" : "after quantize, float", NEW(a, int, t.n)},
                   {"integer program", NEW(a, int, t.n)}};
    for (int i = 0; i < t.n; i++) {
        int *ids, second;
        const int n = encode_for(a, u->model, by, o->args[1], &t.list[i], window, &ids, &second);
        if (n == 0)
            continue; /* an empty text of a tokenizer without ends: class 0 */
        encoder_reference_read_pair(original, ids, n, second);
        encoder_reference_read_pair(quantized, ids, n, second);
        simulator_read_pair(s, ids, n, second);
        v[0].label[i] = best_of(encoder_reference_output(original, 0), NULL, n_labels);
        v[1].label[i] = best_of(encoder_reference_output(quantized, 0), NULL, n_labels);
        v[2].label[i] = best_of(NULL, simulator_head(s, 0), n_labels);
        run_heads(&heads, by_head, &t, i, ids, n, second);
    }
    print_verdicts(&t, v, LENGTH(v), o->json);
    print_exits(&t, &heads, o->json);
    return 0;
}

static const char *generated_label(const void *self, int i)
{
    return ((const Generated *)self)->label(i);
}

int eval_generated_encoder(Arena *a, const Options *o, const Generated *g)
{
    if (g->head != HEAD_CLASS)
        fatal("%s: eval needs an encoder that classifies sequences", g->dir);
    const Table t = read_table(a, o->args[1], g->outputs, generated_label, g);
    Verdict v = {"generated code", NEW(a, int, t.n)};
    for (int i = 0; i < t.n; i++) {
        int *ids, second;
        const int n = sequence_of(a, g, o->args[1], t.list[i].line, t.list[i].text, t.list[i].n,
                                  &ids, &second);
        if (n == 0)
            continue;
        encoder_read(g, ids, n, second);
        v.label[i] = best_of(NULL, g->output(0), g->outputs);
    }
    print_verdicts(&t, &v, 1, o->json);
    if (o->json)
        printf("}\n");
    return 0;
}
