/* The generated part of the model's source: one function for each shape of a kernel, with its
 * dimensions as constant arguments, and the calls of them that make up the layers. */
#include "writer.h"

static const char *embed_function(Format f)
{
    switch (f) {
    case FORMAT_PLANES: return "lm_embed_planes";
    case FORMAT_TERNARY: return "lm_embed_ternary";
    case FORMAT_INT8: return "lm_embed_int8";
    case FORMAT_FLOAT:
    case FORMATS: break;
    }
    die("embedding is not quantized");
}

/* The call that puts a row of the op's matrix into a buffer. */
static void write_row(Writer *w, const Op *op, const char *row, int buffer)
{
    const Format f = model_linears(w->e->unit->model, op->linear)->format;
    buf_printf(w->calls, "    %s(%s, %s, %s, %s, %lld, ", embed_function(f), data(w, op->data[0]),
               data(w, op->data[1]), row, at(w, buffer), imm(op, EMBED_DIM));
    if (f == FORMAT_PLANES)
        buf_printf(w->calls, "%lld, ", imm(op, EMBED_PLANES));
    buf_printf(w->calls, "%lld, %lld);\n", imm(op, EMBED_STRIDE), imm(op, EMBED_SHIFT));
}

static void write_embed(Writer *w, const Op *op)
{
    const char *row = model_reads_frames(w->e->unit->model) ? "at"
                      : w->prefill ? arena_printf(w->e->arena, "tokens[%d]", op->token)
                                   : "token";
    write_row(w, op, row, op->out[0]);
}

static void write_row_gain(Writer *w, const Op *op)
{
    buf_printf(w->calls, "    lm_gain_row(%s, %lld, %lld);\n", at(w, op->out[0]),
               imm(op, ROW_GAIN_DIM), imm(op, ROW_GAIN_UNIT));
}

static void write_position(Writer *w, const Op *op)
{
    const char *position = place(w, op, "position");
    const long long last = imm(op, POSITION_LAST);
    write_row(w, op,
              arena_printf(w->e->arena, "(int32_t)(%s < %lldU ? %s : %lldU)", position, last,
                           position, last),
              op->out[1]);
    buf_printf(w->calls, "    lm_add_vector(%s, %s, %lld);\n", at(w, op->out[0]), at(w, op->out[1]),
               imm(op, EMBED_DIM));
}

static void write_second(Writer *w, const Op *op)
{
    buf_printf(w->calls, "    lm_add_second(%s, %s, %lld, at, (int32_t)s->second);\n",
               at(w, op->out[0]), data(w, op->data[0]), imm(op, SECOND_DIM));
}

static void write_angles(Writer *w, const Op *op)
{
    const long long pairs = imm(op, ANGLES_PAIRS);
    const char *name = arena_printf(w->e->arena, "angles_%lld", pairs);
    if (new_shape(w, name, "void", "uint32_t position, const uint32_t *frequency, int32_t *angles"))
        buf_printf(w->shapes, "lm_angles(position, frequency, angles, %lld);\n}\n\n", pairs);
    const char *position = place(w, op, "position");
    buf_printf(w->calls, "    %s(%s, %s, %s);\n", name, position, data(w, op->data[0]),
               at(w, op->out[0]));
    if (imm(op, ANGLES_TURNS) == 2)
        buf_printf(w->calls, "    %s(%s < %dU ? %s : %dU, %s, %s + %lld);\n", name, position,
                   w->p->window - 1, position, w->p->window - 1, data(w, op->data[0]),
                   at(w, op->out[0]), 2 * pairs);
}

/* Of an int8 vector whose signs alone will count: an argument more, for a function that takes it.
 */
typedef struct Rounding {
    const char *by, *argument;
} Rounding;

static Rounding rounding(const Writer *w, const Op *op)
{
    return model_signs_layer(w->e->unit->model, op->layer) ? (Rounding){"_by", ", LM_DOWN"}
                                                           : (Rounding){"", ""};
}

