/* tokenizer.model: the pieces, merges, scores and flags that it gives, what text becomes, and what
 * is refused. Files are written field by field, as sentencepiece_model.proto numbers them. */
#include "import_test.h"
#include "run.h"

#include <math.h>
#include <unistd.h>

#define SP "\xE2\x96\x81" /* U+2581 */

enum { NORMAL = 1, UNKNOWN, CONTROL, USER, UNUSED, BYTE };
enum { UNIGRAM = 1, BPE };

static void put_varint(Buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) {
        const uint8_t byte = (uint8_t)(v | 0x80);
        buf_write(b, &byte, 1);
    }
    buf_write(b, &(const uint8_t){(uint8_t)v}, 1);
}

static void put_number(Buf *b, unsigned field, uint64_t v)
{
    put_varint(b, field << 3);
    put_varint(b, v);
}

static void put_bytes(Buf *b, unsigned field, const void *data, size_t n)
{
    put_varint(b, field << 3 | 2);
    put_varint(b, n);
    buf_write(b, n ? data : "", n);
}

static void put_piece(Buf *b, const char *s, float score, int type)
{
    Buf m = {0};
    put_bytes(&m, 1, s, strlen(s));
    put_varint(&m, 2 << 3 | 5);
    put_float(&m, score);
    if (type != NORMAL)
        put_number(&m, 3, (uint64_t)type);
    put_bytes(b, 1, m.data, m.len);
    buf_free(&m);
}

typedef struct Setting {
    int section; /* 2: of the trainer, 3: of the normalizer */
    unsigned field;
    uint64_t value;
} Setting;

/* The settings of a model that is read, then `more`, the last of which counts. */
static void put_settings(Buf *b, int type, const Setting *more, size_t n)
{
    const Setting usual[] = {{2, 3, (uint64_t)type}, {2, 35, type == BPE}, {3, 4, 0}};
    for (int section = 2; section <= 3; section++) {
        Buf m = {0};
        for (size_t i = 0; i < LENGTH(usual); i++)
            if (usual[i].section == section)
                put_number(&m, usual[i].field, usual[i].value);
        for (size_t i = 0; i < n; i++)
            if (more[i].section == section)
                put_number(&m, more[i].field, more[i].value);
        put_bytes(b, (unsigned)section, m.data, m.len);
        buf_free(&m);
    }
}

/* <unk> <s> </s>, then of a unigram model SP a b ab SPab, of BPE the bytes before them. */
static Buf make_model(int type, const Setting *more, size_t n)
{
    Buf b = {0};
    put_piece(&b, "<unk>", 0, UNKNOWN);
    put_piece(&b, "<s>", 0, CONTROL);
    put_piece(&b, "</s>", 0, CONTROL);
    for (int i = 0; i < 256 && type == BPE; i++)
        put_piece(&b, arena_printf(arena, "<0x%02X>", i), 0, BYTE);
    put_piece(&b, SP, -3, NORMAL);
    put_piece(&b, "a", -2, NORMAL);
    put_piece(&b, "b", -2.5f, NORMAL);
    put_piece(&b, "ab", -3.25f, NORMAL);
    put_piece(&b, SP "ab", type == BPE ? -1 : -9, NORMAL);
    put_settings(&b, type, more, n);
    return b;
}

static Tokenizer *read_model(Buf b, int vocab)
{
    const char *path = write_file("tokenizer.model", b.data, b.len);
    buf_free(&b);
    return read_tokenizer_model(arena, path, vocab);
}

static void expect_bad(Buf b, int vocab, const char *error)
{
    const char *path = write_file("tokenizer.model", b.data, b.len);
    buf_free(&b);
    EXPECT_FATAL(read_tokenizer_model(arena, path, vocab), error);
}

static void expect_ids(const Tokenizer *t, const char *text, const int *ids, int n)
{
    int *got, count = tokenize(arena, t, text, strlen(text), &got);
    assert_int_equal(count, n);
    assert_memory_equal(got, ids, (size_t)n * sizeof *ids);
}

static void test_unigram(void **state)
{
    (void)state;
    const Tokenizer *t = read_model(make_model(UNIGRAM, NULL, 0), 8);
    assert_int_equal(t->kind, TOKENIZER_UNIGRAM);
    assert_true(t->bos == 1 && t->eos == 2 && t->unk == 0 && t->add_bos && t->add_prefix);
    assert_true(t->float_sums && !t->split_words && t->scores[6] == -3.25);
    expect_ids(t, "ab", (const int[]){1, 3, 6}, 3);                  /* -6.25 against -9 */
    expect_ids(t, "a" SP "xyb", (const int[]){1, 3, 4, 3, 0, 5}, 6); /* U+2581 is a space */
    expect_ids(t, "<s>", (const int[]){1, 3, 0}, 3);                 /* no piece of a text */
}

