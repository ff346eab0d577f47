/* Text to tokens and back, over constant tables and within the caller's output array.
 *
 * Encoding: a space may be put in front of the text; the text is cut into words; each character
 * of a word that is a piece becomes that piece, any other character, and each malformed byte,
 * becomes the pieces of its bytes. Then, within the word, the adjacent pair of the lowest rank,
 * the leftmost of several, is replaced by what it merges to, until no pair merges. Control pieces
 * are never made from text. Needs lm_utf8.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_TOKENIZER_H
#define LM_TOKENIZER_H

#ifndef LM_ID
#define LM_ID uint16_t
#endif
typedef LM_ID lm_id; /* a token, a rank, or an index of the tables below */

#define LM_NONE ((lm_id)0xffffffffU)
#define LM_BAD_CHAR 0xffffffffU

/* The text as the tokenizer sees it: `prefix` spaces (0 or 1), then bytes; n counts both. */
typedef struct lm_text {
    const uint8_t *bytes;
    uint32_t prefix, n;
} lm_text;

/* Where the word that starts at `start` ends: past start, at most n. */
typedef uint32_t (*lm_word_end)(const lm_text *text, uint32_t start);

typedef struct lm_tokenizer {
    int32_t n_pieces;
    int32_t bos;                 /* -1: none */
    uint8_t add_bos;             /* encoding starts with it */
    uint8_t add_prefix;          /* a space goes before a text that is not empty ... */
    uint8_t prefix_once;         /* ... unless it starts with one */
    uint8_t strip;               /* the space before the first piece of a text is not part of it */
    lm_word_end word_end;        /* NULL: the text is one word */
    const uint8_t *piece_bytes;  /* of all pieces, one after the other; none of a control piece */
    const uint16_t *piece_start; /* n_pieces + 1: low 16 bits of where a piece starts there */
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
    const lm_id *word_id;    /* n_words: pieces, by their bytes, that a whole word may be at once */
    uint32_t n_words;
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

/* Text ---------------------------------------------------------------------------------------- */

LM_INLINE uint32_t lm_text_byte(const lm_text *text, uint32_t i)
{
    return i < text->prefix ? (uint32_t)' ' : text->bytes[i - text->prefix];
}

/* The character at i and its number of bytes; a malformed byte is one LM_BAD_CHAR. */
LM_FUNCTION uint32_t lm_text_char(const lm_text *text, uint32_t i, uint32_t *length)
{
    const uint32_t lead = lm_text_byte(text, i);
    const uint32_t n = lm_utf8_length(lead);
    uint32_t code = n == 1U ? lead : lead & (0x7fU >> n);
    *length = 1U;
    if (n == 0U || n > text->n - i) {
        return LM_BAD_CHAR;
    }
    for (uint32_t k = 1U; k < n; k++) {
        const uint32_t byte = lm_text_byte(text, i + k);
        if (!lm_utf8_follows(lead, k, byte)) {
            return LM_BAD_CHAR;
        }
        code = (code << 6) | (byte & 0x3fU);
    }
    *length = n;
    return code;
}

/* Where no merge has a space on its right but after a space, text may be cut before each space
 * that follows something else: the result is the same, the work and room are a word's. */
LM_FUNCTION uint32_t lm_word_space(const lm_text *text, uint32_t start)
{
    uint32_t i = start + 1U;
    uint32_t last = lm_text_byte(text, start);
    while (i < text->n && (lm_text_byte(text, i) != (uint32_t)' ' || last == (uint32_t)' ')) {
        last = lm_text_byte(text, i);
        i++;
    }
    return i;
}

/* Encoding ------------------------------------------------------------------------------------ */

/* The piece of a character above ASCII, or LM_NONE. */
LM_INLINE lm_id lm_find_char(const lm_tokenizer *t, uint32_t code)
{
    uint32_t low, high;
    if (t->char_plane == NULL || code == LM_BAD_CHAR) {
        return LM_NONE;
    }
    low = t->char_plane[code >> 16];
    high = t->char_plane[(code >> 16) + 1U];
    while (low < high) {
        const uint32_t mid = (low + high) >> 1;
        const uint32_t here = t->char_code[mid];
        if (here == (code & 0xffffU)) {
            return t->char_id[mid];
        }
        if (here < (code & 0xffffU)) {
            low = mid + 1U;
        } else {
            high = mid;
        }
    }
    return LM_NONE;
}

/* Compares the text from start to end with a piece: negative, 0, positive, by bytes. */
LM_INLINE int32_t lm_compare_word(const lm_tokenizer *t, const lm_text *text, uint32_t start,
                                  uint32_t end, uint32_t id)
{
    const uint32_t first = lm_piece_start(t, id);
    const uint32_t length = lm_piece_start(t, id + 1U) - first;
    for (uint32_t i = 0; i < end - start && i < length; i++) {
        const uint32_t byte = lm_text_byte(text, start + i);
        if (byte != t->piece_bytes[first + i]) {
            return (int32_t)byte - (int32_t)t->piece_bytes[first + i];
        }
    }
    return end - start < length ? -1 : (end - start > length ? 1 : 0);
}

/* The piece that is the whole text from start to end, or LM_NONE. */
LM_FUNCTION lm_id lm_find_word(const lm_tokenizer *t, const lm_text *text, uint32_t start,
                               uint32_t end)
{
    uint32_t low = 0;
    uint32_t high = t->n_words;
    while (low < high) {
        const uint32_t mid = (low + high) >> 1;
        const int32_t order = lm_compare_word(t, text, start, end, t->word_id[mid]);
        if (order == 0) {
            return t->word_id[mid];
        }
        if (order > 0) {
            low = mid + 1U;
        } else {
            high = mid;
        }
    }
    return LM_NONE;
}

/* The pieces of the characters and bytes from start to end; gives their number. */
LM_FUNCTION int32_t lm_word_symbols(const lm_tokenizer *t, const lm_text *text, uint32_t start,
                                    uint32_t end, int32_t *out, int32_t max)
{
    int32_t count = 0;
    uint32_t i = start;
    while (i < end) {
        const uint32_t byte = lm_text_byte(text, i);
        uint32_t length = 1U;
        lm_id id = LM_NONE;
        if (byte >= 0x80U) {
            id = lm_find_char(t, lm_text_char(text, i, &length));
        }
        if (id == LM_NONE) { /* the bytes that follow in this character come here one by one */
            id = t->byte_id[byte];
            length = 1U;
        }
        i += length;
        if (id != LM_NONE) {
            if (count == max) {
                return LM_E_SPACE;
            }
            out[count++] = (int32_t)id;
        }
    }
    return count;
}

/* The number of the merge of two adjacent pieces, or LM_NONE. */
LM_FUNCTION lm_id lm_find_merge(const lm_tokenizer *t, int32_t left, int32_t right)
{
    uint32_t low = t->merge_first[left];
    uint32_t high = t->merge_first[left + 1];
    while (low < high) {
        const uint32_t mid = (low + high) >> 1;
        const uint32_t here = t->merge_right[mid];
        if (here == (uint32_t)right) {
            return (lm_id)mid;
        }
        if (here < (uint32_t)right) {
            low = mid + 1U;
        } else {
            high = mid;
        }
    }
    return LM_NONE;
}

/* Rank of an adjacent pair; LM_NONE, above every rank, when it does not merge. */
LM_INLINE lm_id lm_pair_rank(const lm_tokenizer *t, int32_t left, int32_t right)
{
    const lm_id m = lm_find_merge(t, left, right);
    return m == LM_NONE ? LM_NONE : t->merge_rank[m];
}

/* Merges the pairs of this rank from the left, while no merge makes a pair of a rank as low. */
LM_FUNCTION int32_t lm_merge_rank(const lm_tokenizer *t, int32_t *ids, int32_t n, lm_id rank)
{
    int32_t kept = 0;
    int32_t done = 0;
    for (int32_t i = 0; i < n; i++) {
        ids[kept++] = ids[i];
        if (!done && i + 1 < n) {
            const lm_id m = lm_find_merge(t, ids[kept - 1], ids[i + 1]);
            if (m != LM_NONE && t->merge_rank[m] == rank) {
                ids[kept - 1] = (int32_t)t->merge_result[m];
                i++;
                done = (kept > 1 && lm_pair_rank(t, ids[kept - 2], ids[kept - 1]) <= rank) ||
                       (i + 1 < n && lm_pair_rank(t, ids[kept - 1], ids[i + 1]) <= rank);
            }
        }
    }
    return kept;
}

LM_FUNCTION int32_t lm_merge_word(const lm_tokenizer *t, int32_t *ids, int32_t n)
{
    for (;;) {
        lm_id best = LM_NONE;
        for (int32_t i = 0; i + 1 < n; i++) {
            const lm_id rank = lm_pair_rank(t, ids[i], ids[i + 1]);
            best = rank < best ? rank : best;
        }
        if (best == LM_NONE) {
            return n;
        }
        n = lm_merge_rank(t, ids, n, best);
    }
}

LM_INLINE int32_t lm_encode_word(const lm_tokenizer *t, const lm_text *text, uint32_t start,
                                 uint32_t end, int32_t *out, int32_t max)
{
    const lm_id whole = t->n_words > 0U ? lm_find_word(t, text, start, end) : LM_NONE;
    int32_t n;
    if (whole != LM_NONE && max > 0) {
        out[0] = (int32_t)whole;
        return 1;
    }
    n = lm_word_symbols(t, text, start, end, out, max);
    return n < 0 ? n : lm_merge_word(t, out, n);
}

/* Tokens of utf8 (n) to out (max); gives their number. The symbols of a word stand in `out` before
 * they are merged: n + 2 entries are always enough. */
LM_FUNCTION int32_t lm_encode(const lm_tokenizer *t, const char *utf8, uint32_t n, int32_t *out,
                              int32_t max)
{
    int32_t count = 0;
    uint32_t start = 0;
    lm_text text;
    if (t == NULL || out == NULL || max < 0 || (utf8 == NULL && n > 0U) || n > 0x7ffffffdU) {
        return LM_E_ARGUMENT;
    }
    text.bytes = (const uint8_t *)utf8;
    text.prefix = t->add_prefix != 0U && n > 0U && !(t->prefix_once != 0U && utf8[0] == ' ');
    text.n = n + text.prefix;
    if (t->add_bos != 0U) {
        if (max == 0) {
            return LM_E_SPACE;
        }
        out[count++] = t->bos;
    }
    while (start < text.n) {
        const uint32_t end = t->word_end == NULL ? text.n : t->word_end(&text, start);
        const int32_t added = lm_encode_word(t, &text, start, end, out + count, max - count);
        if (added < 0) {
            return added;
        }
        count += added;
        start = end;
    }
    return count;
}

#endif
