/* Tables by code point, whose upper bits a table of planes has, so that 16 bits an entry do: where
 * ranges begin and how long they are, and the UTF-8 that single characters become. */
#include "tokenizer_builder.h"

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

void add_code_ranges(Builder *b, const char *prefix, const uint32_t *first, const uint16_t *sizes,
                     int n)
{
    add_planes(b, part_of(b, prefix, "plane"), first, n);
    uint16_t *start = add_table(b, part_of(b, prefix, "start"), ELEM_U16, n);
    uint16_t *size = add_table(b, part_of(b, prefix, "size"), ELEM_U16, n);
    for (int i = 0; i < n; i++) {
        start[i] = (uint16_t)first[i];
        size[i] = sizes[i];
    }
}

CodeTexts code_texts_new(Arena *a)
{
    return (CodeTexts){.codes = NEW(a, uint32_t, CODE_POINTS),
                       .starts = NEW(a, uint16_t, CODE_POINTS + 1)};
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