static void test_bpe(void **state)
{
    (void)state;
    const Setting raw[] = {{3, 3, 0}, {2, 41, UINT64_MAX}}; /* no space in front, no bos */
    const Tokenizer *t = read_model(make_model(BPE, NULL, 0), 270);
    assert_int_equal(t->kind, TOKENIZER_SPM);
    assert_int_equal(t->n_merges, 2); /* a + b, SP + ab */
    expect_ids(t, "ab", (const int[]){1, 263}, 2);
    expect_ids(t, "c", (const int[]){1, 259, 3 + 'c'}, 3);
    t = read_model(make_model(BPE, raw, 2), 264);
    assert_true(t->bos == -1 && !t->add_bos && !t->add_prefix);
    expect_ids(t, "ab", (const int[]){262}, 1);
}

/* A user's piece is cut out of the text, and nothing merges with it. */
static void test_user(void **state)
{
    (void)state;
    Buf b = make_model(BPE, NULL, 0);
    put_piece(&b, "a" SP, 0, USER);
    const Tokenizer *t = read_model(b, 265);
    expect_ids(t, "ba b", (const int[]){1, 259, 261, 264, 261}, 5);
    b = make_model(UNIGRAM, NULL, 0);
    put_piece(&b, "x", 0, USER);
    expect_bad(b, 9, "user-defined pieces: 1: supported: with model_type 2 (BPE)");
}

/* What tokenizer_config.json says beside it. */
static void test_beside(void **state)
{
    (void)state;
    write_text("tokenizer_config.json", "{\"add_bos_token\":false,\"add_eos_token\":true}");
    const Tokenizer *t = read_model(make_model(UNIGRAM, NULL, 0), 8);
    expect_ids(t, "a", (const int[]){3, 4, 2}, 3);
    unlink(in_dir("tokenizer_config.json"));
    t = find_tokenizer(arena, test_dir, NULL, 8);
    expect_ids(t, "a", (const int[]){1, 3, 4}, 3);
    unlink(in_dir("tokenizer.model"));
}

static void test_bad_settings(void **state)
{
    (void)state;
    static const struct {
        Setting setting;
        const char *error;
    } bad[] = {
        {{2, 3, 3}, "trainer_spec: model_type: 3: supported: 1 (unigram), 2 (BPE)"},
        {{2, 24, 1}, "trainer_spec: treat_whitespace_as_suffix: 1: supported: false"},
        {{2, 35, 1}, "byte_fallback: 1: supported: true with all 256 byte pieces"},
        {{2, 41, 8}, "trainer_spec: bos_id: 8: supported: a token, or a negative"},
        {{3, 5, 0}, "normalizer_spec: escape_whitespaces: 0: supported: true"},
    };
    for (size_t i = 0; i < LENGTH(bad); i++)
        expect_bad(make_model(UNIGRAM, &bad[i].setting, 1), 8, bad[i].error);
    expect_bad(make_model(BPE, &(Setting){2, 35, 0}, 1), 264,
               "byte_fallback: 0: supported: with BPE, true and all 256 byte pieces");
    Buf b = make_model(UNIGRAM, NULL, 0), m = {0};
    put_bytes(&m, 2, "charsmap", 8);
    put_bytes(&b, 3, m.data, m.len);
    buf_free(&m);
    expect_bad(b, 8, "precompiled_charsmap: a trie of 1918986339 bytes in 8");
}

static void test_bad_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *piece;
        float score;
        int type;
        const char *error;
    } bad[] = {
        {"x", 1, NORMAL, "piece 8: its score is not within -1e6 and 0"},
        {"x", INFINITY, NORMAL, "piece 8: its score is not finite"},
        {"x", -1, 7, "type of a piece: 7: supported: 1 to 6"},
        {"x", -1, BYTE, "piece 8: of type byte, but not written <0x00> to <0xFF>"},
    };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        Buf b = make_model(UNIGRAM, NULL, 0);
        put_piece(&b, bad[i].piece, bad[i].score, bad[i].type);
        expect_bad(b, 9, bad[i].error);
    }
    expect_bad(make_model(UNIGRAM, NULL, 0), 7, "more than the 7 pieces");
    Buf b = make_model(BPE, NULL, 0);
    put_piece(&b, "xy", -4, NORMAL);
    expect_bad(b, 265, "piece 264: a character of it is no piece: not supported");
}

static void test_bad_messages(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t n;
        const char *error;
    } bad[] = {
        {"", 0, "0 pieces, none of them for unknown text"},
        {"\x0A", 1, "a number ends too late or not at all"},
        {"\x0A\x05\x0A", 3, "a field of 5 bytes, 1 are left"},
        {"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 12, "a number ends too late"},
        {"\x0D\x00\x00", 3, "ends inside a field"},
        {"\x0B", 1, "a field of number 0 and wire type 3"},
        {"\x02\x00", 2, "a field of number 0 and wire type 2"},
    };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        Buf b = {0};
        buf_write(&b, bad[i].data, bad[i].n);
        expect_bad(b, 8, bad[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_unigram),      FILE_TEST(test_bpe),          FILE_TEST(test_user),
        FILE_TEST(test_beside),       FILE_TEST(test_bad_settings), FILE_TEST(test_bad_pieces),
        FILE_TEST(test_bad_messages),
    };
    return cmocka_run_group_tests(tests, make_test_dir, remove_test_dir);
}
