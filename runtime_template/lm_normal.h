/* Unicode's normalization forms (UAX #15) before text is cut into words. A segment, which is a
 * character that begins one and those after it that may be ordered or composed with it, is taken
 * apart by tables, its marks are ordered by their classes, and in NFC and NFKC what composes is put
 * together again. A malformed byte stays what it is. Needs lm_tokenizer.h. SPDX-License-Identifier:
 * 0BSD */
#ifndef LM_NORMAL_H
#define LM_NORMAL_H

#define LM_NORMAL_JOINS                                                                            \
    255U /* the class, in truth 0, of what composes with a character before it */

typedef struct lm_normal {
    const uint16_t *apart_plane; /* 18: where characters of a plane begin that are taken apart */
    const uint16_t *apart_code;  /* low 16 bits of them, ascending */
    const uint16_t *apart_start; /* where begins in apart_bytes what each becomes, all the way */
    const uint8_t *apart_bytes;  /* in UTF-8 */
    const uint16_t *class_plane; /* 18, likewise: ranges of characters with a class above 0 */
    const uint16_t *class_start;
    const uint16_t *class_size; /* (length - 1) * 256 + class */
    const uint16_t *pair_plane; /* 18; NULL: nothing composes */
    const uint16_t *pair_first; /* what composes, ascending by first, then second; all three of */
    const uint16_t *pair_second;
    const uint16_t *pair_result; /* one plane */
} lm_normal;

/* Canonical combining class; a malformed byte is negative here and has none. */
LM_FUNCTION uint32_t lm_normal_class(const lm_normal *f, int32_t code)
{
    uint32_t range;
    if (code < 0x300) { /* none has one below */
        return 0;
    }
    if ((code >= 0x1161 && code <= 0x1175) || (code >= 0x11A8 && code <= 0x11C2)) {
        return LM_NORMAL_JOINS;
    }
    range = lm_find_code(f->class_plane, f->class_start, (uint32_t)code);
    if (range == 0U || ((uint32_t)code & 0xffffU) - f->class_start[range - 1U] >
                           (uint32_t)(f->class_size[range - 1U] >> 8)) {
        return 0;
    }
    return f->class_size[range - 1U] & 0xffU;
}

/* A character taken apart, to out (max); gives how many it became. */
LM_FUNCTION int32_t lm_normal_apart(const lm_normal *f, uint32_t code, int32_t *out, int32_t max)
{
    lm_text text = {NULL, 0, 0, 0, 0};
    uint32_t i, length, tail;
    int32_t n = 0;
    if (max < 3) {
        return LM_E_SPACE;
    }
    if (code >= 0xAC00U && code <= 0xD7A3U) {
        uint32_t lead = 0;
        uint32_t vowel = lm_divide_28(code - 0xAC00U, &tail);
        for (; vowel >= 21U; vowel -= 21U) {
            lead++;
        }
        out[0] = (int32_t)(0x1100U + lead);
        out[1] = (int32_t)(0x1161U + vowel);
        out[2] = (int32_t)(0x11A7U + tail);
        return tail > 0U ? 3 : 2;
    }
    i = lm_find_code(f->apart_plane, f->apart_code, code);
    if (i == 0U || f->apart_code[i - 1U] != (code & 0xffffU)) {
        out[0] = (int32_t)code;
        return 1;
    }
    text.bytes = f->apart_bytes;
    text.n = f->apart_start[i];
    for (i = f->apart_start[i - 1U]; i < text.n; i += length) {
        if (n == max) {
            return LM_E_SPACE;
        }
        out[n++] = (int32_t)lm_text_char(&text, i, &length);
    }
    return n;
}

/* Puts codes[from..n) where their classes want them: none passes a character without a class. */
LM_FUNCTION void lm_normal_order(const lm_normal *f, int32_t *codes, int32_t from, int32_t n)
{
    for (int32_t i = from; i < n; i++) {
        const int32_t code = codes[i];
        const uint32_t kind = lm_normal_class(f, code);
        int32_t k = i;
        if (kind == 0U || kind == LM_NORMAL_JOINS) {
            continue;
        }
        for (; k > 0; k--) {
            const uint32_t before = lm_normal_class(f, codes[k - 1]);
            if (before <= kind || before == LM_NORMAL_JOINS) {
                break;
            }
            codes[k] = codes[k - 1];
        }
        codes[k] = code;
    }
}

