/* SentencePiece's tokenizer.model: a protocol buffer (sentencepiece_model.proto) of pieces with
 * scores and types, of how the model was trained, and of what becomes of text first. */
#include "import.h"
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { UNIGRAM = 1, BPE = 2 };
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER, TYPE_UNUSED, TYPE_BYTE };

typedef struct Reader {
    Arena *arena;
    const char *path;
    Tokenizer *t;
    int n, model_type, n_user;
    float *score;
    uint8_t *type;
    bool dummy_prefix;
} Reader;

static _Noreturn void bad_field(const Reader *r, const char *what, long long value,
                                const char *supported)
{
    fatal("%s: %s: %lld: supported: %s", r->path, what, value, supported);
}

static int to_id(const Reader *r, const char *what, uint64_t value)
{
    const int64_t id = (int64_t)value;
    if (id >= r->t->n_pieces)
        bad_field(r, what, (long long)id, "a token, or a negative number for none");
    return id < 0 ? -1 : (int)id;
}

/* Pieces ------------------------------------------------------------------------------------ */

static void store_piece(Reader *r, const char *s, size_t n)
{
    const int id = r->n, type = r->type[id];
    Piece *p = &r->t->pieces[id];
    uint8_t bytes[MAX_PIECE];
    const int byte = byte_of_piece(s, n);
    p->len = decode_spaces(s, n, bytes);
    p->kind = type == TYPE_NORMAL && p->len > 0 ? PIECE_NORMAL : PIECE_CONTROL;
    if (type == TYPE_BYTE && byte < 0)
        fatal("%s: piece %d: of type byte, but not written <0x00> to <0xFF>", r->path, id);
    if (type == TYPE_BYTE) {
        bytes[0] = (uint8_t)byte;
        p->len = 1;
        p->kind = PIECE_BYTE;
        r->t->byte_id[byte] = id;
    }
    p->bytes = arena_copy(r->arena, bytes, (size_t)p->len, 1);
}

static void read_piece(Reader *r, ProtoMessage m)
{
    const uint8_t *s = NULL;
    size_t n = 0;
    uint32_t bits = 0;
    uint64_t type = TYPE_NORMAL;
    if (r->n == r->t->n_pieces)
        fatal("%s: more than the %d pieces of the model's vocabulary", r->path, r->n);
    while (proto_next(&m)) {
        if (m.number == 1 && m.wire == 2)
            s = m.data, n = m.n;
        else if (m.number == 2 && m.wire == 5)
            bits = (uint32_t)m.value;
        else if (m.number == 3 && m.wire == 0)
            type = m.value;
    }
    if (n > MAX_PIECE)
        fatal("%s: piece %d has %zu bytes: the limit is %d", r->path, r->n, n, MAX_PIECE);
    if (type < TYPE_NORMAL || type > TYPE_BYTE)
        bad_field(r, "type of a piece", (long long)type, "1 to 6");
    memcpy(&r->score[r->n], &bits, sizeof bits);
    if (!isfinite(r->score[r->n]))
        fatal("%s: piece %d: its score is not finite", r->path, r->n);
    r->type[r->n] = (uint8_t)type;
    r->n_user += type == TYPE_USER;
    if (type == TYPE_UNKNOWN)
        r->t->unk = r->n;
    store_piece(r, s ? (const char *)s : "", n);
    r->n++;
}

/* What the model says of itself ------------------------------------------------------------- */

static void read_trainer(Reader *r, ProtoMessage m)
{
    while (proto_next(&m)) {
        if (m.wire != 0)
            continue;
        switch (m.number) {
        case 3:
            if (m.value != UNIGRAM && m.value != BPE)
                bad_field(r, "trainer_spec: model_type", (long long)m.value,
                          "1 (unigram), 2 (BPE)");
            r->model_type = (int)m.value;
            break;
        case 24:
            if (m.value)
                bad_field(r, "trainer_spec: treat_whitespace_as_suffix", 1, "false");
            break;
        case 35: r->t->byte_fallback = m.value != 0; break;
        case 41: r->t->bos = to_id(r, "trainer_spec: bos_id", m.value); break;
        case 42: r->t->eos = to_id(r, "trainer_spec: eos_id", m.value); break;
        default: break;
        }
    }
}

