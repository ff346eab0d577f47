/* struct lm_tokenizer as the emitter prints it, and which of the runtime's ways to cut text into
 * words a tokenizer takes. */
#include "program.h"

#include <string.h>

const char *const word_split_names[WORD_SPLITS] = {
    [WORD_SPLIT_NONE] = "0",
    [WORD_SPLIT_SPACE] = "lm_word_space",
    [WORD_SPLIT_GPT2] = "lm_word_gpt2",
};

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

WordSplit tokenizer_split(const Tokenizer *t)
{
    if (t->kind == TOKENIZER_BYTE_LEVEL) {
        return WORD_SPLIT_GPT2;
    }
    return splits_at_spaces(t) ? WORD_SPLIT_SPACE : WORD_SPLIT_NONE;
}

static void print_reference(Buf *b, const Data *tables, int n, const char *prefix, const char *name)
{
    if (find_table(tables, n, name)) {
        buf_printf(b, ", %s%s", prefix, name);
    } else {
        buf_puts(b, ", 0");
    }
}

static long long table_count(const Data *tables, int n, const char *name)
{
    const Data *d = find_table(tables, n, name);
    return d ? (long long)d->count : 0;
}

void tokenizer_initializer(const Tokenizer *t, const char *prefix, Buf *b)
{
    static const char *const middle[] = {"byte_id",     "char_code",   "char_id",     "char_plane",
                                         "merge_first", "merge_right", "merge_result"};
    Arena *a = arena_new();
    Data *tables;
    int n = tokenizer_tables(a, t, &tables);
    buf_printf(b, "{%d, %d, %d, %d, %d, %d, %s", t->n_pieces, t->bos, t->add_bos && t->bos >= 0,
               t->add_prefix, t->prefix_once, t->kind == TOKENIZER_SPM && t->add_prefix,
               word_split_names[tokenizer_split(t)]);
    print_reference(b, tables, n, prefix, "piece_bytes");
    print_reference(b, tables, n, prefix, "piece_start");
    print_reference(b, tables, n, prefix, "piece_page");
    buf_printf(b, ", %lldU", table_count(tables, n, "piece_page"));
    for (size_t i = 0; i < LENGTH(middle); i++) {
        print_reference(b, tables, n, prefix, middle[i]);
    }
    print_reference(b, tables, n, prefix, rank_table(tables, n));
    print_reference(b, tables, n, prefix, "word_id");
    buf_printf(b, ", %lldU}", table_count(tables, n, "word_id"));
    arena_free(a);
}
