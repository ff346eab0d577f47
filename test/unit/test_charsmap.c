/* SentencePiece's charsmap: the tree that is read from its trie, what becomes of text, whole and in
 * parts, the rule of Hangul, tokenizer.json's Precompiled, and what is refused. */
#include "import_test.h"
#include "program.h"
#include "run.h"
#include "runtime.h"

enum { MOST_NODES = 3000, FIRST_LEAF = 512, FIRST_NODE = 66 };

/* A trie that is written plainly: the children of node n begin at 256 * n; the strings of nodes
 * without children stand before, one after the other. */
typedef struct Writer {
    uint32_t unit[256 * MOST_NODES];
    uint32_t n_leaves, n_nodes;
    Buf strings;
} Writer;

static Writer *writer;

static uint32_t base_of(uint32_t at)
{
    return at ^ writer->unit[at] >> 10;
}

static void link_unit(uint32_t at, uint32_t base, uint32_t label)
{
    writer->unit[at] = (writer->unit[at] & 0x100) | label | (at ^ base) << 10;
}

static void start(void)
{
    writer = NEW(arena, Writer, 1);
    writer->n_nodes = FIRST_NODE + 1;
    writer->n_leaves = FIRST_LEAF;
    for (int i = 0; i < 256 * MOST_NODES; i++)
        writer->unit[i] = 0x80000000; /* no label that a byte has */
    writer->unit[0] = 0;
    link_unit(0, 256 * FIRST_NODE, 0);
}

static void add(const char *from, const char *to)
{
    uint32_t at = 0;
    for (const char *s = from; *s; s++) {
        uint32_t base = base_of(at);
        if (base < 256 * FIRST_NODE) { /* it has children from now on */
            assert_true(writer->n_nodes < MOST_NODES);
            link_unit(at, 256 * writer->n_nodes++, writer->unit[at] & 0xFF);
            writer->unit[base_of(at)] = writer->unit[base];
            base = base_of(at);
        }
        at = base ^ (uint8_t)*s;
        if (writer->unit[at] == 0x80000000) {
            assert_true(writer->n_leaves < 256 * FIRST_NODE);
            writer->unit[at] = 0;
            link_unit(at, writer->n_leaves++, (uint8_t)*s);
        }
    }
    writer->unit[at] |= 0x100;
    writer->unit[base_of(at)] = 0x80000000 | (uint32_t)writer->strings.len;
    buf_write(&writer->strings, to, strlen(to) + 1);
}

static Buf written(void)
{
    Buf b = {0};
    put_u32(&b, 4 * 256 * writer->n_nodes);
    for (uint32_t i = 0; i < 256 * writer->n_nodes; i++)
        put_u32(&b, writer->unit[i]);
    buf_write(&b, writer->strings.data, writer->strings.len);
    buf_free(&writer->strings);
    return b;
}

/* A token for each byte: tokens are what text became. */
static Tokenizer *byte_tokenizer(bool squeeze, bool prefix)
{
    const Buf map = written();
    Tokenizer *t = new_tokenizer(arena, TOKENIZER_SPM, 256);
    t->form = NORMAL_CHARSMAP;
    t->charsmap = (const uint8_t *)arena_copy(arena, map.data, map.len, 1);
    t->charsmap_bytes = (int)map.len;
    t->squeeze = squeeze ? SQUEEZE_ALL : 0;
    t->add_prefix = prefix;
    for (int b = 0; b < 256; b++) {
        const uint8_t byte = (uint8_t)b;
        t->byte_id[b] = b;
        t->pieces[b] = (Piece){arena_copy(arena, &byte, 1, 1), 1, PIECE_BYTE};
    }
    buf_free((Buf *)&map);
    return t;
}

static void expect(const Encoder *e, const char *text, const char *becomes)
{
    const int len = (int)strlen(becomes);
    int *ids, n = encode(arena, e, text, strlen(text), &ids);
    assert_int_equal(n, len);
    for (int i = 0; i < n; i++)
        assert_int_equal(ids[i], (uint8_t)becomes[i]);
    for (size_t part = 1; part < 4; part++) {
        n = encode_parts(arena, e, text, strlen(text), part, 64, &ids);
        assert_int_equal(n, len);
        for (int i = 0; i < n; i++)
            assert_int_equal(ids[i], (uint8_t)becomes[i]);
    }
}

