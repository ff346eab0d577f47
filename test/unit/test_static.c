/* Static scales of activations: the clips that quantize finds, the text form, what the verifier
 * notices, and what is refused. */
#include "ir_unit.h"

/* Every format, without sinks' text: samples are what the model writes. */
static Unit *static_unit(Arena *a, const char *until)
{
    Unit *u = new_unit(a, false);
    Recipe *r = arena_copy(a, u->recipe, 1, sizeof *u->recipe);
    recipe_set(a, r, "quantize.activations=static");
    recipe_set(a, r, "quantize.tokens=200");
    u->recipe = r;
    run_passes(u, until, NULL, NULL);
    return u;
}

/* All linears that read activations have a clip, and those that read one vector the same. */
static void test_clips(void **state)
{
    Arena *a = arena_new();
    Unit *u = static_unit(a, "quantize");
    (void)state;
    for (int l = 0; l < u->model->n_layers; l++) {
        const Linear *role = u->model->blocks[l].linear;
        assert_true(role[ROLE_Q].input_clip > 0 && role[ROLE_O].input_clip > 0 &&
                    role[ROLE_DOWN].input_clip > 0);
        assert_true(role[ROLE_Q].input_clip == role[ROLE_K].input_clip &&
                    role[ROLE_Q].input_clip == role[ROLE_V].input_clip);
        assert_true(role[ROLE_GATE].input_clip == role[ROLE_UP].input_clip);
    }
    assert_true(u->model->head.input_clip > 0 && u->model->embed.input_clip == 0);
    float v[] = {0.4f, -0.6f, 200, -300, 63.6f};
    clip_input(&(Linear){.input_clip = 127}, v, 5);
    assert_true(v[0] == 0 && v[1] == -1 && v[2] == 127 && v[3] == -127 && v[4] == 64);
    arena_free(a);
}

/* The text has the clips and the scales, and reads back to itself. */
static void test_text(void **state)
{
    Arena *a = arena_new();
    Unit *u = static_unit(a, "budget");
    Buf text = print(u);
    (void)state;
    assert_non_null(strstr(text.data, " input_clip="));
    assert_non_null(strstr(text.data, " gate_down="));
    const Unit *back = parse(a, text.data, text.len);
    Buf again = print(back);
    assert_same_text(&text, &again);
    buf_free(&text);
    buf_free(&again);
    arena_free(a);
}

static Op *find_op(Unit *u, OpKind kind)
{
    for (int i = 0; i < u->program->n_ops; i++)
        if (u->program->ops[i].kind == kind)
            return &u->program->ops[i];
    fail_msg("no op %s", op_info[kind].name);
    return NULL;
}

static void lost_clip(Unit *u)
{
    u->model->blocks[1].linear[ROLE_DOWN].input_clip = 0;
}
static void negative_clip(Unit *u)
{
    u->model->head.input_clip = -1;
}
static void embedding_clip(Unit *u)
{
    u->model->embed.input_clip = 1;
}
static void other_clip(Unit *u)
{
    u->model->blocks[0].linear[ROLE_K].input_clip *= 2;
}
static void dynamic_norm(Unit *u)
{
    find_op(u, OP_NORM)->imm[NORM_SCALE] = 0;
}
static void no_mantissa(Unit *u)
{
    find_op(u, OP_ATTEND)->imm[ATTEND_INVERSE] = 7;
}
static void wide_shift(Unit *u)
{
    find_op(u, OP_GLU)->imm[GLU_UP_DOWN] = 32;
}
static void large_factor(Unit *u)
{
    find_op(u, OP_GLU)->imm[GLU_MUL] = 257;
}
static void other_scale(Unit *u)
{
    find_op(u, OP_GLU)->imm[GLU_SCALE] += 65536;
}
static void mix_scale(Unit *u)
{
    find_op(u, OP_ATTEND)->out[3] = find_op(u, OP_ATTEND)->in[1];
}
static void dynamic_model(Unit *u)
{
    Linear *l;
    for (int i = 0; (l = model_linears(u->model, i)); i++)
        l->input_clip = 0;
}
static void binary_model(Unit *u)
{
    u->model->activation_bits = 1;
}

static void test_damage(void **state)
{
    static const struct {
        void (*spoil)(Unit *u);
        const char *message;
    } cases[] = {
        {lost_clip, "layers.1.mlp.down: input_clip is 0, activation scales are static"},
        {negative_clip, "head: input_clip is -1"},
        {embedding_clip, "embed: input_clip is 1, activation scales are static"},
        {other_clip, "layers.0.attn.q: input_clip is "},
        {dynamic_norm, "(norm): the scale of x is dynamic, in a model with static ones"},
        {no_mantissa, "(attend): ?inverse has no mantissa"},
        {wide_shift, "(glu): ?up_down is 32"},
        {large_factor, "(glu): ?mul is 257"},
        {other_scale, "its input is int8 up to "},
        {mix_scale, "(attend): "},
        {dynamic_model, "(norm): the scale of x is static, in a model with dynamic ones"},
        {binary_model, "static activation scales, but activations are binary"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        Arena *a = arena_new();
        Unit *u = static_unit(a, "budget");
        verify(u, NULL);
        cases[i].spoil(u);
        EXPECT_FATAL(verify(u, NULL), cases[i].message);
        arena_free(a);
    }
}

static void test_refusals(void **state)
{
    Arena *a = arena_new();
    Recipe *r = recipe_default(a);
    (void)state;
    recipe_set(a, r, "quantize.activations=static");
    EXPECT_FATAL(recipe_set(a, r, "activations=1"), "binary activations have no such scales");
    r->activations = 0;
    EXPECT_FATAL(recipe_set(a, r, "recover=1000"), "recover trains for scales found");
    Unit *u = unit_after(a, false, "quantize"); /* with dynamic scales */
    Recipe fixed = *u->recipe;
    fixed.scales = SCALES_STATIC;
    u->recipe = &fixed;
    EXPECT_FATAL(run_passes(u, NULL, NULL, NULL), "quantized without ranges of what its linears");
    u = new_unit(a, false);
    fixed = *u->recipe;
    fixed.scales = SCALES_STATIC;
    u->recipe = &fixed;
    u->model->activation_bits = 1;
    EXPECT_FATAL(run_passes(u, NULL, NULL, NULL), "binary activations have no such scales");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clips),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
