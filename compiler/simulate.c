/* Executes a planned Program with the runtime's portable kernels, in memory laid out as planned.
 * What comes out is what the generated code computes, bit for bit: goldens come from here. */
#include "run.h"
#include "runtime.h"

struct Simulator {
    const Unit *unit;
    const Program *program;
    uint8_t *memory;            /* state_bytes */
    int32_t *scalars, *seconds; /* seconds: of scalars that are two, the second token's */
    int16_t *table;             /* for matrices that the target reads without one */
    int32_t *logits;            /* all of them, where the head keeps only the largest */
    int32_t *residuals;         /* dim values before the first layer and after each */
    uint32_t position, slot;
    int32_t count;  /* tokens of an encoder's sequence */
    int32_t second; /* where those of the second text begin */
    int8_t *frames; /* that it is made of, where the model reads such */
    int exit;       /* that it was left by, -1: none */
    int *exit_at;   /* by exit: from which probability */
};

static int widest_table(const Program *p)
{
    int widest = 0;
    for (int i = 0; i < p->n_ops; i++) {
        const Op *op = &p->ops[i];
        if (!op_is_matvec(op->kind) || kernels[op->kernel].format != FORMAT_PLANES)
            continue;
        const int n = table_entries(TABLE_BYTE, (int)op->imm[MATVEC_COLS]);
        widest = n > widest ? n : widest;
    }
    return widest;
}

static const Op *head_op(const Simulator *s)
{
    return &s->program->ops[s->program->n_step - 1];
}

Simulator *simulator_new(Arena *a, const Unit *u)
{
    Simulator *s = NEW(a, Simulator, 1);
    s->unit = u;
    s->program = u->program;
    s->memory = arena_alloc(a, (size_t)u->program->state_bytes + 64, 1);
    s->table = NEW(a, int16_t, widest_table(u->program) + 1);
    if (head_op(s)->kind == OP_TOP)
        s->logits = NEW(a, int32_t, packed_rows(model_linears(u->model, head_op(s)->linear)));
    s->frames = NEW(a, int8_t, model_frames(u->model) * u->model->bands + 1);
    s->scalars = NEW(a, int32_t, u->program->n_scalars + 1);
    s->seconds = NEW(a, int32_t, u->program->n_scalars + 1);
    s->exit = -1;
    s->exit_at = NEW(a, int, u->model->n_exits + 1);
    for (int i = 0; i < u->model->n_exits; i++)
        s->exit_at[i] = exit_units(u->recipe);
    s->residuals = NEW(a, int32_t, (size_t)(u->model->n_layers + 1) * (size_t)u->model->dim);
    return s;
}

void simulator_reset(Simulator *s)
{
    s->position = s->slot = 0;
}

/* Where it begins, with the rows of all tokens. */
static void *whole(const Simulator *s, int i)
{
    return s->memory + s->program->buffers[i].offset;
}

/* What the token at hand has of it. */
static void *buffer(const Simulator *s, int i)
{
    if (i < 0)
        return NULL;
    const Buffer *b = &s->program->buffers[i];
    return (uint8_t *)whole(s, i) +
           (size_t)s->position * (size_t)b->row * (size_t)elem_bytes[b->elem];
}

const void *simulator_buffer(const Simulator *s, int i)
{
    return buffer(s, i);
}

static const void *data(const Simulator *s, int i)
{
    return s->program->data[i].bytes;
}

/* The unit of a buffer: a scalar scale times 2^exp. */
static lm_scale unit(const Simulator *s, int scalar, int64_t exp)
{
    return s->scalars[scalar] + (int32_t)exp * 65536;
}

/* Of an int8 vector. */
static uint32_t rounding(const Simulator *s, const Op *op)
{
    return model_signs_layer(s->unit->model, op->layer) ? LM_DOWN : LM_NEAREST;
}

/* Row `row` of the op's matrix, in the unit of the residual stream. */
static void run_row(Simulator *s, const Op *op, int row, int32_t *resid)
{
    const Format f = model_linears(s->unit->model, op->linear)->format;
    const uint8_t *codes = data(s, op->data[0]), *rows = data(s, op->data[1]);
    const int32_t dim = (int32_t)op->imm[EMBED_DIM], planes = (int32_t)op->imm[EMBED_PLANES],
                  stride = (int32_t)op->imm[EMBED_STRIDE], shift = (int32_t)op->imm[EMBED_SHIFT];
    switch (f) {
    case FORMAT_PLANES:
        lm_embed_planes(codes, rows, row, resid, dim, planes, stride, shift);
        return;
    case FORMAT_TERNARY: lm_embed_ternary(codes, rows, row, resid, dim, stride, shift); return;
    case FORMAT_INT8: lm_embed_int8(codes, rows, row, resid, dim, stride, shift); return;
    case FORMAT_FLOAT:
    case FORMATS: break;
    }
    die("%s is not quantized", model_linears(s->unit->model, op->linear)->name);
}

