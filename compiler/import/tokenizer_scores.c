/* Unigram models of tokenizer.json: pieces with their scores, spaces as U+2581. */
#include "tokenizer_reader.h"

#include <math.h>
#include <string.h>

static double read_score(const Reader *r, const json_t *pair, size_t i)
{
    const json_t *v = json_array_get(pair, 1);
    double score = json_number_value(v);
    if (!json_is_number(v) || !isfinite(score) || score > 0 || score < -1e6 ||
        (score < 0 && score > -1e-300))
        bad_value(r->where, arena_printf(r->arena, "vocab: %zu: score", i), v,
                  "a number from -1e6 to 0 was expected");
    return score;
}

void read_unigram_vocab(Reader *r)
{
    const json_t *vocab = get_array(r->where, r->model, "vocab");
    size_t n = json_array_size(vocab);
    if (n == 0)
        bad_value(r->where, "vocab", json_object_get(r->model, "vocab"),
                  "an array of [piece, score] was expected");
    if (n > (size_t)r->t->n_pieces)
        fatal("%s: vocab: %zu tokens: the model's vocabulary has %d", r->where, n, r->t->n_pieces);
    r->t->kind = TOKENIZER_UNIGRAM;
    r->t->scores = NEW(r->arena, double, r->t->n_pieces);
    for (size_t i = 0; i < n; i++) {
        const json_t *pair = json_array_get(vocab, i);
        const char *s = json_string_value(json_array_get(pair, 0));
        if (!s || json_array_size(pair) != 2)
            bad_value(r->where, "vocab", pair, "a pair of piece and score was expected");
        take_id(r, (int)i);
        add_marked_piece(r, (int)i, s, strlen(s));
        r->t->scores[i] = read_score(r, pair, i);
    }
}

/* The reference spells an unknown space in three bytes, which a text's one byte leaves no room for.
 */
static void check_bytes(const Reader *r)
{
    int n_bytes = 0;
    bool space = false;
    for (int b = 0; b < 256; b++)
        n_bytes += r->t->byte_id[b] >= 0;
    for (int i = 0; i < r->t->n_pieces; i++) {
        const Piece *p = &r->t->pieces[i];
        space |= p->kind == PIECE_NORMAL && p->len == 1 && p->bytes[0] == ' ';
    }
    if (r->t->byte_fallback && (n_bytes < 256 || !space))
        bad_value(r->where, "byte_fallback", get_value(r->model, "byte_fallback"),
                  "true needs all 256 byte tokens, and a piece for U+2581 alone");
}

void read_unigram_rules(Reader *r)
{
    Tokenizer *t = r->t;
    t->unk = get_int(r->where, r->model, "unk_id", 0, t->n_pieces - 1, -1);
    if (t->unk < 0)
        bad_value(r->where, "unk_id", NULL, "a token id was expected");
    t->byte_fallback = get_bool(r->where, r->model, "byte_fallback", false);
    t->split_words = r->pipeline.split_words;
    check_bytes(r);
}
