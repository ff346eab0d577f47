/* The recipe's schema: reading, overriding, refusing, and writing what reads back the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recipe.h"

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

static const char full[] =
    "name: story\n"
    "window: 512\n"
    "sinks: 4\n"
    "seed: 4294967295\n"
    "fold: {norms: true}\n"
    "calibrate: {tokens: 1000}\n"
    "prune-heads: {ratio: 0.2, scope: global}\n"
    "prune-neurons: {counts: [1, 0, 2]}\n"
    "quantize: {bits: 2, rounds: 30, tensors: {\"*.attn.*\": {bits: 3}, embed: int8, "
    "\"*.mlp.*\": ternary}}\n"
    "tables: nibble\n"
    "activations: 1\n";

static Recipe *read_text(Arena *a, const char *text, size_t n)
{
    Recipe *r = recipe_default(a);
    recipe_apply(a, r, yaml_parse(a, "r.yaml", text, n));
    return r;
}

static Recipe *read_recipe(const char *text)
{
    return read_text(arena, text, strlen(text));
}

static const char *json(Arena *a, const Recipe *r)
{
    Buf b = {0};
    recipe_json(r, &b, 0);
    const char *text = arena_strndup(a, b.data, b.len);
    buf_free(&b);
    return text;
}

static void test_full(void **state)
{
    (void)state;
    Recipe *r = read_recipe(full);
    assert_string_equal(r->name, "story");
    assert_int_equal(r->window, 512);
    assert_int_equal(r->sinks, 4);
    assert_true(r->seed == UINT32_MAX);
    assert_true(r->fold_norms);
    assert_int_equal(r->calib_tokens, 1000);
    assert_true(r->prune_heads.ratio == 0.2);
    assert_int_equal(r->prune_heads.scope, PRUNE_GLOBAL);
    assert_int_equal(r->prune_neurons.n_counts, 3);
    assert_int_equal(r->prune_neurons.counts[2], 2);
    assert_true(r->bits == 2);
    assert_int_equal(r->fit_rounds, 30);
    assert_int_equal(r->n_rules, 3);
    assert_int_equal(r->tables, TABLES_NIBBLE);
    assert_int_equal(r->activations, 1);
    assert_true(recipe_bits_for(r, "layers.0.attn.q") == 3);
    assert_true(recipe_bits_for(r, "layers.0.mlp.up") == 1.6);
    assert_true(recipe_bits_for(r, "embed") == 8);
    assert_true(recipe_bits_for(r, "head") == 2);
}

static void test_defaults_and_shorthand(void **state)
{
    (void)state;
    Recipe *r = read_recipe("# nothing\n");
    assert_string_equal(json(arena, r), "{\n"
                                        "  \"name\": \"model\",\n"
                                        "  \"window\": 0,\n"
                                        "  \"sinks\": 0,\n"
                                        "  \"seed\": 1,\n"
                                        "  \"fold\": {\n"
                                        "    \"norms\": false\n"
                                        "  },\n"
                                        "  \"calibrate\": {\n"
                                        "    \"tokens\": 256\n"
                                        "  },\n"
                                        "  \"prune-layers\": {\n"
                                        "    \"count\": 0,\n"
                                        "    \"compensate\": true\n"
                                        "  },\n"
                                        "  \"prune-heads\": {\n"
                                        "    \"ratio\": 0,\n"
                                        "    \"scope\": \"global\",\n"
                                        "    \"method\": \"measured\",\n"
                                        "    \"compensate\": true\n"
                                        "  },\n"
                                        "  \"prune-neurons\": {\n"
                                        "    \"ratio\": 0,\n"
                                        "    \"scope\": \"global\",\n"
                                        "    \"method\": \"saliency\",\n"
                                        "    \"compensate\": true\n"
                                        "  },\n"
                                        "  \"activations\": 0,\n"
                                        "  \"prune-vocab\": {\n"
                                        "    \"corpus\": \"\",\n"
                                        "    \"keep\": []\n"
                                        "  },\n"
                                        "  \"prompt\": {\n"
                                        "    \"prefix\": \"\",\n"
                                        "    \"suffix\": \"\"\n"
                                        "  },\n"
                                        "  \"prompts\": [],\n"
                                        "  \"grammars\": {},\n"
                                        "  \"quantize\": {\n"
                                        "    \"bits\": 8,\n"
                                        "    \"method\": \"gptq\",\n"
                                        "    \"tokens\": 16384,\n"
                                        "    \"levels\": \"additive\",\n"
                                        "    \"activations\": \"dynamic\",\n"
                                        "    \"rounds\": 20,\n"
                                        "    \"tensors\": {}\n"
                                        "  },\n"
                                        "  \"recover\": {\n"
                                        "    \"tokens\": 0,\n"
                                        "    \"rate\": 0.001,\n"
                                        "    \"batch\": 2,\n"
                                        "    \"hidden\": 0,\n"
                                        "    \"exits\": 1,\n"
                                        "    \"blockwise\": 0\n"
                                        "  },\n"
                                        "  \"tables\": \"auto\",\n"
                                        "  \"place\": \"default\",\n"
                                        "  \"weights\": \"auto\",\n"
                                        "  \"flash\": 0,\n"
                                        "  \"ram\": 0,\n"
                                        "  \"batch\": 0,\n"
                                        "  \"head\": {\n"
                                        "    \"top\": 0\n"
                                        "  },\n"
                                        "  \"exits\": {\n    \"threshold\": 0\n  },\n"
                                        "  \"classify\": {\n    \"threshold\": 0,\n"
                                        "    \"fallback\": \"\",\n    \"first\": \"\"\n  },\n"
                                        "  \"extras\": \"none\",\n"
                                        "  \"packages\": \"cmake,zephyr,esp-idf,arduino,"
                                        "platformio,cmsis-pack,make\"\n"
                                        "}");
    r = read_recipe("packages: [make, cmake]\n");
    assert_true(r->packages == (1U << PACKAGE_MAKE | 1U << PACKAGE_CMAKE));
    r = read_recipe("packages: zephyr,arduino\n");
    assert_true(r->packages == (1U << PACKAGE_ZEPHYR | 1U << PACKAGE_ARDUINO));
    r = read_recipe("prune-vocab: {corpus: a.txt, keep: [\"<|end|>\", two words]}\n"
                    "prompt: {prefix: \"User: \"}\n");
    assert_string_equal(r->vocab_corpus, "a.txt");
    assert_int_equal(r->vocab_keep.n, 2);
    assert_string_equal(r->vocab_keep.text[1], "two words");
    assert_string_equal(r->prompt_prefix, "User: ");
    r = read_recipe("packages: none\n");
    assert_true(r->packages == 0);
    assert_non_null(strstr(json(arena, r), "\"packages\": \"none\""));
    r = read_recipe("prune-heads: 0.25\nquantize: ternary\n");
    assert_true(r->prune_heads.ratio == 0.25);
    assert_true(r->bits == 1.6);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"widow: 5\n", "r.yaml:1: recipe: unknown key \"widow\"; did you mean \"window\"?"},
        {"quantise: 5\n", "did you mean \"quantize\"?"},
        {"quantize:\n  bit: 2\n", "r.yaml:2: quantize: unknown key \"bit\"; did you mean \"bits\""},
        {"quantize.bits: 2\n", "unknown key \"quantize.bits\""},
        {"quantize: {bits: 7}\n", "r.yaml:1: quantize.bits: expected 1 to 6, 1.6 (ternary) or 8"},
        {"quantize: {bits: 0}\n", "expected a number from 1 to 8"},
        {"quantize: {bits: 2.5}\n", "got \"2.5\""},
        {"quantize: {bits: 1.5}\n", "got \"1.5\""},
        {"quantize: {bits: '2'}\n", "in quotes"},
        {"quantize: [2]\n", "quantize.bits: expected a number from 1 to 8, got a list"},
        {"quantize: {rounds: 1001}\n", "quantize.rounds: expected a whole number from 0 to 1000"},
        {"quantize: {tensors: {a: 9}}\n", "r.yaml:1: a: expected a number from 1 to 8"},
        {"quantize: {tensors: {a: {}}}\n", "a: expected bits"},
        {"quantize: {tensors: {a: {bits: 2, x: 1}}}\n", "a: unknown key \"x\""},
        {"quantize: {tensors: [a]}\n", "expected a map of PATTERN: BITS"},
        {"quantize: {tensors: {'': 2}}\n", "pattern \"\": must be 1 to 127"},
        {"quantize: {tensors: {'*********': 2}}\n", "at most 8 of them stars"},
        {"quantize: {tensors: {\"\\u00e9\": 2}}\n", "ASCII"},
        {"prune-heads: 1\n", "prune-heads.ratio: must be less than 1"},
        {"prune-heads: -0.1\n", "prune-heads.ratio: expected a number from 0 to 1"},
        {"prune-heads: {ratio: 0.1, count: 2}\n",
         "prune-heads.count: cannot be given together with prune-heads.ratio"},
        {"prune-heads: {counts: [1], count: 2}\n", "cannot be given together"},
        {"prune-heads: {counts: []}\n", "expected a list with one count for each layer"},
        {"prune-heads: {counts: 3}\n", "expected a list with one count for each layer"},
        {"prune-heads: {counts: [1, -1]}\n", "prune-heads.counts: expected a whole number"},
        {"prune-heads:\n  counts: [1]\n  scope: global\n",
         "r.yaml:3: prune-heads.scope: counts are given layer by layer"},
        {"prune-heads: {method: random}\n",
         "expected one of magnitude activation saliency measured"},
        {"prune-neurons: {method: measured}\n", "expected one of magnitude activation saliency,"},
        {"prune-layers: {count: 1, list: [0]}\n", "cannot be given together with"},
        {"prune-layers: {list: [1, 0, 1]}\n", "prune-layers.list: layer 1 is given twice"},
        {"prune-layers: {list: 1}\n", "prune-layers.list: expected a list of layers"},
        {"prune-neurons: {scope: model}\n", "expected one of layer global, got \"model\""},
        {"window: 4\nsinks: 4\n", "r.yaml:2: sinks: 4 must be less than the window, 4"},
        {"window: -1\n", "window: expected a whole number from 0 to 1048576"},
        {"seed: 4294967296\n", "seed: expected a whole number from 0 to 4294967295"},
        {"calibrate: {tokens: 0}\n", "calibrate.tokens: expected a whole number from 1"},
        {"calibrate: 5\n", "calibrate: expected a map, got a value"},
        {"fold: {norms: 1}\n", "fold.norms: expected true or false"},
        {"tables: bytes\n", "tables: expected one of auto byte nibble"},
        {"- 1\n", "recipe: expected a map, got a list"},
        {"name: Story\n", "r.yaml:1: name: \"Story\" must be a lower-case C name"},
        {"name: 1st\n", "must be a lower-case C name"},
        {"name: seventeen_letters\n", "must have 1 to 16 characters"},
        {"name: ''\n", "must have 1 to 16 characters"},
        {"name: while\n", "is taken: a C or C++ keyword"},
        {"name: class\n", "is taken"},
        {"name: string\n", "is taken"},
        {"name: size\n", "is taken"},
        {"name: a__b\n", "two underscores"},
        {"name: a_\n", "two underscores"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        EXPECT_FATAL(read_recipe(cases[i].text), cases[i].message);
}

static void test_set(void **state)
{
    (void)state;
    Recipe *r = read_recipe(full);
    recipe_set(arena, r, "name=other");
    recipe_set(arena, r, "window=64");
    recipe_set(arena, r, "quantize.bits=ternary");
    recipe_set(arena, r, "fold.norms=no");
    recipe_set(arena, r, "prune-neurons=0.5");
    recipe_set(arena, r, "prune-heads.counts=0,3,1");
    recipe_set(arena, r, "tables=byte");
    assert_string_equal(r->name, "other");
    assert_int_equal(r->window, 64);
    assert_true(r->bits == 1.6);
    assert_false(r->fold_norms);
    assert_int_equal(r->prune_neurons.n_counts, 0); /* the ratio took their place */
    assert_true(r->prune_neurons.ratio == 0.5);
    assert_int_equal(r->prune_heads.n_counts, 3);
    assert_int_equal(r->prune_heads.counts[1], 3);
    assert_int_equal(r->prune_heads.scope, PRUNE_LAYER);
    assert_int_equal(r->tables, TABLES_BYTE);
    recipe_set(arena, r, "prune-heads.count=2");
    assert_int_equal(r->prune_heads.n_counts, 0);
    assert_int_equal(r->prune_heads.count, 2);

    EXPECT_FATAL(recipe_set(arena, r, "window"), "window: expected KEY=VALUE");
    EXPECT_FATAL(recipe_set(arena, r, "window=x"), "window: expected a whole number");
    EXPECT_FATAL(recipe_set(arena, r, "window="), "window: expected a whole number");
    EXPECT_FATAL(recipe_set(arena, r, "windw=3"),
                 "windw: unknown recipe key; did you mean window?");
    EXPECT_FATAL(recipe_set(arena, r, "quantize.tensors=3"), "PATTERN=BITS");
    EXPECT_FATAL(recipe_set(arena, r, "prune-heads.counts=1,,2"), "got nothing");
    EXPECT_FATAL(recipe_set(arena, r, "=3"), "unknown recipe key");
    EXPECT_FATAL(recipe_set(arena, r, "sinks=64"), "sinks: 64 must be less than the window, 64");
}

