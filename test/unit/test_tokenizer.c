/* The runtime's tokenizer with 16-bit tables, the host's with 32-bit ones, and a third encoder
 * written down here without tables: all three agree on random vocabularies and random bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../runtime_template/lm_port.h"

#include "../../runtime_template/lm_error.h"
#include "../../runtime_template/lm_utf8.h"

#include "../../runtime_template/lm_text.h"

#include "../../runtime_template/lm_tokenizer.h"
#include "../../runtime_template/lm_unicode.h"

#include "../../runtime_template/lm_bpe.h"
#include "../../runtime_template/lm_encode.h"
#include "../../runtime_template/lm_words.h"
#include "program.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BYTE = 3, FIRST_PIECE = FIRST_BYTE + 256, MOST_PIECES = 1000, MOST_TEXT = 200 };

/* Vocabularies --------------------------------------------------------------------------------- */

/* <unk>, <s>, </s>, the bytes; kind SPM with a prefix space unless changed. */
static Tokenizer *new_vocabulary(Arena *a)
{
    static const char *const controls[] = {"<unk>", "<s>", "</s>"};
    Tokenizer *t = NEW(a, Tokenizer, 1);
    t->pieces = NEW(a, Piece, MOST_PIECES);
    t->merges = NEW(a, Merge, MOST_PIECES);
    for (int i = 0; i < FIRST_BYTE; i++) {
        t->pieces[i] =
            (Piece){(const uint8_t *)controls[i], (int)strlen(controls[i]), PIECE_CONTROL};
    }
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        t->pieces[FIRST_BYTE + i] = (Piece){arena_copy(a, &byte, 1, 1), 1, PIECE_BYTE};
        t->byte_id[i] = FIRST_BYTE + i;
    }
    t->n_pieces = FIRST_PIECE;
    t->unk = 0;
    t->bos = 1;
    t->eos = 2;
    t->add_bos = t->add_prefix = true;
    return t;
}

static int find_piece(const Tokenizer *t, const uint8_t *s, int n)
{
    for (int i = t->kind == TOKENIZER_SPM ? FIRST_PIECE : FIRST_BYTE; i < t->n_pieces; i++) {
        if (t->pieces[i].len == n && !memcmp(t->pieces[i].bytes, s, (size_t)n)) {
            return i;
        }
    }
    return -1;
}

static int add_piece(Arena *a, Tokenizer *t, const uint8_t *s, int n)
{
    t->pieces[t->n_pieces] = (Piece){arena_copy(a, s, (size_t)n, 1), n, PIECE_NORMAL};
    return t->n_pieces++;
}

static void add_text(Arena *a, Tokenizer *t, const char *s)
{
    add_piece(a, t, (const uint8_t *)s, (int)strlen(s));
}

static int by_pair(const void *x, const void *y)
{
    const Merge *s = x, *t = y;
    return s->left != t->left ? s->left - t->left : s->right - t->right;
}

/* left right -> both, unless the pair is there. */
static void add_merge(Arena *a, Tokenizer *t, int left, int right, int rank)
{
    uint8_t both[64];
    const Piece *l = &t->pieces[left], *r = &t->pieces[right];
    for (int i = 0; i < t->n_merges; i++) {
        if (t->merges[i].left == left && t->merges[i].right == right) {
            return;
        }
    }
    memcpy(both, l->bytes, (size_t)l->len);
    memcpy(both + l->len, r->bytes, (size_t)r->len);
    int id = find_piece(t, both, l->len + r->len);
    if (id < 0) {
        id = add_piece(a, t, both, l->len + r->len);
    }
    t->merges[t->n_merges++] = (Merge){left, right, id, rank};
    qsort(t->merges, (size_t)t->n_merges, sizeof *t->merges, by_pair);
}

static const char *const characters[] = {
    " ", "a", "b", "\xC3\xA9", "\xE4\xB8\xAD", "\xF0\x9F\x98\x80", "'", "1"};

