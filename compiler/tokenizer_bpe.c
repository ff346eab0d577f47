/* The arrays of byte-pair encoding: pieces of characters and bytes, merges. ASCII characters that
 * are pieces stand in byte_id; ranks are renumbered densely, or left out where the results of the
 * merges order them as well. */
#include "tokenizer_builder.h"

#include <stdlib.h>

typedef struct Char {
    uint32_t code;
    int id;
} Char;

static bool is_mergeable(const Tokenizer *t, const Merge *m)
{
    return is_text(t, m->result);
}

int count_merges(const Tokenizer *t)
{
    int n = 0;
    for (int i = 0; i < t->n_merges; i++) {
        n += is_mergeable(t, &t->merges[i]);
    }
    return n;
}

static int by_code(const void *x, const void *y)
{
    const Char *s = x, *t = y;
    return s->code != t->code ? (s->code < t->code ? -1 : 1) : s->id - t->id;
}

/* The normal pieces of one character above ASCII, ascending; of equal ones the lowest id. */
static int find_chars(const Tokenizer *t, Char *chars)
{
    int n = 0, kept = 0;
    for (int i = 0; i < t->n_pieces; i++) {
        const Piece *p = &t->pieces[i];
        int64_t code = p->kind == PIECE_NORMAL ? single_char(p) : -1;
        if (code >= 0x80) {
            chars[n++] = (Char){(uint32_t)code, i};
        }
    }
    qsort(chars, (size_t)n, sizeof *chars, by_code);
    for (int i = 0; i < n; i++) {
        if (kept == 0 || chars[kept - 1].code != chars[i].code) {
            chars[kept++] = chars[i];
        }
    }
    return kept;
}

/* What else a space may be spelled as: text may hold the mark itself. */
static int add_space_mark(const Tokenizer *t, Char *chars, int n)
{
    int space = t->byte_id[' '];
    for (int i = t->n_pieces - 1; i >= 0; i--) {
        if (t->pieces[i].kind == PIECE_NORMAL && single_char(&t->pieces[i]) == ' ') {
            space = i;
        }
    }
    int at = n;
    while (at > 0 && chars[at - 1].code > LM_SPACE_MARK) {
        at--;
    }
    if (!t->marked_spaces || space < 0 || (at > 0 && chars[at - 1].code == LM_SPACE_MARK)) {
        return n;
    }
    memmove(chars + at + 1, chars + at, (size_t)(n - at) * sizeof *chars);
    chars[at] = (Char){LM_SPACE_MARK, space};
    return n + 1;
}

static void add_chars(Builder *b)
{
    Char *chars = NEW(b->arena, Char, b->t->n_pieces + 1);
    int n = add_space_mark(b->t, chars, find_chars(b->t, chars));
    if (n == 0) {
        return;
    }
    uint16_t *code = add_table(b, "char_code", ELEM_U16, n);
    void *id = add_table(b, "char_id", ELEM_ID, n);
    void *plane = add_table(b, "char_plane", ELEM_ID, PLANES + 1);
    for (int i = 0, p = 0; i <= n; i++) {
        for (; p <= PLANES && (i == n || chars[i].code >> 16 >= (uint32_t)p); p++) {
            set_id(b, plane, (size_t)p, i);
        }
        if (i < n) {
            code[i] = (uint16_t)chars[i].code;
            set_id(b, id, (size_t)i, chars[i].id);
        }
    }
}

/* What becomes of a byte that no character piece takes: a piece, or -1. */
static int byte_piece(const Tokenizer *t, int byte)
{
    int id = t->byte_id[byte];
    return id >= 0 && is_text(t, id) ? id : t->unk;
}

static void add_bytes(Builder *b)
{
    const Tokenizer *t = b->t;
    int id[256];
    for (int i = 0; i < 256; i++) {
        id[i] = byte_piece(t, i);
    }
    for (int i = t->n_pieces - 1; t->kind == TOKENIZER_SPM && i >= 0; i--) {
        int64_t code = t->pieces[i].kind == PIECE_NORMAL ? single_char(&t->pieces[i]) : -1;
        if (code >= 0 && code < 0x80) {
            id[code] = i;
        }
    }
    add_ids(b, "byte_id", id, 256);
}

static int by_value(const void *x, const void *y)
{
    const int *s = x, *t = y;
    return *s < *t ? -1 : *s > *t;
}

/* ranks[0..n) in ascending order without repetition; gives how many. */
static int distinct_ranks(const Tokenizer *t, int *ranks)
{
    int n = 0, kept = 0;
    for (int i = 0; i < t->n_merges; i++) {
        if (is_mergeable(t, &t->merges[i])) {
            ranks[n++] = t->merges[i].rank;
        }
    }
    qsort(ranks, (size_t)n, sizeof *ranks, by_value);
    for (int i = 0; i < n; i++) {
        if (kept == 0 || ranks[kept - 1] != ranks[i]) {
            ranks[kept++] = ranks[i];
        }
    }
    return kept;
}

/* Whether results come in the order of ranks, equal where those are: then they serve as ranks, as
 * in vocabularies that list their pieces in the order in which training merged them. */
static bool results_rank(const Builder *b, const int *ranks, int n_ranks)
{
    const Tokenizer *t = b->t;
    int *result = NEW(b->arena, int, n_ranks); /* id + 1, 0: none yet */
    for (int i = 0; i < t->n_merges; i++) {
        const Merge *m = &t->merges[i];
        if (is_mergeable(t, m)) {
            const int *r = bsearch(&m->rank, ranks, (size_t)n_ranks, sizeof *ranks, by_value);
            int *first = &result[r - ranks];
            *first = *first ? *first : m->result + 1;
            if (*first != m->result + 1) {
                return false;
            }
        }
    }
    for (int i = 1; i < n_ranks; i++) {
        if (result[i - 1] >= result[i]) {
            return false;
        }
    }
    return true;
}

static void add_merges(Builder *b)
{
    const Tokenizer *t = b->t;
    int n = count_merges(t), at = 0, next = 0;
    int *ranks = NEW(b->arena, int, n);
    int n_ranks = distinct_ranks(t, ranks);
    void *first = add_table(b, "merge_first", ELEM_ID, t->n_pieces + 1);
    void *right = n ? add_table(b, "merge_right", ELEM_ID, n) : NULL;
    void *result = n ? add_table(b, "merge_result", ELEM_ID, n) : NULL;
    bool alias = results_rank(b, ranks, n_ranks);
    void *rank = n && !alias ? add_table(b, "merge_rank", ELEM_ID, n) : NULL;
    for (int id = 0; id < t->n_pieces; id++) {
        set_id(b, first, (size_t)id, at);
        for (; next < t->n_merges && t->merges[next].left == id; next++) {
            const Merge *m = &t->merges[next];
            if (is_mergeable(t, m)) {
                if (rank) {
                    int *r = bsearch(&m->rank, ranks, (size_t)n_ranks, sizeof *ranks, by_value);
                    set_id(b, rank, (size_t)at, r - ranks);
                }
                set_id(b, right, (size_t)at, m->right);
                set_id(b, result, (size_t)at++, m->result);
            }
        }
    }
    set_id(b, first, (size_t)t->n_pieces, at);
    if (next != t->n_merges) {
        die("tokenizer: merges are not sorted");
    }
}

void add_bpe_tables(Builder *b)
{
    add_bytes(b);
    if (b->t->kind == TOKENIZER_SPM) {
        add_chars(b);
    }
    add_merges(b);
}
