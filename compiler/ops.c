/* The facts about each op in one table: names of its operands, in order. The verifier, the text
 * form and the emitters go by it. */
#include "program.h"

#include <math.h>
#include <string.h>

const char *const elem_names[ELEMS] = {"i8", "u8", "i16", "u16", "i32", "u32"};
const int elem_bytes[ELEMS] = {1, 1, 2, 2, 4, 4};

const OpInfo op_info[OPS] = {
    [OP_EMBED] = {.name = "embed",
                  .out = {"resid"},
                  .data = {"codes", "rows"},
                  .imm = {"dim", "planes", "stride", "shift"}},
    [OP_ROW_GAIN] = {.name = "row-gain", .out = {"resid"}, .imm = {"dim", "unit"}},
    [OP_POSITION] = {.name = "position",
                     .out = {"resid", "row"},
                     .data = {"codes", "rows"},
                     .imm = {"dim", "planes", "stride", "shift", "last"}},
    [OP_SECOND] = {.name = "second", .out = {"resid"}, .data = {"row"}, .imm = {"dim"}},
    [OP_ANGLES] = {.name = "angles",
                   .out = {"angles"},
                   .data = {"frequency"},
                   .imm = {"pairs", "turns"}},
    [OP_NORM] = {.name = "norm",
                 .in = {"resid"},
                 .out = {"x"},
                 .data = {"gamma"},
                 .imm = {"dim", "eps_m", "eps_e", "root_m", "exp", "?scale"},
                 .scalar_out = "scale"},
    [OP_LAYER_NORM] = {.name = "layer-norm",
                       .in = {"resid"},
                       .out = {"x", "centred"},
                       .data = {"gamma", "beta"},
                       .imm = {"dim", "mean_m", "mean_e", "eps_m", "eps_e", "root_m", "exp",
                               "fraction", "?scale", "?right", "?mul", "?down"},
                       .scalar_out = "scale"},
    [OP_SIGN] = {.name = "sign",
                 .out = {"x"},
                 .imm = {"n", "inverse"},
                 .scalar_in = {"scale"},
                 .scalar_out = "scale"},
    [OP_TABLE] =
        {.name = "table", .in = {"x"}, .out = {"table"}, .imm = {"cols"}, .scalar_out = "sum"},
    [OP_GAIN] = {.name = "gain",
                 .imm = {"mantissa", "exp"},
                 .scalar_in = {"scale"},
                 .scalar_out = "scale"},
    [OP_MATVEC] = {.name = "matvec",
                   .in = {"x"},
                   .out = {"y"},
                   .data = {"codes", "rows"},
                   .imm = {"rows", "cols", "planes", "pre", "stride"},
                   .scalar_in = {"sum"}},
    [OP_BIAS] = {.name = "bias",
                 .out = {"y"},
                 .data = {"bias"},
                 .imm = {"n", "exp", "fraction"},
                 .scalar_in = {"scale"},
                 .scalar_out = "fixed"},
    [OP_HEAD_NORM] = {.name = "head-norm",
                      .out = {"y"},
                      .data = {"gamma"},
                      .imm = {"heads", "dim", "unit_exp", "eps_m", "eps_e", "root_m", "exp",
                              "fraction"},
                      .scalar_in = {"scale"},
                      .scalar_out = "fixed"},
    [OP_SUB_NORM] = {.name = "sub-norm",
                     .out = {"x"},
                     .data = {"gamma"},
                     .imm = {"n", "eps_m", "eps_e", "root_m", "exp", "?scale"},
                     .scalar_in = {"scale"},
                     .scalar_out = "scale"},
    [OP_ROTATE] = {.name = "rotate",
                   .in = {"y", "?angles"},
                   .out = {"q", "scales", "?turned"},
                   .imm = {"heads", "dim", "turns", "exp"},
                   .scalar_in = {"scale"}},
    [OP_STORE_K] = {.name = "store-k",
                    .in = {"y", "?angles"},
                    .out = {"keys", "scales", "exponents", "?turned"},
                    .imm = {"heads", "dim", "exp"},
                    .scalar_in = {"scale"}},
    [OP_STORE_V] = {.name = "store-v",
                    .in = {"y"},
                    .out = {"values", "scales", "exponents"},
                    .imm = {"heads", "dim", "exp"},
                    .scalar_in = {"scale"}},
    [OP_ATTEND] = {.name = "attend",
                   .in = {"q", "q_scale", "keys", "k_scale", "k_exponents", "values", "v_scale",
                          "v_exponents"},
                   .out = {"x", "weights", "mix", "mix_scale"},
                   .data = {"kv_of"},
                   .imm = {"heads", "kv_heads", "dim", "sinks", "unit", "pre", "spread", "?scale",
                           "?inverse"},
                   .scalar_out = "scale"},
    [OP_ADD] = {.name = "add",
                .in = {"y"},
                .out = {"resid"},
                .imm = {"dim", "exp"},
                .scalar_in = {"scale"}},
    [OP_GLU] = {.name = "glu",
                .in = {"gate", "up"},
                .out = {"x"},
                .imm = {"n", "exp_gate", "exp_up", "?scale", "?gate_down", "?up_down", "?mul",
                        "?down"},
                .scalar_in = {"gate_scale", "up_scale"},
                .scalar_out = "scale"},
    [OP_ACTIVATE] = {.name = "activate",
                     .in = {"y"},
                     .out = {"x"},
                     .imm = {"n", "exp", "?scale", "?square", "?right", "?mul", "?down"},
                     .scalar_in = {"scale"},
                     .scalar_out = "scale"},
    [OP_LOGITS] = {.name = "logits",
                   .out = {"logits"},
                   .imm = {"n", "exp"},
                   .scalar_in = {"scale"}},
    [OP_NORM_FIXED] = {.name = "norm-fixed",
                       .out = {"v"},
                       .data = {"gamma", "beta"},
                       .imm = {"dim", "mean_m", "mean_e", "eps_m", "eps_e", "root_m", "exp",
                               "fraction"}},
    [OP_QUANTIZE] = {.name = "quantize",
                     .in = {"v"},
                     .out = {"x"},
                     .imm = {"n", "fraction", "?scale", "?right", "?mul", "?down"},
                     .scalar_out = "scale"},
    [OP_DENSE] = {.name = "dense", .out = {"y"}, .imm = {"n", "exp"}, .scalar_in = {"scale"}},
    [OP_POOL] = {.name = "pool", .in = {"rows"}, .out = {"v"}, .imm = {"dim", "all"}},
    [OP_PATCH] = {.name = "patch", .out = {"x"}, .imm = {"n"}, .scalar_out = "scale"},
    [OP_UNIT] = {.name = "unit", .out = {"v"}, .imm = {"n"}},
    [OP_TOP] = {.name = "top",
                .in = {"x"},
                .out = {"top", "chunk"},
                .data = {"codes", "rows"},
                .imm = {"rows", "cols", "planes", "pre", "stride", "n", "exp", "chunk"},
                .scalar_in = {"sum", "scale"}},
    [OP_TABLE_PAIR] = {.name = "table-pair",
                       .in = {"x", "second"},
                       .out = {"table"},
                       .imm = {"cols"},
                       .scalar_out = "sums"},
    [OP_MATVEC_PAIR] = {.name = "matvec-pair",
                        .in = {"x", "?second"},
                        .out = {"y", "second_y"},
                        .data = {"codes", "rows"},
                        .imm = {"rows", "cols", "planes", "pre", "stride"},
                        .scalar_in = {"sums"}},
    [OP_TABLE_PART] = {.name = "table-part",
                       .in = {"x"},
                       .out = {"table"},
                       .imm = {"cols", "first"},
                       .scalar_out = "sum"},
    [OP_MATVEC_PART] = {.name = "matvec-part",
                        .in = {"x"},
                        .out = {"y"},
                        .data = {"codes", "rows"},
                        .imm = {"rows", "cols", "planes", "pre", "stride", "width", "first"},
                        .scalar_in = {"sum"}},
};

