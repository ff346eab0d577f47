/* Normalization forms before text is cut: what files ask for, what becomes of text, and the room
 * that it takes. */
#include "import_test.h"
#include "program.h"
#include "run.h"
#include "runtime.h"

/* A token for each byte. */
static Tokenizer *byte_tokenizer(NormalForm form)
{
    Tokenizer *t = new_tokenizer(arena, TOKENIZER_BYTE_LEVEL, 256);
    t->form = form;
    for (int b = 0; b < 256; b++) {
        const uint8_t byte = (uint8_t)b;
        t->byte_id[b] = b;
        t->pieces[b] = (Piece){arena_copy(arena, &byte, 1, 1), 1, PIECE_NORMAL};
    }
    return t;
}

/* The form that a file asks for, and what it makes of text: U+FB01 is a ligature of f and i, U+212B
 * the unit of length, U+00C5 the letter A with a ring, U+030A the ring. */
static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        NormalForm form;
        const char *becomes;
    } forms[] = {
        {"NFC", NORMAL_NFC, "\xEF\xAC\x81\xC3\x85"},
        {"NFD", NORMAL_NFD,
         "\xEF\xAC\x81"
         "A\xCC\x8A"},
        {"NFKC", NORMAL_NFKC, "fi\xC3\x85"},
        {"NFKD", NORMAL_NFKD, "fiA\xCC\x8A"},
    };
    for (size_t i = 0; i < LENGTH(forms); i++) {
        Tokenizer *t = byte_tokenizer(forms[i].form);
        int *ids, n = tokenize(arena, t, "\xEF\xAC\x81\xE2\x84\xAB", 6, &ids);
        assert_int_equal(n, strlen(forms[i].becomes));
        for (int k = 0; k < n; k++)
            assert_int_equal(ids[k], (uint8_t)forms[i].becomes[k]);
        const char *text = arena_printf(
            arena,
            "{\"version\":\"1.0\",\"normalizer\":{\"type\":\"%s\"},\"pre_tokenizer\":{\"type\":"
            "\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}",
            forms[i].type);
        t = read_tokenizer_json(arena, write_text("tokenizer.json", text), 9);
        assert_int_equal(t->form, forms[i].form);
    }
}

/* Of the characters that grow the most: the room that is documented is enough, and is needed. */
static void test_form_room(void **state)
{
    (void)state;
    static const struct {
        NormalForm form;
        const char *grows;
        int bytes;
    } most[] = {
        {NORMAL_NFC, "\xF0\x9D\x85\xA0", 12}, /* U+1D160 */
        {NORMAL_NFD, "\xF0\x9D\x85\xA0", 12},
        {NORMAL_NFKC, "\xEF\xB7\xBA", 33}, /* U+FDFA */
        {NORMAL_NFKD, "\xEF\xB7\xBA", 33},
    };
    for (size_t i = 0; i < LENGTH(most); i++) {
        Tokenizer *t = byte_tokenizer(most[i].form);
        const int len = (int)strlen(most[i].grows), n = 100;
        Buf text = {0};
        for (int k = 0; k < n; k++)
            buf_puts(&text, most[i].grows);
        const lm_tokenizer *l = encoder_tables(encoder_new(arena, t));
        const int room = tokenizer_room(t) * n * len + 24;
        int32_t *out = NEW(arena, int32_t, room);
        assert_int_equal(lm_encode(l, text.data, (uint32_t)text.len, out, room), n * most[i].bytes);
        assert_true(lm_encode(l, text.data, (uint32_t)text.len, out, n * most[i].bytes) < 0);
        buf_free(&text);
    }
}

/* The space before the text behind an added token is there in whichever parts the text comes. */
static void test_added_in_parts(void **state)
{
    (void)state;
    const char
        *text = "xx<|x",
        *path = write_text(
            "tokenizer.json",
            "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":2,\"content\":\"<|\",\"normalized\":"
            "true,"
            "\"special\":false}],\"normalizer\":{\"type\":\"NFD\"},\"pre_tokenizer\":{\"type\":"
            "\"ByteLevel\",\"add_prefix_space\":true},\"model\":{\"type\":\"BPE\",\"vocab\":"
            "{\"\xC4\xA0\":0,\"x\":1},\"merges\":[]}}");
    const Encoder *e = encoder_new(arena, read_tokenizer_json(arena, path, 3));
    const int expected[] = {0, 1, 1, 2, 0, 1};
    for (size_t part = 1; part <= strlen(text); part++) {
        int *ids;
        assert_int_equal(encode_parts(arena, e, text, strlen(text), part, 24, &ids), 6);
        assert_memory_equal(ids, expected, sizeof expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_forms),
        FILE_TEST(test_form_room),
        FILE_TEST(test_added_in_parts),
    };
    return cmocka_run_group_tests(tests, make_test_dir, remove_test_dir);
}
