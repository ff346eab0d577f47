/* choose: a kernel for every matrix, by estimated cycles, among those that read its format,
 * that the target has, and whose tables fit in the RAM at hand. Builds the tables once per input
 * vector, before the first matrix that reads them. */
#include "pass.h"

#include <math.h>
#include <string.h>

/* The matrices that read one vector, and the kernel tried for each. */
typedef struct Group {
    int n, ops[ROLES];
} Group;

/* Of the matrices of the group that have the format. */
static bool usable(const Unit *u, const Group *g, const Kernel *k, Format f)
{
    for (int i = 0; i < g->n; i++) {
        const Linear *l = model_linears(u->model, u->program->ops[g->ops[i]].linear);
        if (l->format == f && !kernel_reads(k, f, l->planes))
            return false;
    }
    if (!kernel_suits(k, u->target))
        return false;
    switch (u->recipe->tables) {
    case TABLES_BYTE: return k->table != TABLE_NIBBLE;
    case TABLES_NIBBLE: return k->table != TABLE_BYTE;
    case TABLES_AUTO:
    case TABLE_KINDS: break;
    }
    return true;
}

/* RAM left for tables: the limit less everything that lasts and the widest layer's vectors. */
static int64_t ram_for_tables(const Unit *u)
{
    const Program *p = u->program;
    int64_t lasting = 0, layer = 0, widest = 0;
    int last_layer = -1;
    for (int i = 0; i < p->n_ops; i++) {
        if (p->ops[i].layer != last_layer)
            layer = 0;
        last_layer = p->ops[i].layer;
        for (int k = 0; k < MAX_OPERANDS; k++) {
            const int b = p->ops[i].out[k];
            if (b >= 0 && !p->buffers[b].lasting)
                layer += (int64_t)p->buffers[b].count * elem_bytes[p->buffers[b].elem];
        }
        widest = layer > widest ? layer : widest;
    }
    for (int i = 0; i < p->n_buffers; i++)
        if (p->buffers[i].lasting)
            lasting += (int64_t)p->buffers[i].count * elem_bytes[p->buffers[i].elem];
    const int64_t limit = u->ram_limit ? u->ram_limit : target_ram(u->target);
    return limit - lasting - widest;
}

static int64_t table_bytes(TableForm f, int cols)
{
    return (int64_t)table_entries(f, cols) * 2;
}

/* Estimated cycles of the group's matrices of a format with a kernel, table included. */
static double group_cost(const Unit *u, const Group *g, Format f, const Kernel *k)
{
    const Program *p = u->program;
    const int cols = (int)p->ops[g->ops[0]].imm[MATVEC_COLS];
    double cost = cost_cycles(table_cost(k, u->target, cols), u->target);
    for (int i = 0; i < g->n; i++) {
        const Op *op = &p->ops[g->ops[i]];
        if (model_linears(u->model, op->linear)->format == f)
            cost += cost_cycles(kernel_cost(k, u->target, (int)op->imm[MATVEC_ROWS], cols,
                                            (int)op->imm[MATVEC_PLANES]),
                                u->target);
    }
    return cost;
}

/* The cheapest kernel whose table fits: every matrix of a format in the group shares it. Where none
 * fits by this estimate, the one with the smallest table; budget has the last word. */
static int cheapest(const Unit *u, const Group *g, Format f, int64_t ram)
{
    const int cols = (int)u->program->ops[g->ops[0]].imm[MATVEC_COLS];
    int best = -1;
    double best_cost = INFINITY;
    int64_t best_bytes = INT64_MAX;
    for (int k = 0; kernels[k].name; k++) {
        if (!usable(u, g, &kernels[k], f))
            continue;
        const int64_t bytes = table_bytes(kernels[k].table, cols);
        const double cost = group_cost(u, g, f, &kernels[k]);
        const bool fits = bytes <= ram, best_fits = best_bytes <= ram;
        if (fits && best_fits ? cost < best_cost : bytes < best_bytes) {
            best = k;
            best_cost = cost;
            best_bytes = bytes;
        }
    }
    if (best < 0)
        fatal("%s: no kernel for %s weights that the recipe's tables: %s allows", u->target->name,
              format_names[f], table_kind_names[u->recipe->tables]);
    return best;
}

static Group group_of(const Program *p, int first)
{
    Group g = {.n = 0};
    for (int i = first; i < p->n_ops && g.n < (int)LENGTH(g.ops); i++)
        if (op_is_matvec(p->ops[i].kind) && p->ops[i].in[0] == p->ops[first].in[0])
            g.ops[g.n++] = i;
    return g;
}

static void choose_group(Unit *u, const Group *g, int64_t ram)
{
    int chosen[FORMATS];
    for (int f = 0; f < FORMATS; f++)
        chosen[f] = -1;
    for (int i = 0; i < g->n; i++) {
        Op *op = &u->program->ops[g->ops[i]];
        const Format f = model_linears(u->model, op->linear)->format;
        if (chosen[f] < 0)
            chosen[f] = cheapest(u, g, f, ram);
        op->kernel = chosen[f];
    }
}

/* The table op for a matvec, when the vector has no such table yet. */
static void add_table(Unit *u, Program *to, Op *matvec, int *buffer, int *sum)
{
    const TableForm form = kernels[matvec->kernel].table;
    const Program *from = u->program;
    if (buffer[form] < 0) {
        const char *name =
            arena_printf(u->arena, "%s.%s", from->buffers[matvec->in[0]].name, table_names[form]);
        const int cols = (int)matvec->imm[MATVEC_COLS];
        buffer[form] =
            program_add_buffer(u->arena, to, name, ELEM_I16, table_entries(form, cols), false);
        Op *op = program_add_op(u->arena, to, OP_TABLE, matvec->layer);
        op->in[0] = matvec->in[0];
        op->out[0] = buffer[form];
        op->kernel = matvec->kernel;
        op->imm[TABLE_COLS] = cols;
        op->scalar_out = sum[form] = to->n_scalars++;
    }
    matvec->in[0] = buffer[form];
    matvec->scalar_in[0] = sum[form];
}

static void insert_tables(Unit *u)
{
    Program *to = NEW(u->arena, Program, 1);
    *to = *u->program;
    to->ops = NULL;
    to->n_ops = 0;
    to->buffers = NULL;
    to->n_buffers = 0;
    for (int i = 0; i < u->program->n_buffers; i++) {
        const Buffer *b = &u->program->buffers[i];
        program_add_buffer(u->arena, to, b->name, b->elem, b->count, b->lasting);
    }
    int vector = -1, buffer[TABLE_FORMS], sum[TABLE_FORMS];
    for (int i = 0; i < u->program->n_ops; i++) {
        Op op = u->program->ops[i];
        if (op_is_matvec(op.kind) && op.in[0] != vector) {
            vector = op.in[0];
            for (int f = 0; f < TABLE_FORMS; f++)
                buffer[f] = sum[f] = -1;
        }
        if (op_is_matvec(op.kind) && kernels[op.kernel].table != TABLE_NONE)
            add_table(u, to, &op, buffer, sum);
        *program_add_op(u->arena, to, op.kind, op.layer) = op;
    }
    to->n_step = to->n_ops;
    u->program = to;
}

void pass_choose(Unit *u)
{
    const Program *p = u->program;
    const int64_t ram = ram_for_tables(u);
    for (int i = 0; i < p->n_ops; i++) {
        if (!op_is_matvec(p->ops[i].kind) || p->ops[i].kernel >= 0)
            continue;
        const Group g = group_of(p, i);
        choose_group(u, &g, ram);
    }
    insert_tables(u);
}
