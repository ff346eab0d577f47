/* The end of an encoder, for as many tokens as it is asked about: a pool, a head with or without a
 * hidden layer, and the heads of exits before the last layer. */
#include "lower.h"

#include <math.h>

/* The most that each element of a dense layer's result can be, x the output of the final norm. */
static double *dense_limits(Lowering *w)
{
    const Model *m = w->model;
    double *limit = NEW(w->arena, double, m->dense.rows);
    for (int r = 0; r < m->dense.rows; r++)
        limit[r] =
            m->dense_activation == DENSE_TANH
                ? 1
                : row_bound(&m->dense, r, &m->final_norm, false) + fabs((double)m->dense.bias[r]);
    return limit;
}

/* The bits of the largest element that the head's matrix reads, in units of 2^-fraction. */
static int dense_bits(Lowering *w, int fraction)
{
    const double *limit = dense_limits(w);
    double most = 0;
    int e;
    for (int r = 0; r < w->model->dense.rows; r++)
        most = fmax(most, limit[r]);
    frexp(ldexp(1.01 * most, fraction), &e);
    return w->model->dense_norm.n > 0 || e > 31 ? 31 : e;
}

/* The fraction with which no row of W x + bias reaches 2^30, |x| up to limit. */
static int limited_fraction(const Linear *l, const float *bias, const double *limit)
{
    double most = 0;
    int e;
    for (int r = 0; r < l->rows; r++) {
        double sum = fabs((double)bias[r]);
        for (int c = 0; c < l->cols; c++)
            sum += fabs((double)linear_value(l, r, c)) * limit[c];
        most = fmax(most, sum);
    }
    frexp(most, &e);
    return 30 - e;
}

/* The hidden layer of a head: x becomes what the head's matrix reads. */
static int lower_dense(Lowering *w, int x, int *scale)
{
    const Model *m = w->model;
    const Linear *l = &m->dense;
    const int h = add_buffer(w, "dense.h", ELEM_I8, l->rows, false);
    Result y = {.buffer = add_buffer(w, "dense", ELEM_I32, padded(l->rows), false),
                .scale = *scale};
    int fraction = DENSE_FRACTION;
    w->linear = model_dense_index(m);
    y.exp = lower_matvec(w, OP_MATVEC, l, x, &y.scale, y.buffer);
    lower_bias(w, l, "dense_bias", result_fraction(l, &m->final_norm, false), &y);
    Op *op = add_op(w, OP_DENSE);
    op->out[0] = y.buffer;
    op->imm[DENSE_N] = l->rows;
    op->imm[DENSE_EXP] = y.exp;
    op->scalar_in[0] = y.scale;
    if (m->dense_norm.n > 0) {
        fraction = layer_norm_fraction(&m->dense_norm);
        op = add_layer_norm(w, OP_NORM_FIXED, &m->dense_norm, "dense_norm", DENSE_FRACTION,
                            fraction);
        op->out[0] = y.buffer;
    }
    lower_quantize(w, y.buffer, l->rows, fraction, dense_bits(w, fraction),
                   m->tied_head ? &m->embed : &m->head, h, scale);
    return h;
}

/* What the bias of the head's rows makes of them. */
static int head_fraction(Lowering *w, const Linear *biased)
{
    const Model *m = w->model;
    if (m->dense.rows == 0)
        return result_fraction(biased, &m->final_norm, false);
    if (m->dense_norm.n > 0)
        return result_fraction(biased, &m->dense_norm, false);
    return limited_fraction(biased, biased->bias, dense_limits(w));
}

/* Logits of what a head's matrix reads; `fraction`: of the result with its bias. */
static void lower_logits(Lowering *w, const Linear *head, Reading in, const char *bias_name,
                         int fraction)
{
    Result y = {.scale = in.scale};
    if (w->logits < 0)
        w->logits = program_add_buffer(w->arena, w->program, "logits", ELEM_I32,
                                       (int)padded(head->rows), false);
    y.buffer = w->logits;
    y.exp = lower_matvec(w, OP_MATVEC, head, in.x, &y.scale, y.buffer);
    if (head->bias)
        lower_bias(w, head, bias_name, fraction, &y);
    Op *op = add_op(w, OP_LOGITS);
    op->out[0] = y.buffer;
    op->imm[LOGITS_N] = head->rows;
    op->imm[LOGITS_EXP] = y.exp;
    op->scalar_in[0] = y.scale;
}

/* The residual stream as a head reads it. */
static Reading lower_head_reading(Lowering *w, const char *what, const Linear *reader)
{
    Reading r = {.x = add_buffer(w, what, ELEM_I8, w->model->dim, false)};
    lower_quantize(w, w->resid, w->model->dim, w->program->residual_fraction, 31, reader, r.x,
                   &r.scale);
    return r;
}

static void lower_class_head(Lowering *w)
{
    const Model *m = w->model;
    Linear head = m->tied_head ? m->embed : m->head;
    Reading in = lower_head_reading(w, "final.x", m->dense.rows > 0 ? &m->dense : &head);
    if (m->dense.rows > 0)
        in.x = lower_dense(w, in.x, &in.scale);
    head.bias = m->head.bias;
    w->linear = model_head_index(m);
    lower_logits(w, &head, in, "head_bias", head.bias ? head_fraction(w, &head) : 0);
}

void lower_exit(Lowering *w, int exit)
{
    const Model *m = w->model;
    const Linear *head = &m->exits[exit].head;
    const Norm *norm = &m->blocks[w->layer + 1].attn_norm;
    w->phase = PHASE_LEAVE_NORM;
    lower_replacing_norm(w, norm, arena_printf(w->arena, "l%d_exit_norm", w->layer));
    w->phase = PHASE_LEAVE;
    const Reading in = lower_head_reading(w, "exit.x", head);
    w->linear = model_exit_index(m, exit);
    lower_logits(w, head, in, arena_printf(w->arena, "l%d_exit_bias", w->layer),
                 head->bias ? result_fraction(head, norm, false) : 0);
    w->phase = 0;
}

/* The sequence's vector. */
static void lower_pool(Lowering *w)
{
    const int v = add_buffer(w, "vector", ELEM_I32, w->model->dim, false);
    Op *op = add_op(w, OP_POOL);
    op->in[0] = w->resid;
    op->out[0] = v;
    op->imm[POOL_DIM] = w->model->dim;
    op->imm[POOL_ALL] = w->model->pooling == POOL_MEAN;
    op = add_op(w, OP_UNIT);
    op->out[0] = v;
    op->imm[UNIT_N] = w->model->dim;
}

void lower_encoder_output(Lowering *w)
{
    lower_replacing_norm(w, &w->model->final_norm, "final_norm");
    w->phase = 1;
    if (w->model->head_kind == HEAD_EMBED)
        lower_pool(w);
    else
        lower_class_head(w);
}
