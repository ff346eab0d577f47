/* tokenizer.json's normalizer, pre_tokenizer, post_processor and decoder. Three pipelines are read:
 * spaces as U+2581 (Llama 2, SentencePiece), byte level (GPT-2, Llama 3) and BERT's. All else would
 * split text differently than the model was trained on, so it is refused. */
#include "import.h"

#include <string.h>

#define SPACE "\xE2\x96\x81" /* U+2581 */

static const char supported_normalizers[] =
    "supported: null; NFC, NFD, NFKC, NFKD; after one of them or alone Replace \" \" -> U+2581, "
    "with or without Prepend U+2581; BertNormalizer; Precompiled";
static const char supported[] =
    "supported: ByteLevel with use_regex (GPT-2); Sequence of Digits (individual_digits) and that; "
    "Sequence of Split by the pattern of GPT-2, Llama 3 or Qwen 2, Isolated, and ByteLevel without "
    "use_regex; Metaspace with U+2581; after Precompiled Sequence of WhitespaceSplit and that; "
    "null after Replace \" \" -> U+2581; BertPreTokenizer";

/* The patterns that Split may have, as tokenizer.json spells them. */
static const char *const patterns[PATTERNS] = {
    [PATTERN_GPT2] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
                     "\\s+(?!\\S)|\\s+",
    [PATTERN_LLAMA3] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
                       " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    [PATTERN_QWEN2] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
                      " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
};

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

/* Text is lower-cased unless the file says otherwise, and accents go with the case. */
static void read_bert_normalizer(Arena *a, const char *path, const json_t *step, Pipeline *p)
{
    const char *where = arena_printf(a, "%s: normalizer", path);
    p->kind = TOKENIZER_WORDPIECE;
    p->bert.clean = get_bool(where, step, "clean_text", true);
    p->bert.cjk = get_bool(where, step, "handle_chinese_chars", true);
    p->bert.lower = get_bool(where, step, "lowercase", true);
    p->bert.strip = get_bool(where, step, "strip_accents", p->bert.lower);
}

/* The form that this step is, or NORMAL_NONE. */
static NormalForm form_of(const char *type)
{
    static const char *const types[NORMAL_FORMS] = {
        [NORMAL_NFC] = "NFC", [NORMAL_NFD] = "NFD", [NORMAL_NFKC] = "NFKC", [NORMAL_NFKD] = "NFKD"};
    for (int i = NORMAL_NFC; i < NORMAL_FORMS; i++)
        if (types[i] && !strcmp(type, types[i]))
            return (NormalForm)i;
    return NORMAL_NONE;
}

/* Precompiled; a normalization form; Prepend U+2581 and Replace " " -> U+2581, or the latter alone;
 * or BERT's. False: there is none.
 */
static bool read_normalizer(Arena *a, const char *path, const json_t *root, Pipeline *p)
{
    Steps s = steps_of(path, root, "normalizer", "normalizers");
    int i = 0;
    if (s.n == 1 && !strcmp(s.type[0], "BertNormalizer")) {
        read_bert_normalizer(a, path, s.step[0], p);
        return true;
    }
    if (read_precompiled(a, path, s.step, s.n, p))
        return false;
    p->form = s.n ? form_of(s.type[0]) : NORMAL_NONE;
    i += p->form != NORMAL_NONE;
    const int first = i;
    if (i < s.n && !strcmp(s.type[i], "Prepend") && string_is(s.step[i], "prepend", SPACE)) {
        p->add_prefix = true;
        i++;
    }
    if (i < s.n && !strcmp(s.type[i], "Replace") && string_is(s.step[i], "content", SPACE) &&
        string_is(json_object_get(s.step[i], "pattern"), "String", " "))
        i++;
    else if (s.n > first)
        bad_value(path, "normalizer", get_value(root, "normalizer"), supported_normalizers);
    if (i != s.n)
        bad_value(path, "normalizer", get_value(root, "normalizer"), supported_normalizers);
    p->normalizes = s.n > first;
    return s.n > first;
}

/* Metaspace never prepends to a stretch that starts with a space. */
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
    p->prefix_first = !strcmp(scheme, "first");
    p->prefix_once = true;
    p->split_words = get_bool(where, step, "split", true);
}

static void read_byte_level(Arena *a, const char *path, const json_t *step, bool regex, Pipeline *p)
{
    const char *where = arena_printf(a, "%s: pre_tokenizer", path);
    if (get_bool(where, step, "use_regex", true) != regex)
        bad_value(where, "use_regex", json_object_get(step, "use_regex"), supported);
    p->kind = TOKENIZER_BYTE_LEVEL;
    p->add_prefix = get_bool(where, step, "add_prefix_space", true);
    p->prefix_once = true;
}

/* What a Sequence does before ByteLevel. That one puts its space before each part that the first
 * step cut: only without one is that what is done here. */
