/* Targets: all that are built in load and are plausible; files that are not a chip are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "target.h"

#include "mutate.h"
#include "trap.h"

#include <stdlib.h>
#include <unistd.h>

#define MUTATIONS 3000

static Arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static int count_targets(void)
{
    int n = 0;
    while (target_name(n))
        n++;
    return n;
}

static Target *load_text(Arena *a, const char *text, size_t n)
{
    char path[] = "/tmp/lmcc-test-XXXXXX.yaml";
    int fd = mkstemps(path, 5);
    assert_int_equal(write(fd, text, n), (ssize_t)n);
    close(fd);
    jmp_buf trap, *outer = fatal_trap; /* the file goes away in any case */
    fatal_trap = &trap;
    Target *volatile t = NULL;
    int status = setjmp(trap);
    if (status == 0)
        t = target_load(a, path);
    unlink(path);
    fatal_trap = outer;
    if (status) {
        assert_non_null(outer);
        longjmp(*outer, status);
    }
    return t;
}

static void test_embedded(void **state)
{
    (void)state;
    const EmbeddedFile *host = embedded_find("targets/host.yaml");
    assert_non_null(host);
    assert_int_equal(strlen(host->data), host->size);
    assert_null(embedded_find("targets/none.yaml"));
    for (const EmbeddedFile *f = embedded_files; f[0].path && f[1].path; f++)
        assert_true(strcmp(f[0].path, f[1].path) < 0);
}

static void test_all_built_in(void **state)
{
    (void)state;
    int n = count_targets();
    for (int i = 0; i < n; i++) {
        Target *t = target_load(arena, target_name(i));
        assert_string_equal(t->name, target_name(i)); /* the file is called what it says */
        assert_true(t->what[0] && t->core[0] && t->compiler[0]);
        assert_true(t->regions[t->state_region].writable);
        assert_true(target_flash(t) >= 64 << 10 && target_ram(t) >= 16 << 10);
        if (t->board[0])
            assert_non_null(
                embedded_find(arena_printf(arena, "targets/boards/%s/board.yaml", t->board)));
    }
    assert_true(n >= 13);
    assert_null(target_name(-1));
    assert_null(target_name(n + 100));
}

static void test_facts(void **state)
{
    (void)state;
    Target *t = target_load(arena, "stm32h743");
    assert_int_equal(t->clock_hz, 480000000);
    assert_int_equal(target_flash(t), 2 << 20);
    assert_int_equal(target_ram(t), 512 << 10);
    assert_int_equal(t->row_align, 32);
    assert_int_equal(t->tensor_align, 64);
    assert_int_equal(t->state_align, 8);
    assert_true(t->regions[0].origin == 0x08000000 && t->regions[0].cached);
    assert_true(t->feature[FEATURE_DSP] && !t->feature[FEATURE_MVE]);
    assert_string_equal(t->board, "mps2-an500");

    t = target_load(arena, "nrf52840"); /* nothing cached: default layout */
    assert_int_equal(t->row_align, 4);
    assert_int_equal(t->tensor_align, 4);
    assert_int_equal(t->state_align, 4);

    t = target_load(arena, "rp2040");
    assert_true(t->feature[FEATURE_THUMB1] && !t->feature[FEATURE_UNALIGNED]);
    assert_false(t->feature[FEATURE_HWDIV]);
    assert_false(target_load(arena, "rp2350")->feature[FEATURE_MVE]);
    t = target_load(arena, "corstone300");
    assert_true(t->feature[FEATURE_MVE]);
    assert_int_equal(t->state_align, 16);
    t = target_load(arena, "bigendian");
    assert_true(t->big_endian);
    assert_int_equal(t->clock_hz, 0);
}

static const char small[] = "name: mine\n"
                            "what: \"my board\"\n"
                            "core: cortex-m4\n"
                            "features: [thumb2, dsp, hwdiv]\n"
                            "endian: little\n"
                            "clock: 1.5 MHz\n"
                            "memory:\n"
                            "  rom: {origin: 0x0, size: 64K, cached: yes}\n"
                            "  ram: {origin: 0x20000000, size: 16K, writable: true, section: .x}\n"
                            "weights: rom\n"
                            "state: ram\n"
                            "layout: {row_align: 8}\n"
                            "compiler: {command: my-gcc, flags: \"-O2 -mcpu=cortex-m4\"}\n"
                            "emulator: none-such\n"
                            "kernels: [planes_byte, int8_rows]\n";

static void test_user_file(void **state)
{
    (void)state;
    Target *t = load_text(arena, small, sizeof(small) - 1);
    assert_string_equal(t->name, "mine");
    assert_int_equal(t->clock_hz, 1500000);
    assert_int_equal(t->row_align, 8);
    assert_int_equal(t->tensor_align, 64);
    assert_string_equal(t->regions[1].section, ".x");
    assert_int_equal(t->n_prefer, 2);
    assert_string_equal(t->prefer[1], "int8_rows");
}

