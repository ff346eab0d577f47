/* The tables of a tokenizer, what a token decodes to, and the search among sorted pieces that the
 * encoders share. Needs lm_error.h, lm_text.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_TOKENIZER_H
#define LM_TOKENIZER_H

#ifndef LM_ID
#define LM_ID uint16_t
#endif
typedef LM_ID lm_id; /* a token, a rank, or an index of the tables below */

#define LM_NONE ((lm_id)0xffffffffU)

/* Where the word that starts at `start` ends: past start, at most n. */
typedef uint32_t (*lm_word_end)(const struct lm_tokenizer *t, lm_text *text, uint32_t start);

/* The tokens of the word from start to end, to out (max); gives their number. The room of a symbol
 * for each byte, and one more, always suffices. */
typedef int32_t (*lm_word_encoder)(const struct lm_tokenizer *t, lm_text *text, uint32_t start,
                                   uint32_t end, int32_t *out, int32_t max);

struct lm_progress;

/* The tokens of a stretch of text and of the added token after it (lm_encode.h). */
typedef int32_t (*lm_stretch_encoder)(const struct lm_tokenizer *t, struct lm_progress *p,
                                      lm_text *stretch, int32_t open, uint32_t *used, int32_t *out,
                                      int32_t max);

/* Normalizes a text into out (max entries), as far as it is settled; gives the bytes, `most` of
 * them at the most; *at is past what became them. before: LM_INSIDE_ (lm_encode.h). */
typedef int32_t (*lm_normalizer)(const struct lm_tokenizer *t, lm_text *text, uint32_t before,
                                 int32_t open, uint32_t most, uint32_t *at, int32_t *out,
                                 int32_t max);

/* When a space goes before a stretch of text between added tokens. */
#define LM_PREFIX_NEVER 0
#define LM_PREFIX_FIRST 1 /* only where the whole text begins */
#define LM_PREFIX_EACH 2
#define LM_PREFIX_RAW 3 /* each but after a token with LM_ADDED_PLAIN */

#define LM_ONCE_MARKED 2 /* unless it starts with a space that may be spelled U+2581 */

/* How an added token is found in text. */
#define LM_ADDED_LEFT 1U   /* takes the white space before it */
#define LM_ADDED_RIGHT 2U  /* takes the white space after it */
#define LM_ADDED_PLAIN 4U  /* was looked for in the text with its prefix */
#define LM_ADDED_NORMAL 8U /* is looked for in normalized text, others before it is normalized */

/* Pieces are numbered: tokens first, then strings that are no token's bytes. */
typedef struct lm_tokenizer {
    int32_t n_pieces;
    int32_t bos;         /* -1: none */
    int32_t after;       /* what encoding ends with, -1: nothing */
    int32_t unk;         /* -1: none */
    uint8_t add_bos;     /* encoding starts with it */
    uint8_t prefix;      /* LM_PREFIX_: a space goes before a text that is not empty ... */
    uint8_t prefix_once; /* ... unless it starts with one */
    uint8_t strip;       /* the space before the first piece of a text is not part of it */
    uint8_t lone_prefix; /* it also goes where text was normalized to nothing */
    lm_word_end word_end;
    lm_word_encoder encode_word;
    const uint8_t *piece_bytes;  /* of all pieces, one after the other; none of a control piece */
    const uint16_t *piece_start; /* one more than pieces: low 16 bits of where one starts there */
    const lm_id *piece_page;     /* n_pages: where those bits wrap: the first piece after it */
    uint32_t n_pages;
    const lm_id *byte_id;      /* 256: piece of an ASCII character or of a byte, or LM_NONE */
    const uint16_t *char_code; /* n_chars: low 16 bits of the others that are pieces, ascending */
    const lm_id *char_id;      /* n_chars: their pieces */
    const lm_id *char_plane;   /* 18: where code points from plane * 65536 on begin; NULL: none */
    const lm_id *merge_first;  /* n_pieces + 1: where the merges with this left piece begin */
    const lm_id *merge_right;  /* each merge's right piece, ascending for one left piece */
    const lm_id *merge_result;
    const lm_id *merge_rank; /* may be merge_result where that is in the same order */
    const lm_id *word_piece; /* n_words: strings that text may become at once, by their bytes */
    const lm_id *word_id;    /* n_words: the token of each; may be word_piece */
    uint32_t n_words;
    const lm_id *added_piece;   /* n_added: the written forms of added tokens, by their bytes */
    const lm_id *added_id;      /* n_added */
    const uint8_t *added_flags; /* n_added: LM_ADDED_ */
    uint32_t n_added;
    uint32_t flags;        /* all that added tokens have */
    const lm_id *glued_id; /* n_glued: pieces that decode without their first space, ascending */
    uint32_t n_glued;
    lm_stretch_encoder encode_stretch;
    lm_normalizer normalize; /* NULL: text stays as it is; with lm_encode_normal only */
    const struct lm_normal *normal;
    const struct lm_charsmap *charsmap;
    const struct lm_unigram *unigram;
    const struct lm_bert *bert;
} lm_tokenizer;