static void test_bits(void **state)
{
    (void)state;
    Recipe *r = read_recipe(full);
    recipe_set_bits(arena, r, "4");
    recipe_set_bits(arena, r, "layers.0.*=5");
    recipe_set_bits(arena, r, "head=1.6");
    assert_true(r->bits == 4);
    assert_int_equal(r->n_rules, 5);
    assert_true(recipe_bits_for(r, "layers.0.attn.q") == 5);
    assert_true(recipe_bits_for(r, "layers.1.attn.q") == 3);
    assert_true(recipe_bits_for(r, "head") == 1.6);
    recipe_set_bits(arena, r, "*.attn.*=6"); /* now last, and still there once */
    assert_int_equal(r->n_rules, 5);
    assert_true(recipe_bits_for(r, "layers.0.attn.q") == 6);
    EXPECT_FATAL(recipe_set_bits(arena, r, "7"), "bits: expected 1 to 6");
    EXPECT_FATAL(recipe_set_bits(arena, r, "head=7"), "head: expected 1 to 6");
    EXPECT_FATAL(recipe_set_bits(arena, r, "=2"), "pattern \"\"");
    for (int i = 0; i < 1024 - 5; i++)
        recipe_set_bits(arena, r, arena_printf(arena, "t%d=2", i));
    EXPECT_FATAL(recipe_set_bits(arena, r, "one.more=2"), "more than 1024 patterns");
}