/* The argument of a function that always takes it. */
static const char *always(Rounding r)
{
    return *r.argument ? r.argument : ", LM_NEAREST";
}

static void write_norm(Writer *w, const Op *op)
{
    const Rounding r = rounding(w, op);
    const char *name = arena_printf(w->e->arena, "norm%s_%lld", r.by, imm(op, NORM_DIM));
    if (new_shape(w, name, "lm_scale",
                  "const int32_t *resid, const int16_t *gamma, int8_t *x, int32_t exp"))
        buf_printf(w->shapes,
                   "return lm_norm%s(resid, gamma, x, %lld, %lldU, %lld, %lldU, exp%s);\n}\n\n",
                   r.by, imm(op, NORM_DIM), imm(op, NORM_EPS_M), imm(op, NORM_EPS_E),
                   imm(op, NORM_ROOT_M), r.argument);
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, %s, %s);\n", local(w, op->scalar_out),
               name, at(w, op->in[0]), data(w, op->data[0]), at(w, op->out[0]),
               number(w, "norm_exp", imm(op, NORM_EXP)));
}

static void write_layer_norm(Writer *w, const Op *op)
{
    const Rounding r = rounding(w, op);
    const char *name =
        arena_printf(w->e->arena, "layer_norm%s_%lld", r.by, imm(op, LAYER_NORM_DIM));
    if (new_shape(w, name, "lm_scale",
                  "const int32_t *resid, const int16_t *gamma, const int32_t *beta, "
                  "int32_t *centred, int8_t *x, int32_t exp, int32_t fraction"))
        buf_printf(w->shapes,
                   "return lm_layer_norm%s(resid, gamma, beta, centred, x, %lld, %lldU, %lld, "
                   "%lldU, %lld, %lldU, exp, fraction%s);\n}\n\n",
                   r.by, imm(op, LAYER_NORM_DIM), imm(op, LAYER_NORM_MEAN_M),
                   imm(op, LAYER_NORM_MEAN_E), imm(op, LAYER_NORM_EPS_M), imm(op, LAYER_NORM_EPS_E),
                   imm(op, LAYER_NORM_ROOT_M), r.argument);
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, %s, %s, %s, %s, %s);\n",
               local(w, op->scalar_out), name, at(w, op->in[0]), data(w, op->data[0]),
               data(w, op->data[1]), at(w, op->out[1]), at(w, op->out[0]),
               number(w, "norm_exp", imm(op, LAYER_NORM_EXP)),
               number(w, "norm_fraction", imm(op, LAYER_NORM_FRACTION)));
}

static void write_sign(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "sign_%lld", imm(op, SIGN_N));
    if (new_shape(w, name, "lm_scale", "int8_t *x, lm_scale scale"))
        buf_printf(w->shapes, "return lm_sign(x, %lld, scale, %lld);\n}\n\n", imm(op, SIGN_N),
                   imm(op, SIGN_INVERSE));
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, s%d);\n", local(w, op->scalar_out), name,
               at(w, op->out[0]), local(w, op->scalar_in[0]));
}

static void write_gain(Writer *w, const Op *op)
{
    const char *mantissa = arena_printf(w->e->arena, "%lldU", imm(op, GAIN_MANTISSA));
    buf_printf(w->calls, "    const lm_scale s%d = lm_gain(s%d, %s, %s);\n",
               local(w, op->scalar_out), local(w, op->scalar_in[0]),
               hole(w, "gain", "uint32_t ", mantissa), number(w, "gain_exp", imm(op, GAIN_EXP)));
}

static void write_bias(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "bias_%lld", imm(op, BIAS_N));
    if (new_shape(w, name, "lm_scale",
                  "int32_t *y, const int32_t *bias, lm_scale unit, int32_t fraction"))
        buf_printf(w->shapes, "return lm_bias(y, bias, unit, %lld, fraction);\n}\n\n",
                   imm(op, BIAS_N));
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, %s, %s);\n", local(w, op->scalar_out),
               name, at(w, op->out[0]), data(w, op->data[0]),
               unit(w, op->scalar_in[0], imm(op, BIAS_EXP)),
               number(w, "bias_fraction", imm(op, BIAS_FRACTION)));
}

