/* Golden vectors as files: NAME_golden.json for any test harness and NAME_golden.h for one in C.
 * Each greedy step with the hash so far, so that the first step that differs is known; the residual
 * stream's hash after each layer; texts with their tokens. */
#include "emit.h"

#include <string.h>

/* What tokenizers stumble over: nothing, spaces, digits, case, accents, CJK, four-byte characters.
 */
static const char *const texts[] = {
    "",
    "Once upon a time",
    " two  spaces, and   three ",
    "It's 1984, isn't it?\n\tYes.",
    "na\303\257ve caf\303\251",
    "\346\235\261\344\272\254 \360\237\231\202",
    "<s> </s> <unk>",
};

typedef struct Encoded {
    int n, *ids;
} Encoded;

static int encode_texts(const Emission *e, Encoded *to)
{
    const Tokenizer *t = e->unit->model->tokenizer;
    if (!t)
        return 0;
    const Encoder *by = encoder_new(e->arena, t);
    for (size_t i = 0; i < LENGTH(texts); i++)
        to[i].n = encode(e->arena, by, texts[i], strlen(texts[i]), &to[i].ids);
    return (int)LENGTH(texts);
}

static void json_numbers(Buf *b, const char *name, const int *list, int n)
{
    buf_printf(b, "  \"%s\": [", name);
    for (int i = 0; i < n; i++)
        buf_printf(b, "%s%d", i == 0 ? "" : i % 16 == 0 ? ",\n    " : ", ", list[i]);
    buf_puts(b, "],\n");
}

static void json_hashes(Buf *b, const char *name, const uint32_t *list, int n)
{
    buf_printf(b, "  \"%s\": [", name);
    for (int i = 0; i < n; i++)
        buf_printf(b, "%s\"%08x\"", i == 0 ? "" : i % 8 == 0 ? ",\n    " : ", ", (unsigned)list[i]);
    buf_puts(b, "],\n");
}

void emit_golden_json(const Emission *e, Buf *b)
{
    const Golden *g = &e->golden;
    Encoded encoded[LENGTH(texts)];
    const int n = encode_texts(e, encoded);
    buf_printf(b, "{\n  \"name\": \"%s\", \"start\": %d, \"weights_xxh32\": \"%08x\",\n", e->name,
               g->start, (unsigned)g->weights_hash);
    json_numbers(b, "tokens", g->tokens, GOLDEN_STEPS);
    json_hashes(b, "logits_xxh32", g->hashes, GOLDEN_STEPS);
    json_hashes(b, "layers_xxh32", g->layer_hashes, e->unit->model->n_layers + 1);
    buf_puts(b, "  \"texts\": [");
    for (int i = 0; i < n; i++) {
        buf_printf(b, "%s\n    {\"text\": ", i ? "," : "");
        buf_json_string(b, texts[i], strlen(texts[i]));
        buf_puts(b, ", \"tokens\": [");
        for (int k = 0; k < encoded[i].n; k++)
            buf_printf(b, "%s%d", k ? ", " : "", encoded[i].ids[k]);
        buf_puts(b, "]}");
    }
    buf_puts(b, "\n  ]\n}\n");
}

static void c_array(Buf *b, const char *type, const char *name, const char *what, int n)
{
    buf_printf(b, "static const %s %s_golden_%s[%d] = {", type, name, what, n);
}

static void c_hashes(Buf *b, const Emission *e, const char *what, const uint32_t *list, int n)
{
    c_array(b, "uint32_t", e->name, what, n);
    for (int i = 0; i < n; i++)
        buf_printf(b, "%s0x%08xU,", i % 6 == 0 ? "\n    " : " ", (unsigned)list[i]);
    buf_puts(b, "\n};\n");
}

/* Every byte that is not plain as three octal digits, which no character after it can join. */
static void c_string(Buf *b, const char *s)
{
    buf_puts(b, "\"");
    for (; *s; s++) {
        if (*s >= ' ' && *s < 127 && *s != '"' && *s != '\\' && *s != '?')
            buf_write(b, s, 1);
        else
            buf_printf(b, "\\%03o", (unsigned)(unsigned char)*s);
    }
    buf_puts(b, "\"");
}

static void c_texts(Buf *b, const Emission *e, const Encoded *encoded, int n)
{
    int total = 0;
    for (int i = 0; i < n; i++)
        total += encoded[i].n;
    c_array(b, "int32_t", e->name, "ids", total + 1);
    total = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < encoded[i].n; k++)
            buf_printf(b, "%s%d,", total++ % 12 == 0 ? "\n    " : " ", encoded[i].ids[k]);
    buf_printf(b, "%s-1,\n};\n\n", total % 12 == 0 ? "\n    " : " ");
    buf_printf(b,
               "/* Texts, and which of the ids above are their tokens. The last row ends the list. "
               "*/\ntypedef struct %s_golden_text {\n    const char *text;\n    int32_t first, "
               "tokens;\n} %s_golden_text;\n",
               e->name, e->name);
    buf_printf(b, "static const %s_golden_text %s_golden_texts[%d] = {\n", e->name, e->name, n + 1);
    total = 0;
    for (int i = 0; i < n; total += encoded[i++].n) {
        buf_puts(b, "    {");
        c_string(b, texts[i]);
        buf_printf(b, ", %d, %d},\n", total, encoded[i].n);
    }
    buf_puts(b, "    {NULL, 0, 0},\n};\n");
}

void emit_golden_header(const Emission *e, Buf *b)
{
    const Golden *g = &e->golden;
    Encoded encoded[LENGTH(texts)];
    const int n = encode_texts(e, encoded);
    emit_banner(e, b);
    buf_printf(
        b,
        "/* What %s computes from token %s_GOLDEN_START on, for tests; %s_golden.json has the "
        "same. */\n#ifndef %s_GOLDEN_H\n#define %s_GOLDEN_H\n\n#include <stddef.h>\n#include "
        "<stdint.h>\n\n",
        e->name, e->upper, e->name, e->upper, e->upper);
    buf_puts(b, "/* The likeliest token after each step, which is what the next step reads. */\n");
    c_array(b, "int32_t", e->name, "next", GOLDEN_STEPS);
    for (int i = 0; i < GOLDEN_STEPS; i++)
        buf_printf(b, "%s%d,", i % 12 == 0 ? "\n    " : " ", g->tokens[i]);
    buf_printf(b, "\n};\n\n/* After so many steps: %s_logits_hash(state, index + 1). */\n",
               e->name);
    c_hashes(b, e, "hashes", g->hashes, GOLDEN_STEPS);
    buf_printf(b, "\n/* After all of them: the hashes of %s_probe_rows(). */\n", e->name);
    c_hashes(b, e, "layers", g->layer_hashes, e->unit->model->n_layers + 1);
    buf_puts(b, "\n");
    c_texts(b, e, encoded, n);
    buf_puts(b, "\n#endif\n");
}
