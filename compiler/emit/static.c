/* The calls of ops that give an int8 vector of a static scale, and the functions of their shapes.
 * The scale is a constant: what reads the vector takes it as it takes any other. */
#include "writer.h"

static void write_norm(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "static_norm_%lld", imm(op, NORM_DIM));
    if (new_shape(w, name, "void",
                  "const int32_t *resid, const int16_t *gamma, int8_t *x, int32_t root, "
                  "int32_t exp"))
        buf_printf(w->shapes,
                   "lm_norm_static(resid, gamma, x, %lld, %lldU, %lld, (uint32_t)root, exp);\n"
                   "}\n\n",
                   imm(op, NORM_DIM), imm(op, NORM_EPS_M), imm(op, NORM_EPS_E));
    buf_printf(w->calls, "    %s(%s, %s, %s, %s, %s);\n", name, at(w, op->in[0]),
               data(w, op->data[0]), at(w, op->out[0]),
               number(w, "norm_root", imm(op, NORM_ROOT_M)),
               number(w, "norm_exp", imm(op, NORM_EXP)));
}

static void write_layer_norm(Writer *w, const Op *op)
{
    const long long dim = imm(op, LAYER_NORM_DIM);
    const char *name = arena_printf(w->e->arena, "static_layer_norm_%lld", dim);
    if (new_shape(w, name, "void",
                  "const int32_t *resid, const int16_t *gamma, const int32_t *beta, "
                  "int32_t *centred, int8_t *x, int32_t exp, int32_t fraction, int32_t right, "
                  "int32_t m, int32_t down"))
        buf_printf(w->shapes,
                   "lm_layer_norm_fixed(resid, gamma, beta, centred, %lld, %lldU, %lld, %lldU, "
                   "%lld, %lldU, exp, fraction);\n"
                   "    lm_quantize_static(centred, %lld, right, m, down, x);\n}\n\n",
                   dim, imm(op, LAYER_NORM_MEAN_M), imm(op, LAYER_NORM_MEAN_E),
                   imm(op, LAYER_NORM_EPS_M), imm(op, LAYER_NORM_EPS_E), imm(op, LAYER_NORM_ROOT_M),
                   dim);
    buf_printf(w->calls, "    %s(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s);\n", name,
               at(w, op->in[0]), data(w, op->data[0]), data(w, op->data[1]), at(w, op->out[1]),
               at(w, op->out[0]), number(w, "norm_exp", imm(op, LAYER_NORM_EXP)),
               number(w, "norm_fraction", imm(op, LAYER_NORM_FRACTION)),
               number(w, "norm_right", imm(op, LAYER_NORM_RIGHT)),
               number(w, "norm_mul", imm(op, LAYER_NORM_MUL)),
               number(w, "norm_down", imm(op, LAYER_NORM_DOWN)));
}

static void write_sub_norm(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "static_sub_norm_%lld", imm(op, SUB_NORM_N));
    if (new_shape(w, name, "void",
                  "int8_t *x, const int16_t *gamma, lm_scale scale, int32_t root, int32_t exp"))
        buf_printf(w->shapes,
                   "lm_sub_norm_static(x, gamma, scale, %lld, %lldU, %lld, (uint32_t)root, "
                   "exp);\n}\n\n",
                   imm(op, SUB_NORM_N), imm(op, SUB_NORM_EPS_M), imm(op, SUB_NORM_EPS_E));
    buf_printf(w->calls, "    %s(%s, %s, s%d, %s, %s);\n", name, at(w, op->out[0]),
               data(w, op->data[0]), local(w, op->scalar_in[0]),
               number(w, "sub_norm_root", imm(op, SUB_NORM_ROOT_M)),
               number(w, "sub_norm_exp", imm(op, SUB_NORM_EXP)));
}

static void write_attend(Writer *w, const Op *op)
{
    const char *name =
        arena_printf(w->e->arena, "static_attend_%lldx%lld_%lld", imm(op, ATTEND_HEADS),
                     imm(op, ATTEND_DIM), imm(op, ATTEND_KV_HEADS));
    if (new_shape(w, name, "void",
                  "const int8_t *q, const int32_t *q_scale, const int8_t *keys, "
                  "const uint16_t *k_scale, const int32_t *k_exponent, const int8_t *values, "
                  "const uint16_t *v_scale, const int32_t *v_exponent, const uint8_t *kv_of, "
                  "int32_t n, int32_t *weights, int32_t *mix, int32_t *mix_scale, int8_t *x, "
                  "lm_scale inverse"))
        buf_printf(
            w->shapes,
            "lm_attend_static(q, q_scale, keys, k_scale, k_exponent, values, v_scale, "
            "v_exponent, kv_of, n, weights, mix, mix_scale, x, %lld, %lld, %lld, %lld, %lld, %lld, "
            "%lld, inverse);\n}\n\n",
            imm(op, ATTEND_HEADS), imm(op, ATTEND_KV_HEADS), imm(op, ATTEND_DIM),
            imm(op, ATTEND_SINKS), imm(op, ATTEND_UNIT), imm(op, ATTEND_PRE),
            imm(op, ATTEND_SPREAD));
    buf_printf(w->calls, "    %s(", name);
    for (int i = 0; i < 8; i++)
        buf_printf(w->calls, "%s, ", at(w, op->in[i]));
    buf_printf(w->calls, "%s, %s, %s, %s, %s, %s, %s);\n", data(w, op->data[0]),
               ring(w, op, "filled"), at(w, op->out[1]), at(w, op->out[2]), at(w, op->out[3]),
               at(w, op->out[0]), number(w, "attend_inverse", imm(op, ATTEND_INVERSE)));
}

