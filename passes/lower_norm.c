/* Norms: of the residual stream, in its place or into a vector that linears read, of heads, and of
 * what attn.o and mlp.down read. */
#include "lower.h"

#include <math.h>

/* gamma as int16 in units of 2^*exp. */
static int lower_gamma(Lowering *w, const Norm *norm, const char *data_name, int *exp)
{
    float max = 0;
    for (int i = 0; i < norm->n; i++)
        max = fmaxf(max, fabsf(norm->gamma[i]));
    frexp(max > 0 ? max : 1, exp);
    *exp -= 15;
    const int data = program_add_data(w->arena, w->program, data_name, ELEM_I16, norm->n);
    for (int i = 0; i < norm->n; i++) {
        const double v = nearbyint(ldexp(norm->gamma[i], -*exp));
        ((int16_t *)w->program->data[data].bytes)[i] = (int16_t)fmin(fmax(v, -32767), 32767);
    }
    return data;
}

void lower_norm(Lowering *w, const Norm *norm, const char *data_name, const Linear *reader, int x,
                int *scale)
{
    int gamma_exp, eps_exp, root_exp;
    const int data = lower_gamma(w, norm, data_name, &gamma_exp);
    const double eps = (double)w->model->norm_eps * norm->n;
    const uint32_t eps_m = eps > 0 ? to_mantissa(eps, &eps_exp) : 0;
    const int64_t fixed = static_scale(reader);
    const uint32_t root_m = to_mantissa(sqrt(norm->n) * over_scale(fixed), &root_exp);
    Op *op = add_op(w, OP_NORM);
    op->in[0] = w->resid;
    op->out[0] = x;
    op->data[0] = data;
    op->imm[NORM_DIM] = norm->n;
    op->imm[NORM_EPS_M] = eps_m;
    op->imm[NORM_EPS_E] = eps_m ? eps_exp + 2 * w->program->residual_fraction : 0;
    op->imm[NORM_ROOT_M] = root_m;
    op->imm[NORM_EXP] = root_exp + gamma_exp - 31;
    op->imm[NORM_SCALE] = fixed;
    op->scalar_out = *scale = w->program->n_scalars++;
}

/* With d = x - mean(x), d / rms(d) is at most sqrt(dim). */
int layer_norm_fraction(const Norm *norm)
{
    double gamma = 0, beta = 0;
    int e;
    for (int i = 0; i < norm->n; i++) {
        gamma = fmax(gamma, fabs((double)norm->gamma[i]));
        beta = fmax(beta, fabs((double)norm->beta[i]));
    }
    frexp(gamma * sqrt(norm->n) + beta, &e);
    return 30 - e;
}

Op *add_layer_norm(Lowering *w, OpKind kind, const Norm *norm, const char *data_name, int in,
                   int fraction)
{
    int gamma_exp, eps_exp, root_exp, mean_exp;
    const int gamma = lower_gamma(w, norm, data_name, &gamma_exp);
    const int beta = lower_integers(w, arena_printf(w->arena, "%s_beta", data_name), norm->beta,
                                    norm->n, fraction);
    const double eps = (double)w->model->norm_eps * norm->n;
    const uint32_t eps_m = eps > 0 ? to_mantissa(eps, &eps_exp) : 0;
    Op *op = add_op(w, kind);
    op->data[0] = gamma;
    op->data[1] = beta;
    op->imm[LAYER_NORM_DIM] = norm->n;
    op->imm[LAYER_NORM_MEAN_M] = to_mantissa(1.0 / norm->n, &mean_exp);
    op->imm[LAYER_NORM_MEAN_E] = mean_exp;
    op->imm[LAYER_NORM_EPS_M] = eps_m;
    op->imm[LAYER_NORM_EPS_E] = eps_m ? eps_exp + 2 * in : 0;
    op->imm[LAYER_NORM_ROOT_M] = to_mantissa(sqrt(norm->n), &root_exp);
    op->imm[LAYER_NORM_EXP] = root_exp + gamma_exp - 31;
    op->imm[LAYER_NORM_FRACTION] = fraction;
    return op;
}

