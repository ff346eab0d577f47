/* The generated part of the model's source: one function for each shape of a kernel, with its
 * dimensions as constant arguments, and one function for each layer, a straight line of calls. */
#include "emit.h"

#include <stdio.h>
#include <string.h>

typedef struct Writer {
    const Emission *e;
    const Program *p;
    Buf *shapes, *calls;
    int n_known;
    const char **known; /* names of the shapes written so far */
    bool prefill;       /* the calls are for two tokens of a prompt, whose places are in `at` */
} Writer;

static long long imm(const Op *op, int i)
{
    return (long long)op->imm[i];
}

/* "LM_I32(128)": a buffer in the state's memory. */
static const char *at(const Writer *w, int buffer)
{
    static const char *const macros[ELEMS] = {[ELEM_I8] = "LM_I8",
                                              [ELEM_I16] = "LM_I16",
                                              [ELEM_U16] = "LM_U16",
                                              [ELEM_I32] = "LM_I32",
                                              [ELEM_U32] = "LM_U32"};
    const Buffer *b = &w->p->buffers[buffer];
    return arena_printf(w->e->arena, "%s(%lld)", macros[b->elem], (long long)b->offset);
}

static const char *data(const Writer *w, int i)
{
    return arena_printf(w->e->arena, "%s_%s", w->e->name, w->p->data[i].name);
}

/* "s3 - 18 * 65536": the unit of a buffer from its scale and exponent. */
static const char *unit(const Writer *w, int scalar, int64_t exp)
{
    if (exp == 0)
        return arena_printf(w->e->arena, "s%d", scalar);
    return arena_printf(w->e->arena, "s%d %c %lld * 65536", scalar, exp < 0 ? '-' : '+',
                        (long long)(exp < 0 ? -exp : exp));
}

/* "s->position": where the op's token stands. */
static const char *place(const Writer *w, const Op *op, const char *what)
{
    if (w->prefill)
        return arena_printf(w->e->arena, "at[%d].%s", op->token, what);
    return arena_printf(w->e->arena, "%s%s", strcmp(what, "filled") == 0 ? "" : "s->", what);
}

/* True when the shape of this name has to be written now; starts its definition. */
static bool new_shape(Writer *w, const char *name, const char *type, const char *params)
{
    for (int i = 0; i < w->n_known; i++)
        if (strcmp(w->known[i], name) == 0)
            return false;
    w->known = arena_grow(w->e->arena, w->known, w->n_known, sizeof *w->known);
    w->known[w->n_known++] = name;
    buf_printf(w->shapes, "LM_FUNCTION %s %s(%s)\n{\n    ", type, name, params);
    return true;
}

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

static void write_embed(Writer *w, const Op *op)
{
    const Format f = w->e->unit->model->embed.format;
    const char *token = w->prefill ? arena_printf(w->e->arena, "tokens[%d]", op->token) : "token";
    buf_printf(w->calls, "    %s(%s, %s, %s, %s, %lld, ", embed_function(f), data(w, op->data[0]),
               data(w, op->data[1]), token, at(w, op->out[0]), imm(op, EMBED_DIM));
    if (f == FORMAT_PLANES)
        buf_printf(w->calls, "%lld, ", imm(op, EMBED_PLANES));
    buf_printf(w->calls, "%lld, %lld);\n", imm(op, EMBED_STRIDE), imm(op, EMBED_SHIFT));
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

static void write_norm(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "norm_%lld", imm(op, NORM_DIM));
    if (new_shape(w, name, "lm_scale",
                  "const int32_t *resid, const int16_t *gamma, int8_t *x, int32_t exp"))
        buf_printf(
            w->shapes, "return lm_norm(resid, gamma, x, %lld, %lldU, %lld, %lldU, exp);\n}\n\n",
            imm(op, NORM_DIM), imm(op, NORM_EPS_M), imm(op, NORM_EPS_E), imm(op, NORM_ROOT_M));
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, %s, %lld);\n", op->scalar_out, name,
               at(w, op->in[0]), data(w, op->data[0]), at(w, op->out[0]), imm(op, NORM_EXP));
}

