/* Text to tokens. Added tokens are cut out first: of those that begin leftmost the longest. Before
 * each stretch of text between them there may go a space; it is cut into words, and each word is
 * encoded by itself. Text may come in parts: a word, or a token, is settled once nothing that could
 * follow changes it, and what is not settled yet is the caller's to keep.
 * Needs lm_tokenizer.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_ENCODE_H
#define LM_ENCODE_H

#define LM_INSIDE_TOKENS 1U /* tokens of the stretch were given */
#define LM_INSIDE_TEXT 2U   /* and some of its text is passed, the last of which is no space */

/* Where an encoding stands. All zero: at the beginning. */
typedef struct lm_progress {
    uint8_t begun;  /* bos was given */
    uint8_t inside; /* some of this stretch is encoded: no prefix goes there; bits LM_INSIDE_ */
    uint8_t later;  /* a token that was added stood before */
    uint8_t bare;   /* that one was looked for in text with its prefix */
    uint8_t skip;   /* and takes the white space that follows */
    uint32_t ahead; /* bytes of what the rest becomes that are encoded already (lm_normalized.h) */
} lm_progress;

/* An added token in a text, from start to end; white space that it takes counts. */
typedef struct lm_match {
    uint32_t start, end;
    uint32_t index; /* of added_id; n_added: none, and nothing is settled from start on */
} lm_match;

/* The longest added token at i, if any, of those that such text is searched for. With `marks`
 * U+2581 in the text is a space, as it is for tokens with LM_ADDED_PLAIN, and only these are found.
 */
LM_FUNCTION int32_t lm_match_at(const lm_tokenizer *t, lm_text *text, uint32_t i, int32_t marks,
                                lm_match *m)
{
    lm_walk walk = {0, 0, 0};
    int32_t found = 0;
    walk.high = t->n_added;
    while (walk.low < walk.high) {
        uint32_t mark;
        if (lm_walk_ends(t, t->added_piece, &walk) &&
            (t->added_flags[walk.low] & LM_ADDED_NORMAL) == text->normal &&
            (!marks || (t->added_flags[walk.low] & LM_ADDED_PLAIN) != 0U)) {
            m->end = i;
            m->index = walk.low;
            found = 1;
            if (walk.high - walk.low == 1U) {
                return 1; /* no longer one: what follows does not matter */
            }
        }
        if (!lm_text_has(text, i)) {
            return found;
        }
        mark = marks ? lm_text_space(text, i) : 0U;
        if (!lm_walk_on(t, t->added_piece, &walk,
                        mark > 0U ? (uint32_t)' ' : lm_text_byte(text, i))) {
            return found;
        }
        i += mark > 0U ? mark : 1U;
    }
    return found;
}

/* Where the white space at i ends. */
LM_FUNCTION uint32_t lm_white_space_end(lm_text *text, uint32_t i)
{
    uint32_t length = 0;
    while (lm_text_has(text, i) && lm_is_space(lm_text_char(text, i, &length))) {
        i += length;
    }
    return i;
}

/* Whether what was just found out may change when more text follows. */
LM_INLINE int32_t lm_unsettled(const lm_text *text, int32_t open)
{
    return open && text->asked != 0U;
}

/* A token that begins at i, or after white space there that it takes; *white: past the white space
 * that was looked behind already. */
LM_FUNCTION int32_t lm_added_at(const lm_tokenizer *t, lm_text *text, uint32_t i, uint32_t *white,
                                lm_match *m)
{
    lm_match plain = *m;
    const int32_t found = lm_match_at(t, text, i, 0, m);
    if ((t->flags & LM_ADDED_PLAIN) != 0U && lm_match_at(t, text, i, 1, &plain) &&
        (!found || plain.end > m->end)) {
        m->end = plain.end;
        m->index = plain.index;
        return 1;
    }
    if (found) {
        return 1;
    }
    if ((t->flags & LM_ADDED_LEFT) != 0U && i >= *white) {
        *white = lm_white_space_end(text, i);
        return *white > i && *white < text->n && lm_match_at(t, text, *white, 0, m) &&
               (t->added_flags[m->index] & LM_ADDED_LEFT) != 0U;
    }
    return 0;
}