/* Pieces -------------------------------------------------------------------------------------- */

LM_INLINE uint32_t lm_piece_start(const lm_tokenizer *t, uint32_t id)
{
    uint32_t start = t->piece_start[id];
    for (uint32_t i = 0; i < t->n_pages && id >= t->piece_page[i]; i++) {
        start += 0x10000U;
    }
    return start;
}

/* The first of ids[low..high) that is not below `value`. */
LM_FUNCTION uint32_t lm_find_id(const lm_id *ids, uint32_t low, uint32_t high, uint32_t value)
{
    while (low < high) {
        const uint32_t mid = (low + high) >> 1;
        if (ids[mid] < value) {
            low = mid + 1U;
        } else {
            high = mid;
        }
    }
    return low;
}

/* 1 when token `id` decodes without the space that its piece begins with. */
LM_INLINE uint32_t lm_is_glued(const lm_tokenizer *t, uint32_t id)
{
    const uint32_t i = lm_find_id(t->glued_id, 0, t->n_glued, id);
    return i < t->n_glued && t->glued_id[i] == id;
}

/* Writes the bytes of a token to out (max) and gives their number: 0 for a control piece. They may
 * begin or end inside a character: lm_utf8_feed makes them whole. */
LM_FUNCTION int32_t lm_decode(const lm_tokenizer *t, int32_t token, char *out, int32_t max)
{
    uint32_t start, n;
    if (t == NULL || token < 0 || token >= t->n_pieces) {
        return LM_E_ARGUMENT;
    }
    start = lm_piece_start(t, (uint32_t)token);
    n = lm_piece_start(t, (uint32_t)token + 1U) - start;
    if (t->n_glued > 0U && lm_is_glued(t, (uint32_t)token)) {
        start++;
        n--;
    }
    if (n == 0U) {
        return 0;
    }
    if (max < 0 || n > (uint32_t)max) {
        return LM_E_SPACE;
    }
    if (out == NULL) {
        return LM_E_ARGUMENT;
    }
    memcpy(out, t->piece_bytes + start, n);
    return (int32_t)n;
}

/* How many of the n bytes of a piece to leave out: 1 when it begins a text (the token before it is
 * bos, or negative: none) with the space that the encoder puts there, else 0. */
LM_INLINE int32_t lm_skip_prefix(const lm_tokenizer *t, int32_t previous, const char *bytes,
                                 int32_t n)
{
    return t->strip != 0U && (previous < 0 || previous == t->bos) && n > 0 && bytes[0] == ' ';
}

/* Strings, sorted by their bytes ----------------------------------------------------------------
 */

/* Those of list[low..high) begin with the same `depth` bytes; the shortest stands first. */
typedef struct lm_walk {
    uint32_t low, high, depth;
} lm_walk;

/* Byte number `depth` of a piece, 1 more than it; 0 when the piece has ended. */
LM_INLINE uint32_t lm_walk_at(const lm_tokenizer *t, uint32_t piece, uint32_t depth)
{
    const uint32_t start = lm_piece_start(t, piece);
    return lm_piece_start(t, piece + 1U) - start <= depth ? 0U : t->piece_bytes[start + depth] + 1U;
}

/* The first of the walk's strings whose next byte is not below `byte`. */
LM_FUNCTION uint32_t lm_walk_bound(const lm_tokenizer *t, const lm_id *list, const lm_walk *w,
                                   uint32_t byte)
{
    uint32_t low = w->low;
    uint32_t high = w->high;
    while (low < high) {
        const uint32_t mid = (low + high) >> 1;
        if (lm_walk_at(t, list[mid], w->depth) < byte + 1U) {
            low = mid + 1U;
        } else {
            high = mid;
        }
    }
    return low;
}

/* One byte further; 0 when no string goes on with it. */
LM_FUNCTION int32_t lm_walk_on(const lm_tokenizer *t, const lm_id *list, lm_walk *w, uint32_t byte)
{
    const uint32_t low = lm_walk_bound(t, list, w, byte);
    w->high = lm_walk_bound(t, list, w, byte + 1U);
    w->low = low;
    w->depth++;
    return low < w->high;
}

/* Whether the first of the walk's strings ends here. */
LM_INLINE int32_t lm_walk_ends(const lm_tokenizer *t, const lm_id *list, const lm_walk *w)
{
    return w->low < w->high && lm_walk_at(t, list[w->low], w->depth) == 0U;
}

#endif
