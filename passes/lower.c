/* lower: Model -> Program. One op after the other as a token meets them, every dimension, exponent
 * and shift a constant. Kernels, packed weights and addresses come later. */
#include "pass.h"

#include <math.h>
#include <stdlib.h>

/* Spare bits of the residual above the largest value that calibrate saw. */
#define HEADROOM_BITS 6
#define MAX_COLS 16384 /* keeps zero * sum + coef . sums within 32 bits for any codebook */

typedef struct Lowering {
    Arena *arena;
    const Model *model;
    Program *program;
    int layer, phase, linear; /* being lowered: layer, its phase, index for model_linears */
    int resid, angles;        /* buffers */
    int logits;               /* of an encoder: the buffer that its heads share, -1 before */
    int turned, turns; /* scratch of the rotations, -1 without them; 2 turns: the cache has sinks */
} Lowering;

/* A matrix's result: one step is worth the scalar `scale` times 2^exp. */
typedef struct Result {
    int buffer, scale, exp;
} Result;

/* An int8 vector, one unit worth the scalar `scale`. */
typedef struct Reading {
    int x, scale;
} Reading;

/* v = m * 2^e with m in 32768..65535, v > 0. */
static uint32_t to_mantissa(double v, int *e)
{
    const double f = frexp(v, e);
    const double m = nearbyint(f * 65536);
    *e -= 16;
    return m > 65535 ? 65535 : (uint32_t)m;
}

static int64_t to_scale(double v)
{
    int e;
    const uint32_t m = to_mantissa(v, &e);
    return (int64_t)e * 65536 + m;
}

/* Of the int8 vector that a linear reads: 0 where each has its own. */
static int64_t static_scale(const Linear *reader)
{
    return reader->input_clip > 0 ? to_scale((double)reader->input_clip / 127) : 0;
}

/* By how much a norm's constant changes so that what it multiplies is int8. */
static double over_scale(int64_t scale)
{
    return scale ? 1 / scale_value(scale) : 1;
}

static int residual_fraction(float absmax)
{
    int e;
    frexp(absmax, &e);
    const int fraction = 31 - HEADROOM_BITS - e;
    return fraction < 0 ? 0 : fraction > 28 ? 28 : fraction;
}

static int add_buffer(Lowering *w, const char *what, ElemType elem, int64_t count, bool lasting)
{
    const char *name = w->layer < 0 || w->layer >= w->model->n_layers
                           ? what
                           : arena_printf(w->arena, "layers.%d.%s", w->layer, what);
    if (count > INT32_MAX / 4)
        fatal("%s: %s: %lld elements: more than any target can hold", w->model->path, name,
              (long long)count);
    return program_add_buffer(w->arena, w->program, name, elem, (int)count, lasting);
}

/* A vector that each token of an encoder's sequence has its own of. */
static int add_row(Lowering *w, const char *what, ElemType elem, int n)
{
    const bool rows = w->program->encoder;
    const int i = add_buffer(w, what, elem, rows ? (int64_t)w->program->window * n : n, false);
    w->program->buffers[i].row = rows ? n : 0;
    return i;
}

static Op *add_op(Lowering *w, OpKind kind)
{
    Op *op = program_add_op(w->arena, w->program, kind, w->layer);
    op->phase = w->phase;
    return op;
}

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

static void lower_norm(Lowering *w, const Norm *norm, const char *data_name, const Linear *reader,
                       int x, int *scale)
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

/* Int32, fixed point: saturated. */
static int lower_integers(Lowering *w, const char *data_name, const float *v, int n, int fraction)
{
    const int data = program_add_data(w->arena, w->program, data_name, ELEM_I32, n);
    for (int i = 0; i < n; i++) {
        const double fixed = nearbyint(ldexp((double)v[i], fraction));
        ((int32_t *)w->program->data[data].bytes)[i] =
            (int32_t)fmin(fmax(fixed, -INT32_MAX), INT32_MAX);
    }
    return data;
}

/* With d = x - mean(x), d / rms(d) is at most sqrt(dim): the fraction with which no element of the
 * normed and shifted vector reaches 2^30. */
static int layer_norm_fraction(const Norm *norm)
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