bool op_reads_row(OpKind k)
{
    return k == OP_EMBED || k == OP_POSITION;
}

bool op_is_matvec(OpKind k)
{
    return k == OP_MATVEC || k == OP_MATVEC_PAIR || k == OP_MATVEC_PART || k == OP_TOP;
}

bool op_is_part(OpKind k)
{
    return k == OP_TABLE_PART || k == OP_MATVEC_PART;
}

/* Where an op's imm[] has the scale of x; -1: nowhere. */
static int scale_place(OpKind k)
{
    for (int i = 0; op_info[k].imm[i]; i++) {
        if (strcmp(op_info[k].imm[i], "?scale") == 0) {
            return i;
        }
    }
    return -1;
}

bool op_has_scale(OpKind k)
{
    return scale_place(k) >= 0;
}

int64_t op_scale(const Op *op)
{
    const int i = scale_place(op->kind);
    return i < 0 ? 0 : op->imm[i];
}

double scale_value(int64_t scale)
{
    const int64_t m = scale & 0xffff;
    return ldexp((double)m, (int)((scale - m) / 65536));
}

/* A bias gives its result a unit of its own, a power of two. */
double known_scale(const Program *p, int scalar)
{
    int i = 0;
    while (i < p->n_ops && p->ops[i].scalar_out != scalar) {
        i++;
    }
    const Op *op = &p->ops[i];
    if (i == p->n_ops) {
        return 0;
    }
    if (op->kind == OP_GAIN) {
        return known_scale(p, op->scalar_in[0]) *
               ldexp((double)op->imm[GAIN_MANTISSA], (int)op->imm[GAIN_EXP]);
    }
    return op->kind == OP_BIAS ? ldexp(1, -(int)op->imm[BIAS_FRACTION])
                               : (op_scale(op) ? scale_value(op_scale(op)) : 0);
}

