/* tokenizer.json, model BPE: pieces and merges by id, whether its pipeline is Llama's or GPT-2's;
 * bos and eos from the files beside it. Pieces are stored as the bytes they stand for. */
#include "import.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef struct Reader {
    Arena *arena;
    const char *path;
    const json_t *vocab, *added;
    Pipeline pipeline;
    Tokenizer *t;
    bool *filled; /* n_pieces: the id has an owner */
} Reader;

/* Model section ---------------------------------------------------------------------------- */

static void check_model(const char *where, const json_t *model)
{
    static const char *const prefixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    const char *type = get_string(where, model, "type", get_value(model, "merges") ? "BPE" : "");
    if (strcmp(type, "BPE") != 0)
        bad_value(where, "type", json_object_get(model, "type"), "supported: BPE");
    if (get_double(where, model, "dropout", 0, 1, 0) > 0)
        bad_value(where, "dropout", get_value(model, "dropout"), "supported: null");
    for (size_t i = 0; i < LENGTH(prefixes); i++)
        if (*get_string(where, model, prefixes[i], ""))
            bad_value(where, prefixes[i], get_value(model, prefixes[i]), "supported: null");
}

/* GPT-2 writes bytes as characters: the 188 printable ones as themselves, the others, in order,
 * as U+0100 ... U+0143; a space (0x20) is the 33rd of those, U+0120. -1: not such a character. */
static int byte_of_character(uint32_t c)
{
    if ((c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xAC) || (c >= 0xAE && c <= 0xFF))
        return (int)c;
    if (c < 0x100 || c > 0x143)
        return -1;
    int n = (int)c - 0x100;
    return n < 0x21 ? n : n < 0x43 ? n - 0x21 + 0x7F : 0xAD;
}

/* All of its characters are below U+0800: two bytes at most. A piece with any other character, or
 * that is not UTF-8, stands for itself, as in the reference decoder. False then. */
bool decode_byte_level(const char *s, size_t n, uint8_t *out, int *len)
{
    *len = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t c = (uint8_t)s[i];
        if (c >= 0xE0 || (c >= 0x80 && c < 0xC0) || (c >= 0xC0 && i + 1 == n))
            return false;
        if (c >= 0xC0)
            c = (c & 0x1F) << 6 | ((uint8_t)s[++i] & 0x3F);
        int byte = byte_of_character(c);
        if (byte < 0)
            return false;
        out[(*len)++] = (uint8_t)byte;
    }
    return true;
}

/* U+2581 is E2 96 81. */
void decode_spaces(const char *s, size_t n, uint8_t *out, int *len)
{
    *len = 0;
    for (size_t i = 0; i < n; i++) {
        bool space = n - i >= 3 && !memcmp(s + i, "\xE2\x96\x81", 3);
        out[(*len)++] = space ? ' ' : (uint8_t)s[i];
        i += space ? 2 : 0;
    }
}

static void store_piece(Reader *r, int id, PieceKind kind, const void *bytes, int len)
{
    Piece *p = &r->t->pieces[id];
    p->bytes = arena_copy(r->arena, bytes, (size_t)len, 1);
    p->len = len;
    p->kind = len ? kind : PIECE_CONTROL;
}

static void add_piece(Reader *r, int id, const char *s, size_t n)
{
    uint8_t bytes[MAX_PIECE];
    int len, byte = -1;
    if (n > MAX_PIECE)
        fatal("%s: model.vocab: token %d has %zu bytes: the limit is %d", r->path, id, n,
              MAX_PIECE);
    if (r->t->kind == TOKENIZER_BYTE_LEVEL) {
        bool mapped = decode_byte_level(s, n, bytes, &len);
        byte = mapped && len == 1 ? bytes[0] : -1;
        store_piece(r, id, PIECE_NORMAL, mapped ? (const char *)bytes : s, mapped ? len : (int)n);
    } else if ((byte = byte_of_piece(s, n)) >= 0) {
        bytes[0] = (uint8_t)byte;
        store_piece(r, id, PIECE_BYTE, bytes, 1);
    } else {
        decode_spaces(s, n, bytes, &len);
        store_piece(r, id, PIECE_NORMAL, bytes, len);
    }
    if (byte >= 0)
        r->t->byte_id[byte] = id;
}

