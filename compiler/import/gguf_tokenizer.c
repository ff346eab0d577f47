/* The tokenizer inside a GGUF file. "llama" has pieces with scores, like tokenizer.bin: a merge for
 * every split of a piece into two, ranked by the score of the whole. "gpt2" has byte-level pieces
 * and its merges in order. */
#include "gguf.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define T "tokenizer.ggml."

/* Kinds of tokens, as numbered in the file. */
enum { KIND_NORMAL = 1, KIND_UNKNOWN, KIND_CONTROL, KIND_USER, KIND_UNUSED, KIND_BYTE };

typedef struct Reader {
    const Gguf *g;
    Tokenizer *t;
    int n;                /* pieces in the file */
    const uint8_t *kinds; /* n i32 values, or NULL */
    int n_user;
} Reader;

static int kind_of(const Reader *r, int id)
{
    return r->kinds ? (int32_t)read_u32le(r->kinds + 4 * (size_t)id) : KIND_NORMAL;
}

static void store(Reader *r, int id, PieceKind kind, const void *bytes, size_t n)
{
    Piece *p = &r->t->pieces[id];
    p->bytes = arena_copy(r->g->arena, bytes, n, 1);
    p->len = (int)n;
    p->kind = n ? kind : PIECE_CONTROL;
}

/* A piece that text may become: as bytes. */
static void store_normal(Reader *r, int id, const char *s, size_t n)
{
    uint8_t bytes[MAX_PIECE];
    int len, byte = -1;
    if (r->t->kind == TOKENIZER_BYTE_LEVEL) {
        const bool mapped = decode_byte_level(s, n, bytes, &len);
        byte = mapped && len == 1 ? bytes[0] : -1;
        store(r, id, PIECE_NORMAL, mapped ? (const void *)bytes : s, mapped ? (size_t)len : n);
    } else if ((byte = byte_of_piece(s, n)) >= 0) {
        bytes[0] = (uint8_t)byte;
        store(r, id, PIECE_BYTE, bytes, 1);
    } else {
        len = decode_spaces(s, n, bytes);
        store(r, id, PIECE_NORMAL, bytes, (size_t)len);
    }
    if (byte >= 0 && r->t->byte_id[byte] < 0)
        r->t->byte_id[byte] = id;
}

static void store_piece(Reader *r, int id, const char *s, size_t n)
{
    if (n > MAX_PIECE)
        fatal("%s: " T "tokens: token %d has %zu bytes: the limit is %d", r->g->file.path, id, n,
              MAX_PIECE);
    switch (kind_of(r, id)) {
    case KIND_NORMAL:
    case KIND_BYTE: store_normal(r, id, s, n); return;
    case KIND_UNKNOWN:
        r->t->unk = id;
        store(r, id, PIECE_CONTROL, s, n);
        return;
    case KIND_USER: r->n_user++; /* made normal once there are merges */ /* fall through */
    case KIND_CONTROL:
    case KIND_UNUSED: store(r, id, PIECE_CONTROL, s, n); return;
    }
    fatal("%s: " T "token_type: token %d is of type %d: types are 1 to 6", r->g->file.path, id,
          kind_of(r, id));
}

static void read_pieces(Reader *r)
{
    const Gguf *g = r->g;
    const GgufKey *k = gguf_array(g, T "tokens", GGUF_STRING);
    if (!k || k->n < 1 || k->n > (uint64_t)r->t->n_pieces)
        gguf_bad(g, T "tokens",
                 arena_printf(g->arena, "1 to %d tokens, as the embedding has rows, were expected",
                              r->t->n_pieces));
    r->n = (int)k->n;
    const GgufKey *kinds = gguf_array(g, T "token_type", GGUF_I32);
    if (kinds && kinds->n != k->n)
        gguf_bad(g, T "token_type", "one value for each token was expected");
    r->kinds = kinds ? kinds->data : NULL;
    const uint8_t *at = k->data;
    for (int id = 0; id < r->n; id++) {
        size_t n;
        const char *s = (const char *)gguf_next_string(&at, &n);
        store_piece(r, id, s, n);
    }
}

/* Text never becomes one of the user's own tokens here, as with those that tokenizer.json adds. */
static void keep_user_tokens(Reader *r)
{
    for (int id = 0; id < r->n && r->n_user; id++)
        if (kind_of(r, id) == KIND_USER && r->t->pieces[id].len)
            r->t->pieces[id].kind = PIECE_NORMAL;
    if (r->n_user)
        warn("%s: " T "token_type: %d user-defined tokens: text never becomes one of them",
             r->g->file.path, r->n_user);
}

/* Special tokens ---------------------------------------------------------------------------- */

static int special(const Reader *r, const char *key, int fallback)
{
    const int last = r->n - 1;
    return gguf_int(r->g, key, 0, last, fallback <= last ? fallback : -1);
}

static void read_special(Reader *r)
{
    const bool spm = r->t->kind == TOKENIZER_SPM;
    Tokenizer *t = r->t;
    t->bos = special(r, T "bos_token_id", spm ? 1 : -1);
    t->eos = special(r, T "eos_token_id", spm ? 2 : -1);
    t->unk = special(r, T "unknown_token_id", t->unk >= 0 || !spm ? t->unk : 0);
    t->add_bos = gguf_bool(r->g, T "add_bos_token", spm) && t->bos >= 0;
    t->add_prefix = gguf_bool(r->g, T "add_space_prefix", spm);
    t->add_after = gguf_bool(r->g, T "add_eos_token", false) && t->eos >= 0;
    t->after = t->add_after ? t->eos : -1;
    const int ids[] = {t->bos, t->eos, t->unk};
    for (size_t i = 0; i < LENGTH(ids); i++) /* even where the file has no types */
        if (ids[i] >= 0 && t->pieces[ids[i]].kind == PIECE_NORMAL)
            t->pieces[ids[i]].kind = PIECE_CONTROL;
}

