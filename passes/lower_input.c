/* What the residual stream starts with: the row of the token, its position, its frames. */
#include "lower.h"

#include <math.h>

static Op *lower_row(Lowering *w, OpKind kind, const Linear *l, int linear)
{
    Op *op = add_op(w, kind);
    op->out[0] = w->resid;
    op->linear = linear;
    op->imm[EMBED_DIM] = l->cols;
    op->imm[EMBED_PLANES] = l->format == FORMAT_PLANES ? l->planes : 0;
    op->imm[EMBED_SHIFT] = l->scale_exp + w->program->residual_fraction;
    return op;
}

/* How far the elements of a row, scales and levels, can be raised within 31 bits. */
static int raise_of(const Linear *l)
{
    double most = 1;
    int e;
    for (int r = 0; r < l->rows; r++)
        for (int c = 0; c < l->cols; c++) {
            const uint8_t code = l->code[(size_t)r * (size_t)l->cols + (size_t)c];
            most = fmax(most, fabs((double)linear_code_value(l, code)) * l->scale[r]);
        }
    frexp(most, &e);
    return 30 - e;
}

/* The row of an embedding. Its gain is multiplied with as many bits of it as fit. */
static void lower_embed(Lowering *w)
{
    const Linear *l = &w->model->embed;
    Op *op = lower_row(w, OP_EMBED, l, 0);
    if (l->gain <= 0)
        return;
    const int raise = raise_of(l);
    const int exp = (int)op->imm[EMBED_SHIFT] - raise;
    op->imm[EMBED_SHIFT] = raise;
    op = add_op(w, OP_ROW_GAIN);
    op->out[0] = w->resid;
    op->imm[ROW_GAIN_DIM] = l->cols;
    op->imm[ROW_GAIN_UNIT] = to_scale(ldexp((double)l->gain, exp));
}

static void lower_positions(Lowering *w)
{
    const Model *m = w->model;
    const int row = add_buffer(w, "row", ELEM_I32, m->dim, false);
    Op *op = lower_row(w, OP_POSITION, &m->positions, model_positions_index(m));
    op->out[1] = row;
    op->imm[POSITION_LAST] = m->positions.rows - 1;
}

/* Exact but for the residual's unit, as a bias is. */
static void lower_second(Lowering *w)
{
    const Model *m = w->model;
    if (!m->second)
        return;
    const int data =
        lower_integers(w, "second_row", m->second, m->dim, w->program->residual_fraction);
    Op *op = add_op(w, OP_SECOND);
    op->out[0] = w->resid;
    op->data[0] = data;
    op->imm[SECOND_DIM] = m->dim;
}

static void lower_angles(Lowering *w)
{
    const Model *m = w->model;
    const int dim = m->blocks[0].head_dim;
    w->angles = add_buffer(w, "angles", ELEM_I32, (int64_t)w->turns * dim, false);
    w->turned = add_buffer(w, "turned", ELEM_I32, (int64_t)w->turns * dim, false);
    const int frequency = program_add_data(w->arena, w->program, "frequency", ELEM_U32, dim / 2);
    for (int i = 0; i < dim / 2; i++) {
        const double turns = model_frequency(m, i) / (2 * acos(-1.0));
        ((uint32_t *)w->program->data[frequency].bytes)[i] =
            (uint32_t)nearbyint(turns * 4294967296.0);
    }
    Op *op = add_op(w, OP_ANGLES);
    op->out[0] = w->angles;
    op->data[0] = frequency;
    op->imm[ANGLES_PAIRS] = dim / 2;
    op->imm[ANGLES_TURNS] = w->turns;
}

/* What a token has of the frames, on top of what its place has. */
static void lower_patch(Lowering *w)
{
    const Linear *l = &w->model->patch;
    const int x = add_buffer(w, "patch.x", ELEM_I8, l->cols, false);
    Op *op = add_op(w, OP_PATCH);
    op->out[0] = x;
    op->imm[PATCH_N] = l->cols;
    op->scalar_out = w->program->n_scalars++;
    Result y = {.scale = op->scalar_out};
    y.buffer = add_buffer(w, "patch", ELEM_I32, padded(l->rows), false);
    w->linear = model_patch_index(w->model);
    y.exp = lower_matvec(w, OP_MATVEC, l, x, &y.scale, y.buffer);
    lower_bias(w, l, "patch_bias", w->program->residual_fraction, &y);
    lower_add(w, y);
}

void lower_input(Lowering *w)
{
    w->resid = add_row(w, "resid", ELEM_I32, w->model->dim);
    lower_embed(w);
    if (model_reads_frames(w->model))
        lower_patch(w);
    switch (w->model->position) {
    case POSITION_ROPE: lower_angles(w); return;
    case POSITION_LEARNED:
        lower_positions(w);
        lower_second(w);
        return;
    case POSITION_NONE: return;
    case POSITION_KINDS: break;
    }
    die("position %d", (int)w->model->position);
}