static void run_position(Simulator *s, const Op *op)
{
    const uint32_t last = (uint32_t)op->imm[POSITION_LAST];
    int32_t *row = buffer(s, op->out[1]);
    run_row(s, op, (int)(s->position < last ? s->position : last), row);
    lm_add_vector(buffer(s, op->out[0]), row, (int32_t)op->imm[EMBED_DIM]);
}

static void run_angles(Simulator *s, const Op *op)
{
    const int32_t pairs = (int32_t)op->imm[ANGLES_PAIRS];
    const uint32_t last = (uint32_t)s->program->window - 1;
    int32_t *angles = buffer(s, op->out[0]);
    lm_angles(s->position, data(s, op->data[0]), angles, pairs);
    if (op->imm[ANGLES_TURNS] == 2)
        lm_angles(s->position < last ? s->position : last, data(s, op->data[0]), angles + 2 * pairs,
                  pairs);
}

/* The first input is 0 but of a part. */
static int32_t run_table(Simulator *s, const Op *op)
{
    const int8_t *x = (const int8_t *)buffer(s, op->in[0]) + op->imm[TABLE_FIRST];
    int16_t *table = buffer(s, op->out[0]);
    const int32_t cols = (int32_t)op->imm[TABLE_COLS];
    switch (kernels[op->kernel].table) {
    case TABLE_BYTE: return lm_table_byte(x, table, cols);
    case TABLE_NIBBLE: return lm_table_nibble(x, table, cols);
    case TABLE_TRIT: return lm_table_trit(x, table, cols);
    case TABLE_BITS: return lm_table_bits(x, table, cols);
    case TABLE_NONE:
    case TABLE_FORMS: break;
    }
    die("table of no form");
}

/* Some rows of the op's matrix, whose codes and scales are at `codes` and `rd`. A kernel that reads
 * planes without a table gives what one with a table does. */
static void run_planes(Simulator *s, const Op *op, const uint8_t *codes, const uint8_t *rd,
                       int32_t rows, int32_t *y)
{
    const void *x = buffer(s, op->in[0]);
    const int32_t cols = (int32_t)op->imm[MATVEC_COLS], planes = (int32_t)op->imm[MATVEC_PLANES],
                  pre = (int32_t)op->imm[MATVEC_PRE], stride = (int32_t)op->imm[MATVEC_STRIDE];
    const TableForm form = kernels[op->kernel].table;
    if (form == TABLE_NONE) {
        const int32_t sum = lm_table_byte(x, s->table, cols);
        lm_planes_byte(codes, rd, s->table, sum, y, rows, cols, planes, pre, stride);
    } else if (form == TABLE_BYTE) {
        lm_planes_byte(codes, rd, x, s->scalars[op->scalar_in[0]], y, rows, cols, planes, pre,
                       stride);
    } else if (form == TABLE_BITS) {
        lm_planes_xnor(codes, rd, x, s->scalars[op->scalar_in[0]], y, rows, cols, planes, pre,
                       stride);
    } else {
        lm_planes_nibble(codes, rd, x, s->scalars[op->scalar_in[0]], y, rows, cols, planes, pre,
                         stride);
    }
}

/* What it gives, for both tokens, goes where scalars do. */
static void run_table_pair(Simulator *s, const Op *op)
{
    const int8_t *x = buffer(s, op->in[0]), *second = buffer(s, op->in[1]);
    uint32_t *table = buffer(s, op->out[0]);
    const int32_t cols = (int32_t)op->imm[TABLE_COLS];
    const lm_two sums = kernels[op->kernel].table == TABLE_TRIT
                            ? lm_table_pair_trit(x, second, table, cols)
                            : lm_table_pair_byte(x, second, table, cols);
    s->scalars[op->scalar_out] = sums.a;
    s->seconds[op->scalar_out] = sums.b;
}

static void run_matvec_pair(Simulator *s, const Op *op)
{
    const uint8_t *codes = data(s, op->data[0]), *rd = data(s, op->data[1]);
    const void *x = buffer(s, op->in[0]);
    int32_t *y = buffer(s, op->out[0]), *second = buffer(s, op->out[1]);
    const int32_t rows = (int32_t)op->imm[MATVEC_ROWS], cols = (int32_t)op->imm[MATVEC_COLS],
                  pre = (int32_t)op->imm[MATVEC_PRE], stride = (int32_t)op->imm[MATVEC_STRIDE];
    switch (kernels[op->kernel].format) {
    case FORMAT_PLANES: {
        const lm_two sums = {s->scalars[op->scalar_in[0]], s->seconds[op->scalar_in[0]]};
        lm_planes_pair_byte(codes, rd, x, sums, y, second, rows, cols,
                            (int32_t)op->imm[MATVEC_PLANES], pre, stride);
        return;
    }
    case FORMAT_TERNARY:
        lm_ternary_pair_byte(codes, rd, x, y, second, rows, cols, pre, stride);
        return;
    case FORMAT_INT8:
        lm_int8_pair(codes, rd, x, buffer(s, op->in[1]), y, second, rows, cols, pre, stride);
        return;
    case FORMAT_FLOAT:
    case FORMATS: break;
    }
    die("matrix is not quantized");
}