static void write_head_norm(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "head_norm_%lldx%lld", imm(op, HEAD_NORM_HEADS),
                                    imm(op, HEAD_NORM_DIM));
    if (new_shape(w, name, "lm_scale",
                  "int32_t *y, const int16_t *gamma, lm_scale unit, int32_t exp, "
                  "int32_t fraction"))
        buf_printf(w->shapes,
                   "return lm_head_norm(y, gamma, unit, %lld, %lld, %lldU, %lld, %lldU, exp, "
                   "fraction);\n}\n\n",
                   imm(op, HEAD_NORM_HEADS), imm(op, HEAD_NORM_DIM), imm(op, HEAD_NORM_EPS_M),
                   imm(op, HEAD_NORM_EPS_E), imm(op, HEAD_NORM_ROOT_M));
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, %s, %s, %s);\n",
               local(w, op->scalar_out), name, at(w, op->out[0]), data(w, op->data[0]),
               unit(w, op->scalar_in[0], imm(op, HEAD_NORM_UNIT_EXP)),
               number(w, "head_norm_exp", imm(op, HEAD_NORM_EXP)),
               number(w, "head_norm_fraction", imm(op, HEAD_NORM_FRACTION)));
}

/* Queries that positions do not turn. */
static void write_heads(Writer *w, const Op *op)
{
    const char *name =
        arena_printf(w->e->arena, "heads_%lldx%lld", imm(op, ROTATE_HEADS), imm(op, ROTATE_DIM));
    if (new_shape(w, name, "void", "const int32_t *y, lm_scale unit, int8_t *q, int32_t *scales"))
        buf_printf(w->shapes, "lm_quantize_heads(y, unit, q, scales, %lld, %lld);\n}\n\n",
                   imm(op, ROTATE_HEADS), imm(op, ROTATE_DIM));
    buf_printf(w->calls, "    %s(%s, %s, %s, %s);\n", name, at(w, op->in[0]),
               unit(w, op->scalar_in[0], imm(op, ROTATE_EXP)), at(w, op->out[0]),
               at(w, op->out[1]));
}

static void write_sub_norm(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "sub_norm_%lld", imm(op, SUB_NORM_N));
    if (new_shape(w, name, "lm_scale",
                  "int8_t *x, const int16_t *gamma, lm_scale scale, int32_t exp"))
        buf_printf(w->shapes,
                   "return lm_sub_norm(x, gamma, scale, %lld, %lldU, %lld, %lldU, exp);\n}\n\n",
                   imm(op, SUB_NORM_N), imm(op, SUB_NORM_EPS_M), imm(op, SUB_NORM_EPS_E),
                   imm(op, SUB_NORM_ROOT_M));
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, s%d, %s);\n",
               local(w, op->scalar_out), name, at(w, op->out[0]), data(w, op->data[0]),
               local(w, op->scalar_in[0]), number(w, "sub_norm_exp", imm(op, SUB_NORM_EXP)));
}

static void write_rotate(Writer *w, const Op *op)
{
    if (op->in[1] < 0) {
        write_heads(w, op);
        return;
    }
    const char *name =
        arena_printf(w->e->arena, "rotate_%lldx%lld", imm(op, ROTATE_HEADS), imm(op, ROTATE_DIM));
    if (new_shape(w, name, "void",
                  "const int32_t *y, const int32_t *angles, lm_scale unit, int32_t *turned, "
                  "int8_t *q, int32_t *scales"))
        buf_printf(w->shapes,
                   "lm_rotate(y, angles, unit, turned, q, scales, %lld, %lld, %lld);\n}\n\n",
                   imm(op, ROTATE_HEADS), imm(op, ROTATE_DIM), imm(op, ROTATE_TURNS));
    buf_printf(w->calls, "    %s(%s, %s, %s, %s, %s, %s);\n", name, at(w, op->in[0]),
               at(w, op->in[1]), unit(w, op->scalar_in[0], imm(op, ROTATE_EXP)), at(w, op->out[2]),
               at(w, op->out[0]), at(w, op->out[1]));
}