static void read_split(Arena *a, const char *path, const Steps *s, Pipeline *p)
{
    const char *where = arena_printf(a, "%s: pre_tokenizer", path);
    const json_t *step = s->step[0];
    bool digits = !strcmp(s->type[0], "Digits");
    if (digits) {
        if (!get_bool(where, step, "individual_digits", false))
            bad_value(where, "individual_digits", json_object_get(step, "individual_digits"),
                      supported);
        p->pattern = PATTERN_DIGITS;
    } else {
        const json_t *pattern = get_object(where, step, "pattern");
        const char *regex = json_string_value(json_object_get(pattern, "Regex"));
        int i = 0;
        while (i < PATTERNS && (!regex || !patterns[i] || strcmp(regex, patterns[i]) != 0))
            i++;
        if (i == PATTERNS)
            bad_value(where, "pattern", json_object_get(step, "pattern"), supported);
        if (!string_is(step, "behavior", "Isolated") || get_bool(where, step, "invert", false))
            bad_value(where, "behavior", json_object_get(step, "behavior"), supported);
        p->pattern = (Pattern)i;
    }
    read_byte_level(a, path, s->step[1], digits, p);
    if (p->add_prefix)
        bad_value(where, "add_prefix_space", json_object_get(s->step[1], "add_prefix_space"),
                  "supported after another step: false");
}

/* WhitespaceSplit takes the white space between words away, Metaspace marks each of them. */
static void read_split_words(Arena *a, const char *path, const json_t *step, Pipeline *p)
{
    check_split(a, path, p);
    read_metaspace(a, path, step, p);
    if (!p->add_prefix || p->prefix_first)
        bad_value(path, "pre_tokenizer: prepend_scheme", step,
                  "supported after WhitespaceSplit: always");
    p->squeeze = SQUEEZE_RUNS | SQUEEZE_FIRST | SQUEEZE_WHITE | SQUEEZE_SPLIT;
}

static void read_words(Arena *a, const char *path, const json_t *root, Pipeline *p)
{
    bool normalized = read_normalizer(a, path, root, p);
    bool bert = normalized && !p->normalizes;
    Steps s = steps_of(path, root, "pre_tokenizer", "pretokenizers");
    const bool mapped = p->form == NORMAL_CHARSMAP;
    if (s.n == 0 && p->normalizes)
        p->kind = TOKENIZER_SPM;
    else if (s.n == 2 && mapped && !strcmp(s.type[0], "WhitespaceSplit") &&
             !strcmp(s.type[1], "Metaspace"))
        read_split_words(a, path, s.step[1], p);
    else if (s.n == 1 && !normalized && !strcmp(s.type[0], "Metaspace"))
        read_metaspace(a, path, s.step[0], p);
    else if (s.n == 1 && !normalized && !mapped && !strcmp(s.type[0], "ByteLevel"))
        read_byte_level(a, path, s.step[0], true, p);
    else if (s.n == 2 && !normalized && !mapped && !strcmp(s.type[1], "ByteLevel") &&
             (!strcmp(s.type[0], "Split") || !strcmp(s.type[0], "Digits")))
        read_split(a, path, &s, p);
    else if (!(s.n == 1 && bert && !strcmp(s.type[0], "BertPreTokenizer")))
        bad_value(path, "pre_tokenizer", json_object_get(root, "pre_tokenizer"), supported);
}

/* The id that the template's own table has for a token; it is one token. */
static int template_id(const char *path, const json_t *step, const char *name)
{
    const json_t *tokens = get_object(path, step, "special_tokens");
    const json_t *token = json_object_get(tokens, name);
    const json_t *ids = json_object_get(token, "ids");
    if (tokens && (json_array_size(ids) != 1 || !json_is_integer(json_array_get(ids, 0))))
        bad_value(path, "post_processor: special_tokens", tokens,
                  "one id was expected for each token of the template");
    const json_int_t id = json_integer_value(json_array_get(ids, 0));
    if (tokens && (id < 0 || id >= MAX_VOCAB))
        bad_value(path, "post_processor: special_tokens", token, "an id was expected");
    return tokens ? (int)id : -1;
}

/* An item of a template. */
typedef struct Item {
    TemplateToken token; /* content NULL: a text */
    int type;
    bool first; /* text A */
} Item;

static Item read_item(const char *path, const json_t *step, const json_t *item)
{
    const json_t *special = json_object_get(item, "SpecialToken");
    const json_t *text = json_object_get(item, "Sequence");
    const char *id = json_string_value(json_object_get(special ? special : text, "id"));
    Item i = {.type =
                  (int)json_integer_value(json_object_get(special ? special : text, "type_id"))};
    if (special && id)
        i.token = (TemplateToken){id, template_id(path, step, id)};
    i.first = text && id && strcmp(id, "A") == 0;
    return i;
}

static bool is_end(const Item *i, const TemplateToken *t, int type)
{
    return i->token.content && t->content && strcmp(i->token.content, t->content) == 0 &&
           i->type == type;
}

/* "pair": [<s>], A, one or two tokens, B, [</s>], the ends being those of a single text; what
 * stands before B is of type 0, B and what follows of type 0 or 1. Others have no pairs. */
