/* A charsmap as Hugging Face's `Precompiled` applies it: a grapheme cluster of fewer than six bytes
 * becomes, whole, what the shortest string that it begins with does; other clusters are mapped
 * character by character. A malformed byte stays what it is. Needs lm_grapheme.h, lm_charsmap.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_CLUSTER_H
#define LM_CLUSTER_H

#define LM_CLUSTER_BYTES 6U

/* The shortest string that text[i, end) begins with: what it becomes; 0: there is none. */
LM_FUNCTION int32_t lm_cluster_begin(const lm_charsmap *m, lm_text *text, uint32_t i, uint32_t end,
                                     lm_mapped *to)
{
    uint32_t length;
    uint32_t code = lm_text_char(text, i, &length);
    const uint32_t known = lm_find_exact(m->map_plane, m->map_code, code);
    const uint32_t opens = lm_find_exact(m->open_plane, m->open_code, code);
    uint32_t state = opens != 0U ? m->open_state[opens - 1U] : LM_NO_STATE;
    if (known != 0U) {
        lm_charsmap_take(m, known - 1U, to);
        return 1;
    }
    for (i += length; i < end && state != LM_NO_STATE; i += length) {
        const uint32_t edge = lm_charsmap_edge(m, state, lm_text_char(text, i, &length));
        if (edge == 0U) {
            return 0;
        }
        if (m->edge_text[edge - 1U] != LM_NO_STATE) {
            lm_charsmap_take(m, m->edge_text[edge - 1U], to);
            return 1;
        }
        state = m->edge_state[edge - 1U];
    }
    return 0;
}

/* A lm_charsmap_step. */
LM_FUNCTION uint32_t lm_cluster_at(const lm_charsmap *m, lm_text *text, uint32_t i, lm_mapped *to)
{
    uint32_t length, code, known;
    if (i >= to->whole) {
        to->whole = lm_grapheme_end(text, i);
        if (to->whole - i < LM_CLUSTER_BYTES && lm_cluster_begin(m, text, i, to->whole, to)) {
            return to->whole;
        }
    }
    code = lm_text_char(text, i, &length);
    known = lm_find_exact(m->map_plane, m->map_code, code);
    to->bytes = text->bytes + i;
    to->n = length;
    if (known != 0U) {
        lm_charsmap_take(m, known - 1U, to);
    } else if ((m->squeeze & LM_SQUEEZE_SPLIT) != 0U && code != LM_BAD_CHAR && lm_is_space(code)) {
        to->made[0] = (uint8_t)' ';
        to->bytes = to->made;
        to->n = 1U;
    }
    return i + length;
}

#endif
