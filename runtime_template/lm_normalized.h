/* Text to tokens where text is normalized first, in whichever way. Normalized text stands in the
 * array that tokens go to, at its end, and is read faster than tokens overtake it. Of text in parts
 * the bytes that are not settled are held as they came and normalized once more.
 * Needs lm_encode.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_NORMALIZED_H
#define LM_NORMALIZED_H

/* Moves n bytes to the end of out (max entries): gives the entry where they begin. */
LM_FUNCTION int32_t lm_normal_move(int32_t *out, int32_t max, uint32_t n)
{
    const int32_t first = max - (int32_t)((n + 3U) >> 2);
    const uint8_t *from = (const uint8_t *)out;
    uint8_t *to = (uint8_t *)(out + first);
    for (uint32_t i = n; i > 0U; i--) {
        to[i - 1U] = from[i - 1U];
    }
    return first;
}

/* The tokens of normalized bytes (n) from *at on. */
LM_FUNCTION int32_t lm_encode_normal_bytes(const lm_tokenizer *t, lm_progress *p,
                                           const uint8_t *bytes, uint32_t n, uint32_t *at,
                                           int32_t open, int32_t *out, int32_t max)
{
    int32_t count = 0;
    uint32_t step = 1;
    while (count >= 0 && *at < n && step > 0U) {
        lm_text text = {NULL, 0, 0, 0, LM_ADDED_NORMAL};
        int32_t added;
        text.bytes = bytes + *at;
        text.n = n - *at;
        added = lm_encode_stretch(t, p, &text, open, &step, out + count, max - count);
        count = added < 0 ? added : count + added;
        *at += step;
    }
    return count;
}

/* A lm_stretch_encoder. Where a word ends inside a segment, its text is kept, and how many bytes of
 * what it becomes are done. */
LM_FUNCTION int32_t lm_encode_normal(const lm_tokenizer *t, lm_progress *p, lm_text *stretch,
                                     int32_t open, uint32_t *used, int32_t *out, int32_t max)
{
    lm_match match = {0, 0, 0};
    uint32_t at = p->ahead;
    uint32_t settled;
    int32_t n, first, count;
    const uint8_t before = p->inside;
    const uint32_t skipped = p->skip != 0U ? lm_skip_white(p, stretch, open) : 0U;
    *used = skipped;
    if (p->skip != 0U) {
        return 0;
    }
    match.start = stretch->n;
    if (t->n_added > 0U) {
        lm_find_added(t, stretch, open, &match);
        stretch->n = match.start;
    }
    open = open && match.index == t->n_added;
    n = t->normalize(t, stretch, before, open, 0x7fffffffU, &settled, out, max);
    if (n < 0) {
        return n;
    }
    if (n == 0 && stretch->n > 0U && !open && before == 0U && t->lone_prefix != 0U && max > 0) {
        ((uint8_t *)out)[n++] = (uint8_t)' ';
        p->inside = LM_INSIDE_TOKENS; /* no other one goes before it */
    }
    first = lm_normal_move(out, max, (uint32_t)n);
    count = lm_encode_normal_bytes(t, p, (const uint8_t *)(out + first), (uint32_t)n, &at, open,
                                   out, first);
    if (count < 0) {
        return count;
    }
    if (open) {
        p->inside = (uint8_t)(p->inside | (before & LM_INSIDE_TEXT));
        n = t->normalize(t, stretch, (uint32_t)before | p->inside, open, at, &settled, out + count,
                         max - count);
        p->ahead = at - (uint32_t)n;
        p->inside = (uint8_t)(p->inside | (n > 0 ? LM_INSIDE_TEXT : 0U));
        *used += settled;
        return n < 0 ? n : count;
    }
    p->ahead = 0;
    *used += stretch->n;
    if (match.index < t->n_added) {
        count = lm_push(out, count, max, (int32_t)t->added_id[match.index]);
        lm_pass_added(p, t->added_flags[match.index]);
        *used = skipped + match.end;
    }
    return count;
}

#endif
