/* Invariants of the Program's ops: operands that are there, of the right type and large enough,
 * written before they are read; numbers equal to the model's. Matrices are in verify_matrices.c. */
#include "verify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *op_name(const Site *s)
{
    return op_info[s->op->kind].name;
}

/* References ------------------------------------------------------------------------------- */

static void check_refs(const Site *s, const char *const *keys, int max, const int *refs, int n)
{
    int used = 0;
    while (keys[used]) {
        used++;
    }
    for (int i = 0; i < max; i++) {
        const int least = i < used && keys[i][0] == '?' ? -1 : 0;
        if (i >= used ? refs[i] != -1 : refs[i] < least || refs[i] >= n) {
            broken(s->v, "op %d (%s): operand %s refers to %d of %d", s->index, op_name(s),
                   i < used ? keys[i] : "past the last", refs[i], n);
        }
    }
}

static bool reads_linear(OpKind k)
{
    return op_reads_row(k) || op_is_matvec(k);
}

static void check_linear_ref(const Site *s)
{
    const Op *op = s->op;
    if (reads_linear(op->kind) ? op->linear < 0 || !model_linears(s->v->model, op->linear)
                               : op->linear != -1) {
        broken(s->v, "op %d (%s): linear %d", s->index, op_name(s), op->linear);
    }
}

/* No two operands of an op are one buffer: what it writes must not be what it reads. */
static void check_distinct(const Site *s)
{
    int all[2 * MAX_OPERANDS], n = 0;
    for (int i = 0; i < MAX_OPERANDS; i++) {
        all[n++] = s->op->in[i];
        all[n++] = s->op->out[i];
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) {
            if (all[i] >= 0 && all[i] == all[k]) {
                broken(s->v, "op %d (%s): buffer %%%d is two of its operands", s->index, op_name(s),
                       all[i]);
            }
        }
    }
}

static void check_scalars(const Site *s)
{
    const Op *op = s->op;
    const OpInfo *info = &op_info[op->kind];
    const int n = s->v->program->n_scalars;
    if (!op_is_matvec(op->kind)) {
        check_refs(s, info->scalar_in, 2, op->scalar_in, n);
    }
    for (int i = 0; i < 2; i++) { /* which ones a matvec has is its kernel's matter */
        if (op->scalar_in[i] < -1 || op->scalar_in[i] >= n) {
            broken(s->v, "op %d (%s): reads scalar %d of %d", s->index, op_name(s),
                   op->scalar_in[i], n);
        }
    }
    if (info->scalar_out ? op->scalar_out < 0 || op->scalar_out >= n : op->scalar_out != -1) {
        broken(s->v, "op %d (%s): gives scalar %d of %d", s->index, op_name(s), op->scalar_out, n);
    }
}

static void check_operands(const Site *s)
{
    const Op *op = s->op;
    const OpInfo *info = &op_info[op->kind];
    const Program *p = s->v->program;
    const int layers = s->v->model->n_layers;
    if (op->layer < -1 || op->layer > layers ||
        (s->index > 0 && s->index != p->n_step && op->layer < p->ops[s->index - 1].layer)) {
        broken(s->v, "op %d (%s): layer %d", s->index, op_name(s), op->layer);
    }
    if (op->token < 0 || op->token > (s->index < p->n_step ? 0 : 1)) {
        broken(s->v, "op %d (%s): token %d", s->index, op_name(s), op->token);
    }
    check_linear_ref(s);
    check_refs(s, info->in, MAX_OPERANDS, op->in, p->n_buffers);
    check_refs(s, info->out, MAX_OPERANDS, op->out, p->n_buffers);
    if (!reads_linear(op->kind) || holds(s->v, FACT_PACKED)) {
        check_refs(s, info->data, MAX_OPERANDS, op->data, p->n_data);
    }
    check_distinct(s);
    check_scalars(s);
}

/* Sizes ------------------------------------------------------------------------------------ */

