/* tokenizer.json: the pieces by id, what the model's type adds to them, added tokens, bos and eos
 * from the files beside it. Pieces are stored as the bytes they stand for. */
#include "tokenizer_reader.h"

#include <string.h>

/* The types of model; the one of a file without a type is told by what it has. */
static const struct {
    const char *type, *has;
    bool suits[TOKENIZER_KINDS]; /* pipelines */
    void (*read_vocab)(Reader *r);
    void (*read_rules)(Reader *r);
} models[] = {
    {"BPE",
     "merges",
     {[TOKENIZER_SPM] = true, [TOKENIZER_BYTE_LEVEL] = true},
     read_bpe_vocab,
     read_bpe_rules},
    {"Unigram", NULL, {[TOKENIZER_SPM] = true}, read_unigram_vocab, read_unigram_rules},
    {"WordPiece", NULL, {[TOKENIZER_WORDPIECE] = true}, read_wordpiece_vocab, read_wordpiece_rules},
};

void take_id(Reader *r, int id)
{
    if (r->filled[id])
        fatal("%s: model.vocab: two tokens have the id %d", r->path, id);
    r->filled[id] = true;
}

void check_length(const Reader *r, int id, size_t n)
{
    if (n > MAX_PIECE)
        fatal("%s: model.vocab: token %d has %zu bytes: the limit is %d", r->path, id, n,
              MAX_PIECE);
}

void store_piece(Reader *r, int id, PieceKind kind, const void *bytes, int len)
{
    Piece *p = &r->t->pieces[id];
    p->bytes = arena_copy(r->arena, bytes, (size_t)len, 1);
    p->len = len;
    p->kind = len ? kind : PIECE_CONTROL;
}

int token_id(const Reader *r, const char *where, const json_t *v)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        bad_value(r->path, where, v, "a token id of at least 0 was expected");
    if (json_integer_value(v) >= r->t->n_pieces)
        bad_value(r->path, where, v,
                  arena_printf(r->arena, "the model's vocabulary has %d tokens", r->t->n_pieces));
    return (int)json_integer_value(v);
}

/* U+2581 is E2 96 81. */
int decode_spaces(const char *s, size_t n, uint8_t *out)
{
    int len = 0;
    for (size_t i = 0; i < n; i++) {
        bool space = n - i >= 3 && !memcmp(s + i, "\xE2\x96\x81", 3);
        out[len++] = space ? ' ' : (uint8_t)s[i];
        i += space ? 2 : 0;
    }
    return len;
}

void add_marked_piece(Reader *r, int id, const char *s, size_t n)
{
    uint8_t bytes[MAX_PIECE];
    int byte = byte_of_piece(s, n);
    check_length(r, id, n);
    if (byte >= 0) {
        bytes[0] = (uint8_t)byte;
        store_piece(r, id, PIECE_BYTE, bytes, 1);
        r->t->byte_id[byte] = id;
    } else {
        store_piece(r, id, PIECE_NORMAL, bytes, decode_spaces(s, n, bytes));
    }
}

/* A vocabulary is an object of ids by content, or an array of [content, score]. */
static int find_in_vocab(const Reader *r, const char *content)
{
    const json_t *vocab = json_object_get(r->model, "vocab"), *v;
    size_t i;
    int found = -1;
    if (json_is_object(vocab)) {
        v = json_object_get(vocab, content);
        return v ? (int)json_integer_value(v) : -1;
    }
    json_array_foreach((json_t *)(uintptr_t)vocab, i, v)
    {
        const char *s = json_string_value(json_array_get(v, 0));
        found = s && !strcmp(s, content) ? (int)i : found;
    }
    return found;
}

/* Added tokens first, then the vocabulary. */
int find_token(const Reader *r, const char *content)
{
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)(uintptr_t)r->added, i, v)
    {
        const char *s = json_string_value(json_object_get(v, "content"));
        if (s && !strcmp(s, content))
            return (int)json_integer_value(json_object_get(v, "id"));
    }
    return find_in_vocab(r, content);
}

/* bos and eos ------------------------------------------------------------------------------ */

static const json_t *read_beside(const Reader *r, const char *name, const char **path)
{
    *path = path_join(r->arena, path_dir(r->arena, r->path), name);
    return file_exists(*path) ? read_json(r->arena, *path) : NULL;
}

/* "bos_token": "<s>" or {"content": "<s>"} in tokenizer_config.json; -1 when it does not say. */
static int token_by_content(const Reader *r, const char *path, const json_t *config,
                            const char *key)
{
    const json_t *v = get_value(config, key);
    const char *s = json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
    if (v && !s)
        bad_value(path, key, v, "a token was expected");
    int id = s ? find_token(r, s) : -1;
    if (s && id < 0)
        warn("%s: %s: \"%.40s\" is not in %s", path, key, s, r->path);
    return id;
}

