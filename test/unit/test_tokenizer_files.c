/* tokenizer.bin and tokenizer.json: the pieces, merges and flags they give, and what is refused. */
#include "import_test.h"

#define SP "\xE2\x96\x81" /* U+2581 */

static void expect_piece(const Tokenizer *t, int id, PieceKind kind, const char *bytes)
{
    assert_in_range(id, 0, t->n_pieces - 1);
    assert_int_equal(t->pieces[id].kind, kind);
    assert_int_equal(t->pieces[id].len, strlen(bytes));
    assert_memory_equal(t->pieces[id].bytes, bytes, strlen(bytes));
}

static void expect_merge(const Tokenizer *t, int i, int left, int right, int result, int rank)
{
    assert_in_range(i, 0, t->n_merges - 1);
    Merge m = t->merges[i];
    assert_true(m.left == left && m.right == right && m.result == result && m.rank == rank);
}

/* tokenizer.bin ---------------------------------------------------------------------------- */

typedef struct Entry {
    float score;
    const char *bytes;
} Entry;

static const Entry entries[] = {
    {0, "<unk>"}, {0, "\n<s>\n"}, {0, "\n</s>\n"}, {0, "<0x0A>"}, {0, "<0xfF>"}, {-1, "ab"},
    {-2, "abc"},  {-2, "bc"},     {-9, "a"},       {-9, "b"},     {-9, "c"},     {-9, " "},
};

static Buf make_bin(int longest)
{
    Buf b = {0};
    put_u32(&b, (uint32_t)longest);
    for (size_t i = 0; i < LENGTH(entries); i++) {
        put_float(&b, entries[i].score);
        put_u32(&b, (uint32_t)strlen(entries[i].bytes));
        buf_puts(&b, entries[i].bytes);
    }
    return b;
}

static void test_bin(void **state)
{
    (void)state;
    Buf b = make_bin(6);
    Tokenizer *t = read_tokenizer_bin(arena, write_file("t.bin", b.data, b.len), 12);
    assert_int_equal(t->kind, TOKENIZER_SPM);
    expect_piece(t, 0, PIECE_CONTROL, "<unk>");
    expect_piece(t, 1, PIECE_CONTROL, "\n<s>\n");
    expect_piece(t, 3, PIECE_BYTE, "\n");
    expect_piece(t, 4, PIECE_NORMAL, "<0xfF>"); /* lower case is no byte */
    expect_piece(t, 11, PIECE_NORMAL, " ");
    assert_int_equal(t->byte_id['\n'], 3);
    assert_int_equal(t->byte_id['a'], -1);
    assert_int_equal(t->n_merges, 4);
    expect_merge(t, 0, 5, 10, 6, 2); /* ab + c; ranks: 0 the scores of 0, 1 ab, 2 abc and bc */
    expect_merge(t, 1, 8, 7, 6, 2);  /* a + bc */
    expect_merge(t, 2, 8, 9, 5, 1);
    expect_merge(t, 3, 9, 10, 7, 2);
    assert_true(t->bos == 1 && t->eos == 2 && t->unk == 0 && t->add_bos && t->add_prefix);
    buf_free(&b);
}

static void expect_bad_bin(const void *data, size_t n, int vocab, const char *text)
{
    const char *path = write_file("bad.bin", data, n);
    EXPECT_FATAL(read_tokenizer_bin(arena, path, vocab), text);
}