static void run_rows(Simulator *s, const Op *op, const uint8_t *codes, const uint8_t *rd,
                     int32_t rows, int32_t *y)
{
    const void *x = buffer(s, op->in[0]);
    const int32_t cols = (int32_t)op->imm[MATVEC_COLS], pre = (int32_t)op->imm[MATVEC_PRE],
                  stride = (int32_t)op->imm[MATVEC_STRIDE];
    switch (kernels[op->kernel].format) {
    case FORMAT_PLANES: run_planes(s, op, codes, rd, rows, y); return;
    case FORMAT_TERNARY: lm_ternary_byte(codes, rd, x, y, rows, cols, pre, stride); return;
    case FORMAT_INT8: lm_int8(codes, rd, x, y, rows, cols, pre, stride); return;
    case FORMAT_FLOAT:
    case FORMATS: break;
    }
    die("matrix is not quantized");
}

/* The whole matrix. */
static void run_matvec(Simulator *s, const Op *op, int32_t *y)
{
    run_rows(s, op, data(s, op->data[0]), data(s, op->data[1]), (int32_t)op->imm[MATVEC_ROWS], y);
}

/* Some of its columns. */
static void run_matvec_part(Simulator *s, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    const int64_t *m = op->imm;
    const int32_t rows = (int32_t)m[MATVEC_ROWS], width = (int32_t)m[PART_WIDTH],
                  planes = (int32_t)m[MATVEC_PLANES], pre = (int32_t)m[MATVEC_PRE],
                  stride = (int32_t)m[MATVEC_STRIDE];
    const int32_t part = (m[PART_FIRST] == 0 ? LM_PART_FIRST : 0) |
                         (m[PART_FIRST] + width == m[MATVEC_COLS] ? LM_PART_LAST : 0);
    const uint8_t *codes =
        (const uint8_t *)data(s, op->data[0]) + block_bytes(k->format, planes, (int)m[PART_FIRST]);
    const uint8_t *rd = data(s, op->data[1]);
    const int16_t *table = buffer(s, op->in[0]);
    int32_t *y = buffer(s, op->out[0]);
    if (k->format == FORMAT_TERNARY) {
        lm_ternary_byte_part(codes, rd, table, y, rows, width, pre, stride, part);
        return;
    }
    const int32_t sum = s->scalars[op->scalar_in[0]];
    if (k->table == TABLE_BYTE)
        lm_planes_byte_part(codes, rd, table, sum, y, rows, width, planes, pre, stride, part);
    else
        lm_planes_nibble_part(codes, rd, table, sum, y, rows, width, planes, pre, stride, part);
}

typedef struct TopInput {
    Simulator *s;
    const Op *op;
} TopInput;

static void run_chunk(const uint8_t *codes, const uint8_t *rd, const void *input, int32_t sum,
                      int32_t *y, int32_t n)
{
    const TopInput *in = input;
    (void)sum; /* a scalar of the op */
    run_rows(in->s, in->op, codes, rd, n, y);
}

static void run_top(Simulator *s, const Op *op)
{
    const int64_t *m = op->imm;
    const TopInput in = {s, op};
    lm_top(run_chunk, data(s, op->data[0]), data(s, op->data[1]), &in, 0,
           unit(s, op->scalar_in[1], m[TOP_EXP]), buffer(s, op->out[1]), buffer(s, op->out[0]),
           (int32_t)m[MATVEC_ROWS], (int32_t)m[TOP_N], (int32_t)m[TOP_CHUNK],
           (int32_t)top_chunk_bytes(s->unit->model, op), LOGIT_FRACTION);
}

/* What that op is spared: its input is still there. */
static const int32_t *all_logits(Simulator *s, const Op *op)
{
    run_matvec(s, op, s->logits);
    lm_logits(s->logits, unit(s, op->scalar_in[1], op->imm[TOP_EXP]), (int32_t)op->imm[MATVEC_ROWS],
              LOGIT_FRACTION);
    return s->logits;
}

/* The slot of this step in the ring of a layer, and how many have a token, this one included. */
static uint32_t slot(const Simulator *s, const Op *op)
{
    const int window = model_window(s->unit->model, op->layer, s->program->window);
    return window < s->program->window ? lm_ring_slot(s->position, (uint32_t)window) : s->slot;
}

static int32_t filled(const Simulator *s, const Op *op)
{
    const int window = model_window(s->unit->model, op->layer, s->program->window);
    if (op->kind == OP_ATTEND && s->program->encoder)
        return s->count;
    return lm_ring_filled(s->position < (uint32_t)window ? (int32_t)s->position + 1 : window,
                          window);
}