static void write_table(Writer *w, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    const long long cols = imm(op, TABLE_COLS);
    const char *name = /* without its lm_ */
        arena_printf(w->e->arena, "%s_%lld", k->table_function + 3, cols);
    if (new_shape(w, name, "int32_t", "const int8_t *x, int16_t *table"))
        buf_printf(w->shapes, "return %s(x, table, %lld);\n}\n\n", k->table_function, cols);
    buf_puts(w->calls, "    ");
    if (k->format == FORMAT_PLANES) /* the only one whose kernels take the sum */
        buf_printf(w->calls, "const int32_t s%d = ", op->scalar_out);
    else
        buf_puts(w->calls, "(void)");
    buf_printf(w->calls, "%s(%s, %s);\n", name, at(w, op->in[0]), at(w, op->out[0]));
}

/* "planes_byte_b2_x172": kernel, planes, inputs. How many rows there are is an argument: it costs
 * nothing, and matrices of one input share an instance. */
static const char *matvec_name(const Writer *w, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    char name[128];
    int n = snprintf(name, sizeof name, "%s",
                     (op->kind == OP_MATVEC_PAIR ? k->pair_function : k->function) + 3);
    if (k->format == FORMAT_PLANES)
        n += snprintf(name + n, sizeof name - (size_t)n, "_b%lld", imm(op, MATVEC_PLANES));
    n += snprintf(name + n, sizeof name - (size_t)n, "_x%lld", imm(op, MATVEC_COLS));
    if (imm(op, MATVEC_PRE))
        n += snprintf(name + n, sizeof name - (size_t)n, "_pre%lld", imm(op, MATVEC_PRE));
    return arena_strndup(w->e->arena, name, (size_t)n);
}

/* The dimensions; whether planes are among them depends on the format. */
static void write_dimensions(const Writer *w, const Op *op)
{
    buf_printf(w->shapes, "n, %lld, ", imm(op, MATVEC_COLS));
    if (kernels[op->kernel].format == FORMAT_PLANES)
        buf_printf(w->shapes, "%lld, ", imm(op, MATVEC_PLANES));
    buf_printf(w->shapes, "%lld, %lld);\n}\n\n", imm(op, MATVEC_PRE), imm(op, MATVEC_STRIDE));
}

/* Gives whether it takes the sum of the inputs. */
static bool write_matvec_shape(Writer *w, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    const bool sum = kernel_takes_sum(k);
    const char *params = arena_printf(
        w->e->arena,
        "const uint8_t *codes, const uint8_t *rows, const %s *x, %sint32_t *y, int32_t n",
        k->table == TABLE_NONE ? "int8_t" : "int16_t", sum ? "int32_t sum, " : "");
    if (new_shape(w, matvec_name(w, op), "void", params)) {
        buf_printf(w->shapes, "%s(codes, rows, x, %sy, ", k->function, sum ? "sum, " : "");
        write_dimensions(w, op);
    }
    return sum;
}

static void write_matvec(Writer *w, const Op *op)
{
    const bool sum = write_matvec_shape(w, op);
    buf_printf(w->calls, "    %s(%s, %s, %s, ", matvec_name(w, op), data(w, op->data[0]),
               data(w, op->data[1]), at(w, op->in[0]));
    if (sum)
        buf_printf(w->calls, "s%d, ", op->scalar_in[0]);
    buf_printf(w->calls, "%s, %lld);\n", at(w, op->out[0]), imm(op, MATVEC_ROWS));
}

/* A chunk of rows, as lm_top calls for it. */
static const char *write_top_kernel(Writer *w, const Op *op)
{
    const bool sum = write_matvec_shape(w, op);
    const char *rows = matvec_name(w, op), *name = arena_printf(w->e->arena, "top_%s", rows);
    if (new_shape(w, name, "void",
                  "const uint8_t *codes, const uint8_t *rows, const void *x, int32_t sum, "
                  "int32_t *y, int32_t n"))
        buf_printf(w->shapes, "%s%s(codes, rows, x, %sy, n);\n}\n\n", sum ? "" : "(void)sum;\n    ",
                   rows, sum ? "sum, " : "");
    return name;
}

