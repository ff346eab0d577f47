/* The constant structs of a tokenizer as the emitter prints them, and what in them is not an array:
 * which of the runtime's functions a tokenizer takes. */
#include "program.h"
#include "runtime.h"

#include <math.h>
#include <string.h>

static bool has_text(const Piece *p)
{
    return p->kind != PIECE_CONTROL && p->len > 0;
}

/* Whether the result's bytes are those of the two parts. */
static bool is_joined(const Piece *left, const Piece *right, const Piece *result)
{
    return has_text(left) && has_text(right) && result->len == left->len + right->len &&
           !memcmp(result->bytes, left->bytes, (size_t)left->len) &&
           !memcmp(result->bytes + left->len, right->bytes, (size_t)right->len);
}

/* Whether text may be cut before each space that follows something else: every byte gives a
 * symbol of its own bytes, every merge joins the bytes of its parts, and none has a space on its
 * right without one before it. */
static bool splits_at_spaces(const Tokenizer *t)
{
    for (int b = 0; b < 256; b++) {
        const Piece *p = t->byte_id[b] < 0 ? NULL : &t->pieces[t->byte_id[b]];
        if (!p || !has_text(p) || p->len != 1 || p->bytes[0] != b) {
            return false;
        }
    }
    for (int i = 0; i < t->n_merges; i++) {
        const Merge *m = &t->merges[i];
        const Piece *left = &t->pieces[m->left], *right = &t->pieces[m->right];
        const Piece *result = &t->pieces[m->result];
        if (result->kind == PIECE_CONTROL) {
            continue; /* not in the tables */
        }
        if (!is_joined(left, right, result) ||
            (right->bytes[0] == ' ' && left->bytes[left->len - 1] != ' ')) {
            return false;
        }
    }
    return !t->ignore_merges;
}

const char *tokenizer_word_end(const Tokenizer *t)
{
    static const char *const patterns[PATTERNS] = {
        [PATTERN_GPT2] = "lm_word_gpt2",
        [PATTERN_DIGITS] = "lm_word_digits",
        [PATTERN_LLAMA3] = "lm_word_llama3",
        [PATTERN_QWEN2] = "lm_word_qwen2",
    };
    switch (t->kind) {
    case TOKENIZER_SPM: return splits_at_spaces(t) ? "lm_word_space" : "lm_word_all";
    case TOKENIZER_BYTE_LEVEL: return patterns[t->pattern];
    case TOKENIZER_UNIGRAM: return t->split_words ? "lm_word_each_space" : "lm_word_all";
    case TOKENIZER_WORDPIECE: return "lm_word_bert";
    case TOKENIZER_KINDS: break;
    }
    die("tokenizer of no kind");
}

const char *tokenizer_word_encoder(const Tokenizer *t)
{
    return t->kind == TOKENIZER_UNIGRAM     ? "lm_unigram_word"
           : t->kind == TOKENIZER_WORDPIECE ? "lm_bert_word"
                                            : "lm_bpe_word";
}

bool tokenizer_strips(const Tokenizer *t)
{
    return t->kind == TOKENIZER_WORDPIECE || (t->kind != TOKENIZER_BYTE_LEVEL && t->add_prefix);
}

int tokenizer_prefix(const Tokenizer *t)
{
    return !t->add_prefix    ? LM_PREFIX_NEVER
           : t->prefix_first ? LM_PREFIX_FIRST
           : t->prefix_raw   ? LM_PREFIX_RAW
                             : LM_PREFIX_EACH;
}

unsigned added_flags(const Tokenizer *t, const Added *one)
{
    unsigned flags = 0;
    for (int i = 0; i < t->n_added; i++) {
        const Added *a = &t->added[i];
        if (!one || a == one) {
            flags |= (a->left ? LM_ADDED_LEFT : 0) | (a->right ? LM_ADDED_RIGHT : 0) |
                     (a->plain ? LM_ADDED_PLAIN : 0) | (a->normal ? LM_ADDED_NORMAL : 0);
        }
    }
    return flags;
}

int tokenizer_once(const Tokenizer *t)
{
    return !t->prefix_once ? 0 : t->kind == TOKENIZER_BYTE_LEVEL ? 1 : LM_ONCE_MARKED;
}