static void add_some(void)
{
    start();
    add("A", "a");
    add("\t", " ");
    add("\xEF\xAC\x81", "fi"); /* U+FB01 */
    add("\x01", "");
    add("\xC2\xA8", " \xCC\x88"); /* U+00A8: a space and U+0308 */
    add("e\xCC\x81", "\xC3\xA9");
    add("e\xCC\x81\xCC\x80\xCC\x81", "E");
}

static void test_strings(void **state)
{
    (void)state;
    add_some();
    const Encoder *e = encoder_new(arena, byte_tokenizer(false, false));
    expect(e, "", "");
    expect(e, "xAA\xEF\xAC\x81y", "xaafiy");
    expect(e,
           "A\x01"
           "A",
           "aa");
    expect(e, "\x01", "");
    expect(e, "a  \t b ", "a    b ");
    expect(e, "ee\xCC\x81", "e\xC3\xA9");
    /* The longest one: three marks, or one; with two of them one. */
    expect(e, "e\xCC\x81\xCC\x80\xCC\x81", "E");
    expect(e, "e\xCC\x81\xCC\x80.", "\xC3\xA9\xCC\x80.");
    expect(e, "\xCC\x81", "\xCC\x81");
    expect(e,
           "\xFF"
           "e\xCC",
           "\xEF\xBF\xBD"
           "e\xEF\xBF\xBD");
}

static void test_spaces(void **state)
{
    (void)state;
    add_some();
    const Encoder *e = encoder_new(arena, byte_tokenizer(true, true));
    expect(e, "", "");
    expect(e, " \t ", "");
    expect(e, "\x01", "");
    expect(e, "\t a \t\x01 b\x01 ", " a b");
    expect(e, "\xC2\xA8", " \xCC\x88");
    expect(e, "a \xC2\xA8 \xE2\x96\x81", " a \xCC\x88"); /* U+2581 at the end is a space too */
    expect(e,
           " \xE2\x96\x81"
           "a",
           " \xE2\x96\x81"
           "a");
    add_some();
    e = encoder_new(arena, byte_tokenizer(false, true));
    expect(e, "\x01", " ");
    expect(e, "\x01 ", "  ");
    expect(e, "a", " a");
}

/* As Precompiled applies it: a cluster of fewer than six bytes becomes what its begin does. U+FDFA
 * has three bytes, U+0301 and U+0308 two, U+20DD three. */
static void test_clusters(void **state)
{
    (void)state;
    add_some();
    Tokenizer *t = byte_tokenizer(false, false);
    t->clusters = true;
    const Encoder *e = encoder_new(arena, t);
    expect(e, "A\xCC\x88x", "ax");
    expect(e, "A\xCC\x88\xE2\x83\x9Dx", "a\xCC\x88\xE2\x83\x9Dx");
    expect(e, "\xEF\xAC\x81\xCC\x81", "fi");
    expect(e, "e\xCC\x81\xCC\x88", "\xC3\xA9");
    expect(e, "e\xCC\x81\xCC\x80\xCC\x81", "e\xCC\x81\xCC\x80\xCC\x81");
    expect(e,
           "\xD8\x80"
           "A\xCC\x88",
           "\xD8\x80\x61\xCC\x88"); /* U+0600 begins it */
    expect(e,
           "\xFF"
           "A\xFF",
           "\xFF"
           "a\xFF");
    add_some();
    t = byte_tokenizer(false, true);
    t->clusters = true;
    t->squeeze = SQUEEZE_RUNS | SQUEEZE_FIRST | SQUEEZE_WHITE | SQUEEZE_SPLIT;
    e = encoder_new(arena, t);
    /* A space that begins a cluster of more bytes, and U+0085. */
    expect(e, " \xE2\x83\x9D\xCC\x88\xCC\x81\xC2\x85\xC2\x85x\xC2\x85 ",
           " \xE2\x83\x9D\xCC\x88\xCC\x81 x");
    expect(e, " \xC2\x85", "");
    t->squeeze = SQUEEZE_WHITE;
    e = encoder_new(arena, t);
    expect(e, "\xC2\x85 x \xC2\x85", " \xC2\x85 x");
}

