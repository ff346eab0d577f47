/* The sorted strings behind the encoders: what a whole word or a part of it may be at once, with
 * its scores, and the written forms of added tokens. */
#include "tokenizer_builder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int by_bytes(const void *x, const void *y)
{
    const Word *s = x, *t = y;
    int n = s->len < t->len ? s->len : t->len;
    int order = n ? memcmp(s->bytes, t->bytes, (size_t)n) : 0;
    if (order == 0) {
        order = s->len - t->len;
    }
    return order ? order : s->id - t->id;
}

/* Of words spelled alike the first or the last one stays; gives how many are left. */
static int sort_words(Word *words, int n, bool last)
{
    int kept = 0;
    if (n > 0) {
        qsort(words, (size_t)n, sizeof *words, by_bytes);
    }
    for (int i = 0; i < n; i++) {
        const Word *before = kept ? &words[kept - 1] : NULL;
        bool same = before && before->len == words[i].len &&
                    !memcmp(before->bytes, words[i].bytes, (size_t)words[i].len);
        if (!same) {
            words[kept++] = words[i];
        } else if (last) {
            words[kept - 1] = words[i];
        }
    }
    return kept;
}

/* A word whose bytes are those that its token decodes to, or are stored beside the pieces. */
static Word new_word(Builder *b, int id, const uint8_t *bytes, int len)
{
    const Piece *p = &b->t->pieces[id];
    Word w = {.bytes = bytes, .len = len, .piece = id, .id = id};
    if (p->kind == PIECE_CONTROL || p->len != len || memcmp(p->bytes, bytes, (size_t)len) != 0) {
        w.piece = b->t->n_pieces + b->n_extra;
        b->extra[b->n_extra++] = w;
    }
    return w;
}

static bool is_added(const Tokenizer *t, int id)
{
    for (int i = 0; i < t->n_added; i++) {
        if (t->added[i].id == id) {
            return true;
        }
    }
    return false;
}

/* The reference looks for the written form of every piece of a unigram model, "<0x41>" and "<s>"
 * included, but with float sums; those that are cut out of the text before need not be there. */
static bool unigram_word(Builder *b, int id, Word *w)
{
    const Piece *p = &b->t->pieces[id];
    if (p->len == 0 || is_added(b->t, id) || (b->t->float_sums && p->kind != PIECE_NORMAL)) {
        return false;
    }
    if (p->kind == PIECE_BYTE) {
        const char *written = arena_printf(b->arena, "<0x%02X>", p->bytes[0]);
        *w = new_word(b, id, (const uint8_t *)written, 6);
    } else {
        *w = new_word(b, id, p->bytes, p->len);
    }
    return true;
}

static int find_words(Builder *b, Word *words)
{
    const Tokenizer *t = b->t;
    int n = 0;
    for (int i = 0; i < t->n_pieces; i++) {
        if (t->kind == TOKENIZER_UNIGRAM) {
            n += unigram_word(b, i, &words[n]);
        } else if (t->pieces[i].kind == PIECE_NORMAL && t->pieces[i].len > 0 &&
                   !(t->kind == TOKENIZER_WORDPIECE && is_added(t, i))) {
            words[n++] = new_word(b, i, t->pieces[i].bytes, t->pieces[i].len);
        }
    }
    return sort_words(words, n, t->kind == TOKENIZER_UNIGRAM);
}

/* The lists of pieces and of ids; one of them where they are the same. */
static void add_list(Builder *b, const Word *words, int n, const char *piece, const char *id)
{
    int *ids = NEW(b->arena, int, n), *pieces = NEW(b->arena, int, n);
    for (int i = 0; i < n; i++) {
        ids[i] = words[i].id;
        pieces[i] = words[i].piece;
    }
    add_ids(b, id, ids, n);
    if (n && memcmp(ids, pieces, (size_t)n * sizeof *ids) != 0) {
        add_ids(b, piece, pieces, n);
    }
}

/* Scores as the bits of their magnitudes: floats where these are what they are. */
static void add_scores(Builder *b, const Word *words, int n)
{
    bool floats = true;
    for (int i = 0; i < n; i++) {
        const double s = fabs(b->t->scores[words[i].id]);
        floats = floats && (s == 0 || (s > 1e-30 && s < 1e30 && (double)(float)s == s));
    }
    uint32_t *score = add_table(b, "score", ELEM_U32, n);
    uint32_t *low = floats ? NULL : add_table(b, "score_low", ELEM_U32, n);
    for (int i = 0; i < n; i++) {
        const double s = fabs(b->t->scores[words[i].id]);
        const float f = floats ? (float)s : 0;
        uint64_t bits;
        memcpy(&bits, &s, sizeof bits);
        memcpy(&score[i], &f, sizeof f);
        if (low) {
            score[i] = (uint32_t)(bits >> 32);
            low[i] = (uint32_t)bits;
        }
    }
}

static void add_added(Builder *b)
{
    const Tokenizer *t = b->t;
    Word *words = NEW(b->arena, Word, t->n_added);
    for (int i = 0; i < t->n_added; i++) {
        words[i] = new_word(b, t->added[i].id, t->added[i].bytes, t->added[i].len);
        words[i].index = i;
    }
    if (t->n_added == 0) {
        return;
    }
    if (sort_words(words, t->n_added, false) != t->n_added) {
        die("tokenizer: two added tokens are spelled alike");
    }
    add_list(b, words, t->n_added, "added_piece", "added_id");
    uint8_t *flags = add_table(b, "added_flags", ELEM_U8, t->n_added);
    for (int i = 0; i < t->n_added; i++) {
        flags[i] = (uint8_t)added_flags(t, &t->added[words[i].index]);
    }
}

void add_word_tables(Builder *b)
{
    const Tokenizer *t = b->t;
    b->extra = NEW(b->arena, Word, t->n_pieces + t->n_added);
    add_added(b);
    if (!t->ignore_merges && t->kind != TOKENIZER_UNIGRAM && t->kind != TOKENIZER_WORDPIECE) {
        return;
    }
    Word *words = NEW(b->arena, Word, t->n_pieces);
    int n = find_words(b, words);
    if (n > 0) {
        add_list(b, words, n, "word_piece", "word_id");
    }
    if (n > 0 && t->kind == TOKENIZER_UNIGRAM) {
        add_scores(b, words, n);
    }
}
