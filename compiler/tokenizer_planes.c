/* Tables by code point, whose upper bits a table of planes has, so that 16 bits an entry do: where
 * ranges begin and how long they are, and the UTF-8 that single characters become. */
#include "tokenizer_builder.h"

CodeSet code_set_new(Arena *a)
{
    return (CodeSet){.words = NEW(a, uint64_t, CODE_POINTS / 64)};
}

void code_set_add(CodeSet *s, uint32_t code)
{
    if (code < CODE_POINTS) {
        s->words[code / 64] |= (uint64_t)1 << code % 64;
        s->n++;
    }
}

bool code_set_has(const CodeSet *s, uint32_t code)
{
    return code < CODE_POINTS && (s->words[code / 64] >> code % 64 & 1) != 0;
}

uint32_t code_set_next(const CodeSet *s, uint32_t code)
{
    while (code < CODE_POINTS) {
        uint64_t rest = s->words[code / 64] >> code % 64;
        if (rest == 0) {
            code = (code / 64 + 1) * 64;
            continue;
        }
        for (; !(rest & 1); rest >>= 1) {
            code++;
        }
        return code;
    }
    return CODE_POINTS;
}

void add_planes(Builder *b, const char *name, const uint32_t *codes, int n)
{
    uint16_t *plane = add_table(b, name, ELEM_U16, PLANES + 1);
    for (int p = 0, i = 0; p <= PLANES; p++) {
        while (i < n && codes[i] >> 16 < (uint32_t)p) {
            i++;
        }
        plane[p] = (uint16_t)i;
    }
}

static const char *part_of(const Builder *b, const char *prefix, const char *part)
{
    return arena_printf(b->arena, "%s_%s", prefix, part);
}

/* Characters of one class, as ranges within a plane. */
typedef struct Ranges {
    uint32_t *first;
    uint16_t *size;
    int n, bits;
} Ranges;

static void add_run(Ranges *r, uint32_t from, uint32_t end, int class)
{
    while (class && from < end) {
        const uint32_t most = from + (1U << (16 - r->bits)), plane_end = (from | 0xFFFF) + 1;
        const uint32_t stop = most < plane_end ? most : plane_end;
        const uint32_t to = stop < end ? stop : end;
        r->first[r->n] = from;
        r->size[r->n++] = (uint16_t)((to - 1 - from) << r->bits | (uint32_t) class);
        from = to;
    }
}

static Ranges find_ranges(Arena *a, const CodeSet *edges, int bits, CodeClass class_of,
                          const void *context)
{
    const int most = edges->n + 1 + PLANES + (CODE_POINTS >> (16 - bits));
    Ranges r = {NEW(a, uint32_t, most), NEW(a, uint16_t, most), 0, bits};
    uint32_t begin = 0;
    int class = 0;
    for (uint32_t c = 0; c < CODE_POINTS; c = code_set_next(edges, c + 1)) {
        const int here = class_of(context, c);
        if (here != class) {
            add_run(&r, begin, c, class);
            begin = c;
            class = here;
        }
    }
    add_run(&r, begin, CODE_POINTS, class);
    return r;
}

void add_code_ranges(Builder *b, const char *prefix, const CodeSet *edges, int bits,
                     CodeClass class_of, const void *context)
{
    const Ranges r = find_ranges(b->arena, edges, bits, class_of, context);
    const int n = r.n;
    add_planes(b, part_of(b, prefix, "plane"), r.first, n);
    uint16_t *start = add_table(b, part_of(b, prefix, "start"), ELEM_U16, n);
    uint16_t *size = add_table(b, part_of(b, prefix, "size"), ELEM_U16, n);
    for (int i = 0; i < n; i++) {
        start[i] = (uint16_t)r.first[i];
        size[i] = r.size[i];
    }
}

CodeTexts code_texts_new(Arena *a, int most)
{
    return (CodeTexts){.codes = NEW(a, uint32_t, most), .starts = NEW(a, uint16_t, most + 1)};
}

void code_texts_add(CodeTexts *t, uint32_t code, const uint32_t *parts, int n)
{
    t->codes[t->n++] = code;
    for (int i = 0; i < n; i++) {
        uint8_t utf8[4];
        buf_write(&t->bytes, utf8, lm_put_utf8(parts[i], utf8));
    }
    if (t->bytes.len > UINT16_MAX) {
        die("tokenizer: what characters become takes %zu bytes", t->bytes.len);
    }
    t->starts[t->n] = (uint16_t)t->bytes.len;
}

void add_code_texts(Builder *b, const char *prefix, CodeTexts *t)
{
    add_planes(b, part_of(b, prefix, "plane"), t->codes, t->n);
    uint16_t *code = add_table(b, part_of(b, prefix, "code"), ELEM_U16, t->n);
    uint16_t *start = add_table(b, part_of(b, prefix, "start"), ELEM_U16, t->n + 1);
    uint8_t *to = add_table(b, part_of(b, prefix, "bytes"), ELEM_U8, (int64_t)t->bytes.len);
    for (int i = 0; i < t->n; i++) {
        code[i] = (uint16_t)t->codes[i];
    }
    memcpy(start, t->starts, (size_t)(t->n + 1) * sizeof *start);
    memcpy(to, t->bytes.data, t->bytes.len);
}
