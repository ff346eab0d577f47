/* Text to tokens on the host: the runtime's own encoder over tables made from the tokenizer, so
 * that what is measured here is what the generated code does. */
#include "run.h"
#include "runtime.h"

struct Encoder {
    lm_tokenizer tables;
};

static const void *table_bytes(const Data *tables, int n, const char *name)
{
    const Data *d = find_table(tables, n, name);
    return d ? d->bytes : NULL;
}

static uint32_t table_count(const Data *tables, int n, const char *name)
{
    const Data *d = find_table(tables, n, name);
    return d ? (uint32_t)d->count : 0;
}

Encoder *encoder_new(Arena *a, const Tokenizer *t)
{
    static const lm_word_end splits[WORD_SPLITS] = {
        [WORD_SPLIT_SPACE] = lm_word_space,
        [WORD_SPLIT_GPT2] = lm_word_gpt2,
    };
    Encoder *e = NEW(a, Encoder, 1);
    Data *d;
    int n = wide_tokenizer_tables(a, t, true, &d);
    e->tables = (lm_tokenizer){
        .n_pieces = t->n_pieces,
        .bos = t->bos,
        .add_bos = t->add_bos && t->bos >= 0,
        .add_prefix = t->add_prefix,
        .prefix_once = t->prefix_once,
        .strip = t->kind == TOKENIZER_SPM && t->add_prefix,
        .word_end = splits[tokenizer_split(t)],
        .piece_bytes = table_bytes(d, n, "piece_bytes"),
        .piece_start = table_bytes(d, n, "piece_start"),
        .piece_page = table_bytes(d, n, "piece_page"),
        .n_pages = table_count(d, n, "piece_page"),
        .byte_id = table_bytes(d, n, "byte_id"),
        .char_code = table_bytes(d, n, "char_code"),
        .char_id = table_bytes(d, n, "char_id"),
        .char_plane = table_bytes(d, n, "char_plane"),
        .merge_first = table_bytes(d, n, "merge_first"),
        .merge_right = table_bytes(d, n, "merge_right"),
        .merge_result = table_bytes(d, n, "merge_result"),
        .merge_rank = table_bytes(d, n, rank_table(d, n)),
        .word_id = table_bytes(d, n, "word_id"),
        .n_words = table_count(d, n, "word_id"),
    };
    return e;
}

int encode(Arena *a, const Encoder *e, const char *text, size_t n, int **ids)
{
    if (n > INT32_MAX - 2) {
        fatal("text of %zu bytes: the limit is 2 GiB", n);
    }
    int32_t *out = NEW(a, int32_t, n + 2);
    int32_t count = lm_encode(&e->tables, text, (uint32_t)n, out, (int32_t)n + 2);
    if (count < 0) {
        die("encoding %zu bytes gave %d", n, (int)count);
    }
    *ids = out;
    return count;
}

int tokenize(Arena *a, const Tokenizer *t, const char *text, size_t n, int **ids)
{
    Arena *own = arena_new();
    int count = encode(a, encoder_new(own, t), text, n, ids);
    arena_free(own);
    return count;
}

size_t token_bytes(const Tokenizer *t, int id, const uint8_t **bytes)
{
    if (id < 0 || id >= t->n_pieces) {
        die("token %d of %d", id, t->n_pieces);
    }
    *bytes = t->pieces[id].bytes;
    return t->pieces[id].kind == PIECE_CONTROL ? 0 : (size_t)t->pieces[id].len;
}