/* The next added token. */
LM_FUNCTION void lm_find_added(const lm_tokenizer *t, lm_text *text, int32_t open, lm_match *m)
{
    uint32_t white = 0;
    text->asked = 0;
    for (m->start = 0; m->start < text->n; m->start++) {
        const int32_t found = lm_added_at(t, text, m->start, &white, m);
        if (lm_unsettled(text, open)) {
            break;
        }
        if (found) {
            return;
        }
    }
    m->index = t->n_added;
}

LM_INLINE uint32_t lm_prefix_of(const lm_tokenizer *t, const lm_progress *p, lm_text *text)
{
    if (t->prefix == LM_PREFIX_NEVER || (p->inside & LM_INSIDE_TOKENS) != 0U || text->n == 0U ||
        (t->prefix == LM_PREFIX_FIRST && p->later != 0U) ||
        (t->prefix == LM_PREFIX_RAW && p->bare != 0U)) {
        return 0U;
    }
    if (t->prefix_once == LM_ONCE_MARKED) {
        return lm_text_space(text, 0) > 0U ? 0U : 1U;
    }
    return t->prefix_once != 0U && lm_text_byte(text, 0) == (uint32_t)' ' ? 0U : 1U;
}

/* The words of text[*at, end); stops where one is not settled. */
LM_FUNCTION int32_t lm_encode_words(const lm_tokenizer *t, lm_text *text, uint32_t *at,
                                    int32_t open, int32_t *out, int32_t max)
{
    int32_t count = 0;
    while (*at < text->n) {
        uint32_t end;
        int32_t added;
        text->asked = 0;
        end = t->word_end(t, text, *at);
        if (open && text->asked != 0U) {
            break;
        }
        added = t->encode_word(t, text, *at, end, out + count, max - count);
        if (added < 0) {
            return added;
        }
        count += added;
        *at = end;
    }
    return count;
}

/* Passes over white space that belongs to the token before; gives its bytes. */
LM_FUNCTION uint32_t lm_skip_white(lm_progress *p, lm_text *text, int32_t open)
{
    const uint32_t n = lm_white_space_end(text, 0);
    p->skip = lm_unsettled(text, open) ? 1U : 0U;
    text->bytes += n;
    text->n -= n;
    return n;
}

LM_INLINE int32_t lm_push(int32_t *out, int32_t count, int32_t max, int32_t token)
{
    if (count >= max) {
        return LM_E_SPACE;
    }
    out[count] = token;
    return count + 1;
}

/* After an added token. */
LM_INLINE void lm_pass_added(lm_progress *p, uint32_t flags)
{
    p->inside = 0;
    p->later = 1;
    p->bare = (flags & LM_ADDED_PLAIN) != 0U ? 1U : 0U;
    p->skip = (flags & LM_ADDED_RIGHT) != 0U ? 1U : 0U;
}

/* A lm_stretch_encoder: one stretch and the added token after it; gives the number of tokens, *used
 * the bytes that they took. With `open` more text may follow; *used is 0 when nothing is settled
 * without it. */