static int token_id(const Reader *r, const char *where, const json_t *v)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        bad_value(r->path, where, v, "a token id of at least 0 was expected");
    if (json_integer_value(v) >= r->t->n_pieces) {
        char why[80];
        snprintf(why, sizeof why, "the model's vocabulary has %d tokens", r->t->n_pieces);
        bad_value(r->path, where, v, why);
    }
    return (int)json_integer_value(v);
}

static void read_vocab(Reader *r)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)r->vocab, key, v)
    {
        int id = token_id(r, "model.vocab", v);
        if (r->filled[id])
            fatal("%s: model.vocab: two tokens have the id %d", r->path, id);
        r->filled[id] = true;
        add_piece(r, id, key, strlen(key));
    }
}

/* Id of a token by its written form: added tokens first, then the vocabulary; -1 for none. */
static int find_token(const Reader *r, const char *content)
{
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)(uintptr_t)r->added, i, v)
    {
        const char *s = json_string_value(json_object_get(v, "content"));
        if (s && !strcmp(s, content))
            return (int)json_integer_value(json_object_get(v, "id"));
    }
    v = json_object_get(r->vocab, content);
    return v ? (int)json_integer_value(v) : -1;
}

/* Special tokens are never made from text and decode to nothing. Others are kept for decoding. */
static void read_added(Reader *r)
{
    int n_plain = 0;
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)(uintptr_t)r->added, i, v)
    {
        if (!json_is_object(v))
            bad_value(r->path, "added_tokens", v, "an object was expected");
        int id = token_id(r, "added_tokens: id", json_object_get(v, "id"));
        const char *s = get_string(r->path, v, "content", NULL);
        if (!s || strlen(s) > MAX_PIECE)
            bad_value(r->path, "added_tokens: content", json_object_get(v, "content"),
                      "a short string was expected");
        const json_t *owner = json_object_get(r->vocab, s);
        if (owner ? json_integer_value(owner) != id : r->filled[id])
            fatal("%s: added_tokens: token %d: model.vocab has another for it", r->path, id);
        bool special = get_bool(r->path, v, "special", false);
        if (r->t->pieces[id].kind != PIECE_BYTE)
            store_piece(r, id, special ? PIECE_CONTROL : PIECE_NORMAL, s, (int)strlen(s));
        r->filled[id] = true;
        n_plain += !special && !owner;
    }
    if (n_plain)
        warn("%s: added_tokens: %d that are not special: text never becomes one of them", r->path,
             n_plain);
}

/* Merges ----------------------------------------------------------------------------------- */

static int merge_part(const Reader *r, size_t i, const char *s)
{
    const json_t *v = json_object_get(r->vocab, s);
    if (!v)
        fatal("%s: model.merges: merge %zu: \"%.40s\" is not in the vocabulary", r->path, i, s);
    return (int)json_integer_value(v);
}

/* ["a", "b"], or "a b" in older files. */
static void split_merge(const Reader *r, const json_t *v, char *left, char *right)
{
    const char *a = json_string_value(json_array_get(v, 0));
    const char *b = json_string_value(json_array_get(v, 1)), *s = json_string_value(v);
    const char *space = s ? strchr(s, ' ') : NULL;
    size_t n = space ? (size_t)(space - s) : a ? strlen(a) : 0;
    if (space)
        a = s, b = strchr(space + 1, ' ') ? NULL : space + 1;
    else if (json_array_size(v) != 2)
        a = NULL;
    if (!a || !b || !n || !*b || n > MAX_PIECE || strlen(b) > MAX_PIECE)
        bad_value(r->path, "model.merges", v, "a pair of tokens was expected");
    memcpy(left, a, n);
    left[n] = '\0';
    strcpy(right, b);
}

/* With split_words a word starts at each space, so no merge ever has a space on its right. */
static bool crosses_words(const Reader *r, int right)
{
    const Piece *p = &r->t->pieces[right];
    return r->pipeline.split_words && memchr(p->bytes, ' ', (size_t)p->len);
}