void lower_layer_norm(Lowering *w, const Norm *norm, const char *data_name, const Linear *reader,
                      int x, int *scale)
{
    const int centred = add_buffer(w, "centred", ELEM_I32, norm->n, false);
    const int fraction = layer_norm_fraction(norm);
    Op *op =
        add_layer_norm(w, OP_LAYER_NORM, norm, data_name, w->program->residual_fraction, fraction);
    fix_scale(op, (Places){LAYER_NORM_SCALE, LAYER_NORM_RIGHT, LAYER_NORM_MUL, LAYER_NORM_DOWN},
              static_scale(reader), ldexp(1, -fraction), 31);
    op->in[0] = w->resid;
    op->out[0] = x;
    op->out[1] = centred;
    op->scalar_out = *scale = w->program->n_scalars++;
}

void lower_replacing_norm(Lowering *w, const Norm *norm, const char *data_name)
{
    const int fraction = w->program->residual_fraction;
    Op *op = add_layer_norm(w, OP_NORM_FIXED, norm, data_name, fraction, fraction);
    op->out[0] = w->resid;
}

/* y / rms(y) is at most sqrt(head_dim): with the largest weight, the result stays below 2^30. */
void lower_head_norm(Lowering *w, const Norm *norm, int heads, const char *what, Result *y)
{
    if (!w->model->qk_norm)
        return;
    int gamma_exp, eps_exp, root_exp, e;
    const int data =
        lower_gamma(w, norm, arena_printf(w->arena, "l%d_%s_norm", w->layer, what), &gamma_exp);
    const double eps = (double)w->model->norm_eps * norm->n;
    const uint32_t eps_m = eps > 0 ? to_mantissa(eps, &eps_exp) : 0;
    const uint32_t root_m = to_mantissa(sqrt(norm->n), &root_exp);
    frexp(ldexp(sqrt(norm->n), gamma_exp + 15), &e);
    Op *op = add_op(w, OP_HEAD_NORM);
    op->out[0] = y->buffer;
    op->data[0] = data;
    op->imm[HEAD_NORM_HEADS] = heads;
    op->imm[HEAD_NORM_DIM] = norm->n;
    op->imm[HEAD_NORM_UNIT_EXP] = y->exp;
    op->imm[HEAD_NORM_EPS_M] = eps_m;
    op->imm[HEAD_NORM_EPS_E] = eps_m ? eps_exp : 0;
    op->imm[HEAD_NORM_ROOT_M] = root_m;
    op->imm[HEAD_NORM_EXP] = root_exp + gamma_exp - 31;
    op->imm[HEAD_NORM_FRACTION] = 30 - e;
    op->scalar_in[0] = y->scale;
    op->scalar_out = y->scale = w->program->n_scalars++;
    y->exp = 0;
}

void lower_sub_norm(Lowering *w, const Norm *norm, const char *what, const Linear *reader, int x,
                    int *scale)
{
    int gamma_exp, eps_exp, root_exp;
    if (!w->model->sub_norm)
        return;
    const int64_t fixed = static_scale(reader);
    const int data =
        lower_gamma(w, norm, arena_printf(w->arena, "l%d_%s_norm", w->layer, what), &gamma_exp);
    const double eps = (double)w->model->norm_eps * norm->n;
    const uint32_t eps_m = eps > 0 ? to_mantissa(eps, &eps_exp) : 0;
    Op *op = add_op(w, OP_SUB_NORM);
    op->out[0] = x;
    op->data[0] = data;
    op->imm[SUB_NORM_N] = norm->n;
    op->imm[SUB_NORM_EPS_M] = eps_m;
    op->imm[SUB_NORM_EPS_E] = eps_m ? eps_exp : 0;
    op->imm[SUB_NORM_ROOT_M] = to_mantissa(sqrt(norm->n) * over_scale(fixed), &root_exp);
    op->imm[SUB_NORM_EXP] = root_exp + gamma_exp - 31;
    op->imm[SUB_NORM_SCALE] = fixed;
    op->scalar_in[0] = *scale;
    op->scalar_out = *scale = w->program->n_scalars++;
}
