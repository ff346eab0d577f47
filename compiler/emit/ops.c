/* The generated part of the model's source: one function for each shape of a kernel, with its
 * dimensions as constant arguments, and the calls of them that make up the layers. */
#include "layers.h"

#include <stdio.h>
#include <string.h>

typedef struct Writer {
    const Emission *e;
    const Program *p;
    Buf *shapes;
    Body *body; /* of the layer that the calls are for */
    Buf *calls; /* in it */
    int n_known;
    const char **known; /* names of the shapes written so far */
    bool prefill;       /* the calls are for two tokens of a prompt, whose places are in `at` */
    const Op *op;       /* whose call is written */
    int *local;         /* scalars, by their number in the program: their number in the function */
} Writer;

static long long imm(const Op *op, int i)
{
    return (long long)op->imm[i];
}

/* Something that may differ between layers of one shape: `name` is its name in the shape. */
static const char *hole(const Writer *w, const char *name, const char *type, const char *value)
{
    return body_hole(w->e->arena, w->body, (Hole){name, type, "", value, value});
}

/* A name of constants or buffers as a member of a struct, without the layer's number:
 * "l3_q_codes" and "layers.3.attn.q" give "q_codes" and "attn_q". */
static const char *member(const Writer *w, const char *name)
{
    const size_t word = strspn(name, "layers.");
    const size_t digits = name[0] == 'l' ? strspn(name + word, "0123456789") : 0;
    char *s = arena_strndup(w->e->arena, name, strlen(name));
    for (char *c = s; *c; c++)
        *c = *c == '.' || *c == '-' ? '_' : *c;
    return digits > 0 ? s + word + digits + 1 : s;
}

/* An int32_t argument that layers may differ in. */
static const char *number(const Writer *w, const char *name, long long value)
{
    return hole(w, name, "int32_t ", arena_printf(w->e->arena, "%lld", value));
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
    const char *offset = arena_printf(w->e->arena, "%lld", (long long)b->offset);
    return arena_printf(w->e->arena, "%s(%s)", macros[b->elem],
                        hole(w, member(w, b->name), "uint32_t ", offset));
}

static const char *data(const Writer *w, int i)
{
    static const char *const types[ELEMS] = {
        [ELEM_I8] = "const int8_t *",   [ELEM_U8] = "const uint8_t *",
        [ELEM_I16] = "const int16_t *", [ELEM_U16] = "const uint16_t *",
        [ELEM_I32] = "const int32_t *", [ELEM_U32] = "const uint32_t *"};
    const Data *d = &w->p->data[i];
    return hole(w, member(w, d->name), types[d->elem],
                arena_printf(w->e->arena, "%s_%s", w->e->name, d->name));
}

static int local(const Writer *w, int scalar)
{
    return w->local[scalar];
}

/* "s3 - 18 * 65536": the unit of a buffer from its scale and exponent. */
static const char *unit(const Writer *w, int scalar, int64_t exp)
{
    Arena *a = w->e->arena;
    const long long size = (long long)(exp < 0 ? -exp : exp);
    const Hole h = {
        .name = arena_printf(a, "%s_unit", member(w, op_info[w->op->kind].name)),
        .type = "int32_t ",
        .lead = " + ",
        .text = exp ? arena_printf(a, " %c %lld * 65536", exp < 0 ? '-' : '+', size) : "",
        .value = arena_printf(a, "%s%lld * 65536", exp < 0 ? "-" : "", size),
    };
    return arena_printf(a, "s%d%s", local(w, scalar), body_hole(a, w->body, h));
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

static void write_sign(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "sign_%lld", imm(op, SIGN_N));
    if (new_shape(w, name, "lm_scale", "int8_t *x, lm_scale scale"))
        buf_printf(w->shapes, "return lm_sign(x, %lld, scale, %lld);\n}\n\n", imm(op, SIGN_N),
                   imm(op, SIGN_INVERSE));
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, s%d);\n", local(w, op->scalar_out), name,
               at(w, op->out[0]), local(w, op->scalar_in[0]));
}

/* "LM_I8(128) + 64": that many elements on. */
static const char *from(const Writer *w, const char *start, int64_t n)
{
    return n == 0 ? start : arena_printf(w->e->arena, "%s + %lld", start, (long long)n);
}

