/* choose: a kernel for every matrix, by estimated cycles, among those that read its format and that
 * the target has, and how many of the matrix's columns its table holds at one time: all where RAM
 * allows, else as many as it does (docs/design.md). Tables are built once per input vector. */
#include "pass.h"

#include <math.h>
#include <string.h>

#define PART_GROUPS 4 /* a part's columns are a multiple of so many groups: whole words of codes   \
                       */
#define TRIALS 12     /* of plans, until one fits */

/* The matrices that read one vector. */
typedef struct Group {
    int n, ops[ROLES];
} Group;

/* A kernel and the columns that its table holds; 0: all. */
typedef struct Choice {
    int kernel, width;
} Choice;

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

/* Groups and RAM --------------------------------------------------------------------------- */

static Group group_of(const Program *p, int first)
{
    Group g = {.n = 0};
    for (int i = first; i < p->n_ops && g.n < (int)LENGTH(g.ops); i++)
        if (op_is_matvec(p->ops[i].kind) && p->ops[i].in[0] == p->ops[first].in[0])
            g.ops[g.n++] = i;
    return g;
}

/* What the state leaves for the group's tables: the limit less what lasts, and less every vector
 * that lives at some time from the group's first op to its last. p: live. */
static int64_t ram_for_tables(const Unit *u, const Program *p, const Group *g)
{
    const int first = g->ops[0], last = g->ops[g->n - 1], align = state_align(u->target);
    int64_t left = state_limit(u);
    for (int i = 0; i < p->n_buffers; i++) {
        const Buffer *b = &p->buffers[i];
        const int64_t bytes = (int64_t)b->count * elem_bytes[b->elem];
        if (b->first <= last && b->last >= first)
            left -= (bytes + align - 1) / align * align;
    }
    return left;
}

static int64_t table_bytes(TableForm f, int cols)
{
    return (int64_t)table_entries(f, cols) * 2;
}

/* TOP runs its kernel on a few rows at a time: a table of some columns would be built for each. */
static bool takes_parts(const Program *p, const Group *g, const Kernel *k)
{
    for (int i = 0; i < g->n; i++)
        if (p->ops[g->ops[i]].kind == OP_TOP)
            return false;
    return k->part_function != NULL;
}

/* As few parts as have tables that fit, of about equal width; 0: all columns at once. */
static int part_width(TableForm f, int cols, int64_t ram)
{
    const int unit = PART_GROUPS * table_inputs(f), units = (cols + unit - 1) / unit;
    const int64_t fit = ram / table_bytes(f, unit);
    if (table_bytes(f, cols) <= ram || units < 2)
        return 0;
    const int most = fit < 1 ? 1 : fit < units ? (int)fit : units - 1;
    const int parts = (units + most - 1) / most;
    return (units + parts - 1) / parts * unit;
}

/* Choice ----------------------------------------------------------------------------------- */

static double matrices_cost(const Unit *u, const Group *g, Format f, const Kernel *k, int cols)
{
    const Program *p = u->program;
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

/* Estimated cycles of the group's matrices of a format with a kernel, table included. A part costs
 * what a matrix of so many columns does: it loads a sum where that one scales it. */
static double group_cost(const Unit *u, const Group *g, Format f, const Kernel *k, int width)
{
    const int cols = (int)u->program->ops[g->ops[0]].imm[MATVEC_COLS];
    if (width == 0)
        return matrices_cost(u, g, f, k, cols);
    const int rest = cols % width;
    return cols / width * matrices_cost(u, g, f, k, width) +
           (rest ? matrices_cost(u, g, f, k, rest) : 0);
}

/* The cheapest kernel whose table, or a part of it, fits: every matrix of a format in the group
 * shares it. Where none fits, the one with the smallest table; budget has the last word. */
static Choice cheapest(const Unit *u, const Group *g, Format f, int64_t ram)
{
    const int cols = (int)u->program->ops[g->ops[0]].imm[MATVEC_COLS];
    Choice best = {-1, 0};
    double best_cost = INFINITY;
    int64_t best_bytes = INT64_MAX;
    for (int k = 0; kernels[k].name; k++) {
        if (!usable(u, g, &kernels[k], f))
            continue;
        const TableForm form = kernels[k].table;
        const int width = takes_parts(u->program, g, &kernels[k]) ? part_width(form, cols, ram) : 0;
        const int64_t bytes = table_bytes(form, width ? width : cols);
        const double cost = group_cost(u, g, f, &kernels[k], width);
        const bool fits = bytes <= ram, best_fits = best_bytes <= ram;
        if (fits && best_fits ? cost < best_cost : bytes < best_bytes) {
            best = (Choice){k, width};
            best_cost = cost;
            best_bytes = bytes;
        }
    }
    if (best.kernel < 0)
        fatal("%s: no kernel for %s weights that the recipe's tables: %s allows", u->target->name,
              format_names[f], table_kind_names[u->recipe->tables]);
    return best;
}

/* Tables of several formats may live together. */
static void choose_group(Unit *u, const Group *g, int64_t ram, int *width)
{
    Choice chosen[FORMATS];
    for (int f = 0; f < FORMATS; f++)
        chosen[f].kernel = -1;
    for (int i = 0; i < g->n; i++) {
        Op *op = &u->program->ops[g->ops[i]];
        const Format f = model_linears(u->model, op->linear)->format;
        if (chosen[f].kernel < 0) {
            const Choice c = chosen[f] = cheapest(u, g, f, ram);
            ram -=
                table_bytes(kernels[c.kernel].table, c.width ? c.width : (int)op->imm[MATVEC_COLS]);
        }
        op->kernel = chosen[f].kernel;
        width[g->ops[i]] = chosen[f].width;
    }
}

/* With `less` bytes of RAM than there are: how far the resulting state is above its limit. */
static int64_t choose_all(Unit *u, const Program *live, int64_t less, Program **result)
{
    Program *p = u->program;
    int *width = NEW(u->arena, int, p->n_ops);
    for (int i = 0; i < p->n_ops; i++)
        p->ops[i].kernel = -1;
    for (int i = 0; i < p->n_ops; i++) {
        if (!op_is_matvec(p->ops[i].kind) || p->ops[i].kernel >= 0)
            continue;
        const Group g = group_of(p, i);
        choose_group(u, &g, ram_for_tables(u, live, &g) - less, width);
    }
    *result = with_tables(u->arena, p, width);
    Program trial = **result;
    trial.buffers = arena_copy(u->arena, trial.buffers, (size_t)trial.n_buffers, sizeof(Buffer));
    find_live(&trial);
    plan_state(u->arena, &trial, state_align(u->target));
    return trial.state_bytes - state_limit(u);
}

/* Vectors do not always pack without gaps: until the plan fits, with less RAM by what is missing.
 */
void pass_choose(Unit *u)
{
    Program live = *u->program, *result;
    live.buffers = arena_copy(u->arena, live.buffers, (size_t)live.n_buffers, sizeof(Buffer));
    find_live(&live);
    int64_t less = 0, over = 1;
    for (int i = 0; i < TRIALS && over > 0; i++) {
        over = choose_all(u, &live, less, &result);
        less += over;
    }
    if (over > 0)
        choose_all(u, &live, INT32_MAX, &result);
    u->program = result;
}
