/* The tables of a program whose matrices all have kernels: an op that builds one before the first
 * matrix that reads it. A table of some columns at a time is shared in turn: each part is built and
 * then read by every matrix of the vector, before the first of their results is needed. */
#include "pass.h"

typedef struct Insertion {
    Arena *arena;
    const Program *from;
    const int *width; /* by op; 0: a table of all columns */
    Program *to;
    int vector;                                /* that the matrices at hand read */
    int buffer[TABLE_FORMS], sum[TABLE_FORMS]; /* of its whole tables; -1: none yet */
    bool *done;                                /* by op: its parts are there */
} Insertion;

static int add_buffer(Insertion *n, const Op *matvec, int cols)
{
    const TableForm form = kernels[matvec->kernel].table;
    const char *vector = n->from->buffers[matvec->in[0]].name;
    return program_add_buffer(n->arena, n->to,
                              arena_printf(n->arena, "%s.%s", vector, table_names[form]), ELEM_I16,
                              table_entries(form, cols), false);
}

static Op *add_table(Insertion *n, OpKind kind, const Op *matvec, int buffer, int cols)
{
    Op *op = program_add_op(n->arena, n->to, kind, matvec->layer);
    op->phase = matvec->phase;
    op->in[0] = matvec->in[0];
    op->out[0] = buffer;
    op->kernel = matvec->kernel;
    op->imm[TABLE_COLS] = cols;
    op->scalar_out = n->to->n_scalars++;
    return op;
}

/* A matrix, after its table of all columns when the vector has none of that form yet. */
static void add_whole(Insertion *n, const Op *matvec)
{
    const TableForm form = kernels[matvec->kernel].table;
    const int cols = (int)matvec->imm[MATVEC_COLS];
    Op op = *matvec;
    if (form != TABLE_NONE && n->buffer[form] < 0) {
        n->buffer[form] = add_buffer(n, matvec, cols);
        n->sum[form] = add_table(n, OP_TABLE, matvec, n->buffer[form], cols)->scalar_out;
    }
    if (form != TABLE_NONE) {
        op.in[0] = n->buffer[form];
        op.scalar_in[0] = n->sum[form];
    }
    *program_add_op(n->arena, n->to, op.kind, op.layer) = op;
}

static bool shares_parts(const Insertion *n, int first, int i)
{
    const Op *a = &n->from->ops[first], *b = &n->from->ops[i];
    return op_is_matvec(b->kind) && b->in[0] == a->in[0] && b->kernel == a->kernel &&
           n->width[i] == n->width[first];
}

/* The columns first .. first + cols - 1 of every matrix that shares parts with op `at`. */
static void add_part(Insertion *n, int at, int buffer, int first, int cols)
{
    Op *table = add_table(n, OP_TABLE_PART, &n->from->ops[at], buffer, cols);
    const int sum = table->scalar_out;
    table->imm[TABLE_FIRST] = first;
    for (int i = at; i < n->from->n_ops; i++) {
        if (!shares_parts(n, at, i))
            continue;
        Op op = n->from->ops[i];
        op.kind = OP_MATVEC_PART;
        op.in[0] = buffer;
        op.scalar_in[0] = sum;
        op.imm[PART_WIDTH] = cols;
        op.imm[PART_FIRST] = first;
        *program_add_op(n->arena, n->to, op.kind, op.layer) = op;
        n->done[i] = true;
    }
}

static void add_parts(Insertion *n, int at)
{
    const Op *op = &n->from->ops[at];
    const int cols = (int)op->imm[MATVEC_COLS], width = n->width[at];
    const int buffer = add_buffer(n, op, width);
    for (int first = 0; first < cols; first += width)
        add_part(n, at, buffer, first, cols - first < width ? cols - first : width);
}

Program *with_tables(Arena *a, const Program *from, const int *width)
{
    Program *to = NEW(a, Program, 1);
    *to = *from;
    to->ops = NULL;
    to->buffers = NULL;
    to->n_ops = to->n_buffers = 0;
    for (int i = 0; i < from->n_buffers; i++) {
        const Buffer *b = &from->buffers[i];
        const int k = program_add_buffer(a, to, b->name, b->elem, b->count, b->lasting);
        to->buffers[k].row = b->row;
    }
    Insertion n = {.arena = a, .from = from, .width = width, .to = to, .vector = -1};
    n.done = NEW(a, bool, from->n_ops);
    for (int i = 0; i < from->n_ops; i++) {
        const Op *op = &from->ops[i];
        if (op_is_matvec(op->kind) && op->in[0] != n.vector) {
            n.vector = op->in[0];
            for (int f = 0; f < TABLE_FORMS; f++)
                n.buffer[f] = n.sum[f] = -1;
        }
        if (!op_is_matvec(op->kind))
            *program_add_op(a, to, op->kind, op->layer) = *op;
        else if (width[i] == 0)
            add_whole(&n, op);
        else if (!n.done[i])
            add_parts(&n, i);
    }
    to->n_step = to->n_ops;
    return to;
}