/* "eos_token_id": 2 or [2, 32000], of which the first is taken; -1 when it does not say. */
static int token_by_id(const Reader *r, const char *path, const json_t *config, const char *key)
{
    const json_t *v = get_value(config, key);
    if (json_is_array(v)) {
        if (json_array_size(v) > 1)
            warn("%s: %s: several tokens: only the first one ends a text", path, key);
        v = json_array_get(v, 0);
    }
    if (!v)
        return -1;
    if (!json_is_integer(v) || json_integer_value(v) < 0 ||
        json_integer_value(v) >= r->t->n_pieces) {
        warn("%s: %s: not a token of the model, so it is ignored", path, key);
        return -1;
    }
    return (int)json_integer_value(v);
}

/* Fatal when there is no such token, or it has another id. */
static int template_token(const Reader *r, TemplateToken token)
{
    int id = find_token(r, token.content);
    if (id < 0)
        fatal("%s: post_processor: \"%.40s\" is not in the vocabulary", r->path, token.content);
    if (token.id >= 0 && token.id != id)
        fatal("%s: post_processor: \"%.40s\": the id %d, but it is token %d", r->path,
              token.content, token.id, id);
    return id;
}

static void read_template_tokens(Reader *r)
{
    if (r->pipeline.bos.content) {
        r->t->bos = template_token(r, r->pipeline.bos);
        r->t->add_bos = true;
    }
    if (r->pipeline.after.content) {
        r->t->after = template_token(r, r->pipeline.after);
        r->t->add_after = true;
    }
    r->t->pairs = r->pipeline.pairs;
    r->t->typed_pairs = r->pipeline.typed_pairs;
    r->t->n_between = r->pipeline.n_between;
    for (int i = 0; i < r->pipeline.n_between; i++)
        r->t->between[i] = template_token(r, r->pipeline.between[i]);
}

/* Names beat ids: a config.json that was copied along often keeps another vocabulary's ids. */
static void read_bos_eos(Reader *r)
{
    static const char *const by_id[] = {"generation_config.json", "config.json"};
    Tokenizer *t = r->t;
    const char *path;
    const json_t *config = read_beside(r, "tokenizer_config.json", &path);
    if (config) {
        t->bos = token_by_content(r, path, config, "bos_token");
        t->eos = token_by_content(r, path, config, "eos_token");
        t->add_bos = get_bool(path, config, "add_bos_token", false);
    }
    for (size_t i = 0; i < LENGTH(by_id); i++) {
        config = read_beside(r, by_id[i], &path);
        if (t->bos < 0)
            t->bos = token_by_id(r, path, config, "bos_token_id");
        if (t->eos < 0)
            t->eos = token_by_id(r, path, config, "eos_token_id");
    }
    read_template_tokens(r);
    t->add_bos = t->add_bos && t->bos >= 0;
}

/* Which of `models` the file has. */
static size_t find_model(const Reader *r)
{
    const char *type = get_string(r->where, r->model, "type", NULL);
    for (size_t i = 0; i < LENGTH(models); i++)
        if (type ? !strcmp(type, models[i].type)
                 : models[i].has && get_value(r->model, models[i].has))
            return i;
    bad_value(r->where, "type", json_object_get(r->model, "type"),
              "supported: BPE, Unigram, WordPiece");
}

static void set_pipeline(Tokenizer *t, const Pipeline *p)
{
    t->add_prefix = p->add_prefix;
    t->prefix_once = p->prefix_once;
    t->prefix_first = p->prefix_first;
    t->prefix_raw = p->normalizes;
    t->form = p->form;
    t->charsmap = p->charsmap;
    t->charsmap_bytes = p->charsmap_bytes;
    t->squeeze = p->squeeze;
    t->clusters = p->clusters;
    t->pattern = p->pattern;
    t->bert = p->bert;
}

Tokenizer *read_tokenizer_json(Arena *a, const char *path, int vocab)
{
    const json_t *root = read_json(a, path);
    Reader r = {.arena = a, .path = path, .where = arena_printf(a, "%s: model", path)};
    if (strcmp(get_string(path, root, "version", ""), "1.0") != 0)
        bad_value(path, "version", json_object_get(root, "version"), "supported: \"1.0\"");
    r.model = get_object(path, root, "model");
    if (!r.model)
        bad_value(path, "model", NULL, "an object was expected");
    size_t m = find_model(&r);
    r.pipeline = read_pipeline(a, path, root);
    if (!models[m].suits[r.pipeline.kind])
        bad_value(r.where, "type", json_object_get(r.model, "type"),
                  "supported: BPE with ByteLevel or spaces as U+2581, Unigram with the latter, "
                  "WordPiece with BertNormalizer and BertPreTokenizer");
    r.added = get_array(path, root, "added_tokens");
    r.t = new_tokenizer(a, r.pipeline.kind, vocab);
    r.filled = NEW(a, bool, vocab);
    set_pipeline(r.t, &r.pipeline);
    models[m].read_vocab(&r);
    read_added(&r);
    models[m].read_rules(&r);
    read_bos_eos(&r);
    return r.t;
}