static void write_store_v(Writer *w, const Op *op)
{
    const char *name =
        arena_printf(w->e->arena, "store_v_%lldx%lld", imm(op, STORE_HEADS), imm(op, STORE_DIM));
    if (new_shape(w, name, "void",
                  "const int32_t *y, lm_scale unit, int8_t *values, uint16_t *scales, "
                  "int32_t *exponents, uint32_t slot, int32_t filled"))
        buf_printf(w->shapes,
                   "lm_store_v(y, unit, values, scales, exponents, slot, filled, %lld, "
                   "%lld);\n}\n\n",
                   imm(op, STORE_HEADS), imm(op, STORE_DIM));
    buf_printf(w->calls, "    %s(%s, %s, %s, %s, %s, %s, %s);\n", name, at(w, op->in[0]),
               unit(w, op->scalar_in[0], imm(op, STORE_EXP)), at(w, op->out[0]), at(w, op->out[1]),
               at(w, op->out[2]), ring(w, op, "slot"), ring(w, op, "filled"));
}

static void write_store_k(Writer *w, const Op *op)
{
    if (op->in[1] < 0) {
        write_store_v(w, op);
        return;
    }
    const char *name =
        arena_printf(w->e->arena, "store_k_%lldx%lld", imm(op, STORE_HEADS), imm(op, STORE_DIM));
    if (new_shape(w, name, "void",
                  "const int32_t *y, const int32_t *angles, lm_scale unit, int32_t *turned, "
                  "int8_t *keys, uint16_t *scales, int32_t *exponents, uint32_t slot, "
                  "int32_t filled"))
        buf_printf(w->shapes,
                   "lm_store_k(y, angles, unit, turned, keys, scales, exponents, slot, filled, "
                   "%lld, %lld);\n}\n\n",
                   imm(op, STORE_HEADS), imm(op, STORE_DIM));
    buf_printf(w->calls, "    %s(%s, %s, %s, %s, %s, %s, %s, %s, %s);\n", name, at(w, op->in[0]),
               at(w, op->in[1]), unit(w, op->scalar_in[0], imm(op, STORE_EXP)), at(w, op->out[3]),
               at(w, op->out[0]), at(w, op->out[1]), at(w, op->out[2]), ring(w, op, "slot"),
               ring(w, op, "filled"));
}

static void write_attend(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "attend_%lldx%lld_%lld", imm(op, ATTEND_HEADS),
                                    imm(op, ATTEND_DIM), imm(op, ATTEND_KV_HEADS));
    const Rounding r = rounding(w, op);
    if (new_shape(w, name, "lm_scale",
                  "const int8_t *q, const int32_t *q_scale, const int8_t *keys, "
                  "const uint16_t *k_scale, const int32_t *k_exponent, const int8_t *values, "
                  "const uint16_t *v_scale, const int32_t *v_exponent, const uint8_t *kv_of, "
                  "int32_t n, int32_t *weights, int32_t *mix, int32_t *mix_scale, int8_t *x"))
        buf_printf(w->shapes,
                   "return lm_attend%s(q, q_scale, keys, k_scale, k_exponent, values, v_scale, "
                   "v_exponent, "
                   "kv_of, n, weights, mix, mix_scale, x, %lld, %lld, %lld, %lld, %lld, %lld, "
                   "%lld%s);\n}\n\n",
                   r.by, imm(op, ATTEND_HEADS), imm(op, ATTEND_KV_HEADS), imm(op, ATTEND_DIM),
                   imm(op, ATTEND_SINKS), imm(op, ATTEND_UNIT), imm(op, ATTEND_PRE),
                   imm(op, ATTEND_SPREAD), r.argument);
    buf_printf(w->calls, "    const lm_scale s%d = %s(", local(w, op->scalar_out), name);
    for (int i = 0; i < 8; i++)
        buf_printf(w->calls, "%s, ", at(w, op->in[i]));
    buf_printf(w->calls, "%s, %s, %s, %s, %s, %s);\n", data(w, op->data[0]), ring(w, op, "filled"),
               at(w, op->out[1]), at(w, op->out[2]), at(w, op->out[3]), at(w, op->out[0]));
}