/* Random merges, some of equal rank, some that make a piece of a lower rank possible later. */
static Tokenizer *random_vocabulary(Arena *a, TokenizerKind kind)
{
    Tokenizer *t = new_vocabulary(a);
    bool spaces_inside = rand() % 2, in_order = rand() % 3 == 0;
    int first = kind == TOKENIZER_SPM ? FIRST_PIECE : FIRST_BYTE;
    t->kind = kind;
    t->add_prefix = rand() % 2;
    t->prefix_once = rand() % 2;
    t->add_bos = rand() % 2;
    t->ignore_merges = rand() % 4 == 0;
    for (size_t i = 0; i < LENGTH(characters) && kind == TOKENIZER_SPM; i++) {
        add_text(a, t, characters[i]);
    }
    for (int i = 0; i < 60; i++) {
        int left = first + rand() % (t->n_pieces - first);
        int right = first + rand() % (t->n_pieces - first);
        if (kind == TOKENIZER_BYTE_LEVEL && rand() % 2 && t->n_pieces == FIRST_PIECE) {
            left = FIRST_BYTE + (uint8_t)characters[rand() % 8][0];
            right = FIRST_BYTE + 'a' + rand() % 2;
        }
        bool space = t->pieces[right].bytes[0] == ' ';
        if (t->pieces[left].len + t->pieces[right].len <= 8 && (spaces_inside || !space)) {
            add_merge(a, t, left, right, in_order ? t->n_pieces : rand() % 40);
        }
    }
    return t;
}

/* The encoder without tables ------------------------------------------------------------------- */

static const Merge *best_merge(const Tokenizer *t, const int *ids, int n, int *at)
{
    const Merge *best = NULL;
    for (int i = 0; i + 1 < n; i++) {
        for (int m = 0; m < t->n_merges; m++) {
            const Merge *merge = &t->merges[m];
            if (merge->left == ids[i] && merge->right == ids[i + 1] &&
                (!best || merge->rank < best->rank)) {
                best = merge;
                *at = i;
            }
        }
    }
    return best;
}

static int plain_word(const Tokenizer *t, const uint8_t *s, int n, int *ids)
{
    int count = 0, at = 0;
    int whole = t->ignore_merges ? find_piece(t, s, n) : -1;
    if (whole >= FIRST_PIECE) {
        ids[0] = whole;
        return 1;
    }
    for (int i = 0; i < n; count++) {
        int id = -1, length = 1;
        for (size_t c = 0; c < LENGTH(characters) && t->kind == TOKENIZER_SPM; c++) {
            int k = (int)strlen(characters[c]);
            if (k <= n - i && !memcmp(s + i, characters[c], (size_t)k)) {
                id = find_piece(t, s + i, k);
                length = k;
            }
        }
        ids[count] = id >= 0 ? id : t->byte_id[s[i]];
        i += length;
    }
    for (const Merge *m; (m = best_merge(t, ids, count, &at)) != NULL; count--) {
        ids[at] = m->result;
        memmove(ids + at + 1, ids + at + 2, (size_t)(count - at - 2) * sizeof *ids);
    }
    return count;
}

static int plain_encode(const Tokenizer *t, const char *s, int n, int *ids)
{
    uint8_t text[MOST_TEXT + 1];
    int prefix = t->add_prefix && n > 0 && !(t->prefix_once && s[0] == ' ');
    int count = 0;
    text[0] = ' ';
    memcpy(text + prefix, s, (size_t)n);
    n += prefix;
    if (t->add_bos) {
        ids[count++] = t->bos;
    }
    lm_text words = {text, 0, (uint32_t)n, 0, 0};
    for (int at = 0; at < n;) {
        int end = t->kind == TOKENIZER_SPM ? n : (int)lm_word_gpt2(NULL, &words, (uint32_t)at);
        count += plain_word(t, text + at, end - at, ids + count);
        at = end;
    }
    return count;
}

/* The 16-bit tables ---------------------------------------------------------------------------- */

static const void *table(const Data *d, int n, const char *name, ElemType elem)
{
    const Data *found = field_table(d, n, name);
    if (found) {
        assert_int_equal(found->elem, elem);
        assert_true(found->count > 0);
    }
    return found ? found->bytes : NULL;
}

static lm_word_end word_end_of(const Tokenizer *t)
{
    const char *name = tokenizer_word_end(t);
    return !strcmp(name, "lm_word_all")     ? lm_word_all
           : !strcmp(name, "lm_word_space") ? lm_word_space
                                            : lm_word_gpt2;
}

