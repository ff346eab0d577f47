/* The tables of a normalization form: what characters are taken apart into, the classes that order
 * marks, and what composes. A byte of text may be a token, so they are whole: all of Unicode 9.0.
 */
#include "tokenizer_builder.h"
#include "unicode_data.h"

#include <stdlib.h>

enum { MOST_PARTS = 32, MOST_RANGE = 256, JOINS = LM_NORMAL_JOINS };

static bool composes(const Tokenizer *t)
{
    return t->form == NORMAL_NFC || t->form == NORMAL_NFKC;
}

/* What each character is in NFKD, where that is not what is canonical: its place there, or 0. */
static const uint32_t **compatible(Builder *b)
{
    const uint32_t **found = NEW(b->arena, const uint32_t *, CODE_POINTS);
    const bool used = b->t->form == NORMAL_NFKC || b->t->form == NORMAL_NFKD;
    for (int i = 0; used && i < n_unicode_compatibility;) {
        found[unicode_compatibility[i]] = &unicode_compatibility[i + 1];
        i += 2 + (int)unicode_compatibility[i + 1];
    }
    return found;
}

static int apart(const uint32_t *const *more, uint32_t code, uint32_t *out)
{
    if (!more[code])
        return unicode_apart(code, out);
    const int n = (int)more[code][0];
    if (n > MOST_PARTS)
        die("U+%04X becomes %d characters", (unsigned)code, n);
    memcpy(out, more[code] + 1, (size_t)n * sizeof *out);
    return n;
}

static void add_apart(Builder *b)
{
    const uint32_t *const *more = compatible(b);
    CodeTexts texts = code_texts_new(b->arena);
    uint32_t parts[MOST_PARTS];
    for (uint32_t c = 0; c < CODE_POINTS; c++) {
        const int k = apart(more, c, parts);
        if (k != 1 || parts[0] != c)
            code_texts_add(&texts, c, parts, k);
    }
    add_code_texts(b, "apart", &texts);
    buf_free(&texts.bytes);
}

/* Of each character; JOINS for those without one that compose with what stands before them. Those
 * of Hangul are no table's. */
static uint8_t *classes(Arena *a)
{
    uint8_t *class = NEW(a, uint8_t, CODE_POINTS);
    for (int i = 0; i < n_unicode_compositions; i += 3)
        class[unicode_compositions[i + 1]] = JOINS;
    for (int i = 0; i < n_unicode_classes; i += 3)
        for (uint32_t c = unicode_classes[i]; c <= unicode_classes[i + 1]; c++)
            class[c] = (uint8_t)unicode_classes[i + 2];
    return class;
}

static void add_classes(Builder *b)
{
    const uint8_t *class = classes(b->arena);
    uint32_t *first = NEW(b->arena, uint32_t, CODE_POINTS);
    uint16_t *sizes = NEW(b->arena, uint16_t, CODE_POINTS);
    int n = 0;
    for (uint32_t c = 0x300; c < CODE_POINTS; c++) {
        const bool goes_on =
            n > 0 && class[c] == class[c - 1] && (c & 0xFFFF) && c - first[n - 1] < MOST_RANGE;
        if (class[c] == 0)
            continue;
        if (!goes_on)
            first[n++] = c;
        sizes[n - 1] = (uint16_t)((c - first[n - 1]) << 8 | class[c]);
    }
    add_code_ranges(b, "class", first, sizes, n);
}

static void add_pairs(Builder *b)
{
    const int n = n_unicode_compositions / 3;
    uint32_t *firsts = NEW(b->arena, uint32_t, n);
    for (int i = 0; i < n; i++)
        firsts[i] = unicode_compositions[3 * i];
    add_planes(b, "pair_plane", firsts, n);
    uint16_t *first = add_table(b, "pair_first", ELEM_U16, n);
    uint16_t *second = add_table(b, "pair_second", ELEM_U16, n);
    uint16_t *result = add_table(b, "pair_result", ELEM_U16, n);
    for (int i = 0; i < n; i++) {
        const uint32_t *pair = &unicode_compositions[3 * i];
        if (pair[0] >> 16 != pair[1] >> 16 || pair[0] >> 16 != pair[2] >> 16)
            die("U+%04X is composed across planes", (unsigned)pair[2]);
        first[i] = (uint16_t)pair[0];
        second[i] = (uint16_t)pair[1];
        result[i] = (uint16_t)pair[2];
    }
}

void add_normal_tables(Builder *b)
{
    if (b->t->form == NORMAL_NONE)
        return;
    add_apart(b);
    add_classes(b);
    if (composes(b->t))
        add_pairs(b);
}