/* All of x, or a part of it. */
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
        buf_printf(w->calls, "const int32_t s%d = ", local(w, op->scalar_out));
    else
        buf_puts(w->calls, "(void)");
    buf_printf(w->calls, "%s(%s, %s);\n", name, from(w, at(w, op->in[0]), imm(op, TABLE_FIRST)),
               at(w, op->out[0]));
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
        buf_printf(w->calls, "s%d, ", local(w, op->scalar_in[0]));
    buf_printf(w->calls, "%s, %lld);\n", at(w, op->out[0]), imm(op, MATVEC_ROWS));
}

/* Which of a matrix's columns: the first, the last, others. */
static const struct PartName {
    const char *suffix, *constant;
} part_names[] = {
    {"_first", "LM_PART_FIRST"}, {"_next", "LM_PART_NEXT"}, {"_last", "LM_PART_LAST"}};

static void write_matvec_part(Writer *w, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    const bool sum = kernel_takes_sum(k), planes = k->format == FORMAT_PLANES;
    const bool last = imm(op, PART_FIRST) + imm(op, PART_WIDTH) == imm(op, MATVEC_COLS);
    const struct PartName *part = &part_names[imm(op, PART_FIRST) == 0 ? 0 : last ? 2 : 1];
    const char *bits = planes ? arena_printf(w->e->arena, "_b%lld", imm(op, MATVEC_PLANES)) : "";
    const long long pre = last ? imm(op, MATVEC_PRE) : 0;
    const char *name = arena_printf(w->e->arena, "%s%s_x%lld_of_%lld%s%s", k->part_function + 3,
                                    bits, imm(op, PART_WIDTH), imm(op, MATVEC_COLS), part->suffix,
                                    pre ? arena_printf(w->e->arena, "_pre%lld", pre) : "");
    const char *params = arena_printf(
        w->e->arena,
        "const uint8_t *codes, const uint8_t *rows, const int16_t *x, %sint32_t *y, int32_t n",
        sum ? "int32_t sum, " : "");
    if (new_shape(w, name, "void", params)) {
        buf_printf(w->shapes, "%s(codes, rows, x, %sy, n, %lld, ", k->part_function,
                   sum ? "sum, " : "", imm(op, PART_WIDTH));
        if (planes)
            buf_printf(w->shapes, "%lld, ", imm(op, MATVEC_PLANES));
        buf_printf(w->shapes, "%lld, %lld, %s);\n}\n\n", pre, imm(op, MATVEC_STRIDE),
                   part->constant);
    }
    const int64_t offset =
        block_bytes(k->format, (int)op->imm[MATVEC_PLANES], (int)op->imm[PART_FIRST]);
    buf_printf(w->calls, "    %s(%s, %s, %s, ", name, from(w, data(w, op->data[0]), offset),
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
                          ? arena_printf(w->e->arena, "s%d", local(w, op->scalar_in[0]))
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
        buf_printf(w->calls, "const lm_two s%d = ", local(w, op->scalar_out));
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
        buf_printf(w->calls, "s%d, ", local(w, op->scalar_in[0]));
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
    const Rounding r = rounding(w, op);
    if (new_shape(
            w, name, "lm_scale",
            "int32_t *gate, const int32_t *up, lm_scale gate_unit, lm_scale up_unit, int8_t *x"))
        buf_printf(w->shapes, "return lm_%s%s(gate, up, gate_unit, up_unit, x, %lld%s);\n}\n\n",
                   function, r.by, imm(op, GLU_N), r.argument);
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, %s, %s, %s);\n",
               local(w, op->scalar_out), name, at(w, op->in[0]), at(w, op->in[1]),
               unit(w, op->scalar_in[0], imm(op, GLU_EXP_GATE)),
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
    [OP_SIGN] = write_sign,
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
        w->calls = &w->body->text[w->prefill ? TWO_TOKENS : ONE_TOKEN];
        if (op->scalar_out >= 0)
            w->local[op->scalar_out] = scalars++;
        writers[op->kind](w, op);
        if (i == last - 1 || op[1].layer != op->layer) {
            if (op->layer < w->e->unit->model->n_layers)
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
