/* The text IR and the verifier: what is printed reads back to the same text at every step of the
 * pipeline, hostile texts end in a message, and every kind of damage is noticed. */
#include "tiny_model.h"

#include "mutate.h"

enum { MUTATIONS = 2000 };

static const Target target = {
    .name = "test",
    .what = "a made-up chip",
    .n_regions = 2,
    .regions = {{.name = "flash", .size = 1 << 20}, {.name = "ram", .size = 1 << 18,
                                                     .writable = true}},
    .weights_region = 0,
    .state_region = 1,
    .row_align = 8,
    .tensor_align = 16,
    .state_align = 8,
};

static Tokenizer *tokenizer(Arena *a, int vocab)
{
    static const uint8_t bytes[] = {0, 10, 34, 92, 195, 169, 255, 32};
    static const Merge merges[] = {{3, 4, 5, 0}, {3, 5, 6, -7}, {4, 3, 7, 2}};
    Tokenizer *t = NEW(a, Tokenizer, 1);
    *t = (Tokenizer){.kind = TOKENIZER_BYTE_LEVEL, .n_pieces = vocab, .n_merges = 3, .bos = 1,
                     .eos = -1, .unk = 0, .add_prefix = true};
    t->pieces = NEW(a, Piece, vocab);
    for (int i = 0; i < vocab; i++) {
        t->pieces[i] = (Piece){bytes, i % 9, (PieceKind)(i % PIECE_KINDS)};
    }
    t->merges = arena_copy(a, merges, LENGTH(merges), sizeof *merges);
    for (int i = 0; i < 256; i++) {
        t->byte_id[i] = i % 3 ? -1 : i % vocab;
    }
    return t;
}

/* Every format, pruned unevenly, with sinks. */
static Recipe *recipe(Arena *a)
{
    Recipe *r = recipe_default(a);
    static const char *const settings[] = {"window=7", "sinks=2", "prune-heads.counts=0,1,3",
                                           "prune-neurons.counts=3,0,1", "calibrate.tokens=16",
                                           "quantize.rounds=3"};
    static const char *const bits[] = {"2", "*.attn.*=3", "layers.1.*=ternary", "*.mlp.up=5",
                                       "*.attn.o=8", "head=1"};
    for (size_t i = 0; i < LENGTH(settings); i++) {
        recipe_set(a, r, settings[i]);
    }
    for (size_t i = 0; i < LENGTH(bits); i++) {
        recipe_set_bits(a, r, bits[i]);
    }
    return r;
}

static Unit *new_unit(Arena *a, bool tied)
{
    Unit *u = NEW(a, Unit, 1);
    *u = (Unit){.arena = a, .model = tiny_model(a, tied ? 3 : 4, tied), .recipe = recipe(a),
                .target = &target};
    u->model->rope_interleaved = tied;
    u->model->hash = 0x0123456789abcdef;
    u->model->tokenizer = tied ? NULL : tokenizer(a, u->model->vocab);
    return u;
}

/* A unit after a pass: NULL none, "budget" all. */
static Unit *unit_after(Arena *a, bool tied, const char *pass)
{
    Unit *u = new_unit(a, tied);
    if (pass) {
        run_passes(u, pass, NULL, NULL);
    }
    return u;
}

static Unit *parse(Arena *a, const char *text, size_t n)
{
    Unit *u = NEW(a, Unit, 1);
    *u = (Unit){.arena = a, .recipe = recipe(a), .target = &target};
    ir_parse(u, "test.ir", text, n);
    return u;
}

static Buf print(const Unit *u)
{
    Buf b = {0};
    ir_print(u, &b);
    return b;
}

static void assert_same_text(const Buf *x, const Buf *y)
{
    assert_int_equal(x->len, y->len);
    assert_memory_equal(x->data, y->data, x->len);
}

/* Round trip ------------------------------------------------------------------------------- */