void need_buffer(const Site *s, int buffer, ElemType elem, int64_t count)
{
    const Buffer *b = &s->v->program->buffers[buffer];
    if (b->elem != elem || (b->row > 0 ? b->row : b->count) < count) {
        broken(s->v, "op %d (%s): buffer %s is %d %s, not %lld %s", s->index, op_name(s), b->name,
               b->count, elem_names[b->elem], (long long)count, elem_names[elem]);
    }
}

const Data *need_data(const Site *s, int data, ElemType elem, int64_t count)
{
    const Data *d = &s->v->program->data[data];
    if (d->elem != elem || d->count != count) {
        broken(s->v, "op %d (%s): constant %s is %lld %s, not %lld %s", s->index, op_name(s),
               d->name, (long long)d->count, elem_names[d->elem], (long long)count,
               elem_names[elem]);
    }
    return d;
}

void need_imm(const Site *s, int i, int64_t min, int64_t max)
{
    if (s->op->imm[i] < min || s->op->imm[i] > max) {
        broken(s->v, "op %d (%s): %s is %lld, not %lld to %lld", s->index, op_name(s),
               op_info[s->op->kind].imm[i], (long long)s->op->imm[i], (long long)min,
               (long long)max);
    }
}

void need_equal(const Site *s, int i, int64_t value)
{
    need_imm(s, i, value, value);
}

void need_exp(const Site *s, int i)
{
    need_imm(s, i, -MAX_EXP, MAX_EXP);
}

void need_mantissa(const Site *s, int i)
{
    if ((s->op->imm[i] & 0xffff) < 0x8000) {
        broken(s->v, "op %d (%s): %s has no mantissa", s->index, op_name(s),
               op_info[s->op->kind].imm[i]);
    }
}

/* The block that an op between the first layer's start and the last one's end belongs to. */
static const Block *need_block(const Site *s)
{
    if (s->op->layer < 0 || s->op->layer >= s->v->model->n_layers) {
        broken(s->v, "op %d (%s): in no layer", s->index, op_name(s));
    }
    return &s->v->model->blocks[s->op->layer];
}

/* Tokens in the KV cache of the op's layer. */
static int64_t ring_of(const Site *s)
{
    return model_window(s->v->model, s->op->layer, s->v->program->window);
}

/* Ops -------------------------------------------------------------------------------------- */

static int turns_of(const Site *s)
{
    return s->v->program->sinks > 0 ? 2 : 1; /* angles for the sinks' positions too */
}

/* No element of a row with a gain is cut before it has had it, which the next op of the token sees
 * to. */
static void check_raised(const Site *s, const Linear *l)
{
    const Program *p = s->v->program;
    int64_t most = 0;
    int next = s->index + 1;
    for (int r = 0; r < l->rows; r++) {
        for (int c = 0; c < l->cols; c++) {
            const uint8_t code = l->code[(size_t)r * (size_t)l->cols + (size_t)c];
            const int64_t v = llabs((long long)linear_code_value(l, code)) * l->scale[r];
            most = v > most ? v : most;
        }
    }
    while (next < p->n_ops &&
           (p->ops[next].token != s->op->token || p->ops[next].out[0] != s->op->out[0])) {
        next++;
    }
    if (most << s->op->imm[EMBED_SHIFT] > INT32_MAX || next == p->n_ops ||
        p->ops[next].kind != OP_ROW_GAIN) {
        broken(s->v, "op %d (embed): its row has not room for its gain, or does not get it",
               s->index);
    }
}

/* unit * 2^shift of the embedding is its gain, to the 16 bits of a scale. */
static void check_row_gain(const Site *s)
{
    const Program *p = s->v->program;
    const Linear *l = &s->v->model->embed;
    const int row = writer_of(p, s->index, s->op->out[0]);
    need_equal(s, ROW_GAIN_DIM, s->v->model->dim);
    need_imm(s, ROW_GAIN_UNIT, -MAX_EXP * 65536LL, MAX_EXP * 65536LL);
    need_mantissa(s, ROW_GAIN_UNIT);
    need_buffer(s, s->op->out[0], ELEM_I32, s->v->model->dim);
    if (row < 0 || p->ops[row].kind != OP_EMBED) {
        broken(s->v, "op %d (row-gain): of what is no embedding's row", s->index);
    }
    const int64_t unit = s->op->imm[ROW_GAIN_UNIT];
    const int exp = (int)((unit - (unit & 0xffff)) / 65536 + p->ops[row].imm[EMBED_SHIFT]) -
                    l->scale_exp - p->residual_fraction;
    if (!(fabs(ldexp((double)(unit & 0xffff), exp) / (double)l->gain - 1) < 1.0 / 32768)) {
        broken(s->v, "op %d (row-gain): not that of %s", s->index, l->name);
    }
}