/* `small` with one line, by its start, replaced by another. */
static const char *with(const char *start, const char *line)
{
    const char *at = strstr(small, start);
    assert_non_null(at);
    const char *end = strchr(at, '\n') + 1;
    return arena_printf(arena, "%.*s%s\n%s", (int)(at - small), small, line, end);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *start, *line, *message;
    } cases[] = {
        {"name", "", "name: is missing"},
        {"name", "name: ''", ":1: name: must have 1 to 200 characters"},
        {"name", "name: a/b", "name: character \"/\" is not allowed here"},
        {"name", "nam: x", ":1: target: unknown key \"nam\"; did you mean \"name\"?"},
        {"what", "what: \"a */ b\"", "what: character \"*\""},
        {"what", "what: \"a\\nb\"", "what: character \"?\""},
        {"features", "features: [thumb3]", ":4: features: expected one of thumb1 thumb2"},
        {"features", "features: thumb2", "expected a list"},
        {"features", "features: [thumb2, thumb2]", "thumb2 is given twice"},
        {"features", "features: [thumb1, thumb2]", "thumb1 excludes thumb2"},
        {"features", "features: [thumb1, unaligned]", "ARMv6-M faults on unaligned access"},
        {"features", "features: [dsp]", "dsp needs thumb2"},
        {"features", "features: [thumb2, mve]", "mve needs dsp"},
        {"endian", "endian: middle", "endian: expected one of little big"},
        {"clock", "clock: 480", "clock: expected a frequency such as"},
        {"clock", "clock: 0 MHz", "expected a frequency"},
        {"clock", "clock: -1 MHz", "expected a frequency"},
        {"clock", "clock: 999999 GHz", "expected a frequency"},
        {"memory", "memory2:", "unknown key"},
        {"  rom", "  rom: {size: 0}", "memory.rom: has no bytes"},
        {"  rom", "  rom: {origin: 0}", ":8: size: is missing"},
        {"  rom", "  rom: {size: 4X}", "size: expected a size"},
        {"  rom", "  rom: 64K", "memory.rom: expected a map"},
        {"  rom", "  Rom: {size: 4K}", "a region's name"},
        {"  rom", "  rom: {size: 4K, Cached: yes}", "did you mean \"cached\""},
        {"  rom", "  rom: {origin: 0xfffff000, size: 8K}", "ends past the 32-bit address space"},
        {"  rom", "  rom: {origin: 0x20001000, size: 8K}", ":9: memory: ram overlaps rom"},
        {"  rom", "  rom: {size: 8K, section: \"a\\\"b\"}", "section: character"},
        {"weights", "weights: flash", "weights: expected one of rom ram, got \"flash\""},
        {"weights", "", "weights: is missing"},
        {"state", "state: rom", ":11: state: region rom is not writable"},
        {"layout", "layout: {row_align: 3}", "row_align: expected a whole number from 4 to 256"},
        {"layout", "layout: {row_align: 24}", "row_align: 24 is not a power of two"},
        {"layout", "layout: {row_align: 128}", "rows aligned to 128 need tensors"},
        {"layout", "layout: {rows: 4}", "layout: unknown key \"rows\""},
        {"compiler", "compiler: {command: \"gcc; rm x\"}", "command: character \";\""},
        {"compiler", "compiler: {flags: \"$(x)\"}", "flags: character \"$\""},
        {"emulator", "emulator: ../x", "emulator: character \".\""},
        {"kernels", "kernels: [A]", "\"A\" is not a kernel's name"},
        {"kernels", "kernels: x", "kernels: expected a list"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const char *text = with(cases[i].start, cases[i].line);
        EXPECT_FATAL(load_text(arena, text, strlen(text)), cases[i].message);
    }
    Buf b = {0};
    buf_puts(&b, "  rom: {size: 4K}");
    for (int i = 0; i < 7; i++)
        buf_printf(&b, "\n  r%d: {size: 4K}", i);
    EXPECT_FATAL(load_text(arena, with("  rom", b.data), strlen(with("  rom", b.data))),
                 "expected a map of 1 to 8 regions");
    buf_free(&b);
}

static void test_unknown_names(void **state)
{
    (void)state;
    EXPECT_FATAL(target_load(arena, "stm32h734"),
                 "stm32h734: no such target (did you mean stm32h743?)");
    EXPECT_FATAL(target_load(arena, ""), ": no such target; `lmcc targets` lists");
    EXPECT_FATAL(target_load(arena, "boards/host/board"), "boards/host/board: cannot open");
    EXPECT_FATAL(target_load(arena, "none.yaml"), "none.yaml: cannot open");
}

/* Every mutation of every built-in target loads within the documented limits or is refused. */
static void test_mutations(void **state)
{
    (void)state;
    static uint32_t random = 1;
    static int read, refused;
    for (int i = 0; i < MUTATIONS; i++) {
        Arena *a = arena_new();
        jmp_buf trap;
        fatal_trap = &trap;
        if (setjmp(trap) == 0) {
            const char *name = target_name(i % count_targets());
            const EmbeddedFile *f = embedded_find(arena_printf(a, "targets/%s.yaml", name));
            size_t n = f->size;
            const char *text = mutate(a, f->data, &n, &random);
            const Target *t = load_text(a, text, n);
            assert_true(t->n_regions >= 1 && t->n_regions <= MAX_REGIONS);
            assert_true(t->weights_region < t->n_regions && t->state_region < t->n_regions);
            assert_true(t->row_align >= 4 && t->tensor_align >= t->row_align);
            assert_true(target_flash(t) > 0 && target_ram(t) > 0);
            read++;
        } else {
            assert_true(fatal_message[0]);
            refused++;
        }
        fatal_trap = NULL;
        arena_free(a);
    }
    print_message("%d mutations read, %d refused\n", read, refused);
    assert_true(read > MUTATIONS / 50 && refused > MUTATIONS / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_embedded),
        cmocka_unit_test_setup_teardown(test_all_built_in, setup, teardown),
        cmocka_unit_test_setup_teardown(test_facts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_user_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_names, setup, teardown),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