/* All that the rule makes of Hangul letters; one string that it does not, and nodes are kept. */
static void add_hangul(bool other)
{
    uint8_t from[16] = {0}, to[8] = {0};
    start();
    add("\xE3\x84\xB1", "\xE1\x84\x80"); /* U+3131 becomes U+1100 */
    for (uint32_t l = 0; l < 19; l++)
        for (uint32_t v = 0; v < 21; v++)
            for (uint32_t t = 0; t < 28; t++) {
                for (int compat = 0; compat <= (l == 0); compat++) {
                    uint32_t n = lm_put_utf8(compat ? 0x3131 : 0x1100 + l, from);
                    n += lm_put_utf8(0x1161 + v, from + n);
                    n += t ? lm_put_utf8(0x11A7 + t, from + n) : 0;
                    from[n] = 0;
                    to[lm_put_utf8(0xAC00 + (l * 21 + v) * 28 + t, to)] = 0;
                    add((char *)from, other && l == 18 && v == 20 && t == 27 ? "x" : (char *)to);
                }
            }
}

static void test_hangul(void **state)
{
    (void)state;
    for (int other = 0; other < 2; other++) {
        add_hangul(other);
        const Tokenizer *t = byte_tokenizer(false, false);
        Data *d;
        const int n = tokenizer_tables(arena, t, &d);
        assert_int_equal(charsmap_hangul(t), !other);
        assert_int_equal(find_table(d, n, "edge_join") == NULL, !other);
        const Encoder *e = encoder_new(arena, t);
        expect(e, "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81");
        expect(e, "\xE3\x84\xB1\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81");
        expect(e, "\xE1\x84\x80\xE1\x85\xA1", "\xEA\xB0\x80");
        expect(e, "\xEA\xB0\x80\xE1\x86\xA8", "\xEA\xB0\x80\xE1\x86\xA8"); /* no letter opens it */
        expect(e, "\xE3\x84\xB1x", "\xE1\x84\x80x");
        expect(e, "\xE1\x84\x92\xE1\x85\xB5\xE1\x87\x82", other ? "x" : "\xED\x9E\xA3");
    }
}

static void expect_bad(Buf b, const char *error)
{
    EXPECT_FATAL(charsmap_tree(arena, "m", (uint8_t *)b.data, (int)b.len), error);
    buf_free(&b);
}

static void test_bad(void **state)
{
    (void)state;
    Buf b = {0};
    put_u32(&b, 8);
    expect_bad(b, "m: precompiled_charsmap: a trie of 0 bytes in 4");
    b = (Buf){0};
    put_u32(&b, 8);
    put_u32(&b, 1);
    expect_bad(b, "a trie of 8 bytes in 8");
    start();
    add("\x80", "x");
    expect_bad(written(), "a string is not UTF-8");
    start();
    add("\xC3", "x");
    expect_bad(written(), "a string is not UTF-8");
    start();
    add("a", "\xFF");
    expect_bad(written(), "a string is not UTF-8");
    start();
    add("a", "x");
    writer->strings.len = 1; /* no zero */
    expect_bad(written(), "a string without end");
    start();
    add("a", "x");
    link_unit(256 * FIRST_NODE ^ 'a', 256 * FIRST_NODE, 'a'); /* a, aa, aaa ... */
    writer->unit[256 * FIRST_NODE ^ 'a'] &= ~0x100U;
    expect_bad(written(), "sequences of over 16 characters, or without end");
    start();
    add("aaaaaaaaaaaaaaaaa", "x");
    expect_bad(written(), "sequences of over 16 characters");
    start();
    add("a", "x");
    link_unit(256 * FIRST_NODE ^ 'a', 1 << 20, 'a');
    expect_bad(written(), "a node past the end of the trie");
}

/* tokenizer.json ------------------------------------------------------------------------------- */

static const char *base64(Buf b)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    Buf out = {0};
    for (size_t i = 0; i < b.len; i += 3) {
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < b.len ? (uint8_t)b.data[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_printf(&out, "%c", i + k > b.len ? '=' : digits[v >> (18 - 6 * k) & 63]);
    }
    const char *text = arena_printf(arena, "%.*s", (int)out.len, out.data);
    buf_free(&out);
    buf_free(&b);
    return text;
}

#define STRIP ",{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}"
#define RUNS ",{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\" \"}"
#define SPACE "{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\"%s}"
#define WORDS "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"}," SPACE "]}"