static lm_tokenizer narrow_tables(Arena *a, const Tokenizer *t)
{
    Data *d;
    assert_false(tokenizer_wide_ids(t));
    int n = tokenizer_tables(a, t, &d);
    const Data *pages = find_table(d, n, "piece_page"), *words = find_table(d, n, "word_id");
    const Data *added = find_table(d, n, "added_id");
    return (lm_tokenizer){
        .n_pieces = t->n_pieces,
        .bos = t->bos,
        .after = -1,
        .unk = t->unk,
        .add_bos = t->add_bos,
        .prefix = (uint8_t)tokenizer_prefix(t),
        .prefix_once = t->prefix_once,
        .strip = tokenizer_strips(t),
        .word_end = word_end_of(t),
        .encode_word = lm_bpe_word,
        .encode_stretch = lm_encode_stretch,
        .piece_bytes = table(d, n, "piece_bytes", ELEM_U8),
        .piece_start = table(d, n, "piece_start", ELEM_U16),
        .piece_page = table(d, n, "piece_page", ELEM_U16),
        .n_pages = pages ? (uint32_t)pages->count : 0,
        .byte_id = table(d, n, "byte_id", ELEM_U16),
        .char_code = table(d, n, "char_code", ELEM_U16),
        .char_id = table(d, n, "char_id", ELEM_U16),
        .char_plane = table(d, n, "char_plane", ELEM_U16),
        .merge_first = table(d, n, "merge_first", ELEM_U16),
        .merge_right = table(d, n, "merge_right", ELEM_U16),
        .merge_result = table(d, n, "merge_result", ELEM_U16),
        .merge_rank = table(d, n, "merge_rank", ELEM_U16),
        .word_piece = table(d, n, "word_piece", ELEM_U16),
        .word_id = table(d, n, "word_id", ELEM_U16),
        .n_words = words ? (uint32_t)words->count : 0,
        .added_piece = table(d, n, "added_piece", ELEM_U16),
        .added_id = table(d, n, "added_id", ELEM_U16),
        .added_flags = table(d, n, "added_flags", ELEM_U8),
        .n_added = added ? (uint32_t)added->count : 0,
    };
}

/* Tests ---------------------------------------------------------------------------------------- */

static int random_text(char *s)
{
    int n = 0, most = rand() % 40;
    while (n < most) {
        const char *c = characters[rand() % 8];
        if (rand() % 8 == 0) {
            s[n++] = (char)(rand() % 256);
        } else {
            memcpy(s + n, c, strlen(c));
            n += (int)strlen(c);
        }
    }
    return n;
}

/* Decoded again, without the prefix, the ids give the text. */
static void check_round_trip(const lm_tokenizer *t, const int32_t *ids, int n, const char *s,
                             int len)
{
    char out[MOST_TEXT];
    int at = 0;
    for (int i = 0; i < n; i++) {
        int k = lm_decode(t, ids[i], out + at, MOST_TEXT - at);
        assert_true(k >= 0);
        at += k;
    }
    int prefix = t->prefix != LM_PREFIX_NEVER && len > 0 && !(t->prefix_once && s[0] == ' ');
    assert_int_equal(at, len + prefix);
    assert_true(prefix == 0 || out[0] == ' ');
    assert_memory_equal(out + prefix, s, (size_t)len);
}

static void check_text(Arena *a, const Tokenizer *t, const lm_tokenizer *narrow, const Encoder *e,
                       const char *s, int len)
{
    int expected[MOST_TEXT + 2], *wide;
    int32_t ids[MOST_TEXT + 2];
    int n = plain_encode(t, s, len, expected);
    assert_int_equal(lm_encode(narrow, s, (uint32_t)len, ids, len + 2), n);
    assert_memory_equal(ids, expected, (size_t)n * sizeof *ids);
    assert_int_equal(encode(a, e, s, (size_t)len, &wide), n);
    assert_memory_equal(wide, expected, (size_t)n * sizeof *ids);
    check_round_trip(narrow, ids, n, s, len);
}

