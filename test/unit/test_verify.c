/* The verifier: every kind of damage to a good unit is noticed, and the message says what it is. */
#include "ir_unit.h"

/* Each spoils one thing of a unit that all passes have run on, or as far as `pass`. */

static Op *find_op(Unit *u, OpKind kind)
{
    for (int i = 0; i < u->program->n_ops; i++) {
        if (u->program->ops[i].kind == kind) {
            return &u->program->ops[i];
        }
    }
    fail_msg("no op %s", op_info[kind].name);
    return NULL;
}

static void wrong_shape(Unit *u)
{
    u->model->blocks[1].linear[ROLE_UP].rows--;
}
static void wrong_heads(Unit *u)
{
    u->model->blocks[0].n_heads = 3;
}
static void odd_head_dim(Unit *u)
{
    u->model->blocks[0].head_dim = 5;
}
static void infinite_weight(Unit *u)
{
    u->model->head.w[3] = INFINITY;
}
static void wrong_name(Unit *u)
{
    u->model->blocks[0].linear[ROLE_K].name = "layers.0.attn.q";
}
static void left_interleaved(Unit *u)
{
    u->model->rope_interleaved = true;
}
static void unsorted_merges(Unit *u)
{
    u->model->tokenizer->merges[2].left = 3;
}
static void missing_piece(Unit *u)
{
    u->model->tokenizer->bos = 24;
}
static void high_code(Unit *u)
{
    u->model->embed.code[5] = 4;
}
static void high_trit(Unit *u)
{
    u->model->blocks[1].linear[ROLE_K].code[5] = 3;
}
static void lowest_int8(Unit *u)
{
    u->model->blocks[0].linear[ROLE_O].code[5] = 128;
}
static void lost_row(Unit *u)
{
    u->model->embed.scale[2] = 0;
}
static void one_float(Unit *u)
{
    u->model->head.format = FORMAT_FLOAT;
}
static void small_buffer(Unit *u)
{
    u->program->buffers[find_op(u, OP_GLU)->out[0]].count--;
}
static void wrong_type(Unit *u)
{
    u->program->buffers[find_op(u, OP_ADD)->in[0]].elem = ELEM_U32;
}
static void same_operand(Unit *u)
{
    find_op(u, OP_GLU)->in[1] = find_op(u, OP_GLU)->in[0];
}
static void high_buffer(Unit *u)
{
    find_op(u, OP_GLU)->in[1] = u->program->n_buffers;
}
static void wild_sum(Unit *u)
{
    find_op(u, OP_MATVEC)->scalar_in[0] = 1 << 20;
}

static void wild_second_sum(Unit *u)
{
    find_op(u, OP_MATVEC)->scalar_in[1] = u->program->n_scalars;
}

static void unknown_scalar(Unit *u)
{
    find_op(u, OP_ADD)->scalar_in[0] = 5;
}
static void wrong_kv(Unit *u)
{
    *(uint8_t *)u->program->data[find_op(u, OP_ATTEND)->data[0]].bytes = 1;
}
static void no_table(Unit *u)
{
    find_op(u, OP_TABLE)->imm[TABLE_COLS] = 19;
}
static void wrong_kernel(Unit *u)
{
    find_op(u, OP_MATVEC)->kernel = find_kernel("int8");
}
static void small_pre(Unit *u)
{
    find_op(u, OP_MATVEC)->imm[MATVEC_PRE] = -1;
}
static void wrong_rows(Unit *u)
{
    find_op(u, OP_MATVEC)->imm[MATVEC_ROWS]++;
}
static void wrong_shift(Unit *u)
{
    find_op(u, OP_EMBED)->imm[EMBED_SHIFT]++;
}
static void packed_byte(Unit *u)
{
    ((uint8_t *)u->program->data[find_op(u, OP_MATVEC)->data[0]].bytes)[1] ^= 1;
}
static void packed_scale(Unit *u)
{
    ((uint8_t *)u->program->data[find_op(u, OP_MATVEC)->data[1]].bytes)[BOOK_BYTES] ^= 1;
}
static void packed_book(Unit *u)
{
    ((uint8_t *)u->program->data[find_op(u, OP_MATVEC)->data[1]].bytes)[2] ^= 1;
}
static void odd_stride(Unit *u)
{
    find_op(u, OP_MATVEC)->imm[MATVEC_STRIDE] += 4;
}
static void long_life(Unit *u)
{
    u->program->buffers[find_op(u, OP_GLU)->in[0]].last++;
}
static void overlap(Unit *u)
{
    const Op *glu = find_op(u, OP_GLU);
    u->program->buffers[glu->in[0]].offset = u->program->buffers[glu->in[1]].offset;
}
static void on_the_cache(Unit *u)
{
    u->program->buffers[find_op(u, OP_GLU)->in[0]].offset =
        u->program->buffers[find_op(u, OP_STORE_V)->out[0]].offset;
}
static void odd_offset(Unit *u)
{
    u->program->state_bytes += 4;
    u->program->buffers[find_op(u, OP_LOGITS)->out[0]].offset += 4;
}
static void outside(Unit *u)
{
    u->program->state_bytes -= 8;
}
static void large_state(Unit *u)
{
    u->program->state_bytes += 256;
}
static void no_region(Unit *u)
{
    u->program->data[0].region = 2;
}
static void wrong_weight_bytes(Unit *u)
{
    u->program->weight_bytes++;
}
static void twin_names(Unit *u)
{
    u->program->data[1].name = u->program->data[0].name;
}
static void no_c_name(Unit *u)
{
    u->program->data[1].name = "l0.norm";
}
static void unplanned(Unit *u)
{
    u->facts &= ~(unsigned)FACT_PLANNED;
}