/* A file with this charsmap, steps behind it, a pre_tokenizer and an added token. */
static const char *json_file(const char *map, const char *steps, const char *words,
                             const char *token)
{
    return write_text(
        "tokenizer.json",
        arena_printf(
            arena,
            "{\"version\":\"1.0\",\"added_tokens\":[%s],\"normalizer\":{\"type\":\"Sequence\","
            "\"normalizers\":[{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"%s\"}%s]},"
            "\"pre_tokenizer\":%s,\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":["
            "[\"?\",0],[\"a\",-1],[\"\xE2\x96\x81\",-2]]}}",
            token, map, steps, words));
}

static const char *some_map(const char *from, const char *to)
{
    add_some();
    add(from, to);
    return base64(written());
}

static void test_json(void **state)
{
    (void)state;
    const char *map = some_map("\xE2\x96\x81", " ");
    const char *space = arena_printf(arena, SPACE, ""), *words = arena_printf(arena, WORDS, "");
    const struct {
        const char *steps, *words;
        int squeeze;
    } good[] = {
        {"", space, 0},
        {STRIP, space, SQUEEZE_WHITE},
        {RUNS, space, SQUEEZE_RUNS},
        {STRIP RUNS, space, SQUEEZE_WHITE | SQUEEZE_RUNS},
        {"", words, SQUEEZE_RUNS | SQUEEZE_FIRST | SQUEEZE_WHITE | SQUEEZE_SPLIT},
    };
    for (size_t i = 0; i < LENGTH(good); i++) {
        const char *path = json_file(map, good[i].steps, good[i].words, "");
        const Tokenizer *t = read_tokenizer_json(arena, path, 3);
        assert_true(t->form == NORMAL_CHARSMAP && t->clusters);
        assert_int_equal(t->squeeze, good[i].squeeze);
        int *ids, n = tokenize(arena, t, "A A", 3, &ids);
        assert_true(n == 4 && ids[0] == 2 && ids[1] == 1 && ids[2] == 2 && ids[3] == 1);
    }
}

static void test_bad_json(void **state)
{
    (void)state;
    const char *map = some_map("\xE2\x96\x81", " "), *two = some_map("x", "a  b");
    const char *white = some_map("\xE2\x96\x81", "\t"), *bare = some_map("x", "y");
    const char *space = arena_printf(arena, SPACE, ""), *words = arena_printf(arena, WORDS, "");
    const char *never = arena_printf(arena, WORDS, ",\"prepend_scheme\":\"never\"");
    static const char token[] = "{\"id\":3,\"content\":\"?%s\",\"normalized\":true}";
    const struct {
        const char *map, *steps, *words, *token, *error;
    } bad[] = {
        {"", "", space, "", "precompiled_charsmap: \"\": base64 was expected"},
        {"AAA", "", space, "", "base64 was expected"},
        {"A=AA", "", space, "", "base64 was expected"},
        {"AA*A", "", space, "", "base64 was expected"},
        {"AAAA", "", space, "", "a trie of 0 bytes in 3"},
        {map, ",{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}", space, "",
         "supported: Precompiled; then Strip"},
        {map, RUNS STRIP, space, "", "supported: Precompiled; then Strip"},
        {map, ",{\"type\":\"Lowercase\"}", space, "", "supported: Precompiled; then Strip"},
        {map, "", "null", "", "pre_tokenizer: null"},
        {map, "", "{\"type\":\"ByteLevel\"}", "", "pre_tokenizer: {"},
        {map, "", never, "", "prepend_scheme: {"},
        {two, RUNS, space, "", "without two spaces in what a string becomes"},
        {two, "", words, "", "U+2581 becomes something else"},
        {white, "", words, "", "nothing becomes white space but single spaces"},
        {bare, "", words, "", "U+2581 becomes something else"},
        {map, "", space, arena_printf(arena, token, "A"), "characters that it leaves as they are"},
        {map, "", space, arena_printf(arena, token, " x"), "no space"},
    };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        const char *path = json_file(bad[i].map, bad[i].steps, bad[i].words, bad[i].token);
        EXPECT_FATAL(read_tokenizer_json(arena, path, 4), bad[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_strings),  FILE_TEST(test_spaces), FILE_TEST(test_clusters),
        FILE_TEST(test_hangul),   FILE_TEST(test_bad),    FILE_TEST(test_json),
        FILE_TEST(test_bad_json),
    };
    return cmocka_run_group_tests(tests, make_test_dir, remove_test_dir);
}
