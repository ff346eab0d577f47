/* batch: how a prompt is read. Where there are kernels for two inputs at once and RAM for their
 * tables, adds the ops of a prefill: the layers for two tokens, each matrix walked once for both.
 * The second token's keys and values are stored after the first one's attention, which may need
 * what they overwrite in a full ring. */
#include "pass.h"

typedef struct Batch {
    Unit *u;
    const Program *from;
    Program *to;
    int *buffer[2]; /* of each token, by buffer of the step; -1: none yet */
    int *scalar[2];
    int *pair_table, *pair_sums; /* likewise, of both */
    int n_deferred, *deferred;
} Batch;

static int *none(Arena *a, int n)
{
    int *v = NEW(a, int, n + 1);
    for (int i = 0; i <= n; i++)
        v[i] = -1;
    return v;
}

/* The buffer that stands for `i` with a token. The second one's residual stream is that of the
 * step: the head can follow. */
static int buffer_of(Batch *b, int token, int i)
{
    const int resid = b->from->ops[0].out[0];
    if (i < 0 || b->from->buffers[i].lasting || (token == 1 && i == resid))
        return i;
    int *mine = &b->buffer[token][i];
    if (*mine < 0) {
        const Buffer *v = &b->from->buffers[i];
        *mine = program_add_buffer(b->u->arena, b->to,
                                   arena_printf(b->u->arena, "%s.%d", v->name, token), v->elem,
                                   v->count, false);
    }
    return *mine;
}

static int scalar_of(Batch *b, int *map, int i)
{
    if (i < 0)
        return i;
    if (map[i] < 0)
        map[i] = b->to->n_scalars++;
    return map[i];
}

static void copy_op(Batch *b, const Op *op, int token)
{
    Op copy = *op;
    copy.token = token;
    for (int k = 0; k < MAX_OPERANDS; k++) {
        copy.in[k] = buffer_of(b, token, op->in[k]);
        copy.out[k] = buffer_of(b, token, op->out[k]);
    }
    for (int k = 0; k < 2; k++)
        copy.scalar_in[k] = scalar_of(b, b->scalar[token], op->scalar_in[k]);
    copy.scalar_out = scalar_of(b, b->scalar[token], op->scalar_out);
    *program_add_op(b->u->arena, b->to, op->kind, op->layer) = copy;
}

static void add_table_pair(Batch *b, const Op *op)
{
    const Buffer *single = &b->from->buffers[op->out[0]];
    const int table =
        program_add_buffer(b->u->arena, b->to, arena_printf(b->u->arena, "%s.pair", single->name),
                           ELEM_U32, single->count, false);
    b->pair_table[op->out[0]] = table;
    Op pair = *op;
    pair.kind = OP_TABLE_PAIR;
    pair.in[0] = buffer_of(b, 0, op->in[0]);
    pair.in[1] = buffer_of(b, 1, op->in[0]);
    pair.out[0] = table;
    pair.scalar_out = scalar_of(b, b->pair_sums, op->scalar_out);
    *program_add_op(b->u->arena, b->to, pair.kind, op->layer) = pair;
}

static void add_matvec_pair(Batch *b, const Op *op)
{
    const bool table = kernels[op->kernel].table != TABLE_NONE;
    Op pair = *op;
    pair.kind = OP_MATVEC_PAIR;
    pair.in[0] = table ? b->pair_table[op->in[0]] : buffer_of(b, 0, op->in[0]);
    pair.in[1] = table ? -1 : buffer_of(b, 1, op->in[0]);
    pair.out[0] = buffer_of(b, 0, op->out[0]);
    pair.out[1] = buffer_of(b, 1, op->out[0]);
    pair.scalar_in[0] = scalar_of(b, b->pair_sums, op->scalar_in[0]);
    *program_add_op(b->u->arena, b->to, pair.kind, op->layer) = pair;
}

static void flush_deferred(Batch *b)
{
    for (int token = 0; token < 2; token++)
        for (int i = 0; i < b->n_deferred; i++)
            copy_op(b, &b->from->ops[b->deferred[i]], token);
    b->n_deferred = 0;
}

/* The run of parts that begins with op i, for one token after the other: their tables share one
 * place. Gives the op after it. */
