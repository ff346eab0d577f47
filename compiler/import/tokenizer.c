/* What both tokenizer readers need, and the search for a tokenizer beside its model. */
#include "import.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Tokenizer *read_by_name(Arena *a, const char *path, int vocab)
{
    const char *dot = strrchr(path, '.');
    if (dot && !strcmp(dot, ".json"))
        return read_tokenizer_json(a, path, vocab);
    return dot && !strcmp(dot, ".model") ? read_tokenizer_model(a, path, vocab)
                                         : read_tokenizer_bin(a, path, vocab);
}

static Tokenizer *look_in(Arena *a, const char *dir, int vocab)
{
    const char *const names[] = {"tokenizer.json", arena_printf(a, "tok%d.bin", vocab),
                                 "tokenizer.bin", "tokenizer.model"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        const char *path = path_join(a, dir, names[i]);
        if (file_exists(path))
            return read_by_name(a, path, vocab);
    }
    return NULL;
}

Tokenizer *find_tokenizer(Arena *a, const char *model_path, const char *tokenizer_path, int vocab)
{
    if (tokenizer_path && !dir_exists(tokenizer_path))
        return read_by_name(a, tokenizer_path, vocab);
    const char *dir = tokenizer_path ? tokenizer_path : model_path;
    if (!dir_exists(dir))
        dir = path_dir(a, dir);
    Tokenizer *t = look_in(a, dir, vocab);
    if (!t && tokenizer_path)
        fatal("%s: no tokenizer: tokenizer.json, tok%d.bin, tokenizer.bin or tokenizer.model was "
              "expected",
              tokenizer_path, vocab);
    return t;
}

Tokenizer *new_tokenizer(Arena *a, TokenizerKind kind, int vocab)
{
    Tokenizer *t = NEW(a, Tokenizer, 1);
    t->kind = kind;
    t->n_pieces = vocab;
    t->pieces = NEW(a, Piece, vocab);
    for (int i = 0; i < vocab; i++)
        t->pieces[i] = (Piece){(const uint8_t *)"", 0, PIECE_CONTROL};
    for (int b = 0; b < 256; b++)
        t->byte_id[b] = -1;
    t->bos = t->eos = t->unk = -1;
    return t;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int byte_of_piece(const char *s, size_t n)
{
    if (n != 6 || memcmp(s, "<0x", 3) != 0 || s[5] != '>')
        return -1;
    int high = hex_digit(s[3]), low = hex_digit(s[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static int by_pair(const void *x, const void *y)
{
    const Merge *s = x, *t = y;
    if (s->left != t->left)
        return s->left < t->left ? -1 : 1;
    if (s->right != t->right)
        return s->right < t->right ? -1 : 1;
    return s->rank < t->rank ? -1 : s->rank > t->rank;
}

void sort_merges(Tokenizer *t)
{
    if (t->n_merges == 0)
        return;
    qsort(t->merges, (size_t)t->n_merges, sizeof *t->merges, by_pair);
    int n = 1;
    for (int i = 1; i < t->n_merges; i++) {
        Merge *last = &t->merges[n - 1], *m = &t->merges[i];
        if (m->left == last->left && m->right == last->right)
            *last = *m;
        else
            t->merges[n++] = *m;
    }
    t->n_merges = n;
}
