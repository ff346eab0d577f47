/* GGUF files made here value by value: the formats of tensors by hand-worked blocks, the metadata,
 * both kinds of tokenizer, and what must be refused. */
#include "gguf.h"
#include "import_test.h"
#include "run.h"

#include <math.h>

enum { DIM = 8, HIDDEN = 12, LAYERS = 2, HEADS = 4, KV_HEADS = 2, VOCAB = 10, CONTEXT = 6 };
enum { KV_DIM = DIM / HEADS * KV_HEADS };

/* The parts of a file; what a test changes before they are joined. */
typedef struct Parts {
    uint32_t version;
    uint64_t n_keys, n_tensors;
    Buf keys, table, data;
} Parts;

static void put_string(Buf *b, const char *s)
{
    put_u64(b, strlen(s));
    buf_puts(b, s);
}

static void put_key(Parts *p, const char *key, GgufType type)
{
    put_string(&p->keys, key);
    put_u32(&p->keys, type);
    p->n_keys++;
}

static void put_int(Parts *p, const char *key, uint32_t v)
{
    put_key(p, key, GGUF_U32);
    put_u32(&p->keys, v);
}

static void put_number(Parts *p, const char *key, float v)
{
    put_key(p, key, GGUF_F32);
    put_float(&p->keys, v);
}

static void put_text(Parts *p, const char *key, const char *v)
{
    put_key(p, key, GGUF_STRING);
    put_string(&p->keys, v);
}

static void put_array(Parts *p, const char *key, GgufType type, uint64_t n)
{
    put_key(p, key, GGUF_ARRAY);
    put_u32(&p->keys, type);
    put_u64(&p->keys, n);
}

static void put_strings(Parts *p, const char *key, const char *const *v, int n)
{
    put_array(p, key, GGUF_STRING, (uint64_t)n);
    for (int i = 0; i < n; i++)
        put_string(&p->keys, v[i]);
}

static void put_entry(Parts *p, const char *name, int rows, int cols, uint32_t type,
                      uint64_t offset)
{
    put_string(&p->table, name);
    put_u32(&p->table, rows ? 2 : 1);
    put_u64(&p->table, (uint64_t)cols);
    if (rows)
        put_u64(&p->table, (uint64_t)rows);
    put_u32(&p->table, type);
    put_u64(&p->table, offset);
    p->n_tensors++;
}

static void pad_to_32(Buf *b)
{
    while (b->len % 32)
        buf_write(b, "", 1);
}

/* rows 0: a vector. Returns the id of its weights. */
static uint32_t put_tensor(Parts *p, const char *name, int rows, int cols)
{
    const uint32_t id = (uint32_t)p->n_tensors;
    put_entry(p, name, rows, cols, 0, p->data.len);
    put_weights(&p->data, id, (size_t)(rows ? rows : 1) * (size_t)cols);
    pad_to_32(&p->data);
    return id;
}

static void put_sizes(Parts *p)
{
    put_text(p, "general.architecture", "llama");
    put_int(p, "llama.embedding_length", DIM);
    put_int(p, "llama.block_count", LAYERS);
    put_int(p, "llama.feed_forward_length", HIDDEN);
    put_int(p, "llama.attention.head_count", HEADS);
    put_int(p, "llama.attention.head_count_kv", KV_HEADS);
    put_int(p, "llama.context_length", CONTEXT);
    put_number(p, "llama.attention.layer_norm_rms_epsilon", 1e-6f);
    put_number(p, "llama.rope.freq_base", 5e5f);
}

static void put_tensors(Parts *p, bool tied)
{
    static const struct {
        const char *name;
        int rows, cols;
    } of_block[] = {
        {"attn_norm", 0, DIM},     {"attn_q", DIM, DIM},      {"attn_k", KV_DIM, DIM},
        {"attn_v", KV_DIM, DIM},   {"attn_output", DIM, DIM}, {"ffn_norm", 0, DIM},
        {"ffn_gate", HIDDEN, DIM}, {"ffn_up", HIDDEN, DIM},   {"ffn_down", DIM, HIDDEN},
    };
    put_tensor(p, "token_embd.weight", VOCAB, DIM);
    for (int l = 0; l < LAYERS; l++)
        for (size_t i = 0; i < LENGTH(of_block); i++)
            put_tensor(p, arena_printf(arena, "blk.%d.%s.weight", l, of_block[i].name),
                       of_block[i].rows, of_block[i].cols);
    put_tensor(p, "output_norm.weight", 0, DIM);
    if (!tied)
        put_tensor(p, "output.weight", VOCAB, DIM);
}

