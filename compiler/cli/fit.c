/* Where a model would fit. The passes lower, choose, live and plan run over its shapes with every
 * weight at one width: state and weights are what compiling gives. */
#include "cli.h"
#include "search.h"

#define LONGEST_WINDOW 65536 /* that lower takes */

Unit *fit_shapes(Arena *a, const Model *m, double bits)
{
    Unit *u = NEW(a, Unit, 1);
    Recipe *r = recipe_default(a);
    int n = 0;
    while (model_linears((Model *)(uintptr_t)m, n))
        n++;
    double *all = NEW(a, double, n);
    for (int i = 0; i < n; i++)
        all[i] = bits;
    r->window = 1;
    *u = (Unit){.arena = a, .model = model_blank(a, m, all), .original = m, .recipe = r};
    pass_lower(u);
    return u;
}

static int64_t weight_bytes(const Unit *u, const Target *t)
{
    int64_t bytes = 0;
    Linear *l;
    for (int i = 0; i < u->program->n_data; i++)
        bytes += u->program->data[i].count * elem_bytes[u->program->data[i].elem];
    for (int i = 0; (l = model_linears(u->model, i)); i++) {
        const int rows = packed_rows(l), block = block_rows(l->format, l->planes);
        const int64_t stride = round_up(block_bytes(l->format, l->planes, l->cols), 4);
        bytes = round_up(bytes, t->tensor_align) + stride * (rows / block) + BOOK_BYTES + rows;
    }
    return bytes;
}

static void lengthen(Buffer *b, int tokens)
{
    const int64_t count = (int64_t)b->count * tokens;
    b->count = count < INT32_MAX / 4 ? (int)count : INT32_MAX / 4; /* fits nowhere */
}

/* A copy whose KV cache, attention weights and, of an encoder, vectors of each token are for
 * `window` tokens instead of one. */
static Program *with_window(Arena *a, const Model *m, const Program *from, int window)
{
    Program *p = arena_copy(a, from, 1, sizeof *p);
    p->window = window;
    p->ops = arena_copy(a, from->ops, (size_t)p->n_ops, sizeof *p->ops);
    p->buffers = arena_copy(a, from->buffers, (size_t)p->n_buffers, sizeof *p->buffers);
    for (int i = 0; i < p->n_ops; i++) {
        const Op *op = &p->ops[i];
        const int grown[] = {op->in[2], op->in[3], op->in[5], op->in[6], op->out[1]};
        for (size_t k = 0; op->kind == OP_ATTEND && k < LENGTH(grown); k++)
            lengthen(&p->buffers[grown[k]], model_window(m, op->layer, window));
    }
    for (int i = 0; i < p->n_buffers; i++)
        if (p->buffers[i].row > 0)
            lengthen(&p->buffers[i], window);
    return p;
}

static int64_t state_bytes(const Unit *shapes, const Target *t, int window)
{
    Arena *a = arena_new();
    Unit u = *shapes;
    u.arena = a;
    u.target = t;
    u.program = with_window(a, shapes->model, shapes->program, window);
    pass_choose(&u);
    pass_live(&u);
    pass_plan(&u);
    const int64_t bytes = u.program->state_bytes;
    arena_free(a);
    return bytes;
}

static int64_t tokenizer_bytes(Arena *a, const Tokenizer *t)
{
    Data *tables;
    int64_t bytes = 0;
    const int n = t ? tokenizer_tables(a, t, &tables) : 0;
    for (int i = 0; i < n; i++)
        bytes += tables[i].count * elem_bytes[tables[i].elem];
    return bytes;
}

Fit fit_target(Arena *a, const Unit *shapes, const Target *t)
{
    const Model *m = shapes->model;
    const int context = m->context < LONGEST_WINDOW ? m->context : LONGEST_WINDOW;
    const int64_t ram = target_ram(t) - STACK_BYTES;
    Fit f = {.weights = weight_bytes(shapes, t)};
    f.flash = f.weights + CODE_BYTES + tokenizer_bytes(a, m->tokenizer) <= target_flash(t);
    int above = context + 1; /* the shortest window known not to fit */
    if (state_bytes(shapes, t, context) <= ram)
        f.window = context;
    while (f.window < context && above - f.window > 1) {
        const int middle = f.window + (above - f.window) / 2;
        if (state_bytes(shapes, t, middle) <= ram)
            f.window = middle;
        else
            above = middle;
    }
    return f;
}