int writer_of(const Program *p, int op, int buffer)
{
    while (--op >= 0) {
        for (int k = 0; k < MAX_OPERANDS; k++) {
            if (p->ops[op].out[k] == buffer) {
                return op;
            }
        }
    }
    return -1;
}

bool reads_signs(const Program *p, int op)
{
    for (int k = 0; k < MAX_OPERANDS && p->ops[op].in[k] >= 0; k++) {
        const int w = writer_of(p, op, p->ops[op].in[k]);
        const OpKind kind = w < 0 ? OPS : p->ops[w].kind;
        const bool table = kind == OP_TABLE || kind == OP_TABLE_PAIR || kind == OP_TABLE_PART;
        if (table ? !reads_signs(p, w) : kind != OP_SIGN) {
            return false;
        }
    }
    return true;
}

int top_of(const Program *p)
{
    const Op *head = &p->ops[p->n_step - 1];
    return head->kind == OP_TOP ? (int)head->imm[TOP_N] : 0;
}

int program_add_buffer(Arena *a, Program *p, const char *name, ElemType elem, int count,
                       bool lasting)
{
    p->buffers = arena_grow(a, p->buffers, p->n_buffers, sizeof(Buffer));
    p->buffers[p->n_buffers] = (Buffer){.name = name,
                                        .elem = elem,
                                        .count = count,
                                        .lasting = lasting,
                                        .first = -1,
                                        .last = -1,
                                        .offset = -1};
    return p->n_buffers++;
}

int program_add_data(Arena *a, Program *p, const char *name, ElemType elem, int64_t count)
{
    p->data = arena_grow(a, p->data, p->n_data, sizeof(Data));
    p->data[p->n_data] = (Data){.name = name,
                                .elem = elem,
                                .count = count,
                                .bytes = arena_alloc(a, (size_t)count, (size_t)elem_bytes[elem]),
                                .align = elem_bytes[elem],
                                .region = -1};
    return p->n_data++;
}

Op *program_add_op(Arena *a, Program *p, OpKind kind, int layer)
{
    p->ops = arena_grow(a, p->ops, p->n_ops, sizeof(Op));
    Op *op = &p->ops[p->n_ops++];
    *op = (Op){.kind = kind, .layer = layer, .linear = -1, .kernel = -1, .scalar_out = -1};
    for (int i = 0; i < MAX_OPERANDS; i++) {
        op->in[i] = op->out[i] = op->data[i] = -1;
    }
    op->scalar_in[0] = op->scalar_in[1] = -1;
    return op;
}
