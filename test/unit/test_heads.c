/* Scores of several heads at once (lm_heads.h): the room that a core's code needs for them is
 * there, and a program without it is refused. */
#include "tiny_model.h"

#include "trap.h"

/* One layer of 4 query heads on 2 kv heads, compiled for the target. */
static Unit *compiled(Arena *a, const char *target, int head_dim)
{
    Unit *u = NEW(a, Unit, 1);
    Model *m = tiny_model(a, 5, false);
    Block *b = &m->blocks[0];
    m->n_layers = 1;
    b->head_dim = head_dim;
    tiny_linear(a, &b->linear[ROLE_Q], 4 * head_dim, m->dim);
    tiny_linear(a, &b->linear[ROLE_K], 2 * head_dim, m->dim);
    tiny_linear(a, &b->linear[ROLE_V], 2 * head_dim, m->dim);
    tiny_linear(a, &b->linear[ROLE_O], m->dim, 4 * head_dim);
    model_name_tensors(a, m);
    Recipe *r = recipe_default(a);
    r->bits = 8;
    r->window = 9;
    *u = (Unit){.arena = a, .model = m, .recipe = r, .target = target_load(a, target)};
    run_passes(u, NULL, NULL, NULL);
    return u;
}

static Op *attend_of(const Unit *u)
{
    for (int i = 0; i < u->program->n_ops; i++) {
        if (u->program->ops[i].kind == OP_ATTEND) {
            return &u->program->ops[i];
        }
    }
    fail_msg("no attend");
    return NULL;
}

static void test_room(void **state)
{
    static const struct {
        const char *target;
        int head_dim, at_once;
    } cases[] = {{"rp2040", 8, 2}, {"rp2040", 6, 1}, {"nrf52840", 8, 1}, {"host", 8, 1}};
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        Arena *a = arena_new();
        const Unit *u = compiled(a, cases[i].target, cases[i].head_dim);
        const Op *op = attend_of(u);
        assert_int_equal(u->program->buffers[op->out[1]].count, 9 * cases[i].at_once);
        arena_free(a);
    }
}

/* Only neighbours are taken together. */
static void test_neighbours(void **state)
{
    static const uint8_t apart[] = {0, 1, 0, 1}, alike[] = {0, 1, 1, 2};
    (void)state;
    Arena *a = arena_new();
    const Target *t = target_load(a, "rp2040");
    Op op = {.kind = OP_ATTEND};
    op.imm[ATTEND_HEADS] = 4;
    op.imm[ATTEND_DIM] = 8;
    op.imm[ATTEND_PRE] = 3;
    assert_int_equal(heads_at_once(t, &op, apart), 1);
    assert_int_equal(heads_at_once(t, &op, alike), 2);
    arena_free(a);
}

static void test_too_little(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit *u = compiled(a, "rp2040", 8);
    verify(u, NULL);
    u->program->buffers[attend_of(u)->out[1]].count = 9;
    EXPECT_FATAL(verify(u, NULL), "weights is 9 i32, not 18 i32");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_too_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