/* Merges ----------------------------------------------------------------------------------- */

static void read_scores(Reader *r)
{
    const Gguf *g = r->g;
    const GgufKey *k = gguf_array(g, T "scores", GGUF_F32);
    if (!k || k->n != (uint64_t)r->n)
        gguf_bad(g, T "scores", "one f32 for each token was expected");
    float *score = NEW(g->arena, float, r->t->n_pieces);
    for (int id = 0; id < r->n; id++) {
        const uint32_t bits = read_u32le(k->data + 4 * (size_t)id);
        memcpy(&score[id], &bits, sizeof bits);
        if (!isfinite(score[id]))
            fatal("%s: " T "scores: token %d: its score is not finite", g->file.path, id);
    }
    for (int b = 0; b < 256; b++)
        if (r->t->byte_id[b] < 0)
            fatal("%s: " T "tokens: no token for the byte 0x%02X: all 256 are needed", g->file.path,
                  b);
    merge_by_score(g->arena, r->t, score);
}

static int need_piece(const Reader *r, const PieceMap *map, const uint8_t *s, size_t n, int merge)
{
    uint8_t bytes[2 * MAX_PIECE];
    int len = 0, id = -1;
    if (n <= sizeof bytes && decode_byte_level((const char *)s, n, bytes, &len))
        id = find_piece(map, bytes, len);
    else if (n <= sizeof bytes)
        id = find_piece(map, s, (int)n);
    if (id < 0)
        fatal("%s: " T "merges: merge %d: \"%.*s\" is not a token", r->g->file.path, merge,
              (int)(n < 40 ? n : 40), (const char *)s);
    return id;
}

/* "left right" -> a merge; the whole is the two without the space. */
static Merge read_merge(const Reader *r, const PieceMap *map, const uint8_t *s, size_t n, int i)
{
    const uint8_t *space = memchr(s, ' ', n);
    uint8_t whole[2 * MAX_PIECE];
    const size_t left = space ? (size_t)(space - s) : 0, right = space ? n - left - 1 : 0;
    if (!left || !right || n > sizeof whole || memchr(space + 1, ' ', right))
        fatal("%s: " T "merges: merge %d: two tokens with a space between them were expected",
              r->g->file.path, i);
    memcpy(whole, s, left);
    memcpy(whole + left, space + 1, right);
    return (Merge){need_piece(r, map, s, left, i), need_piece(r, map, space + 1, right, i),
                   need_piece(r, map, whole, left + right, i), i};
}

/* How text is cut into words. */
static void read_pre(Reader *r)
{
    static const struct {
        const char *name;
        Pattern pattern;
        bool ignore_merges;
    } known[] = {
        {"gpt-2", PATTERN_GPT2, false},      {"phi-2", PATTERN_GPT2, false},
        {"smollm", PATTERN_DIGITS, false},   {"qwen2", PATTERN_QWEN2, false},
        {"llama-bpe", PATTERN_LLAMA3, true},
    };
    const char *pre = gguf_string(r->g, T "pre", NULL);
    if (!pre)
        warn("%s: " T "pre: missing: text is cut into words as GPT-2 does", r->g->file.path);
    for (size_t i = 0; pre && i < LENGTH(known); i++)
        if (!strcmp(known[i].name, pre)) {
            r->t->pattern = known[i].pattern;
            r->t->ignore_merges = known[i].ignore_merges;
            return;
        }
    if (pre)
        gguf_bad(r->g, T "pre",
                 "how text is cut into words; supported: \"gpt-2\", \"phi-2\", \"smollm\", "
                 "\"qwen2\", \"llama-bpe\"");
}

static void read_merges(Reader *r)
{
    const Gguf *g = r->g;
    const GgufKey *k = gguf_array(g, T "merges", GGUF_STRING);
    read_pre(r);
    if (!k || k->n > INT_MAX / 8)
        gguf_bad(g, T "merges", "the merges of a byte-level tokenizer were expected");
    const PieceMap map = map_pieces(g->arena, r->t);
    r->t->merges = NEW(g->arena, Merge, k->n);
    const uint8_t *at = k->data;
    for (int i = 0; i < (int)k->n; i++) {
        size_t n;
        const uint8_t *s = gguf_next_string(&at, &n);
        r->t->merges[r->t->n_merges++] = read_merge(r, &map, s, n, i);
    }
    sort_merges(r->t);
}

Tokenizer *gguf_tokenizer(const Gguf *g, int vocab)
{
    const char *model = gguf_string(g, T "model", "none");
    if (!strcmp(model, "none") || !strcmp(model, "no_vocab"))
        return NULL;
    const bool spm = !strcmp(model, "llama");
    if (!spm && strcmp(model, "gpt2") != 0)
        gguf_bad(g, T "model", "supported: \"llama\", \"gpt2\", \"none\"");
    Reader r = {.g = g,
                .t = new_tokenizer(g->arena, spm ? TOKENIZER_SPM : TOKENIZER_BYTE_LEVEL, vocab)};
    read_pieces(&r);
    read_special(&r);
    if (spm)
        read_scores(&r);
    else
        read_merges(&r);
    keep_user_tokens(&r);
    gguf_tokenizer_keys(g, r.t);
    return r.t;
}