static lm_scale run_attend(Simulator *s, const Op *op)
{
    const int64_t *m = op->imm;
    if (op_scale(op)) {
        lm_attend_static(buffer(s, op->in[0]), buffer(s, op->in[1]), buffer(s, op->in[2]),
                         buffer(s, op->in[3]), buffer(s, op->in[4]), buffer(s, op->in[5]),
                         buffer(s, op->in[6]), buffer(s, op->in[7]), data(s, op->data[0]),
                         filled(s, op), buffer(s, op->out[1]), buffer(s, op->out[2]),
                         buffer(s, op->out[3]), buffer(s, op->out[0]), (int32_t)m[ATTEND_HEADS],
                         (int32_t)m[ATTEND_KV_HEADS], (int32_t)m[ATTEND_DIM],
                         (int32_t)m[ATTEND_SINKS], (lm_scale)m[ATTEND_UNIT], (int32_t)m[ATTEND_PRE],
                         (int32_t)m[ATTEND_SPREAD], (lm_scale)m[ATTEND_INVERSE]);
        return (lm_scale)op_scale(op);
    }
    return lm_attend_by(buffer(s, op->in[0]), buffer(s, op->in[1]), buffer(s, op->in[2]),
                        buffer(s, op->in[3]), buffer(s, op->in[4]), buffer(s, op->in[5]),
                        buffer(s, op->in[6]), buffer(s, op->in[7]), data(s, op->data[0]),
                        filled(s, op), buffer(s, op->out[1]), buffer(s, op->out[2]),
                        buffer(s, op->out[3]), buffer(s, op->out[0]), (int32_t)m[ATTEND_HEADS],
                        (int32_t)m[ATTEND_KV_HEADS], (int32_t)m[ATTEND_DIM],
                        (int32_t)m[ATTEND_SINKS], (lm_scale)m[ATTEND_UNIT], (int32_t)m[ATTEND_PRE],
                        (int32_t)m[ATTEND_SPREAD], rounding(s, op));
}

static void run_store(Simulator *s, const Op *op)
{
    const lm_scale y = unit(s, op->scalar_in[0], op->imm[STORE_EXP]);
    const int32_t heads = (int32_t)op->imm[STORE_HEADS], dim = (int32_t)op->imm[STORE_DIM];
    if (op->kind == OP_STORE_K && op->in[1] >= 0)
        lm_store_k(buffer(s, op->in[0]), buffer(s, op->in[1]), y, buffer(s, op->out[3]),
                   buffer(s, op->out[0]), buffer(s, op->out[1]), buffer(s, op->out[2]), slot(s, op),
                   filled(s, op), heads, dim);
    else
        lm_store_v(buffer(s, op->in[0]), y, buffer(s, op->out[0]), buffer(s, op->out[1]),
                   buffer(s, op->out[2]), slot(s, op), filled(s, op), heads, dim);
}

static lm_scale run_norm(Simulator *s, const Op *op)
{
    const int64_t *m = op->imm;
    if (op_scale(op)) {
        lm_norm_static(buffer(s, op->in[0]), data(s, op->data[0]), buffer(s, op->out[0]),
                       (int32_t)m[NORM_DIM], (uint32_t)m[NORM_EPS_M], (int32_t)m[NORM_EPS_E],
                       (uint32_t)m[NORM_ROOT_M], (int32_t)m[NORM_EXP]);
        return (lm_scale)op_scale(op);
    }
    return lm_norm_by(buffer(s, op->in[0]), data(s, op->data[0]), buffer(s, op->out[0]),
                      (int32_t)m[NORM_DIM], (uint32_t)m[NORM_EPS_M], (int32_t)m[NORM_EPS_E],
                      (uint32_t)m[NORM_ROOT_M], (int32_t)m[NORM_EXP], rounding(s, op));
}

/* Of the constants of a layer norm: x -> y, in units of 2^-fraction. */
static void norm_to_fixed(Simulator *s, const Op *op, const int32_t *x, int32_t *y)
{
    const int64_t *m = op->imm;
    lm_layer_norm_fixed(x, data(s, op->data[0]), data(s, op->data[1]), y,
                        (int32_t)m[LAYER_NORM_DIM], (uint32_t)m[LAYER_NORM_MEAN_M],
                        (int32_t)m[LAYER_NORM_MEAN_E], (uint32_t)m[LAYER_NORM_EPS_M],
                        (int32_t)m[LAYER_NORM_EPS_E], (uint32_t)m[LAYER_NORM_ROOT_M],
                        (int32_t)m[LAYER_NORM_EXP], (int32_t)m[LAYER_NORM_FRACTION]);
}