/* What recipe_json writes reads back to the same, from a .json file and as a manifest's member. */
static void test_round_trip(void **state)
{
    (void)state;
    Recipe *r = read_recipe(full);
    recipe_set(arena, r, "prune-heads.ratio=0.1234567890123456");
    const char *text = json(arena, r);
    const char *wrappers[] = {"%s", "{\"lmcc\": \"1.0\", \"recipe\": %s, \"files\": []}"};
    for (size_t i = 0; i < LENGTH(wrappers); i++) {
        Buf b = {0};
        const char *gap = strchr(wrappers[i], '%');
        buf_write(&b, wrappers[i], (size_t)(gap - wrappers[i]));
        buf_puts(&b, text);
        buf_puts(&b, gap + 2);
        char path[] = "/tmp/lmcc-test-XXXXXX.json";
        int fd = mkstemps(path, 5);
        assert_int_equal(write(fd, b.data, b.len), (ssize_t)b.len);
        close(fd);
        Recipe *back = recipe_default(arena);
        recipe_apply(arena, back, yaml_read(arena, path));
        unlink(path);
        buf_free(&b);
        assert_string_equal(json(arena, back), text);
        assert_true(back->prune_heads.ratio == r->prune_heads.ratio);
        assert_memory_equal(back->prune_neurons.counts, r->prune_neurons.counts, 3 * sizeof(int));
    }
    EXPECT_FATAL(read_recipe("recipe: {}\n"), "unknown key \"recipe\"");
}

/* Every mutation is read to a recipe that round-trips, or refused with a message. */
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
            size_t n = sizeof(full) - 1;
            const char *text = mutate(a, full, &n, &random);
            const char *first = json(a, read_text(a, text, n));
            fatal_trap = NULL; /* from here on nothing may fail */
            assert_string_equal(json(a, read_text(a, first, strlen(first))), first);
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
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_defaults_and_shorthand, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