static void read_pair(const char *path, const json_t *step, Pipeline *p)
{
    const json_t *list = get_array(path, step, "pair");
    const int before = p->bos.content != NULL, after = p->after.content != NULL;
    const int n = (int)json_array_size(list);
    Item items[6];
    if (n < before + after + 2 || n > (int)LENGTH(items))
        return;
    for (int i = 0; i < n; i++)
        items[i] = read_item(path, step, json_array_get(list, (size_t)i));
    const Item *first = &items[before], *second = &items[n - 1 - after];
    const int between = (int)(second - first) - 1, most = (int)LENGTH(p->between);
    bool fits = first->first && first->type == 0 && !second->token.content && !second->first &&
                (second->type == 0 || second->type == 1) && between <= before + after &&
                between <= most && (!before || is_end(&items[0], &p->bos, 0)) &&
                (!after || is_end(&items[n - 1], &p->after, second->type));
    for (int i = 0; i < between && fits; i++) {
        p->between[i] = first[1 + i].token;
        fits = p->between[i].content && first[1 + i].type == 0;
    }
    p->pairs = fits;
    p->n_between = fits ? between : 0;
    p->typed_pairs = fits && second->type == 1;
}

/* "single": [<s>], A, [</s>], all of type 0. */
static void read_template(const char *path, const json_t *step, Pipeline *p)
{
    const json_t *list = get_array(path, step, "single"), *item;
    bool text_seen = false;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        const json_t *special = json_object_get(item, "SpecialToken");
        const json_t *text = json_object_get(item, "Sequence");
        const char *id = json_string_value(json_object_get(special, "id"));
        TemplateToken *to = text_seen ? &p->after : &p->bos;
        if ((text != NULL) == (id != NULL) || (text && text_seen) || (id && to->content))
            bad_value(path, "post_processor", list,
                      "supported: the text, at most one special token before it and one after it");
        if (json_integer_value(json_object_get(text ? text : special, "type_id")) != 0)
            bad_value(path, "post_processor: type_id", list, "supported: 0");
        if (id)
            *to = (TemplateToken){id, template_id(path, step, id)};
        text_seen |= text != NULL;
    }
    read_pair(path, step, p);
}

/* "cls": ["[CLS]", 101], "sep": ["[SEP]", 102] */
static TemplateToken read_end(const char *path, const json_t *step, const char *key)
{
    const json_t *pair = json_object_get(step, key), *id = json_array_get(pair, 1);
    const char *content = json_string_value(json_array_get(pair, 0));
    if (!content || json_array_size(pair) != 2 || !json_is_integer(id) ||
        json_integer_value(id) < 0 || json_integer_value(id) >= MAX_VOCAB)
        bad_value(path, "post_processor", step,
                  "cls and sep were expected, each a token and its id");
    return (TemplateToken){content, (int)json_integer_value(id)};
}

static void read_post_processor(const char *path, const json_t *root, Pipeline *p)
{
    Steps s = steps_of(path, root, "post_processor", "processors");
    for (int i = 0; i < s.n; i++) {
        if (!strcmp(s.type[i], "TemplateProcessing")) {
            read_template(path, s.step[i], p);
        } else if (!strcmp(s.type[i], "BertProcessing") ||
                   !strcmp(s.type[i], "RobertaProcessing")) {
            p->bos = read_end(path, s.step[i], "cls");
            p->after = read_end(path, s.step[i], "sep");
            p->pairs = true;
            p->typed_pairs = !strcmp(s.type[i], "BertProcessing");
            p->n_between = p->typed_pairs ? 1 : 2;
            p->between[0] = p->between[1] = p->after;
        } else if (strcmp(s.type[i], "ByteLevel") != 0) /* moves offsets only */
            bad_value(
                path, "post_processor", get_value(root, "post_processor"),
                "supported: TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel");
    }
}

/* Decoding is fixed by the kind; the file must not ask for another one. */
static const struct {
    const char *const steps[6];
    const char *supported;
} decoders[TOKENIZER_KINDS] = {
    [TOKENIZER_SPM] = {{"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"},
                       "supported: Replace, ByteFallback, Fuse, Strip, Metaspace"},
    [TOKENIZER_BYTE_LEVEL] = {{"ByteLevel"}, "supported: ByteLevel"},
    [TOKENIZER_WORDPIECE] = {{"WordPiece"}, "supported: WordPiece"},
};

static void check_decoder(Arena *a, const char *path, const json_t *root, Pipeline *p)
{
    const char *where = arena_printf(a, "%s: decoder", path);
    Steps s = steps_of(path, root, "decoder", "decoders");
    for (int i = 0; i < s.n; i++) {
        bool known = false;
        for (int k = 0; decoders[p->kind].steps[k]; k++)
            known |= !strcmp(decoders[p->kind].steps[k], s.type[i]);
        if (!known)
            bad_value(path, "decoder", get_value(root, "decoder"), decoders[p->kind].supported);
        if (p->kind == TOKENIZER_WORDPIECE)
            p->bert.cleanup = get_bool(where, s.step[i], "cleanup", true);
    }
}

Pipeline read_pipeline(Arena *a, const char *path, const json_t *root)
{
    Pipeline p = {0};
    read_words(a, path, root, &p);
    read_post_processor(path, root, &p);
    check_decoder(a, path, root, &p);
    return p;
}