static Parts whole(bool tied)
{
    Parts p = {.version = 3};
    put_sizes(&p);
    put_tensors(&p, tied);
    return p;
}

static const char *join(Parts *p)
{
    Buf b = {0};
    buf_puts(&b, "GGUF");
    put_u32(&b, p->version);
    put_u64(&b, p->n_tensors);
    put_u64(&b, p->n_keys);
    buf_write(&b, p->keys.data ? p->keys.data : "", p->keys.len);
    buf_write(&b, p->table.data ? p->table.data : "", p->table.len);
    pad_to_32(&b);
    buf_write(&b, p->data.data ? p->data.data : "", p->data.len);
    const char *path = write_file("m.gguf", b.data, b.len);
    buf_free(&b);
    buf_free(&p->keys);
    buf_free(&p->table);
    buf_free(&p->data);
    return path;
}

static void expect_bad_parts(Parts p, const char *text)
{
    expect_bad_import(join(&p), text);
}

/* Models ----------------------------------------------------------------------------------- */

static void check_weights(const float *w, uint32_t id, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(w[i] == test_weight(id, i));
}

static void test_model(void **state)
{
    (void)state;
    for (int tied = 0; tied < 2; tied++) {
        Parts p = whole(tied);
        p.version = tied ? 2 : 3;
        const Model *m = import_model(arena, join(&p), NULL);
        assert_int_equal(m->dim, DIM);
        assert_int_equal(m->vocab, VOCAB);
        assert_int_equal(m->context, CONTEXT);
        assert_int_equal(m->blocks[1].head_dim, DIM / HEADS);
        assert_int_equal(m->blocks[1].n_kv_heads, KV_HEADS);
        assert_true(m->norm_eps == 1e-6f && m->rope_theta == 5e5f);
        assert_true(m->rope_interleaved && m->tied_head == tied);
        assert_null(m->tokenizer);
        check_weights(m->embed.w, 0, VOCAB * DIM);
        check_weights(m->blocks[1].attn_norm.gamma, 10, DIM);
        check_weights(m->blocks[1].linear[ROLE_K].w, 12, KV_DIM * DIM);
        check_weights(m->blocks[1].linear[ROLE_DOWN].w, 18, HIDDEN * DIM);
        check_weights(m->final_norm.gamma, 19, DIM);
        if (!tied)
            check_weights(m->head.w, 20, VOCAB * DIM);
    }
}

/* Formats ---------------------------------------------------------------------------------- */

static void check_format(uint32_t id, const uint8_t *data, size_t bytes, size_t n,
                         const float *want, size_t n_want)
{
    const GgufFormat *f = gguf_format(id);
    float w[256];
    assert_non_null(f);
    assert_int_equal(n / f->elements * f->bytes + f->tail, bytes);
    f->decode(data, data + bytes - f->tail, n, w);
    for (size_t i = 0; i < n_want; i++)
        if (w[i] != want[i])
            fail_msg("%s: element %zu is %g, not %g", f->name, i, (double)w[i], (double)want[i]);
}

/* d is 2 (F16 0x4000) in all blocks. */
static void test_formats(void **state)
{
    (void)state;
    const float plain[] = {1, -2.5f, 0};
    check_format(0, (const uint8_t *)"\0\0\x80\x3F\0\0\x20\xC0\0\0\0", 12, 3, plain, 3);
    check_format(1, (const uint8_t *)"\0\x3C\0\xC1\0", 6, 3, plain, 3);
    check_format(30, (const uint8_t *)"\x80\x3F\x20\xC0\0", 6, 3, plain, 3);
    const uint8_t q8[34] = {0, 0x40, 3, 0x80, 0x7F};
    check_format(8, q8, 34, 32, (const float[]){6, -256, 254, 0}, 4);
    uint8_t q4[18] = {0, 0x40, 0x88, 0x88, 0x88, 0x9F};
    float want[256] = {[3] = 14, [19] = 2};
    for (int i = 4; i < 16; i++)
        want[i] = want[16 + i] = -16;
    check_format(2, q4, 18, 32, want, 32);
}