/* What an activation does to v (n) in place: its function up to n, and whether a unit or a shift is
 * among its arguments. */
static const struct Active {
    const char *name, *call;
    bool unit, shift;
} actives[ACTIVATIONS] = {
    [ACT_SILU] = {"silu", "(void)lm_silu_all(", true, false},
    [ACT_GELU_TANH] = {"gelu", "(void)lm_gelu_loop(lm_gelu_table, ", true, false},
    [ACT_GELU] = {"gelu", "(void)lm_gelu_loop(lm_gelu_erf_table, ", true, false},
    [ACT_RELU] = {"relu", "(void)lm_relu_loop(", false, false},
    [ACT_RELU2] = {"relu2", "lm_square_static(", false, true},
};

/* The call in a shape; drop: bits that a square gives up. */
static void write_active(Writer *w, const struct Active *f, const char *v, long long n, int drop)
{
    buf_printf(w->shapes, "%s%s, %s%lld", f->call, v, f->unit ? "unit, " : "", n);
    if (f->shift)
        buf_printf(w->shapes, ", down, %d", drop);
    buf_puts(w->shapes, ");\n    ");
}

static void write_glu(Writer *w, const Op *op)
{
    const struct Active *f = &actives[w->e->unit->model->activation];
    const long long n = imm(op, GLU_N);
    const char *name = arena_printf(w->e->arena, "static_%s_glu_%lld", f->name, n);
    if (new_shape(w, name, "void",
                  f->unit ? "int32_t *gate, const int32_t *up, lm_scale unit, int32_t down, "
                            "int32_t up_down, int32_t m, int32_t right, int8_t *x"
                          : "int32_t *gate, const int32_t *up, int32_t down, int32_t up_down, "
                            "int32_t m, int32_t right, int8_t *x")) {
        write_active(w, f, "gate", n, 15);
        buf_printf(w->shapes, "lm_product_static(gate, up, %s, up_down, m, right, x, %lld);\n}\n\n",
                   f->shift ? "0" : "down", n);
    }
    buf_printf(w->calls, "    %s(%s, %s, ", name, at(w, op->in[0]), at(w, op->in[1]));
    if (f->unit)
        buf_printf(w->calls, "%s, ", unit(w, op->scalar_in[0], imm(op, GLU_EXP_GATE)));
    buf_printf(w->calls, "%s, %s, %s, %s, %s);\n", number(w, "gate_down", imm(op, GLU_GATE_DOWN)),
               number(w, "up_down", imm(op, GLU_UP_DOWN)), number(w, "glu_mul", imm(op, GLU_MUL)),
               number(w, "glu_down", imm(op, GLU_DOWN)), at(w, op->out[0]));
}

static void write_activate(Writer *w, const Op *op)
{
    const struct Active *f = &actives[w->e->unit->model->activation];
    const long long n = imm(op, ACTIVATE_N);
    const char *name = arena_printf(w->e->arena, "static_%s_%lld", f->name, n);
    if (new_shape(w, name, "void",
                  arena_printf(w->e->arena, "int32_t *y, %s%s",
                               f->unit    ? "lm_scale unit, "
                               : f->shift ? "int32_t down, "
                                          : "",
                               "int32_t right, int32_t m, int32_t last, int8_t *x"))) {
        write_active(w, f, "y", n, 0);
        buf_printf(w->shapes, "lm_quantize_static(y, %lld, right, m, last, x);\n}\n\n", n);
    }
    buf_printf(w->calls, "    %s(%s, ", name, at(w, op->in[0]));
    if (f->unit)
        buf_printf(w->calls, "%s, ", unit(w, op->scalar_in[0], imm(op, ACTIVATE_EXP)));
    if (f->shift)
        buf_printf(w->calls, "%s, ", number(w, "square", imm(op, ACTIVATE_SQUARE)));
    buf_printf(w->calls, "%s, %s, %s, %s);\n", number(w, "activate_right", imm(op, ACTIVATE_RIGHT)),
               number(w, "activate_mul", imm(op, ACTIVATE_MUL)),
               number(w, "activate_down", imm(op, ACTIVATE_DOWN)), at(w, op->out[0]));
}

static void write_quantize_static(Writer *w, const Op *op)
{
    const long long n = imm(op, QUANTIZE_N);
    const char *name = arena_printf(w->e->arena, "static_quantize_%lld", n);
    if (new_shape(w, name, "void",
                  "const int32_t *v, int32_t right, int32_t m, int32_t down, int8_t *x"))
        buf_printf(w->shapes, "lm_quantize_static(v, %lld, right, m, down, x);\n}\n\n", n);
    buf_printf(w->calls, "    %s(%s, %s, %s, %s, %s);\n", name, at(w, op->in[0]),
               number(w, "right", imm(op, QUANTIZE_RIGHT)), number(w, "mul", imm(op, QUANTIZE_MUL)),
               number(w, "down", imm(op, QUANTIZE_DOWN)), at(w, op->out[0]));
}

void write_static(Writer *w, const Op *op)
{
    switch ((int)op->kind) {
    case OP_NORM: write_norm(w, op); break;
    case OP_LAYER_NORM: write_layer_norm(w, op); break;
    case OP_SUB_NORM: write_sub_norm(w, op); break;
    case OP_ATTEND: write_attend(w, op); break;
    case OP_GLU: write_glu(w, op); break;
    case OP_ACTIVATE: write_activate(w, op); break;
    case OP_QUANTIZE: write_quantize_static(w, op); break;
    default: die("op %d has no static scale", (int)op->kind);
    }
    buf_printf(w->calls, "    const lm_scale s%d = %s;\n", local(w, op->scalar_out),
               number(w, "scale", op_scale(op)));
}
