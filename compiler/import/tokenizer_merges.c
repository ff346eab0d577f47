/* BPE models of tokenizer.json: byte-level pieces or ones with spaces as U+2581, and merges by id.
 */
#include "tokenizer_reader.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const json_t *vocab_of(const Reader *r)
{
    return json_object_get(r->model, "vocab");
}

static void check_model(const Reader *r)
{
    static const char *const prefixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    if (get_double(r->where, r->model, "dropout", 0, 1, 0) > 0)
        bad_value(r->where, "dropout", get_value(r->model, "dropout"), "supported: null");
    for (size_t i = 0; i < LENGTH(prefixes); i++)
        if (*get_string(r->where, r->model, prefixes[i], ""))
            bad_value(r->where, prefixes[i], get_value(r->model, prefixes[i]), "supported: null");
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

/* Text is valid UTF-8 and here below U+0800: two bytes at most. A piece with any other character
 * stands for itself, as in the reference decoder. False then. */
bool decode_byte_level(const char *s, size_t n, uint8_t *out, int *len)
{
    *len = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t c = (uint8_t)s[i];
        if (c >= 0xE0)
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

static void add_byte_level_piece(Reader *r, int id, const char *s, size_t n)
{
    uint8_t bytes[MAX_PIECE];
    int len;
    check_length(r, id, n);
    bool mapped = decode_byte_level(s, n, bytes, &len);
    store_piece(r, id, PIECE_NORMAL, mapped ? (const char *)bytes : s, mapped ? len : (int)n);
    if (mapped && len == 1)
        r->t->byte_id[bytes[0]] = id;
}

void read_bpe_vocab(Reader *r)
{
    const char *key;
    json_t *v;
    check_model(r);
    if (!get_object(r->where, r->model, "vocab"))
        bad_value(r->where, "vocab", NULL, "an object was expected");
    json_object_foreach((json_t *)(uintptr_t)vocab_of(r), key, v)
    {
        int id = token_id(r, "model.vocab", v);
        take_id(r, id);
        if (r->t->kind == TOKENIZER_BYTE_LEVEL)
            add_byte_level_piece(r, id, key, strlen(key));
        else
            add_marked_piece(r, id, key, strlen(key));
    }
}

static int merge_part(const Reader *r, size_t i, const char *s)
{
    const json_t *v = json_object_get(vocab_of(r), s);
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

void read_bpe_rules(Reader *r)
{
    read_merges(r, get_array(r->where, r->model, "merges"));
    read_unk(r, r->where, r->model);
    r->t->marked_spaces = r->t->kind == TOKENIZER_SPM;
    r->t->ignore_merges = get_bool(r->where, r->model, "ignore_merges", false);
}