static void check_row(const Site *s)
{
    const Linear *l = model_linears(s->v->model, s->op->linear);
    const Model *m = s->v->model;
    if (l != (s->op->kind == OP_EMBED ? &m->embed : &m->positions)) {
        broken(s->v, "op %d (%s): reads %s", s->index, op_name(s), l->name);
    }
    need_equal(s, EMBED_DIM, s->v->model->dim);
    need_equal(s, EMBED_PLANES, l->format == FORMAT_PLANES ? l->planes : 0);
    if (l->gain > 0) { /* raised as far as it fits, for the gain that follows */
        need_imm(s, EMBED_SHIFT, 0, 30);
        check_raised(s, l);
    } else {
        need_equal(s, EMBED_SHIFT, l->scale_exp + s->v->program->residual_fraction);
    }
    need_buffer(s, s->op->out[0], ELEM_I32, s->v->model->dim);
    if (s->op->kind == OP_POSITION) {
        need_equal(s, POSITION_LAST, l->rows - 1);
        need_buffer(s, s->op->out[1], ELEM_I32, s->v->model->dim);
    }
}

static void check_angles(const Site *s)
{
    const int pairs = s->v->model->blocks[0].head_dim / 2;
    need_equal(s, ANGLES_PAIRS, pairs);
    need_equal(s, ANGLES_TURNS, turns_of(s));
    need_buffer(s, s->op->out[0], ELEM_I32, (int64_t)turns_of(s) * pairs * 2);
    need_data(s, s->op->data[0], ELEM_U32, pairs);
}

static void check_norm(const Site *s)
{
    const int dim = s->v->model->dim;
    need_equal(s, NORM_DIM, dim);
    need_imm(s, NORM_EPS_M, 0, 65535);
    need_exp(s, NORM_EPS_E);
    need_imm(s, NORM_ROOT_M, 32768, 65535);
    need_exp(s, NORM_EXP);
    need_buffer(s, s->op->in[0], ELEM_I32, dim);
    need_buffer(s, s->op->out[0], ELEM_I8, dim);
    need_data(s, s->op->data[0], ELEM_I16, dim);
}

void check_layer_norm_constants(const Site *s, int dim)
{
    const double inverse =
        ldexp((double)s->op->imm[LAYER_NORM_MEAN_M], (int)s->op->imm[LAYER_NORM_MEAN_E]);
    need_equal(s, LAYER_NORM_DIM, dim);
    need_imm(s, LAYER_NORM_MEAN_M, 32768, 65535);
    need_exp(s, LAYER_NORM_MEAN_E);
    need_imm(s, LAYER_NORM_EPS_M, 0, 65535);
    need_exp(s, LAYER_NORM_EPS_E);
    need_imm(s, LAYER_NORM_ROOT_M, 32768, 65535);
    need_exp(s, LAYER_NORM_EXP);
    need_exp(s, LAYER_NORM_FRACTION);
    need_data(s, s->op->data[0], ELEM_I16, dim);
    need_data(s, s->op->data[1], ELEM_I32, dim);
    if (!(fabs(inverse * dim - 1) < 1.0 / 32768)) {
        broken(s->v, "op %d (%s): mean_m and mean_e are not 1 / %d", s->index, op_name(s), dim);
    }
}

static void check_layer_norm(const Site *s)
{
    const int dim = s->v->model->dim;
    check_layer_norm_constants(s, dim);
    need_buffer(s, s->op->in[0], ELEM_I32, dim);
    need_buffer(s, s->op->out[0], ELEM_I8, dim);
    need_buffer(s, s->op->out[1], ELEM_I32, dim);
}