/* The op of a layer norm whose input has the fraction `in` and whose result `fraction`. */
static Op *add_layer_norm(Lowering *w, OpKind kind, const Norm *norm, const char *data_name, int in,
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

/* Where imm[] has the numbers of a static scale: that, and by what values become int8. */
typedef struct Places {
    int scale, right, mul, down; /* right -1: a constant of the runtime */
} Places;

/* An op's int32 values, sizes below 2^bits, are worth `unit` each; x, which it makes of them, has
 * about the scale `wanted`. The factor's 8 bits are used as they are: the scale is what they make
 * it. */
static void fix_scale(Op *op, Places at, int64_t wanted, double unit, int bits)
{
    if (wanted == 0)
        return;
    const int right = bits > 22 ? bits - 22 : 0; /* with 8 bits of factor: 2^30 */
    const double factor = ldexp(unit, right) / scale_value(wanted);
    int e;
    frexp(factor, &e);
    const int down = e > 8 ? 0 : 8 - e > 30 ? 30 : 8 - e; /* else all is 0, or all is 127 */
    const double mul = fmin(nearbyint(ldexp(factor, down)), 256);
    op->imm[at.scale] = down == 8 - e ? to_scale(ldexp(unit, right + down) / mul) : wanted;
    op->imm[at.mul] = (int64_t)mul;
    op->imm[at.down] = down;
    if (at.right >= 0)
        op->imm[at.right] = right;
}

static void lower_layer_norm(Lowering *w, const Norm *norm, const char *data_name,
                             const Linear *reader, int x, int *scale)
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

/* The vector v, value * 2^-fraction and below 2^bits, becomes int8. */
static void lower_quantize(Lowering *w, int v, int n, int fraction, int bits, const Linear *reader,
                           int x, int *scale)
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

/* The norm that takes the residual stream's place. */
static void lower_replacing_norm(Lowering *w, const Norm *norm, const char *data_name)
{
    const int fraction = w->program->residual_fraction;
    Op *op = add_layer_norm(w, OP_NORM_FIXED, norm, data_name, fraction, fraction);
    op->out[0] = w->resid;
}

/* The same, and x made of it. An exit after the layer before has normed already. */
static void lower_post_norm(Lowering *w, const Norm *norm, const char *data_name,
                            const Linear *reader, int x, int *scale)
{
    const Model *m = w->model;
    const Exit *before = model_exit(m, w->layer - 1);
    if (!before || norm != &m->blocks[w->layer].attn_norm)
        lower_replacing_norm(w, norm, data_name);
    lower_quantize(w, w->resid, norm->n, w->program->residual_fraction, 31, reader, x, scale);
}

/* The norm that the residual stream goes through before `reader` reads it. */
static void lower_stream_norm(Lowering *w, const Norm *norm, const char *data_name,
                              const Linear *reader, int x, int *scale)
{
    if (w->model->post_norm)
        lower_post_norm(w, norm, data_name, reader, x, scale);
    else
        (norm->beta ? lower_layer_norm : lower_norm)(w, norm, data_name, reader, x, scale);
}

/* x becomes its signs where the model wants that of what its linears read. */
static void lower_sign(Lowering *w, int x, int *scale)
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

/* y = W x, or what an op of this kind makes of it, *scale being that of x and then of the result;
 * gives the exponent that turns it into the unit of y. */
static int lower_matvec(Lowering *w, OpKind kind, const Linear *l, int x, int *scale, int y)
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

/* Matrix results are written in whole blocks of rows. */
static int64_t padded(int64_t rows)
{
    return (rows + 7) / 8 * 8;
}

/* The most that a row's |w . x| can be, x the output of the norm: x = n gamma + beta with |n| at
 * most sqrt(cols), so |w gamma| sqrt(cols) + |w . beta|. Of signs times the mean of |x|, which is
 * at most |gamma| / sqrt(cols) and the mean of |beta|, it is the sum of |w| times that. */
static double row_bound(const Linear *l, int r, const Norm *norm, bool signs)
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

/* The fraction with which no row of W x + bias reaches 2^30, x the output of the norm. */
static int result_fraction(const Linear *l, const Norm *norm, bool signs)
{
    double bound = 0;
    int e;
    for (int r = 0; r < l->rows; r++)
        bound = fmax(bound, row_bound(l, r, norm, signs) + fabs((double)l->bias[r]));
    frexp(bound, &e);
    return 30 - e;
}

/* What follows gets y in the constant unit 2^-fraction. */
static void lower_bias(Lowering *w, const Linear *l, const char *data_name, int fraction, Result *y)
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

/* W x + bias; one unit of x is worth `scale`. `norm` made x; NULL: the result goes to the residual.
 */
static Result lower_role(Lowering *w, const Block *b, Role role, int x, int scale, const Norm *norm)
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

/* y / rms(y) is at most sqrt(head_dim): with the largest weight, the result stays below 2^30. */
static void lower_head_norm(Lowering *w, const Norm *norm, int heads, const char *what, Result *y)
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

/* x is normed once more before the linear that reads it. */
static void lower_sub_norm(Lowering *w, const Norm *norm, const char *what, const Linear *reader,
                           int x, int *scale)
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

static void lower_add(Lowering *w, Result y)
{
    Op *op = add_op(w, OP_ADD);
    op->in[0] = y.buffer;
    op->out[0] = w->resid;
    op->imm[ADD_DIM] = w->model->dim;
    op->imm[ADD_EXP] = y.exp;
    op->scalar_in[0] = y.scale;
}

static void lower_store(Lowering *w, OpKind kind, const Block *b, Result y, const int cache[3])
{
    Op *op = add_op(w, kind);
    op->in[0] = y.buffer;
    op->in[1] = kind == OP_STORE_K ? w->angles : -1; /* -1 too: keys are not turned */
    for (int i = 0; i < 3; i++)
        op->out[i] = cache[i];
    op->out[3] = kind == OP_STORE_K ? w->turned : -1;
    op->imm[STORE_HEADS] = b->n_kv_heads;
    op->imm[STORE_DIM] = b->head_dim;
    op->imm[STORE_EXP] = y.exp;
    op->scalar_in[0] = y.scale;
}

static int lower_kv_of(Lowering *w, const Block *b)
{
    if (b->n_kv_heads > 256)
        fatal("%s: layer %d: %d kv heads: at most 256", w->model->path, w->layer, b->n_kv_heads);
    const int data = program_add_data(
        w->arena, w->program, arena_printf(w->arena, "l%d_kv_of", w->layer), ELEM_U8, b->n_heads);
    for (int h = 0; h < b->n_heads; h++)
        ((uint8_t *)w->program->data[data].bytes)[h] = (uint8_t)b->kv_of_head[h];
    return data;
}

/* Of what attention or the MLP gives a linear: not where a norm of its own comes between. */
static int64_t given_scale(const Lowering *w, const Block *b, Role role)
{
    return w->model->sub_norm ? 0 : static_scale(&b->linear[role]);
}

/* q, keys and values of this token are in place: attention -> x, int8. */
static void lower_attend(Lowering *w, const Block *b, const int q[2], const int cache[6], int x,
                         int *scale)
{
    const int window = model_window(w->model, w->layer, w->program->window);
    const int mix = b->n_heads * b->head_dim;
    int pre = 0, spread = 0;
    while ((127LL * 127 * b->head_dim >> pre) * 65534 > INT32_MAX / 2)
        pre++;
    while ((window * 32768LL * 127) >> spread > INT32_MAX)
        spread++;
    const int weights = add_buffer(w, "weights", ELEM_I32, window, false);
    const int sums = add_buffer(w, "mix", ELEM_I32, mix, false);
    const int sum_scales = add_buffer(w, "mix_scale", ELEM_I32, b->n_heads, false);
    const int kv_of = lower_kv_of(w, b);
    Op *op = add_op(w, OP_ATTEND);
    op->in[0] = q[0];
    op->in[1] = q[1];
    for (int i = 0; i < 6; i++)
        op->in[2 + i] = cache[i];
    op->out[0] = x;
    op->out[1] = weights;
    op->out[2] = sums;
    op->out[3] = sum_scales;
    op->data[0] = kv_of;
    op->imm[ATTEND_HEADS] = b->n_heads;
    op->imm[ATTEND_KV_HEADS] = b->n_kv_heads;
    op->imm[ATTEND_DIM] = b->head_dim;
    op->imm[ATTEND_SINKS] = w->program->sinks;
    op->imm[ATTEND_UNIT] = to_scale(1.4426950408889634 / sqrt(b->head_dim));
    op->imm[ATTEND_PRE] = pre;
    op->imm[ATTEND_SPREAD] = spread;
    op->imm[ATTEND_SCALE] = given_scale(w, b, ROLE_O);
    if (given_scale(w, b, ROLE_O))
        op->imm[ATTEND_INVERSE] = to_scale(1 / scale_value(given_scale(w, b, ROLE_O)));
    op->scalar_out = *scale = w->program->n_scalars++;
}

/* The residual stream as a half of a block reads it, int8. */
static Reading lower_reading(Lowering *w, const Norm *norm, const char *what, const Linear *reader)
{
    Reading r;
    r.x = add_buffer(w, arena_printf(w->arena, "%s.x", what), ELEM_I8, w->model->dim, false);
    lower_stream_norm(w, norm, arena_printf(w->arena, "l%d_%s_norm", w->layer, what), reader, r.x,
                      &r.scale);
    lower_sign(w, r.x, &r.scale);
    return r;
}

static void lower_attention(Lowering *w, const Block *b, Reading in)
{
    const int window = model_window(w->model, w->layer, w->program->window);
    const int kv_dim = b->n_kv_heads * b->head_dim, x = in.x;
    const bool lasts = !w->program->encoder; /* an encoder's layers share the place */
    int scale = in.scale;
    const int cache[6] = {
        add_buffer(w, "keys", ELEM_I8, (int64_t)window * kv_dim, lasts),
        add_buffer(w, "key_scales", ELEM_U16, (int64_t)window * b->n_kv_heads, lasts),
        add_buffer(w, "key_exponents", ELEM_I32, b->n_kv_heads, lasts),
        add_buffer(w, "values", ELEM_I8, (int64_t)window * kv_dim, lasts),
        add_buffer(w, "value_scales", ELEM_U16, (int64_t)window * b->n_kv_heads, lasts),
        add_buffer(w, "value_exponents", ELEM_I32, b->n_kv_heads, lasts),
    };
    const int q[2] = {
        add_row(w, "q", ELEM_I8, w->turns * b->n_heads * b->head_dim),
        add_row(w, "q_scales", ELEM_I32, b->n_heads),
    };
    Result yq = lower_role(w, b, ROLE_Q, x, scale, &b->attn_norm);
    lower_head_norm(w, &b->q_norm, b->n_heads, "q", &yq);
    Op *op = add_op(w, OP_ROTATE);
    op->in[0] = yq.buffer;
    op->in[1] = w->angles;
    op->out[0] = q[0];
    op->out[1] = q[1];
    op->out[2] = w->turned;
    op->imm[ROTATE_HEADS] = b->n_heads;
    op->imm[ROTATE_DIM] = b->head_dim;
    op->imm[ROTATE_TURNS] = w->turns;
    op->imm[ROTATE_EXP] = yq.exp;
    op->scalar_in[0] = yq.scale;
    Result yk = lower_role(w, b, ROLE_K, x, scale, &b->attn_norm);
    lower_head_norm(w, &b->k_norm, b->n_kv_heads, "k", &yk);
    lower_store(w, OP_STORE_K, b, yk, cache);
    lower_store(w, OP_STORE_V, b, lower_role(w, b, ROLE_V, x, scale, &b->attn_norm), cache + 3);
    w->phase = w->program->encoder ? 1 : 0;
    const int mixed = add_buffer(w, "attn.mixed", ELEM_I8, b->n_heads * b->head_dim, false);
    lower_attend(w, b, q, cache, mixed, &scale);
    lower_sub_norm(w, &b->o_norm, "o", &b->linear[ROLE_O], mixed, &scale);
    lower_sign(w, mixed, &scale);
    lower_add(w, lower_role(w, b, ROLE_O, mixed, scale, NULL));
}

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

static void lower_mlp(Lowering *w, const Block *b, Reading in)
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

static void lower_block(Lowering *w, const Block *b)
{
    Reading mlp = {-1, -1};
    const Linear *q = &b->linear[ROLE_Q], *up = &b->linear[ROLE_UP];
    const Reading attention = lower_reading(w, &b->attn_norm, "attn", q);
    if (w->model->parallel) /* before attention adds to the stream */
        mlp = lower_reading(w, &b->mlp_norm, "mlp", up);
    lower_attention(w, b, attention);
    if (!w->model->parallel)
        mlp = lower_reading(w, &b->mlp_norm, "mlp", up);
    lower_mlp(w, b, mlp);
}

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

static void lower_input(Lowering *w)
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

/* The n largest logits: the vector of all of them never is. */
static void lower_top(Lowering *w, const Linear *head, int x, int scale, int n)
{
    const int64_t rows = padded(head->rows);
    const int64_t chunk = rows < TOP_CHUNK_ROWS ? rows : TOP_CHUNK_ROWS;
    const int top = add_buffer(w, "top", ELEM_I32, 2 * n, false);
    const int y = add_buffer(w, "top.chunk", ELEM_I32, chunk, false);
    const int exp = lower_matvec(w, OP_TOP, head, x, &scale, top);
    Op *op = &w->program->ops[w->program->n_ops - 1];
    op->out[1] = y;
    op->imm[TOP_N] = n;
    op->imm[TOP_EXP] = exp;
    op->imm[TOP_CHUNK] = chunk;
    op->scalar_in[1] = scale;
}

static void lower_output(Lowering *w, int top)
{
    int scale;
    const int x = add_buffer(w, "final.x", ELEM_I8, w->model->dim, false);
    const Linear *head = w->model->tied_head ? &w->model->embed : &w->model->head;
    lower_stream_norm(w, &w->model->final_norm, "final_norm", head, x, &scale);
    w->linear = model_head_index(w->model);
    if (top > 0 && head->bias)
        fatal("%s: head.top: %d: this model's head has a bias, so all logits are needed: leave it "
              "out",
              w->model->path, top);
    if (top > 0) {
        lower_top(w, head, x, scale, top < head->rows ? top : head->rows);
        return;
    }
    const int logits = add_buffer(w, "logits", ELEM_I32, padded(w->model->vocab), false);
    Result y = {.buffer = logits, .scale = scale};
    y.exp = lower_matvec(w, OP_MATVEC, head, x, &y.scale, logits);
    if (head->bias)
        lower_bias(w, head, "head_bias", result_fraction(head, &w->model->final_norm, false), &y);
    Op *op = add_op(w, OP_LOGITS);
    op->out[0] = logits;
    op->imm[LOGITS_N] = w->model->vocab;
    op->imm[LOGITS_EXP] = y.exp;
    op->scalar_in[0] = y.scale;
}

/* Encoders' heads -------------------------------------------------------------------------- */

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

/* After the layer being lowered: the norm that follows it, for all tokens, then the exit's head,
 * for as many as it is asked about. */
static void lower_exit(Lowering *w, int exit)
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

/* The final norm in a phase of its own: the head may be asked about any token, and again. */
static void lower_encoder_output(Lowering *w)
{
    lower_replacing_norm(w, &w->model->final_norm, "final_norm");
    w->phase = 1;
    if (w->model->head_kind == HEAD_EMBED)
        lower_pool(w);
    else
        lower_class_head(w);
}

void pass_lower(Unit *u)
{
    const Model *m = u->model;
    Program *p = u->program = NEW(u->arena, Program, 1);
    p->window = u->recipe->window ? u->recipe->window : m->context;
    p->sinks = u->recipe->sinks;
    p->encoder = m->encoder;
    p->residual_fraction = residual_fraction(m->residual_absmax);
    if (p->sinks >= p->window)
        fatal("%s: sinks: %d first tokens kept in a window of %d: must be fewer", m->path, p->sinks,
              p->window);
    if (p->window > 65536)
        fatal("%s: window: %d tokens: at most 65536", m->path, p->window);
    if (p->sinks > 0 && m->position != POSITION_ROPE)
        fatal("%s: sinks: %d: only rotary positions can be moved: this model's are %s", m->path,
              p->sinks, position_names[m->position]);
    for (int l = 0; l < m->n_layers; l++)
        if (p->sinks > 0 && model_window(m, l, p->window) < p->window)
            fatal("%s: sinks: %d: layer %d sees %d tokens only: give a window of at most so many",
                  m->path, p->sinks, l, m->blocks[l].window);
    if (m->sub_norm && m->activation_bits == 1)
        fatal("%s: activations: 1 bit: not for a model that norms what attn.o and mlp.down read",
              m->path);
    Lowering w = {.angles = -1,
                  .turned = -1,
                  .arena = u->arena,
                  .model = m,
                  .program = p,
                  .layer = -1,
                  .logits = -1,
                  .turns = p->sinks > 0 ? 2 : 1};
    lower_input(&w);
    for (w.layer = 0; w.layer < m->n_layers; w.layer++) {
        const Exit *exit = model_exit(m, w.layer);
        lower_block(&w, &m->blocks[w.layer]);
        if (exit)
            lower_exit(&w, (int)(exit - m->exits));
    }
    if (m->encoder)
        lower_encoder_output(&w);
    else
        lower_output(&w, u->recipe->top);
    p->n_step = p->n_ops;
}
