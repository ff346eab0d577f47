/* What a GGUF file says of text before it is cut: honoured as SentencePiece does it, or refused. A
 * key that is not known gets a warning. */
#include "gguf.h"
#include "program.h"

#include <string.h>

#define T "tokenizer.ggml."

/* Read elsewhere, or of no effect on what text becomes. */
static const char *const known[] = {
    "model",
    "pre",
    "tokens",
    "token_type",
    "token_type_count",
    "scores",
    "merges",
    "add_bos_token",
    "add_eos_token",
    "add_space_prefix",
    "remove_extra_whitespaces",
    "precompiled_charsmap",
    "ignore_merges",
    "bos_token_id",
    "eos_token_id",
    "eot_token_id",
    "eom_token_id",
    "unknown_token_id",
    "separator_token_id",
    "seperator_token_id",
    "padding_token_id",
    "cls_token_id",
    "mask_token_id",
    "prefix_token_id",
    "suffix_token_id",
    "middle_token_id",
    "clean_spaces",
    "clean_up_tokenization_spaces",
};

/* Keys with one supported value. */
static const struct {
    const char *key;
    bool value;
} fixed[] = {
    {"escape_whitespaces", true},
    {"treat_whitespace_as_suffix", false},
    {"add_sep_token", false},
    {"normalizer.lowercase", false},
    {"normalizer.strip_accents", false},
};

static const char *whole(const Gguf *g, const char *key)
{
    return arena_printf(g->arena, T "%s", key);
}

static void need(const Gguf *g, const char *key, bool value)
{
    if (gguf_bool(g, whole(g, key), value) != value)
        gguf_bad(g, whole(g, key), value ? "supported: true" : "supported: false");
}

static void check_known(const Gguf *g)
{
    for (int i = 0; i < g->n_keys; i++) {
        const char *key = g->keys[i].name + sizeof T - 1;
        if (strncmp(g->keys[i].name, T, sizeof T - 1) || !strncmp(key, "fim_", 4))
            continue;
        bool found = find_name(known, LENGTH(known), key) >= 0;
        for (size_t k = 0; k < LENGTH(fixed); k++)
            found |= !strcmp(fixed[k].key, key);
        if (!found)
            warn("%s: %.64s: not known, so it has no effect", g->file.path, g->keys[i].name);
    }
}

/* NULL: there is none, or it is empty. */
static const GgufKey *find_charsmap(const Gguf *g)
{
    const GgufKey *k = gguf_key(g, T "precompiled_charsmap");
    if (!k)
        return NULL;
    if (k->type != GGUF_ARRAY || (k->element != GGUF_U8 && k->element != GGUF_I8) ||
        k->n > MAX_CHARSMAP)
        gguf_bad(g, k->name, "an array of at most 4194304 bytes was expected");
    return k->n ? k : NULL;
}

static void read_spaces(const Gguf *g, Tokenizer *t)
{
    const GgufKey *map = find_charsmap(g);
    t->squeeze = gguf_bool(g, T "remove_extra_whitespaces", false) ? SQUEEZE_ALL : 0;
    if (map) {
        t->charsmap = map->data;
        t->charsmap_bytes = (int)map->n;
        charsmap_tree(g->arena, g->file.path, t->charsmap, t->charsmap_bytes); /* or fatal */
    }
    t->marked_spaces = true;
    if (map || t->squeeze)
        t->form = NORMAL_CHARSMAP;
    need(g, "ignore_merges", false);
}

/* What a byte-level tokenizer has no use for. */
static void check_byte_level(const Gguf *g, const Tokenizer *t)
{
    if (find_charsmap(g))
        gguf_bad(g, T "precompiled_charsmap", "supported with the model \"llama\"");
    need(g, "add_space_prefix", false);
    need(g, "remove_extra_whitespaces", false);
    need(g, "ignore_merges", t->ignore_merges);
}

void gguf_tokenizer_keys(const Gguf *g, Tokenizer *t)
{
    check_known(g);
    for (size_t i = 0; i < LENGTH(fixed); i++)
        need(g, fixed[i].key, fixed[i].value);
    if (t->kind == TOKENIZER_SPM)
        read_spaces(g, t);
    else
        check_byte_level(g, t);
}
