/* Finds the range of the residual stream without any text: the model writes its own, one token
 * sampled after another from its own probabilities, and the largest |residual| is kept. */
#include "run.h"

#include <math.h>

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), its top 53 bits as a number in [0, 1). */
static double next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* A token from softmax(logits); `weight` (n) is scratch. */
static int sample(const float *logits, int n, uint64_t *state, double *weight)
{
    float top = logits[0];
    double total = 0;
    for (int i = 1; i < n; i++) {
        top = logits[i] > top ? logits[i] : top;
    }
    for (int i = 0; i < n; i++) {
        weight[i] = exp((double)logits[i] - (double)top);
        total += weight[i];
    }
    double left = next_random(state) * total;
    for (int i = 0; i < n - 1; i++) {
        left -= weight[i];
        if (left < 0) {
            return i;
        }
    }
    return n - 1;
}

static float absmax(const Model *m, const Reference *r)
{
    float top = 0;
    for (int l = -1; l < m->n_layers; l++) {
        const float *x = reference_residual(r, l);
        for (int i = 0; i < m->dim; i++) {
            if (!isfinite(x[i])) {
                fatal("%s: residual stream: not finite after layer %d: the weights are too large "
                      "for floats",
                      m->path, l);
            }
            top = fabsf(x[i]) > top ? fabsf(x[i]) : top;
        }
    }
    return top;
}

void pass_calibrate(Unit *u)
{
    Model *m = u->model;
    const Tokenizer *t = m->tokenizer;
    int window = u->recipe->window > 0 ? u->recipe->window : m->context;
    int first = t && t->bos >= 0 ? t->bos : 0;
    int last = t ? t->eos : -1;
    uint64_t state = u->recipe->seed;
    Reference *r = reference_new(u->arena, m, window, 0);
    double *weight = NEW(u->arena, double, m->vocab);
    int token = first, used = 0;
    float top = 0;
    for (int i = 0; i < u->recipe->calib_tokens || i == 0; i++) {
        const float *logits = reference_step(r, token);
        top = fmaxf(top, absmax(m, r));
        token = sample(logits, m->vocab, &state, weight);
        if (++used == window || token == last || token == first) {
            reference_reset(r);
            token = first;
            used = 0;
        }
    }
    m->residual_absmax = top;
}