static void write_top(Writer *w, const Op *op)
{
    const char *sum = kernel_takes_sum(&kernels[op->kernel])
                          ? arena_printf(w->e->arena, "s%d", op->scalar_in[0])
                          : "0";
    buf_printf(w->calls,
               "    lm_top(%s, %s, %s, %s, %s, %s, %s, %s, %lld, %lld, %lld, %lld, "
               "%s_LOGIT_FRACTION);\n",
               write_top_kernel(w, op), data(w, op->data[0]), data(w, op->data[1]),
               at(w, op->in[0]), sum, unit(w, op->scalar_in[1], imm(op, TOP_EXP)),
               at(w, op->out[1]), at(w, op->out[0]), imm(op, MATVEC_ROWS), imm(op, TOP_N),
               imm(op, TOP_CHUNK), (long long)top_chunk_bytes(w->e->unit->model, op), w->e->upper);
}

static void write_table_pair(Writer *w, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    const long long cols = imm(op, TABLE_COLS);
    const char *name = arena_printf(w->e->arena, "%s_%lld", k->pair_table_function + 3, cols);
    if (new_shape(w, name, "lm_two", "const int8_t *x, const int8_t *second, uint32_t *table"))
        buf_printf(w->shapes, "return %s(x, second, table, %lld);\n}\n\n", k->pair_table_function,
                   cols);
    buf_puts(w->calls, "    ");
    if (kernel_takes_sum(k))
        buf_printf(w->calls, "const lm_two s%d = ", op->scalar_out);
    else
        buf_puts(w->calls, "(void)");
    buf_printf(w->calls, "%s(%s, %s, %s);\n", name, at(w, op->in[0]), at(w, op->in[1]),
               at(w, op->out[0]));
}

static void write_matvec_pair(Writer *w, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    const bool sum = kernel_takes_sum(k), straight = k->table == TABLE_NONE;
    const char *name = matvec_name(w, op);
    const char *params =
        arena_printf(w->e->arena,
                     "const uint8_t *codes, const uint8_t *rows, %s%s, int32_t *y, "
                     "int32_t *second_y, int32_t n",
                     straight ? "const int8_t *x, const int8_t *second" : "const uint32_t *table",
                     sum ? ", lm_two sums" : "");
    if (new_shape(w, name, "void", params)) {
        buf_printf(w->shapes, "%s(codes, rows, %s%s, y, second_y, ", k->pair_function,
                   straight ? "x, second" : "table", sum ? ", sums" : "");
        write_dimensions(w, op);
    }
    buf_printf(w->calls, "    %s(%s, %s, %s, ", name, data(w, op->data[0]), data(w, op->data[1]),
               at(w, op->in[0]));
    if (straight)
        buf_printf(w->calls, "%s, ", at(w, op->in[1]));
    if (sum)
        buf_printf(w->calls, "s%d, ", op->scalar_in[0]);
    buf_printf(w->calls, "%s, %s, %lld);\n", at(w, op->out[0]), at(w, op->out[1]),
               imm(op, MATVEC_ROWS));
}

static void write_bias(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "bias_%lld", imm(op, BIAS_N));
    if (new_shape(w, name, "lm_scale",
                  "int32_t *y, const int32_t *bias, lm_scale unit, int32_t fraction"))
        buf_printf(w->shapes, "return lm_bias(y, bias, unit, %lld, fraction);\n}\n\n",
                   imm(op, BIAS_N));
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, %s, %lld);\n", op->scalar_out, name,
               at(w, op->out[0]), data(w, op->data[0]),
               unit(w, op->scalar_in[0], imm(op, BIAS_EXP)), imm(op, BIAS_FRACTION));
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
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, %s, %lld, %lld);\n", op->scalar_out,
               name, at(w, op->out[0]), data(w, op->data[0]),
               unit(w, op->scalar_in[0], imm(op, HEAD_NORM_UNIT_EXP)), imm(op, HEAD_NORM_EXP),
               imm(op, HEAD_NORM_FRACTION));
}