LM_FUNCTION int32_t lm_encode_stretch(const lm_tokenizer *t, lm_progress *p, lm_text *stretch,
                                      int32_t open, uint32_t *used, int32_t *out, int32_t max)
{
    lm_text text = *stretch;
    lm_match match = {0, 0, 0};
    uint32_t at = 0;
    int32_t count = 0;
    *used = p->skip != 0U ? lm_skip_white(p, &text, open) : 0U;
    if (p->skip != 0U) {
        return 0;
    }
    text.asked = 0;
    text.prefix = lm_prefix_of(t, p, &text);
    if (lm_unsettled(&text, open)) {
        return 0;
    }
    text.n += text.prefix;
    match.start = text.n;
    if (t->n_added > 0U) {
        lm_find_added(t, &text, open, &match);
        text.n = match.start;
    }
    /* A prefix alone is no stretch, but where the token was looked for behind it. */
    if (match.index == t->n_added || match.start > text.prefix ||
        (t->added_flags[match.index] & LM_ADDED_PLAIN) != 0U) {
        count = lm_encode_words(t, &text, &at, open && match.index == t->n_added, out, max);
        p->inside = at > 0U ? 1U : p->inside;
    }
    if (count >= 0 && match.index < t->n_added) {
        count = lm_push(out, count, max, (int32_t)t->added_id[match.index]);
        lm_pass_added(p, t->added_flags[match.index]);
        at = match.end;
    }
    *used += at > text.prefix ? at - text.prefix : 0U;
    return count;
}

/* Tokens of as many of the bytes (n) as are settled, all of them unless `open`; gives the number of
 * tokens, *used the number of bytes. */
LM_FUNCTION int32_t lm_encode_some(const lm_tokenizer *t, lm_progress *p, const uint8_t *bytes,
                                   uint32_t n, int32_t open, uint32_t *used, int32_t *out,
                                   int32_t max)
{
    int32_t count = 0;
    uint32_t step = 1;
    *used = 0;
    if (p->begun == 0U && t->add_bos != 0U) {
        count = lm_push(out, 0, max, t->bos);
    }
    p->begun = 1;
    while (count >= 0 && *used < n && step > 0U) {
        lm_text text = {NULL, 0, 0, 0, 0};
        int32_t added;
        text.bytes = bytes + *used;
        text.n = n - *used;
        added = t->encode_stretch(t, p, &text, open, &step, out + count, max - count);
        count = added < 0 ? added : count + added;
        *used += step;
    }
    return count >= 0 && !open && t->after >= 0 ? lm_push(out, count, max, t->after) : count;
}

/* Tokens of utf8 (n) to out (max); gives their number. The symbols of a word stand in `out` before
 * they are merged: n + 3 entries are always enough where text is not normalized. Normalized text
 * stands there too: of its n bytes and n + n / 4 + 3 entries, and of a run of marks its characters.
 */
LM_FUNCTION int32_t lm_encode(const lm_tokenizer *t, const char *utf8, uint32_t n, int32_t *out,
                              int32_t max)
{
    lm_progress p = {0, 0, 0, 0, 0, 0};
    uint32_t used;
    if (t == NULL || out == NULL || max < 0 || (utf8 == NULL && n > 0U) || n > 0x7ffffffcU) {
        return LM_E_ARGUMENT;
    }
    return lm_encode_some(t, &p, (const uint8_t *)utf8, n, 0, &used, out, max);
}

/* Takes bytes (n) after those that it holds (room); gives the tokens that are settled. n + room + 3
 * entries of out are always enough where text is not normalized. LM_E_WORD: a word that `held` is
 * too small for. */
LM_FUNCTION int32_t lm_encode_feed(const lm_tokenizer *t, lm_progress *p, uint8_t *held,
                                   uint32_t room, uint32_t *n_held, const uint8_t *bytes,
                                   uint32_t n, int32_t *out, int32_t max)
{
    int32_t count = 0;
    do {
        const uint32_t k = n < room - *n_held ? n : room - *n_held;
        uint32_t used;
        int32_t added;
        if (k > 0U) {
            memcpy(held + *n_held, bytes, k);
            bytes += k;
        }
        n -= k;
        *n_held += k;
        added = lm_encode_some(t, p, held, *n_held, 1, &used, out + count, max - count);
        if (added < 0) {
            return added;
        }
        count += added;
        *n_held -= used;
        for (uint32_t i = 0; used > 0U && i < *n_held; i++) {
            held[i] = held[used + i];
        }
        if (used == 0U && n > 0U) {
            return LM_E_WORD;
        }
    } while (n > 0U);
    return count;
}

#endif
