/* The checked YAML and JSON tree: what it holds, what it refuses, and its strict conversions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recipe.h"

#include "trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static Node *parse(const char *text)
{
    return yaml_parse(arena, "f.yaml", text, strlen(text));
}

static const Node *value(const char *text)
{
    return node_get(parse(text), "k");
}

/* Writes a temporary file that ends in .json and returns its path. */
static char *json_file(const char *text)
{
    char *path = arena_printf(arena, "/tmp/lmcc-test-XXXXXX.json");
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void test_tree(void **state)
{
    (void)state;
    Node *root = parse("a: 1\nb:\n  - x\n  - 'y'\nc:\n  d: {e: \"f\"}\n");
    assert_int_equal(root->kind, NODE_MAP);
    assert_int_equal(root->n, 3);
    assert_string_equal(root->key[2], "c");
    const Node *b = node_get(root, "b");
    assert_int_equal(b->kind, NODE_LIST);
    assert_int_equal(b->line, 2); /* of its key */
    assert_int_equal(b->child[1]->line, 4);
    assert_false(b->child[0]->quoted);
    assert_true(b->child[1]->quoted);
    const Node *e = node_get(node_get(node_get(root, "c"), "d"), "e");
    assert_string_equal(e->text, "f");
    assert_int_equal(e->line, 6);
    assert_null(node_get(root, "z"));
    assert_null(node_get(b, "z"));
    assert_int_equal(parse("# nothing\n")->n, 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "f.yaml:3: a: given twice, first on line 1"},
        {"a: &x 1\n", "f.yaml:1: not allowed: an anchor"},
        {"a: *x\n", "f.yaml:1: not allowed: an alias"},
        {"a: !!int 1\n", "f.yaml:1: not allowed: a tag"},
        {"a: ! 1\n", "f.yaml:1: not allowed: a tag"},
        {"a: !!map {}\n", "not allowed: a tag"},
        {"a: !!seq []\n", "not allowed: a tag"},
        {"a: \"x\\0y\"\n", "f.yaml:1: not allowed: a NUL character"},
        {"? [a]\n: 1\n", "f.yaml:1: key: must be text"},
        {"a: 1\n---\nb: 2\n", "f.yaml:2: document: a second one"},
        {"a: [1\n", "not YAML"},
        {"a: \xff\n", "not YAML"},
        {"a:\n\t- b\n", "f.yaml:2: not YAML"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        EXPECT_FATAL(parse(cases[i].text), cases[i].message);
}

static void test_limits(void **state)
{
    (void)state;
    char deep[80];
    memset(deep, '[', 31);
    memset(deep + 31, ']', 31);
    deep[62] = 0;
    assert_int_equal(parse(arena_printf(arena, "a: %s", deep))->n, 1);
    EXPECT_FATAL(parse(arena_printf(arena, "a: [%s]", deep)), "nesting: more than 32 levels");

    Buf many = {0};
    buf_puts(&many, "[");
    for (int i = 0; i < 100000; i++)
        buf_puts(&many, "1,");
    buf_puts(&many, "]");
    EXPECT_FATAL(parse(many.data), "size: more than 100000 values");
    many.data[many.len - 3] = ' '; /* 99,999 numbers and their list */
    many.data[many.len - 2] = ' ';
    assert_int_equal(parse(many.data)->n, 99999);
    for (int i = 0; i < 100000; i++)
        buf_puts(&many, "          ");
    EXPECT_FATAL(parse(many.data), "more than 1048576");
    buf_free(&many);
}

static void test_json(void **state)
{
    (void)state;
    char *path = json_file("{\"a\": [1, 2.5, true, null], \"b\": {\"c\": \"x\\ud83d\\ude00\"}}");
    Node *root = yaml_read(arena, path);
    unlink(path);
    const Node *a = node_get(root, "a");
    assert_int_equal(a->n, 4);
    assert_int_equal(node_int(a->child[0], "a", 0, 9), 1);
    assert_true(node_double(a->child[1], "a", 0, 9) == 2.5);
    assert_true(node_bool(a->child[2], "a"));
    EXPECT_FATAL(node_string(a->child[3], "a"), "a: expected text, got nothing");
    assert_string_equal(node_get(node_get(root, "b"), "c")->text, "x\xf0\x9f\x98\x80");

    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"a\": 1, \"a\": 2}", ":1: not JSON: duplicate object key"},
        {"{\"a\": \n", ":2: not JSON"},
        {"", "not JSON"},
        {"{\"a\": \"\\u0000\"}", "not JSON"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        path = json_file(cases[i].text);
        EXPECT_FATAL(yaml_read(arena, path), cases[i].message);
        unlink(path);
    }
    EXPECT_FATAL(yaml_read(arena, "/nonexistent/x.json"), "/nonexistent/x.json");
}

static void test_ints(void **state)
{
    (void)state;
    assert_int_equal(node_int(value("k: 42"), "k", 0, 100), 42);
    assert_int_equal(node_int(value("k: -7"), "k", -10, 100), -7);
    assert_int_equal(node_int(value("k: 0x1F"), "k", 0, 100), 31);
    assert_int_equal(node_int(value("k: 0"), "k", 0, 100), 0);
    assert_true(node_int(value("k: 9223372036854775807"), "k", 0, INT64_MAX) == INT64_MAX);
    static const char *const wrong[] = {
        "k: 101",
        "k: -1",
        "k: 1.0",
        "k: 1e2",
        "k: '5'",
        "k: 010",
        "k: 5x",
        "k: +5",
        "k: 0x",
        "k: 9223372036854775808",
        "k: 99999999999999999999999",
        "k: --5",
        "k: yes",
        "k: \" 5\"",
    };
    for (size_t i = 0; i < LENGTH(wrong); i++)
        EXPECT_FATAL(node_int(value(wrong[i]), "k", 0, 100),
                     "f.yaml:1: k: expected a whole number from 0 to 100, got \"");
    EXPECT_FATAL(node_int(value("k:"), "k", 0, 100), "got nothing");
    EXPECT_FATAL(node_int(value("k: ~"), "k", 0, 100), "got nothing");
    EXPECT_FATAL(node_int(value("k: [1]"), "k", 0, 100), "got a list");
    EXPECT_FATAL(node_int(value("k: {}"), "k", 0, 100), "got a map");
    EXPECT_FATAL(node_int(value("k: '5'"), "k", 0, 100), "got \"5\" in quotes");
}

static void test_sizes(void **state)
{
    (void)state;
    assert_int_equal(node_size(value("k: 512"), "k"), 512);
    assert_int_equal(node_size(value("k: 512K"), "k"), 512 << 10);
    assert_int_equal(node_size(value("k: 2M"), "k"), 2 << 20);
    assert_true(node_size(value("k: 1024G"), "k") == (int64_t)1 << 40);
    assert_int_equal(node_size(value("k: 0x100"), "k"), 256);
    static const char *const wrong[] = {
        "k: 2KB",   "k: 2k",   "k: 2 M",
        "k: M",     "k: -1",   "k: 1.5M",
        "k: 1025G", "k: '2M'", "k: 9223372036854775807G",
        "k: 2MM",
    };
    for (size_t i = 0; i < LENGTH(wrong); i++)
        EXPECT_FATAL(node_size(value(wrong[i]), "k"), "f.yaml:1: k: expected a size such as");
}

static void test_doubles_and_bools(void **state)
{
    (void)state;
    assert_true(node_double(value("k: 0.25"), "k", 0, 1) == 0.25);
    assert_true(node_double(value("k: 1e-3"), "k", 0, 1) == 0.001);
    assert_true(node_double(value("k: 1"), "k", 0, 1) == 1);
    static const char *const wrong[] = {
        "k: 1.1",   "k: -0.1", "k: nan",   "k: .inf",  "k: inf",  "k: 0x1",
        "k: '0.5'", "k: 1e",   "k: 0.5.5", "k: 1e999", "k: half", "k: .",
    };
    for (size_t i = 0; i < LENGTH(wrong); i++)
        EXPECT_FATAL(node_double(value(wrong[i]), "k", 0, 1), "expected a number from 0 to 1");
    assert_true(node_bool(value("k: yes"), "k"));
    assert_true(node_bool(value("k: on"), "k"));
    assert_false(node_bool(value("k: off"), "k"));
    assert_false(node_bool(value("k: false"), "k"));
    static const char *const no_bools[] = {"k: 1", "k: 'true'", "k: True", "k: y"};
    for (size_t i = 0; i < LENGTH(no_bools); i++)
        EXPECT_FATAL(node_bool(value(no_bools[i]), "k"), "expected true or false");
}

static void test_names(void **state)
{
    (void)state;
    static const char *const known[] = {"window", "sinks", NULL};
    node_check_keys(parse("sinks: 1\nwindow: 2\n"), "recipe", known);
    EXPECT_FATAL(node_check_keys(parse("sinks: 1\nwindwo: 2\n"), "recipe", known),
                 "f.yaml:2: recipe: unknown key \"windwo\"; did you mean \"window\"?");
    EXPECT_FATAL(node_check_keys(parse("colour: 1\n"), "recipe", known),
                 "f.yaml:1: recipe: unknown key \"colour\"");
    assert_null(strstr(fatal_message, "did you mean"));
    EXPECT_FATAL(node_check_keys(parse("[1]"), "recipe", known), "expected a map, got a list");
    /* what is printed is printable and short */
    EXPECT_FATAL(node_check_keys(parse("\"\\e[31m\": 1\n"), "recipe", known), "\"?[31m\"");
    char key[600];
    memset(key, 'x', sizeof(key) - 4);
    memcpy(key + sizeof(key) - 4, ": 1", 4);
    EXPECT_FATAL(node_check_keys(parse(key), "recipe", known), "xxx...\"");
    assert_int_equal(node_choice(value("k: sinks"), "k", known, 2), 1);
    EXPECT_FATAL(node_choice(value("k: sink"), "k", known, 2),
                 "f.yaml:1: k: expected one of window sinks, got \"sink\"");
    assert_null(nearest_name("", known));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ints, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_doubles_and_bools, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