/* All of the vector: its scale becomes that of the signs. */
static void check_sign(const Site *s)
{
    need_equal(s, SIGN_N, s->v->program->buffers[s->op->out[0]].count);
    need_imm(s, SIGN_INVERSE, -MAX_EXP * 65536LL, MAX_EXP * 65536LL);
    need_mantissa(s, SIGN_INVERSE);
    need_buffer(s, s->op->out[0], ELEM_I8, 1);
}

/* That of the next matrix, which reads a vector of that scale. */
static void check_gain(const Site *s)
{
    const Program *p = s->v->program;
    int next = s->index + 1;
    while (next < p->n_ops && !op_is_matvec(p->ops[next].kind)) {
        next++;
    }
    need_imm(s, GAIN_MANTISSA, 0x80000000LL, 0xffffffffLL);
    need_exp(s, GAIN_EXP);
    const Linear *l =
        next < p->n_ops ? model_linears(s->v->model, p->ops[next].linear) : &s->v->model->embed;
    if (ldexp((double)s->op->imm[GAIN_MANTISSA], (int)s->op->imm[GAIN_EXP]) != (double)l->gain) {
        broken(s->v, "op %d (gain): not that of %s", s->index, l->name);
    }
}

/* The matrix whose result an op updates in place: that of the last matvec before it. */
static const Linear *need_result(const Site *s)
{
    const Program *p = s->v->program;
    for (int i = s->index - 1; i >= 0; i--) {
        const Op *op = &p->ops[i];
        for (int k = 0; k < 2; k++) {
            if (op_is_matvec(op->kind) && op->out[k] == s->op->out[0]) {
                return model_linears(s->v->model, op->linear);
            }
        }
    }
    broken(s->v, "op %d (%s): changes what is no matrix's result", s->index, op_name(s));
}

static void check_bias(const Site *s)
{
    const Linear *l = need_result(s);
    const int fraction = (int)s->op->imm[BIAS_FRACTION];
    need_equal(s, BIAS_N, l->rows);
    need_exp(s, BIAS_EXP);
    need_imm(s, BIAS_FRACTION, -MAX_EXP, MAX_EXP);
    need_buffer(s, s->op->out[0], ELEM_I32, l->rows);
    const int32_t *bias = need_data(s, s->op->data[0], ELEM_I32, l->rows)->bytes;
    const float *own = model_bias(s->v->model, l);
    for (int r = 0; r < l->rows; r++) {
        const double v = own ? ldexp((double)own[r], fraction) : NAN;
        if (!(fabs(fmin(fmax(v, -INT32_MAX), INT32_MAX) - bias[r]) <= 1)) {
            broken(s->v, "op %d (bias): row %d of %s has another bias in the model", s->index, r,
                   l->name);
        }
    }
}

static void check_head_norm(const Site *s)
{
    const Block *b = need_block(s);
    const bool q = need_result(s) == &b->linear[ROLE_Q];
    const int heads = q ? b->n_heads : b->n_kv_heads;
    need_equal(s, HEAD_NORM_HEADS, heads);
    need_equal(s, HEAD_NORM_DIM, b->head_dim);
    need_exp(s, HEAD_NORM_UNIT_EXP);
    need_imm(s, HEAD_NORM_EPS_M, 0, 65535);
    need_exp(s, HEAD_NORM_EPS_E);
    need_imm(s, HEAD_NORM_ROOT_M, 32768, 65535);
    need_exp(s, HEAD_NORM_EXP);
    need_imm(s, HEAD_NORM_FRACTION, -MAX_EXP, MAX_EXP);
    need_buffer(s, s->op->out[0], ELEM_I32, (int64_t)heads * b->head_dim);
    need_data(s, s->op->data[0], ELEM_I16, b->head_dim);
}

/* Of all of its vector. */
static void check_sub_norm(const Site *s)
{
    const int n = s->v->program->buffers[s->op->out[0]].count;
    need_block(s);
    need_equal(s, SUB_NORM_N, n);
    need_imm(s, SUB_NORM_EPS_M, 0, 65535);
    need_exp(s, SUB_NORM_EPS_E);
    need_imm(s, SUB_NORM_ROOT_M, 32768, 65535);
    need_exp(s, SUB_NORM_EXP);
    need_buffer(s, s->op->out[0], ELEM_I8, 1);
    need_data(s, s->op->data[0], ELEM_I16, n);
    if (!s->v->model->sub_norm || n > 16384) {
        broken(s->v, "op %d (sub-norm): of %d elements, in a model %s them", s->index, n,
               s->v->model->sub_norm ? "with" : "without");
    }
}