static int add_parts(Batch *b, int i)
{
    int end = i;
    while (end < b->from->n_step && op_is_part(b->from->ops[end].kind))
        end++;
    for (int token = 0; token < 2; token++)
        for (int k = i; k < end; k++)
            copy_op(b, &b->from->ops[k], token);
    return end;
}

static void add_ops(Batch *b, int i)
{
    const Op *op = &b->from->ops[i];
    const bool pair = op->kernel >= 0 && kernels[op->kernel].pair_function;
    switch (op->kind) {
    case OP_ROTATE:
    case OP_STORE_K:
    case OP_STORE_V: b->deferred[b->n_deferred++] = i; return;
    case OP_ATTEND:
        b->deferred[b->n_deferred++] = i;
        flush_deferred(b);
        return;
    case OP_TABLE:
    case OP_MATVEC:
        if (pair) {
            (op->kind == OP_TABLE ? add_table_pair : add_matvec_pair)(b, op);
            return;
        }
        break;
    case OP_EMBED:
    case OP_ROW_GAIN:
    case OP_POSITION:
    case OP_ANGLES:
    case OP_NORM:
    case OP_LAYER_NORM:
    case OP_SIGN:
    case OP_GAIN:
    case OP_BIAS:
    case OP_HEAD_NORM:
    case OP_SUB_NORM:
    case OP_ADD:
    case OP_GLU:
    case OP_ACTIVATE:
    case OP_LOGITS:
    case OP_TOP: break;
    case OP_TABLE_PAIR:
    case OP_MATVEC_PAIR:
    case OP_TABLE_PART:
    case OP_MATVEC_PART:
    case OP_NORM_FIXED:
    case OP_QUANTIZE:
    case OP_DENSE:
    case OP_POOL:
    case OP_PATCH:
    case OP_UNIT:
    case OP_SECOND:
    case OPS: die("op %d before batch", (int)op->kind);
    }
    copy_op(b, op, 0);
    copy_op(b, op, 1);
}

/* In the layers: a prefill has no head. */
static bool has_pairs(const Program *p, int layers)
{
    for (int i = 0; i < p->n_ops && p->ops[i].layer < layers; i++) {
        const Op *op = &p->ops[i];
        if (op->kernel >= 0 && !op_is_part(op->kind) && kernels[op->kernel].pair_function)
            return true;
    }
    return false;
}

static Program *with_prefill(Unit *u)
{
    const Program *from = u->program;
    Arena *a = u->arena;
    Program *to = NEW(a, Program, 1);
    *to = *from;
    to->n_ops = to->n_buffers = 0;
    to->ops = NULL;
    to->buffers = NULL;
    for (int i = 0; i < from->n_ops; i++)
        *program_add_op(a, to, from->ops[i].kind, from->ops[i].layer) = from->ops[i];
    for (int i = 0; i < from->n_buffers; i++) {
        const Buffer *v = &from->buffers[i];
        program_add_buffer(a, to, v->name, v->elem, v->count, v->lasting);
    }
    Batch b = {.u = u,
               .from = from,
               .to = to,
               .buffer = {none(a, from->n_buffers), none(a, from->n_buffers)},
               .scalar = {none(a, from->n_scalars), none(a, from->n_scalars)},
               .pair_table = none(a, from->n_buffers),
               .pair_sums = none(a, from->n_scalars),
               .deferred = none(a, from->n_ops)};
    for (int i = 0; i < from->n_step && from->ops[i].layer < u->model->n_layers;) {
        if (op_is_part(from->ops[i].kind))
            i = add_parts(&b, i);
        else
            add_ops(&b, i++);
    }
    return to;
}

/* Tries the memory out. */
static bool fits(const Unit *u, const Program *p)
{
    Program trial = *p;
    trial.buffers = arena_copy(u->arena, p->buffers, (size_t)p->n_buffers, sizeof *p->buffers);
    find_live(&trial);
    plan_state(u->arena, &trial, state_align(u->target));
    return trial.state_bytes <= state_limit(u);
}

void pass_batch(Unit *u)
{
    if (u->program->encoder || u->recipe->batch == 1 || !has_pairs(u->program, u->model->n_layers))
        return;
    Program *p = with_prefill(u);
    if (u->recipe->batch == 2 || fits(u, p))
        u->program = p;
}
