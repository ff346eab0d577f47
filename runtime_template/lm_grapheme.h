/* Where grapheme clusters end, what readers take for one character: the extended ones of UAX #29.
 * A malformed byte is one by itself. Needs lm_text.h, lm_grapheme_table.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_GRAPHEME_H
#define LM_GRAPHEME_H

/* What has been seen of a cluster. */
typedef struct lm_grapheme {
    uint32_t last;     /* LM_GRAPHEME_ of the last character; a syllable is as its last letter */
    uint32_t flags;    /* regional indicators: 1 when an odd number of them end it */
    uint32_t picture;  /* 1: a picture and what extends it, 2: and a joiner */
    uint32_t conjunct; /* 1: a consonant and what extends it, 2: and a linker */
} lm_grapheme;

LM_FUNCTION uint32_t lm_grapheme_kind(uint32_t code)
{
    uint32_t i;
    if (code == LM_BAD_CHAR) {
        return LM_GRAPHEME_CONTROL;
    }
    i = lm_find_code(lm_grapheme_plane, lm_grapheme_start, code);
    return i == 0U || (code & 0xffffU) - lm_grapheme_start[i - 1U] >
                          (uint32_t)(lm_grapheme_size[i - 1U] >> 4)
               ? LM_GRAPHEME_OTHER
               : lm_grapheme_size[i - 1U] & 15U;
}

LM_INLINE int32_t lm_is_syllable(uint32_t code)
{
    return code >= 0xAC00U && code <= 0xD7A3U;
}

/* Whether the character, of this kind, extends what is before it. */
LM_INLINE int32_t lm_grapheme_extends(uint32_t kind)
{
    return (kind >= LM_GRAPHEME_EXTEND && kind <= LM_GRAPHEME_SPACING) ||
           kind == LM_GRAPHEME_LINKER || kind == LM_GRAPHEME_APART;
}

/* Whether a character goes on with the cluster. */
LM_FUNCTION int32_t lm_grapheme_joins(const lm_grapheme *g, uint32_t code, uint32_t kind)
{
    const uint32_t last = g->last;
    if (last >= LM_GRAPHEME_CONTROL && last <= LM_GRAPHEME_LF) {
        return last == LM_GRAPHEME_CR && kind == LM_GRAPHEME_LF;
    }
    if (kind >= LM_GRAPHEME_CONTROL && kind <= LM_GRAPHEME_LF) {
        return 0;
    }
    if (lm_grapheme_extends(kind) || last == LM_GRAPHEME_PREPEND) {
        return 1;
    }
    if (last == LM_GRAPHEME_L) {
        return kind == LM_GRAPHEME_L || kind == LM_GRAPHEME_V || lm_is_syllable(code);
    }
    if (last == LM_GRAPHEME_V || last == LM_GRAPHEME_T) {
        return kind == LM_GRAPHEME_T || (kind == LM_GRAPHEME_V && last == LM_GRAPHEME_V);
    }
    return (kind == LM_GRAPHEME_PICTURE && g->picture == 2U) ||
           (kind == LM_GRAPHEME_CONSONANT && g->conjunct == 2U) ||
           (kind == LM_GRAPHEME_REGIONAL && g->flags == 1U);
}

LM_FUNCTION void lm_grapheme_take(lm_grapheme *g, uint32_t code, uint32_t kind)
{
    const int32_t extends =
        kind == LM_GRAPHEME_EXTEND || kind == LM_GRAPHEME_LINKER || kind == LM_GRAPHEME_APART;
    uint32_t tail = 0;
    g->flags = kind == LM_GRAPHEME_REGIONAL ? 1U - g->flags : 0U;
    if (kind == LM_GRAPHEME_PICTURE) {
        g->picture = 1U;
    } else if (kind == LM_GRAPHEME_ZWJ && g->picture == 1U) {
        g->picture = 2U;
    } else if (!extends || g->picture != 1U) {
        g->picture = 0U;
    }
    if (kind == LM_GRAPHEME_CONSONANT) {
        g->conjunct = 1U;
    } else if (kind == LM_GRAPHEME_LINKER && g->conjunct != 0U) {
        g->conjunct = 2U;
    } else if (kind != LM_GRAPHEME_EXTEND && kind != LM_GRAPHEME_ZWJ) {
        g->conjunct = 0U;
    }
    g->last = kind;
    if (lm_is_syllable(code)) {
        (void)lm_divide_28(code - 0xAC00U, &tail);
        g->last = tail == 0U ? LM_GRAPHEME_V : LM_GRAPHEME_T;
    }
}

/* Where the cluster at i ends. */
LM_FUNCTION uint32_t lm_grapheme_end(lm_text *text, uint32_t i)
{
    lm_grapheme g = {0, 0, 0, 0};
    uint32_t length;
    uint32_t code = lm_text_char(text, i, &length);
    lm_grapheme_take(&g, code, lm_grapheme_kind(code));
    i += length;
    while (lm_text_has(text, i)) {
        uint32_t kind;
        code = lm_text_char(text, i, &length);
        kind = lm_grapheme_kind(code);
        if (!lm_grapheme_joins(&g, code, kind)) {
            break;
        }
        lm_grapheme_take(&g, code, kind);
        i += length;
    }
    return i;
}

#endif
