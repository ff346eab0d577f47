/* What the generated code must compute, computed here: greedy tokens and the hash of their logits
 * from the simulated Program, the residual stream from the float reference of the original model.
 */
#include "emit.h"
#include "runtime.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

static uint32_t hash_data(const Data *d, int n, uint32_t h)
{
    for (int i = 0; i < n; i++)
        h = XXH32(d[i].bytes, (size_t)d[i].count * (size_t)elem_bytes[d[i].elem], h);
    return h;
}

static int argmax(const int32_t *v, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

/* Where the original's residual stream is what that of the model is meant to be after its layer:
 * where the next layer that was kept reads it. */
static int same_place(const Unit *u, int layer)
{
    if (layer < 0)
        return layer;
    return layer + 1 < u->model->n_layers ? unit_original_layer(u, layer + 1) - 1
                                          : u->original->n_layers - 1;
}

/* The float reference beside the program: signal and noise of each layer's residual stream, summed
 * over the steps, and what it is at the last one. */
typedef struct Compared {
    Reference *reference;
    double *signal, *noise; /* layers + 1 */
    double unit;            /* of the program's residual stream */
} Compared;

static Compared compared_new(const Emission *e, const Simulator *s)
{
    const Program *p = e->unit->program;
    const int rows = e->unit->model->n_layers + 1;
    return (Compared){reference_new(e->arena, e->unit->original, p->window, p->sinks),
                      NEW(e->arena, double, rows), NEW(e->arena, double, rows),
                      simulator_residual_scale(s)};
}

static void compare_step(const Emission *e, Compared *c, const Simulator *s, int token)
{
    reference_step(c->reference, token);
    for (int l = -1; l < e->unit->model->n_layers; l++) {
        const int32_t *got = simulator_residual(s, l);
        const float *meant = reference_residual(c->reference, same_place(e->unit, l));
        for (int i = 0; i < e->unit->model->dim; i++) {
            const double error = meant[i] - got[i] * c->unit;
            c->signal[l + 1] += (double)meant[i] * (double)meant[i];
            c->noise[l + 1] += error * error;
        }
    }
}

static void keep_comparison(Emission *e, const Compared *c)
{
    const int rows = e->unit->model->n_layers + 1;
    const size_t dim = (size_t)e->unit->original->dim;
    e->golden.residuals = NEW(e->arena, float, (size_t)rows *dim);
    e->golden.layer_snr = NEW(e->arena, double, rows);
    for (int l = 0; l < rows; l++) {
        memcpy(e->golden.residuals + (size_t)l * dim,
               reference_residual(c->reference, same_place(e->unit, l - 1)), dim * sizeof(float));
        e->golden.layer_snr[l] = c->noise[l] > 0 ? 10 * log10(c->signal[l] / c->noise[l]) : 999;
    }
}

/* As the function of the same name in encoder.c. */
int golden_run(int run, int vocab, int window, int tokens[GOLDEN_LONGEST])
{
    const int n = 1 + run * (run + 5);
    for (int i = 0; i < n; i++) {
        const uint32_t h = ((uint32_t)i * 40503U + (uint32_t)run * 9973U + 77U) & 0xffffU;
        tokens[i] = (int)((h * (uint32_t)smaller(vocab, 0xffff)) >> 16);
    }
    return smaller(n, window);
}

void golden_bytes(int run, int bands, int n, int *bytes)
{
    for (int i = 0; i < n; i++) {
        const uint32_t h = ((uint32_t)(i + run * bands) * 40503U + 77U) * 9973U;
        bytes[i] = (int)(h >> 9 & 0xffU) - 128;
    }
}

/* What the self-test of a model reads in a run; gives the number of tokens. */
static int sequence_of(Arena *a, const Model *m, int window, int run, int **sequence)
{
    const int bytes = model_frames(m) * m->bands;
    *sequence = NEW(a, int, larger(bytes, GOLDEN_LONGEST));
    if (bytes == 0)
        return golden_run(run, m->vocab, window, *sequence);
    golden_bytes(run, m->bands, bytes, *sequence);
    return m->context;
}

/* Longer sequences are read as pairs; where there are no token types that changes nothing. */
static int golden_second(int n)
{
    return n < 9 ? n : n / 2;
}

/* Each sequence once by each exit, once by none, and once as the recipe's threshold has it. */
static uint32_t encoder_hash(Emission *e, Simulator *s)
{
    const Model *m = e->unit->model;
    int *tokens;
    uint32_t hash = 0;
    for (int run = 0; run < GOLDEN_RUNS; run++) {
        const int n = sequence_of(e->arena, m, e->unit->program->window, run, &tokens);
        for (int depth = 0; depth <= (m->n_exits ? m->n_exits + 1 : 0); depth++) {
            for (int i = 0; i < m->n_exits; i++)
                simulator_exit_at(s, i,
                                  depth > m->n_exits ? exit_units(e->unit->recipe)
                                  : i == depth       ? 0
                                                     : EXIT_NEVER);
            simulator_read_pair(s, tokens, n, golden_second(n));
            for (int at = 0; at < (model_each_token(m) ? n : 1); at++)
                hash = XXH32(simulator_head(s, at), (size_t)model_outputs(m) * 4, hash);
        }
    }
    return hash;
}

static void compute_encoder_golden(Emission *e)
{
    const Model *m = e->unit->original;
    int *tokens;
    const int n = sequence_of(e->arena, m, e->unit->program->window, GOLDEN_RUNS - 1, &tokens);
    EncoderReference *r = encoder_reference_new(e->arena, m, n);
    Simulator *s = simulator_new(e->arena, e->unit);
    simulator_read(s, tokens, n);
    const int exit = simulator_exit(s);
    encoder_reference_read(r, tokens, n);
    e->golden.outputs = arena_copy(
        e->arena, exit < 0 ? encoder_reference_output(r, 0) : encoder_reference_exit(r, exit, 0),
        (size_t)model_outputs(m), sizeof(float));
    e->golden.logits_hash = encoder_hash(e, s);
}

static void compute_decoder_golden(Emission *e)
{
    const Model *m = e->unit->model;
    Golden *g = &e->golden;
    Simulator *s = simulator_new(e->arena, e->unit);
    Compared c = compared_new(e, s);
    g->start = m->tokenizer && m->tokenizer->bos >= 0 ? m->tokenizer->bos : 0;
    int token = g->start;
    g->layer_hashes = NEW(e->arena, uint32_t, m->n_layers + 1);
    for (int i = 0; i < GOLDEN_STEPS; i++) {
        int words;
        const int32_t *logits = simulator_step(s, token), *output = simulator_output(s, &words);
        g->logits_hash = XXH32(output, (size_t)words * sizeof *output, g->logits_hash);
        g->hashes[i] = g->logits_hash;
        for (int l = 0; l <= m->n_layers; l++)
            g->layer_hashes[l] = XXH32(simulator_residual(s, l - 1),
                                       (size_t)m->dim * sizeof *logits, g->layer_hashes[l]);
        compare_step(e, &c, s, token);
        token = g->tokens[i] = argmax(logits, m->vocab);
    }
    keep_comparison(e, &c);
}

void compute_golden(Emission *e)
{
    Golden *g = &e->golden;
    (e->unit->model->encoder ? compute_encoder_golden : compute_decoder_golden)(e);
    g->weights_hash = hash_data(e->unit->program->data, e->unit->program->n_data, 0);
    g->weights_hash = hash_data(e->tables, e->n_tables, g->weights_hash);
}
