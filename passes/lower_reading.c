/* What linears read: the residual stream, normed where the model norms it, as int8 or as signs. */
#include "lower.h"

#include <math.h>

void lower_quantize(Lowering *w, int v, int n, int fraction, int bits, const Linear *reader, int x,
                    int *scale)
{
    Op *op = add_op(w, OP_QUANTIZE);
    op->in[0] = v;
    op->out[0] = x;
    op->imm[QUANTIZE_N] = n;
    op->imm[QUANTIZE_FRACTION] = fraction;
    fix_scale(op, (Places){QUANTIZE_SCALE, QUANTIZE_RIGHT, QUANTIZE_MUL, QUANTIZE_DOWN},
              static_scale(reader), ldexp(1, -fraction), bits);
    op->scalar_out = *scale = w->program->n_scalars++;
}

/* The norm that takes the stream's place, and x made of it. An exit after the layer before has
 * normed already. */
static void lower_post_norm(Lowering *w, const Norm *norm, const char *data_name,
                            const Linear *reader, int x, int *scale)
{
    const Model *m = w->model;
    const Exit *before = model_exit(m, w->layer - 1);
    if (!before || norm != &m->blocks[w->layer].attn_norm)
        lower_replacing_norm(w, norm, data_name);
    lower_quantize(w, w->resid, norm->n, w->program->residual_fraction, 31, reader, x, scale);
}

void lower_stream_norm(Lowering *w, const Norm *norm, const char *data_name, const Linear *reader,
                       int x, int *scale)
{
    if (w->model->post_norm)
        lower_post_norm(w, norm, data_name, reader, x, scale);
    else
        (norm->beta ? lower_layer_norm : lower_norm)(w, norm, data_name, reader, x, scale);
}

void lower_sign(Lowering *w, int x, int *scale)
{
    if (w->model->activation_bits != 1)
        return;
    const int n = w->program->buffers[x].count;
    Op *op = add_op(w, OP_SIGN);
    op->out[0] = x;
    op->imm[SIGN_N] = n;
    op->imm[SIGN_INVERSE] = to_scale(0.5 / n);
    op->scalar_in[0] = *scale;
    op->scalar_out = *scale = w->program->n_scalars++;
}

Reading lower_reading(Lowering *w, const Norm *norm, const char *what, const Linear *reader)
{
    Reading r;
    r.x = add_buffer(w, arena_printf(w->arena, "%s.x", what), ELEM_I8, w->model->dim, false);
    lower_stream_norm(w, norm, arena_printf(w->arena, "l%d_%s_norm", w->layer, what), reader, r.x,
                      &r.scale);
    lower_sign(w, r.x, &r.scale);
    return r;
}