static void write_add(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "add_%lld", imm(op, ADD_DIM));
    if (new_shape(w, name, "void", "int32_t *resid, const int32_t *y, lm_scale unit"))
        buf_printf(w->shapes, "lm_add(resid, y, unit, %lld, %d);\n}\n\n", imm(op, ADD_DIM),
                   w->p->residual_fraction);
    buf_printf(w->calls, "    %s(%s, %s, %s);\n", name, at(w, op->out[0]), at(w, op->in[0]),
               unit(w, op->scalar_in[0], imm(op, ADD_EXP)));
}

/* The functions of the runtime for an activation, and the argument that they begin with. */
static const struct Activate {
    const char *gated, *only, *table;
    bool by; /* gated: takes the rounding only in a form of its own name */
} activates[ACTIVATIONS] = {
    [ACT_SILU] = {"glu", "silu_only", "", true},
    [ACT_GELU_TANH] = {"geglu", "gelu_only", "lm_gelu_table, ", false},
    [ACT_GELU] = {"geglu", "gelu_only", "lm_gelu_erf_table, ", false},
    [ACT_RELU] = {"reglu", "relu", "", false},
    [ACT_RELU2] = {"reglu2", "relu2", "", false},
};

static void write_glu(Writer *w, const Op *op)
{
    const struct Activate *f = &activates[w->e->unit->model->activation];
    const char *name = arena_printf(w->e->arena, "%s_%lld", f->gated, imm(op, GLU_N));
    const Rounding r = rounding(w, op);
    if (new_shape(
            w, name, "lm_scale",
            "int32_t *gate, const int32_t *up, lm_scale gate_unit, lm_scale up_unit, int8_t *x"))
        buf_printf(w->shapes, "return lm_%s%s(%sgate, up, gate_unit, up_unit, x, %lld%s);\n}\n\n",
                   f->gated, f->by ? r.by : "", f->table, imm(op, GLU_N),
                   f->by ? r.argument : always(r));
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, %s, %s, %s);\n",
               local(w, op->scalar_out), name, at(w, op->in[0]), at(w, op->in[1]),
               unit(w, op->scalar_in[0], imm(op, GLU_EXP_GATE)),
               unit(w, op->scalar_in[1], imm(op, GLU_EXP_UP)), at(w, op->out[0]));
}

static void write_activate(Writer *w, const Op *op)
{
    const struct Activate *f = &activates[w->e->unit->model->activation];
    const char *name = arena_printf(w->e->arena, "%s_%lld", f->only, imm(op, ACTIVATE_N));
    if (new_shape(w, name, "lm_scale", "int32_t *y, lm_scale unit, int8_t *x"))
        buf_printf(w->shapes, "return lm_%s(%sy, unit, x, %lld%s);\n}\n\n", f->only, f->table,
                   imm(op, ACTIVATE_N), always(rounding(w, op)));
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, %s);\n", local(w, op->scalar_out),
               name, at(w, op->in[0]), unit(w, op->scalar_in[0], imm(op, ACTIVATE_EXP)),
               at(w, op->out[0]));
}

static void write_logits(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "logits_%lld", imm(op, LOGITS_N));
    if (new_shape(w, name, "void", "int32_t *logits, lm_scale unit"))
        buf_printf(w->shapes, "lm_logits(logits, unit, %lld, %s_LOGIT_FRACTION);\n}\n\n",
                   imm(op, LOGITS_N), w->e->upper);
    buf_printf(w->calls, "    %s(%s, %s);\n", name, at(w, op->out[0]),
               unit(w, op->scalar_in[0], imm(op, LOGITS_EXP)));
}

