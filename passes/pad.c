/* pad: the layout of the weights. Packs every matrix in the format's blocks, pads blocks to what
 * its kernels gain from, at most to the target's row alignment, sets each array's alignment, and
 * counts the bytes that this wastes. */
#include "pass.h"

typedef struct Packed {
    int codes, rows;
    int64_t stride;
} Packed;

/* "layers.3.attn.q" -> "l3_q_codes". */
static const char *data_name(Arena *a, const Model *m, int linear, const char *what)
{
    static const char *const roles[ROLES] = {"q", "k", "v", "o", "gate", "up", "down"};
    int layer;
    Role role;
    if (model_linear_place(m, linear, &layer, &role))
        return arena_printf(a, "l%d_%s_%s", layer, roles[role], what);
    const int exit = linear - model_exit_index(m, 0);
    if (exit >= 0)
        return arena_printf(a, "l%d_exit_%s", m->exits[exit].layer, what);
    return arena_printf(a, "%s_%s", model_linears((Model *)(uintptr_t)m, linear)->name, what);
}

/* What the kernels that read a matrix want its rows to start at. */
static int rows_align(const Unit *u, int linear)
{
    int align = 4;
    for (int i = 0; i < u->program->n_ops; i++) {
        const Op *op = &u->program->ops[i];
        if (op->linear == linear && op->kernel >= 0) {
            const int wanted = kernel_align(&kernels[op->kernel], u->target);
            align = wanted > align ? wanted : align;
        }
    }
    return align;
}

static Packed pack(Unit *u, int linear)
{
    const Linear *l = model_linears(u->model, linear);
    const int64_t bare = block_bytes(l->format, l->planes, l->cols);
    const int rows = packed_rows(l);
    const int blocks = rows / block_rows(l->format, l->planes);
    Packed p = {.stride = round_up(bare, rows_align(u, linear))};
    if (p.stride * blocks > INT32_MAX / 2)
        fatal("%s: %s: %lld bytes: more than a target can address", u->model->path, l->name,
              (long long)(p.stride * blocks));
    p.codes = program_add_data(u->arena, u->program, data_name(u->arena, u->model, linear, "codes"),
                               ELEM_U8, p.stride * blocks);
    p.rows = program_add_data(u->arena, u->program, data_name(u->arena, u->model, linear, "rows"),
                              ELEM_U8, BOOK_BYTES + rows);
    Data *codes = &u->program->data[p.codes];
    codes->align = u->target->tensor_align;
    codes->waste = p.stride * blocks - bare * l->rows / block_rows(l->format, l->planes);
    pack_codes(l, p.stride, codes->bytes);
    u->program->data[p.rows].waste = rows - l->rows;
    pack_rows(l, u->program->data[p.rows].bytes);
    return p;
}

void pass_pad(Unit *u)
{
    Program *p = u->program;
    int n = 0;
    while (model_linears(u->model, n))
        n++;
    Packed *packed = NEW(u->arena, Packed, n);
    for (int i = 0; i < n; i++)
        packed[i] = pack(u, i);
    for (int i = 0; i < p->n_ops; i++) {
        Op *op = &p->ops[i];
        if (op->linear < 0)
            continue;
        op->data[0] = packed[op->linear].codes;
        op->data[1] = packed[op->linear].rows;
        op->imm[op_reads_row(op->kind) ? (int)EMBED_STRIDE : (int)MATVEC_STRIDE] =
            packed[op->linear].stride;
    }
}