static lm_scale run_layer_norm(Simulator *s, const Op *op)
{
    const int64_t *m = op->imm;
    if (op_scale(op)) {
        int32_t *y = buffer(s, op->out[1]);
        norm_to_fixed(s, op, buffer(s, op->in[0]), y);
        lm_quantize_static(y, (int32_t)m[LAYER_NORM_DIM], (int32_t)m[LAYER_NORM_RIGHT],
                           (int32_t)m[LAYER_NORM_MUL], (int32_t)m[LAYER_NORM_DOWN],
                           buffer(s, op->out[0]));
        return (lm_scale)op_scale(op);
    }
    return lm_layer_norm_by(
        buffer(s, op->in[0]), data(s, op->data[0]), data(s, op->data[1]), buffer(s, op->out[1]),
        buffer(s, op->out[0]), (int32_t)m[LAYER_NORM_DIM], (uint32_t)m[LAYER_NORM_MEAN_M],
        (int32_t)m[LAYER_NORM_MEAN_E], (uint32_t)m[LAYER_NORM_EPS_M], (int32_t)m[LAYER_NORM_EPS_E],
        (uint32_t)m[LAYER_NORM_ROOT_M], (int32_t)m[LAYER_NORM_EXP], (int32_t)m[LAYER_NORM_FRACTION],
        rounding(s, op));
}

static lm_scale run_bias(Simulator *s, const Op *op)
{
    return lm_bias(buffer(s, op->out[0]), data(s, op->data[0]),
                   unit(s, op->scalar_in[0], op->imm[BIAS_EXP]), (int32_t)op->imm[BIAS_N],
                   (int32_t)op->imm[BIAS_FRACTION]);
}

static lm_scale run_head_norm(Simulator *s, const Op *op)
{
    const int64_t *m = op->imm;
    return lm_head_norm(
        buffer(s, op->out[0]), data(s, op->data[0]),
        unit(s, op->scalar_in[0], m[HEAD_NORM_UNIT_EXP]), (int32_t)m[HEAD_NORM_HEADS],
        (int32_t)m[HEAD_NORM_DIM], (uint32_t)m[HEAD_NORM_EPS_M], (int32_t)m[HEAD_NORM_EPS_E],
        (uint32_t)m[HEAD_NORM_ROOT_M], (int32_t)m[HEAD_NORM_EXP], (int32_t)m[HEAD_NORM_FRACTION]);
}

static lm_scale run_sub_norm(Simulator *s, const Op *op)
{
    const int64_t *m = op->imm;
    if (op_scale(op)) {
        lm_sub_norm_static(buffer(s, op->out[0]), data(s, op->data[0]),
                           s->scalars[op->scalar_in[0]], (int32_t)m[SUB_NORM_N],
                           (uint32_t)m[SUB_NORM_EPS_M], (int32_t)m[SUB_NORM_EPS_E],
                           (uint32_t)m[SUB_NORM_ROOT_M], (int32_t)m[SUB_NORM_EXP]);
        return (lm_scale)op_scale(op);
    }
    return lm_sub_norm(buffer(s, op->out[0]), data(s, op->data[0]), s->scalars[op->scalar_in[0]],
                       (int32_t)m[SUB_NORM_N], (uint32_t)m[SUB_NORM_EPS_M],
                       (int32_t)m[SUB_NORM_EPS_E], (uint32_t)m[SUB_NORM_ROOT_M],
                       (int32_t)m[SUB_NORM_EXP]);
}

/* v (n), worth unit each -> its activation, of ReLU's square so many bits less, in place. */
static void run_active(Simulator *s, int32_t *v, lm_scale unit, int32_t n, int64_t down,
                       int32_t drop)
{
    switch (s->unit->model->activation) {
    case ACT_SILU: lm_silu_all(v, unit, n); return;
    case ACT_GELU_TANH: lm_gelu_loop(lm_gelu_table, v, unit, n); return;
    case ACT_GELU: lm_gelu_loop(lm_gelu_erf_table, v, unit, n); return;
    case ACT_RELU: lm_relu_loop(v, n); return;
    case ACT_RELU2: lm_square_static(v, n, (int32_t)down, drop); return;
    case ACTIVATIONS: break;
    }
    die("activation %d", (int)s->unit->model->activation);
}

/* Of 15 bits, what is left of the activation to a product. */
static void run_static_glu(Simulator *s, const Op *op, int32_t *gate, lm_scale gate_unit)
{
    const int64_t *m = op->imm;
    const bool square = s->unit->model->activation == ACT_RELU2;
    run_active(s, gate, gate_unit, (int32_t)m[GLU_N], m[GLU_GATE_DOWN], 15);
    lm_product_static(gate, buffer(s, op->in[1]), square ? 0 : (int32_t)m[GLU_GATE_DOWN],
                      (int32_t)m[GLU_UP_DOWN], (int32_t)m[GLU_MUL], (int32_t)m[GLU_DOWN],
                      buffer(s, op->out[0]), (int32_t)m[GLU_N]);
}