static void test_random(void **state)
{
    int n_all = 0, n_space = 0;
    (void)state;
    srand(3);
    for (int i = 0; i < 300; i++) {
        Arena *a = arena_new();
        Tokenizer *t = random_vocabulary(a, i % 2 ? TOKENIZER_BYTE_LEVEL : TOKENIZER_SPM);
        lm_tokenizer narrow = narrow_tables(a, t);
        Encoder *e = encoder_new(a, t);
        n_all += narrow.word_end == lm_word_all;
        n_space += narrow.word_end == lm_word_space;
        for (int k = 0; k < 50; k++) {
            char s[MOST_TEXT];
            check_text(a, t, &narrow, e, s, random_text(s));
        }
        arena_free(a);
    }
    assert_true(n_all > 10 && n_space > 10);
}

/* ab bc -> the lower rank; aaa -> the leftmost pair; a merge that makes a lower rank possible. */
static void test_order(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Tokenizer *t = new_vocabulary(a);
    int *ids;
    t->add_prefix = t->add_bos = false;
    add_text(a, t, "a");
    add_text(a, t, "b");
    add_text(a, t, "c");
    const int A = FIRST_PIECE, B = A + 1, C = A + 2, AB = A + 3, BC = A + 4, AA = A + 5;
    const int BCA = A + 6, ABCA = A + 7;
    add_merge(a, t, A, B, 5);
    add_merge(a, t, B, C, 2);
    add_merge(a, t, A, A, 5);
    add_merge(a, t, BC, A, 7);
    add_merge(a, t, A, BCA, 0);
    const struct {
        const char *text;
        int n, ids[4];
    } cases[] = {
        {"ab", 1, {AB}},       {"abc", 2, {A, BC}}, {"aaa", 2, {AA, A}}, {"aab", 2, {AA, B}},
        {"bcbc", 2, {BC, BC}}, {"abca", 1, {ABCA}}, {"", 0, {0}},        {"cb", 2, {C, B}},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_int_equal(tokenize(a, t, cases[i].text, strlen(cases[i].text), &ids), cases[i].n);
        assert_memory_equal(ids, cases[i].ids, (size_t)cases[i].n * sizeof *ids);
    }
    arena_free(a);
}

static void test_prefix_and_space(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Tokenizer *t = new_vocabulary(a);
    lm_tokenizer n = narrow_tables(a, t);
    int32_t ids[8];
    assert_int_equal(lm_encode(&n, "", 0, ids, 8), 1);
    assert_int_equal(ids[0], 1);
    assert_int_equal(lm_encode(&n, NULL, 0, ids, 1), 1);
    assert_int_equal(lm_encode(&n, "", 0, ids, 0), LM_E_SPACE);
    assert_int_equal(lm_encode(&n, "x", 1, ids, 8), 3);
    assert_int_equal(ids[1], FIRST_BYTE + ' ');
    assert_int_equal(lm_encode(&n, " ", 1, ids, 8), 3);
    for (int max = 0; max < 6; max++) {
        ids[max] = -7;
        assert_int_equal(lm_encode(&n, "abc", 3, ids, max), max < 5 ? LM_E_SPACE : 5);
        assert_int_equal(ids[max], -7);
    }
    n.prefix_once = 1;
    assert_int_equal(lm_encode(&n, " ", 1, ids, 8), 2);
    assert_int_equal(lm_encode(&n, "x", 1, ids, -1), LM_E_ARGUMENT);
    assert_int_equal(lm_encode(&n, NULL, 1, ids, 8), LM_E_ARGUMENT);
    assert_int_equal(lm_encode(&n, "x", 1, NULL, 8), LM_E_ARGUMENT);
    assert_int_equal(lm_encode(NULL, "x", 1, ids, 8), LM_E_ARGUMENT);
    arena_free(a);
}

static void test_decode(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Tokenizer *t = new_vocabulary(a);
    add_text(a, t, " the");
    lm_tokenizer n = narrow_tables(a, t);
    char out[8] = "";
    assert_int_equal(lm_decode(&n, 1, out, 8), 0);
    assert_int_equal(lm_decode(&n, 1, NULL, 0), 0);
    assert_int_equal(lm_decode(&n, FIRST_BYTE + 200, out, 8), 1);
    assert_int_equal((uint8_t)out[0], 200);
    assert_int_equal(lm_decode(&n, FIRST_PIECE, out, 3), LM_E_SPACE);
    assert_int_equal(lm_decode(&n, FIRST_PIECE, out, 4), 4);
    assert_memory_equal(out, " the", 4);
    assert_int_equal(lm_skip_prefix(&n, 1, out, 4), 1);
    assert_int_equal(lm_skip_prefix(&n, -1, out, 4), 1);
    assert_int_equal(lm_skip_prefix(&n, 5, out, 4), 0);
    assert_int_equal(lm_skip_prefix(&n, 1, out + 1, 3), 0);
    assert_int_equal(lm_skip_prefix(&n, 1, out, 0), 0);
    assert_int_equal(lm_decode(&n, -1, out, 8), LM_E_ARGUMENT);
    assert_int_equal(lm_decode(&n, t->n_pieces, out, 8), LM_E_ARGUMENT);
    arena_free(a);
}

