/* The attention half of a block: q, keys and values, the cache, and what is mixed of it. */
#include "lower.h"

#include <math.h>

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

void lower_attention(Lowering *w, const Block *b, Reading in)
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