static lm_scale run_glu(Simulator *s, const Op *op)
{
    const int64_t *m = op->imm;
    const lm_scale gate = unit(s, op->scalar_in[0], m[GLU_EXP_GATE]),
                   up = unit(s, op->scalar_in[1], m[GLU_EXP_UP]);
    int32_t *g = buffer(s, op->in[0]), *u = buffer(s, op->in[1]);
    int8_t *x = buffer(s, op->out[0]);
    const int32_t n = (int32_t)m[GLU_N];
    const uint32_t round = rounding(s, op);
    if (op_scale(op)) {
        run_static_glu(s, op, g, gate);
        return (lm_scale)op_scale(op);
    }
    switch (s->unit->model->activation) {
    case ACT_SILU: return lm_glu_by(g, u, gate, up, x, n, round);
    case ACT_GELU_TANH: return lm_geglu(lm_gelu_table, g, u, gate, up, x, n, round);
    case ACT_GELU: return lm_geglu(lm_gelu_erf_table, g, u, gate, up, x, n, round);
    case ACT_RELU: return lm_reglu(g, u, gate, up, x, n, round);
    case ACT_RELU2: return lm_reglu2(g, u, gate, up, x, n, round);
    case ACTIVATIONS: break;
    }
    die("activation %d", (int)s->unit->model->activation);
}

static lm_scale run_activate(Simulator *s, const Op *op)
{
    const lm_scale by = unit(s, op->scalar_in[0], op->imm[ACTIVATE_EXP]);
    int32_t *y = buffer(s, op->in[0]);
    int8_t *x = buffer(s, op->out[0]);
    const int32_t n = (int32_t)op->imm[ACTIVATE_N];
    const uint32_t round = rounding(s, op);
    if (op_scale(op)) {
        run_active(s, y, by, n, op->imm[ACTIVATE_SQUARE], 0);
        lm_quantize_static(y, n, (int32_t)op->imm[ACTIVATE_RIGHT], (int32_t)op->imm[ACTIVATE_MUL],
                           (int32_t)op->imm[ACTIVATE_DOWN], x);
        return (lm_scale)op_scale(op);
    }
    switch (s->unit->model->activation) {
    case ACT_SILU: return lm_silu_only(y, by, x, n, round);
    case ACT_GELU_TANH: return lm_gelu_only(lm_gelu_table, y, by, x, n, round);
    case ACT_GELU: return lm_gelu_only(lm_gelu_erf_table, y, by, x, n, round);
    case ACT_RELU: return lm_relu(y, by, x, n, round);
    case ACT_RELU2: return lm_relu2(y, by, x, n, round);
    case ACTIVATIONS: break;
    }
    die("activation %d", (int)s->unit->model->activation);
}

static void run_rotate(Simulator *s, const Op *op)
{
    const int64_t *m = op->imm;
    const lm_scale y = unit(s, op->scalar_in[0], m[ROTATE_EXP]);
    const int32_t heads = (int32_t)m[ROTATE_HEADS], dim = (int32_t)m[ROTATE_DIM];
    if (op->in[1] < 0)
        lm_quantize_heads(buffer(s, op->in[0]), y, buffer(s, op->out[0]), buffer(s, op->out[1]),
                          heads, dim);
    else
        lm_rotate(buffer(s, op->in[0]), buffer(s, op->in[1]), y, buffer(s, op->out[2]),
                  buffer(s, op->out[0]), buffer(s, op->out[1]), heads, dim,
                  (int32_t)m[ROTATE_TURNS]);
}

static void run_norm_fixed(Simulator *s, const Op *op)
{
    norm_to_fixed(s, op, buffer(s, op->out[0]), buffer(s, op->out[0]));
}

static lm_scale run_quantize(Simulator *s, const Op *op)
{
    const int32_t n = (int32_t)op->imm[QUANTIZE_N];
    const int32_t *v = buffer(s, op->in[0]);
    int8_t *x = buffer(s, op->out[0]);
    if (op_scale(op)) {
        lm_quantize_static(v, n, (int32_t)op->imm[QUANTIZE_RIGHT], (int32_t)op->imm[QUANTIZE_MUL],
                           (int32_t)op->imm[QUANTIZE_DOWN], x);
        return (lm_scale)op_scale(op);
    }
    return lm_quantize(v, n, LM_SCALE(32768, -15 - (int32_t)op->imm[QUANTIZE_FRACTION]), x);
}

static void run_dense(Simulator *s, const Op *op)
{
    const lm_scale by = unit(s, op->scalar_in[0], op->imm[DENSE_EXP]);
    int32_t *y = buffer(s, op->out[0]);
    const int32_t n = (int32_t)op->imm[DENSE_N];
    switch (s->unit->model->dense_activation) {
    case DENSE_TANH: lm_dense_tanh(y, by, n); return;
    case DENSE_RELU: lm_dense_relu(y, by, n); return;
    case DENSE_GELU: lm_gelu_loop(lm_gelu_erf_table, y, by, n); return;
    case DENSE_GELU_TANH: lm_gelu_loop(lm_gelu_table, y, by, n); return;
    case DENSE_ACTIVATIONS: break;
    }
    die("dense activation %d", (int)s->unit->model->dense_activation);
}

