/* What a model would take: the passes from lower to plan run over its shapes, with codes of zero,
 * so the sizes are those that compiling gives. */
#include "search.h"

#include <math.h>

Model *model_blank(Arena *a, const Model *from, const double *bits)
{
    Model *m = arena_copy(a, from, 1, sizeof *m);
    m->blocks = arena_copy(a, from->blocks, (size_t)m->n_layers, sizeof *m->blocks);
    Linear *l;
    size_t most = 0, rows = 0;
    for (int i = 0; (l = model_linears(m, i)); i++) {
        const size_t n = (size_t)l->rows * (size_t)l->cols;
        most = n > most ? n : most;
        rows = (size_t)l->rows > rows ? (size_t)l->rows : rows;
    }
    uint8_t *code = NEW(a, uint8_t, most), *scale = NEW(a, uint8_t, rows);
    for (int i = 0; (l = model_linears(m, i)); i++) {
        l->format = bits[i] >= 8               ? FORMAT_INT8
                    : bits[i] > floor(bits[i]) ? FORMAT_TERNARY
                                               : FORMAT_PLANES;
        l->planes = l->format == FORMAT_PLANES ? (int)bits[i] : 0;
        l->code = code;
        l->scale = scale;
    }
    return m;
}

/* 0 where the target's file has no clock or no cycles. */
static double ms_of(Cost c, const Target *t)
{
    return t->clock_hz > 0 && t->cycles_other > 0 ? cost_cycles(c, t) / (double)t->clock_hz * 1000
                                                  : 0;
}

/* From lower to plan. */
static Unit plan_shapes(Arena *a, const Unit *u, const Model *blank, const Recipe *r, bool pack)
{
    Unit v = *u;
    v.arena = a;
    v.model = arena_copy(a, blank, 1, sizeof *blank);
    v.recipe = r;
    pass_lower(&v);
    pass_choose(&v);
    pass_batch(&v);
    if (pack)
        pass_pad(&v);
    pass_live(&v);
    pass_plan(&v);
    return v;
}

Size size_of(const Unit *u, const Model *blank, const Recipe *r)
{
    Arena *a = arena_new();
    const Unit v = plan_shapes(a, u, blank, r, true);
    Size s = {.flash = v.program->weight_bytes + CODE_BYTES,
              .ram = v.program->state_bytes + STACK_BYTES};
    for (int i = 0; i < v.program->n_step; i++) {
        const Cost c = op_estimate(&v.program->ops[i], u->target, v.program->window);
        s.cost.instructions += c.instructions;
        s.cost.loads += c.loads;
        s.cost.stores += c.stores;
    }
    s.ms = ms_of(s.cost, u->target);
    arena_free(a);
    return s;
}

int64_t ram_of(const Unit *u, const Model *blank, const Recipe *r)
{
    Arena *a = arena_new();
    const int64_t bytes = plan_shapes(a, u, blank, r, false).program->state_bytes + STACK_BYTES;
    arena_free(a);
    return bytes;
}

static int64_t data_bytes(const Program *p, int i)
{
    const Data *d = &p->data[i];
    const int64_t bytes = d->count * elem_bytes[d->elem];
    return (bytes + d->align - 1) / d->align * d->align;
}

/* A table's time goes to the first matrix after it. */
static void share_width(const Unit *v, Shares *s, int w)
{
    const Program *p = v->program;
    double table = 0;
    s->fixed = p->weight_bytes + CODE_BYTES;
    s->fixed_ms = 0;
    for (int i = 0; i < p->n_step; i++) {
        const Op *op = &p->ops[i];
        const double ms = ms_of(op_estimate(op, v->target, p->window), v->target);
        if (op->linear < 0) {
            *(op->kind == OP_TABLE ? &table : &s->fixed_ms) += ms;
            continue;
        }
        s->bytes[op->linear][w] = data_bytes(p, op->data[0]) + data_bytes(p, op->data[1]);
        s->ms[op->linear][w] += ms + table;
        table = 0;
    }
}

Shares shares_of(Arena *a, const Unit *u, const Model *m, const Recipe *r)
{
    int n = 0;
    while (model_linears((Model *)(uintptr_t)m, n))
        n++;
    Shares s = {0};
    s.bytes = arena_alloc(a, (size_t)n, sizeof *s.bytes);
    s.ms = arena_alloc(a, (size_t)n, sizeof *s.ms);
    for (int w = 0; w < WIDTHS; w++) {
        Arena *scratch = arena_new();
        double *bits = NEW(scratch, double, n);
        for (int i = 0; i < n; i++)
            bits[i] = width_bits[w];
        const Unit v = plan_shapes(scratch, u, model_blank(scratch, m, bits), r, true);
        share_width(&v, &s, w);
        for (int i = 0; i < n; i++)
            s.fixed -= s.bytes[i][w];
        arena_free(scratch);
    }
    return s;
}