/* What two characters compose to, or 0. */
LM_FUNCTION int32_t lm_normal_pair(const lm_normal *f, int32_t first, int32_t second)
{
    uint32_t i, high, left;
    const uint32_t a = (uint32_t)first;
    const uint32_t b = (uint32_t)second;
    if (first < 0 || second < 0) {
        return 0;
    }
    if (a >= 0x1100U && a <= 0x1112U && b >= 0x1161U && b <= 0x1175U) {
        return (int32_t)(0xAC00U + ((a - 0x1100U) * 21U + (b - 0x1161U)) * 28U);
    }
    if (a >= 0xAC00U && a <= 0xD7A3U && b > 0x11A7U && b <= 0x11C2U) {
        (void)lm_divide_28(a - 0xAC00U, &left);
        return left == 0U ? (int32_t)(a + b - 0x11A7U) : 0;
    }
    i = f->pair_plane[a >> 16];
    high = f->pair_plane[(a >> 16) + 1U];
    while (i < high) {
        const uint32_t mid = (i + high) >> 1;
        if (f->pair_first[mid] < (a & 0xffffU) ||
            (f->pair_first[mid] == (a & 0xffffU) && f->pair_second[mid] < (b & 0xffffU))) {
            i = mid + 1U;
        } else {
            high = mid;
        }
    }
    return i < f->pair_plane[(a >> 16) + 1U] && f->pair_first[i] == (a & 0xffffU) &&
                   f->pair_second[i] == (b & 0xffffU) && a >> 16 == b >> 16
               ? (int32_t)((a & 0xff0000U) | f->pair_result[i])
               : 0;
}

/* Composes codes (n); gives how many are left. */
LM_FUNCTION int32_t lm_normal_compose(const lm_normal *f, int32_t *codes, int32_t n)
{
    int32_t kept = 0;
    int32_t starter = -1;
    int32_t last = -1; /* class of what stands last behind the starter, -1: nothing does */
    for (int32_t i = 0; i < n; i++) {
        const uint32_t found = lm_normal_class(f, codes[i]);
        const int32_t kind = found == LM_NORMAL_JOINS ? 0 : (int32_t)found;
        const int32_t pair =
            starter >= 0 && last < kind ? lm_normal_pair(f, codes[starter], codes[i]) : 0;
        if (pair > 0) {
            codes[starter] = pair;
            continue;
        }
        starter = kind == 0 ? kept : starter;
        last = kind == 0 ? -1 : kind;
        codes[kept++] = codes[i];
    }
    return kept;
}

/* The segment of the text at *at, to codes (max); gives how many they are and passes *at. */
LM_FUNCTION int32_t lm_normal_segment(const lm_normal *f, lm_text *text, uint32_t *at,
                                      int32_t *codes, int32_t max)
{
    int32_t n = 0;
    for (;;) {
        uint32_t length, code, kind;
        int32_t added = 1;
        if (n > 0 && !lm_text_has(text, *at)) {
            break;
        }
        code = lm_text_char(text, *at, &length);
        if (code == LM_BAD_CHAR) {
            if (n == max) {
                return LM_E_SPACE;
            }
            codes[n] = -(int32_t)lm_text_byte(text, *at);
        } else {
            added = lm_normal_apart(f, code, codes + n, max - n);
        }
        if (added < 0) {
            return added;
        }
        kind = lm_normal_class(f, codes[n]);
        if (n > 0 && kind == 0U) { /* the next one's */
            break;
        }
        lm_normal_order(f, codes, n, n + added);
        n += added;
        *at += length;
    }
    return f->pair_plane != NULL ? lm_normal_compose(f, codes, n) : n;
}

/* Codes (n) as UTF-8 to out, which may be their own place; gives the bytes. */
LM_FUNCTION uint32_t lm_normal_bytes(const int32_t *codes, int32_t n, uint8_t *out)
{
    uint32_t k = 0;
    for (int32_t i = 0; i < n; i++) {
        const int32_t code = codes[i];
        if (code < 0) {
            out[k++] = (uint8_t)-code;
        } else {
            k += lm_put_utf8((uint32_t)code, out + k);
        }
    }
    return k;
}

/* A lm_normalizer. */
LM_FUNCTION int32_t lm_normalize(const lm_tokenizer *t, lm_text *text, uint32_t before,
                                 int32_t open, uint32_t most, uint32_t *at, int32_t *out,
                                 int32_t max)
{
    const lm_normal *f = t->normal;
    uint8_t *bytes = (uint8_t *)out;
    uint32_t n = 0;
    (void)before;
    for (*at = 0; *at < text->n;) {
        int32_t *work = out + ((n + 3U) >> 2);
        uint32_t next = *at;
        uint32_t k;
        int32_t count;
        text->asked = 0;
        count = lm_normal_segment(f, text, &next, work, max - (int32_t)((n + 3U) >> 2));
        if (count < 0) {
            return count;
        }
        if (open && text->asked != 0U) {
            break;
        }
        k = lm_normal_bytes(work, count, (uint8_t *)work);
        if (k > most - n) {
            break;
        }
        for (uint32_t i = 0; i < k; i++) {
            bytes[n + i] = ((uint8_t *)work)[i];
        }
        n += k;
        *at = next;
    }
    return (int32_t)n;
}

#endif
