/* tokenizer.json's Precompiled normalizer, SentencePiece's charsmap in base64, and what files put
 * behind it: Strip at the end and Replace of runs of spaces by one. White space goes in several
 * ways in them, which are one here: for that, all of it must be spaces once it was mapped. */
#include "import.h"
#include "program.h"
#include "runtime.h"

#include <string.h>

#define SPACE "\xE2\x96\x81" /* U+2581 */

static const char steps_supported[] =
    "supported: Precompiled; then Strip (strip_left false, strip_right true); then Replace "
    "{\"Regex\": \" {2,}\"} -> \" \" or U+2581";

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* RFC 4648, with padding; gives the bytes, -1: it is none. */
static int from_base64(const char *s, size_t n, uint8_t *out)
{
    size_t pad = 0;
    uint32_t bits = 0;
    int len = 0;
    while (pad < 2 && pad < n && s[n - 1 - pad] == '=')
        pad++;
    if (n % 4)
        return -1;
    for (size_t i = 0; i < n - pad; i++) {
        const int digit = digit_of(s[i]);
        if (digit < 0)
            return -1;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4)
            out[len++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return len;
}

static void read_map(Arena *a, const char *path, const json_t *step, Pipeline *p)
{
    const json_t *v = json_object_get(step, "precompiled_charsmap");
    const size_t n = json_string_length(v);
    if (!json_is_string(v) || n / 4 > MAX_CHARSMAP / 3)
        bad_value(path, "normalizer: precompiled_charsmap", v, "base64 was expected");
    uint8_t *bytes = NEW(a, uint8_t, n + 1);
    p->charsmap_bytes = from_base64(json_string_value(v), n, bytes);
    if (p->charsmap_bytes <= 0)
        bad_value(path, "normalizer: precompiled_charsmap", v, "base64 was expected");
    p->form = NORMAL_CHARSMAP;
    p->charsmap = bytes;
    charsmap_tree(a, path, bytes, p->charsmap_bytes); /* or fatal */
}

/* Whether what a sequence becomes has two spaces in a row, or other white space or U+2581. */
static void look_at(const char *s, bool *runs, bool *white)
{
    lm_text text = {(const uint8_t *)s, 0, (uint32_t)strlen(s), 0, 0};
    for (uint32_t i = 0, length; i < text.n; i += length) {
        const uint32_t code = lm_text_char(&text, i, &length);
        *white |= (lm_is_space(code) && code != ' ') || code == LM_SPACE_MARK;
    }
    *runs |= strstr(s, "  ") != NULL;
}

static void look_at_all(const CharTree *tree, bool *runs, bool *white)
{
    for (int i = -1; i < tree->n_nodes; i++) {
        const CharNode *node = i < 0 ? &tree->root : &tree->nodes[i];
        for (int k = 0; k < node->n; k++)
            if (node->edges[k].to >= 0)
                look_at(tree->strings + node->edges[k].to, runs, white);
    }
}

static void check_runs(Arena *a, const char *path, const Pipeline *p)
{
    const CharTree tree = charsmap_tree(a, path, p->charsmap, p->charsmap_bytes);
    bool runs = false, white = false;
    look_at_all(&tree, &runs, &white);
    if (runs)
        fatal("%s: normalizer: Replace: supported after a precompiled_charsmap without two spaces "
              "in what a string becomes",
              path);
}

/* What U+2581 becomes, NULL: it stays. */
static const char *mark_becomes(const CharTree *tree)
{
    const char *to = NULL;
    for (int i = 0; i < tree->root.n; i++)
        if (tree->root.edges[i].code == LM_SPACE_MARK && tree->root.edges[i].to >= 0)
            to = tree->strings + tree->root.edges[i].to;
    return to;
}

void check_split(Arena *a, const char *path, const Pipeline *p)
{
    const CharTree tree = charsmap_tree(a, path, p->charsmap, p->charsmap_bytes);
    bool runs = false, white = false;
    look_at_all(&tree, &runs, &white);
    if (runs || white || !mark_becomes(&tree))
        fatal("%s: pre_tokenizer: WhitespaceSplit: supported after a precompiled_charsmap in which "
              "U+2581 becomes something else, and nothing becomes white space but single spaces",
              path);
}

static bool type_is(const json_t *step, const char *type)
{
    const char *s = json_string_value(json_object_get(step, "type"));
    return s && !strcmp(s, type);
}

static bool is_replace(const json_t *step)
{
    const char *regex =
        json_string_value(json_object_get(json_object_get(step, "pattern"), "Regex"));
    const char *to = json_string_value(json_object_get(step, "content"));
    return type_is(step, "Replace") && regex && !strcmp(regex, " {2,}") && to &&
           (!strcmp(to, " ") || !strcmp(to, SPACE));
}

bool read_precompiled(Arena *a, const char *path, const json_t *const *step, int n, Pipeline *p)
{
    int i = 1;
    if (n == 0 || !type_is(step[0], "Precompiled"))
        return false;
    read_map(a, path, step[0], p);
    p->clusters = true;
    if (i < n && type_is(step[i], "Strip") && !get_bool(path, step[i], "strip_left", true) &&
        get_bool(path, step[i], "strip_right", false)) {
        p->squeeze |= SQUEEZE_WHITE;
        i++;
    }
    if (i < n && is_replace(step[i])) {
        check_runs(a, path, p);
        p->squeeze |= SQUEEZE_RUNS;
        i++;
    }
    if (i < n)
        bad_value(path, "normalizer", step[i], steps_supported);
    return true;
}

void check_mapped(Arena *a, const char *path, const char *s, const Tokenizer *t)
{
    const CharTree tree = charsmap_tree(a, path, t->charsmap, t->charsmap_bytes);
    for (int i = 0; i < tree.root.n; i++) {
        const CharEdge *e = &tree.root.edges[i];
        if ((e->code < 0x80 && e->to >= 0 && strchr(s, (int)e->code)) || strchr(s, ' '))
            fatal("%s: added_tokens: \"%.40s\": normalized: true: supported with Precompiled: "
                  "characters that it leaves as they are, no space",
                  path, s);
    }
}
