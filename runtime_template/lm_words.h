/* Words of text by GPT-2's pattern, matched again and again from where the last match ended:
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * A malformed byte is a character that is neither space, letter nor number.
 * Needs lm_tokenizer.h, lm_unicode.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_WORDS_H
#define LM_WORDS_H

/* Class of the character at i, and its number of bytes. */
LM_FUNCTION int32_t lm_text_class(const lm_text *text, uint32_t i, uint32_t *length)
{
    return lm_class(lm_text_char(text, i, length));
}

/* Bytes of the contraction at i; 0 when there is none. */
LM_INLINE uint32_t lm_contraction(const lm_text *text, uint32_t i)
{
    uint32_t a, b;
    if (lm_text_byte(text, i) != (uint32_t)'\'' || text->n - i < 2U) {
        return 0U;
    }
    a = lm_text_byte(text, i + 1U);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') {
        return 2U;
    }
    if (text->n - i < 3U) {
        return 0U;
    }
    b = lm_text_byte(text, i + 2U);
    return ((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l') ? 3U : 0U;
}

/* Where the run of characters of one class that starts at i ends; *last: its last character. */
LM_INLINE uint32_t lm_run_end(const lm_text *text, uint32_t i, uint32_t *last)
{
    uint32_t length = 0;
    const int32_t kind = lm_text_class(text, i, &length);
    int32_t same = 1;
    while (same) {
        *last = i;
        i += length;
        same = i < text->n && lm_text_class(text, i, &length) == kind;
    }
    return i;
}

/* A word_end of lm_tokenizer. */
LM_FUNCTION uint32_t lm_word_gpt2(const lm_text *text, uint32_t start)
{
    const uint32_t contraction = lm_contraction(text, start);
    uint32_t length = 1U;
    uint32_t first = start; /* past the one space that may precede a word */
    uint32_t end, last;
    if (contraction > 0U) {
        return start + contraction;
    }
    if (lm_text_byte(text, start) == (uint32_t)' ' && text->n - start > 1U &&
        lm_text_class(text, start + 1U, &length) != LM_CLASS_SPACE) {
        first = start + 1U;
    }
    end = lm_run_end(text, first, &last);
    if (lm_text_class(text, first, &length) == LM_CLASS_SPACE && end < text->n && last > start) {
        return last; /* of several spaces before a word, the last one is left to it */
    }
    return end;
}

#endif