static void test_bad_bin(void **state)
{
    (void)state;
    Buf b = make_bin(6);
    expect_bad_bin(b.data, b.len, 13, "ends after 12 tokens: the model's vocabulary has 13");
    expect_bad_bin(b.data, b.len, 11, "9 bytes after the 11 tokens");
    expect_bad_bin(b.data, b.len, 2, "<unk>, <s> and </s> need 3");
    expect_bad_bin(b.data, b.len - 1, 12, "token 11: length 1: the limit is 6, and 0 bytes");
    expect_bad_bin(b.data, 3, 12, "longest token of 0 bytes");
    expect_bad_bin(b.data, 0, 12, "longest token of 0 bytes");
    b.data[8] = 7; /* length of token 0 */
    expect_bad_bin(b.data, b.len, 12, "token 0: length 7: the limit is 6");
    b.data[11] = (char)0xFF;
    expect_bad_bin(b.data, b.len, 12, "token 0: length -16777209");
    memcpy(b.data + 4, "\0\0\xC0\x7F", 4);
    b.data[8] = 5;
    b.data[11] = 0;
    expect_bad_bin(b.data, b.len, 12, "token 0: its score is not finite");
    memcpy(b.data, "\1\4\0\0", 4);
    expect_bad_bin(b.data, b.len, 12, "longest token of 1025 bytes: must be 1 to 1024");
    buf_free(&b);
}

/* Greedy joining of bytes-or-characters, once with the file's own rule (the best score of any
 * piece that a pair spells) and once with the merges. The corpus is ASCII. */
static int piece_spelled(const Tokenizer *t, const uint8_t *s, int n)
{
    for (int i = 3; i < t->n_pieces; i++)
        if (t->pieces[i].kind == PIECE_NORMAL && t->pieces[i].len == n &&
            !memcmp(t->pieces[i].bytes, s, (size_t)n))
            return i;
    return -1;
}

static int joined(const Tokenizer *t, int left, int right)
{
    uint8_t both[64];
    const Piece *a = &t->pieces[left], *b = &t->pieces[right];
    if (a->kind != PIECE_NORMAL || b->kind != PIECE_NORMAL || a->len + b->len > 64)
        return -1;
    memcpy(both, a->bytes, (size_t)a->len);
    memcpy(both + a->len, b->bytes, (size_t)b->len);
    return piece_spelled(t, both, a->len + b->len);
}

static const Merge *find_merge(const Tokenizer *t, int left, int right)
{
    for (int i = 0; i < t->n_merges; i++)
        if (t->merges[i].left == left && t->merges[i].right == right)
            return &t->merges[i];
    return NULL;
}

static int encode(const Tokenizer *t, const float *score, const char *text, int n, int *id)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        int piece = piece_spelled(t, (const uint8_t *)text + i, 1);
        id[count++] = piece >= 0 ? piece : t->byte_id[(uint8_t)text[i]];
    }
    for (;;) {
        int at = -1, result = -1;
        double best = 0;
        for (int i = 0; i + 1 < count; i++) {
            const Merge *m = score ? NULL : find_merge(t, id[i], id[i + 1]);
            int r = score ? joined(t, id[i], id[i + 1]) : m ? m->result : -1;
            double rank = r < 0 ? 0 : score ? -(double)score[r] : m->rank;
            if (r >= 0 && (at < 0 || rank < best))
                at = i, result = r, best = rank;
        }
        if (at < 0)
            return count;
        id[at] = result;
        memmove(id + at + 1, id + at + 2, (size_t)(count - at - 2) * sizeof *id);
        count--;
    }
}

static void test_same_as_scores(void **state)
{
    (void)state;
    const char *path = data_file("tok512.bin"), *text = data_file("tinystories_dev.txt");
    if (!path || !text)
        skip();
    Tokenizer *t = read_tokenizer_bin(arena, path, 512);
    File f = file_map(arena, path), corpus = file_map(arena, text);
    float score[512];
    for (size_t i = 0, at = 4; i < 512; i++) {
        memcpy(&score[i], f.data + at, 4);
        at += 8 + read_u32le(f.data + at + 4);
    }
    for (size_t at = 0; at < corpus.size && at < 3000; at += 120) {
        int a[120], b[120], n = (int)(corpus.size - at < 120 ? corpus.size - at : 120);
        const char *s = (const char *)corpus.data + at;
        int na = encode(t, score, s, n, a), nb = encode(t, NULL, s, n, b);
        assert_int_equal(na, nb);
        assert_memory_equal(a, b, (size_t)na * sizeof *a);
        assert_true(na < n);
    }
}

/* tokenizer.json --------------------------------------------------------------------------- */