static void write_rotate(Writer *w, const Op *op)
{
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

static void write_store_k(Writer *w, const Op *op)
{
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
               at(w, op->out[0]), at(w, op->out[1]), at(w, op->out[2]), place(w, op, "slot"),
               place(w, op, "filled"));
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
               at(w, op->out[2]), place(w, op, "slot"), place(w, op, "filled"));
}

static void write_attend(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "attend_%lldx%lld_%lld", imm(op, ATTEND_HEADS),
                                    imm(op, ATTEND_DIM), imm(op, ATTEND_KV_HEADS));
    if (new_shape(w, name, "lm_scale",
                  "const int8_t *q, const int32_t *q_scale, const int8_t *keys, "
                  "const uint16_t *k_scale, const int32_t *k_exponent, const int8_t *values, "
                  "const uint16_t *v_scale, const int32_t *v_exponent, const uint8_t *kv_of, "
                  "int32_t n, int32_t *weights, int32_t *mix, int32_t *mix_scale, int8_t *x"))
        buf_printf(
            w->shapes,
            "return lm_attend(q, q_scale, keys, k_scale, k_exponent, values, v_scale, v_exponent, "
            "kv_of, n, weights, mix, mix_scale, x, %lld, %lld, %lld, %lld, %lld, %lld, "
            "%lld);\n}\n\n",
            imm(op, ATTEND_HEADS), imm(op, ATTEND_KV_HEADS), imm(op, ATTEND_DIM),
            imm(op, ATTEND_SINKS), imm(op, ATTEND_UNIT), imm(op, ATTEND_PRE),
            imm(op, ATTEND_SPREAD));
    buf_printf(w->calls, "    const lm_scale s%d = %s(", op->scalar_out, name);
    for (int i = 0; i < 8; i++)
        buf_printf(w->calls, "%s, ", at(w, op->in[i]));
    buf_printf(w->calls, "%s, %s, %s, %s, %s, %s);\n", data(w, op->data[0]), place(w, op, "filled"),
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

static void write_glu(Writer *w, const Op *op)
{
    static const char *const functions[ACTIVATIONS] = {
        [ACT_SILU] = "glu", [ACT_GELU_TANH] = "geglu"};
    const char *function = functions[w->e->unit->model->activation];
    const char *name = arena_printf(w->e->arena, "%s_%lld", function, imm(op, GLU_N));
    if (new_shape(
            w, name, "lm_scale",
            "int32_t *gate, const int32_t *up, lm_scale gate_unit, lm_scale up_unit, int8_t *x"))
        buf_printf(w->shapes, "return lm_%s(gate, up, gate_unit, up_unit, x, %lld);\n}\n\n",
                   function, imm(op, GLU_N));
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, %s, %s, %s);\n", op->scalar_out, name,
               at(w, op->in[0]), at(w, op->in[1]), unit(w, op->scalar_in[0], imm(op, GLU_EXP_GATE)),
               unit(w, op->scalar_in[1], imm(op, GLU_EXP_UP)), at(w, op->out[0]));
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
    [OP_ANGLES] = write_angles,
    [OP_NORM] = write_norm,
    [OP_TABLE] = write_table,
    [OP_MATVEC] = write_matvec,
    [OP_BIAS] = write_bias,
    [OP_HEAD_NORM] = write_head_norm,
    [OP_ROTATE] = write_rotate,
    [OP_STORE_K] = write_store_k,
    [OP_STORE_V] = write_store_v,
    [OP_ATTEND] = write_attend,
    [OP_ADD] = write_add,
    [OP_GLU] = write_glu,
    [OP_LOGITS] = write_logits,
    [OP_TOP] = write_top,
    [OP_TABLE_PAIR] = write_table_pair,
    [OP_MATVEC_PAIR] = write_matvec_pair,
};

