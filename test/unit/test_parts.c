/* Matrices read some columns at a time: the same logits as all at once, for every format, width and
 * both ways to read a prompt; chosen when, and only when, whole tables do not fit. */
#include "tiny_model.h"

#include <stdio.h>

/* Lowered: three layers of dim 20 and so many neurons; mixed: with matrices of several formats that
 * read one vector. */
static Unit *lowered(Arena *a, double bits, int neurons, bool mixed)
{
    Unit *u = NEW(a, Unit, 1);
    Model *m = tiny_model(a, 9, false);
    for (int l = 0; l < m->n_layers; l++) {
        Block *b = &m->blocks[l];
        b->n_neurons = neurons;
        tiny_linear(a, &b->linear[ROLE_GATE], neurons, m->dim);
        tiny_linear(a, &b->linear[ROLE_UP], neurons, m->dim);
        tiny_linear(a, &b->linear[ROLE_DOWN], m->dim, neurons);
    }
    model_name_tensors(a, m);
    Recipe *r = recipe_default(a);
    r->bits = bits;
    r->window = 9;
    if (mixed) {
        recipe_set_bits(a, r, "*.attn.k=1.6");
        recipe_set_bits(a, r, "*.mlp.up=8");
    }
    *u = (Unit){.arena = a, .model = m, .recipe = r, .target = target_load(a, "nrf52840")};
    run_passes(u, "lower", NULL, NULL);
    return u;
}

/* To go on with: passes rewrite the program. */
static Unit *copy_of(const Unit *u)
{
    Unit *c = arena_copy(u->arena, u, 1, sizeof *u);
    Program *p = c->program = arena_copy(u->arena, u->program, 1, sizeof *p);
    p->ops = arena_copy(u->arena, p->ops, (size_t)p->n_ops, sizeof *p->ops);
    p->buffers = arena_copy(u->arena, p->buffers, (size_t)p->n_buffers, sizeof *p->buffers);
    p->data = NULL;
    p->n_data = 0;
    for (int i = 0; i < u->program->n_data; i++) { /* pad adds to them */
        const Data *d = &u->program->data[i];
        const int k = program_add_data(u->arena, p, d->name, d->elem, d->count);
        p->data[k] = *d;
    }
    return c;
}

/* The kernel for the format, portable. */
static int kernel_of(const Linear *l)
{
    return find_kernel(l->format == FORMAT_TERNARY ? "ternary-byte"
                       : l->format == FORMAT_INT8  ? "int8"
                                                   : "planes-byte");
}

/* Compiled with tables of `groups` groups of inputs at a time, 0: of all. */
static const Unit *with_parts(const Unit *from, int groups)
{
    Unit *u = copy_of(from);
    int *width = NEW(u->arena, int, u->program->n_ops);
    for (int i = 0; i < u->program->n_ops; i++) {
        Op *op = &u->program->ops[i];
        if (!op_is_matvec(op->kind))
            continue;
        op->kernel = kernel_of(model_linears(u->model, op->linear));
        const Kernel *k = &kernels[op->kernel];
        const int wide = k->part_function ? groups * table_inputs(k->table) : 0;
        width[i] = wide < op->imm[MATVEC_COLS] ? wide : 0;
    }
    u->program = with_tables(u->arena, u->program, width);
    u->facts |= FACT_CHOSEN;
    run_passes(u, NULL, NULL, NULL);
    return u;
}

static int count(const Unit *u, OpKind k)
{
    int n = 0;
    for (int i = 0; i < u->program->n_ops; i++)
        n += u->program->ops[i].kind == k;
    return n;
}

/* A program whose matrices are all read in parts has no ops for two tokens. */
static void read_two(Simulator *s, const Unit *u, const int *tokens)
{
    if (u->program->n_step < u->program->n_ops) {
        simulator_read_two(s, tokens);
    } else {
        simulator_step(s, tokens[0]);
        simulator_step(s, tokens[1]);
    }
}

static void check_same(const Unit *parts, const Unit *whole)
{
    Arena *a = arena_new();
    Simulator *p = simulator_new(a, parts), *w = simulator_new(a, whole);
    for (int i = 0; i < 24; i++) {
        const int tokens[2] = {tiny_token(i), tiny_token(i + 1)};
        if (i % 3 == 2) {
            read_two(p, parts, tokens);
            read_two(w, whole, tokens);
        }
        const int32_t *want = simulator_step(w, tokens[0]);
        assert_memory_equal(simulator_step(p, tokens[0]), want,
                            (size_t)parts->model->vocab * sizeof *want);
    }
    arena_free(a);
}

static void test_same_logits(void **state)
{
    static const double bits[] = {1, 1.6, 2, 3, 5};
    (void)state;
    for (size_t i = 0; i < LENGTH(bits); i++) {
        Arena *a = arena_new();
        const Unit *u = lowered(a, bits[i], 37, i % 2 == 0), *whole = with_parts(u, 0);
        assert_int_equal(count(whole, OP_MATVEC_PART), 0);
        for (int groups = 1; groups <= 4; groups++) {
            const Unit *parts = with_parts(u, groups);
            assert_true(count(parts, OP_MATVEC_PART) > 0);
            check_same(parts, whole);
        }
        arena_free(a);
    }
}