#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}"
#define VOCAB "\"<|end|>\":0,\"a\":1,\"b\":2,\"\\u0120\":3,\"ab\":4,\"\\u0120ab\":5,\"\\u00c3\":6"
#define BPE(extra) "{\"type\":\"BPE\"" extra ",\"vocab\":{" VOCAB "},\"merges\":[\"a b\"]}"
#define FILE_WITH(extra, pre, model)                                                               \
    "{\"version\":\"1.0\",\"pre_tokenizer\":" pre ",\"model\":" model extra "}"

static Tokenizer *read_json_text(const char *text, int vocab)
{
    return read_tokenizer_json(arena, write_text("tokenizer.json", text), vocab);
}

static void test_byte_level(void **state)
{
    (void)state;
    Tokenizer *t = read_json_text(
        FILE_WITH(",\"added_tokens\":[{\"id\":0,\"content\":\"<|end|>\",\"special\":true}],"
                  "\"decoder\":{\"type\":\"ByteLevel\"},"
                  "\"post_processor\":{\"type\":\"ByteLevel\"}",
                  "{\"type\":\"Sequence\",\"pretokenizers\":[" BYTE_LEVEL "]}",
                  "{\"type\":\"BPE\",\"dropout\":null,\"continuing_subword_prefix\":\"\","
                  "\"ignore_merges\":true,\"vocab\":{" VOCAB "},"
                  "\"merges\":[[\"a\",\"b\"],[\"\\u0120\",\"ab\"]]}"),
        9);
    assert_int_equal(t->kind, TOKENIZER_BYTE_LEVEL);
    assert_int_equal(t->n_pieces, 9);
    expect_piece(t, 0, PIECE_CONTROL, "<|end|>");
    expect_piece(t, 3, PIECE_NORMAL, " ");
    expect_piece(t, 5, PIECE_NORMAL, " ab");
    expect_piece(t, 6, PIECE_NORMAL, "\xC3");
    expect_piece(t, 8, PIECE_CONTROL, "");
    assert_true(t->byte_id[' '] == 3 && t->byte_id[0xC3] == 6 && t->byte_id['c'] == -1);
    assert_int_equal(t->n_merges, 2);
    expect_merge(t, 0, 1, 2, 4, 0);
    expect_merge(t, 1, 3, 4, 5, 1);
    assert_true(t->unk == -1 && t->bos == -1 && t->eos == -1);
    assert_true(!t->add_bos && !t->add_prefix && t->ignore_merges);
}

/* All 256 characters of the byte alphabet, which come in order of their bytes' groups. */
static void test_byte_alphabet(void **state)
{
    (void)state;
    Buf b = {0};
    buf_puts(&b, "{\"version\":\"1.0\",\"pre_tokenizer\":" BYTE_LEVEL
                 ",\"model\":{\"type\":\"BPE\",\"merges\":[],\"vocab\":{");
    int next = 0x100;
    for (int byte = 0; byte < 256; byte++) {
        bool same = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
        buf_printf(&b, "%s\"\\u%04x\":%d", byte ? "," : "", same ? byte : next++, byte);
    }
    buf_puts(&b, "}}}");
    Tokenizer *t = read_json_text(b.data, 256);
    for (int byte = 0; byte < 256; byte++) {
        assert_int_equal(t->byte_id[byte], byte);
        assert_int_equal(t->pieces[byte].len, 1);
        assert_int_equal(t->pieces[byte].bytes[0], byte);
    }
    buf_free(&b);
}

/* A Llama file: specials 0..2, bytes 3..258, then SP a b SPa aSP SPab. */
static const char *spm_text(const char *sections, const char *model)
{
    Buf b = {0};
    buf_printf(&b,
               "{\"version\":\"1.0\",\"added_tokens\":["
               "{\"id\":0,\"content\":\"<unk>\",\"special\":true},"
               "{\"id\":1,\"content\":\"<s>\",\"special\":true},"
               "{\"id\":2,\"content\":\"</s>\",\"special\":true,\"normalized\":true,"
               "\"lstrip\":true}],%s,"
               "\"model\":{\"type\":\"BPE\",\"vocab\":{\"<unk>\":0,\"<s>\":1,\"</s>\":2",
               sections);
    for (int i = 0; i < 256; i++)
        buf_printf(&b, ",\"<0x%02X>\":%d", i, i + 3);
    buf_printf(&b,
               ",\"" SP "\":259,\"a\":260,\"b\":261,\"" SP "a\":262,\"a" SP "\":263,\"" SP
               "ab\":264},\"merges\":[\"" SP " a\",\"a " SP "\",\"" SP "a b\"]%s}}",
               model);
    char *text = arena_strndup(arena, b.data, b.len);
    buf_free(&b);
    return text;
}

