/* Pruning the vocabulary: text of the corpus is cut into the same pieces as before, other text
 * still decodes to itself where it did, and embedding and head keep the rows of what stays. */
#include "tiny_model.h"

#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char corpus[] = "A king had a river. \"Who?\"\nThe  old king's caf\xC3\xA9, 12 [x]\n";
static const char other[] = "Zebras! \xE4\xB8\xAD <s> 7\n queue";

/* A model with a vocabulary of n; its tokenizer is the caller's to set. */
static Model *model_of(Arena *a, int n, Tokenizer *t)
{
    Model *m = tiny_model(a, 5, n % 2);
    m->vocab = n;
    tiny_linear(a, &m->embed, n, m->dim);
    if (!m->tied_head) {
        tiny_linear(a, &m->head, n, m->dim);
    }
    m->tokenizer = t;
    model_name_tensors(a, m);
    return m;
}

static void check_encoding(Arena *a, const Tokenizer *before, const Tokenizer *after,
                           const char *text)
{
    int *old, *new;
    const int n = tokenize(a, before, text, strlen(text), &old);
    assert_int_equal(tokenize(a, after, text, strlen(text), &new), n);
    for (int i = 0; i < n; i++) {
        const Piece *p = &before->pieces[old[i]], *q = &after->pieces[new[i]];
        assert_true(p->kind == q->kind && p->len == q->len);
        assert_memory_equal(p->bytes, q->bytes, (size_t)p->len);
    }
}

/* The bytes that the tokens of a text decode to. */
static Buf decoded(Arena *a, const Tokenizer *t, const char *text)
{
    int *ids;
    const int n = tokenize(a, t, text, strlen(text), &ids);
    Buf b = {0};
    for (int i = 0; i < n; i++) {
        const uint8_t *bytes;
        const size_t k = token_bytes(t, ids[i], &bytes);
        buf_write(&b, bytes, k);
    }
    buf_puts(&b, "");
    return b;
}

static void check_rows(const Model *before, const Model *after)
{
    const size_t row = (size_t)before->dim * sizeof(float);
    int at = -1;
    for (int i = 0; i < after->vocab; i++) {
        do {
            at++;
            assert_true(at < before->vocab);
        } while (memcmp(before->embed.w + (size_t)at * (size_t)before->dim,
                        after->embed.w + (size_t)i * (size_t)after->dim, row) != 0);
        const Piece *p = &before->tokenizer->pieces[at], *q = &after->tokenizer->pieces[i];
        assert_true(p->len == q->len && !memcmp(p->bytes, q->bytes, (size_t)p->len));
        assert_true(before->tied_head ||
                    !memcmp(before->head.w + (size_t)at * (size_t)before->dim,
                            after->head.w + (size_t)i * (size_t)after->dim, row));
    }
}

/* Runs the pass over a copy; gives the model that is left. */
static Model *pruned(Arena *a, Model *before, const char *keep)
{
    char path[] = "/tmp/lmcc-test-XXXXXX";
    Model *m = model_copy(a, before);
    Unit u = tiny_unit(a, m);
    const int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, corpus, sizeof corpus - 1), sizeof corpus - 1);
    close(file);
    u.original = NULL;
    Recipe *r = (Recipe *)(uintptr_t)u.recipe;
    recipe_set(a, r, arena_printf(a, "prune-vocab.corpus=%s", path));
    recipe_set(a, r, arena_printf(a, "prune-vocab.keep=%s", keep));
    run_pass(&u, &passes[find_pass("prune-vocab")]);
    unlink(path);
    return u.model;
}

static void check_tokenizer(Arena *a, Tokenizer *t, bool lossless)
{
    Model *before = model_of(a, t->n_pieces, t);
    Model *after = pruned(a, before, "river king");
    assert_true(after->vocab < before->vocab);
    assert_int_equal(after->embed.rows, after->vocab);
    check_rows(before, after);
    check_encoding(a, t, after->tokenizer, corpus);
    check_encoding(a, t, after->tokenizer, "The  old king's caf\xC3\xA9, 12 [x]");
    check_encoding(a, t, after->tokenizer, "river king");
    Buf old = decoded(a, t, other), new = decoded(a, after->tokenizer, other);
    assert_true(!lossless || (old.len == new.len && !memcmp(old.data, new.data, old.len)));
    buf_free(&old);
    buf_free(&new);
}

static void test_byte_level(void **state)
{
    (void)state;
    Arena *a = arena_new();
    check_tokenizer(a, read_tokenizer_json(a, "examples/tales/model/tokenizer.json", 1024), true);
    arena_free(a);
}

static Piece text_piece(Arena *a, const char *s)
{
    return (Piece){arena_copy(a, s, strlen(s), 1), (int)strlen(s), PIECE_NORMAL};
}

/* Pieces of one and two characters of the corpus and of others, and whole words. */
static Tokenizer *pieces_of(Arena *a, TokenizerKind kind)
{
    static const char *const words[] = {" king", " river", "ing", " The", "ue", " old", " had"};
    Tokenizer *t = new_tokenizer(a, kind, 3 + 2 * 94 + (int)LENGTH(words));
    int n = 3;
    t->unk = 0;
    t->bos = 1;
    t->pieces[0] = (Piece){(const uint8_t *)"<unk>", 5, PIECE_CONTROL};
    for (int c = '!'; c <= '~'; c++) {
        t->pieces[n++] = text_piece(a, (const char[]){(char)c, '\0'});
        t->pieces[n++] = text_piece(a, (const char[]){' ', (char)c, '\0'});
    }
    for (size_t i = 0; i < LENGTH(words); i++) {
        t->pieces[n++] = text_piece(a, words[i]);
    }
    return t;
}

static void test_unigram(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Tokenizer *t = pieces_of(a, TOKENIZER_UNIGRAM);
    t->add_prefix = t->split_words = true;
    t->scores = NEW(a, double, t->n_pieces);
    for (int i = 0; i < t->n_pieces; i++) {
        t->scores[i] = -1 - (double)(i * 37 % 23) / 7;
    }
    check_tokenizer(a, t, false);
    arena_free(a);
}

static void test_wordpiece(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Tokenizer *t = pieces_of(a, TOKENIZER_WORDPIECE);
    t->bert = (BertText){true, true, false, false, true, 100};
    check_tokenizer(a, t, false);
    arena_free(a);
}

/* llama2.c's kind, when its data is there. */
static void test_scored(void **state)
{
    (void)state;
    Arena *a = arena_new();
    const char *dir = getenv("LMCC_DATA");
    const char *path = path_join(a, dir ? dir : "../shared/data", "tok512.bin");
    if (file_exists(path)) {
        check_tokenizer(a, read_tokenizer_bin(a, path, 512), true);
    } else {
        print_message("skipped: %s is not there (set LMCC_DATA)\n", path);
    }
    arena_free(a);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 1, true);
    Unit u = tiny_unit(a, m);
    run_pass(&u, &passes[find_pass("prune-vocab")]);
    assert_int_equal(m->vocab, 24);
    assert_true(u.facts & FACT_VOCAB);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_byte_level),    cmocka_unit_test(test_scored),
        cmocka_unit_test(test_unigram),       cmocka_unit_test(test_wordpiece),
        cmocka_unit_test(test_nothing_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
