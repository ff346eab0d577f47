/* Static scales of activations: the quantized network reads the samples in floats, and each vector
 * that linears read gets the clip whose int8 form has the least squared error over all of its
 * values: rounding costs scale^2 / 12 each, what is past the clip its distance from it. */
#include "quantize.h"
#include "sequence.h"

#include <math.h>

#define BINS 4096
#define CANDIDATES 256 /* clips that are tried, evenly spaced up to the largest value */

/* How many values have which size: bin i is those from i to i + 1 times limit / BINS. */
typedef struct Sizes {
    double limit;
    int64_t count[BINS];
} Sizes;

/* Twice the range, in as many bins. */
static void widen(Sizes *s)
{
    for (int i = 0; i < BINS; i++) {
        s->count[i] = i < BINS / 2 ? s->count[2 * i] + s->count[2 * i + 1] : 0;
    }
    s->limit *= 2;
}

static void add_sizes(const Model *m, const char *name, Sizes *s, const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double size = fabs((double)v[i]);
        if (!isfinite(size)) {
            fatal("%s: quantize.activations: static: what %s reads overflows on samples", m->path,
                  name);
        }
        s->limit = s->limit > 0 ? s->limit : ldexp(1, -32);
        while (size >= s->limit) {
            widen(s);
        }
        s->count[(int)(size / s->limit * BINS)]++;
    }
}

/* Summed over all values, of this clip. */
static double squared_error(const Sizes *s, double clip)
{
    const double scale = clip / 127;
    double sum = 0;
    for (int i = 0; i < BINS; i++) {
        const double size = (i + 0.5) * s->limit / BINS;
        const double error = size > clip ? size - clip : size < scale / 2 ? size : scale / sqrt(12);
        sum += (double)s->count[i] * error * error;
    }
    return sum;
}

/* 1 for what was always 0. */
static float best_clip(const Sizes *s)
{
    int last = 0;
    double best = 1, least = INFINITY;
    for (int i = 0; i < BINS; i++) {
        last = s->count[i] > 0 ? i + 1 : last;
    }
    for (int k = 1; k <= CANDIDATES && last > 1; k++) {
        const double clip = s->limit * last / BINS * k / CANDIDATES;
        const double error = squared_error(s, clip);
        if (error < least) {
            best = clip;
            least = error;
        }
    }
    return (float)best;
}

/* First linear of each vector that a block makes, and the last one that reads it. */
static const Role readers[][2] = {
    {ROLE_Q, ROLE_V}, {ROLE_O, ROLE_O}, {ROLE_GATE, ROLE_UP}, {ROLE_DOWN, ROLE_DOWN}};

typedef struct Measuring {
    Unit *unit;
    Sizes *layer; /* readers of each layer */
    Sizes head;   /* what reads the final norm */
    Sizes dense;  /* what a hidden layer before the head gives it */
} Measuring;

static void measure_layer(Measuring *r, const Sequence *s, int layer, int tokens)
{
    const Block *b = &r->unit->model->blocks[layer];
    for (size_t g = 0; g < LENGTH(readers); g++) {
        const Linear *l = &b->linear[readers[g][1]];
        add_sizes(r->unit->model, l->name, &r->layer[(size_t)layer * LENGTH(readers) + g],
                  sequence_input(s, readers[g][1]), (size_t)tokens * (size_t)l->cols);
    }
}

static void measure_document(Measuring *r, Sequence *s, const int *tokens, int n)
{
    const Model *m = r->unit->model;
    const int read = model_reads_first(m) ? 1 : n;
    sequence_start(s, tokens, n);
    for (int l = 0; l < m->n_layers; l++) {
        sequence_layer(s, l);
        measure_layer(r, s, l, n);
    }
    sequence_logits(s);
    add_sizes(m, "the head", &r->head, sequence_head_input(s), (size_t)read * (size_t)m->dim);
}

static void measure_dense(Measuring *r, const Corpus *c)
{
    const Model *m = r->unit->model;
    EncoderReference *e = encoder_reference_new(r->unit->arena, m, corpus_longest(c));
    for (int d = 0; d < c->n_docs; d++) {
        const int read = model_reads_first(m) ? 1 : c->n_tokens[d];
        encoder_reference_read(e, c->tokens[d], c->n_tokens[d]);
        for (int t = 0; t < read; t++) {
            encoder_reference_output(e, t);
            add_sizes(m, "the head", &r->dense, encoder_reference_dense(e), (size_t)m->dense.rows);
        }
    }
}

static void set_clips(Measuring *r)
{
    Model *m = r->unit->model;
    for (int l = 0; l < m->n_layers; l++) {
        for (size_t g = 0; g < LENGTH(readers); g++) {
            const float clip = best_clip(&r->layer[(size_t)l * LENGTH(readers) + g]);
            const Role first = model_first_reader(m, readers[g][0]);
            for (int role = (int)first; role <= (int)readers[g][1]; role++) {
                m->blocks[l].linear[role].input_clip = clip;
            }
            note("quantize: %s: inputs up to %g", m->blocks[l].linear[first].name, (double)clip);
        }
    }
    for (int i = 0; i < m->n_exits; i++) {
        const Block *next = &m->blocks[m->exits[i].layer + 1];
        m->exits[i].head.input_clip = next->linear[ROLE_Q].input_clip;
    }
    if (m->head_kind != HEAD_EMBED) {
        model_head(m)->input_clip = best_clip(m->dense.rows > 0 ? &r->dense : &r->head);
    }
    m->dense.input_clip = m->dense.rows > 0 ? best_clip(&r->head) : 0;
}

void find_static_scales(Unit *u)
{
    Arena *scratch = arena_new();
    const Model *m = u->model;
    if (m->activation_bits == 1) {
        fatal("%s: quantize.activations: static: binary activations have no such scales", m->path);
    }
    if (m->encoder && !u->calib) {
        warn("%s: quantize.activations: static: ranges are those of random %s: --calib TEXT gives "
             "others",
             m->path, model_reads_frames(m) ? "frames" : "tokens");
    }
    const Corpus *c = unit_samples_of(u, u->recipe->fit_tokens);
    Measuring r = {.unit = u, .layer = NEW(scratch, Sizes, (size_t)m->n_layers * LENGTH(readers))};
    Sequence *s = sequence_new(scratch, m, corpus_longest(c));
    for (int d = 0; d < c->n_docs; d++) {
        measure_document(&r, s, c->tokens[d], c->n_tokens[d]);
    }
    if (m->dense.rows > 0) {
        measure_dense(&r, c);
    }
    set_clips(&r);
    arena_free(scratch);
}
