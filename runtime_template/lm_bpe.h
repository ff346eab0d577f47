/* Byte-pair encoding of a word. Each of its characters that is a piece becomes that piece, any
 * other character, and each malformed byte, becomes the pieces of its bytes. Then the adjacent pair
 * of the lowest rank, the leftmost of several, is replaced by what it merges to, until no pair
 * merges (Sennrich et al. 2016). Control pieces are never made. Needs lm_tokenizer.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_BPE_H
#define LM_BPE_H

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

/* The piece that is the whole text from start to end, or LM_NONE. */
LM_FUNCTION lm_id lm_find_word(const lm_tokenizer *t, const lm_text *text, uint32_t start,
                               uint32_t end)
{
    lm_walk walk = {0, 0, 0};
    walk.high = t->n_words;
    for (uint32_t i = start; i < end; i++) {
        if (!lm_walk_on(t, t->word_piece, &walk, lm_text_byte(text, i))) {
            return LM_NONE;
        }
    }
    return lm_walk_ends(t, t->word_piece, &walk) ? t->word_id[walk.low] : LM_NONE;
}

/* The pieces of the characters and bytes from start to end; gives their number. */
LM_FUNCTION int32_t lm_word_symbols(const lm_tokenizer *t, lm_text *text, uint32_t start,
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

/* An encode_word of lm_tokenizer. */
LM_FUNCTION int32_t lm_bpe_word(const lm_tokenizer *t, lm_text *text, uint32_t start, uint32_t end,
                                int32_t *out, int32_t max)
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

#endif
