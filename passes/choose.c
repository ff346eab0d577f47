/* choose: a kernel for every matrix, by estimated cycles, among those that read its format and that
 * the target has, and how many of the matrix's columns its table holds at one time: all where RAM
 * allows, else as many as it does (docs/design.md). Tables are built once per input vector. */
#include "pass.h"

#include <math.h>
#include <string.h>

/* A part's columns are a multiple of so many groups: whole words of codes in every layout. */
#define PART_GROUPS 4
#define TRIALS 16 /* of plans, until one fits */

/* The matrices that read one vector, the most bytes that its tables may take, and those that they
 * took in the plan before. */
typedef struct Group {
    int n, ops[ROLES];
    int64_t room, took;
    bool signs; /* all that the vector holds */
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
    if (!kernel_suits(k, u->target) || (k->table == TABLE_BITS && !g->signs))
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
    Group g = {.n = 0, .room = INT64_MAX, .took = INT64_MAX, .signs = reads_signs(p, first)};
    for (int i = first; i < p->n_ops && g.n < (int)LENGTH(g.ops); i++)
        if (op_is_matvec(p->ops[i].kind) && p->ops[i].in[0] == p->ops[first].in[0])
            g.ops[g.n++] = i;
    return g;
}

static Group *groups_of(Arena *a, const Program *p, int *n)
{
    Group *groups = NULL;
    int vector = -1;
    *n = 0;
    for (int i = 0; i < p->n_ops; i++) {
        if (!op_is_matvec(p->ops[i].kind) || p->ops[i].in[0] == vector)
            continue;
        vector = p->ops[i].in[0];
        groups = arena_grow(a, groups, *n, sizeof *groups);
        groups[(*n)++] = group_of(p, i);
    }
    return groups;
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
    return left < g->room ? left : g->room;
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

static Program *choose_all(Unit *u, const Program *live, const Group *groups, int n)
{
    int *width = NEW(u->arena, int, live->n_ops);
    for (int i = 0; i < n; i++)
        choose_group(u, &groups[i], ram_for_tables(u, live, &groups[i]), width);
    return with_tables(u->arena, u->program, width);
}

/* Plan ------------------------------------------------------------------------------------- */

/* How far above the limit lies what a table lives with. */
static int64_t bytes_over(const Program *p, const Buffer *table, int64_t limit)
{
    int64_t over = 0;
    for (int i = 0; i < p->n_buffers; i++) {
        const Buffer *b = &p->buffers[i];
        const int64_t end = b->offset + (int64_t)b->count * elem_bytes[b->elem];
        if (b->first <= table->last && table->first <= b->last && end - limit > over)
            over = end - limit;
    }
    return over;
}

/* Leaves a group whose tables, of vector x, are too much for the plan less room than they take.
 * True where that may help: they are not the smallest yet. */
static bool shrink(const Program *p, Group *g, int x, int64_t limit)
{
    int64_t over = 0, bytes = 0;
    for (int i = 0; i < p->n_ops; i++) {
        const Op *op = &p->ops[i];
        if ((op->kind != OP_TABLE && op->kind != OP_TABLE_PART) || op->in[0] != x)
            continue;
        const Buffer *table = &p->buffers[op->out[0]];
        const int64_t o = bytes_over(p, table, limit);
        over = o > over ? o : over;
        bytes += op->imm[TABLE_FIRST] == 0 ? (int64_t)table->count * elem_bytes[table->elem] : 0;
    }
    const bool smaller = over > 0 && bytes < g->took;
    g->room = over > 0 ? bytes - over : g->room;
    g->took = bytes;
    return smaller;
}

/* Plans p. True when the groups shall be chosen for once more. */
static bool try_out(const Unit *u, const Program *p, Group *groups, int n)
{
    Program trial = *p;
    trial.buffers = arena_copy(u->arena, p->buffers, (size_t)p->n_buffers, sizeof *p->buffers);
    find_live(&trial);
    plan_state(u->arena, &trial, state_align(u->target));
    if (trial.state_bytes <= state_limit(u))
        return false;
    bool again = false;
    for (int i = 0; i < n; i++) { /* vectors have the numbers that they had without tables */
        const int x = u->program->ops[groups[i].ops[0]].in[0];
        again = shrink(&trial, &groups[i], x, state_limit(u)) || again;
    }
    return again;
}

/* A core that has the scores of several heads at once needs as many times the window for them. */
static void widen_scores(const Unit *u)
{
    const Program *p = u->program;
    for (int i = 0; i < p->n_ops; i++) {
        const Op *op = &p->ops[i];
        if (op->kind == OP_ATTEND)
            p->buffers[op->out[1]].count = model_window(u->model, op->layer, p->window) *
                                           heads_at_once(u->target, op, p->data[op->data[0]].bytes);
    }
}

/* Vectors do not always pack without gaps, so a plan may take more than was reckoned with. */
void pass_choose(Unit *u)
{
    int n;
    widen_scores(u);
    Group *groups = groups_of(u->arena, u->program, &n);
    Program live = *u->program;
    live.buffers = arena_copy(u->arena, live.buffers, (size_t)live.n_buffers, sizeof *live.buffers);
    find_live(&live);
    Program *p = choose_all(u, &live, groups, n);
    for (int i = 0; i < TRIALS && try_out(u, p, groups, n); i++)
        p = choose_all(u, &live, groups, n);
    u->program = p;
}
