/* The tables of BERT's text: what class a character has and what it becomes, from those of Unicode.
 * A character that no piece holds makes its word unknown, whatever it is, so only mappings to
 * characters that pieces are made of are kept; classes are needed whole. */
#include "tokenizer_builder.h"
#include "unicode_data.h"

#include <stdlib.h>

enum { MOST_PARTS = 8, MOST_RANGE = 1 << 14 };

/* The CJK blocks that the reference names; it begins the seventh one 0x100 late. */
static const uint32_t cjk[] = {0x3400,  0x4DBF,  0x4E00,  0x9FFF,  0xF900,  0xFAFF,
                               0x20000, 0x2A6DF, 0x2A700, 0x2B73F, 0x2B740, 0x2B81F,
                               0x2B920, 0x2CEAF, 0x2F800, 0x2FA1F};

static int by_code(const void *x, const void *y)
{
    const uint32_t *s = x, *t = y;
    return *s < *t ? -1 : *s > *t;
}

/* What a code point maps to in a table of triples; 0: it is not there. */
static int mapped(const uint32_t *triples, int n, uint32_t code, uint32_t *to)
{
    const uint32_t *hit = bsearch(&code, triples, (size_t)n / 3, 3 * sizeof *triples, by_code);
    if (!hit) {
        return 0;
    }
    to[0] = hit[1];
    to[1] = hit[2];
    return hit[2] ? 2 : 1;
}