/* Angles, and room for what they turn, where positions are rotary. */
static void check_turns(const Site *s, int angles, int turned, int turns, int dim)
{
    const bool rope = s->v->model->position == POSITION_ROPE;
    if ((angles >= 0) != rope || (turned >= 0) != rope) {
        broken(s->v, "op %d (%s): angles are %s, positions %s", s->index, op_name(s),
               angles >= 0 ? "there" : "missing", position_names[s->v->model->position]);
    }
    if (rope) {
        need_buffer(s, angles, ELEM_I32, (int64_t)turns * dim);
        need_buffer(s, turned, ELEM_I32, (int64_t)turns * dim);
    }
}

static void check_rotate(const Site *s)
{
    const Block *b = need_block(s);
    const int64_t n = (int64_t)b->n_heads * b->head_dim;
    const int turns = turns_of(s);
    need_equal(s, ROTATE_HEADS, b->n_heads);
    need_equal(s, ROTATE_DIM, b->head_dim);
    need_equal(s, ROTATE_TURNS, turns);
    need_exp(s, ROTATE_EXP);
    need_buffer(s, s->op->in[0], ELEM_I32, n);
    need_buffer(s, s->op->out[0], ELEM_I8, turns * n);
    need_buffer(s, s->op->out[1], ELEM_I32, b->n_heads);
    check_turns(s, s->op->in[1], s->op->out[2], turns, b->head_dim);
}

static void check_store(const Site *s)
{
    const Block *b = need_block(s);
    const int64_t n = (int64_t)b->n_kv_heads * b->head_dim, window = ring_of(s);
    need_equal(s, STORE_HEADS, b->n_kv_heads);
    need_equal(s, STORE_DIM, b->head_dim);
    need_exp(s, STORE_EXP);
    need_buffer(s, s->op->in[0], ELEM_I32, n);
    need_buffer(s, s->op->out[0], ELEM_I8, window * n);
    need_buffer(s, s->op->out[1], ELEM_U16, window * b->n_kv_heads);
    need_buffer(s, s->op->out[2], ELEM_I32, b->n_kv_heads);
    if (s->op->kind == OP_STORE_K) {
        check_turns(s, s->op->in[1], s->op->out[3], 1, b->head_dim);
    }
    for (int i = 0; i < 3; i++) {
        if (s->v->program->buffers[s->op->out[i]].lasting == s->v->program->encoder) {
            broken(s->v, "op %d (%s): the cache %s must last in a decoder, and only there",
                   s->index, op_name(s), s->v->program->buffers[s->op->out[i]].name);
        }
    }
}

/* What the sums of a window, and a dot product times a cached scale, need to fit in 32 bits. */
static void check_attend_shifts(const Site *s, const Block *b)
{
    need_imm(s, ATTEND_PRE, 0, 31);
    need_imm(s, ATTEND_SPREAD, 0, 31);
    if ((127LL * 127 * b->head_dim >> s->op->imm[ATTEND_PRE]) * 65534 > INT32_MAX / 2) {
        broken(s->v, "op %d (attend): pre is too small", s->index);
    }
    if (ring_of(s) * 32768LL * 127 >> s->op->imm[ATTEND_SPREAD] > INT32_MAX) {
        broken(s->v, "op %d (attend): spread is too small", s->index);
    }
    need_mantissa(s, ATTEND_UNIT);
}

/* Heads whose scores the target's core has in memory. */
static int scores_at_once(const Site *s, const uint8_t *kv_of)
{
    const Target *t = s->v->unit->target;
    return t && holds(s->v, FACT_CHOSEN) ? heads_at_once(t, s->op, kv_of) : 1;
}

