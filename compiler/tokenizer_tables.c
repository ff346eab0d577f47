/* The constant arrays behind lm_tokenizer (runtime_template/lm_tokenizer.h) from a Tokenizer.
 * What the runtime need not know is settled here: ASCII characters that are pieces stand in
 * byte_id, control pieces have no bytes and nothing leads to them, ranks are renumbered densely,
 * or left out where the results of the merges order them as well. */
#include "program.h"
#include "runtime.h"

#include <stdlib.h>

typedef struct Builder {
    Arena *arena;
    const Tokenizer *t;
    bool wide;
    Data *tables;
    int n;
} Builder;

typedef struct Char {
    uint32_t code;
    int id;
} Char;

enum { MOST_TABLES = 16, PLANES = 17 };

/* Pieces as the runtime sees them -------------------------------------------------------------- */

static bool is_text(const Tokenizer *t, int id)
{
    return t->pieces[id].kind != PIECE_CONTROL;
}

static int piece_length(const Tokenizer *t, int id)
{
    return is_text(t, id) ? t->pieces[id].len : 0;
}

/* The code point when the bytes are one well-formed character, else -1. */
static int64_t single_char(const Piece *p)
{
    lm_text text = {p->bytes, 0, (uint32_t)p->len};
    uint32_t length;
    uint32_t code = p->len > 0 ? lm_text_char(&text, 0, &length) : LM_BAD_CHAR;
    return code != LM_BAD_CHAR && length == text.n ? (int64_t)code : -1;
}

static bool is_mergeable(const Tokenizer *t, const Merge *m)
{
    return is_text(t, m->result);
}

static int count_merges(const Tokenizer *t)
{
    int n = 0;
    for (int i = 0; i < t->n_merges; i++) {
        n += is_mergeable(t, &t->merges[i]);
    }
    return n;
}

/* Ids, ranks and merge numbers stay below 0xFFFF, which stands for none. */
bool tokenizer_wide_ids(const Tokenizer *t)
{
    return t->n_pieces > 0xFFFF || count_merges(t) > 0xFFFF;
}

/* Arrays --------------------------------------------------------------------------------------- */

/* A new array of n elements: bytes, 16 bits, or ids when elem is ELEMS. */
static void *add_table(Builder *b, const char *name, ElemType elem, int64_t n)
{
    if (elem == ELEMS) {
        elem = b->wide ? ELEM_U32 : ELEM_U16;
    }
    if (b->n == MOST_TABLES) {
        die("tokenizer: more than %d tables", MOST_TABLES);
    }
    Data *d = &b->tables[b->n++];
    *d = (Data){.name = name, .elem = elem, .count = n, .align = elem_bytes[elem], .region = -1};
    d->bytes = arena_alloc(b->arena, (size_t)n, (size_t)elem_bytes[elem]);
    return d->bytes;
}

static void set_id(const Builder *b, void *ids, size_t i, int64_t value)
{
    if (b->wide) {
        ((uint32_t *)ids)[i] = (uint32_t)value;
    } else {
        ((uint16_t *)ids)[i] = (uint16_t)value;
    }
}

static void add_ids(Builder *b, const char *name, const int *ids, int n)
{
    void *table = add_table(b, name, ELEMS, n);
    for (int i = 0; i < n; i++) {
        set_id(b, table, (size_t)i, ids[i]);
    }
}