bool tokenizer_lone_prefix(const Tokenizer *t)
{
    return t->form == NORMAL_CHARSMAP && !t->squeeze && !t->clusters && t->add_prefix;
}

/* A byte becomes 3 at the most in NFC and NFD (U+1D160), 11 in NFKC and NFKD (U+FDFA), each of them
 * perhaps a token; they stand in a quarter as many entries until they are read. */
int tokenizer_room(const Tokenizer *t)
{
    if (t->form == NORMAL_CHARSMAP) {
        return charsmap_room(t);
    }
    static const int rooms[NORMAL_FORMS] = {
        [NORMAL_NONE] = 1,  [NORMAL_NFC] = 4,   [NORMAL_NFD] = 4,
        [NORMAL_NFKC] = 14, [NORMAL_NFKD] = 14,
    };
    return rooms[t->form];
}

int tokenizer_ring(const Tokenizer *t)
{
    int longest = 6, ring = 8; /* "<0x41>" */
    for (int i = 0; i < t->n_pieces; i++) {
        int n = t->pieces[i].len;
        for (int k = 0; k < t->pieces[i].len; k++) {
            n += t->pieces[i].bytes[k] == ' ' ? 2 : 0; /* text may spell it as U+2581 */
        }
        longest = n > longest ? n : longest;
    }
    while (ring <= longest) {
        ring *= 2;
    }
    return ring;
}

/* The lowest score less 10, as the reference has it. */
uint64_t tokenizer_unk_score(const Tokenizer *t)
{
    double least = INFINITY, score;
    uint64_t bits;
    for (int i = 0; i < t->n_pieces; i++) {
        least = t->scores[i] < least ? t->scores[i] : least;
    }
    score = fabs(t->float_sums ? (double)((float)least - 10.0F) : least - 10);
    memcpy(&bits, &score, sizeof bits);
    return bits;
}

/* Fields of the structs that are arrays, and those that hold how long one is. */
static const char *const arrays[] = {
    "piece_bytes", "piece_start", "piece_page",  "byte_id",      "char_code",  "char_id",
    "char_plane",  "merge_first", "merge_right", "merge_result", "merge_rank", "word_piece",
    "word_id",     "added_piece", "added_id",    "added_flags",  "glued_id",
};
static const char *const bert_arrays[] = {"range_plane", "range_start", "range_size", "map_plane",
                                          "map_code",    "map_start",   "map_bytes"};
static const char *const normal_arrays[] = {
    "apart_plane", "apart_code", "apart_start", "apart_bytes", "class_plane", "class_start",
    "class_size",  "pair_plane", "pair_first",  "pair_second", "pair_result"};
static const char *const charsmap_arrays[] = {
    "map_plane",  "map_code",  "map_start",  "map_bytes", "open_plane", "open_code", "open_state",
    "join_plane", "join_code", "edge_first", "edge_join", "edge_text",  "edge_state"};
static const char *const counts[][2] = {{"n_pages", "piece_page"},
                                        {"n_words", "word_id"},
                                        {"n_added", "added_id"},
                                        {"n_glued", "glued_id"}};

static void print_arrays(Buf *b, const Data *tables, int n, const char *prefix,
                         const char *const *names, size_t n_names)
{
    for (size_t i = 0; i < n_names; i++) {
        const Data *d = field_table(tables, n, names[i]);
        if (d) {
            buf_printf(b, "    .%s = %s%s,\n", names[i], prefix, d->name);
        }
    }
}

static void print_bert(Buf *b, const Tokenizer *t, const Data *tables, int n, const char *prefix)
{
    buf_printf(b, "\nstatic const lm_bert %sbert = {\n", prefix);
    print_arrays(b, tables, n, prefix, bert_arrays, LENGTH(bert_arrays));
    buf_printf(b, "    .most_chars = %dU,\n    .hangul = %d,\n};\n", t->bert.most_chars,
               bert_hangul(t));
}

