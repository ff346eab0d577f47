/* The report's time: a token op by op, in estimated cycles, and what each kind of op takes of it.
 */
#include "report.h"
#include "search.h"

#include <string.h>

/* Kinds of work, each a colour. */
enum { MATRIX, TABLE, ATTENTION, REST, WORKS };
static const struct {
    const char *class, *name;
} works[WORKS] = {
    [MATRIX] = {"matrix", "matrices"},
    [TABLE] = {"table", "lookup tables"},
    [ATTENTION] = {"attend", "attention"},
    [REST] = {"rest", "norms, additions, activations"},
};

static int work_of(OpKind k)
{
    if (op_is_matvec(k) || k == OP_TOP)
        return MATRIX;
    if (k == OP_TABLE || k == OP_TABLE_PART)
        return TABLE;
    return k == OP_ATTEND || k == OP_ROTATE || k == OP_STORE_K || k == OP_STORE_V ? ATTENTION
                                                                                  : REST;
}

static Cost cost_of(const Emission *e, const Op *op)
{
    return work_of(op->kind) == MATRIX || work_of(op->kind) == TABLE
               ? op_cost(e, op)
               : op_estimate(op, e->unit->target, e->unit->program->window);
}

static Cost plus(Cost a, Cost b)
{
    return (Cost){a.instructions + b.instructions, a.loads + b.loads, a.stores + b.stores};
}

Cost token_cost(const Emission *e)
{
    const Program *p = e->unit->program;
    Cost all = {0};
    for (int i = 0; i < p->n_step; i++)
        all = plus(all, cost_of(e, &p->ops[i]));
    return all;
}

static double layer_cycles(const Emission *e, int layer)
{
    const Program *p = e->unit->program;
    double cycles = 0;
    for (int i = 0; i < p->n_step; i++)
        if (p->ops[i].layer == layer)
            cycles += cost_cycles(cost_of(e, &p->ops[i]), e->unit->target);
    return cycles;
}

static void layer_row(const Emission *e, Buf *b, int layer, double most)
{
    Arena *a = e->arena;
    const Program *p = e->unit->program;
    double from = 0;
    buf_printf(b, "<tr><th scope=\"row\">%s</th><td class=\"bar\">", report_layer(e, layer));
    report_strip(b);
    for (int i = 0; i < p->n_step; i++) {
        const Op *op = &p->ops[i];
        if (op->layer != layer)
            continue;
        const double cycles = cost_cycles(cost_of(e, op), e->unit->target);
        report_box(
            b, works[work_of(op->kind)].class, from, cycles / most,
            arena_printf(a, "%s%s%s: %s cycles", op_info[op->kind].name, op->linear >= 0 ? " " : "",
                         op->linear >= 0 ? model_linears(e->unit->model, op->linear)->name : "",
                         format_bytes(a, (int64_t)cycles)));
        from += cycles / most;
    }
    report_strip_end(b);
    buf_printf(b, "</td><td>%s</td></tr>\n", format_bytes(a, (int64_t)layer_cycles(e, layer)));
}

static void timeline(const Emission *e, Buf *b)
{
    static const char *const heads[] = {"where", "|ops, in order", "cycles", NULL};
    const int layers = e->unit->model->n_layers;
    double most = 1;
    for (int l = -1; l <= layers; l++)
        most = layer_cycles(e, l) > most ? layer_cycles(e, l) : most;
    buf_puts(b, "<ul class=\"legend\">\n");
    for (int w = 0; w < WORKS; w++)
        report_key(b, works[w].class, works[w].name);
    buf_puts(b, "</ul>\n");
    report_table(b,
                 e->unit->program->encoder ? "A token from its embedding to what the head gives"
                                           : "A token from its embedding to its logits",
                 heads);
    for (int l = -1; l <= layers; l++)
        if (layer_cycles(e, l) >= 0.5)
            layer_row(e, b, l, most);
    report_table_end(b);
}

static void kinds(const Emission *e, Buf *b)
{
    static const char *const heads[] = {"op", "how many", "instructions", "share", NULL};
    const Program *p = e->unit->program;
    const double all = token_cost(e).instructions;
    buf_puts(b, "<h3>By kind of op</h3>\n");
    report_table(b, "Estimated instructions of a token by kind of op", heads);
    for (int k = 0; k < OPS; k++) {
        Cost cost = {0};
        int n = 0;
        for (int i = 0; i < p->n_step; i++) {
            if ((int)p->ops[i].kind != k)
                continue;
            cost = plus(cost, cost_of(e, &p->ops[i]));
            n++;
        }
        if (n == 0 || cost.instructions < 0.5)
            continue;
        buf_printf(b,
                   "<tr><th scope=\"row\">%s</th><td>%d</td><td>%s</td><td>%.1f&nbsp;%%</td>"
                   "</tr>\n",
                   op_info[k].name, n, format_bytes(e->arena, (int64_t)cost.instructions),
                   100 * cost.instructions / all);
    }
    report_table_end(b);
}

void report_time(const Emission *e, Buf *b)
{
    Arena *a = e->arena;
    const Target *t = e->unit->target;
    const Cost cost = token_cost(e);
    const double cycles = cost_cycles(cost, t);
    buf_puts(b, "<section aria-labelledby=\"time\">\n<h2 id=\"time\">A token</h2>\n<p>");
    buf_printf(b, "%s instructions, %s cycles", format_bytes(a, (int64_t)cost.instructions),
               format_bytes(a, (int64_t)cycles));
    if (t->clock_hz > 0 && t->cycles_other > 0)
        buf_printf(b, ", %.3g ms at %.4g MHz", cycles / (double)t->clock_hz * 1000,
                   (double)t->clock_hz / 1e6);
    buf_printf(b, ", with %s tokens in the %s. Estimates from counted kernels.</p>\n",
               format_bytes(a, e->unit->program->window),
               e->unit->program->encoder ? "sequence" : "cache");
    timeline(e, b);
    kinds(e, b);
    buf_puts(b, "</section>\n");
}