#define PREPEND                                                                                    \
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":"    \
    "\"" SP "\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"" SP "\"}]}"
#define TEMPLATE                                                                                   \
    ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"  \
    "\"<s>\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}]}"
#define DECODER                                                                                    \
    ",\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\"},"                    \
    "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\"}]}"
#define FALLBACK ",\"byte_fallback\":true,\"unk_token\":\"<unk>\",\"fuse_unk\":true"

static void test_spm(void **state)
{
    (void)state;
    Tokenizer *t = read_json_text(spm_text(PREPEND TEMPLATE DECODER, FALLBACK), 300);
    assert_int_equal(t->kind, TOKENIZER_SPM);
    expect_piece(t, 1, PIECE_CONTROL, "<s>");
    expect_piece(t, 3 + 'x', PIECE_BYTE, "x");
    expect_piece(t, 264, PIECE_NORMAL, " ab");
    assert_int_equal(t->byte_id[255], 258);
    assert_int_equal(t->n_merges, 3);
    expect_merge(t, 0, 259, 260, 262, 0);
    expect_merge(t, 1, 260, 259, 263, 1);
    expect_merge(t, 2, 262, 261, 264, 2);
    assert_true(t->bos == 1 && t->unk == 0 && t->add_bos && t->add_prefix && !t->prefix_once);
}

static void test_metaspace(void **state)
{
    (void)state;
#define META(extra) "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"" SP "\"" extra "}"
    Tokenizer *t = read_json_text(
        spm_text(META(",\"prepend_scheme\":\"first\",\"split\":false"), FALLBACK), 265);
    assert_true(t->add_prefix && t->prefix_once && !t->add_bos && t->n_merges == 3);
    t = read_json_text(spm_text(META(",\"prepend_scheme\":\"never\""), FALLBACK), 265);
    assert_true(!t->add_prefix && t->n_merges == 2); /* a + SP would cross words */
    t = read_json_text(spm_text(META(",\"add_prefix_space\":true"), FALLBACK), 265);
    assert_true(t->add_prefix);
    t = read_json_text(spm_text(META(",\"add_prefix_space\":false"), FALLBACK), 265);
    assert_true(!t->add_prefix);
}

static void expect_added(const Tokenizer *t, int i, int id, const char *bytes, int flags)
{
    assert_in_range(i, 0, t->n_added - 1);
    const Added *a = &t->added[i];
    assert_int_equal(a->id, id);
    assert_int_equal(a->len, strlen(bytes));
    assert_memory_equal(a->bytes, bytes, strlen(bytes));
    assert_int_equal(a->left | a->right << 1 | a->plain << 2, flags);
}

static void test_added(void **state)
{
    (void)state;
    Tokenizer *t = read_json_text(
        FILE_WITH(",\"added_tokens\":[{\"id\":7,\"content\":\"two words\",\"special\":false},"
                  "{\"id\":0,\"content\":\"<|end|>\",\"special\":true,\"rstrip\":true}]",
                  BYTE_LEVEL, BPE("")),
        8);
    expect_piece(t, 7, PIECE_NORMAL, "two words");
    expect_piece(t, 0, PIECE_CONTROL, "<|end|>");
    assert_int_equal(t->n_added, 2);
    expect_added(t, 0, 0, "<|end|>", 2);
    expect_added(t, 1, 7, "two words", 0);
    t = read_json_text(spm_text(PREPEND, FALLBACK), 300);
    expect_added(t, 0, 2, " </s>", 5);
    expect_added(t, 1, 1, "<s>", 0);
    assert_true(t->prefix_raw && t->marked_spaces);
}