/* 0x80 is half of 256: every ternary digit of it is 1, so 0. 0xFF: every one is 2, so +d. */
static void test_ternary(void **state)
{
    (void)state;
    float want[256];
    uint8_t tq1[54], tq2[66], i2s[64] = {0};
    memset(tq1, 0x80, sizeof tq1);
    memset(tq2, 0x55, sizeof tq2);
    memset(i2s, 0x55, 32);
    tq1[0] = 0xFF;  /* elements 0, 32, 64, 96, 128 */
    tq1[33] = 0;    /* 161, 177, ...: the second run starts at 160 */
    tq1[51] = 0xFF; /* 243, 247, 251, 255 */
    tq1[52] = tq2[64] = 0;
    tq1[53] = tq2[65] = 0x40;
    for (int i = 0; i < 256; i++)
        want[i] = i < 160   ? (i % 32 == 0 ? 2 : 0)
                  : i < 240 ? (i % 16 == 1 ? -2 : 0)
                            : (i % 4 == 3 ? 2 : 0);
    check_format(34, tq1, 54, 256, want, 256);
    tq2[1] = 0x65;  /* 01 10 01 01: the third code, element 1 + 64, is 2 */
    tq2[32] = 0x15; /* the fourth code is 0: element 128 + 96 */
    for (int i = 0; i < 256; i++)
        want[i] = i == 65 ? 2 : i == 224 ? -2 : 0;
    check_format(35, tq2, 66, 256, want, 256);
    i2s[5] = 0x95; /* the first code, element 5, is 2; scale 3 */
    i2s[34] = 0x40;
    i2s[35] = 0x40;
    for (int i = 0; i < 128; i++)
        want[i] = i == 5 ? 3 : 0;
    check_format(36, i2s, 64, 128, want, 128);
}

/* Tokenizers ------------------------------------------------------------------------------- */

#define TOK "tokenizer.ggml."

static void test_byte_level(void **state)
{
    (void)state;
    static const char *const tokens[VOCAB - 1] = {"<|end|>",
                                                  "a",
                                                  "b",
                                                  "\xC4\xA0",
                                                  "ab",
                                                  "\xC4\xA0"
                                                  "ab",
                                                  "\xC4\x8A",
                                                  "my",
                                                  "\xE4\xB8\xAD"};
    static const char *const merges[] = {"a b", "\xC4\xA0 ab"};
    Parts p = whole(true);
    put_text(&p, TOK "model", "gpt2");
    put_text(&p, TOK "pre", "gpt-2");
    put_strings(&p, TOK "tokens", tokens, VOCAB - 1);
    put_strings(&p, TOK "merges", merges, 2);
    put_array(&p, TOK "token_type", GGUF_I32, VOCAB - 1);
    for (int i = 0; i < VOCAB - 1; i++)
        put_u32(&p.keys, i == 0 ? 3 : i == 7 ? 4 : 1);
    put_int(&p, TOK "eos_token_id", 0);
    put_key(&p, TOK "add_eos_token", GGUF_BOOL);
    buf_write(&p.keys, &(const uint8_t){1}, 1);
    const Tokenizer *t = import_model(arena, join(&p), NULL)->tokenizer;
    assert_true(t->add_after && t->after == 0);
    assert_int_equal(t->kind, TOKENIZER_BYTE_LEVEL);
    assert_true(t->eos == 0 && t->bos == -1 && !t->add_bos && !t->add_prefix);
    assert_int_equal(t->pieces[0].kind, PIECE_CONTROL);
    assert_int_equal(t->byte_id[' '], 3);
    assert_int_equal(t->byte_id['\n'], 6);
    assert_memory_equal(t->pieces[5].bytes, " ab", 3);
    assert_int_equal(t->pieces[7].kind, PIECE_NORMAL); /* decodes, but nothing merges to it */
    assert_memory_equal(t->pieces[8].bytes, "\xE4\xB8\xAD", 3);
    assert_int_equal(t->pieces[9].len, 0); /* the embedding has a row more */
    assert_int_equal(t->n_merges, 2);
    assert_true(t->merges[0].left == 1 && t->merges[0].right == 2 && t->merges[0].result == 4);
    assert_true(t->merges[1].left == 3 && t->merges[1].result == 5 && t->merges[1].rank == 1);
}

