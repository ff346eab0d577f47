/* The tables of BERT's text: what class a character has and what it becomes, from those of Unicode.
 * A character that no piece holds makes its word unknown, whatever it is, so only mappings to
 * characters that pieces are made of are kept; classes are needed whole. */
#include "tokenizer_builder.h"
#include "unicode_data.h"

#include <stdlib.h>

enum { MOST_PARTS = 8 };

/* The CJK blocks that the reference names; it begins the seventh one 0x100 late. */
static const uint32_t cjk[] = {0x3400,  0x4DBF,  0x4E00,  0x9FFF,  0xF900,  0xFAFF,
                               0x20000, 0x2A6DF, 0x2A700, 0x2B73F, 0x2B740, 0x2B81F,
                               0x2B920, 0x2CEAF, 0x2F800, 0x2FA1F};

/* Those of lm_is_space above ASCII. */
static const uint32_t spaces[] = {0x85,   0x85,   0xA0,   0xA0,   0x1680, 0x1680, 0x2000, 0x200A,
                                  0x2028, 0x2029, 0x202F, 0x202F, 0x205F, 0x205F, 0x3000, 0x3000};

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

/* LM_BERT_ of a character in such text. */
static int bert_class(const void *text, uint32_t code)
{
    const BertText *b = text;
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

static void add_range_edges(CodeSet *edges, const uint32_t *ranges, int n)
{
    for (int i = 0; i < n; i += 2) {
        code_set_add(edges, ranges[i]);
        code_set_add(edges, ranges[i + 1] + 1);
    }
}

/* The characters that a table of triples maps; with `edges` also those after them. */
static void add_mapped(CodeSet *codes, const uint32_t *triples, int n, bool edges)
{
    for (int i = 0; i < n; i += 3) {
        code_set_add(codes, triples[i]);
        if (edges) {
            code_set_add(codes, triples[i] + 1);
        }
    }
}

static void add_folded(CodeSet *codes, const BertText *b, bool edges)
{
    if (b->strip) {
        add_mapped(codes, unicode_decompositions, n_unicode_decompositions, edges);
    }
    if (b->lower) {
        add_mapped(codes, unicode_lower, n_unicode_lower, edges);
    }
}

/* Where the class of characters may change. */
static void add_ranges(Builder *b)
{
    CodeSet edges = code_set_new(b->arena);
    for (uint32_t c = 0; c < 0x80; c++) {
        code_set_add(&edges, c);
    }
    add_range_edges(&edges, spaces, (int)LENGTH(spaces));
    add_range_edges(&edges, cjk, (int)LENGTH(cjk));
    add_range_edges(&edges, unicode_marks, n_unicode_marks);
    add_range_edges(&edges, unicode_controls, n_unicode_controls);
    add_range_edges(&edges, unicode_punctuation, n_unicode_punctuation);
    add_range_edges(&edges, (const uint32_t[]){0xFFFD, 0xFFFD}, 2); /* is_control names it */
    add_folded(&edges, &b->t->bert, true);
    add_code_ranges(b, "range", &edges, 2, bert_class, &b->t->bert);
}

/* Which characters pieces are made of. */
static CodeSet alphabet(Arena *a, const Tokenizer *t)
{
    CodeSet has = code_set_new(a);
    for (int i = 0; i < t->n_pieces; i++) {
        const Piece *p = &t->pieces[i];
        lm_text text = {p->bytes, 0, (uint32_t)p->len, 0, 0};
        uint32_t length;
        for (uint32_t k = 0; p->kind == PIECE_NORMAL && k < text.n; k += length) {
            uint32_t code = lm_text_char(&text, k, &length);
            if (code != LM_BAD_CHAR) {
                code_set_add(&has, code);
            }
        }
    }
    return has;
}

static bool needed(const CodeSet *has, uint32_t code, const uint32_t *out, int n)
{
    bool all = n > 0 && !(n == 1 && out[0] == code);
    for (int i = 0; i < n; i++) {
        all = all && (code_set_has(has, out[i]) || code_set_has(has, code));
    }
    return all;
}

static void add_maps(Builder *b)
{
    const CodeSet has = alphabet(b->arena, b->t);
    CodeSet folded = code_set_new(b->arena);
    add_folded(&folded, &b->t->bert, false);
    CodeTexts maps = code_texts_new(b->arena, folded.n);
    uint32_t out[2 * MOST_PARTS];
    for (uint32_t c = 0; (c = code_set_next(&folded, c)) < CODE_POINTS; c++) {
        int k = fold(&b->t->bert, c, out);
        if (needed(&has, c, out, k)) {
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
    const CodeSet has = alphabet(a, t);
    const bool found =
        code_set_next(&has, 0x1100) <= 0x11C2 || code_set_next(&has, 0xAC00) <= 0xD7A3;
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