#define UNIGRAM(vocab, extra)                                                                      \
    "{\"version\":\"1.0\",\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"" SP         \
    "\"},\"model\":{\"type\":\"Unigram\",\"vocab\":[" vocab "]" extra "}}"

static void test_unigram(void **state)
{
    (void)state;
    Tokenizer *t = read_json_text(
        UNIGRAM("[\"<unk>\",0],[\"" SP "a\",-2.5],[\"<0x41>\",-1]", ",\"unk_id\":0"), 4);
    assert_int_equal(t->kind, TOKENIZER_UNIGRAM);
    expect_piece(t, 1, PIECE_NORMAL, " a");
    expect_piece(t, 2, PIECE_BYTE, "A");
    assert_true(t->unk == 0 && t->split_words && !t->byte_fallback && t->scores[1] == -2.5);
}

#define BERT(normalizer, model)                                                                    \
    "{\"version\":\"1.0\",\"normalizer\":{\"type\":\"BertNormalizer\"" normalizer                  \
    "},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"post_processor\":{\"type\":"            \
    "\"BertProcessing\",\"cls\":[\"[CLS]\",1],\"sep\":[\"[SEP]\",2]},\"decoder\":{\"type\":"       \
    "\"WordPiece\"},\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0,\"[CLS]\":1,"         \
    "\"[SEP]\":2,\"un\":3,\"##able\":4}" model "}}"

static void test_wordpiece(void **state)
{
    (void)state;
    Tokenizer *t = read_json_text(BERT("", ""), 5);
    assert_int_equal(t->kind, TOKENIZER_WORDPIECE);
    expect_piece(t, 3, PIECE_NORMAL, " un");
    expect_piece(t, 4, PIECE_NORMAL, "able");
    assert_true(t->bert.clean && t->bert.cjk && t->bert.lower && t->bert.strip && t->bert.cleanup);
    assert_int_equal(t->bert.most_chars, 100);
    assert_true(t->add_bos && t->bos == 1 && t->add_after && t->after == 2 && t->unk == 0);
    t = read_json_text(BERT(",\"lowercase\":false", ",\"max_input_chars_per_word\":7"), 5);
    assert_true(!t->bert.lower && !t->bert.strip && t->bert.most_chars == 7);
}

static void test_patterns(void **state)
{
#define SPLIT(first)                                                                               \
    FILE_WITH("",                                                                                  \
              "{\"type\":\"Sequence\",\"pretokenizers\":[" first                                   \
              ",{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]}",        \
              BPE(""))
#define REGEX(r) "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" r "\"},\"behavior\":\"Isolated\"}"
#define SHORT "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|"
#define REST "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
    (void)state;
    assert_int_equal(read_json_text(SPLIT(REGEX(SHORT "\\\\p{N}{1,3}" REST)), 9)->pattern,
                     PATTERN_LLAMA3);
    assert_int_equal(read_json_text(SPLIT(REGEX(SHORT "\\\\p{N}" REST)), 9)->pattern,
                     PATTERN_QWEN2);
    EXPECT_FATAL(read_json_text(SPLIT(REGEX(".")), 9), "pattern: {\"Regex\": \".\"}: supported");
}

static void test_bos_eos(void **state)
{
    (void)state;
    const char *text = FILE_WITH("", BYTE_LEVEL, BPE(""));
    write_text("config.json", "{\"bos_token_id\":1,\"eos_token_id\":50256}");
    Tokenizer *t = read_json_text(text, 9);
    assert_true(t->bos == 1 && t->eos == -1);
    write_text("generation_config.json", "{\"eos_token_id\":[4,5]}");
    t = read_json_text(text, 9);
    assert_true(t->bos == 1 && t->eos == 4 && !t->add_bos);
    write_text("tokenizer_config.json", "{\"bos_token\":{\"content\":\"b\"},"
                                        "\"eos_token\":\"<|end|>\",\"add_bos_token\":true}");
    t = read_json_text(text, 9);
    assert_true(t->bos == 2 && t->eos == 0 && t->add_bos);
    unlink(in_dir("config.json"));
    unlink(in_dir("generation_config.json"));
    unlink(in_dir("tokenizer_config.json"));
}