static void check_attend(const Site *s)
{
    const Block *b = need_block(s);
    const int64_t window = ring_of(s), kv = window * b->n_kv_heads;
    const int mix = b->n_heads * b->head_dim;
    need_equal(s, ATTEND_HEADS, b->n_heads);
    need_equal(s, ATTEND_KV_HEADS, b->n_kv_heads);
    need_equal(s, ATTEND_DIM, b->head_dim);
    need_equal(s, ATTEND_SINKS, s->v->program->sinks);
    need_imm(s, ATTEND_UNIT, -MAX_EXP * 65536LL, MAX_EXP * 65536LL);
    check_attend_shifts(s, b);
    need_buffer(s, s->op->in[0], ELEM_I8, (int64_t)turns_of(s) * mix);
    need_buffer(s, s->op->in[1], ELEM_I32, b->n_heads);
    for (int i = 2; i < 8; i += 3) {
        need_buffer(s, s->op->in[i], ELEM_I8, kv * b->head_dim);
        need_buffer(s, s->op->in[i + 1], ELEM_U16, kv);
        need_buffer(s, s->op->in[i + 2], ELEM_I32, b->n_kv_heads);
    }
    need_buffer(s, s->op->out[0], ELEM_I8, mix);
    need_buffer(s, s->op->out[2], ELEM_I32, mix);
    need_buffer(s, s->op->out[3], ELEM_I32, b->n_heads);
    const uint8_t *kv_of = need_data(s, s->op->data[0], ELEM_U8, b->n_heads)->bytes;
    need_buffer(s, s->op->out[1], ELEM_I32, window * scores_at_once(s, kv_of));
    for (int h = 0; h < b->n_heads; h++) {
        if (kv_of[h] != b->kv_of_head[h]) {
            broken(s->v, "op %d (attend): head %d reads kv head %d, in the model %d", s->index, h,
                   kv_of[h], b->kv_of_head[h]);
        }
    }
}

static void check_add(const Site *s)
{
    need_equal(s, ADD_DIM, s->v->model->dim);
    need_exp(s, ADD_EXP);
    need_buffer(s, s->op->in[0], ELEM_I32, s->v->model->dim);
    need_buffer(s, s->op->out[0], ELEM_I32, s->v->model->dim);
}

static void check_glu(const Site *s)
{
    const int n = need_block(s)->n_neurons;
    need_equal(s, GLU_N, n);
    need_exp(s, GLU_EXP_GATE);
    need_exp(s, GLU_EXP_UP);
    need_buffer(s, s->op->in[0], ELEM_I32, n);
    need_buffer(s, s->op->in[1], ELEM_I32, n);
    need_buffer(s, s->op->out[0], ELEM_I8, n);
}

static void check_activate(const Site *s)
{
    const int n = need_block(s)->n_neurons;
    need_equal(s, ACTIVATE_N, n);
    need_exp(s, ACTIVATE_EXP);
    need_buffer(s, s->op->in[0], ELEM_I32, n);
    need_buffer(s, s->op->out[0], ELEM_I8, n);
    if (!s->v->model->ungated) {
        broken(s->v, "op %d (activate): the MLP has a gate", s->index);
    }
}

static void check_logits(const Site *s)
{
    const int n = model_outputs(s->v->model);
    need_equal(s, LOGITS_N, n);
    need_exp(s, LOGITS_EXP);
    need_buffer(s, s->op->out[0], ELEM_I32, n);
    if (strcmp(s->v->program->buffers[s->op->out[0]].name, "logits") != 0) {
        broken(s->v, "op %d (logits): writes %s", s->index,
               s->v->program->buffers[s->op->out[0]].name);
    }
}

/* What it reads as a matvec is checked in verify_matrices.c. */
static void check_top(const Site *s)
{
    const int vocab = s->v->model->vocab;
    need_equal(s, MATVEC_ROWS, vocab);
    need_imm(s, TOP_N, 1, vocab < MAX_TOP ? vocab : MAX_TOP);
    need_exp(s, TOP_EXP);
    need_imm(s, TOP_CHUNK, 8, TOP_CHUNK_ROWS);
    if (s->op->imm[TOP_CHUNK] % 8) { /* whole blocks of any format */
        broken(s->v, "op %d (top): chunks of %lld rows", s->index,
               (long long)s->op->imm[TOP_CHUNK]);
    }
    check_refs(s, (const char *const[]){"scale", NULL}, 1, &s->op->scalar_in[1],
               s->v->program->n_scalars);
    need_buffer(s, s->op->out[0], ELEM_I32, 2 * s->op->imm[TOP_N]);
    need_buffer(s, s->op->out[1], ELEM_I32, s->op->imm[TOP_CHUNK]);
}