static void (*const writers[OPS])(Writer *w, const Op *op) = {
    [OP_EMBED] = write_embed,
    [OP_ROW_GAIN] = write_row_gain,
    [OP_POSITION] = write_position,
    [OP_SECOND] = write_second,
    [OP_ANGLES] = write_angles,
    [OP_NORM] = write_norm,
    [OP_LAYER_NORM] = write_layer_norm,
    [OP_SIGN] = write_sign,
    [OP_GAIN] = write_gain,
    [OP_TABLE] = write_table,
    [OP_MATVEC] = write_matvec,
    [OP_BIAS] = write_bias,
    [OP_HEAD_NORM] = write_head_norm,
    [OP_SUB_NORM] = write_sub_norm,
    [OP_ROTATE] = write_rotate,
    [OP_STORE_K] = write_store_k,
    [OP_STORE_V] = write_store_v,
    [OP_ATTEND] = write_attend,
    [OP_ADD] = write_add,
    [OP_GLU] = write_glu,
    [OP_ACTIVATE] = write_activate,
    [OP_LOGITS] = write_logits,
    [OP_NORM_FIXED] = write_norm_fixed,
    [OP_QUANTIZE] = write_quantize,
    [OP_DENSE] = write_dense,
    [OP_POOL] = write_pool,
    [OP_PATCH] = write_patch,
    [OP_UNIT] = write_unit,
    [OP_TOP] = write_top,
    [OP_TABLE_PAIR] = write_table_pair,
    [OP_MATVEC_PAIR] = write_matvec_pair,
    [OP_TABLE_PART] = write_table,
    [OP_MATVEC_PART] = write_matvec_part,
};

/* The probe on the residual stream of every token. */
static void write_probe(Writer *w, const Body *body)
{
    const int first = w->prefill ? w->p->n_step : 0, tokens = w->prefill ? 2 : 1;
    for (int i = first; i < first + tokens; i++)
        buf_printf(w->calls, "    %s_PROBE(%s, %s, %d);\n", w->e->upper,
                   hole(w, "layer", "int32_t ", arena_printf(w->e->arena, "%d", body->layer)),
                   at(w, w->p->ops[i].out[0]), w->e->unit->model->dim);
}

/* Ops from first to last - 1, into the bodies of their layers. */
static void write_calls(Writer *w, Body *bodies, int first, int last)
{
    int scalars = 0;
    for (int i = first; i < last; i++) {
        const Op *op = &w->p->ops[i];
        w->op = op;
        w->body = &bodies[op->layer + 1];
        w->calls = &w->body->text[w->prefill ? TWO_TOKENS : op->phase];
        if (op->scalar_out >= 0)
            w->local[op->scalar_out] = scalars++;
        (op_scale(op) ? write_static : writers[op->kind])(w, op);
        if (i == last - 1 || op[1].layer != op->layer || op[1].phase != op->phase) {
            if (!w->p->encoder && op->layer < w->e->unit->model->n_layers)
                write_probe(w, w->body);
            scalars = 0;
        }
    }
}

void emit_ops(const Emission *e, Buf *shapes, Buf *layers)
{
    const Program *p = e->unit->program;
    const int n = e->unit->model->n_layers + 2;
    Writer w = {.e = e, .p = p, .shapes = shapes, .local = NEW(e->arena, int, p->n_scalars)};
    Body *bodies = NEW(e->arena, Body, n);
    for (int i = 0; i < n; i++)
        bodies[i].layer = i - 1;
    write_calls(&w, bodies, 0, p->n_step);
    w.prefill = true;
    write_calls(&w, bodies, p->n_step, p->n_ops);
    emit_layers(e, bodies, layers);
    for (int i = 0; i < n; i++)
        for (int r = 0; r < READINGS; r++)
            buf_free(&bodies[i].text[r]);
}