/* What is put before and after a text, of every kind of tokenizer. */
static void test_ends(void **state)
{
    (void)state;
    Tokenizer *t = read_json_text(FILE_WITH(",\"post_processor\":{\"type\":\"RobertaProcessing\","
                                            "\"sep\":[\"b\",2],\"cls\":[\"a\",1]}",
                                            BYTE_LEVEL, BPE("")),
                                  9);
    assert_true(t->add_bos && t->bos == 1 && t->add_after && t->after == 2);
    t = read_json_text(
        FILE_WITH(",\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{\"type\":"
                  "\"ByteLevel\"},{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{}},"
                  "{\"SpecialToken\":{\"id\":\"b\",\"type_id\":0}}],\"special_tokens\":{\"b\":"
                  "{\"id\":\"b\",\"ids\":[2],\"tokens\":[\"b\"]}}}]}",
                  BYTE_LEVEL, BPE("")),
        9);
    assert_true(!t->add_bos && t->add_after && t->after == 2);
}

typedef struct Bad {
    const char *text, *error;
} Bad;

#define TWO(n) "{\"type\":\"Sequence\",\"normalizers\":[" n "]}"
#define NORMALIZER(n) FILE_WITH(",\"normalizer\":" n, BYTE_LEVEL, BPE(""))
#define MERGES(m) FILE_WITH("", BYTE_LEVEL, "{\"vocab\":{" VOCAB "},\"merges\":[" m "]}")
#define ADDED(t) FILE_WITH(",\"added_tokens\":[" t "]", BYTE_LEVEL, BPE(""))
#define POST(p) FILE_WITH(",\"post_processor\":" p, BYTE_LEVEL, BPE(""))