static void add_pieces(Builder *b)
{
    const Tokenizer *t = b->t;
    int64_t total = 0;
    for (int i = 0; i < t->n_pieces; i++) {
        total += piece_length(t, i);
    }
    if (total > UINT32_MAX) {
        fatal("%lld bytes of tokens: the limit is 4 GiB", (long long)total);
    }
    int n_pages = (int)(total >> 16);
    uint8_t *bytes = add_table(b, "piece_bytes", ELEM_U8, total ? total : 1);
    uint16_t *start = add_table(b, "piece_start", ELEM_U16, t->n_pieces + 1);
    int *page = NEW(b->arena, int, n_pages);
    int64_t at = 0, passed = 0;
    for (int i = 0; i <= t->n_pieces; i++) {
        int n = i < t->n_pieces ? piece_length(t, i) : 0;
        start[i] = (uint16_t)at;
        while (passed < at >> 16) {
            page[passed++] = i;
        }
        if (n > 0) {
            memcpy(bytes + at, t->pieces[i].bytes, (size_t)n);
        }
        at += n;
    }
    if (n_pages > 0) {
        add_ids(b, "piece_page", page, n_pages);
    }
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

static void add_chars(Builder *b)
{
    Char *chars = NEW(b->arena, Char, b->t->n_pieces);
    int n = find_chars(b->t, chars);
    if (n == 0) {
        return;
    }
    uint16_t *code = add_table(b, "char_code", ELEM_U16, n);
    void *id = add_table(b, "char_id", ELEMS, n);
    void *plane = add_table(b, "char_plane", ELEMS, PLANES + 1);
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
    void *first = add_table(b, "merge_first", ELEMS, t->n_pieces + 1);
    void *right = n ? add_table(b, "merge_right", ELEMS, n) : NULL;
    void *result = n ? add_table(b, "merge_result", ELEMS, n) : NULL;
    bool alias = results_rank(b, ranks, n_ranks);
    void *rank = n && !alias ? add_table(b, "merge_rank", ELEMS, n) : NULL;
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

typedef struct Word {
    const Piece *piece;
    int id;
} Word;

static int by_bytes(const void *x, const void *y)
{
    const Word *s = x, *t = y;
    int n = s->piece->len < t->piece->len ? s->piece->len : t->piece->len;
    int order = memcmp(s->piece->bytes, t->piece->bytes, (size_t)n);
    if (order == 0) {
        order = s->piece->len - t->piece->len;
    }
    return order ? order : s->id - t->id;
}

static void add_words(Builder *b)
{
    const Tokenizer *t = b->t;
    if (!t->ignore_merges) {
        return;
    }
    Word *words = NEW(b->arena, Word, t->n_pieces);
    int *ids = NEW(b->arena, int, t->n_pieces);
    int n = 0, kept = 0;
    for (int i = 0; i < t->n_pieces; i++) {
        if (t->pieces[i].kind == PIECE_NORMAL && t->pieces[i].len > 0) {
            words[n++] = (Word){&t->pieces[i], i};
        }
    }
    qsort(words, (size_t)n, sizeof *words, by_bytes);
    for (int i = 0; i < n; i++) {
        const Piece *p = words[i].piece, *last = kept ? &t->pieces[ids[kept - 1]] : NULL;
        if (!last || last->len != p->len || memcmp(last->bytes, p->bytes, (size_t)p->len) != 0) {
            ids[kept++] = words[i].id;
        }
    }
    if (kept > 0) {
        add_ids(b, "word_id", ids, kept);
    }
}

int wide_tokenizer_tables(Arena *a, const Tokenizer *t, bool wide, Data **out)
{
    Builder b = {a, t, wide, NEW(a, Data, MOST_TABLES), 0};
    add_pieces(&b);
    add_bytes(&b);
    if (t->kind == TOKENIZER_SPM) {
        add_chars(&b);
    }
    add_merges(&b);
    add_words(&b);
    *out = b.tables;
    return b.n;
}

int tokenizer_tables(Arena *a, const Tokenizer *t, Data **out)
{
    return wide_tokenizer_tables(a, t, tokenizer_wide_ids(t), out);
}

const Data *find_table(const Data *tables, int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (!strcmp(tables[i].name, name)) {
            return &tables[i];
        }
    }
    return NULL;
}

const char *rank_table(const Data *tables, int n)
{
    return find_table(tables, n, "merge_rank") ? "merge_rank" : "merge_result";
}