static void read_merges(Reader *r, const json_t *merges)
{
    size_t n = json_array_size(merges), i;
    if (n > INT_MAX)
        fatal("%s: model.merges: %zu: the limit is %d", r->path, n, INT_MAX);
    Tokenizer *t = r->t;
    t->merges = NEW(r->arena, Merge, n);
    json_t *v;
    json_array_foreach((json_t *)(uintptr_t)merges, i, v)
    {
        char whole[2 * MAX_PIECE + 1], right[MAX_PIECE + 1];
        split_merge(r, v, whole, right);
        Merge m = {merge_part(r, i, whole), merge_part(r, i, right), 0, (int)i};
        strcat(whole, right);
        m.result = merge_part(r, i, whole);
        if (!crosses_words(r, m.right))
            t->merges[t->n_merges++] = m;
    }
    sort_merges(t);
}

/* A character that has neither piece nor bytes becomes unk; runs of unk are not merged here. */
static void read_unk(Reader *r, const char *where, const json_t *model)
{
    const char *unk = get_string(where, model, "unk_token", NULL);
    bool fuse = get_bool(where, model, "fuse_unk", false);
    bool fallback = get_bool(where, model, "byte_fallback", false);
    r->t->unk = unk ? find_token(r, unk) : -1;
    if (unk && r->t->unk < 0)
        bad_value(where, "unk_token", get_value(model, "unk_token"), "it is not in the vocabulary");
    int n_bytes = 0;
    for (int b = 0; b < 256; b++)
        n_bytes += r->t->byte_id[b] >= 0;
    if (r->t->kind == TOKENIZER_SPM && (!fallback || n_bytes < 256))
        bad_value(where, "byte_fallback", json_object_get(model, "byte_fallback"),
                  "with spaces as U+2581, true and all 256 byte tokens are needed");
    if (r->t->kind == TOKENIZER_BYTE_LEVEL && fallback)
        bad_value(where, "byte_fallback", get_value(model, "byte_fallback"),
                  "ByteLevel has no use for it: false was expected");
    if (r->t->kind == TOKENIZER_BYTE_LEVEL && fuse && unk && n_bytes < 256)
        bad_value(where, "fuse_unk", get_value(model, "fuse_unk"),
                  "supported: false, or a vocabulary with all 256 bytes");
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

/* Names beat ids: a config.json that was copied along often keeps another vocabulary's ids. */
static void read_bos_eos(Reader *r)
{
    static const char *const by_id[] = {"generation_config.json", "config.json"};
    Tokenizer *t = r->t;
    const char *path, *bos = r->pipeline.bos;
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
    if (bos) {
        t->bos = find_token(r, bos);
        if (t->bos < 0)
            fatal("%s: post_processor: \"%.40s\" is not in the vocabulary", r->path, bos);
        t->add_bos = true;
    }
    t->add_bos = t->add_bos && t->bos >= 0;
}

Tokenizer *read_tokenizer_json(Arena *a, const char *path, int vocab)
{
    const json_t *root = read_json(a, path);
    const char *where = arena_printf(a, "%s: model", path);
    if (strcmp(get_string(path, root, "version", ""), "1.0") != 0)
        bad_value(path, "version", json_object_get(root, "version"), "supported: \"1.0\"");
    const json_t *model = get_object(path, root, "model");
    if (!model)
        bad_value(path, "model", NULL, "an object was expected");
    check_model(where, model);
    Reader r = {.arena = a, .path = path, .pipeline = read_pipeline(a, path, root)};
    r.vocab = get_object(where, model, "vocab");
    r.added = get_array(path, root, "added_tokens");
    r.t = new_tokenizer(a, r.pipeline.kind, vocab);
    r.filled = NEW(a, bool, vocab);
    if (!r.vocab)
        bad_value(where, "vocab", NULL, "an object was expected");
    read_vocab(&r);
    read_merges(&r, get_array(where, model, "merges"));
    read_added(&r);
    read_unk(&r, where, model);
    r.t->add_prefix = r.pipeline.add_prefix;
    r.t->prefix_once = r.pipeline.prefix_once;
    r.t->ignore_merges = get_bool(where, model, "ignore_merges", false);
    read_bos_eos(&r);
    return r.t;
}