static void check_round_trip(const Unit *u)
{
    Arena *a = arena_new();
    Buf text = print(u);
    Unit *back = parse(a, text.data, text.len);
    Buf again = print(back);
    assert_same_text(&text, &again);
    assert_int_equal(back->facts, u->facts);
    assert_int_equal(model_hash(back->model), model_hash(u->model));
    buf_free(&text);
    buf_free(&again);
    arena_free(a);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (int tied = 0; tied < 2; tied++) {
        Arena *a = arena_new();
        Unit *u = new_unit(a, tied);
        check_round_trip(u);
        for (const Pass *p = passes; p->name; p++) {
            run_pass(u, p);
            check_round_trip(u);
        }
        arena_free(a);
    }
}

static void test_odd_floats(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit *u = unit_after(a, true, NULL);
    static const float odd[] = {-0.0f,   1e-45f, 1.17549435e-38f, 3.4028235e38f, 0.1f,
                                1 / 3.0f, 16777216, -1e-40f,        2.5e-7f};
    for (size_t i = 0; i < LENGTH(odd); i++) {
        u->model->embed.w[i] = odd[i];
    }
    check_round_trip(u); /* compares the hash of the weights' bits */
    arena_free(a);
}

/* A text that was written half way gives in the end what an unbroken run gives. */
static void test_resume(void **state)
{
    (void)state;
    Arena *a = arena_new();
    for (const Pass *p = passes; p->name; p++) {
        Buf middle = {0};
        Unit *whole = new_unit(a, false);
        run_passes(whole, NULL, p->name, &middle);
        Unit *rest = parse(a, middle.data, middle.len);
        run_passes(rest, NULL, NULL, NULL);
        Buf x = print(whole), y = print(rest);
        assert_same_text(&x, &y);
        buf_free(&x);
        buf_free(&y);
        buf_free(&middle);
    }
    arena_free(a);
}

static void test_until(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit *u = new_unit(a, true);
    Buf dumped = {0};
    run_passes(u, "prune-heads", "calibrate", &dumped);
    assert_int_equal(u->facts, FACT_FOLDED | FACT_CALIBRATED | FACT_HEADS);
    assert_non_null(strstr(dumped.data, "facts folded calibrated\n"));
    run_passes(u, NULL, NULL, NULL);
    assert_true(u->facts & FACT_FITS);
    buf_free(&dumped);
    arena_free(a);
}

/* Facts of the table itself: each fact is given once, by a pass that comes before every pass that
 * needs it; passes with the same name would make --until ambiguous. */
static void test_table(void **state)
{
    (void)state;
    unsigned given = 0;
    for (int i = 0; passes[i].name; i++) {
        assert_int_equal(find_pass(passes[i].name), i);
        assert_int_equal(passes[i].needs & ~given, 0);
        assert_int_equal(passes[i].gives & given, 0);
        assert_int_equal(passes[i].breaks & (passes[i].gives | passes[i].needs), 0);
        given |= passes[i].gives;
    }
    assert_int_equal(given, (1u << N_FACTS) - 1);
    assert_int_equal(find_pass("no-such-pass"), -1);
}

/* Hostile texts ---------------------------------------------------------------------------- */

/* Reads a text that may be broken and runs what is left to do. */
static bool survives(const char *text, size_t n)
{
    Arena *a = arena_new();
    Unit *volatile u = NULL;
    volatile bool ok = false;
    jmp_buf trap;
    fatal_trap = &trap;
    if (setjmp(trap) == 0) {
        u = parse(a, text, n);
        run_passes(u, NULL, NULL, NULL);
        ok = true;
    }
    fatal_trap = NULL;
    if (!ok && strncmp(fatal_message, "test.ir", 7) != 0) {
        fail_msg("the message names no file: %s", fatal_message);
    }
    arena_free(a);
    return ok;
}

static void test_mutations(void **state)
{
    (void)state;
    static const char *const after[] = {"calibrate", "quantize", "lower", "choose", "plan"};
    uint32_t seed = 12345;
    int accepted = 0;
    for (int i = 0; i < (int)LENGTH(after); i++) {
        Arena *a = arena_new();
        Buf text = print(unit_after(a, i % 2, after[i]));
        for (int k = 0; k < MUTATIONS / (int)LENGTH(after); k++) {
            Arena *scratch = arena_new();
            size_t n = text.len;
            const char *broken = mutate(scratch, text.data, &n, &seed);
            accepted += survives(broken, n);
            arena_free(scratch);
        }
        buf_free(&text);
        arena_free(a);
    }
    assert_in_range(accepted, 1, MUTATIONS - 1);
}

