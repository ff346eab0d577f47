/* Matrices: the product, its gain and bias, what it adds to the residual stream, and the bounds
 * that keep it within 32 bits. */
#include "lower.h"

#include <math.h>
#include <stdlib.h>

#define MAX_COLS 16384 /* keeps zero * sum + coef . sums within 32 bits for any codebook */

/* Right shift of the accumulator that lets every row's (acc >> pre) * scale fit in 32 bits, for
 * inputs of sizes up to x. */
static int matvec_pre(const Linear *l, int x)
{
    double worst = 0;
    for (int r = 0; r < l->rows; r++) {
        int64_t sum = 0;
        for (int c = 0; c < l->cols; c++)
            sum += llabs(
                (long long)linear_code_value(l, l->code[(size_t)r * (size_t)l->cols + (size_t)c]));
        worst = fmax(worst, (double)x * (double)sum * l->scale[r]);
    }
    int pre = 0;
    while (ldexp(worst, -pre) > (double)INT32_MAX - 256) /* 256: the floor of a negative */
        pre++;
    return pre;
}

/* What x is worth, with the gain of the matrix that will read it: a float is 24 bits of the 32. */
static void lower_gain(Lowering *w, const Linear *l, int *scale)
{
    int e;
    if (l->gain <= 0)
        return;
    const double f = frexp((double)l->gain, &e);
    Op *op = add_op(w, OP_GAIN);
    op->imm[GAIN_MANTISSA] = (int64_t)ldexp(f, 32);
    op->imm[GAIN_EXP] = e - 32;
    op->scalar_in[0] = *scale;
    op->scalar_out = *scale = w->program->n_scalars++;
}

int lower_matvec(Lowering *w, OpKind kind, const Linear *l, int x, int *scale, int y)
{
    lower_gain(w, l, scale);
    if (l->cols > MAX_COLS)
        fatal("%s: %s: %d inputs: more than the %d that 32-bit sums allow", w->model->path, l->name,
              l->cols, MAX_COLS);
    Op *op = add_op(w, kind);
    op->linear = w->linear;
    op->in[0] = x;
    op->out[0] = y;
    op->imm[MATVEC_ROWS] = l->rows;
    op->imm[MATVEC_COLS] = l->cols;
    op->imm[MATVEC_PLANES] = l->format == FORMAT_PLANES ? l->planes : 0;
    op->imm[MATVEC_PRE] = matvec_pre(l, reads_signs(w->program, w->program->n_ops - 1) ? 1 : 127);
    return (int)op->imm[MATVEC_PRE] + l->scale_exp;
}

/* x = n gamma + beta with |n| at most sqrt(cols), so |w . x| is at most |w gamma| sqrt(cols) +
 * |w . beta|. Of signs times the mean of |x|, which is at most |gamma| / sqrt(cols) and the mean of
 * |beta|, it is the sum of |w| times that. */
double row_bound(const Linear *l, int r, const Norm *norm, bool signs)
{
    double products = 0, gammas = 0, sizes = 0, shift = 0, betas = 0;
    for (int c = 0; c < l->cols; c++) {
        const double v = (double)linear_value(l, r, c), g = (double)norm->gamma[c];
        const double b = norm->beta ? (double)norm->beta[c] : 0;
        products += v * g * v * g;
        gammas += g * g;
        sizes += fabs(v);
        shift += v * b;
        betas += fabs(b);
    }
    return signs ? sizes * (sqrt(gammas / l->cols) + betas / l->cols)
                 : sqrt(products * l->cols) + fabs(shift);
}

int result_fraction(const Linear *l, const Norm *norm, bool signs)
{
    double bound = 0;
    int e;
    for (int r = 0; r < l->rows; r++)
        bound = fmax(bound, row_bound(l, r, norm, signs) + fabs((double)l->bias[r]));
    frexp(bound, &e);
    return 30 - e;
}

void lower_bias(Lowering *w, const Linear *l, const char *data_name, int fraction, Result *y)
{
    const int data = lower_integers(w, data_name, l->bias, l->rows, fraction);
    Op *op = add_op(w, OP_BIAS);
    op->out[0] = y->buffer;
    op->data[0] = data;
    op->imm[BIAS_N] = l->rows;
    op->imm[BIAS_EXP] = y->exp;
    op->imm[BIAS_FRACTION] = fraction;
    op->scalar_in[0] = y->scale;
    op->scalar_out = y->scale = w->program->n_scalars++;
    y->exp = 0;
}

Result lower_role(Lowering *w, const Block *b, Role role, int x, int scale, const Norm *norm)
{
    static const char *const names[ROLES] = {"q", "k", "v", "o", "gate", "up", "down"};
    const Linear *l = &b->linear[role];
    Result y = {.scale = scale};
    y.buffer = add_buffer(w, role_names[role], ELEM_I32, padded(l->rows), false);
    w->linear = model_linear_index(w->model, w->layer, role);
    y.exp = lower_matvec(w, OP_MATVEC, l, x, &y.scale, y.buffer);
    if (l->bias)
        lower_bias(w, l, arena_printf(w->arena, "l%d_%s_bias", w->layer, names[role]),
                   norm ? result_fraction(l, norm, w->model->activation_bits == 1)
                        : w->program->residual_fraction,
                   &y);
    return y;
}

void lower_add(Lowering *w, Result y)
{
    Op *op = add_op(w, OP_ADD);
    op->in[0] = y.buffer;
    op->out[0] = w->resid;
    op->imm[ADD_DIM] = w->model->dim;
    op->imm[ADD_EXP] = y.exp;
    op->scalar_in[0] = y.scale;
}