static bool in_ranges(const uint32_t *ranges, int n, uint32_t code)
{
    int low = 0, high = n / 2;
    while (low < high) {
        int mid = (low + high) / 2;
        if (ranges[2 * mid + 1] < code) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < n / 2 && ranges[2 * low] <= code;
}

int unicode_apart(uint32_t code, uint32_t *out)
{
    uint32_t to[2];
    int n = mapped(unicode_decompositions, n_unicode_decompositions, code, to);
    if (n == 0) {
        out[0] = code;
        return 1;
    }
    int k = unicode_apart(to[0], out);
    return n == 1 ? k : k + unicode_apart(to[1], out + k);
}

/* The characters that one becomes, of Hangul syllables aside; gives their number. */
static int fold(const BertText *b, uint32_t code, uint32_t *out)
{
    uint32_t parts[MOST_PARTS] = {code};
    int n = b->strip ? unicode_apart(code, parts) : 1, kept = 0;
    for (int i = 0; i < n; i++) {
        if (b->strip && in_ranges(unicode_marks, n_unicode_marks, parts[i])) {
            continue;
        }
        int k = b->lower ? mapped(unicode_lower, n_unicode_lower, parts[i], out + kept) : 0;
        if (k == 0) {
            out[kept] = parts[i];
        }
        kept += k ? k : 1;
    }
    return kept;
}

static bool is_control(uint32_t code)
{
    return code == 0 || code == 0xFFFD ||
           (code != '\t' && code != '\n' && code != '\r' &&
            in_ranges(unicode_controls, n_unicode_controls, code));
}

static bool is_punctuation(uint32_t c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~') || in_ranges(unicode_punctuation, n_unicode_punctuation, c);
}

static int final_class(uint32_t code)
{
    return lm_is_space(code) ? LM_BERT_SPACE : is_punctuation(code) ? LM_BERT_ALONE : LM_BERT_WORD;
}

int bert_class(const BertText *b, uint32_t code)
{
    uint32_t out[2 * MOST_PARTS];
    if (b->clean && is_control(code)) {
        return LM_BERT_DROP;
    }
    if (b->cjk && !lm_is_space(code) && in_ranges(cjk, (int)LENGTH(cjk), code)) {
        return LM_BERT_ALONE;
    }
    int n = fold(b, code, out);
    int kind = n ? final_class(out[0]) : LM_BERT_DROP;
    for (int i = 1; i < n; i++) {
        if (final_class(out[i]) != kind || kind != LM_BERT_WORD) {
            die("U+%04X becomes characters of several classes", (unsigned)code);
        }
    }
    return kind;
}

static void add_ranges(Builder *b)
{
    uint32_t *first = NEW(b->arena, uint32_t, CODE_POINTS);
    uint16_t *sizes = NEW(b->arena, uint16_t, CODE_POINTS);
    int n = 0, before = LM_BERT_WORD;
    for (uint32_t c = 0; c < CODE_POINTS; c++) {
        int kind = bert_class(&b->t->bert, c);
        bool goes_on = n > 0 && kind == before && (c & 0xFFFF) && c - first[n - 1] < MOST_RANGE;
        if (kind != LM_BERT_WORD && !goes_on) {
            first[n++] = c;
        }
        if (kind != LM_BERT_WORD) {
            sizes[n - 1] = (uint16_t)((c - first[n - 1]) << 2 | (uint32_t)kind);
        }
        before = kind;
    }
    add_code_ranges(b, "range", first, sizes, n);
}

/* Which characters pieces are made of. */
static bool *alphabet(Arena *a, const Tokenizer *t)
{
    bool *has = NEW(a, bool, CODE_POINTS);
    for (int i = 0; i < t->n_pieces; i++) {
        const Piece *p = &t->pieces[i];
        lm_text text = {p->bytes, 0, (uint32_t)p->len, 0, 0};
        uint32_t length;
        for (uint32_t k = 0; p->kind == PIECE_NORMAL && k < text.n; k += length) {
            uint32_t code = lm_text_char(&text, k, &length);
            if (code != LM_BAD_CHAR) {
                has[code] = true;
            }
        }
    }
    return has;
}

static bool needed(const bool *has, uint32_t code, const uint32_t *out, int n)
{
    bool all = n > 0 && !(n == 1 && out[0] == code);
    for (int i = 0; i < n; i++) {
        all = all && (has[out[i]] || has[code]);
    }
    return all;
}

static void add_maps(Builder *b)
{
    const bool *has = alphabet(b->arena, b->t);
    CodeTexts maps = code_texts_new(b->arena);
    uint32_t out[2 * MOST_PARTS];
    for (uint32_t c = 0; c < CODE_POINTS; c++) {
        int k = fold(&b->t->bert, c, out);
        if (needed(has, c, out, k)) {
            code_texts_add(&maps, c, out, k);
        }
    }
    if (maps.n > 0) {
        add_code_texts(b, "map", &maps);
    }
    buf_free(&maps.bytes);
}

bool bert_hangul(const Tokenizer *t)
{
    Arena *a = arena_new();
    const bool *has = alphabet(a, t);
    bool found = false;
    for (uint32_t c = 0x1100; c <= 0x11C2; c++) {
        found |= has[c];
    }
    for (uint32_t c = 0xAC00; c <= 0xD7A3; c++) {
        found |= has[c];
    }
    arena_free(a);
    return t->bert.strip && found;
}

/* A space is left out before . , ? ! and before what follows an apostrophe: "n't", "'s" ... */
static bool is_glued(const Piece *p)
{
    static const char *const starts[] = {" .",  " ?",  " !",   " ,",  " n't",
                                         " 'm", " 's", " 've", " 're"};
    for (size_t i = 0; i < LENGTH(starts); i++) {
        int n = (int)strlen(starts[i]);
        if (p->kind == PIECE_NORMAL && p->len >= n && !memcmp(p->bytes, starts[i], (size_t)n)) {
            return true;
        }
    }
    return false;
}

static void add_glued(Builder *b)
{
    int *ids = NEW(b->arena, int, b->t->n_pieces), n = 0;
    for (int i = 0; i < b->t->n_pieces; i++) {
        if (is_glued(&b->t->pieces[i])) {
            ids[n++] = i;
        }
    }
    if (n > 0 && b->t->bert.cleanup) {
        add_ids(b, "glued_id", ids, n);
    }
}

void add_bert_tables(Builder *b)
{
    add_ranges(b);
    add_maps(b);
    add_glued(b);
}