static void bits_of_sums(Unit *u)
{
    find_op(u, OP_TABLE)->kernel = find_kernel("planes-xnor");
}

static void test_damage(void **state)
{
    (void)state;
    static const struct {
        const char *pass;
        void (*spoil)(Unit *u);
        const char *message;
    } cases[] = {
        {"prune-neurons", wrong_shape, "layers.1.mlp.up is 9 x 20, not 10 x 20"},
        {"fold", wrong_heads, "layers.0.attn.q is 24 x 20, not 18 x 20"},
        {"fold", odd_head_dim, "head size 5"},
        {"fold", infinite_weight, "finite"},
        {"fold", wrong_name, "layers.0.attn.k is called layers.0.attn.q"},
        {"fold", left_interleaved, "rope pairs are interleaved"},
        {"fold", unsorted_merges, "merge 2 is not sorted"},
        {"fold", missing_piece, "24"},
        {"quantize", high_code, "embed: row 0 column 5: code 4"},
        {"quantize", high_trit, "layers.1.attn.k: row 0 column 5: code 3"},
        {"quantize", lowest_int8, "code 128"},
        {"quantize", lost_row, "embed: row 2 has scale 0"},
        {"quantize", one_float, "head is float, \"quantized\" holds"},
        {"lower", small_buffer, "(glu): buffer layers.0.mlp.h is 6 i8, not 7 i8"},
        {"lower", wrong_type, "(add): buffer layers.0.attn.o is 24 u32, not 20 i32"},
        {"lower", same_operand, "is two of its operands"},
        {"lower", high_buffer, "(glu): operand up refers to"},
        {"lower", wild_sum, "(matvec): reads scalar 1048576 of "},
        {"lower", wild_second_sum, "(matvec): reads scalar "},
        {"lower", unknown_scalar, "(add): scalar s5 is not known in layer 0"},
        {"lower", wrong_kv, "head 0 reads kv head 1, in the model 0"},
        {"lower", wrong_shift, "(embed): shift is"},
        {"choose", no_table, "its input is no"},
        {"choose", wrong_kernel, "kernel int8, but layers.0.attn.q is planes"},
        {"choose", small_pre, "pre is -1"},
        {"choose", wrong_rows, "not what layers.0.attn.q is"},
        {"pad", packed_byte, "l0_q_codes: row"},
        {"pad", packed_scale, "l0_q_rows: the scale of row 0"},
        {"pad", packed_book, "l0_q_rows: byte 2 of the codebook"},
        {"pad", odd_stride, "bytes of codes in blocks of"},
        {"live", long_life, "layers.0.mlp.gate is live from op"},
        {"plan", overlap, "are live together and overlap"},
        {"plan", on_the_cache, "are live together and overlap"},
        {"plan", odd_offset, "not aligned to 8"},
        {"plan", outside, "not inside the state's"},
        {"plan", large_state, "the state's last buffer ends at"},
        {"plan", no_region, "is in region 2"},
        {"choose", bits_of_sums, "bits of a vector that is not of signs"},
        {"plan", wrong_weight_bytes, "weight_bytes is"},
        {"lower", twin_names, "constants 0 and 1 are both called frequency"},
        {"lower", no_c_name, "\"l0.norm\" is no C name"},
        {"budget", unplanned, "what pass budget gives holds, but not planned"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        Arena *a = arena_new();
        Unit *u = unit_after(a, false, cases[i].pass);
        verify(u, NULL);
        cases[i].spoil(u);
        EXPECT_FATAL(verify(u, NULL), cases[i].message);
        arena_free(a);
    }
}

static void sign_part(Unit *u)
{
    find_op(u, OP_SIGN)->imm[SIGN_N]--;
}
static void sign_inverse(Unit *u)
{
    find_op(u, OP_SIGN)->imm[SIGN_INVERSE] = 5;
}
static void sign_scale(Unit *u)
{
    find_op(u, OP_SIGN)->scalar_in[0] = -1;
}
static void sign_missing(Unit *u) /* another vector's are made twice */
{
    find_op(u, OP_SIGN)->out[0] = find_op(u, OP_ATTEND)->out[0];
}
static void sign_model(Unit *u)
{
    u->model->activation_bits = 8;
}
static void sign_planes(Unit *u)
{
    const Op *table = find_op(u, OP_TABLE);
    u->program->ops[table - u->program->ops + 1].kernel = find_kernel("planes-direct");
}

static void test_damaged_signs(void **state)
{
    (void)state;
    static const struct {
        void (*spoil)(Unit *u);
        const char *message;
    } cases[] = {
        {sign_part, "(sign): n is"},
        {sign_inverse, "(sign): inverse has no mantissa"},
        {sign_scale, "(sign): operand scale refers to -1"},
        {sign_missing, "(sign): "},
        {sign_model, "reads signs, but the model's activations have 8 bits"},
        {sign_planes, "is 6 i16, not 20 i8"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        Arena *a = arena_new();
        Unit *u = new_unit(a, false);
        u->model->activation_bits = 1;
        Recipe r = *u->recipe;
        r.bits = 1;
        r.n_rules = 0;
        u->recipe = &r;
        run_passes(u, "budget", NULL, NULL);
        verify(u, NULL);
        cases[i].spoil(u);
        EXPECT_FATAL(verify(u, NULL), cases[i].message);
        arena_free(a);
    }
}

static void other_bias(Unit *u)
{
    ((int32_t *)u->program->data[find_op(u, OP_BIAS)->data[0]].bytes)[3] += 2;
}
static void other_rows(Unit *u)
{
    find_op(u, OP_BIAS)->imm[BIAS_N]--;
}
static void head_norm_dim(Unit *u)
{
    find_op(u, OP_HEAD_NORM)->imm[HEAD_NORM_DIM] = 4;
}
static void head_norm_heads(Unit *u)
{
    find_op(u, OP_HEAD_NORM)->imm[HEAD_NORM_HEADS] = 2;
}
static void short_norm(Unit *u)
{
    u->model->blocks[1].k_norm.n = 4;
}
static void infinite_bias(Unit *u)
{
    u->model->blocks[1].linear[ROLE_UP].bias[2] = INFINITY;
}
static void still_pair(Unit *u)
{
    u->model->rope_factor[1] = 0;
}

static void test_extras(void **state)
{
    (void)state;
    static const struct {
        void (*spoil)(Unit *u);
        const char *message;
    } cases[] = {
        {other_bias, "(bias): row 3 of layers.0.attn.q has another bias in the model"},
        {other_rows, "(bias): n is 23, not 24 to 24"},
        {head_norm_dim, "(head-norm): dim is 4, not 6 to 6"},
        {head_norm_heads, "(head-norm): heads is 2, not 4 to 4"},
        {short_norm, "layers.1.attn.k_norm has 4 weights"},
        {infinite_bias, "layers.1.mlp.up: weight 2 is not finite"},
        {still_pair, "rope_factor 1 is 0"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        Arena *a = arena_new();
        Unit *u = new_unit(a, true);
        tiny_extras(a, u->model);
        run_passes(u, "lower", NULL, NULL);
        verify(u, NULL);
        cases[i].spoil(u);
        EXPECT_FATAL(verify(u, NULL), cases[i].message);
        arena_free(a);
    }
}

static void top_all(Unit *u)
{
    find_op(u, OP_TOP)->imm[TOP_N] = MAX_TOP + 1;
}
static void top_none(Unit *u)
{
    find_op(u, OP_TOP)->imm[TOP_N] = 0;
}
static void top_small(Unit *u)
{
    u->program->buffers[find_op(u, OP_TOP)->out[0]].count--;
}
static void top_chunk_small(Unit *u)
{
    u->program->buffers[find_op(u, OP_TOP)->out[1]].count--;
}
static void top_chunk_large(Unit *u)
{
    find_op(u, OP_TOP)->imm[TOP_CHUNK] = TOP_CHUNK_ROWS + 8;
}
static void top_chunk_odd(Unit *u)
{
    find_op(u, OP_TOP)->imm[TOP_CHUNK]--;
}
static void top_scale(Unit *u)
{
    find_op(u, OP_TOP)->scalar_in[1] = -1;
}
static void top_rows(Unit *u)
{
    find_op(u, OP_TOP)->linear = 1;
}
static void top_kernel(Unit *u)
{
    find_op(u, OP_TOP)->kernel = find_kernel("ternary-byte");
}
static void top_code(Unit *u)
{
    ((uint8_t *)u->program->data[find_op(u, OP_TOP)->data[0]].bytes)[1] ^= 1;
}
static void top_elsewhere(Unit *u)
{
    const Op *op = find_op(u, OP_TOP);
    u->program->buffers[op->out[0]].offset = u->program->buffers[op->out[1]].offset;
}

static void test_damaged_top(void **state)
{
    (void)state;
    static const struct {
        void (*spoil)(Unit *u);
        const char *message;
    } cases[] = {
        {top_all, "(top): n is 257"},
        {top_none, "(top): n is 0"},
        {top_small, "(top): buffer top is 5 i32, not 6 i32"},
        {top_chunk_small, "(top): buffer top.chunk is"},
        {top_chunk_large, "(top): chunk is 72, not 8 to 64"},
        {top_chunk_odd, "(top): chunks of"},
        {top_scale, "(top): operand scale refers to -1"},
        {top_rows, "not what layers.0.attn.q is"},
        {top_kernel, "kernel ternary-byte, but"},
        {top_code, "_codes: row"},
        {top_elsewhere, "are live together and overlap"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        Arena *a = arena_new();
        Unit *u = new_unit(a, false);
        Recipe r = *u->recipe;
        r.top = 3;
        u->recipe = &r;
        run_passes(u, "budget", NULL, NULL);
        verify(u, NULL);
        cases[i].spoil(u);
        EXPECT_FATAL(verify(u, NULL), cases[i].message);
        arena_free(a);
    }
}

/* The same damage in a text: the message names the file. */
static void test_damaged_text(void **state)
{
    (void)state;
    static void (*const spoil[])(Unit *) = {high_code, packed_byte, packed_book,  long_life,
                                            overlap,   odd_offset,  on_the_cache, wrong_rows};
    for (size_t i = 0; i < LENGTH(spoil); i++) {
        Arena *a = arena_new();
        Unit *u = unit_after(a, false, "budget");
        spoil[i](u);
        Buf text = print(u);
        EXPECT_FATAL(parse(a, text.data, text.len), "test.ir: invalid IR: ");
        buf_free(&text);
        arena_free(a);
    }
}

/* The shift before the row scale is what keeps a wide matrix within 32 bits, and no less. */
static void test_sums(void **state)
{
    (void)state;
    const int neurons = 1200;
    Arena *a = arena_new();
    Unit *u = new_unit(a, true);
    Block *b = &u->model->blocks[0];
    b->n_neurons = neurons;
    tiny_linear(a, &b->linear[ROLE_GATE], neurons, 20);
    tiny_linear(a, &b->linear[ROLE_UP], neurons, 20);
    tiny_linear(a, &b->linear[ROLE_DOWN], 20, neurons);
    for (int i = 0; i < 20 * neurons; i++) {
        /* Codes at or near their limits: two sizes, or the matrix would be kept as ternary. */
        b->linear[ROLE_DOWN].w[i] = (i % 3 ? 0.25f : -0.25f) * (i % 2 ? 1 : 0.96f);
    }
    Recipe *r = recipe_default(a);
    r->calib_tokens = 4;
    r->fit_method = FIT_WEIGHTS;
    u->recipe = r;
    run_passes(u, "lower", NULL, NULL);
    const int down = 1 + ROLE_DOWN;
    for (int i = 0; i < u->program->n_ops; i++) {
        Op *op = &u->program->ops[i];
        if (op->kind == OP_MATVEC && op->linear == down) {
            assert_true(op->imm[MATVEC_PRE] > 0);
            op->imm[MATVEC_PRE]--;
        }
    }
    EXPECT_FATAL(verify(u, NULL), "does not fit in 32 bits with pre=");
    arena_free(a);
}

/* A text planned for a large chip does not pass for a small one. */
static void test_other_target(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit *u = unit_after(a, true, "budget");
    Target small = target;
    small.regions[1].size = 1024;
    u->target = &small;
    EXPECT_FATAL(verify(u, NULL), "do not fit test");
    small = target;
    small.tensor_align = 128;
    EXPECT_FATAL(verify(u, NULL), "test ask for 4 and 128");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damage),       cmocka_unit_test(test_damaged_signs),
        cmocka_unit_test(test_extras),       cmocka_unit_test(test_damaged_top),
        cmocka_unit_test(test_damaged_text), cmocka_unit_test(test_sums),
        cmocka_unit_test(test_other_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