/* Opens the function of a layer: -1 the input, n_layers the head. */
static void open_function(const Writer *w, int layer)
{
    const char *name = w->e->name;
    const int n = w->e->unit->model->n_layers;
    buf_printf(w->calls, "static %s_HOT void %s_", w->e->upper, name);
    if (layer < 0)
        buf_printf(w->calls, "input%s(", w->prefill ? "_pair" : "");
    else if (layer < n)
        buf_printf(w->calls, "layer_%d%s(", layer, w->prefill ? "_pair" : "");
    else
        buf_puts(w->calls, "head(");
    buf_printf(w->calls, "%s_t *s%s%s)\n{\n", name,
               layer >= 0   ? ""
               : w->prefill ? arena_printf(w->e->arena, ", const %s_token *tokens", name)
                            : ", int32_t token",
               w->prefill                ? ", const lm_place *at"
               : layer >= 0 && layer < n ? ", int32_t filled"
                                         : "");
    buf_puts(w->calls, "    uint8_t *memory = (uint8_t *)s->memory;\n");
}

/* Closes it with the probe on the residual stream of every token. */
static void close_function(const Writer *w, int layer)
{
    const int first = w->prefill ? w->p->n_step : 0;
    for (int i = first; i <= first + (w->prefill ? 1 : 0) && layer < w->e->unit->model->n_layers;
         i++)
        buf_printf(w->calls, "    %s_PROBE(%d, %s, %d);\n", w->e->upper, layer,
                   at(w, w->p->ops[i].out[0]), w->e->unit->model->dim);
    buf_puts(w->calls, "}\n\n");
}

/* The calls of all layers, and where the head's output is. */
static void write_sequence(const Writer *w)
{
    const char *name = w->e->name, *upper = w->e->upper;
    buf_printf(w->calls, "static void %s_layers(%s_t *s, int32_t token)\n{\n", name, name);
    buf_printf(w->calls,
               "    const int32_t filled = s->position < %s_WINDOW ? (int32_t)s->position + 1 : "
               "%s_WINDOW;\n    %s_input(s, token);\n",
               upper, upper, name);
    for (int i = 0; i < w->e->unit->model->n_layers; i++)
        buf_printf(w->calls, "    %s_layer_%d(s, filled);\n", name, i);
    buf_printf(w->calls, "}\n\nstatic const int32_t *%s_output(const %s_t *s)\n{\n", name, name);
    buf_printf(w->calls,
               "    const uint8_t *memory = (const uint8_t *)s->memory;\n"
               "    return (const int32_t *)(const void *)(memory + %lld);\n}\n",
               (long long)w->p->buffers[w->p->ops[w->p->n_step - 1].out[0]].offset);
}

static void write_pair_sequence(const Writer *w)
{
    const char *name = w->e->name;
    buf_printf(w->calls,
               "static void %s_layers_pair(%s_t *s, const %s_token *tokens, const lm_place *at)\n"
               "{\n    %s_input_pair(s, tokens, at);\n",
               name, name, name, name);
    for (int i = 0; i < w->e->unit->model->n_layers; i++)
        buf_printf(w->calls, "    %s_layer_%d_pair(s, at);\n", name, i);
    buf_puts(w->calls, "}\n");
}

/* Ops from first to last - 1, a function for each layer. */
static void write_functions(Writer *w, int first, int last)
{
    const Op *ops = w->p->ops;
    for (int i = first; i < last; i++) {
        if (i == first || ops[i].layer != ops[i - 1].layer)
            open_function(w, ops[i].layer);
        writers[ops[i].kind](w, &ops[i]);
        if (i == last - 1 || ops[i].layer != ops[i + 1].layer)
            close_function(w, ops[i].layer);
    }
}

void emit_ops(const Emission *e, Buf *shapes, Buf *layers)
{
    Writer w = {.e = e, .p = e->unit->program, .shapes = shapes, .calls = layers};
    write_functions(&w, 0, w.p->n_step);
    write_sequence(&w);
    if (w.p->n_step < w.p->n_ops) {
        w.prefill = true;
        buf_puts(layers, "\n");
        write_functions(&w, w.p->n_step, w.p->n_ops);
        write_pair_sequence(&w);
    }
}
