/* The constant arrays behind lm_tokenizer (runtime_template/) from a Tokenizer. What the runtime
 * need not know is settled here: control pieces have no bytes and nothing leads to them, strings
 * are sorted, mappings that no piece could use are left out. */
#include "tokenizer_builder.h"

#include <stdlib.h>

enum { MOST_TABLES = 40 };

/* Pieces as the runtime sees them -------------------------------------------------------------- */

bool is_text(const Tokenizer *t, int id)
{
    return t->pieces[id].kind != PIECE_CONTROL;
}

int64_t single_char(const Piece *p)
{
    lm_text text = {p->bytes, 0, (uint32_t)p->len, 0, 0};
    uint32_t length;
    uint32_t code = p->len > 0 ? lm_text_char(&text, 0, &length) : LM_BAD_CHAR;
    return code != LM_BAD_CHAR && length == text.n ? (int64_t)code : -1;
}

/* Ids, ranks, numbers of strings and of merges stay below 0xFFFF, which stands for none. */
bool tokenizer_wide_ids(const Tokenizer *t)
{
    int64_t strings = (int64_t)t->n_pieces + t->n_added;
    for (int i = 0; i < t->n_pieces && t->kind == TOKENIZER_UNIGRAM; i++) {
        strings += t->pieces[i].kind != PIECE_NORMAL;
    }
    return strings > 0xFFFF || count_merges(t) > 0xFFFF;
}

/* Arrays --------------------------------------------------------------------------------------- */

/* A new array of n elements: bytes, 16 bits, or ids when elem is ELEM_ID. */
void *add_table(Builder *b, const char *name, ElemType elem, int64_t n)
{
    if (elem == ELEM_ID) {
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

void set_id(const Builder *b, void *ids, size_t i, int64_t value)
{
    if (b->wide) {
        ((uint32_t *)ids)[i] = (uint32_t)value;
    } else {
        ((uint16_t *)ids)[i] = (uint16_t)value;
    }
}

void add_ids(Builder *b, const char *name, const int *ids, int n)
{
    void *table = add_table(b, name, ELEM_ID, n);
    for (int i = 0; i < n; i++) {
        set_id(b, table, (size_t)i, ids[i]);
    }
}

/* The bytes of piece i, then of the strings beside them. */
static const uint8_t *string_bytes(const Builder *b, int i, int *len)
{
    const Tokenizer *t = b->t;
    if (i >= t->n_pieces) {
        *len = b->extra[i - t->n_pieces].len;
        return b->extra[i - t->n_pieces].bytes;
    }
    *len = is_text(t, i) ? t->pieces[i].len : 0;
    return t->pieces[i].bytes;
}

static int64_t total_bytes(const Builder *b, int n)
{
    int64_t total = 0;
    for (int i = 0; i < n; i++) {
        int len;
        string_bytes(b, i, &len);
        total += len;
    }
    if (total > UINT32_MAX) {
        fatal("%lld bytes of tokens: the limit is 4 GiB", (long long)total);
    }
    return total;
}

static void add_pieces(Builder *b)
{
    const int n = b->t->n_pieces + b->n_extra;
    const int64_t total = total_bytes(b, n);
    int n_pages = (int)(total >> 16);
    uint8_t *bytes = add_table(b, "piece_bytes", ELEM_U8, total ? total : 1);
    uint16_t *start = add_table(b, "piece_start", ELEM_U16, n + 1);
    int *page = NEW(b->arena, int, n_pages);
    int64_t at = 0, passed = 0;
    for (int i = 0; i <= n; i++) {
        int len = 0;
        const uint8_t *from = i < n ? string_bytes(b, i, &len) : NULL;
        start[i] = (uint16_t)at;
        while (passed < at >> 16) {
            page[passed++] = i;
        }
        if (len > 0) {
            memcpy(bytes + at, from, (size_t)len);
        }
        at += len;
    }
    if (n_pages > 0) {
        add_ids(b, "piece_page", page, n_pages);
    }
}

static void add_byte_pieces(Builder *b)
{
    if (b->t->byte_fallback) {
        add_ids(b, "byte_id", b->t->byte_id, 256);
    }
}

int wide_tokenizer_tables(Arena *a, const Tokenizer *t, bool wide, Data **out)
{
    Builder b = {.arena = a, .t = t, .wide = wide, .tables = NEW(a, Data, MOST_TABLES)};
    add_word_tables(&b);
    add_pieces(&b);
    switch (t->kind) {
    case TOKENIZER_SPM:
    case TOKENIZER_BYTE_LEVEL: add_bpe_tables(&b); break;
    case TOKENIZER_UNIGRAM: add_byte_pieces(&b); break;
    case TOKENIZER_WORDPIECE: add_bert_tables(&b); break;
    case TOKENIZER_KINDS: die("tokenizer of no kind");
    }
    if (t->form == NORMAL_CHARSMAP) {
        add_charsmap_tables(&b);
    } else {
        add_normal_tables(&b);
    }
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

const Data *field_table(const Data *tables, int n, const char *field)
{
    static const char *const instead[][2] = {
        {"merge_rank", "merge_result"}, {"word_piece", "word_id"}, {"added_piece", "added_id"}};
    const Data *d = find_table(tables, n, field);
    for (size_t i = 0; !d && i < LENGTH(instead); i++) {
        if (!strcmp(instead[i][0], field)) {
            d = find_table(tables, n, instead[i][1]);
        }
    }
    return d;
}
