/* BERT's way: characters are cleaned, folded and classed by tables, words end at white space and
 * around punctuation and CJK characters, and a word is cut from its left into the longest pieces
 * that there are, or is unknown as a whole (Devlin et al. 2019). A piece that begins a word is
 * stored with a space before it, one that goes on is not.
 * Needs lm_tokenizer.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_BERT_H
#define LM_BERT_H

#ifndef LM_BERT_CHARS
#define LM_BERT_CHARS 100 /* room for a word */
#endif

#define LM_BERT_WORD 0
#define LM_BERT_DROP 1  /* is not there */
#define LM_BERT_SPACE 2 /* ends a word */
#define LM_BERT_ALONE 3 /* is one */

typedef struct lm_bert {
    const uint16_t *range_plane; /* 18: where the ranges of a plane begin */
    const uint16_t *range_start; /* low 16 bits of a range's first code point, ascending */
    const uint16_t *range_size;  /* (length - 1) * 4 + class; outside of all is LM_BERT_WORD */
    const uint16_t *map_plane;   /* 18, likewise; NULL: there is no map */
    const uint16_t *map_code;    /* low 16 bits of characters that others stand for, ascending */
    const uint16_t *map_start;   /* where those others begin */
    const uint8_t *map_bytes;    /* in UTF-8 */
    uint32_t most_chars;         /* of a word that may be known, LM_BERT_CHARS at most */
    uint8_t hangul;              /* syllables are taken apart */
} lm_bert;

/* The character at i, a malformed byte as U+FFFD; its class. */
LM_FUNCTION uint32_t lm_bert_class(const lm_bert *b, lm_text *text, uint32_t i, uint32_t *code,
                                   uint32_t *length)
{
    uint32_t range;
    *code = lm_text_char(text, i, length);
    *code = *code == LM_BAD_CHAR ? 0xFFFDU : *code;
    range = lm_find_code(b->range_plane, b->range_start, *code);
    if (range == 0U || (*code & 0xffffU) - b->range_start[range - 1U] >
                           (uint32_t)(b->range_size[range - 1U] >> 2)) {
        return LM_BERT_WORD;
    }
    return b->range_size[range - 1U] & 3U;
}

/* A word_end of lm_tokenizer: what separates words is a word too, of no tokens. */
LM_FUNCTION uint32_t lm_word_bert(const struct lm_tokenizer *t, lm_text *text, uint32_t start)
{
    uint32_t code, length;
    uint32_t kind = lm_bert_class(t->bert, text, start, &code, &length);
    uint32_t i = start + length;
    if (kind != LM_BERT_WORD) {
        return i;
    }
    while (lm_text_has(text, i)) {
        kind = lm_bert_class(t->bert, text, i, &code, &length);
        if (kind != LM_BERT_WORD && kind != LM_BERT_DROP) {
            break;
        }
        i += length;
    }
    return i;
}

/* A Hangul syllable as its letters (Unicode, chapter 3.12); division by 28 and 588 is repeated
 * subtraction of powers of two of them. */
LM_FUNCTION uint32_t lm_put_hangul(uint32_t index, uint8_t *out)
{
    uint32_t lead = 0;
    uint32_t vowel = 0;
    uint32_t n;
    for (uint32_t bit = 16; bit > 0U; bit >>= 1) {
        if (index >= 588U * bit) {
            index -= 588U * bit;
            lead += bit;
        }
    }
    for (uint32_t bit = 16; bit > 0U; bit >>= 1) {
        if (index >= 28U * bit) {
            index -= 28U * bit;
            vowel += bit;
        }
    }
    n = lm_put_utf8(0x1100U + lead, out);
    n += lm_put_utf8(0x1161U + vowel, out + n);
    return index == 0U ? n : n + lm_put_utf8(0x11A7U + index, out + n);
}

/* What a character becomes, to out (12 bytes); gives its bytes. */
LM_FUNCTION uint32_t lm_bert_fold(const lm_bert *b, uint32_t code, uint8_t *out)
{
    if (b->hangul != 0U && code >= 0xAC00U && code <= 0xD7A3U) {
        return lm_put_hangul(code - 0xAC00U, out);
    }
    if (b->map_plane != NULL) {
        const uint32_t i = lm_find_code(b->map_plane, b->map_code, code);
        if (i > 0U && b->map_code[i - 1U] == (code & 0xffffU)) {
            const uint32_t from = b->map_start[i - 1U];
            const uint32_t n = b->map_start[i] - from;
            memcpy(out, b->map_bytes + from, n);
            return n;
        }
    }
    return lm_put_utf8(code, out);
}

/* The word's characters as the pieces spell them, with a space in front; 0 where there are too many
 * of them for a word to be known. */
LM_FUNCTION uint32_t lm_bert_normalize(const lm_bert *b, lm_text *text, uint32_t start,
                                       uint32_t end, uint8_t *word)
{
    uint32_t n = 1;
    uint32_t chars = 0;
    word[0] = ' ';
    for (uint32_t i = start; i < end;) {
        uint8_t folded[12];
        uint32_t code, length;
        const uint32_t kind = lm_bert_class(b, text, i, &code, &length);
        i += length;
        if (kind == LM_BERT_WORD || kind == LM_BERT_ALONE) {
            const uint32_t k = lm_bert_fold(b, code, folded);
            for (uint32_t j = 0; j < k; j++) {
                chars += (folded[j] & 0xC0U) != 0x80U ? 1U : 0U;
                if (chars > b->most_chars) {
                    return 0;
                }
                word[n++] = folded[j];
            }
        }
    }
    return n;
}

/* The longest piece of word[from, n): its end, and its token in *id; `from` when there is none. */
LM_FUNCTION uint32_t lm_longest_piece(const lm_tokenizer *t, const uint8_t *word, uint32_t from,
                                      uint32_t n, lm_id *id)
{
    lm_walk walk = {0, 0, 0};
    uint32_t end = from;
    walk.high = t->n_words;
    for (uint32_t i = from; i < n && lm_walk_on(t, t->word_piece, &walk, word[i]); i++) {
        if (lm_walk_ends(t, t->word_piece, &walk)) {
            *id = t->word_id[walk.low];
            end = i + 1U;
        }
    }
    return end;
}

/* An encode_word of lm_tokenizer. */
LM_FUNCTION int32_t lm_bert_word(const lm_tokenizer *t, lm_text *text, uint32_t start, uint32_t end,
                                 int32_t *out, int32_t max)
{
    uint8_t word[4 * LM_BERT_CHARS + 1];
    uint32_t code, length;
    const uint32_t kind = lm_bert_class(t->bert, text, start, &code, &length);
    uint32_t n, next;
    int32_t count = 0;
    if (kind == LM_BERT_DROP || kind == LM_BERT_SPACE) {
        return 0;
    }
    if (max <= 0) {
        return LM_E_SPACE;
    }
    n = lm_bert_normalize(t->bert, text, start, end, word);
    for (uint32_t at = 0; at < n; at = next) {
        lm_id id = LM_NONE;
        next = lm_longest_piece(t, word, at, n, &id);
        if (next == at) {
            n = 0; /* a part that is no piece */
        } else {
            if (count == max) {
                return LM_E_SPACE;
            }
            out[count++] = (int32_t)id;
        }
    }
    if (n == 0U) {
        out[0] = t->unk;
        return 1;
    }
    return count;
}

#endif
