/* The MLP half of a block, gated or not; with a static scale, how large its values can get. */
#include "lower.h"

#include <math.h>

/* The bits of the most that a row's result can be, x the int8 form of the norm's output: in units
 * of the result, or 2^30 with a bias. */
static int result_bits(const Lowering *w, const Linear *l, const Norm *norm, Result y)
{
    const double unit = ldexp(known_scale(w->program, y.scale), y.exp);
    double most = 0;
    int e;
    for (int r = 0; r < l->rows && !l->bias; r++) {
        double sizes = 0;
        for (int c = 0; c < l->cols; c++)
            sizes += fabs((double)linear_value(l, r, c));
        most = fmax(most, row_bound(l, r, norm, false) +
                              sizes * (double)l->input_clip / 127 / 2); /* of rounding x */
    }
    frexp(1.01 * most / unit + 1, &e); /* 1.01: what the norm's integers may add */
    return l->bias ? 30 : e > 31 ? 31 : e;
}

/* An activation of a result, below 2^bits, worth `unit` each; `square`: bits that the result gives
 * up before it is squared. */
typedef struct Active {
    int bits, square;
    double unit;
} Active;

static Active active_result(const Lowering *w, const Linear *l, const Norm *norm, Result y)
{
    const double unit = ldexp(known_scale(w->program, y.scale), y.exp);
    const int bits = result_bits(w, l, norm, y);
    const int square = bits > 15 ? bits - 15 : 0;
    int e;
    switch (w->model->activation) {
    case ACT_SILU: /* none is larger than what it is of, or than 2^14 of its units */
    case ACT_GELU_TANH:
    case ACT_GELU:
        frexp(fmax(ldexp(unit, bits + 15), ldexp(1, 14)), &e);
        return (Active){.bits = e > 31 ? 31 : e, .unit = ldexp(1, -15)};
    case ACT_RELU: return (Active){.bits = bits, .unit = unit};
    case ACT_RELU2: return (Active){30, square, ldexp(unit * unit, 2 * square)};
    case ACTIVATIONS: break;
    }
    die("activation %d", (int)w->model->activation);
}

/* The constants of a gated MLP whose x has a static scale: the activation and up with 15 bits each,
 * and of their product all but 8. */
static void fix_glu(const Lowering *w, const Block *b, Result gate, Result up, Op *op)
{
    if (given_scale(w, b, ROLE_DOWN) == 0)
        return;
    const Active a = active_result(w, &b->linear[ROLE_GATE], &b->mlp_norm, gate);
    const int bits = result_bits(w, &b->linear[ROLE_UP], &b->mlp_norm, up);
    const int drop = a.bits > 15 ? a.bits - 15 : 0, up_drop = bits > 15 ? bits - 15 : 0;
    const double unit = a.unit * ldexp(known_scale(w->program, up.scale), up.exp + drop + up_drop);
    op->imm[GLU_GATE_DOWN] = w->model->activation == ACT_RELU2 ? a.square : drop;
    op->imm[GLU_UP_DOWN] = up_drop;
    fix_scale(op, (Places){GLU_SCALE, -1, GLU_MUL, GLU_DOWN}, given_scale(w, b, ROLE_DOWN), unit,
              30);
}

/* Both give the scale of h. */
static int lower_glu(Lowering *w, const Block *b, Result gate, Result up, int h)
{
    Op *op = add_op(w, OP_GLU);
    op->in[0] = gate.buffer;
    op->in[1] = up.buffer;
    op->out[0] = h;
    op->imm[GLU_N] = b->n_neurons;
    op->imm[GLU_EXP_GATE] = gate.exp;
    op->imm[GLU_EXP_UP] = up.exp;
    op->scalar_in[0] = gate.scale;
    op->scalar_in[1] = up.scale;
    fix_glu(w, b, gate, up, op);
    return op->scalar_out = w->program->n_scalars++;
}

static int lower_activate(Lowering *w, const Block *b, Result up, int h)
{
    Op *op = add_op(w, OP_ACTIVATE);
    op->in[0] = up.buffer;
    op->out[0] = h;
    op->imm[ACTIVATE_N] = b->n_neurons;
    op->imm[ACTIVATE_EXP] = up.exp;
    op->scalar_in[0] = up.scale;
    if (given_scale(w, b, ROLE_DOWN) != 0) {
        const Active a = active_result(w, &b->linear[ROLE_UP], &b->mlp_norm, up);
        op->imm[ACTIVATE_SQUARE] = a.square;
        fix_scale(op, (Places){ACTIVATE_SCALE, ACTIVATE_RIGHT, ACTIVATE_MUL, ACTIVATE_DOWN},
                  given_scale(w, b, ROLE_DOWN), a.unit, a.bits);
    }
    return op->scalar_out = w->program->n_scalars++;
}

void lower_mlp(Lowering *w, const Block *b, Reading in)
{
    int scale = in.scale;
    const int x = in.x;
    Result gate = {.buffer = -1};
    if (!w->model->ungated)
        gate = lower_role(w, b, ROLE_GATE, x, scale, &b->mlp_norm);
    const Result up = lower_role(w, b, ROLE_UP, x, scale, &b->mlp_norm);
    const int h = add_buffer(w, "mlp.h", ELEM_I8, b->n_neurons, false);
    scale = w->model->ungated ? lower_activate(w, b, up, h) : lower_glu(w, b, gate, up, h);
    lower_sub_norm(w, &b->down_norm, "down", &b->linear[ROLE_DOWN], h, &scale);
    lower_sign(w, h, &scale);
    lower_add(w, lower_role(w, b, ROLE_DOWN, h, scale, NULL));
    w->phase = 0;
}