static void check_sizes(const Site *s)
{
    switch (s->op->kind) {
    case OP_EMBED:
    case OP_POSITION: check_row(s); break;
    case OP_ANGLES: check_angles(s); break;
    case OP_NORM: check_norm(s); break;
    case OP_LAYER_NORM: check_layer_norm(s); break;
    case OP_SIGN: check_sign(s); break;
    case OP_GAIN: check_gain(s); break;
    case OP_ROW_GAIN: check_row_gain(s); break;
    case OP_TABLE:
    case OP_TABLE_PAIR:
    case OP_MATVEC:
    case OP_MATVEC_PAIR:
    case OP_TABLE_PART:
    case OP_MATVEC_PART: break; /* verify_matrices */
    case OP_BIAS: check_bias(s); break;
    case OP_HEAD_NORM: check_head_norm(s); break;
    case OP_SUB_NORM: check_sub_norm(s); break;
    case OP_ROTATE: check_rotate(s); break;
    case OP_STORE_K:
    case OP_STORE_V: check_store(s); break;
    case OP_ATTEND: check_attend(s); break;
    case OP_ADD: check_add(s); break;
    case OP_GLU: check_glu(s); break;
    case OP_ACTIVATE: check_activate(s); break;
    case OP_LOGITS: check_logits(s); break;
    case OP_TOP: check_top(s); break;
    case OP_NORM_FIXED:
    case OP_QUANTIZE:
    case OP_DENSE:
    case OP_POOL:
    case OP_PATCH:
    case OP_SECOND:
    case OP_UNIT: check_encoder_op(s); break;
    case OPS: die("op %d", s->index);
    }
}

/* Order ------------------------------------------------------------------------------------ */

static bool updates(const Op *op) /* reads what it writes */
{
    return op->kind == OP_ADD || op->kind == OP_LOGITS || op->kind == OP_SIGN ||
           op->kind == OP_BIAS || op->kind == OP_HEAD_NORM || op->kind == OP_POSITION ||
           op->kind == OP_SUB_NORM || op->kind == OP_NORM_FIXED || op->kind == OP_DENSE ||
           op->kind == OP_UNIT || op->kind == OP_SECOND || op->kind == OP_ROW_GAIN ||
           (op->kind == OP_MATVEC_PART && op->imm[PART_FIRST] > 0);
}

static void need_written(const Site *s, const bool *written, int buffer)
{
    if (buffer >= 0 && !written[buffer] && !s->v->program->buffers[buffer].lasting) {
        broken(s->v, "op %d (%s): reads buffer %s, which nothing has written", s->index, op_name(s),
               s->v->program->buffers[buffer].name);
    }
}

/* A scalar is a local variable of its layer's function: defined once, there, before its uses. */
static void check_scalar_order(const Site *s, int *defined_in)
{
    const Op *op = s->op;
    for (int i = 0; i < 2; i++) {
        if (op->scalar_in[i] >= 0 && defined_in[op->scalar_in[i]] != op->layer) {
            broken(s->v, "op %d (%s): scalar s%d is not known in layer %d", s->index, op_name(s),
                   op->scalar_in[i], op->layer);
        }
    }
    if (op->scalar_out >= 0) {
        if (defined_in[op->scalar_out] != -2) {
            broken(s->v, "op %d (%s): scalar s%d is given twice", s->index, op_name(s),
                   op->scalar_out);
        }
        defined_in[op->scalar_out] = op->layer;
    }
}

/* A phase of an encoder begins with another token than the last one ended with: but for rows and
 * what is stored by slot, nothing is left of it. */
