/* SentencePiece's normalizer: at each place the longest string that its table has becomes another
 * one, other characters stay, a malformed byte becomes U+FFFD; then runs of spaces may become one,
 * and those at both ends go. Strings are characters, or sequences of them, along which a tree of
 * states goes; those of Hangul letters need none. Needs lm_encode.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_CHARSMAP_H
#define LM_CHARSMAP_H

#define LM_NO_STATE 0xffffU

/* Spaces that are left out. */
#define LM_SQUEEZE_RUNS 1U   /* but the first of several */
#define LM_SQUEEZE_FIRST 2U  /* where a text begins */
#define LM_SQUEEZE_LAST 4U   /* where it ends, those spelled U+2581 too */
#define LM_SQUEEZE_WHITE 8U  /* where it ends, white space of any kind */
#define LM_SQUEEZE_SPLIT 16U /* white space that nothing else became of is a space everywhere */

struct lm_charsmap;
struct lm_mapped;

/* What the text at i becomes; gives where that text ends. */
typedef uint32_t (*lm_charsmap_step)(const struct lm_charsmap *m, lm_text *text, uint32_t i,
                                     struct lm_mapped *to);

typedef struct lm_charsmap {
    const uint16_t *map_plane; /* 18: where characters of a plane begin that become something else;
                                  NULL: none do */
    const uint16_t *map_code;  /* low 16 bits of them, ascending */
    const uint16_t
        *map_start;           /* where begins in map_bytes what each becomes, then what sequences */
    const uint8_t *map_bytes; /* become, in UTF-8 */
    const uint16_t *open_plane; /* likewise: characters that begin a sequence; NULL: none do */
    const uint16_t *open_code;
    const uint16_t *open_state; /* what comes after each */
    const uint16_t *join_plane; /* characters that go on with one */
    const uint16_t *join_code;
    const uint16_t *edge_first; /* of each state, one more at the end: where its edges begin */
    const uint16_t *edge_join;  /* of join_code, ascending within a state */
    const uint16_t *edge_text;  /* of map_start: what the sequence becomes; LM_NO_STATE: no string
                                   ends here */
    const uint16_t *edge_state; /* LM_NO_STATE: none goes on */
    lm_charsmap_step step;
    uint8_t hangul;  /* Hangul letters become syllables */
    uint8_t squeeze; /* LM_SQUEEZE_ */
} lm_charsmap;

/* What bytes of a text become. */
typedef struct lm_mapped {
    const uint8_t *bytes;
    uint32_t n;
    uint32_t whole;  /* where text that is not settled in parts ends, of which this is one */
    uint8_t made[4]; /* room for what is in no table */
} lm_mapped;

/* The number of a character in a table, from 1 on; 0: it is not there. */
LM_FUNCTION uint32_t lm_find_exact(const uint16_t *plane, const uint16_t *codes, uint32_t code)
{
    const uint32_t i = plane == NULL || code == LM_BAD_CHAR ? 0U : lm_find_code(plane, codes, code);
    return i != 0U && codes[i - 1U] == (code & 0xffffU) ? i : 0U;
}

LM_INLINE void lm_charsmap_take(const lm_charsmap *m, uint32_t text, lm_mapped *to)
{
    to->bytes = m->map_bytes + m->map_start[text];
    to->n = (uint32_t)m->map_start[text + 1U] - m->map_start[text];
}

/* The character that one becomes, which may be itself; 0 where it becomes another string. */
LM_FUNCTION uint32_t lm_charsmap_letter(const lm_charsmap *m, uint32_t code)
{
    const uint32_t k = lm_find_exact(m->map_plane, m->map_code, code);
    lm_text text = {NULL, 0, 0, 0, 0};
    lm_mapped to = {NULL, 0, 0, {0, 0, 0, 0}};
    uint32_t length = 0;
    if (k == 0U) {
        return code;
    }
    lm_charsmap_take(m, k - 1U, &to);
    text.bytes = to.bytes;
    text.n = to.n;
    code = to.n > 0U ? lm_text_char(&text, 0, &length) : 0U;
    return length == to.n ? code : 0U;
}

/* The letter at i of the text, or 0. */
LM_INLINE uint32_t lm_charsmap_next(const lm_charsmap *m, lm_text *text, uint32_t i,
                                    uint32_t *length)
{
    return lm_text_has(text, i) ? lm_charsmap_letter(m, lm_text_char(text, i, length)) : 0U;
}

/* A syllable of the letters at i, of which the first is known and ends at `end`; gives where it
 * ends, or `end` where there is none. (Unicode, chapter 3.12) */
LM_FUNCTION uint32_t lm_charsmap_hangul(const lm_charsmap *m, lm_text *text, uint32_t first,
                                        uint32_t end, lm_mapped *to)
{
    uint32_t length = 0;
    uint32_t code;
    uint32_t next =
        first >= 0x1100U && first <= 0x1112U ? lm_charsmap_next(m, text, end, &length) : 0U;
    if (next < 0x1161U || next > 0x1175U) {
        return end;
    }
    end += length;
    code = 0xAC00U + ((first - 0x1100U) * 21U + (next - 0x1161U)) * 28U;
    next = lm_charsmap_next(m, text, end, &length);
    if (next > 0x11A7U && next <= 0x11C2U) {
        end += length;
        code += next - 0x11A7U;
    }
    to->bytes = to->made;
    to->n = lm_put_utf8(code, to->made);
    return end;
}