/* Numbers replaced by others: what still has the right form is left to the verifier. */
static void test_number_mutations(void **state)
{
    (void)state;
    static const char *const values[] = {"0", "-1", "1", "2", "7", "64", "65535", "1048576",
                                         "2147483647", "-2147483648", "9223372036854775807"};
    Arena *a = arena_new();
    Buf text = print(unit_after(a, false, "plan"));
    uint32_t seed = 99;
    for (int k = 0; k < MUTATIONS / 2; k++) {
        Arena *scratch = arena_new();
        const char *at = strchr(text.data + next_random(&seed) % (text.len - 8), '=');
        if (at) {
            const size_t digits = strspn(at + 1, "-0123456789");
            const char *v = values[next_random(&seed) % LENGTH(values)];
            char *broken = arena_printf(scratch, "%.*s=%s%s", (int)(at - text.data), text.data, v,
                                        at + 1 + digits);
            survives(broken, strlen(broken));
        }
        arena_free(scratch);
    }
    buf_free(&text);
    arena_free(a);
}

static void test_cut_off(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Buf text = print(unit_after(a, false, "budget"));
    for (size_t n = 0; n < text.len - 1; n += n < 400 ? 1 : 997) {
        char *copy = arena_copy(a, text.data, n, 1);
        assert_false(survives(copy, n));
    }
    buf_free(&text);
    arena_free(a);
}

/* The first `from` in the text of a unit becomes `to`. */
static char *edit(Arena *a, const char *pass, const char *from, const char *to)
{
    Buf text = print(unit_after(a, false, pass));
    const char *at = strstr(text.data, from);
    assert_non_null(at);
    char *edited = arena_printf(a, "%.*s%s%s", (int)(at - text.data), text.data, to,
                                at + strlen(from));
    buf_free(&text);
    return edited;
}

