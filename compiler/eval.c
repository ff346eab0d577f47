/* Scores of anything that steps: the float reference, the simulated program, generated code.
 * Documents are independent: each thread walks whole ones, with steppers of its own and all
 * contenders side by side, so that the reference runs once for all. Sums are taken in the order of
 * the documents afterwards: the same bytes at any number of threads. */
#include "run.h"

#include <math.h>
#include <omp.h>
#include <string.h>

static void log_softmax(const float *logits, int n, double *out)
{
    double top = (double)logits[0], sum = 0;
    for (int i = 1; i < n; i++) {
        top = (double)logits[i] > top ? (double)logits[i] : top;
    }
    for (int i = 0; i < n; i++) {
        sum += exp((double)logits[i] - top);
    }
    double shift = top + log(sum);
    for (int i = 0; i < n; i++) {
        out[i] = (double)logits[i] - shift;
    }
}

static int argmax(const double *x, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++) {
        best = x[i] > x[best] ? i : best;
    }
    return best;
}

/* KL(p || q) in nats from log-probabilities. */
static double divergence(const double *p, const double *q, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += exp(p[i]) * (p[i] - q[i]);
    }
    return sum;
}

/* One document by the steppers of one thread. first, other (vocab): log-probabilities. */
static void walk(const Corpus *c, int d, const Contender *list, int n, int thread, int vocab,
                 double *first, double *other)
{
    for (int k = 0; k < n; k++) {
        const Stepper *s = &list[k].steppers[thread];
        s->reset(s->self);
    }
    for (int i = 0; i + 1 < c->n_tokens[d]; i++) {
        const int next = c->tokens[d][i + 1];
        for (int k = 0; k < n; k++) {
            const Stepper *s = &list[k].steppers[thread];
            double *own = k == 0 ? first : other;
            DocumentScore *t = &list[k].documents[d];
            log_softmax(s->step(s->self, c->tokens[d][i]), vocab, own);
            t->nll -= own[next];
            t->tokens++;
            if (k > 0) {
                t->kl += divergence(first, own, vocab);
                t->equal += argmax(first, vocab) == argmax(own, vocab);
            }
        }
    }
}

int evaluation_threads(const Corpus *c)
{
    const int most = omp_get_max_threads();
    return most < c->n_docs ? most : c->n_docs;
}

void evaluate_all(Arena *a, const Corpus *c, Contender *list, int n, int threads, int vocab)
{
    double *scratch = NEW(a, double, (size_t)threads * 2 * (size_t)vocab);
    for (int k = 0; k < n; k++) {
        list[k].documents = NEW(a, DocumentScore, c->n_docs);
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int d = 0; d < c->n_docs; d++) {
        const int thread = omp_get_thread_num();
        double *first = scratch + (size_t)thread * 2 * (size_t)vocab;
        walk(c, d, list, n, thread, vocab, first, first + vocab);
    }
}

Score score_of(const Corpus *c, const DocumentScore *documents)
{
    Score s = {0};
    int64_t equal = 0;
    for (int d = 0; d < c->n_docs; d++) {
        s.tokens += documents[d].tokens;
        s.nll += documents[d].nll;
        s.kl += documents[d].kl;
        equal += documents[d].equal;
    }
    const double n = (double)s.tokens;
    s.perplexity = exp(s.nll / n);
    s.bits_per_byte = c->n_bytes > 0 ? s.nll / log(2) / (double)c->n_bytes : 0;
    s.kl /= n;
    s.top1 = (double)equal / n;
    return s;
}

Score evaluate(Arena *a, const Corpus *c, Stepper model, const Stepper *reference, int vocab)
{
    Stepper other = reference ? *reference : model;
    Contender list[] = {{.steppers = &other}, {.steppers = &model}};
    if (!reference) {
        evaluate_all(a, c, list, 1, 1, vocab);
        return score_of(c, list[0].documents);
    }
    evaluate_all(a, c, list, 2, 1, vocab);
    return score_of(c, list[1].documents);
}

static void reset_reference(void *self)
{
    reference_reset(self);
}

static const float *step_reference(void *self, int token)
{
    return reference_step(self, token);
}

Stepper stepper_reference(Reference *r)
{
    return (Stepper){r, reset_reference, step_reference};
}

typedef struct SimulatorStepper {
    Simulator *simulator;
    int vocab;
    float *logits; /* vocab */
} SimulatorStepper;

static void reset_simulator(void *self)
{
    simulator_reset(((SimulatorStepper *)self)->simulator);
}

static const float *step_simulator(void *self, int token)
{
    SimulatorStepper *s = self;
    const int32_t *fixed = simulator_step(s->simulator, token);
    for (int i = 0; i < s->vocab; i++) {
        s->logits[i] = (float)fixed[i] / (float)(1 << LOGIT_FRACTION);
    }
    return s->logits;
}

Stepper stepper_simulator(Arena *a, Simulator *s, int vocab)
{
    SimulatorStepper *self = NEW(a, SimulatorStepper, 1);
    *self = (SimulatorStepper){s, vocab, NEW(a, float, vocab)};
    return (Stepper){self, reset_simulator, step_simulator};
}