static void read_charsmap(Reader *r, const ProtoMessage *m)
{
    if (m->n > MAX_CHARSMAP)
        fatal("%s: normalizer_spec: precompiled_charsmap: %zu bytes: the limit is %d", r->path,
              m->n, MAX_CHARSMAP);
    r->t->charsmap = arena_copy(r->arena, m->data, m->n, 1);
    r->t->charsmap_bytes = (int)m->n;
    charsmap_tree(r->arena, r->path, r->t->charsmap, r->t->charsmap_bytes); /* or fatal */
}

static void read_normalizer(Reader *r, ProtoMessage m)
{
    while (proto_next(&m)) {
        if (m.number == 2 && m.wire == 2)
            read_charsmap(r, &m);
        else if (m.number == 3 && m.wire == 0)
            r->dummy_prefix = m.value != 0;
        else if (m.number == 4 && m.wire == 0)
            r->t->squeeze = m.value ? SQUEEZE_ALL : 0;
        else if (m.number == 5 && m.wire == 0 && !m.value)
            bad_field(r, "normalizer_spec: escape_whitespaces", 0, "true");
    }
}

static void read_model(Reader *r, ProtoMessage m)
{
    while (proto_next(&m)) {
        if (m.wire == 2 && m.number == 1)
            read_piece(r, proto_inside(&m));
        else if (m.wire == 2 && m.number == 2)
            read_trainer(r, proto_inside(&m));
        else if (m.wire == 2 && m.number == 3)
            read_normalizer(r, proto_inside(&m));
    }
    if (r->n == 0 || r->t->unk < 0)
        fatal("%s: %d pieces, none of them for unknown text (is this a SentencePiece model?)",
              r->path, r->n);
}

/* Rules ------------------------------------------------------------------------------------- */

static int by_bytes(const void *x, const void *y)
{
    const Added *s = x, *t = y;
    const int order = memcmp(s->bytes, t->bytes, (size_t)smaller(s->len, t->len));
    return order ? order : s->len - t->len;
}

/* The user's pieces are cut out of the text where they stand, the longest first. */
static void add_user_pieces(Reader *r)
{
    Tokenizer *t = r->t;
    if (r->n_user && r->model_type != BPE)
        bad_field(r, "user-defined pieces", r->n_user, "with model_type 2 (BPE)");
    t->added = NEW(r->arena, Added, r->n_user);
    for (int id = 0; id < r->n; id++) {
        if (r->type[id] != TYPE_USER || t->pieces[id].len == 0)
            continue;
        t->pieces[id].kind = PIECE_NORMAL;
        t->added[t->n_added++] = (Added){
            .id = id, .bytes = t->pieces[id].bytes, .len = t->pieces[id].len, .plain = true};
    }
    if (t->n_added)
        qsort(t->added, (size_t)t->n_added, sizeof *t->added, by_bytes);
    for (int i = 1; i < t->n_added; i++)
        if (by_bytes(&t->added[i - 1], &t->added[i]) == 0)
            fatal("%s: pieces %d and %d are spelled alike", r->path, t->added[i - 1].id,
                  t->added[i].id);
}

/* Pairs are joined whose whole is a piece, be the parts pieces or characters that are none: the
 * latter only where every character of a piece is one itself. */
static void check_characters(const Reader *r)
{
    const PieceMap map = map_pieces(r->arena, r->t);
    for (int id = 0; id < r->n; id++) {
        const Piece *p = &r->t->pieces[id];
        for (int i = 0, n; p->kind == PIECE_NORMAL && i < p->len; i += n) {
            for (n = 1; i + n < p->len && (p->bytes[i + n] & 0xC0) == 0x80;)
                n++;
            if (find_piece(&map, p->bytes + i, n) < 0)
                fatal("%s: piece %d: a character of it is no piece: not supported", r->path, id);
        }
    }
}