static void put_tokens(Parts *p, const char *model, const char *const *tokens, int n)
{
    put_text(p, TOK "model", model);
    put_strings(p, TOK "tokens", tokens, n);
}

static void test_pre(void **state)
{
    (void)state;
    static const char *const tokens[] = {"a", "b", "ab"}, *const merges[] = {"a b"};
    static const struct {
        const char *pre;
        Pattern pattern;
        bool whole;
    } of[] = {
        {"gpt-2", PATTERN_GPT2, false},      {"phi-2", PATTERN_GPT2, false},
        {"smollm", PATTERN_DIGITS, false},   {"qwen2", PATTERN_QWEN2, false},
        {"llama-bpe", PATTERN_LLAMA3, true},
    };
    for (size_t i = 0; i < LENGTH(of); i++) {
        Parts p = whole(true);
        put_tokens(&p, "gpt2", tokens, 3);
        put_text(&p, TOK "pre", of[i].pre);
        put_strings(&p, TOK "merges", merges, 1);
        const Tokenizer *t = import_model(arena, join(&p), NULL)->tokenizer;
        assert_int_equal(t->pattern, of[i].pattern);
        assert_int_equal(t->ignore_merges, of[i].whole);
    }
}

static void test_bad_tokenizers(void **state)
{
    (void)state;
    static const char *const tokens[VOCAB + 1] = {"a", "b", "ab", "c", "d", "e",
                                                  "f", "g", "h",  "i", "j"};
    static const char *const one[] = {"a b c"}, *const gone[] = {"a x"}, *const fine[] = {"a b"};
    Parts p = whole(true);
    put_text(&p, TOK "model", "bert");
    expect_bad_parts(p, TOK "model: \"bert\": supported: \"llama\", \"gpt2\", \"none\"");
    p = whole(true);
    put_tokens(&p, "llama", tokens, VOCAB + 1);
    expect_bad_parts(p, TOK "tokens: an array of 11 string: 1 to 10 tokens");
    p = whole(true);
    put_tokens(&p, "llama", tokens, VOCAB);
    expect_bad_parts(p, TOK "scores: missing: one f32 for each token");
    p = whole(true);
    put_tokens(&p, "gpt2", tokens, VOCAB);
    put_text(&p, TOK "pre", "qwen9");
    expect_bad_parts(p, TOK "pre: \"qwen9\": how text is cut into words; supported: \"gpt-2\"");
    p = whole(true);
    put_tokens(&p, "gpt2", tokens, VOCAB);
    put_strings(&p, TOK "merges", one, 1);
    expect_bad_parts(p, "merge 0: two tokens with a space");
    p = whole(true);
    put_tokens(&p, "gpt2", tokens, VOCAB);
    put_strings(&p, TOK "merges", gone, 1);
    expect_bad_parts(p, "merge 0: \"x\" is not a token");
    p = whole(true);
    put_tokens(&p, "gpt2", tokens, VOCAB);
    put_strings(&p, TOK "merges", fine, 1);
    put_int(&p, TOK "bos_token_id", VOCAB);
    expect_bad_parts(p, TOK "bos_token_id: 10: an integer from 0 to 9");
    p = whole(true);
    put_tokens(&p, "llama", tokens, VOCAB);
    put_array(&p, TOK "scores", GGUF_F32, VOCAB);
    for (int i = 0; i < VOCAB; i++)
        put_float(&p.keys, 0);
    expect_bad_parts(p, TOK "tokens: no token for the byte 0x00");
}

static void put_flag(Parts *p, const char *name, bool value)
{
    put_key(p, name, GGUF_BOOL);
    buf_write(&p->keys, &(const uint8_t){value}, 1);
}