/* Text never becomes a control piece, not even by a merge or as a whole word. */
static void test_control(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Tokenizer *t = new_vocabulary(a);
    int *ids;
    t->kind = TOKENIZER_BYTE_LEVEL;
    t->add_prefix = t->add_bos = false;
    t->ignore_merges = true;
    add_merge(a, t, FIRST_BYTE + 'a', FIRST_BYTE + 'b', 0);
    t->pieces[FIRST_PIECE].kind = PIECE_CONTROL;
    assert_int_equal(tokenize(a, t, "ab", 2, &ids), 2);
    t->pieces[FIRST_BYTE + 'a'].kind = PIECE_CONTROL;
    assert_int_equal(tokenize(a, t, "ab", 2, &ids), 2);
    assert_int_equal(ids[0], t->unk);
    t->unk = -1;
    assert_int_equal(tokenize(a, t, "ab", 2, &ids), 1);
    arena_free(a);
}

/* More than 64 KiB of pieces, some of them longer than a page. */
static void test_pages(void **state)
{
    static const int lengths[] = {70000, 1, 0, 65534, 3, 140000, 65536, 9};
    static uint8_t bytes[140000];
    static char out[140000];
    (void)state;
    Arena *a = arena_new();
    Tokenizer *t = new_vocabulary(a);
    for (size_t i = 0; i < LENGTH(lengths); i++) {
        memset(bytes, 'A' + (int)i, sizeof bytes);
        add_piece(a, t, bytes, lengths[i]);
    }
    lm_tokenizer n = narrow_tables(a, t);
    for (size_t i = 0; i < LENGTH(lengths); i++) {
        int id = FIRST_PIECE + (int)i;
        assert_int_equal(lm_decode(&n, id, out, (int)sizeof out), lengths[i]);
        assert_memory_equal(out, t->pieces[id].bytes, (size_t)lengths[i]);
    }
    arena_free(a);
}

static void test_structs(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Tokenizer *t = new_vocabulary(a);
    Buf b = {0};
    t->kind = TOKENIZER_BYTE_LEVEL;
    t->ignore_merges = true;
    add_merge(a, t, FIRST_BYTE, FIRST_BYTE, 0);
    tokenizer_structs(t, "x_", &b);
    assert_string_equal(
        b.data, "\nstatic const lm_tokenizer x_tables = {\n    .n_pieces = 260,\n    .bos = 1,\n"
                "    .after = -1,\n    .unk = 0,\n    .add_bos = 1,\n    .prefix = 2,\n"
                "    .prefix_once = 0,\n    .strip = 0,\n    .lone_prefix = 0,\n    .flags = 0U,\n"
                "    .word_end = lm_word_gpt2,\n    .encode_word = lm_bpe_word,\n    "
                ".encode_stretch = lm_encode_stretch,\n"
                "    .piece_bytes = x_piece_bytes,\n    .piece_start = x_piece_start,\n"
                "    .byte_id = x_byte_id,\n    .merge_first = x_merge_first,\n"
                "    .merge_right = x_merge_right,\n    .merge_result = x_merge_result,\n"
                "    .merge_rank = x_merge_result,\n    .word_piece = x_word_id,\n"
                "    .word_id = x_word_id,\n    .n_words = 1U,\n};\n");
    buf_free(&b);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),  cmocka_unit_test(test_order),
        cmocka_unit_test(test_decode),  cmocka_unit_test(test_prefix_and_space),
        cmocka_unit_test(test_control), cmocka_unit_test(test_pages),
        cmocka_unit_test(test_structs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
