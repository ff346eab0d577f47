/* Words of text by the patterns of byte-level tokenizers, matched again and again from where the
 * last match ended. GPT-2's, also with every number character a word of its own:
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * Llama 3's, where 1,3 is 1 for Qwen 2:
 *   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
 *    ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * A malformed byte is a character that is neither space, letter nor number.
 * Needs lm_text.h, lm_unicode.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_WORDS_H
#define LM_WORDS_H

/* Class of the character at i, and its number of bytes. */
LM_FUNCTION int32_t lm_text_class(lm_text *text, uint32_t i, uint32_t *length)
{
    return lm_class(lm_text_char(text, i, length));
}

/* A lower-case letter where `fold`; U+017F, the long s, has no other letter's case but s. */
LM_INLINE uint32_t lm_contraction_letter(uint32_t c, int32_t fold)
{
    return fold && c >= 'A' && c <= 'Z' ? c + 32U : c;
}

/* Bytes of the contraction at i; 0 when there is none. */
LM_FUNCTION uint32_t lm_contraction(lm_text *text, uint32_t i, int32_t fold)
{
    uint32_t a, b;
    if (lm_text_byte(text, i) != (uint32_t)'\'' || !lm_text_has(text, i + 1U)) {
        return 0U;
    }
    a = lm_contraction_letter(lm_text_byte(text, i + 1U), fold);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') {
        return 2U;
    }
    if ((a != 'r' && a != 'v' && a != 'l' && a != 0xC5U) || !lm_text_has(text, i + 2U)) {
        return 0U;
    }
    b = lm_text_byte(text, i + 2U);
    if (a == 0xC5U) {
        return fold && b == 0xBFU ? 3U : 0U;
    }
    return lm_contraction_letter(b, fold) == (a == 'l' ? 'l' : 'e') ? 3U : 0U;
}

/* Where a run of characters of one class ends, and where its last one is. */
LM_FUNCTION uint32_t lm_run_end(lm_text *text, uint32_t i, uint32_t *last)
{
    uint32_t length = 0;
    const int32_t kind = lm_text_class(text, i, &length);
    int32_t same = 1;
    while (same) {
        *last = i;
        i += length;
        same = lm_text_has(text, i) && lm_text_class(text, i, &length) == kind;
    }
    return i;
}

/* Of several spaces before a word, the last one is left to it. */
LM_INLINE uint32_t lm_spaces_end(lm_text *text, uint32_t start, uint32_t end, uint32_t last)
{
    return lm_text_has(text, end) && last > start ? last : end;
}

LM_FUNCTION uint32_t lm_word_of_gpt2(lm_text *text, uint32_t start, int32_t alone)
{
    const uint32_t contraction = lm_contraction(text, start, 0);
    uint32_t length = 1U;
    uint32_t first = start; /* past the one space that may precede a word */
    uint32_t end, last;
    int32_t kind = lm_text_class(text, start, &length);
    if (contraction > 0U) {
        return start + contraction;
    }
    if (alone && kind == LM_CLASS_NUMBER) {
        return start + length;
    }
    if (lm_text_byte(text, start) == (uint32_t)' ' && lm_text_has(text, start + 1U)) {
        const int32_t next = lm_text_class(text, start + 1U, &length);
        if (next != LM_CLASS_SPACE && !(alone && next == LM_CLASS_NUMBER)) {
            first = start + 1U;
            kind = next;
        }
    }
    end = lm_run_end(text, first, &last);
    if (kind != LM_CLASS_SPACE) {
        return end;
    }
    if (alone && lm_text_has(text, end) && lm_text_class(text, end, &length) == LM_CLASS_NUMBER) {
        return end;
    }
    return lm_spaces_end(text, start, end, last);
}

LM_FUNCTION uint32_t lm_word_gpt2(const struct lm_tokenizer *t, lm_text *text, uint32_t start)
{
    (void)t;
    return lm_word_of_gpt2(text, start, 0);
}

/* Numbers are cut out first, character by character. */
LM_FUNCTION uint32_t lm_word_digits(const struct lm_tokenizer *t, lm_text *text, uint32_t start)
{
    (void)t;
    return lm_word_of_gpt2(text, start, 1);
}

LM_INLINE int32_t lm_is_line_end(uint32_t byte)
{
    return byte == '\r' || byte == '\n';
}

/* White space up to and with its last line end, or as in GPT-2's pattern. */
LM_FUNCTION uint32_t lm_white_end(lm_text *text, uint32_t start)
{
    uint32_t last;
    const uint32_t end = lm_run_end(text, start, &last);
    for (uint32_t i = end; i > start; i--) {
        if (lm_is_line_end(lm_text_byte(text, i - 1U))) {
            return i;
        }
    }
    return lm_spaces_end(text, start, end, last);
}

/* At most `most` numbers. */
LM_INLINE uint32_t lm_numbers_end(lm_text *text, uint32_t i, int32_t most)
{
    uint32_t length;
    for (int32_t n = 0; n < most; n++) {
        if (!lm_text_has(text, i) || lm_text_class(text, i, &length) != LM_CLASS_NUMBER) {
            break;
        }
        i += length;
    }
    return i;
}

LM_FUNCTION uint32_t lm_word_of_llama3(lm_text *text, uint32_t start, int32_t most)
{
    const uint32_t contraction = lm_contraction(text, start, 1);
    uint32_t length, last;
    const uint32_t byte = lm_text_byte(text, start);
    int32_t kind = lm_text_class(text, start, &length);
    uint32_t first = start;
    if (contraction > 0U) {
        return start + contraction;
    }
    if (kind == LM_CLASS_NUMBER) {
        return lm_numbers_end(text, start, most);
    }
    if (kind != LM_CLASS_LETTER && !lm_is_line_end(byte) && lm_text_has(text, start + length)) {
        uint32_t next;
        const int32_t after = lm_text_class(text, start + length, &next);
        if (after == LM_CLASS_LETTER || (byte == ' ' && after == LM_CLASS_OTHER)) {
            first = start + length;
            kind = after;
        }
    }
    if (kind == LM_CLASS_SPACE) {
        return lm_white_end(text, start);
    }
    first = lm_run_end(text, first, &last);
    while (kind == LM_CLASS_OTHER && lm_text_has(text, first) &&
           lm_is_line_end(lm_text_byte(text, first))) {
        first++;
    }
    return first;
}

LM_FUNCTION uint32_t lm_word_llama3(const struct lm_tokenizer *t, lm_text *text, uint32_t start)
{
    (void)t;
    return lm_word_of_llama3(text, start, 3);
}

LM_FUNCTION uint32_t lm_word_qwen2(const struct lm_tokenizer *t, lm_text *text, uint32_t start)
{
    (void)t;
    return lm_word_of_llama3(text, start, 1);
}

#endif