static void print_unigram(Buf *b, const Tokenizer *t, const Data *tables, int n, const char *prefix)
{
    const uint64_t unk = tokenizer_unk_score(t);
    buf_printf(b, "\nstatic const lm_unigram %sunigram = {\n", prefix);
    if (find_table(tables, n, "score")) {
        buf_printf(b, "    .score = %sscore,\n", prefix);
    }
    if (find_table(tables, n, "score_low")) {
        buf_printf(b, "    .low = %sscore_low,\n", prefix);
    }
    buf_printf(b,
               "    .unk_high = 0x%08xU,\n    .unk_low = 0x%08xU,\n    .bytes = %d,\n"
               "    .single = %d,\n};\n",
               (unsigned)(unk >> 32), (unsigned)(unk & UINT32_MAX), t->byte_fallback,
               t->float_sums);
}

static void print_normal(Buf *b, const Data *tables, int n, const char *prefix)
{
    buf_printf(b, "\nstatic const lm_normal %snormal = {\n", prefix);
    print_arrays(b, tables, n, prefix, normal_arrays, LENGTH(normal_arrays));
    buf_puts(b, "};\n");
}

static void print_charsmap(Buf *b, const Tokenizer *t, const Data *tables, int n,
                           const char *prefix)
{
    buf_printf(b, "\nstatic const lm_charsmap %scharsmap = {\n", prefix);
    print_arrays(b, tables, n, prefix, charsmap_arrays, LENGTH(charsmap_arrays));
    buf_printf(b, "    .step = %s,\n", t->clusters ? "lm_cluster_at" : "lm_charsmap_at");
    buf_printf(b, "    .hangul = %d,\n    .squeeze = %d,\n};\n", charsmap_hangul(t), t->squeeze);
}

static void print_numbers(Buf *b, const Tokenizer *t)
{
    buf_printf(b, "    .n_pieces = %d,\n    .bos = %d,\n    .after = %d,\n    .unk = %d,\n",
               t->n_pieces, t->bos, t->add_after ? t->after : -1, t->unk);
    buf_printf(b,
               "    .add_bos = %d,\n    .prefix = %d,\n    .prefix_once = %d,\n    .strip = %d,\n"
               "    .lone_prefix = %d,\n",
               t->add_bos && t->bos >= 0, tokenizer_prefix(t), tokenizer_once(t),
               tokenizer_strips(t), tokenizer_lone_prefix(t));
    buf_printf(b,
               "    .flags = %dU,\n    .word_end = %s,\n    .encode_word = %s,\n"
               "    .encode_stretch = %s,\n",
               added_flags(t, NULL), tokenizer_word_end(t), tokenizer_word_encoder(t),
               t->form == NORMAL_NONE ? "lm_encode_stretch" : "lm_encode_normal");
}

void tokenizer_structs(const Tokenizer *t, const char *prefix, Buf *b)
{
    Arena *a = arena_new();
    Data *tables;
    int n = tokenizer_tables(a, t, &tables);
    if (t->kind == TOKENIZER_WORDPIECE) {
        print_bert(b, t, tables, n, prefix);
    }
    if (t->kind == TOKENIZER_UNIGRAM) {
        print_unigram(b, t, tables, n, prefix);
    }
    if (t->form == NORMAL_CHARSMAP) {
        print_charsmap(b, t, tables, n, prefix);
    } else if (t->form != NORMAL_NONE) {
        print_normal(b, tables, n, prefix);
    }
    buf_printf(b, "\nstatic const lm_tokenizer %stables = {\n", prefix);
    print_numbers(b, t);
    print_arrays(b, tables, n, prefix, arrays, LENGTH(arrays));
    for (size_t i = 0; i < LENGTH(counts); i++) {
        const Data *d = find_table(tables, n, counts[i][1]);
        if (d) {
            buf_printf(b, "    .%s = %lldU,\n", counts[i][0], (long long)d->count);
        }
    }
    if (t->kind == TOKENIZER_WORDPIECE || t->kind == TOKENIZER_UNIGRAM) {
        const char *part = t->kind == TOKENIZER_WORDPIECE ? "bert" : "unigram";
        buf_printf(b, "    .%s = &%s%s,\n", part, prefix, part);
    }
    if (t->form == NORMAL_CHARSMAP) {
        buf_printf(b, "    .normalize = lm_charsmap_text,\n    .charsmap = &%scharsmap,\n", prefix);
    } else if (t->form != NORMAL_NONE) {
        buf_printf(b, "    .normalize = lm_normalize,\n    .normal = &%snormal,\n", prefix);
    }
    buf_puts(b, "};\n");
    arena_free(a);
}