static void forget_scratch(const Program *p, int i, bool *written)
{
    if (p->ops[i].layer == p->ops[i - 1].layer && p->ops[i].phase == p->ops[i - 1].phase) {
        return;
    }
    for (int b = 0; b < p->n_buffers; b++) {
        const int w = writer_of(p, i, b);
        const bool stored =
            w >= 0 && (p->ops[w].kind == OP_STORE_K || p->ops[w].kind == OP_STORE_V);
        written[b] = written[b] && (p->buffers[b].row > 0 || stored);
    }
}

static void check_order(const Verifier *v)
{
    const Program *p = v->program;
    bool *written = NEW(v->unit->arena, bool, p->n_buffers);
    int *defined_in = NEW(v->unit->arena, int, p->n_scalars);
    for (int i = 0; i < p->n_scalars; i++) {
        defined_in[i] = -2;
    }
    for (int i = 0; i < p->n_ops; i++) {
        const Site s = {v, &p->ops[i], i};
        if (p->encoder && i > 0) {
            forget_scratch(p, i, written);
        }
        for (int k = 0; k < MAX_OPERANDS; k++) {
            need_written(&s, written, s.op->in[k]);
            need_written(&s, written, k == 0 && updates(s.op) ? s.op->out[k] : -1);
        }
        for (int k = 0; k < MAX_OPERANDS; k++) {
            if (s.op->out[k] >= 0) {
                written[s.op->out[k]] = true;
            }
        }
        check_scalar_order(&s, defined_in);
    }
}

/* In a prefill the first token's attention comes before the second one's keys and values, which may
 * take the place of what it reads; and the second one's after they are there. */
static void check_prefill_order(const Verifier *v)
{
    const Program *p = v->program;
    int layer = -1, attended = 0, stored = 0;
    for (int i = p->n_step; i < p->n_ops; i++) {
        const Op *op = &p->ops[i];
        if (op->layer != layer) {
            layer = op->layer;
            attended = stored = 0;
        }
        const bool store = op->kind == OP_STORE_K || op->kind == OP_STORE_V;
        if ((store && op->token != attended) ||
            (op->kind == OP_ATTEND && (op->token != attended || stored != 2))) {
            broken(v, "op %d (%s): out of order in a prefill", i, op_info[op->kind].name);
        }
        stored += store;
        if (op->kind == OP_ATTEND) {
            attended++;
            stored = 0;
        }
    }
}

static bool is_head(OpKind k)
{
    return k == OP_LOGITS || k == OP_TOP || k == OP_UNIT;
}

static void check_program(const Verifier *v, const Program *p)
{
    if (p->window < 1 || p->window > 65536 || p->sinks < 0 || p->sinks >= p->window) {
        broken(v, "program: window %d, %d sinks", p->window, p->sinks);
    }
    for (int l = 0; l < v->model->n_layers; l++) {
        if (p->sinks > 0 && model_window(v->model, l, p->window) < p->window) {
            broken(v, "program: %d sinks, but layer %d sees %d tokens", p->sinks, l,
                   v->model->blocks[l].window);
        }
    }
    if (p->residual_fraction < 0 || p->residual_fraction > 31) {
        broken(v, "program: residual_fraction %d", p->residual_fraction);
    }
    if (p->n_step < 1 || p->n_step > p->n_ops || !is_head(p->ops[p->n_step - 1].kind)) {
        broken(v, "program: %d ops, %d of a step, the last is no head", p->n_ops, p->n_step);
    }
    if (p->n_step < p->n_ops && !holds(v, FACT_BATCHED)) {
        broken(v, "program: has a prefill, but \"batched\" does not hold");
    }
}

void verify_program(const Verifier *v)
{
    const Program *p = v->program;
    check_program(v, p);
    for (int i = 0; i < p->n_ops; i++) {
        const Site s = {v, &p->ops[i], i};
        if ((unsigned)s.op->kind >= OPS) {
            broken(v, "op %d: kind %d", i, (int)s.op->kind);
        }
        check_operands(&s);
        check_sizes(&s);
        check_static_scale(&s);
    }
    check_order(v);
    check_prefill_order(v);
    verify_phases(v);
}