/* The tokenizer alone: the bytes, U+2581, "a" and one for unknown text. */
enum { SCORED = 259 };

static Parts scored(void)
{
    const char *tokens[SCORED];
    Parts p = {.version = 3};
    for (int i = 0; i < 256; i++)
        tokens[i] = arena_printf(arena, "<0x%02X>", i);
    tokens[256] = "\xE2\x96\x81";
    tokens[257] = "a";
    tokens[258] = "<unk>";
    put_tokens(&p, "llama", tokens, SCORED);
    put_int(&p, TOK "unknown_token_id", 258);
    put_array(&p, TOK "scores", GGUF_F32, SCORED);
    for (int i = 0; i < SCORED; i++)
        put_float(&p.keys, 0);
    return p;
}

static const Tokenizer *tokenizer_of(Parts *p)
{
    const File f = file_map(arena, join(p));
    return gguf_tokenizer(gguf_parse(arena, &f), SCORED);
}

static void expect_bad_tokenizer(Parts p, const char *text)
{
    const File f = file_map(arena, join(&p));
    const Gguf *g = gguf_parse(arena, &f);
    EXPECT_FATAL(gguf_tokenizer(g, SCORED), text);
}

static void test_spaces(void **state)
{
    (void)state;
    int *ids;
    Parts p = scored();
    put_flag(&p, TOK "add_space_prefix", false);
    const Tokenizer *t = tokenizer_of(&p);
    assert_true(!t->add_prefix && t->form == NORMAL_NONE && t->marked_spaces);
    assert_int_equal(tokenize(arena, t, " a  \xE2\x96\x81", 7, &ids), 5 + t->add_bos);
    p = scored();
    put_flag(&p, TOK "remove_extra_whitespaces", true);
    t = tokenizer_of(&p);
    assert_true(t->add_prefix && t->form == NORMAL_CHARSMAP && t->squeeze == SQUEEZE_ALL);
    assert_int_equal(tokenize(arena, t, "  a  a ", 7, &ids), 4 + t->add_bos);
    p = scored();
    put_array(&p, TOK "precompiled_charsmap", GGUF_U8, 8);
    buf_write(&p.keys, "12345678", 8);
    expect_bad_tokenizer(p, "precompiled_charsmap: a trie of 875770417 bytes in 8");
    p = scored();
    put_array(&p, TOK "precompiled_charsmap", GGUF_U32, 1);
    put_u32(&p.keys, 1);
    expect_bad_tokenizer(p, TOK "precompiled_charsmap: an array of 1 u32: an array of at most");
}

static void test_fixed_keys(void **state)
{
    (void)state;
    static const char *const tokens[] = {"a", "b", "ab"}, *const merges[] = {"a b"};
    static const char *const refused[] = {"treat_whitespace_as_suffix", "add_sep_token",
                                          "normalizer.lowercase", "normalizer.strip_accents",
                                          "ignore_merges"};
    static const char *const unused[] = {"add_space_prefix", "remove_extra_whitespaces"};
    for (size_t i = 0; i < LENGTH(refused); i++) {
        Parts p = scored();
        put_flag(&p, arena_printf(arena, TOK "%s", refused[i]), true);
        expect_bad_tokenizer(p, arena_printf(arena, TOK "%s: true: supported: false", refused[i]));
    }
    for (size_t i = 0; i < LENGTH(unused); i++) {
        Parts p = {.version = 3};
        put_tokens(&p, "gpt2", tokens, 3);
        put_text(&p, TOK "pre", "gpt-2");
        put_strings(&p, TOK "merges", merges, 1);
        put_flag(&p, arena_printf(arena, TOK "%s", unused[i]), true);
        expect_bad_tokenizer(p, arena_printf(arena, TOK "%s: true: supported: false", unused[i]));
    }
    Parts p = scored();
    put_flag(&p, TOK "escape_whitespaces", false);
    expect_bad_tokenizer(p, TOK "escape_whitespaces: false: supported: true");
}

/* What is refused -------------------------------------------------------------------------- */