/* Gives the op's scalar, 0 when it has none. */
static int32_t run_op(Simulator *s, const Op *op, int token)
{
    const int64_t *m = op->imm;
    switch (op->kind) {
    case OP_EMBED: run_row(s, op, token, buffer(s, op->out[0])); return 0;
    case OP_ROW_GAIN:
        lm_gain_row(buffer(s, op->out[0]), (int32_t)m[ROW_GAIN_DIM], (lm_scale)m[ROW_GAIN_UNIT]);
        return 0;
    case OP_POSITION: run_position(s, op); return 0;
    case OP_ANGLES: run_angles(s, op); return 0;
    case OP_NORM: return run_norm(s, op);
    case OP_LAYER_NORM: return run_layer_norm(s, op);
    case OP_SIGN:
        return lm_sign(buffer(s, op->out[0]), (int32_t)m[SIGN_N], s->scalars[op->scalar_in[0]],
                       (lm_scale)m[SIGN_INVERSE]);
    case OP_GAIN:
        return lm_gain(s->scalars[op->scalar_in[0]], (uint32_t)m[GAIN_MANTISSA],
                       (int32_t)m[GAIN_EXP]);
    case OP_TABLE:
    case OP_TABLE_PART: return run_table(s, op);
    case OP_MATVEC: run_matvec(s, op, buffer(s, op->out[0])); return 0;
    case OP_ROTATE: run_rotate(s, op); return 0;
    case OP_STORE_K:
    case OP_STORE_V: run_store(s, op); return 0;
    case OP_ATTEND: return run_attend(s, op);
    case OP_ADD:
        lm_add(buffer(s, op->out[0]), buffer(s, op->in[0]), unit(s, op->scalar_in[0], m[ADD_EXP]),
               (int32_t)m[ADD_DIM], s->program->residual_fraction);
        return 0;
    case OP_BIAS: return run_bias(s, op);
    case OP_HEAD_NORM: return run_head_norm(s, op);
    case OP_SUB_NORM: return run_sub_norm(s, op);
    case OP_GLU: return run_glu(s, op);
    case OP_ACTIVATE: return run_activate(s, op);
    case OP_LOGITS:
        lm_logits(buffer(s, op->out[0]), unit(s, op->scalar_in[0], m[LOGITS_EXP]),
                  (int32_t)m[LOGITS_N], LOGIT_FRACTION);
        return 0;
    case OP_NORM_FIXED: run_norm_fixed(s, op); return 0;
    case OP_QUANTIZE: return run_quantize(s, op);
    case OP_DENSE: run_dense(s, op); return 0;
    case OP_POOL:
        lm_pool(whole(s, op->in[0]), m[POOL_ALL] ? s->count : 1, buffer(s, op->out[0]),
                (int32_t)m[POOL_DIM]);
        return 0;
    case OP_PATCH:
        return lm_patch(s->frames, (int32_t)s->position, buffer(s, op->out[0]),
                        (int32_t)m[PATCH_N]);
    case OP_SECOND:
        lm_add_second(buffer(s, op->out[0]), data(s, op->data[0]), (int32_t)m[SECOND_DIM],
                      (int32_t)s->position, s->second);
        return 0;
    case OP_UNIT: lm_unit_length(buffer(s, op->out[0]), (int32_t)m[UNIT_N]); return 0;
    case OP_TOP: run_top(s, op); return 0;
    case OP_TABLE_PAIR: run_table_pair(s, op); return 0;
    case OP_MATVEC_PAIR: run_matvec_pair(s, op); return 0;
    case OP_MATVEC_PART: run_matvec_part(s, op); return 0;
    case OPS: break;
    }
    die("op %d", (int)op->kind);
}

/* Keeps the residual where a layer ends. */
static void keep_residual(Simulator *s, int i)
{
    const Op *op = &s->program->ops[i];
    if (op->kind != OP_ADD && op->kind != OP_ROW_GAIN && !op_reads_row(op->kind))
        return;
    const size_t dim = (size_t)s->unit->model->dim;
    memcpy(s->residuals + (size_t)(op->layer + 1) * dim, buffer(s, op->out[0]), dim * 4);
}

static void next_token(Simulator *s)
{
    s->position++;
    s->slot = lm_next_slot(s->slot, (uint32_t)s->program->window, (uint32_t)s->program->sinks);
}

static void run_and_keep(Simulator *s, const Op *op, int token)
{
    const int32_t scalar = run_op(s, op, token);
    if (op->scalar_out >= 0 && op->kind != OP_TABLE_PAIR)
        s->scalars[op->scalar_out] = scalar;
}

const int32_t *simulator_step(Simulator *s, int token)
{
    const Program *p = s->program;
    for (int i = 0; i < p->n_step; i++) {
        run_and_keep(s, &p->ops[i], token);
        keep_residual(s, i);
    }
    next_token(s);
    const Op *head = head_op(s);
    return head->kind == OP_TOP ? all_logits(s, head) : buffer(s, head->out[0]);
}

