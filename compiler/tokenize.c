/* Text to tokens on the host: the runtime's own encoder over tables made from the tokenizer, so
 * that what is measured here is what the generated code does. */
#include "run.h"
#include "runtime.h"

#include <string.h>

struct Encoder {
    lm_tokenizer tables;
    lm_unigram unigram;
    lm_bert bert;
    lm_normal normal;
    lm_charsmap charsmap;
    size_t room_per_byte;
};

typedef struct Tables {
    Data *d;
    int n;
} Tables;

static const void *array(const Tables *t, const char *field)
{
    const Data *d = field_table(t->d, t->n, field);
    return d ? d->bytes : NULL;
}

static uint32_t count(const Tables *t, const char *name)
{
    const Data *d = find_table(t->d, t->n, name);
    return d ? (uint32_t)d->count : 0;
}

/* The runtime's functions by their names, which the emitter prints. */
static const struct {
    const char *name;
    lm_word_end function;
} word_ends[] = {
    {"lm_word_space", lm_word_space},   {"lm_word_each_space", lm_word_each_space},
    {"lm_word_all", lm_word_all},       {"lm_word_gpt2", lm_word_gpt2},
    {"lm_word_digits", lm_word_digits}, {"lm_word_llama3", lm_word_llama3},
    {"lm_word_qwen2", lm_word_qwen2},   {"lm_word_bert", lm_word_bert},
};
static const struct {
    const char *name;
    lm_word_encoder function;
} word_encoders[] = {
    {"lm_bpe_word", lm_bpe_word},
    {"lm_unigram_word", lm_unigram_word},
    {"lm_bert_word", lm_bert_word},
};

static void set_functions(const Tokenizer *t, lm_tokenizer *l)
{
    for (size_t i = 0; i < LENGTH(word_ends); i++) {
        if (!strcmp(word_ends[i].name, tokenizer_word_end(t))) {
            l->word_end = word_ends[i].function;
        }
    }
    for (size_t i = 0; i < LENGTH(word_encoders); i++) {
        if (!strcmp(word_encoders[i].name, tokenizer_word_encoder(t))) {
            l->encode_word = word_encoders[i].function;
        }
    }
    if (!l->word_end || !l->encode_word) {
        die("tokenizer: no function %s, %s", tokenizer_word_end(t), tokenizer_word_encoder(t));
    }
}

static void set_arrays(const Tables *d, lm_tokenizer *l)
{
    l->piece_bytes = array(d, "piece_bytes");
    l->piece_start = array(d, "piece_start");
    l->piece_page = array(d, "piece_page");
    l->n_pages = count(d, "piece_page");
    l->byte_id = array(d, "byte_id");
    l->char_code = array(d, "char_code");
    l->char_id = array(d, "char_id");
    l->char_plane = array(d, "char_plane");
    l->merge_first = array(d, "merge_first");
    l->merge_right = array(d, "merge_right");
    l->merge_result = array(d, "merge_result");
    l->merge_rank = array(d, "merge_rank");
    l->word_piece = array(d, "word_piece");
    l->word_id = array(d, "word_id");
    l->n_words = count(d, "word_id");
    l->added_piece = array(d, "added_piece");
    l->added_id = array(d, "added_id");
    l->added_flags = array(d, "added_flags");
    l->n_added = count(d, "added_id");
    l->glued_id = array(d, "glued_id");
    l->n_glued = count(d, "glued_id");
}

static void set_unigram(const Tokenizer *t, const Tables *d, lm_unigram *u)
{
    const uint64_t unk = tokenizer_unk_score(t);
    u->score = array(d, "score");
    u->low = array(d, "score_low");
    u->unk_high = (uint32_t)(unk >> 32);
    u->unk_low = (uint32_t)unk;
    u->bytes = t->byte_fallback;
    u->single = t->float_sums;
    if (tokenizer_ring(t) > LM_UNIGRAM_RING) {
        die("tokenizer: a ring of %d", tokenizer_ring(t));
    }
}

static void set_bert(const Tokenizer *t, const Tables *d, lm_bert *b)
{
    b->range_plane = array(d, "range_plane");
    b->range_start = array(d, "range_start");
    b->range_size = array(d, "range_size");
    b->map_plane = array(d, "map_plane");
    b->map_code = array(d, "map_code");
    b->map_start = array(d, "map_start");
    b->map_bytes = array(d, "map_bytes");
    b->most_chars = (uint32_t)t->bert.most_chars;
    b->hangul = bert_hangul(t);
}

static void set_normal(const Tables *d, lm_normal *f)
{
    f->apart_plane = array(d, "apart_plane");
    f->apart_code = array(d, "apart_code");
    f->apart_start = array(d, "apart_start");
    f->apart_bytes = array(d, "apart_bytes");
    f->class_plane = array(d, "class_plane");
    f->class_start = array(d, "class_start");
    f->class_size = array(d, "class_size");
    f->pair_plane = array(d, "pair_plane");
    f->pair_first = array(d, "pair_first");
    f->pair_second = array(d, "pair_second");
    f->pair_result = array(d, "pair_result");
}

static void set_charsmap(const Tokenizer *t, const Tables *d, lm_charsmap *m)
{
    m->map_plane = array(d, "map_plane");
    m->map_code = array(d, "map_code");
    m->map_start = array(d, "map_start");
    m->map_bytes = array(d, "map_bytes");
    m->open_plane = array(d, "open_plane");
    m->open_code = array(d, "open_code");
    m->open_state = array(d, "open_state");
    m->join_plane = array(d, "join_plane");
    m->join_code = array(d, "join_code");
    m->edge_first = array(d, "edge_first");
    m->edge_join = array(d, "edge_join");
    m->edge_text = array(d, "edge_text");
    m->edge_state = array(d, "edge_state");
    m->hangul = charsmap_hangul(t);
    m->step = t->clusters ? lm_cluster_at : lm_charsmap_at;
    m->squeeze = (uint8_t)t->squeeze;
}

