/* Text as an encoder reads it: a space that may be put in front, then bytes, and whether more may
 * follow. A reader that looks past the end says so, which is how text that arrives in parts is cut
 * as the whole would be. Needs lm_port.h, lm_utf8.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_TEXT_H
#define LM_TEXT_H

#define LM_BAD_CHAR 0xffffffffU
#define LM_SPACE_MARK 0x2581U /* how SentencePiece writes a space */

/* `prefix` spaces (0 or 1), then bytes; n counts both. */
typedef struct lm_text {
    const uint8_t *bytes;
    uint32_t prefix, n;
    uint8_t asked;  /* somebody wanted to know what is at n: more text may change the answer */
    uint8_t normal; /* it is normalized: LM_ADDED_NORMAL, else 0 */
} lm_text;

struct lm_tokenizer;

/* White_Space of Unicode. */
LM_INLINE int32_t lm_is_space(uint32_t code)
{
    if (code < 0x1680U) {
        return code == 0x20U || (code >= 9U && code <= 13U) || code == 0x85U || code == 0xA0U;
    }
    return code == 0x1680U || (code >= 0x2000U && code <= 0x200AU) || code == 0x2028U ||
           code == 0x2029U || code == 0x202FU || code == 0x205FU || code == 0x3000U;
}

LM_INLINE uint32_t lm_text_byte(const lm_text *text, uint32_t i)
{
    return i < text->prefix ? (uint32_t)' ' : text->bytes[i - text->prefix];
}

/* Whether there is a byte at i. */
LM_INLINE int32_t lm_text_has(lm_text *text, uint32_t i)
{
    if (i < text->n) {
        return 1;
    }
    text->asked = 1;
    return 0;
}

/* The character at i and its number of bytes; a malformed byte is one LM_BAD_CHAR. */
LM_FUNCTION uint32_t lm_text_char(lm_text *text, uint32_t i, uint32_t *length)
{
    const uint32_t lead = lm_text_byte(text, i);
    const uint32_t n = lm_utf8_length(lead);
    uint32_t code = n == 1U ? lead : lead & (0x7fU >> n);
    *length = 1U;
    if (n == 0U) {
        return LM_BAD_CHAR;
    }
    for (uint32_t k = 1U; k < n; k++) {
        uint32_t byte;
        if (!lm_text_has(text, i + k)) {
            return LM_BAD_CHAR;
        }
        byte = lm_text_byte(text, i + k);
        if (!lm_utf8_follows(lead, k, byte)) {
            return LM_BAD_CHAR;
        }
        code = (code << 6) | (byte & 0x3fU);
    }
    *length = n;
    return code;
}

/* The last of start[plane[p] .. plane[p + 1]) that is not above the code point; its index + 1. */
LM_FUNCTION uint32_t lm_find_code(const uint16_t *plane, const uint16_t *start, uint32_t code)
{
    const uint32_t first = plane[code >> 16];
    uint32_t low = first;
    uint32_t high = plane[(code >> 16) + 1U];
    while (low < high) {
        const uint32_t mid = (low + high) >> 1;
        if (start[mid] <= (code & 0xffffU)) {
            low = mid + 1U;
        } else {
            high = mid;
        }
    }
    return low == first ? 0U : low;
}

/* Hangul (Unicode, chapter 3.12): v / 28 and what is left; no core need have a division. */
LM_FUNCTION uint32_t lm_divide_28(uint32_t v, uint32_t *left)
{
    uint32_t n = 0;
    for (uint32_t bit = 512U; bit > 0U; bit >>= 1) {
        if (v >= 28U * bit) {
            v -= 28U * bit;
            n += bit;
        }
    }
    *left = v;
    return n;
}

/* Bytes of the space at i, spelled either way; 0 when there is something else. */
LM_FUNCTION uint32_t lm_text_space(lm_text *text, uint32_t i)
{
    uint32_t length;
    if (lm_text_byte(text, i) == (uint32_t)' ') {
        return 1U;
    }
    return lm_text_byte(text, i) == 0xE2U && lm_text_char(text, i, &length) == LM_SPACE_MARK ? 3U
                                                                                             : 0U;
}

/* Where no merge has a space on its right but after a space, text may be cut before each space
 * that follows something else: the result is the same, the work and room are a word's. */
LM_FUNCTION uint32_t lm_word_space(const struct lm_tokenizer *t, lm_text *text, uint32_t start)
{
    uint32_t i = start;
    uint32_t space;
    (void)t;
    do {
        space = lm_text_space(text, i);
        i += space > 0U ? space : 1U;
    } while (lm_text_has(text, i) && (lm_text_byte(text, i) != (uint32_t)' ' || space > 0U));
    return i;
}

/* A word for each space, which is its first character. */
LM_FUNCTION uint32_t lm_word_each_space(const struct lm_tokenizer *t, lm_text *text, uint32_t start)
{
    const uint32_t length = lm_text_space(text, start);
    uint32_t i = start + (length == 0U ? 1U : length);
    (void)t;
    while (lm_text_has(text, i) && lm_text_space(text, i) == 0U) {
        i++;
    }
    return i;
}

/* The text is one word. */
LM_FUNCTION uint32_t lm_word_all(const struct lm_tokenizer *t, lm_text *text, uint32_t start)
{
    (void)t;
    (void)start;
    text->asked = 1;
    return text->n;
}

#endif