static void test_messages(void **state)
{
    (void)state;
    static const struct {
        const char *pass, *from, *to, *message;
    } cases[] = {
        {NULL, "lmcc-ir 1", "lmcc-ir 2", "test.ir:1: expected \"lmcc-ir 1\""},
        {NULL, "facts", "facts cooked", "test.ir:2: facts: \"cooked\" is unknown"},
        {NULL, "facts", "facts lowered", "facts: what pass lower gives holds, but not calibrated"},
        {NULL, "dim=20", "dim=70000", "test.ir:4: dim: expected an integer from 1 to 65536"},
        {NULL, "dim=20", "dim=twenty", "got \"twenty\""},
        {NULL, "layers=3", "layers=4", "expected \"block\", got \"norm\""},
        {NULL, "rows=24", "rows=1000000", "20000000 weights are announced"},
        {NULL, "format=float", "format=int9", "format: \"int9\" is unknown"},
        {NULL, "w ", "w nan ", "expected a finite number, got \"nan\""},
        {NULL, "w ", "w 1 ", "expected the end of the line"},
        {NULL, "\\x0a", "\\y", "a backslash stands before"},
        {NULL, "kv_of_head 0 0 1 1", "kv_of_head 0 1 0 1", "head 2 reads kv head 0 after 1"},
        {NULL, "kv_heads=2", "kv_heads=3", "3 kv heads, of which 2 are read"},
        {NULL, "end\n", "end\nmore\n", "text after \"end\""},
        {"quantize", "codes ", "codes 256", "scale: expected an integer from 0 to 255"},
        {"quantize", "planes=2", "planes=7", "planes: expected an integer from 1 to 6"},
        {"lower", "op 0 embed", "op 1 embed", "an op's number: expected an integer from 0 to 0"},
        {"lower", "op 0 embed", "op 0 merge", "op \"merge\" is unknown"},
        {"lower", "linear=embed", "linear=bed", "linear \"bed\" is unknown"},
        {"lower", "resid=%0", "resid=$0", "expected - or a reference such as %3, got \"$0\""},
        {"choose", "kernel=planes-nibble", "kernel=fast", "kernel \"fast\" is unknown"},
        {"pad", "bytes ", "bytes 0", "more than"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        Arena *a = arena_new();
        const char *text = edit(a, cases[i].pass, cases[i].from, cases[i].to);
        EXPECT_FATAL(parse(a, text, strlen(text)), cases[i].message);
        arena_free(a);
    }
}

/* Damage ----------------------------------------------------------------------------------- */

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

static void wrong_shape(Unit *u) { u->model->blocks[1].linear[ROLE_UP].rows--; }
static void wrong_heads(Unit *u) { u->model->blocks[0].n_heads = 3; }
static void odd_head_dim(Unit *u) { u->model->blocks[0].head_dim = 5; }
static void infinite_weight(Unit *u) { u->model->head.w[3] = INFINITY; }
static void wrong_name(Unit *u) { u->model->blocks[0].linear[ROLE_K].name = "layers.0.attn.q"; }
static void left_interleaved(Unit *u) { u->model->rope_interleaved = true; }
static void unsorted_merges(Unit *u) { u->model->tokenizer->merges[2].left = 3; }
static void missing_piece(Unit *u) { u->model->tokenizer->bos = 24; }
static void high_code(Unit *u) { u->model->embed.code[5] = 4; }
static void high_trit(Unit *u) { u->model->blocks[1].linear[ROLE_K].code[5] = 3; }
static void lowest_int8(Unit *u) { u->model->blocks[0].linear[ROLE_O].code[5] = 128; }
static void lost_row(Unit *u) { u->model->embed.scale[2] = 0; }
static void one_float(Unit *u) { u->model->head.format = FORMAT_FLOAT; }
static void small_buffer(Unit *u) { u->program->buffers[find_op(u, OP_GLU)->out[0]].count--; }
static void wrong_type(Unit *u) { u->program->buffers[find_op(u, OP_ADD)->in[0]].elem = ELEM_U32; }
static void same_operand(Unit *u) { find_op(u, OP_GLU)->in[1] = find_op(u, OP_GLU)->in[0]; }
static void high_buffer(Unit *u) { find_op(u, OP_GLU)->in[1] = u->program->n_buffers; }
static void unknown_scalar(Unit *u) { find_op(u, OP_ADD)->scalar_in[0] = 5; }
static void wrong_kv(Unit *u)
{
    *(uint8_t *)u->program->data[find_op(u, OP_ATTEND)->data[0]].bytes = 1;
}
static void no_table(Unit *u) { find_op(u, OP_TABLE)->imm[TABLE_COLS] = 19; }
static void wrong_kernel(Unit *u) { find_op(u, OP_MATVEC)->kernel = find_kernel("int8"); }
static void small_pre(Unit *u) { find_op(u, OP_MATVEC)->imm[MATVEC_PRE] = -1; }
static void wrong_rows(Unit *u) { find_op(u, OP_MATVEC)->imm[MATVEC_ROWS]++; }
static void wrong_shift(Unit *u) { find_op(u, OP_EMBED)->imm[EMBED_SHIFT]++; }
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
static void odd_stride(Unit *u) { find_op(u, OP_MATVEC)->imm[MATVEC_STRIDE] += 4; }
static void long_life(Unit *u) { u->program->buffers[find_op(u, OP_GLU)->in[0]].last++; }
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
static void outside(Unit *u) { u->program->state_bytes -= 8; }
static void no_region(Unit *u) { u->program->data[0].region = 2; }
static void wrong_weight_bytes(Unit *u) { u->program->weight_bytes++; }
static void unplanned(Unit *u) { u->facts &= ~(unsigned)FACT_PLANNED; }

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
        {"plan", no_region, "is in region 2"},
        {"plan", wrong_weight_bytes, "weight_bytes is"},
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

/* The same damage in a text: the message names the file. */
static void test_damaged_text(void **state)
{
    (void)state;
    static void (*const spoil[])(Unit *) = {high_code,   packed_byte, packed_book, long_life,
                                            overlap,     odd_offset,  on_the_cache, wrong_rows};
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
        b->linear[ROLE_DOWN].w[i] = i % 3 ? 0.25f : -0.25f; /* every code at its limit */
    }
    Recipe *r = recipe_default(a);
    r->calib_tokens = 4;
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
    small.row_align = 64;
    EXPECT_FATAL(verify(u, NULL), "test asks for 64 and 16");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_odd_floats),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_until),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_damaged_text),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_other_target),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_number_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