/* The edge of a state for a character, from 1 on; 0: none. */
LM_FUNCTION uint32_t lm_charsmap_edge(const lm_charsmap *m, uint32_t state, uint32_t code)
{
    const uint32_t join = lm_find_exact(m->join_plane, m->join_code, code);
    uint32_t low = m->edge_first[state];
    uint32_t high = m->edge_first[state + 1U];
    const uint32_t past = high;
    while (join != 0U && low < high) {
        const uint32_t mid = (low + high) >> 1;
        if (m->edge_join[mid] < join - 1U) {
            low = mid + 1U;
        } else {
            high = mid;
        }
    }
    return join != 0U && low < past && m->edge_join[low] == join - 1U ? low + 1U : 0U;
}

/* A lm_charsmap_step: the longest string at i. */
LM_FUNCTION uint32_t lm_charsmap_at(const lm_charsmap *m, lm_text *text, uint32_t i, lm_mapped *to)
{
    static const uint8_t malformed[3] = {0xEFU, 0xBFU, 0xBDU};
    uint32_t length, at, end;
    uint32_t code = lm_text_char(text, i, &length);
    const uint32_t known = lm_find_exact(m->map_plane, m->map_code, code);
    const uint32_t opens = lm_find_exact(m->open_plane, m->open_code, code);
    uint32_t state = opens != 0U ? m->open_state[opens - 1U] : LM_NO_STATE;
    to->bytes = code == LM_BAD_CHAR ? malformed : text->bytes + i;
    to->n = code == LM_BAD_CHAR ? 3U : length;
    if (known != 0U) {
        lm_charsmap_take(m, known - 1U, to);
    }
    end = i + length;
    if (m->hangul != 0U && code >= 0x1100U) {
        end = lm_charsmap_hangul(m, text, lm_charsmap_letter(m, code), end, to);
    }
    for (at = end; state != LM_NO_STATE && lm_text_has(text, at);) {
        uint32_t edge;
        code = lm_text_char(text, at, &length);
        edge = lm_charsmap_edge(m, state, code);
        if (edge == 0U) {
            break;
        }
        at += length;
        if (m->edge_text[edge - 1U] != LM_NO_STATE) {
            lm_charsmap_take(m, m->edge_text[edge - 1U], to);
            end = at;
        }
        state = m->edge_state[edge - 1U];
    }
    return end;
}

/* Bytes of the last character (n in all) where it is a space to such a charsmap, else 0. */
LM_FUNCTION uint32_t lm_space_before(const lm_charsmap *m, const uint8_t *bytes, uint32_t n)
{
    lm_text text = {NULL, 0, 0, 0, 0};
    uint32_t length = 1;
    uint32_t code;
    while (length < n && length < 4U && (bytes[n - length] & 0xC0U) == 0x80U) {
        length++;
    }
    if (n == 0U) {
        return 0U;
    }
    text.n = length;
    text.bytes = bytes + (n - length);
    code = lm_text_char(&text, 0, &length);
    return length == text.n && (code == 0x20U ||
                                (code == LM_SPACE_MARK && (m->squeeze & LM_SQUEEZE_LAST) != 0U) ||
                                ((m->squeeze & LM_SQUEEZE_WHITE) != 0U && code != LM_BAD_CHAR &&
                                 lm_is_space(code)))
               ? length
               : 0U;
}

/* A step without the spaces in front of what it gives, where one stands before. */
LM_FUNCTION uint32_t lm_charsmap_pass(const lm_charsmap *m, lm_text *text, uint32_t i,
                                      int32_t space, lm_mapped *to)
{
    text->asked = 0;
    i = m->step(m, text, i, to);
    while (space && to->n > 0U && to->bytes[0] == (uint8_t)' ') {
        to->bytes++;
        to->n--;
    }
    return i;
}

/* A lm_normalizer. With `squeeze` text is settled where no space ends it. */
LM_FUNCTION int32_t lm_charsmap_text(const lm_tokenizer *t, lm_text *text, uint32_t before,
                                     int32_t open, uint32_t most, uint32_t *at, int32_t *out,
                                     int32_t max)
{
    const lm_charsmap *m = t->charsmap;
    uint8_t *bytes = (uint8_t *)out;
    uint32_t n = 0;
    uint32_t kept = 0;
    int32_t space = (m->squeeze & LM_SQUEEZE_FIRST) != 0U && (before & LM_INSIDE_TEXT) == 0U;
    lm_mapped to = {NULL, 0, 0, {0, 0, 0, 0}};
    uint32_t i = 0;
    *at = 0;
    while (i < text->n) {
        i = lm_charsmap_pass(m, text, i, space, &to);
        if (open && (text->asked != 0U || to.n > most - n)) {
            break;
        }
        if (to.n > most - n || (n + to.n + 3U) >> 2 > (uint32_t)max) {
            return LM_E_SPACE;
        }
        for (uint32_t k = 0; k < to.n; k++) {
            bytes[n++] = to.bytes[k];
        }
        if (to.n > 0U) {
            space = (m->squeeze & LM_SQUEEZE_RUNS) != 0U && to.bytes[to.n - 1U] == (uint8_t)' ';
        }
        if (i < to.whole) {
            continue;
        }
        if (n == 0U ? (before & LM_INSIDE_TOKENS) != 0U
                    : m->squeeze == 0U || lm_space_before(m, bytes, n) == 0U) {
            kept = n;
            *at = i;
        }
    }
    if (open) {
        return (int32_t)kept;
    }
    while ((m->squeeze & (LM_SQUEEZE_LAST | LM_SQUEEZE_WHITE)) != 0U &&
           lm_space_before(m, bytes, n) > 0U) {
        n -= lm_space_before(m, bytes, n);
    }
    *at = text->n;
    return (int32_t)n;
}

#endif