/* Estimated cycles of a token's matrices and tables. */
static double cycles(const Unit *u)
{
    double sum = 0;
    for (int i = 0; i < u->program->n_step; i++) {
        const Op *op = &u->program->ops[i];
        const bool part = op_is_part(op->kind);
        Cost c = {0};
        if (op_is_matvec(op->kind))
            c = kernel_cost(&kernels[op->kernel], u->target, (int)op->imm[MATVEC_ROWS],
                            (int)op->imm[part ? (int)PART_WIDTH : (int)MATVEC_COLS],
                            (int)op->imm[MATVEC_PLANES]);
        else if (op->kernel >= 0)
            c = table_cost(&kernels[op->kernel], u->target, (int)op->imm[TABLE_COLS]);
        sum += cost_cycles(c, u->target);
    }
    return sum;
}

/* From RAM for all tables down to what hardly fits: every state within its limit, slower only where
 * there is less room. */
static void test_budgets(void **state)
{
    static const double bits[] = {1.6, 2};
    (void)state;
    for (size_t i = 0; i < LENGTH(bits); i++) {
        Arena *a = arena_new();
        Unit *from = lowered(a, bits[i], 300, false);
        int with = 0, without = 0;
        double last = 0;
        for (int64_t ram = 48 * 1024; ram >= 10 * 1024; ram -= 1024) {
            Unit *u = copy_of(from);
            u->ram_limit = ram;
            run_passes(u, NULL, NULL, NULL);
            assert_true(u->program->state_bytes <= state_limit(u));
            const double now = cycles(u);
            assert_true(now >= last);
            last = now;
            with += count(u, OP_MATVEC_PART) > 0;
            without += count(u, OP_MATVEC_PART) == 0;
        }
        printf("%g bits: whole tables in %d budgets, parts in %d\n", bits[i], without, with);
        assert_true(with > 0 && without > 0);
        arena_free(a);
    }
}

/* Part `n` of layer 0's attn.o, a matrix with a table of its own: columns 8 n to 8 n + 7 of 24. The
 * op before is the table's. */
static Op *part_of(const Unit *u, int n)
{
    Op *op = u->program->ops;
    while (op->kind != OP_MATVEC_PART || op->linear != 1 + ROLE_O || op->imm[PART_FIRST] != 8 * n)
        op++;
    return op;
}

static void wrong_first(Unit *u)
{
    part_of(u, 1)->imm[PART_FIRST] += 8;
}
static void wide_part(Unit *u)
{
    part_of(u, 1)->imm[PART_WIDTH] += 8;
}
static void other_table(Unit *u)
{
    part_of(u, 1)[-1].imm[TABLE_FIRST] += 8;
}
static void wide_table(Unit *u)
{
    part_of(u, 1)[-1].imm[TABLE_COLS] += 8;
}
static void table_past_end(Unit *u)
{
    part_of(u, 1)[-1].imm[TABLE_FIRST] = 17;
}
static void table_before_start(Unit *u)
{
    part_of(u, 1)[-1].imm[TABLE_FIRST] = -1;
}
static void uneven(Unit *u)
{
    Op *op = part_of(u, 1);
    op->imm[PART_FIRST] = op[-1].imm[TABLE_FIRST] = 4;
}
static void twice(Unit *u)
{
    Op *op = part_of(u, 2);
    op->imm[PART_FIRST] = op[-1].imm[TABLE_FIRST] = 8;
}
static void other_sum(Unit *u)
{
    part_of(u, 1)->scalar_in[0] = part_of(u, 0)->scalar_in[0];
}
static void other_result(Unit *u)
{
    part_of(u, 1)->out[0] = u->program->ops[0].out[0]; /* the residual */
}
static void other_vector(Unit *u)
{
    Op *table = &part_of(u, 1)[-1];
    const Op *q = u->program->ops;
    while (q->kind != OP_TABLE_PART)
        q++;
    table->in[0] = q->in[0];
}
static void unfinished(Unit *u)
{
    Op *last = part_of(u, 2);
    memmove(last - 1, last + 1,
            (size_t)(u->program->ops + u->program->n_ops - last - 1) * sizeof *last);
    u->program->n_ops -= 2;
    u->program->n_step -= 2;
}
static void whole_kernel(Unit *u)
{
    Op *op = part_of(u, 1);
    op->kernel = find_kernel("planes-direct");
    op->in[0] = op[-1].in[0];
}

/* Parts that leave columns out, overlap, or change what they read or add up in. */
static void test_damage(void **state)
{
    static const struct {
        void (*damage)(Unit *u);
        const char *what;
    } cases[] = {
        {wrong_first, "its input is no byte table of 8 inputs"},
        {wide_part, "its input is no byte table of 16 inputs"},
        {other_table, "its input is no byte table of 8 inputs"},
        {wide_table, "buffer layers.0.attn.mixed.byte is 256 i16"},
        {table_past_end, "buffer layers.0.attn.mixed is 24 i8, not 25"},
        {table_before_start, "8 inputs from -1"},
        {uneven, "8 columns from 4"},
        {twice, "does not go on from the part before"},
        {other_sum, "that of its table"},
        {other_result, "does not go on from the part before"},
        {other_vector, "of another vector than the part before's"},
        {unfinished, "reads layers.0.attn.o, of which columns are missing"},
        {whole_kernel, "takes all columns at once"},
    };
    (void)state;
    Arena *a = arena_new();
    const Unit *from = lowered(a, 2, 37, false);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        Unit *u = copy_of(with_parts(from, 1));
        verify(u, NULL);
        cases[i].damage(u);
        u->facts &= (unsigned)~(FACT_LIVE | FACT_PLANNED | FACT_FITS);
        EXPECT_FATAL(verify(u, NULL), cases[i].what);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_logits),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
