/* Each linear is fitted in closed form, after all before it: its inputs X come from the model as
 * pruned so far. Of one that writes to the residual stream the target is the stream of the whole
 * model at the same place: E, the distance between the two, is what X must explain on top of the
 * columns that go (compensate() in least_squares.h). Of one that reads the stream it is what it
 * gives in the whole model. The asymmetric target is that of GPTAQ (arXiv 2504.02692), of the
 * stream instead of one linear's output where there is one. */
#include "refit.h"

#include "least_squares.h"

#include <string.h>

typedef struct Refit {
    Arena *arena;
    Model *model;
    const Model *whole;
    const Corpus *samples;
    const Removal *gone;
    const Fisher *fisher;
    Sequence *own, *target; /* run the model, the whole */
    float **x, **y;         /* of each document: their residual streams before the next layer */
    float *error;           /* longest document x dim */
} Refit;

static float *embedded(Refit *f, Sequence *s, int d)
{
    const int n = f->samples->n_tokens[d];
    sequence_start(s, f->samples->tokens[d], n);
    return arena_copy(f->arena, sequence_residual(s), (size_t)n * (size_t)f->model->dim,
                      sizeof(float));
}

static Refit *open_refit(Unit *u, const Model *whole, const Removal *gone, const Fisher *fisher)
{
    Arena *a = arena_new();
    Refit *f = NEW(a, Refit, 1);
    *f = (Refit){.arena = a,
                 .model = u->model,
                 .whole = whole,
                 .samples = unit_warm_samples(u),
                 .gone = gone,
                 .fisher = fisher};
    const int most = corpus_longest(f->samples);
    f->own = sequence_new(a, f->model, most);
    f->target = sequence_new(a, whole, most);
    f->x = NEW(a, float *, f->samples->n_docs);
    f->y = NEW(a, float *, f->samples->n_docs);
    f->error = NEW(a, float, (size_t)most *(size_t)whole->dim);
    for (int d = 0; d < f->samples->n_docs; d++) {
        f->x[d] = embedded(f, f->own, d);
        f->y[d] = embedded(f, f->target, d);
    }
    return f;
}

/* sum (n x l->rows) += or -= what the linear gives for x (n x l->cols). */
static void add_output(const Linear *l, const float *x, int n, float sign, float *sum)
{
    Arena *a = arena_new();
    const size_t size = (size_t)n * (size_t)l->rows;
    float *y = NEW(a, float, size);
    matmul(l->w, l->rows, l->cols, x, n, y);
    for (size_t i = 0; i < size; i++) {
        sum[i] += sign * y[i];
    }
    arena_free(a);
}

static void subtract(const float *a, const float *b, size_t n, float *difference)
{
    for (size_t i = 0; i < n; i++) {
        difference[i] = a[i] - b[i];
    }
}

/* Runs `target` over layer l and those after it that go: its stream where the model's layer ends.
 */
static void advance_target(Refit *f, int l, int d)
{
    const int n = f->samples->n_tokens[d];
    sequence_set_residual(f->target, f->y[d], n);
    sequence_layer(f->target, l);
    for (int k = l + 1; f->gone->skip && k < f->model->n_layers && f->gone->skip[k]; k++) {
        sequence_layer(f->target, k);
    }
}

/* Of the tokens of document d, of errors after layer l. */
static const float *token_weights(const Refit *f, int l, int d)
{
    return f->fisher ? f->fisher->weight[d] + (size_t)l * (size_t)f->samples->n_tokens[d] : NULL;
}

static void fit(Refit *f, int l, Role role, const Sums *m)
{
    bool *all = NEW(f->arena, bool, m->cols);
    memset(all, 1, (size_t)m->cols * sizeof(*all));
    const bool *keep = f->gone->keep[role] ? f->gone->keep[role][l] : all;
    compensate(f->model->blocks[l].linear[role].w, m, keep);
    sequence_refresh(f->own, l);
}

/* rows x cols: W D, D being cols x cols. */
static double *times(Arena *a, const Linear *w, const double *d)
{
    const size_t rows = (size_t)w->rows, cols = (size_t)w->cols;
    double *product = NEW(a, double, rows *cols);
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; k < cols; k++) {
            for (size_t c = 0; c < cols; c++) {
                product[r * cols + c] += (double)w->w[r * cols + k] * d[k * cols + c];
            }
        }
    }
    return product;
}

/* Linears first to last, which read the same vector: x, but y in the whole model. W x lacks
 * W (y - x), whose products with x are W times those of y - x. */