static lm_tokenizer set_numbers(const Tokenizer *t)
{
    lm_tokenizer l = {
        .n_pieces = t->n_pieces,
        .bos = t->bos,
        .after = t->add_after ? t->after : -1,
        .unk = t->unk,
        .add_bos = t->add_bos && t->bos >= 0,
        .prefix = (uint8_t)tokenizer_prefix(t),
        .prefix_once = (uint8_t)tokenizer_once(t),
        .strip = tokenizer_strips(t),
        .lone_prefix = tokenizer_lone_prefix(t),
        .flags = added_flags(t, NULL),
        .encode_stretch = t->form == NORMAL_NONE ? lm_encode_stretch : lm_encode_normal,
    };
    return l;
}

Encoder *encoder_new(Arena *a, const Tokenizer *t)
{
    Encoder *e = NEW(a, Encoder, 1);
    Tables d;
    d.n = wide_tokenizer_tables(a, t, true, &d.d);
    e->tables = set_numbers(t);
    e->room_per_byte = (size_t)tokenizer_room(t);
    set_functions(t, &e->tables);
    set_arrays(&d, &e->tables);
    if (t->kind == TOKENIZER_UNIGRAM) {
        set_unigram(t, &d, &e->unigram);
        e->tables.unigram = &e->unigram;
    }
    if (t->kind == TOKENIZER_WORDPIECE) {
        set_bert(t, &d, &e->bert);
        e->tables.bert = &e->bert;
    }
    if (t->form == NORMAL_CHARSMAP) {
        set_charsmap(t, &d, &e->charsmap);
        e->tables.normalize = lm_charsmap_text;
        e->tables.charsmap = &e->charsmap;
    } else if (t->form != NORMAL_NONE) {
        set_normal(&d, &e->normal);
        e->tables.normalize = lm_normalize;
        e->tables.normal = &e->normal;
    }
    return e;
}

const struct lm_tokenizer *encoder_tables(const Encoder *e)
{
    return &e->tables;
}

int encode(Arena *a, const Encoder *e, const char *text, size_t n, int **ids)
{
    if (n > INT32_MAX / 32) {
        fatal("text of %zu bytes: the limit is 64 MiB", n);
    }
    size_t room = e->tables.normalize ? 2 * n + 3 : n + 3;
    int32_t *out = NEW(a, int32_t, room);
    int32_t got = lm_encode(&e->tables, text, (uint32_t)n, out, (int32_t)room);
    if (got == LM_E_SPACE) { /* normalizing made it much longer, which is rare */
        room = e->room_per_byte * n + 24;
        out = NEW(a, int32_t, room);
        got = lm_encode(&e->tables, text, (uint32_t)n, out, (int32_t)room);
    }
    if (got < 0) {
        die("encoding %zu bytes gave %d", n, (int)got);
    }
    *ids = out;
    return got;
}

int encode_pair(Arena *a, const Tokenizer *t, const Encoder *e, const char *first, size_t n,
                const char *other, size_t m, int window, int **ids, int *second)
{
    const lm_join how = {t->add_bos && t->bos >= 0,
                         t->add_after,
                         t->n_between,
                         {t->between[0], t->between[1]},
                         t->typed_pairs};
    int *one, *two;
    if (!t->pairs)
        fatal(
            "tokenizer: has no form for two texts: post_processor: pair: two texts were expected");
    const int of_first = encode(a, e, first, n, &one), of_other = encode(a, e, other, m, &two);
    *ids = NEW(a, int, of_first + of_other + 1);
    memcpy(*ids, one, (size_t)of_first * sizeof **ids);
    memcpy(*ids + of_first, two, (size_t)of_other * sizeof **ids);
    const int count = lm_join_texts(*ids, of_first, of_other, &how, window, second);
    if (count < 0)
        fatal("window: %d tokens: what stands around two texts takes more", window);
    return count;
}

int encode_parts(Arena *a, const Encoder *e, const char *text, size_t n, size_t part, size_t room,
                 int **ids)
{
    lm_progress p = {0, 0, 0, 0, 0, 0};
    uint8_t *held = NEW(a, uint8_t, room);
    uint32_t n_held = 0, used;
    const size_t max = e->room_per_byte * (n + room) + 24;
    int32_t *out = NEW(a, int32_t, max), got = 0;
    for (size_t at = 0; at < n && got >= 0; at += part) {
        size_t k = n - at < part ? n - at : part;
        int32_t added =
            lm_encode_feed(&e->tables, &p, held, (uint32_t)room, &n_held,
                           (const uint8_t *)text + at, (uint32_t)k, out + got, (int32_t)max - got);
        got = added < 0 ? added : got + added;
    }
    if (got >= 0) {
        int32_t added =
            lm_encode_some(&e->tables, &p, held, n_held, 0, &used, out + got, (int32_t)max - got);
        got = added < 0 ? added : got + added;
    }
    *ids = out;
    return got;
}

int tokenize(Arena *a, const Tokenizer *t, const char *text, size_t n, int **ids)
{
    Arena *own = arena_new();
    int got = encode(a, encoder_new(own, t), text, n, ids);
    arena_free(own);
    return got;
}

size_t token_bytes(const Tokenizer *t, int id, const uint8_t **bytes)
{
    if (id < 0 || id >= t->n_pieces) {
        die("token %d of %d", id, t->n_pieces);
    }
    *bytes = t->pieces[id].bytes;
    return t->pieces[id].kind == PIECE_CONTROL ? 0 : (size_t)t->pieces[id].len;
}
