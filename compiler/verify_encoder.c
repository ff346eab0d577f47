/* Invariants of an encoder's program: its own ops, the order of its phases, and which vectors each
 * token has its own of. */
#include "verify.h"

#include <math.h>

/* The residual stream or a dense layer's result, in place. */
static void check_norm_fixed(const Site *s)
{
    const Model *m = s->v->model;
    const int n = s->op->layer == m->n_layers && s->op->phase == 1 ? m->dense.rows : m->dim;
    check_layer_norm_constants(s, n);
    need_buffer(s, s->op->out[0], ELEM_I32, n);
}

static void check_quantize(const Site *s)
{
    const int64_t n = s->op->imm[QUANTIZE_N];
    need_imm(s, QUANTIZE_N, 1, INT32_MAX / 4);
    need_exp(s, QUANTIZE_FRACTION);
    need_buffer(s, s->op->in[0], ELEM_I32, n);
    need_buffer(s, s->op->out[0], ELEM_I8, n);
}

static void check_dense(const Site *s)
{
    need_equal(s, DENSE_N, s->v->model->dense.rows);
    need_imm(s, DENSE_N, 1, INT32_MAX / 4);
    need_exp(s, DENSE_EXP);
    need_buffer(s, s->op->out[0], ELEM_I32, s->op->imm[DENSE_N]);
}

/* It reads the rows of all tokens. */
static void check_pool(const Site *s)
{
    const Model *m = s->v->model;
    need_equal(s, POOL_DIM, m->dim);
    need_equal(s, POOL_ALL, m->pooling == POOL_MEAN);
    need_buffer(s, s->op->in[0], ELEM_I32, m->dim);
    need_buffer(s, s->op->out[0], ELEM_I32, m->dim);
    if (s->v->program->buffers[s->op->in[0]].row != m->dim) {
        broken(s->v, "op %d (pool): its input has no row of %d for each token", s->index, m->dim);
    }
}

static void check_second(const Site *s)
{
    const Model *m = s->v->model;
    need_equal(s, SECOND_DIM, m->dim);
    need_buffer(s, s->op->out[0], ELEM_I32, m->dim);
    const int32_t *row = need_data(s, s->op->data[0], ELEM_I32, m->dim)->bytes;
    for (int i = 0; i < m->dim; i++) {
        const double v =
            m->second ? ldexp((double)m->second[i], s->v->program->residual_fraction) : NAN;
        if (!(fabs(fmin(fmax(v, -INT32_MAX), INT32_MAX) - row[i]) <= 1)) {
            broken(s->v, "op %d (second): element %d is another one in the model", s->index, i);
        }
    }
}

void check_encoder_op(const Site *s)
{
    if (!s->v->program->encoder) {
        broken(s->v, "op %d (%s): only encoders have it", s->index, op_info[s->op->kind].name);
    }
    switch ((int)s->op->kind) {
    case OP_NORM_FIXED: check_norm_fixed(s); return;
    case OP_QUANTIZE: check_quantize(s); return;
    case OP_DENSE: check_dense(s); return;
    case OP_POOL: check_pool(s); return;
    case OP_PATCH:
        need_equal(s, PATCH_N, s->v->model->patch.cols);
        need_imm(s, PATCH_N, 1, INT32_MAX / 4);
        need_buffer(s, s->op->out[0], ELEM_I8, s->op->imm[PATCH_N]);
        return;
    case OP_SECOND: check_second(s); return;
    case OP_UNIT:
        need_equal(s, UNIT_N, s->v->model->dim);
        need_buffer(s, s->op->out[0], ELEM_I32, s->v->model->dim);
        return;
    default: die("op %d is no encoder's", (int)s->op->kind);
    }
}

static void check_rows(const Verifier *v)
{
    const Program *p = v->program;
    for (int i = 0; i < p->n_buffers; i++) {
        const Buffer *b = &p->buffers[i];
        if (b->row < 0 || (b->row > 0 && (!p->encoder || b->lasting ||
                                          b->count != (int64_t)b->row * p->window))) {
            broken(v, "buffer %s: rows of %d, %d elements for %d tokens", b->name, b->row, b->count,
                   p->window);
        }
    }
}

/* A layer with an exit has two phases more. */
static int last_phase(const Verifier *v, int layer)
{
    if (!v->program->encoder || layer < 0)
        return 0;
    return model_exit(v->model, layer) ? PHASE_LEAVE : PHASE_MIX;
}

/* Each exit's phases are there, the second ending with the logits. */
static void check_exit_phases(const Verifier *v)
{
    const Program *p = v->program;
    for (int e = 0; e < v->model->n_exits; e++) {
        const int layer = v->model->exits[e].layer;
        int norm = 0, last = -1;
        for (int i = 0; i < p->n_ops; i++) {
            const bool here = p->ops[i].layer == layer;
            norm += here && p->ops[i].phase == PHASE_LEAVE_NORM;
            last = here && p->ops[i].phase == PHASE_LEAVE ? i : last;
        }
        if (norm != 1 || last < 0 || p->ops[last].kind != OP_LOGITS ||
            p->ops[last].out[0] != p->ops[p->n_ops - 1].out[0]) {
            broken(v, "exit after layer %d: its norm or its head is missing", layer);
        }
    }
}

/* Keys and values come before attention, which begins the second phase. */
static void check_op_phase(const Verifier *v, int i)
{
    const Program *p = v->program;
    const Op *op = &p->ops[i];
    const Op *before = i > 0 ? op - 1 : NULL;
    const bool store = op->kind == OP_STORE_K || op->kind == OP_STORE_V;
    const bool mixes = op->kind == OP_ATTEND || op->kind == OP_POOL;
    const bool begins = !before || before->layer != op->layer || before->phase != op->phase;
    if (op->phase < 0 || op->phase > last_phase(v, op->layer) ||
        (before && before->layer == op->layer && before->phase > op->phase)) {
        broken(v, "op %d (%s): phase %d", i, op_info[op->kind].name, op->phase);
    }
    if (p->encoder && ((store && op->phase != 0) || (mixes && (op->phase != 1 || !begins)))) {
        broken(v, "op %d (%s): out of order in phase %d", i, op_info[op->kind].name, op->phase);
    }
}

void verify_phases(const Verifier *v)
{
    const Program *p = v->program;
    if (p->encoder != v->model->encoder) {
        broken(v, "program: %s", p->encoder ? "an encoder's" : "no encoder's");
    }
    if (p->encoder && (p->n_step != p->n_ops || p->ops[p->n_ops - 1].phase != 1 ||
                       p->window > v->model->context || p->sinks > 0)) {
        broken(v, "program: %d ops, %d of a step, window %d: no encoder's", p->n_ops, p->n_step,
               p->window);
    }
    if (model_reads_frames(v->model) && p->window != v->model->context) {
        broken(v, "program: window %d: frames make %d tokens", p->window, v->model->context);
    }
    check_rows(v);
    for (int i = 0; i < p->n_ops; i++) {
        check_op_phase(v, i);
    }
    check_exit_phases(v);
}