static void fit_readers(Refit *f, int l, Role first, Role last)
{
    const int dim = f->model->dim;
    Arena *a = arena_new();
    Sums *m = sums_new(a, dim, dim);
    for (int d = 0; d < f->samples->n_docs; d++) {
        const int n = f->samples->n_tokens[d];
        sequence_set_residual(f->target, f->y[d], n);
        sequence_layer(f->target, l);
        sequence_set_residual(f->own, f->x[d], n);
        sequence_layer(f->own, l);
        const float *x = sequence_input(f->own, first);
        subtract(sequence_input(f->target, first), x, (size_t)n * (size_t)dim, f->error);
        sums_add(m, x, f->error, NULL, n);
    }
    for (int role = (int)first; role <= (int)last; role++) {
        const Linear *w = &f->model->blocks[l].linear[role];
        const Sums own = {w->rows, dim, m->h, times(a, w, m->c), m->tokens};
        if (w->rows > 0) {
            fit(f, l, (Role)role, &own);
        }
    }
    arena_free(a);
}

static void fit_attention(Refit *f, int l)
{
    const Linear *own = &f->model->blocks[l].linear[ROLE_O];
    const Linear *target = &f->whole->blocks[l].linear[ROLE_O];
    Sums *m = sums_new(f->arena, own->rows, own->cols);
    for (int d = 0; d < f->samples->n_docs; d++) {
        const int n = f->samples->n_tokens[d];
        sequence_set_residual(f->target, f->y[d], n);
        sequence_layer(f->target, l);
        sequence_set_residual(f->own, f->x[d], n);
        sequence_layer(f->own, l);
        subtract(f->y[d], f->x[d], (size_t)n * (size_t)own->rows, f->error);
        add_output(target, sequence_input(f->target, ROLE_O), n, 1, f->error);
        add_output(own, sequence_input(f->own, ROLE_O), n, -1, f->error);
        sums_add(m, sequence_input(f->own, ROLE_O), f->error, token_weights(f, l, d), n);
    }
    fit(f, l, ROLE_O, m);
}

static void fit_mlp(Refit *f, int l)
{
    const Linear *own = &f->model->blocks[l].linear[ROLE_DOWN];
    Sums *m = sums_new(f->arena, own->rows, own->cols);
    for (int d = 0; d < f->samples->n_docs; d++) {
        const int n = f->samples->n_tokens[d];
        const size_t size = (size_t)n * (size_t)own->rows;
        advance_target(f, l, d);
        sequence_set_residual(f->own, f->x[d], n);
        sequence_layer(f->own, l);
        subtract(sequence_residual(f->target), sequence_residual(f->own), size, f->error);
        sums_add(m, sequence_input(f->own, ROLE_DOWN), f->error, token_weights(f, l, d), n);
        memcpy(f->y[d], sequence_residual(f->target), size * sizeof(float));
    }
    fit(f, l, ROLE_DOWN, m);
}

static void advance_own(Refit *f, int l)
{
    for (int d = 0; d < f->samples->n_docs; d++) {
        const int n = f->samples->n_tokens[d];
        sequence_set_residual(f->own, f->x[d], n);
        sequence_layer(f->own, l);
        memcpy(f->x[d], sequence_residual(f->own),
               (size_t)n * (size_t)f->model->dim * sizeof(float));
    }
}

/* Layers that go before any that stays: only the target has them. */
static int skip_first(Refit *f)
{
    int l = 0;
    for (; f->gone->skip && f->gone->skip[l]; l++) {
        for (int d = 0; d < f->samples->n_docs; d++) {
            const int n = f->samples->n_tokens[d];
            sequence_set_residual(f->target, f->y[d], n);
            sequence_layer(f->target, l);
            memcpy(f->y[d], sequence_residual(f->target),
                   (size_t)n * (size_t)f->model->dim * sizeof(float));
        }
    }
    return l;
}

void refit(Unit *u, const Model *whole, const Removal *gone, const Fisher *fisher)
{
    Refit *f = open_refit(u, whole, gone, fisher);
    for (int l = skip_first(f); l < f->model->n_layers; l++) {
        if (!gone->skip || !gone->skip[l]) {
            fit_readers(f, l, ROLE_Q, ROLE_V);
            fit_attention(f, l);
            fit_readers(f, l, model_first_reader(f->model, ROLE_GATE), ROLE_UP);
            fit_mlp(f, l);
            advance_own(f, l);
        }
    }
    arena_free(f->arena);
}
