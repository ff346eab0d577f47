/* Invariants of static scales: all linears that read activations have an input_clip or none has,
 * and the ops that give int8 vectors have scales that are those of the linears that read them. */
#include "verify.h"

#include <math.h>
#include <string.h>

/* Model ------------------------------------------------------------------------------------ */

/* Not those that are read by row, nor a patch, which reads bytes as they are. */
static bool reads_activations(const Model *m, int i, const Linear *l)
{
    int layer;
    Role role;
    return model_linear_place(m, i, &layer, &role) || l == &m->dense ||
           i >= model_exit_index(m, 0) || (i == model_head_index(m) && m->head_kind != HEAD_EMBED);
}

static void check_shared(const Verifier *v, const Block *b, Role first, Role second)
{
    const Linear *one = &b->linear[first], *two = &b->linear[second];
    if (one->rows > 0 && one->input_clip != two->input_clip) {
        broken(v, "%s: input_clip is %g, but %g of %s, which reads the same", one->name,
               (double)one->input_clip, (double)two->input_clip, two->name);
    }
}

void verify_clips(const Verifier *v)
{
    const Model *m = v->model;
    const bool fixed = model_static_scales(m);
    const Linear *l;
    for (int i = 0; (l = model_linears(v->model, i)) != NULL; i++) {
        const bool wanted = fixed && reads_activations(m, i, l);
        if (!(l->input_clip >= 0) || !isfinite(l->input_clip) || (l->input_clip > 0) != wanted) {
            broken(v, "%s: input_clip is %g, activation scales are %s", l->name,
                   (double)l->input_clip, fixed ? "static" : "dynamic");
        }
    }
    for (int i = 0; i < m->n_layers; i++) {
        check_shared(v, &m->blocks[i], ROLE_Q, ROLE_K);
        check_shared(v, &m->blocks[i], ROLE_Q, ROLE_V);
        check_shared(v, &m->blocks[i], ROLE_GATE, ROLE_UP);
    }
    if (fixed && (m->activation_bits == 1 || !holds(v, FACT_QUANTIZED))) {
        broken(v, "model: static activation scales, but %s",
               m->activation_bits == 1 ? "activations are binary" : "\"quantized\" does not hold");
    }
}

/* Program ---------------------------------------------------------------------------------- */

/* What a norm of its own reads before the linear does keeps a scale of each vector. */
static bool needs_scale(const Model *m, OpKind k)
{
    const bool normed = k == OP_ATTEND || k == OP_GLU || k == OP_ACTIVATE;
    return op_has_scale(k) && model_static_scales(m) && !(normed && m->sub_norm);
}

void check_static_scale(const Site *s)
{
    static const struct {
        const char *name;
        int64_t most;
    } limits[] = {{"?right", 31},  {"?mul", 256},      {"?down", 31},
                  {"?square", 31}, {"?gate_down", 31}, {"?up_down", 31}};
    const OpInfo *info = &op_info[s->op->kind];
    const int64_t scale = op_scale(s->op);
    if ((scale != 0) != needs_scale(s->v->model, s->op->kind)) {
        broken(s->v, "op %d (%s): the scale of x is %s, in a model with %s ones", s->index,
               info->name, scale ? "static" : "dynamic",
               model_static_scales(s->v->model) ? "static" : "dynamic");
    }
    for (int i = 0; info->imm[i]; i++) {
        const bool is_scale =
            strcmp(info->imm[i], "?scale") == 0 || strcmp(info->imm[i], "?inverse") == 0;
        int64_t most = 0;
        for (size_t k = 0; k < LENGTH(limits) && scale; k++) {
            most = strcmp(info->imm[i], limits[k].name) == 0 ? limits[k].most : most;
        }
        if (is_scale && scale) {
            need_imm(s, i, -MAX_EXP * 65536LL, MAX_EXP * 65536LL);
            need_mantissa(s, i);
        } else if (info->imm[i][0] == '?') {
            need_imm(s, i, 0, most);
        }
    }
}

/* A scale differs from that of the clip by what a factor of 8 bits is rounded. */
static void check_input(const Verifier *v, int i, int buffer)
{
    const Op *op = &v->program->ops[i];
    const Linear *l = model_linears(v->model, op->linear);
    const int w = writer_of(v->program, i, buffer);
    const Op *source = w < 0 ? NULL : &v->program->ops[w];
    if (source && (source->kind == OP_TABLE || source->kind == OP_TABLE_PAIR ||
                   source->kind == OP_TABLE_PART)) {
        check_input(v, i, source->in[0]);
        return;
    }
    const double clip = source ? 127 * scale_value(op_scale(source)) : 0;
    if (!(fabs(clip - (double)l->input_clip) <= 0.01 * (double)l->input_clip)) {
        broken(v, "op %d (%s): its input is int8 up to %g, that of %s up to %g", i,
               op_info[op->kind].name, clip, l->name, (double)l->input_clip);
    }
}

void verify_static_inputs(const Verifier *v)
{
    for (int i = 0; i < v->program->n_ops; i++) {
        const Op *op = &v->program->ops[i];
        if (op_is_matvec(op->kind) && model_linears(v->model, op->linear)->input_clip > 0) {
            check_input(v, i, op->in[0]);
        }
    }
}