const int32_t *simulator_output(const Simulator *s, int *n)
{
    const Op *head = head_op(s);
    *n = head->kind == OP_TOP ? 2 * (int)head->imm[TOP_N] : (int)head->imm[LOGITS_N];
    return buffer(s, head->out[0]);
}

void simulator_read_two(Simulator *s, const int *tokens)
{
    const Program *p = s->program;
    const uint32_t position = s->position, slot = s->slot;
    for (int i = p->n_step; i < p->n_ops; i++) {
        s->position = position;
        s->slot = slot;
        if (p->ops[i].token == 1)
            next_token(s);
        run_and_keep(s, &p->ops[i], tokens[p->ops[i].token]);
    }
    s->position = position;
    s->slot = slot;
    next_token(s);
    next_token(s);
}

/* The op after the phase that begins with op `first`. */
static int phase_end(const Program *p, int first)
{
    int i = first;
    while (i < p->n_ops && p->ops[i].layer == p->ops[first].layer &&
           p->ops[i].phase == p->ops[first].phase)
        i++;
    return i;
}

/* The ops of a phase, from op `first` on, for a token; gives the op after them. */
static int run_phase(Simulator *s, int first, int at, int token)
{
    const Program *p = s->program;
    const int end = phase_end(p, first);
    s->position = s->slot = (uint32_t)at;
    for (int i = first; i < end; i++) {
        run_and_keep(s, &p->ops[i], token);
        if (at == 0)
            keep_residual(s, i);
    }
    return end;
}

/* How many tokens a phase runs for: after the last attention the first one may be all that counts.
 */
static int phase_tokens(const Simulator *s, const Op *op)
{
    const Model *m = s->unit->model;
    const bool last = op->layer == m->n_layers || (op->layer == m->n_layers - 1 && op->phase == 1);
    return last && model_reads_first(m) ? 1 : s->count;
}

/* Whether an exit's head, whose ops begin at `first`, is sure of what it says: of each token where
 * it has something to say of each. */
static bool leaves(Simulator *s, int exit, int first)
{
    const Model *m = s->unit->model;
    const int32_t *logits = whole(s, head_op(s)->out[0]);
    for (int at = 0; at < (model_each_token(m) ? s->count : 1); at++) {
        run_phase(s, first, at, 0);
        const int32_t best = lm_argmax(logits, m->head.rows);
        if (lm_probability(logits, m->head.rows, best) < s->exit_at[exit])
            return false;
    }
    return true;
}

void simulator_read(Simulator *s, const int *tokens, int n)
{
    simulator_read_pair(s, tokens, n, n);
}

void simulator_read_pair(Simulator *s, const int *tokens, int n, int second)
{
    const Program *p = s->program;
    const Model *m = s->unit->model;
    const bool frames = model_reads_frames(m);
    s->count = n;
    s->second = second;
    s->exit = -1;
    for (int i = 0; i < model_frames(m) * m->bands; i++)
        s->frames[i] = (int8_t)tokens[i];
    for (int i = 0, next; p->ops[i].layer < m->n_layers || p->ops[i].phase == 0; i = next) {
        const bool exit = p->ops[i].layer < m->n_layers && p->ops[i].phase == PHASE_LEAVE;
        const int most = exit ? 0 : phase_tokens(s, &p->ops[i]);
        const int taken = exit ? (int)(model_exit(m, p->ops[i].layer) - m->exits) : -1;
        if (exit && leaves(s, taken, i)) {
            s->exit = taken;
            return;
        }
        next = exit ? phase_end(p, i) : i;
        for (int at = 0; at < most; at++)
            next = run_phase(s, i, at, frames ? at : tokens[at]);
    }
}

void simulator_exit_at(Simulator *s, int exit, int threshold)
{
    s->exit_at[exit] = threshold;
}

int simulator_exit(const Simulator *s)
{
    return s->exit;
}

/* Where the ops begin of the head that the last sequence is asked about. */
static int head_start(const Simulator *s)
{
    const Program *p = s->program;
    const Model *m = s->unit->model;
    const int layer = s->exit < 0 ? m->n_layers : m->exits[s->exit].layer;
    const int phase = s->exit < 0 ? 1 : PHASE_LEAVE;
    int i = 0;
    while (p->ops[i].layer != layer || p->ops[i].phase != phase)
        i++;
    return i;
}

const int32_t *simulator_head(Simulator *s, int at)
{
    run_phase(s, head_start(s), at, 0);
    s->position = 0;
    return whole(s, head_op(s)->out[0]);
}

const int32_t *simulator_residual(const Simulator *s, int layer)
{
    return s->residuals + (size_t)(layer + 1) * (size_t)s->unit->model->dim;
}

double simulator_residual_scale(const Simulator *s)
{
    return 1.0 / (double)(1LL << s->program->residual_fraction);
}