static void set_bpe(Reader *r)
{
    for (int b = 0; b < 256; b++)
        if (!r->t->byte_fallback || r->t->byte_id[b] < 0)
            bad_field(r, "byte_fallback", r->t->byte_fallback,
                      "with BPE, true and all 256 byte pieces");
    for (int id = 0; id < r->n; id++)
        if (r->type[id] == TYPE_UNUSED)
            bad_field(r, "type of a piece", TYPE_UNUSED, "with BPE, 1 to 4 and 6");
    check_characters(r);
    merge_by_score(r->arena, r->t, r->score);
    r->t->byte_fallback = false; /* of unigram models */
}

static void set_unigram(Reader *r)
{
    Tokenizer *t = r->t;
    t->kind = TOKENIZER_UNIGRAM;
    t->float_sums = true;
    t->scores = NEW(r->arena, double, t->n_pieces);
    for (int id = 0; id < r->n; id++) {
        const double score = r->score[id];
        if (r->type[id] == TYPE_NORMAL &&
            (score > 0 || score < -1e6 || (score < 0 && score > -1e-30)))
            fatal("%s: piece %d: its score is not within -1e6 and 0", r->path, id);
        t->scores[id] = r->type[id] == TYPE_NORMAL ? score : 0;
    }
    for (int b = 0; b < 256; b++)
        if (t->byte_fallback && t->byte_id[b] < 0)
            bad_field(r, "byte_fallback", 1, "true with all 256 byte pieces, or false");
    const PieceMap map = map_pieces(r->arena, t);
    if (t->byte_fallback && find_piece(&map, (const uint8_t *)" ", 1) < 0)
        bad_field(r, "byte_fallback", 1, "true with a piece for U+2581 alone, or false");
}

/* A user's piece is cut out of text before and after it is normalized, which is not the same. */
static void set_form(Reader *r)
{
    Tokenizer *t = r->t;
    if (t->charsmap_bytes == 0 && !t->squeeze)
        return;
    if (r->n_user)
        bad_field(r, "user-defined pieces", r->n_user,
                  "without a precompiled_charsmap and with remove_extra_whitespaces false");
    t->form = NORMAL_CHARSMAP;
}

/* Whether a text begins with bos is not the file's to say: Hugging Face's tokenizer_config.json is
 * asked, where it is beside it. */
static void read_beside(Reader *r)
{
    const char *beside = path_join(r->arena, path_dir(r->arena, r->path), "tokenizer_config.json");
    const json_t *config = file_exists(beside) ? read_json(r->arena, beside) : NULL;
    r->t->add_bos = get_bool(beside, config, "add_bos_token", true) && r->t->bos >= 0;
    if (get_bool(beside, config, "add_eos_token", false)) {
        r->t->after = r->t->eos;
        r->t->add_after = r->t->eos >= 0;
    }
}

Tokenizer *read_tokenizer_model(Arena *a, const char *path, int vocab)
{
    const File f = file_map(a, path);
    Reader r = {.arena = a,
                .path = path,
                .model_type = UNIGRAM,
                .dummy_prefix = true,
                .t = new_tokenizer(a, TOKENIZER_SPM, vocab),
                .score = NEW(a, float, vocab),
                .type = NEW(a, uint8_t, vocab)};
    r.t->bos = vocab > 1 ? 1 : -1;
    r.t->eos = vocab > 2 ? 2 : -1;
    r.t->squeeze = SQUEEZE_ALL;
    read_model(&r, (ProtoMessage){.path = path, .at = f.data, .end = f.data + f.size});
    if (r.t->bos >= r.n || r.t->eos >= r.n)
        bad_field(&r, "trainer_spec: bos_id or eos_id", larger(r.t->bos, r.t->eos),
                  "a piece, or none");
    if (r.n < vocab)
        warn("%s: %d pieces: the model's vocabulary has %d: text never becomes one of the others",
             path, r.n, vocab);
    if (r.model_type == BPE)
        set_bpe(&r);
    else
        set_unigram(&r);
    add_user_pieces(&r);
    set_form(&r);
    r.t->marked_spaces = true;
    r.t->add_prefix = r.dummy_prefix;
    r.t->prefix_raw = r.n_user > 0;
    read_beside(&r);
    return r.t;
}
