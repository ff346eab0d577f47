/* Arena, buffers, files, outputs, numbers, names and the Model's helpers. */
#include "import_test.h"

#include <math.h>

static void test_arena(void **state)
{
    (void)state;
    uint8_t *p = NEW(arena, uint8_t, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    assert_int_equal((uintptr_t)NEW(arena, char, 1) % _Alignof(max_align_t), 0);
    assert_non_null(NEW(arena, int, 0));
    assert_string_equal(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
    EXPECT_FATAL(arena_alloc(arena, SIZE_MAX / 2, 3), "out of memory");
    EXPECT_FATAL(arena_alloc(arena, SIZE_MAX, 1), "out of memory");
    EXPECT_FATAL(arena_alloc(arena, SIZE_MAX - 8, 1), "out of memory");
}

static void count_call(void *ptr, size_t size)
{
    *(size_t *)ptr += size;
}

static void test_arena_on_free(void **state)
{
    (void)state;
    size_t total = 0;
    Arena *a = arena_new();
    arena_on_free(a, count_call, &total, 5);
    arena_on_free(a, count_call, &total, 7);
    assert_int_equal(total, 0);
    arena_free(a);
    assert_int_equal(total, 12);
    arena_free(NULL);
}

static void test_diag(void **state)
{
    (void)state;
    jmp_buf trap;
    fatal_trap = &trap;
    volatile int status = setjmp(trap);
    if (status == 0)
        usage_error("bad option %d", 3);
    assert_int_equal(status, 2);
    assert_string_equal(fatal_message, "bad option 3");
    EXPECT_FATAL(fatal("%s: thing: why", "file"), "file: thing: why");
    int before = warning_count;
    warn("quiet");
    assert_int_equal(warning_count, before + 1);
}

static void test_buf(void **state)
{
    (void)state;
    Buf b = {0};
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    assert_int_equal(b.len, 3890);
    assert_int_equal(strlen(b.data), b.len);
    buf_free(&b);
    assert_null(b.data);
    buf_write(&b, NULL, 0);
    assert_string_equal(b.data, "");
    buf_free(&b);
}

static void expect_json(const char *s, size_t n, const char *json)
{
    Buf b = {0};
    buf_json_string(&b, s, n);
    assert_string_equal(b.data, json);
    buf_free(&b);
}

static void test_json_string(void **state)
{
    (void)state;
    expect_json("a\"\\\n\x7F", 5, "\"a\\\"\\\\\\n\\u007f\"");
    expect_json("\0", 1, "\"\\u0000\"");
    expect_json("\xC3\xA9\xE2\x96\x81", 5, "\"\\u00e9\\u2581\"");
    expect_json("\xF0\x9F\x98\x80", 4, "\"\\ud83d\\ude00\"");
    expect_json("\xC3", 1, "\"\\ufffd\"");
    expect_json("\xC0\x80", 2, "\"\\ufffd\\ufffd\"");            /* overlong */
    expect_json("\xED\xA0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\""); /* surrogate */
    expect_json("\xF4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    expect_json("\xE2\x96", 2, "\"\\ufffd\\ufffd\"");
}

static void test_file_map(void **state)
{
    (void)state;
    File f = file_map(arena, write_text("some", "hello"));
    assert_int_equal(f.size, 5);
    assert_memory_equal(f.data, "hello", 5);
    f = file_map(arena, write_text("empty", ""));
    assert_int_equal(f.size, 0);
    assert_non_null(f.data);
    EXPECT_FATAL(file_map(arena, in_dir("none")), "none: cannot open: No such file");
    EXPECT_FATAL(file_map(arena, test_dir), "not a regular file");
    const char *fifo = in_dir("fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    EXPECT_FATAL(file_map(arena, fifo), "not a regular file");
    assert_string_equal(path_dir(arena, "a/b/c"), "a/b");
    assert_string_equal(path_dir(arena, "c"), ".");
    assert_string_equal(path_dir(arena, "/c"), "/");
    assert_string_equal(path_join(arena, "a/", "b"), "a/b");
}

static int count_entries(const char *dir)
{
    char *command = arena_printf(arena, "ls -A %s | wc -l", dir);
    FILE *p = popen(command, "r");
    int n = -1;
    assert_int_equal(fscanf(p, "%d", &n), 1);
    pclose(p);
    return n;
}

static void expect_text(const char *path, const char *text)
{
    File f = file_map(arena, path);
    assert_int_equal(f.size, strlen(text));
    assert_memory_equal(f.data, text, f.size);
}

static void test_output_new(void **state)
{
    (void)state;
    const char *outer = in_dir("outer"), *dir = path_join(arena, outer, "out/");
    mkdir(outer, 0700);
    Buf b = {0};
    buf_puts(&b, "text");
    Output *o = output_begin(arena, dir);
    output_file(o, "a.c", &b);
    output_file(o, "empty", &(Buf){0});
    assert_false(dir_exists(dir));
    output_commit(o);
    expect_text(path_join(arena, dir, "a.c"), "text");
    expect_text(path_join(arena, dir, "empty"), "");
    assert_int_equal(count_entries(dir), 2);
    assert_int_equal(count_entries(outer), 1);
    buf_free(&b);
}

static void test_output_existing(void **state)
{
    (void)state;
    const char *dir = in_dir("existing");
    mkdir(dir, 0700);
    write_text("existing/foreign", "mine");
    write_text("existing/a.c", "old");
    Buf b = {0};
    buf_puts(&b, "new");
    Output *o = output_begin(arena, dir);
    output_file(o, "a.c", &b);
    expect_text(in_dir("existing/a.c"), "old");
    output_commit(o);
    expect_text(in_dir("existing/a.c"), "new");
    expect_text(in_dir("existing/foreign"), "mine");
    assert_int_equal(count_entries(dir), 2);
    buf_free(&b);
}

static void test_output_drop(void **state)
{
    (void)state;
    const char *dir = in_dir("drop");
    Output *o = output_begin(arena, dir);
    output_file(o, "a.c", &(Buf){0});
    output_file(o, "x/y/old", &(Buf){0});
    output_file(o, "x/z/old", &(Buf){0});
    output_commit(o);
    write_text("drop/x/z/foreign", "mine");
    o = output_begin(arena, dir);
    output_file(o, "a.c", &(Buf){0});
    assert_true(output_has(o, "a.c"));
    assert_false(output_has(o, "x/y/old"));
    output_drop(o, "x/y/old");
    output_drop(o, "x/z/old");
    output_drop(o, "never-there");
    assert_true(file_exists(in_dir("drop/x/y/old")));
    output_commit(o);
    assert_false(dir_exists(in_dir("drop/x/y")));
    assert_false(file_exists(in_dir("drop/x/z/old")));
    expect_text(in_dir("drop/x/z/foreign"), "mine");
    assert_int_equal(count_entries(dir), 2);
}

static void test_output_discard(void **state)
{
    (void)state;
    const char *outer = in_dir("discard"), *dir = in_dir("discard/out");
    mkdir(outer, 0700);
    Output *o = output_begin(arena, dir);
    output_file(o, "a.c", &(Buf){0});
    EXPECT_FATAL(fatal("stop"), "stop");
    assert_int_equal(count_entries(outer), 0);
    o = output_begin(arena, dir);
    output_file(o, "a.c", &(Buf){0});
    output_discard(o);
    assert_int_equal(count_entries(outer), 0);
    mkdir(dir, 0700);
    mkdir(in_dir("discard/out/a.c"), 0700);
    o = output_begin(arena, dir);
    output_file(o, "0.c", &(Buf){0});
    output_file(o, "a.c", &(Buf){0});
    EXPECT_FATAL(output_commit(o), "it is a directory");
    assert_int_equal(count_entries(dir), 1);
    write_text("file", "");
    EXPECT_FATAL(output_begin(arena, in_dir("file")), "not a directory");
    EXPECT_FATAL(output_begin(arena, in_dir("no/such/dir")), "No such file");
}

/* Every binary16 value, from its definition. */
static void test_f16(void **state)
{
    (void)state;
    for (int h = 0; h < 0x10000; h++) {
        int e = h >> 10 & 31, m = h & 1023;
        double want = e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
        float got = f16_to_f32((uint16_t)h);
        if (e == 31) {
            assert_true(m ? isnan(got) : isinf(got));
            continue;
        }
        assert_true(got == (float)(h & 0x8000 ? -want : want));
        assert_int_equal(!!signbit(got), h >> 15);
    }
    assert_true(bf16_to_f32(0x3F80) == 1.0f && bf16_to_f32(0xC040) == -3.0f);
}

static void test_numbers(void **state)
{
    (void)state;
    const uint8_t b[] = {1, 2, 3, 4, 5, 6, 7, 0xF8};
    assert_int_equal(read_u16le(b), 0x0201);
    assert_int_equal(read_u32le(b + 4), 0xF8070605);
    assert_true(read_u64le(b) == 0xF807060504030201u);
    size_t p;
    assert_true(mul_size(SIZE_MAX / 3, 3, &p) && p == SIZE_MAX / 3 * 3);
    assert_false(mul_size(SIZE_MAX / 3 + 1, 3, &p));
    assert_true(mul_size(SIZE_MAX, 0, &p) && p == 0);
    assert_int_equal(bit_length(0), 0);
    assert_int_equal(bit_length(255), 8);
    assert_int_equal(bit_length(UINT64_MAX), 64);
    assert_int_equal(find_name(role_names, ROLES, "mlp.gate"), ROLE_GATE);
    assert_int_equal(find_name(role_names, ROLES, "mlp"), -1);
}

static void test_linear_value(void **state)
{
    (void)state;
    uint8_t scale = 3, code[] = {0, 1, 2, 3};
    Linear l = {.rows = 1,
                .cols = 4,
                .format = FORMAT_PLANES,
                .planes = 2,
                .zero = -5,
                .coef = {2, 7},
                .scale_exp = -2,
                .scale = &scale,
                .code = code};
    assert_true(linear_value(&l, 0, 0) == -3.75f && linear_value(&l, 0, 3) == 3.0f);
    assert_true(linear_bits(&l) == 2);
    l.format = FORMAT_TERNARY;
    assert_true(linear_value(&l, 0, 0) == -0.75f && linear_bits(&l) == 1.6);
    l.format = FORMAT_INT8;
    code[1] = 0x81;
    assert_true(linear_value(&l, 0, 1) == -127 * 0.75f && linear_bits(&l) == 8);
}

static Model *small_model(Arena *a)
{
    Shape s = {.dim = 8,
               .n_layers = 2,
               .n_heads = 4,
               .n_kv_heads = 2,
               .head_dim = 2,
               .n_neurons = 6,
               .vocab = 10,
               .context = 16};
    Model *m = new_model(a, "m", "llama", &s);
    Linear *l;
    Norm *v;
    for (int i = 0; (l = model_linears(m, i)); i++)
        l->w = NEW(a, float, l->rows * l->cols);
    for (int i = 0; (v = model_norm(m, i)); i++)
        v->gamma = NEW(a, float, v->n);
    return m;
}

static void test_model(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = small_model(a);
    assert_string_equal(model_linears(m, 0)->name, "embed");
    assert_string_equal(model_linears(m, 8)->name, "layers.1.attn.q");
    assert_string_equal(model_linears(m, 15)->name, "head");
    assert_null(model_linears(m, 16));
    assert_string_equal(model_norm(m, 3)->name, "layers.1.mlp.norm");
    assert_string_equal(model_norm(m, 4)->name, "final.norm");
    assert_null(model_norm(m, 5));
    assert_int_equal(model_parameters(m), 2 * 80 + 2 * (64 + 32 + 32 + 64 + 3 * 48) + 5 * 8);
    assert_int_equal(m->blocks[0].kv_of_head[1], 0);
    assert_int_equal(m->blocks[0].kv_of_head[2], 1);
    m->tied_head = true;
    assert_null(model_linears(m, 15));
    assert_ptr_equal(model_head(m), &m->embed);
    m->tokenizer = new_tokenizer(a, TOKENIZER_SPM, 10);
    m->tokenizer->merges = NEW(a, Merge, 0);
    uint64_t hash = model_hash(m);
    Model *copy = model_copy(arena, m);
    m->blocks[1].linear[ROLE_V].w[3] = 1;
    assert_true(model_hash(m) != hash);
    m->blocks[1].linear[ROLE_V].w[3] = 0;
    m->rope_interleaved = true;
    assert_true(model_hash(m) != hash);
    arena_free(a);
    assert_true(model_hash(copy) == hash);
    assert_string_equal(copy->blocks[0].mlp_norm.name, "layers.0.mlp.norm");
    assert_int_equal(copy->tokenizer->pieces[9].kind, PIECE_CONTROL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_arena),      FILE_TEST(test_arena_on_free),   FILE_TEST(test_diag),
        FILE_TEST(test_buf),        FILE_TEST(test_json_string),     FILE_TEST(test_file_map),
        FILE_TEST(test_output_new), FILE_TEST(test_output_existing), FILE_TEST(test_output_drop), FILE_TEST(test_output_discard),
        FILE_TEST(test_f16),        FILE_TEST(test_numbers),         FILE_TEST(test_linear_value),
        FILE_TEST(test_model),
    };
    return cmocka_run_group_tests(tests, make_test_dir, remove_test_dir);
}
