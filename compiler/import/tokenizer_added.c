/* added_tokens of tokenizer.json: tokens that are cut out of the text before anything else, special
 * or not. Special ones decode to nothing. */
#include "tokenizer_reader.h"

#include <stdlib.h>
#include <string.h>

/* The reference looks for tokens that are `normalized` in what the others left of the text, and in
 * its normalized form; here all are looked for at once, which is the same as long as no token of
 * the one sort overlaps one of the other. */
typedef struct Token {
    Added added;
    bool normalized;
} Token;

static int by_bytes(const void *x, const void *y)
{
    const Token *s = x, *t = y;
    int n = s->added.len < t->added.len ? s->added.len : t->added.len;
    int order = memcmp(s->added.bytes, t->added.bytes, (size_t)n);
    return order ? order : s->added.len - t->added.len;
}

/* Whether b can begin inside a, or lies in it. */
static bool overlap(const Added *a, const Added *b)
{
    for (int i = 0; i < a->len; i++) {
        int n = a->len - i < b->len ? a->len - i : b->len;
        if (!memcmp(a->bytes + i, b->bytes, (size_t)n))
            return true;
    }
    return false;
}

static bool starts_white(const Added *a)
{
    return a->bytes[0] == ' ' || (a->bytes[0] >= '\t' && a->bytes[0] <= '\r');
}

static void check_overlaps(const Reader *r, const Token *tokens, int n)
{
    bool left = false;
    for (int i = 0; i < n; i++)
        left |= tokens[i].added.left;
    for (int i = 0; i < n; i++) {
        const Added *a = &tokens[i].added;
        if (left && starts_white(a) && !a->plain)
            fatal("%s: added_tokens: token %d begins with a space: not supported together with "
                  "lstrip",
                  r->path, a->id);
        for (int k = 0; k < n; k++) {
            const Added *b = &tokens[k].added;
            if (tokens[i].normalized != tokens[k].normalized && !a->normal && !b->normal &&
                overlap(a, b))
                fatal("%s: added_tokens: tokens %d and %d overlap, and only one of them is "
                      "\"normalized\": not supported",
                      r->path, a->id, b->id);
        }
    }
}

/* What a token is in text that was normalized before: spaces are marked, one is put in front. */
static const char *normalized_form(const Reader *r, const char *s, bool *plain)
{
    const Pipeline *p = &r->pipeline;
    if (r->t->kind == TOKENIZER_WORDPIECE)
        fatal("%s: added_tokens: \"%.40s\": normalized: true: supported with BertNormalizer: false",
              r->path, s);
    *plain = p->normalizes;
    return p->normalizes && p->add_prefix ? arena_printf(r->arena, " %s", s) : s;
}

/* What is looked for in normalized text is written so itself: ASCII is in every form. */
static void check_normal(const Reader *r, const Added *a, const char *s)
{
    bool ascii = true;
    for (const char *c = s; *c; c++)
        ascii &= (unsigned char)*c < 0x80;
    if (!ascii || a->left || a->right)
        fatal("%s: added_tokens: \"%.40s\": normalized: true: supported with a normalization form: "
              "ASCII without lstrip and rstrip",
              r->path, s);
    if (r->t->form == NORMAL_CHARSMAP)
        check_mapped(r->arena, r->path, s, r->t);
}

static Token new_token(const Reader *r, const json_t *v, int id, const char *s, bool special)
{
    Token k = {.added = {.id = id}};
    if (get_bool(r->path, v, "single_word", false))
        bad_value(r->path, "added_tokens: single_word", v, "supported: false");
    k.normalized = get_bool(r->path, v, "normalized", !special);
    k.added.left = get_bool(r->path, v, "lstrip", false);
    k.added.right = get_bool(r->path, v, "rstrip", false);
    if (k.normalized)
        s = normalized_form(r, s, &k.added.plain);
    k.added.normal = k.normalized && r->t->form != NORMAL_NONE;
    if (k.added.normal)
        check_normal(r, &k.added, s);
    k.added.bytes = arena_copy(r->arena, s, strlen(s), 1);
    k.added.len = (int)strlen(s);
    return k;
}

static const char *check_token(const Reader *r, const json_t *v, int *id)
{
    if (!json_is_object(v))
        bad_value(r->path, "added_tokens", v, "an object was expected");
    *id = token_id(r, "added_tokens: id", json_object_get(v, "id"));
    const char *s = get_string(r->path, v, "content", NULL);
    if (!s || strlen(s) >= MAX_PIECE)
        bad_value(r->path, "added_tokens: content", json_object_get(v, "content"),
                  "a short string was expected");
    return s;
}

/* The vocabulary's token of this content, if there is one, is this one. */
static void check_owner(Reader *r, const char *s, int id)
{
    const json_t *vocab = json_object_get(r->model, "vocab");
    const json_t *owner = json_is_object(vocab)
                              ? json_object_get(vocab, s)
                              : json_array_get(json_array_get(vocab, (size_t)id), 0);
    bool same = json_is_object(vocab)
                    ? json_integer_value(owner) == id
                    : !strcmp(json_string_value(owner) ? json_string_value(owner) : "", s);
    if (owner ? !same : r->filled[id])
        fatal("%s: added_tokens: token %d: model.vocab has another for it", r->path, id);
    r->filled[id] = true;
}

static void keep_tokens(Reader *r, Token *tokens, int n)
{
    if (n == 0)
        return;
    qsort(tokens, (size_t)n, sizeof *tokens, by_bytes);
    r->t->added = NEW(r->arena, Added, n);
    for (int i = 0; i < n; i++) {
        if (i > 0 && by_bytes(&tokens[i - 1], &tokens[i]) == 0)
            fatal("%s: added_tokens: tokens %d and %d are spelled alike", r->path,
                  tokens[i - 1].added.id, tokens[i].added.id);
        r->t->added[r->t->n_added++] = tokens[i].added;
    }
}

/* BERT's decoder puts a space before every token that does not go on with a word. */
static void store_added(Reader *r, int id, bool special, const char *s)
{
    if (r->t->pieces[id].kind == PIECE_BYTE)
        return;
    if (r->t->kind == TOKENIZER_WORDPIECE && !special && *s)
        s = arena_printf(r->arena, " %s", s);
    store_piece(r, id, special ? PIECE_CONTROL : PIECE_NORMAL, s, (int)strlen(s));
}

void read_added(Reader *r)
{
    Token *tokens = NEW(r->arena, Token, json_array_size(r->added));
    int n = 0;
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)(uintptr_t)r->added, i, v)
    {
        int id;
        const char *s = check_token(r, v, &id);
        bool special = get_bool(r->path, v, "special", false);
        check_owner(r, s, id);
        store_added(r, id, special, s);
        if (*s)
            tokens[n++] = new_token(r, v, id, s, special);
    }
    check_overlaps(r, tokens, n);
    keep_tokens(r, tokens, n);
}
