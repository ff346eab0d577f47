/* lmcc eval: perplexity on a text, with how sure it is. For a MODEL: of the float model, of what
 * each compressing pass left of it, in float, and of the integer program; for a DIR: of the
 * generated code itself. */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What is judged: a row each, the first one what the others are compared with. */
typedef struct Judged {
    const Corpus *corpus;
    int threads, vocab, n;
    const char **what;
    Contender *list;
} Judged;

/* A row for something; its steppers are to be filled. */
static Stepper *add_row(Arena *a, Judged *j, const char *what)
{
    Stepper *steppers = NEW(a, Stepper, j->threads);
    j->what = arena_grow(a, j->what, j->n, sizeof *j->what);
    j->list = arena_grow(a, j->list, j->n, sizeof *j->list);
    j->what[j->n] = what;
    j->list[j->n++] = (Contender){.steppers = steppers};
    return steppers;
}

/* Generated code as something that steps. */
typedef struct GeneratedStepper {
    const Generated *code;
    float *logits;
} GeneratedStepper;

static void reset_generated(void *self)
{
    generated_reset(((GeneratedStepper *)self)->code);
}

static const float *step_generated(void *self, int token)
{
    GeneratedStepper *s = self;
    const int32_t *fixed = generated_step(s->code, token);
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

static void print_interval(const char *format, Interval i, double factor)
{
    if (isnan(i.low))
        printf("%*s", 18, "");
    else
        printf(format, factor * i.low, factor * i.high);
}

static void print_row(const char *what, const Score *s, const Intervals *i, const Score *first)
{
    printf("  %-22s %9.4f", what, s->perplexity);
    print_interval("  %7.4f .. %-7.4f", i->perplexity, 1);
    printf(" %9.4f", s->bits_per_byte);
    if (first) {
        printf("  %9.6f  %6.2f %%  %+7.2f %%", s->kl, 100 * s->top1,
               100 * (s->perplexity / first->perplexity - 1));
        print_interval("  %+.2f .. %+.2f", i->more, 100);
    }
    printf("\n");
}

static void json_interval(const char *name, Interval i)
{
    if (isnan(i.low))
        printf(", \"%s_95\": null", name);
    else
        printf(", \"%s_95\": [%.6f, %.6f]", name, i.low, i.high);
}

static void json_row(const char *what, const Score *s, const Intervals *i, const Score *first)
{
    printf("{\"what\": \"%s\", \"perplexity\": %.6f, \"bits_per_byte\": %.6f", what, s->perplexity,
           s->bits_per_byte);
    json_interval("perplexity", i->perplexity);
    if (first) {
        printf(", \"kl\": %.8f, \"top1\": %.6f, \"more\": %.6f", s->kl, s->top1,
               s->perplexity / first->perplexity - 1);
        json_interval("kl", i->kl);
        json_interval("top1", i->top1);
        json_interval("more", i->more);
    }
    printf("}");
}

static void print_head(const Corpus *c, bool json)
{
    if (json)
        printf("{\"tokens\": %lld, \"bytes\": %lld, \"documents\": %d, \"results\": [",
               (long long)c->n_predicted, (long long)c->n_bytes, c->n_docs);
    else
        printf(
            "%lld tokens of %lld bytes in %d documents; ranges are of 95 %%, by bootstrap over "
            "documents\n"
            "  %-22s perplexity %17s bits/byte  KL (nats)   top-1   perplexity against the first\n",
            (long long)c->n_predicted, (long long)c->n_bytes, c->n_docs, "", "");
}

static void judge(Arena *a, const Options *o, Judged *j, uint64_t seed)
{
    const Corpus *c = j->corpus;
    evaluate_all(a, c, j->list, j->n, j->threads, j->vocab);
    const Score first = score_of(c, j->list[0].documents);
    print_head(c, o->json);
    for (int i = 0; i < j->n; i++) {
        const Score s = score_of(c, j->list[i].documents);
        const Intervals in =
            bootstrap(a, c->n_docs, j->list[0].documents, j->list[i].documents, seed);
        if (o->json) {
            printf("%s", i ? ", " : "");
            json_row(j->what[i], &s, &in, i > 0 ? &first : NULL);
        } else {
            print_row(j->what[i], &s, &in, i > 0 ? &first : NULL);
        }
    }
    if (o->json)
        printf("]}\n");
}

static const Tokenizer *need_tokenizer(const Model *m)
{
    if (!m->tokenizer)
        fatal("%s: no tokenizer beside the model: --tokenizer FILE names one", m->path);
    return m->tokenizer;
}

static void add_float(Arena *a, Judged *j, const char *what, const Model *m, int window, int sinks)
{
    Stepper *steppers = add_row(a, j, what);
    const Reference *first = reference_new(a, m, window, sinks);
    for (int i = 0; i < j->threads; i++)
        steppers[i] = stepper_reference(reference_fork(a, first));
}

static int eval_model(Arena *a, const Options *o)
{
    Unit *u = open_unit(a, o, o->args[0]);
    if (u->model->encoder)
        return eval_encoder(a, o, u);
    const Tokenizer *t = need_tokenizer(u->model);
    Stages stages = {0};
    run_passes_in_stages(u, &stages);
    const int window = u->program->window, sinks = u->program->sinks;
    const Corpus *c = corpus_read(a, encoder_of(a, t), o->args[1], docs_kind(o),
                                  smaller(u->model->context, window));
    Judged j = {.corpus = c, .threads = evaluation_threads(c), .vocab = u->model->vocab};
    add_float(a, &j, "float", u->original, window, sinks);
    for (int i = 0; i < stages.n; i++)
        add_float(a, &j, stages.list[i].what, stages.list[i].model, window, sinks);
    Stepper *steppers = add_row(a, &j, "integer program");
    for (int i = 0; i < j.threads; i++)
        steppers[i] = stepper_simulator(a, simulator_new(a, u), j.vocab);
    judge(a, o, &j, u->recipe->seed);
    return 0;
}

static void add_reference(Arena *a, const Options *o, Judged *j, const Generated *g)
{
    const Model *m = generated_reference(a, o, g);
    add_float(a, j, "float", m, generated_window(g, m),
              manifest_int(g->manifest, "recipe", "sinks", 0));
}

/* The code of a folder and the text cut as it needs it; rows are still to be added. */
static Judged judged_generated(Arena *a, const Options *o, const Generated *g, const char *text)
{
    if (g->top > 0)
        fatal("%s: head.top: %d: perplexity needs all logits, which this code never has; lmcc eval "
              "MODEL --recipe %s/%s.json computes the same ones",
              g->dir, g->top, g->dir, g->name);
    const Corpus *c = generated_corpus(a, o, g, text);
    return (Judged){.corpus = c, .threads = evaluation_threads(c), .vocab = g->vocab};
}

static void add_generated(Arena *a, Judged *j, const Generated *g)
{
    Stepper *steppers = add_row(a, j, "generated code");
    for (int i = 0; i < j->threads; i++)
        steppers[i] = stepper_generated(a, g);
}

static int eval_generated(Arena *a, const Options *o)
{
    const Generated *g = generated_open(a, o->args[0], o->cc);
    if (g->encoder)
        return eval_generated_encoder(a, o, g);
    Judged j = judged_generated(a, o, g, o->args[1]);
    if (o->reference)
        add_reference(a, o, &j, g);
    add_generated(a, &j, g);
    judge(a, o, &j, (uint64_t)manifest_number(g->manifest, "recipe", "seed", 0, UINT32_MAX));
    return 0;
}

Score generated_score(Arena *a, const Options *o, const char *dir, const char *text)
{
    const Generated *g = generated_open(a, dir, o->cc);
    if (g->encoder)
        fatal("%s: an encoder: perplexity is of decoders", dir);
    Judged j = judged_generated(a, o, g, text);
    add_generated(a, &j, g);
    evaluate_all(a, j.corpus, j.list, j.n, j.threads, j.vocab);
    return score_of(j.corpus, j.list[0].documents);
}

int command_eval(Arena *a, const Options *o)
{
    return is_generated(o->args[0]) ? eval_generated(a, o) : eval_model(a, o);
}
