/* tokenizer.json's normalizer, pre_tokenizer, post_processor and decoder. Two pipelines are
 * read: the Llama one (spaces become U+2581) and the GPT-2 one (byte level). All else would
 * split text differently than the model was trained on, so it is refused. */
#include "import.h"

#include <string.h>

#define SPACE "\xE2\x96\x81" /* U+2581 */

static const char supported[] =
    "supported: ByteLevel with use_regex (GPT-2); Prepend + Replace \" \" -> U+2581, or Metaspace "
    "(Llama)";

/* The `type` of a section; "" when it is absent or null. */
static const char *type_of(const char *path, const json_t *root, const char *section)
{
    const json_t *s = get_object(path, root, section);
    if (!s)
        return "";
    const char *type = json_string_value(json_object_get(s, "type"));
    if (!type)
        bad_value(path, section, s, "its type is missing");
    return type;
}

/* A section's steps: those of its Sequence, or itself; n is 0 when it is null. */
typedef struct Steps {
    const json_t *step[8];
    const char *type[8];
    int n;
} Steps;

static Steps steps_of(const char *path, const json_t *root, const char *section,
                      const char *list_key)
{
    Steps s = {0};
    const char *type = type_of(path, root, section);
    const json_t *object = get_value(root, section);
    bool sequence = !strcmp(type, "Sequence");
    const json_t *list = sequence ? get_array(path, object, list_key) : NULL;
    size_t n = sequence ? json_array_size(list) : object != NULL;
    if (n > LENGTH(s.step))
        bad_value(path, section, object, "a sequence of at most 8 steps was expected");
    for (; s.n < (int)n; s.n++) {
        s.step[s.n] = sequence ? json_array_get(list, (size_t)s.n) : object;
        s.type[s.n] = json_string_value(json_object_get(s.step[s.n], "type"));
        if (!s.type[s.n])
            bad_value(path, section, object, "a step without a type");
    }
    return s;
}

static bool string_is(const json_t *object, const char *key, const char *value)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s && !strcmp(s, value);
}

/* Prepend U+2581 and Replace " " -> U+2581, or the latter alone. False: there is no normalizer. */
static bool read_normalizer(const char *path, const json_t *root, Pipeline *p)
{
    Steps s = steps_of(path, root, "normalizer", "normalizers");
    int i = 0;
    if (i < s.n && !strcmp(s.type[i], "Prepend") && string_is(s.step[i], "prepend", SPACE)) {
        p->add_prefix = true;
        i++;
    }
    if (i < s.n && !strcmp(s.type[i], "Replace") && string_is(s.step[i], "content", SPACE) &&
        string_is(json_object_get(s.step[i], "pattern"), "String", " "))
        i++;
    else if (s.n)
        bad_value(path, "normalizer", get_value(root, "normalizer"), supported);
    if (i != s.n)
        bad_value(path, "normalizer", get_value(root, "normalizer"), supported);
    return s.n > 0;
}

/* Metaspace never prepends to a text that starts with a space. Only the whole text is encoded
 * here, so "first" and "always" are the same. */
static void read_metaspace(Arena *a, const char *path, const json_t *step, Pipeline *p)
{
    const char *where = arena_printf(a, "%s: pre_tokenizer", path);
    if (!string_is(step, "replacement", SPACE))
        bad_value(where, "replacement", json_object_get(step, "replacement"), supported);
    bool legacy = get_bool(where, step, "add_prefix_space", true);
    const char *scheme = get_string(where, step, "prepend_scheme", legacy ? "always" : "never");
    if (strcmp(scheme, "always") && strcmp(scheme, "first") && strcmp(scheme, "never"))
        bad_value(where, "prepend_scheme", json_object_get(step, "prepend_scheme"),
                  "supported: first, always, never");
    p->kind = TOKENIZER_SPM;
    p->add_prefix = strcmp(scheme, "never") != 0;
    p->prefix_once = true;
    p->split_words = get_bool(where, step, "split", true);
}

static void read_byte_level(Arena *a, const char *path, const json_t *step, Pipeline *p)
{
    const char *where = arena_printf(a, "%s: pre_tokenizer", path);
    if (!get_bool(where, step, "use_regex", true))
        bad_value(where, "use_regex", json_object_get(step, "use_regex"), supported);
    p->kind = TOKENIZER_BYTE_LEVEL;
    p->add_prefix = get_bool(where, step, "add_prefix_space", true);
    p->prefix_once = true;
}

static void read_words(Arena *a, const char *path, const json_t *root, Pipeline *p)
{
    bool replaced = read_normalizer(path, root, p);
    Steps s = steps_of(path, root, "pre_tokenizer", "pretokenizers");
    if (s.n == 0 && replaced)
        p->kind = TOKENIZER_SPM;
    else if (s.n == 1 && !replaced && !strcmp(s.type[0], "Metaspace"))
        read_metaspace(a, path, s.step[0], p);
    else if (s.n == 1 && !replaced && !strcmp(s.type[0], "ByteLevel"))
        read_byte_level(a, path, s.step[0], p);
    else
        bad_value(path, "pre_tokenizer", json_object_get(root, "pre_tokenizer"), supported);
}

/* "single": [<s>], A. A token after the text has no place in generation. */
static void read_template(const char *path, const json_t *step, Pipeline *p)
{
    const json_t *list = get_array(path, step, "single"), *item;
    bool text_seen = false;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        const json_t *special = json_object_get(item, "SpecialToken");
        const char *id = json_string_value(json_object_get(special, "id"));
        bool is_text = json_object_get(item, "Sequence") != NULL;
        if (text_seen || is_text == (id != NULL) || (id && p->bos))
            bad_value(path, "post_processor", list,
                      "supported: at most one special token, before the text");
        if (id)
            p->bos = id;
        text_seen = is_text;
    }
}

static void read_post_processor(const char *path, const json_t *root, Pipeline *p)
{
    Steps s = steps_of(path, root, "post_processor", "processors");
    for (int i = 0; i < s.n; i++) {
        if (!strcmp(s.type[i], "TemplateProcessing"))
            read_template(path, s.step[i], p);
        else if (strcmp(s.type[i], "ByteLevel") != 0) /* moves offsets only */
            bad_value(path, "post_processor", get_value(root, "post_processor"),
                      "supported: TemplateProcessing, ByteLevel");
    }
}

/* Decoding is fixed by the kind; the file must not ask for another one. */
static void check_decoder(const char *path, const json_t *root, const Pipeline *p)
{
    static const char *const spm[] = {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"};
    Steps s = steps_of(path, root, "decoder", "decoders");
    for (int i = 0; i < s.n; i++) {
        bool ok = p->kind == TOKENIZER_SPM ? find_name(spm, (int)LENGTH(spm), s.type[i]) >= 0
                                           : !strcmp(s.type[i], "ByteLevel");
        if (!ok)
            bad_value(path, "decoder", get_value(root, "decoder"),
                      p->kind == TOKENIZER_SPM ? "supported: Replace, ByteFallback, Fuse, Strip, "
                                                 "Metaspace"
                                               : "supported: ByteLevel");
    }
}

Pipeline read_pipeline(Arena *a, const char *path, const json_t *root)
{
    Pipeline p = {0};
    read_words(a, path, root, &p);
    read_post_processor(path, root, &p);
    check_decoder(path, root, &p);
    return p;
}
