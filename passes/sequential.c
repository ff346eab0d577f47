/* Quantizes a model linear by linear in execution order, each fitted to what it will read: the same
 * documents run through the float network and through the one quantized so far, layer by layer, and
 * the second moments of both inputs go to the fit. Only the moments of one input exist at a time.
 */
#include "gptq.h"
#include "quantize.h"
#include "sequence.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Linears that read the same vector, first and last; the order in which a block runs them. */
static const Role group_of[][2] = {
    {ROLE_Q, ROLE_V}, {ROLE_O, ROLE_O}, {ROLE_GATE, ROLE_UP}, {ROLE_DOWN, ROLE_DOWN}};

typedef struct Network {
    Sequence *sequence;
    float **residual; /* each document: tokens x dim, before the next layer */
} Network;

typedef struct Run {
    Unit *unit;
    const Corpus *samples;
    Network before, after; /* float, and quantized so far */
    int longest;           /* document, in tokens */
    float *drift;          /* longest x dim; scratch */
    float *weight;         /* longest; scratch */
} Run;

/* The same float weights as a model whose linears are all float. */
static Model *float_view(Arena *a, const Model *m)
{
    Model *view = arena_copy(a, m, 1, sizeof(*view));
    Linear *l;
    view->blocks = arena_copy(a, m->blocks, (size_t)m->n_layers, sizeof(*m->blocks));
    for (int i = 0; (l = model_linears(view, i)) != NULL; i++) {
        l->format = FORMAT_FLOAT;
    }
    return view;
}

static void network_init(Arena *a, Network *n, const Model *m, const Corpus *c, int longest)
{
    n->sequence = sequence_new(a, m, longest);
    n->residual = NEW(a, float *, c->n_docs);
    for (int d = 0; d < c->n_docs; d++) {
        n->residual[d] = NEW(a, float, (size_t)c->n_tokens[d] * (size_t)m->dim);
    }
}

static void keep_residual(Network *n, int d, size_t count)
{
    memcpy(n->residual[d], sequence_residual(n->sequence), count * sizeof(float));
}

static void embed_documents(const Run *r, Network *n)
{
    for (int d = 0; d < r->samples->n_docs; d++) {
        int tokens = r->samples->n_tokens[d];
        sequence_start(n->sequence, r->samples->tokens[d], tokens);
        keep_residual(n, d, (size_t)tokens * (size_t)r->unit->model->dim);
    }
}

static void run_layer(Network *n, int d, int tokens, int layer)
{
    sequence_set_residual(n->sequence, n->residual[d], tokens);
    sequence_layer(n->sequence, layer);
}

static void finish_layer(const Run *r, Network *n, int layer)
{
    for (int d = 0; d < r->samples->n_docs; d++) {
        int tokens = r->samples->n_tokens[d];
        run_layer(n, d, tokens, layer);
        keep_residual(n, d, (size_t)tokens * (size_t)r->unit->model->dim);
    }
}

/* After a layer has run: how far the float residual stream is from the other one, before O or DOWN
 * adds to it. DOWN's is known after it has added, in both networks with its float weights W, so it
 * has W y - W x in it: W gram + drift is then what W cross + drift would be. */
static void measure_drift(Run *r, Role role, int d, int n)
{
    bool early = role == ROLE_O, normed = early && r->unit->model->post_norm;
    const float *x = normed  ? sequence_input(r->before.sequence, ROLE_Q)
                     : early ? r->before.residual[d]
                             : sequence_residual(r->before.sequence);
    const float *y = normed  ? sequence_input(r->after.sequence, ROLE_Q)
                     : early ? r->after.residual[d]
                             : sequence_residual(r->after.sequence);
    for (size_t i = 0; i < (size_t)n * (size_t)r->unit->model->dim; i++) {
        r->drift[i] = x[i] - y[i];
    }
}

/* What a squared error in each token's residual stream counts: norms divide by its mean square. */
static void weigh_tokens(Run *r, int n)
{
    size_t dim = (size_t)r->unit->model->dim;
    const float *x = sequence_residual(r->before.sequence);
    for (int t = 0; t < n; t++) {
        double sum = 0;
        for (size_t i = 0; i < dim; i++) {
            double v = (double)x[(size_t)t * dim + i];
            sum += v * v;
        }
        r->weight[t] = (float)((double)dim / fmax(sum, FLT_MIN));
    }
}

static GptqMoments *group_moments(Arena *a, Run *r, int layer, Role role)
{
    int cols = r->unit->model->blocks[layer].linear[role].cols, dim = r->unit->model->dim;
    bool adds = role == ROLE_O || role == ROLE_DOWN;
    GptqMoments *m = gptq_moments_new(a, cols, role != ROLE_DOWN, adds ? dim : 0, r->longest);
    for (int d = 0; d < r->samples->n_docs; d++) {
        int tokens = r->samples->n_tokens[d];
        run_layer(&r->before, d, tokens, layer);
        run_layer(&r->after, d, tokens, layer);
        if (adds) {
            measure_drift(r, role, d, tokens);
            weigh_tokens(r, tokens);
        }
        gptq_moments_add(m, tokens, sequence_input(r->after.sequence, role),
                         sequence_input(r->before.sequence, role), r->drift,
                         adds ? r->weight : NULL);
    }
    if (role == ROLE_DOWN) {
        m->cross = m->gram;
    }
    return m;
}