static const Bad bad[] = {
    {"{}", "version: (missing): supported: \"1.0\""},
    {"{\"version\":\"2.0\"}", "version: \"2.0\""},
    {"{\"version\":\"1.0\"}", "model: (missing)"},
    {FILE_WITH("", BYTE_LEVEL, "{\"type\":\"WordPiece\"}"), "model: type: \"WordPiece\""},
    {FILE_WITH("", BYTE_LEVEL, "{\"type\":\"Unigram\"}"), "type: \"Unigram\": supported: BPE"},
    {FILE_WITH("", BYTE_LEVEL, "{\"vocab\":{}}"), "model: type: (missing): supported: BPE"},
    {FILE_WITH("", BYTE_LEVEL, "{\"type\":\"BPE\"}"), "model: vocab: (missing)"},
    {FILE_WITH("", BYTE_LEVEL, BPE(",\"dropout\":0.1")), "dropout: 0.1"},
    {FILE_WITH("", BYTE_LEVEL, BPE(",\"continuing_subword_prefix\":\"##\"")), "\"##\""},
    {FILE_WITH("", BYTE_LEVEL, BPE(",\"end_of_word_suffix\":\"</w>\"")), "\"</w>\""},
    {FILE_WITH("", BYTE_LEVEL, BPE(",\"byte_fallback\":true")), "ByteLevel has no use for it"},
    {FILE_WITH("", BYTE_LEVEL, BPE(",\"unk_token\":\"?\"")), "unk_token: \"?\": it is not in"},
    {FILE_WITH("", BYTE_LEVEL, BPE(",\"unk_token\":\"a\",\"fuse_unk\":true")), "fuse_unk: true"},
    {FILE_WITH("", "null", BPE("")), "pre_tokenizer: null: supported: ByteLevel"},
    {FILE_WITH("", "{\"type\":\"Whitespace\"}", BPE("")), "pre_tokenizer: {\"type\""},
    {FILE_WITH("", "{\"type\":\"ByteLevel\",\"use_regex\":false}", BPE("")), "use_regex: false"},
    {FILE_WITH("",
               "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\"}," BYTE_LEVEL "]}",
               BPE("")),
     "pre_tokenizer: pattern: (missing): supported: ByteLevel"},
    {FILE_WITH("", "{}", BPE("")), "pre_tokenizer: {}: its type is missing"},
    {FILE_WITH("", "{\"type\":\"Sequence\",\"pretokenizers\":[1]}", BPE("")), "without a type"},
    {FILE_WITH("", "{\"type\":\"Metaspace\",\"replacement\":\"_\"}", BPE("")), "replacement"},
    {FILE_WITH("", "{\"type\":\"Metaspace\",\"replacement\":\"" SP "\"}", BPE("")),
     "byte_fallback: (missing): with spaces as U+2581"},
    {NORMALIZER("{\"type\":\"Lowercase\"}"), "normalizer: {\"type\": \"Lowercase\"}: supported"},
    {NORMALIZER("{\"type\":\"nfc\"}"), "normalizer: {\"type\": \"nfc\"}: supported"},
    {NORMALIZER(TWO("{\"type\":\"NFC\"},{\"type\":\"NFC\"}")), "normalizer: {"},
    {FILE_WITH(",\"normalizer\":{\"type\":\"NFC\"},\"added_tokens\":[{\"id\":8,\"content\":"
               "\"\u00e4\",\"normalized\":true}]",
               BYTE_LEVEL, BPE("")),
     "normalized: true: supported with a normalization form: ASCII without lstrip and rstrip"},
    {NORMALIZER("{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" \"},\"content\":\"" SP "\"}"),
     "normalizer"},
    {NORMALIZER("{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"" SP
                "\"}]}"),
     "normalizer"},
    {POST("{\"type\":\"BertProcessing\"}"), "post_processor: {\"type\": \"BertProcessing\"}: cls"},
    {POST("{\"type\":\"RobertaProcessing\",\"sep\":[\"b\"],\"cls\":[\"a\",1]}"),
     "each a token and its id"},
    {POST("{\"type\":\"RobertaProcessing\",\"sep\":[\"b\",2],\"cls\":[\"a\",3]}"),
     "post_processor: \"a\": the id 3, but it is token 1"},
    {POST("{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"a\"}},"
          "{\"SpecialToken\":{\"id\":\"b\"}},{\"Sequence\":{}}]}"),
     "at most one special token before it and one after it"},
    {POST("{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{}},{\"Sequence\":{}}]}"),
     "supported: the text, at most one special token"},
    {POST("{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"type_id\":1}}]}"),
     "post_processor: type_id: [{\"Sequence\": {\"type_id\": 1}}]: supported: 0"},
    {POST("{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"a\"}},"
          "{\"Sequence\":{}}],\"special_tokens\":{\"a\":{\"id\":\"a\",\"ids\":[1,2]}}}"),
     "special_tokens: {\"a\": {\"id\": \"a\", \"ids\": [1, 2]}}: one id was expected"},
    {POST("{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"a\"}},"
          "{\"Sequence\":{}}],\"special_tokens\":{\"a\":{\"id\":\"a\",\"ids\":[2]}}}"),
     "post_processor: \"a\": the id 2, but it is token 1"},
    {POST("{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"zz\"}},"
          "{\"Sequence\":{}}]}"),
     "post_processor: \"zz\" is not in the vocabulary"},
    {FILE_WITH(",\"decoder\":{\"type\":\"WordPiece\"}", BYTE_LEVEL, BPE("")), "decoder"},
    {MERGES("\"a c\""), "merge 0: \"c\" is not in the vocabulary"},
    {MERGES("\"b a\""), "merge 0: \"ba\" is not in the vocabulary"},
    {MERGES("\"ab\""), "model.merges: \"ab\": a pair of tokens"},
    {MERGES("\"a b c\""), "a pair of tokens was expected"},
    {MERGES("\" b\""), "a pair of tokens was expected"},
    {MERGES("[\"a\"]"), "a pair of tokens was expected"},
    {MERGES("[\"a\",\"b\",\"c\"]"), "a pair of tokens was expected"},
    {MERGES("[\"a\",1]"), "a pair of tokens was expected"},
    {MERGES("7"), "a pair of tokens was expected"},
    {ADDED("{\"id\":9,\"content\":\"x\"}"), "id: 9: the model's vocabulary has 9 tokens"},
    {ADDED("{\"id\":-1,\"content\":\"x\"}"), "id: -1: a token id of at least 0"},
    {ADDED("{\"content\":\"x\"}"), "id: (missing)"},
    {ADDED("{\"id\":8}"), "content: (missing)"},
    {ADDED("{\"id\":1,\"content\":\"x\"}"), "token 1: model.vocab has another for it"},
    {ADDED("{\"id\":8,\"content\":\"a\"}"), "token 8: model.vocab has another for it"},
    {ADDED("3"), "added_tokens: 3: an object"},
    {ADDED("{\"id\":8,\"content\":\"x\",\"single_word\":true}"), "single_word: {"},
    {ADDED("{\"id\":8,\"content\":\"x\"},{\"id\":7,\"content\":\"x\"}"), "spelled alike"},
    {ADDED("{\"id\":8,\"content\":\"xy\"},{\"id\":7,\"content\":\"yz\",\"normalized\":false}"),
     "tokens 8 and 7 overlap"},
    {UNIGRAM("", ""), "vocab: []: an array of [piece, score]"},
    {UNIGRAM("[\"a\",-1]", ""), "unk_id: (missing)"},
    {UNIGRAM("[\"a\",1]", ",\"unk_id\":0"), "vocab: 0: score: 1: a number from -1e6 to 0"},
    {UNIGRAM("[\"a\"]", ",\"unk_id\":0"), "vocab: [\"a\"]: a pair"},
    {UNIGRAM("[\"a\",-1]", ",\"unk_id\":0,\"byte_fallback\":true"), "true needs all 256 byte"},
    {BERT("", ",\"unk_token\":\"?\""), "unk_token: \"?\": it is not in"},
    {BERT("", ",\"max_input_chars_per_word\":1001"), "max_input_chars_per_word: 1001"},
    {FILE_WITH("", BYTE_LEVEL, "{\"vocab\":{\"a\":9},\"merges\":[]}"), "model.vocab: 9"},
    {FILE_WITH("", BYTE_LEVEL, "{\"vocab\":{\"a\":1,\"b\":1},\"merges\":[]}"), "the id 1"},
    {FILE_WITH("", BYTE_LEVEL, "{\"vocab\":{\"a\":\"1\"},\"merges\":[]}"), "a token id"},
};

