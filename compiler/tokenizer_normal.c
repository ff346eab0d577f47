/* The tables of a normalization form: what characters are taken apart into, the classes that order
 * marks, and what composes. A byte of text may be a token, so they are whole: all of Unicode 9.0.
 */
#include "tokenizer_builder.h"
#include "unicode_data.h"

#include <stdlib.h>

enum { MOST_PARTS = 32, JOINS = LM_NORMAL_JOINS };

static bool composes(const Tokenizer *t)
{
    return t->form == NORMAL_NFC || t->form == NORMAL_NFKC;
}

/* What stands at i of the table of what characters are in NFKD: the next one's place. */
static int pass_compatible(int i, uint32_t *parts, int *k)
{
    *k = (int)unicode_compatibility[i + 1];
    if (*k > MOST_PARTS) {
        die("U+%04X becomes %d characters", (unsigned)unicode_compatibility[i], *k);
    }
    memcpy(parts, &unicode_compatibility[i + 2], (size_t)*k * sizeof *parts);
    return i + 2 + *k;
}

/* What is in the table of NFKD has another form there than the canonical one. */
static void add_apart(Builder *b)
{
    const bool used = b->t->form == NORMAL_NFKC || b->t->form == NORMAL_NFKD;
    const int n_more = used ? n_unicode_compatibility : 0;
    CodeTexts texts = code_texts_new(b->arena, n_unicode_decompositions / 3 + n_more / 3);
    uint32_t parts[MOST_PARTS];
    for (int i = 0, more = 0, k; i < n_unicode_decompositions || more < n_more;) {
        const uint32_t here =
            i < n_unicode_decompositions ? unicode_decompositions[i] : CODE_POINTS;
        const uint32_t other = more < n_more ? unicode_compatibility[more] : CODE_POINTS;
        i += here <= other ? 3 : 0;
        if (other <= here) {
            more = pass_compatible(more, parts, &k);
        } else {
            k = unicode_apart(here, parts);
        }
        code_texts_add(&texts, here < other ? here : other, parts, k);
    }
    add_code_texts(b, "apart", &texts);
    buf_free(&texts.bytes);
}

/* The characters without a class that compose with what stands before them have JOINS. Those of
 * Hangul are no table's. */
static int class_of(const void *joins, uint32_t code)
{
    int low = 0, high = n_unicode_classes / 3;
    while (low < high) {
        const int mid = (low + high) / 2;
        if (unicode_classes[3 * mid + 1] < code) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (low < n_unicode_classes / 3 && unicode_classes[3 * low] <= code) {
        return (int)unicode_classes[3 * low + 2];
    }
    return code_set_has(joins, code) ? JOINS : 0;
}

static void add_classes(Builder *b)
{
    CodeSet joins = code_set_new(b->arena), edges = code_set_new(b->arena);
    for (int i = 0; i < n_unicode_compositions; i += 3) {
        const uint32_t second = unicode_compositions[i + 1];
        code_set_add(&joins, second);
        code_set_add(&edges, second);
        code_set_add(&edges, second + 1);
    }
    for (int i = 0; i < n_unicode_classes; i += 3) {
        code_set_add(&edges, unicode_classes[i]);
        code_set_add(&edges, unicode_classes[i + 1] + 1);
    }
    add_code_ranges(b, "class", &edges, 8, class_of, &joins);
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