static void test_bad_headers(void **state)
{
    (void)state;
    Parts p = whole(true);
    p.version = 1;
    expect_bad_parts(p, "version 1: supported are 2 and 3");
    p = whole(true);
    p.version = 0x03000000;
    expect_bad_parts(p, "a big-endian file");
    p = whole(true);
    p.n_tensors = UINT64_MAX;
    expect_bad_parts(p, "18446744073709551615 tensors: a file of");
    p = whole(true);
    p.n_keys = (uint64_t)1 << 60;
    expect_bad_parts(p, "1152921504606846976 keys: a file of");
    p = whole(true);
    p.n_tensors++;
    expect_bad_import(join(&p), "m.gguf: ");
    expect_bad_import(write_text("m.gguf", "GGUF"), "not a GGUF file");
    expect_bad_import(write_text("m.gguf", "PK\3\4"), "PyTorch pickles");
    expect_bad_import(write_text("other.gguf", "a file of any other kind"), "not a GGUF file");
}

static void test_bad_keys(void **state)
{
    (void)state;
    Parts p = {.version = 3};
    put_array(&p, "a", GGUF_ARRAY, 1);
    expect_bad_parts(p, "a: an array of arrays");
    p = (Parts){.version = 3};
    put_array(&p, "a", GGUF_U64, (uint64_t)1 << 61);
    expect_bad_parts(p, "a: 2305843009213693952 elements: the limit is 1073741824");
    p = (Parts){.version = 3};
    put_array(&p, "a", GGUF_U64, 1 << 20);
    expect_bad_parts(p, "a: 8388608 bytes at byte");
    p = (Parts){.version = 3};
    put_key(&p, "a", GGUF_STRING);
    put_u64(&p.keys, UINT64_MAX);
    expect_bad_parts(p, "a: 18446744073709551615 bytes at byte");
    p = (Parts){.version = 3};
    put_key(&p, "a", GGUF_TYPES);
    put_u64(&p.keys, 0);
    expect_bad_parts(p, "a: value type 13: types are 0 to 12");
    p = (Parts){.version = 3};
    put_int(&p, "", 1);
    put_u64(&p.keys, 0);
    expect_bad_parts(p, "a name of 0 bytes");
    p = (Parts){.version = 3};
    put_int(&p, "a\nb", 1);
    expect_bad_parts(p, "byte 1 of its name is 0x0A");
    p = (Parts){.version = 3};
    put_int(&p, "twice", 1);
    put_int(&p, "twice", 1);
    expect_bad_parts(p, "twice: two keys of this name");
    p = (Parts){.version = 3};
    put_int(&p, "general.alignment", 24);
    expect_bad_parts(p, "general.alignment: 24: a u32 that is a power of two");
}

static void test_bad_tensors(void **state)
{
    (void)state;
    static const struct {
        int rows, cols;
        uint32_t type;
        uint64_t offset;
        const char *text;
    } bad[] = {
        {4, 8, 3, 0, "tensor t: type 3 (Q4_1): supported are F32, F16, BF16, Q8_0, Q4_0"},
        {4, 8, 99, 0, "tensor t: type 99: supported are"},
        {4, 8, 8, 0, "tensor t: rows of 8 elements: Q8_0 has blocks of 32"},
        {3, 32, 36, 0, "tensor t: rows of 96 elements: I2_S has blocks of 128"},
        {0, -1, 0, 0, "dimension 0 is 18446744073709551615"},
        {-1, 1 << 30, 0, 0, "dimension 1 is 18446744073709551615"},
        {4, 8, 0, 32, "tensor t: offset 32: the tensors before it end at 0 (a gap)"},
        {4, 8, 0, UINT64_MAX, "tensor t: offset 18446744073709551615: the file has only"},
        {1 << 20, 1 << 20, 0, 0, "tensor t: 4398046511104 bytes at 0: the file has only"},
    };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        Parts p = {.version = 3};
        put_entry(&p, "t", bad[i].rows, bad[i].cols, bad[i].type, bad[i].offset);
        put_weights(&p.data, 0, 64);
        expect_bad_parts(p, bad[i].text);
    }
    Parts p = {.version = 3};
    put_tensor(&p, "t", 0, 8);
    put_entry(&p, "u", 0, 8, 0, 0);
    expect_bad_parts(p, "tensor u: offset 0: the tensors before it end at 32 (they overlap)");
    p = (Parts){.version = 3};
    put_tensor(&p, "t", 0, 8);
    put_tensor(&p, "t", 0, 8);
    expect_bad_parts(p, "tensor t: two tensors of this name");
    p = whole(true);
    buf_write(&p.data, "", 1);
    expect_bad_parts(p, "1 bytes after the last tensor");
    p = whole(true);
    p.data.len -= 32;
    expect_bad_parts(p, "tensor output_norm.weight: 32 bytes at");
    p = (Parts){.version = 3};
    put_entry(&p, arena_printf(arena, "%064d", 0), 0, 8, 0, 0);
    expect_bad_parts(p, "a name of 64 bytes: must be 1 to 63");
}

