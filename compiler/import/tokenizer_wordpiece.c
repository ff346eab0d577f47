/* WordPiece models of tokenizer.json, BERT's: a piece that goes on with a word has a prefix there,
 * one that begins a word gets a space here. */
#include "tokenizer_reader.h"

#include <string.h>

static void add_wordpiece(Reader *r, int id, const char *s, const char *prefix)
{
    size_t n = strlen(s), skip = strlen(prefix);
    check_length(r, id, n + 1);
    if (skip > 0 && n >= skip && !memcmp(s, prefix, skip)) {
        store_piece(r, id, PIECE_NORMAL, s + skip, (int)(n - skip));
        return;
    }
    const char *spaced = arena_printf(r->arena, " %s", s);
    store_piece(r, id, PIECE_NORMAL, spaced, n ? (int)n + 1 : 0);
}

void read_wordpiece_vocab(Reader *r)
{
    const json_t *vocab = get_object(r->where, r->model, "vocab");
    const char *prefix = get_string(r->where, r->model, "continuing_subword_prefix", "##"), *key;
    json_t *v;
    if (!vocab)
        bad_value(r->where, "vocab", NULL, "an object was expected");
    if (!*prefix)
        bad_value(r->where, "continuing_subword_prefix",
                  json_object_get(r->model, "continuing_subword_prefix"),
                  "a prefix that tells such pieces from others was expected");
    json_object_foreach((json_t *)(uintptr_t)vocab, key, v)
    {
        int id = token_id(r, "model.vocab", v);
        take_id(r, id);
        add_wordpiece(r, id, key, prefix);
    }
}

/* Decomposition puts marks in the order of their classes. Those of class Mn go when accents are
 * stripped; these stay, and the device does not reorder them: two of different classes would have
 * to be in the vocabulary for that to matter. */
static const struct {
    uint32_t first, last;
    int combining_class;
} spacing_marks[] = {
    {0x1B44, 0x1B44, 9},     {0x1BAA, 0x1BAA, 9},     {0x1BF2, 0x1BF3, 9},
    {0x302E, 0x302F, 224},   {0x111C0, 0x111C0, 9},   {0x11235, 0x11235, 9},
    {0x1134D, 0x1134D, 9},   {0x116B6, 0x116B6, 9},   {0x1D165, 0x1D166, 216},
    {0x1D16D, 0x1D16D, 226}, {0x1D16E, 0x1D172, 216},
};

static uint32_t next_code(const Piece *p, int *at)
{
    uint32_t lead = p->bytes[(*at)++];
    int n = lead < 0xC0 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    uint32_t code = n ? lead & (0x3FU >> n) : lead;
    for (; n > 0 && *at < p->len; n--)
        code = code << 6 | (p->bytes[(*at)++] & 0x3F);
    return code;
}

static void check_marks(const Reader *r)
{
    int seen = 0;
    for (int i = 0; i < r->t->n_pieces; i++) {
        const Piece *p = &r->t->pieces[i];
        for (int at = 0; p->kind == PIECE_NORMAL && at < p->len;) {
            uint32_t code = next_code(p, &at);
            for (size_t k = 0; k < LENGTH(spacing_marks); k++) {
                if (code < spacing_marks[k].first || code > spacing_marks[k].last)
                    continue;
                if (seen && seen != spacing_marks[k].combining_class)
                    fatal("%s: vocab: U+%04X: spacing marks of several combining classes are not "
                          "supported where accents are stripped",
                          r->where, (unsigned)code);
                seen = spacing_marks[k].combining_class;
            }
        }
    }
}

void read_wordpiece_rules(Reader *r)
{
    Tokenizer *t = r->t;
    const char *unk = get_string(r->where, r->model, "unk_token", "[UNK]");
    t->unk = find_token(r, unk);
    if (t->unk < 0)
        bad_value(r->where, "unk_token", get_value(r->model, "unk_token"),
                  "it is not in the vocabulary");
    t->bert.most_chars =
        get_int(r->where, r->model, "max_input_chars_per_word", 1, MAX_WORD_CHARS, 100);
    if (t->bert.strip)
        check_marks(r);
}