/* An exit after the layer before reads what this one's queries are made of. */
static void quantize_exit(Run *r, int layer, const GptqMoments *m)
{
    const Model *model = r->unit->model;
    for (int i = 0; i < model->n_exits; i++) {
        if (model->exits[i].layer == layer - 1) {
            quantize_linear(r->unit, &model->exits[i].head, m);
        }
    }
}

static void quantize_layer(Run *r, int layer)
{
    Block *b = &r->unit->model->blocks[layer];
    for (size_t g = 0; g < LENGTH(group_of); g++) {
        Arena *scratch = arena_new();
        const Role first = model_first_reader(r->unit->model, group_of[g][0]);
        const GptqMoments *m = group_moments(scratch, r, layer, first);
        for (int role = first; role <= (int)group_of[g][1]; role++) {
            quantize_linear(r->unit, &b->linear[role], m);
        }
        if (first == ROLE_Q) {
            quantize_exit(r, layer, m);
        }
        sequence_refresh(r->after.sequence, layer);
        arena_free(scratch);
    }
    finish_layer(r, &r->before, layer);
    finish_layer(r, &r->after, layer);
}

/* What the head reads in a network whose residuals are those after the last layer. */
static const float *head_input(const Run *r, Network *n, int d)
{
    sequence_set_residual(n->sequence, n->residual[d], r->samples->n_tokens[d]);
    sequence_logits(n->sequence);
    return sequence_head_input(n->sequence);
}

/* What it reads is exact: bytes of frames. */
static void quantize_patch(Run *r)
{
    Linear *l = &r->unit->model->patch;
    const int rows = r->unit->model->context - 1;
    if (l->rows == 0) {
        return;
    }
    Arena *scratch = arena_new();
    GptqMoments *m = gptq_moments_new(scratch, l->cols, false, 0, rows);
    float *x = NEW(scratch, float, (size_t)rows *(size_t)l->cols);
    for (int d = 0; d < r->samples->n_docs; d++) {
        for (size_t i = 0; i < (size_t)rows * (size_t)l->cols; i++) {
            x[i] = (float)r->samples->tokens[d][i];
        }
        gptq_moments_add(m, rows, x, NULL, NULL, NULL);
    }
    quantize_linear(r->unit, l, m);
    arena_free(scratch);
}

/* A table row is read as it is, so every column counts; one that is also the head counts as the
 * head's input has it too. It comes before all else: nothing is quantized yet. */
static void quantize_embedding(Run *r)
{
    Model *model = r->unit->model;
    Arena *scratch = arena_new();
    GptqMoments *m = gptq_moments_new(scratch, model->dim, false, 0, r->longest);
    double mean = 0;
    size_t dim = (size_t)model->dim;
    for (int d = 0; model->tied_head && !model->encoder && d < r->samples->n_docs; d++) {
        int tokens = r->samples->n_tokens[d];
        sequence_run(r->before.sequence, r->samples->tokens[d], tokens);
        gptq_moments_add(m, tokens, sequence_head_input(r->before.sequence), NULL, NULL, NULL);
    }
    for (size_t c = 0; c < dim; c++) {
        mean += m->gram[c * dim + c] / model->dim;
    }
    for (size_t c = 0; c < dim; c++) {
        m->gram[c * dim + c] += mean > 0 ? mean / 2 : 1;
    }
    quantize_linear(r->unit, &model->embed, m);
    if (model->position == POSITION_LEARNED) {
        quantize_linear(r->unit, &model->positions, NULL);
    }
    quantize_patch(r);
    sequence_refresh(r->after.sequence, -1);
    arena_free(scratch);
}

/* What reads the final norm's result: the head, or the dense layer before it. */
static void quantize_head(Run *r, Linear *l)
{
    Arena *scratch = arena_new();
    bool first = r->unit->model->head_kind == HEAD_CLASS;
    GptqMoments *m = gptq_moments_new(scratch, r->unit->model->dim, true, 0, r->longest);
    for (int d = 0; d < r->samples->n_docs; d++) {
        const float *y = head_input(r, &r->before, d), *x = head_input(r, &r->after, d);
        gptq_moments_add(m, first ? 1 : r->samples->n_tokens[d], x, y, NULL, NULL);
    }
    quantize_linear(r->unit, l, m);
    arena_free(scratch);
}

void quantize_sequential(Unit *u)
{
    Arena *scratch = arena_new();
    Run r = {.unit = u, .samples = unit_samples_of(u, u->recipe->fit_tokens)};
    r.longest = corpus_longest(r.samples);
    r.drift = NEW(scratch, float, (size_t)r.longest *(size_t)u->model->dim);
    r.weight = NEW(scratch, float, r.longest);
    network_init(scratch, &r.before, float_view(scratch, u->model), r.samples, r.longest);
    network_init(scratch, &r.after, u->model, r.samples, r.longest);
    quantize_embedding(&r);
    embed_documents(&r, &r.before);
    embed_documents(&r, &r.after);
    for (int l = 0; l < u->model->n_layers; l++) {
        progress("quantize: layers", l, u->model->n_layers);
        quantize_layer(&r, l);
    }
    progress("quantize: layers", u->model->n_layers, u->model->n_layers);
    if (u->model->dense.rows > 0) {
        quantize_head(&r, &u->model->dense);
    } else if (!u->model->tied_head) {
        quantize_head(&r, &u->model->head);
    }
    if (u->model->dense.rows > 0 && !u->model->tied_head) {
        quantize_linear(u, &u->model->head, NULL);
    }
    arena_free(scratch);
}