static void expect_bad_json(const char *text, const char *error)
{
    EXPECT_FATAL(read_json_text(text, 9), error);
}

static void test_bad_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(bad); i++)
        expect_bad_json(bad[i].text, bad[i].error);
    expect_bad_json(spm_text(PREPEND, FALLBACK), "model.vocab: ");
    char *longest = NEW(arena, char, MAX_PIECE + 2);
    memset(longest, 'a', MAX_PIECE + 1);
    expect_bad_json(arena_printf(arena,
                                 FILE_WITH("", BYTE_LEVEL,
                                           "{\"vocab\":{\"%s\":1},"
                                           "\"merges\":[]}"),
                                 longest),
                    "token 1 has 1025 bytes: the limit is 1024");
    expect_bad_json(arena_printf(arena, MERGES("[\"%s\",\"a\"]"), longest), "a pair of tokens");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_bin),        FILE_TEST(test_bad_bin),       FILE_TEST(test_same_as_scores),
        FILE_TEST(test_byte_level), FILE_TEST(test_byte_alphabet), FILE_TEST(test_spm),
        FILE_TEST(test_metaspace),  FILE_TEST(test_added),         FILE_TEST(test_bos_eos),
        FILE_TEST(test_unigram),    FILE_TEST(test_wordpiece),     FILE_TEST(test_patterns),
        FILE_TEST(test_bad_json),   FILE_TEST(test_ends),
    };
    return cmocka_run_group_tests(tests, make_test_dir, remove_test_dir);
}
