/* The text IR: what is printed reads back to the same text at every step of the pipeline, a text
 * that was written half way goes on from there, and hostile texts end in a message. */
#include "ir_unit.h"

#include "mutate.h"

enum { MUTATIONS = 2000 };

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
    for (int kind = 0; kind < 3; kind++) { /* with a head, tied, tied with all extras */
        Arena *a = arena_new();
        Unit *u = new_unit(a, kind > 0);
        if (kind == 2) {
            tiny_extras(a, u->model);
        }
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
    static const float odd[] = {-0.0f,    1e-45f,   1.17549435e-38f, 3.4028235e38f, 0.1f,
                                1 / 3.0f, 16777216, -1e-40f,         2.5e-7f};
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
    assert_int_equal(u->facts,
                     FACT_FOLDED | FACT_CALIBRATED | FACT_LAYERS | FACT_HEADS | FACT_VOCAB);
    assert_non_null(strstr(dumped.data, "facts folded calibrated vocab\n"));
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
    static const char *const values[] = {"0",
                                         "-1",
                                         "1",
                                         "2",
                                         "7",
                                         "64",
                                         "65535",
                                         "1048576",
                                         "2147483647",
                                         "-2147483648",
                                         "9223372036854775807"};
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
    char *edited =
        arena_printf(a, "%.*s%s%s", (int)(at - text.data), text.data, to, at + strlen(from));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_odd_floats),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_until),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_number_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