static void test_bad_models(void **state)
{
    (void)state;
    Parts p = {.version = 3};
    put_text(&p, "general.architecture", "mamba");
    expect_bad_parts(p, "general.architecture: \"mamba\": supported: \"llama\", \"qwen2\", "
                        "\"qwen3\", \"gemma\"");
    p = whole(true);
    put_tensor(&p, "extra", 0, 8);
    expect_bad_parts(p, "tensor extra: has no place in a 2-layer llama model");
    static const char *const zero[] = {
        "expert_count",           "attention.sliding_window", "attention.scale",
        "attn_logit_softcapping", "final_logit_softcapping",  "logit_scale",
        "residual_scale",         "embedding_scale",          "rope.scaling.attn_factor"};
    for (size_t i = 0; i < LENGTH(zero); i++) {
        p = whole(true);
        put_int(&p, arena_printf(arena, "llama.%s", zero[i]), 8);
        expect_bad_parts(
            p, arena_printf(arena, "llama.%s: 8: not supported: 0 was expected", zero[i]));
    }
    static const char *const others[] = {"bert", "gpt2", "phi2", "bitnet", "gemma2", "llama4"};
    for (size_t i = 0; i < LENGTH(others); i++) {
        p = (Parts){.version = 3};
        put_text(&p, "general.architecture", others[i]);
        expect_bad_parts(
            p,
            arena_printf(arena, "general.architecture: \"%s\": supported: \"llama\"", others[i]));
    }
    p = whole(true);
    put_tensor(&p, "rope_freqs.weight", 0, 1); /* of weights from -1 */
    expect_bad_parts(p, "tensor rope_freqs.weight: ");
    p = whole(true);
    put_int(&p, "split.count", 3);
    expect_bad_parts(p, "split.count: 3: one part of several");
    p = whole(true);
    put_text(&p, "llama.rope.scaling.type", "yarn");
    expect_bad_parts(p, "llama.rope.scaling.type: \"yarn\": supported: \"none\", \"linear\"");
    p = whole(true);
    put_int(&p, "llama.rope.dimension_count", 4);
    expect_bad_parts(p, "llama.rope.dimension_count: 4: the head size is 2");
    p = whole(true);
    put_int(&p, "llama.vocab_size", VOCAB + 1);
    expect_bad_parts(p, "llama.vocab_size: 11: token_embd.weight has 10 rows");
    p = whole(true);
    put_int(&p, "llama.attention.key_length", 4);
    expect_bad_parts(p, "tensor blk.0.attn_q.weight: shape [8, 8]: the metadata asks for [16, 8]");
    p = whole(true);
    memcpy(p.data.data + 4, "\0\0\x80\x7F", 4);
    expect_bad_parts(p, "tensor token_embd.weight: element 1 is infinite");
    p = (Parts){.version = 3};
    put_sizes(&p);
    expect_bad_parts(p, "tensor token_embd.weight: missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_model),      FILE_TEST(test_formats),     FILE_TEST(test_ternary),
        FILE_TEST(test_byte_level), FILE_TEST(test_bad_headers), FILE_TEST(test_bad_tokenizers),
        FILE_TEST(test_bad_keys),   FILE_TEST(test_bad_tensors), FILE_TEST(test_bad_models),
        FILE_TEST(test_pre),        FILE_TEST(test_spaces),      FILE_TEST(test_fixed_keys),
    };
    return cmocka_run_group_tests(tests, make_test_dir, remove_test_dir);
}
