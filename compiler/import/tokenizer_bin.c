/* llama2.c's tokenizer.bin: int32 longest length, then for each piece a float score, an int32
 * length and the bytes. It stores no merges: encoding joins, again and again, the leftmost pair
 * whose union is the piece of the best score. Written out, that is a merge for every split of a
 * piece into two pieces, ranked by the score of the whole. */
#include "import.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { UNK, BOS, EOS, FIRST_PIECE };

typedef struct Scored {
    float score;
    int id;
} Scored;

static bool same_bytes(const Piece *p, const uint8_t *s, int n)
{
    return p->len == n && !memcmp(p->bytes, s, (size_t)n);
}

/* The slot that holds these bytes, or the empty one where they belong. */
static int *find_slot(const PieceMap *map, const uint8_t *s, int n)
{
    size_t i = (size_t)XXH3_64bits(s, (size_t)n) & map->mask;
    while (map->slot[i] && !same_bytes(&map->t->pieces[map->slot[i] - 1], s, n))
        i = (i + 1) & map->mask;
    return &map->slot[i];
}

PieceMap map_pieces(Arena *a, const Tokenizer *t)
{
    size_t size = 16;
    while (size < 2 * (size_t)t->n_pieces)
        size *= 2;
    PieceMap map = {t, NEW(a, int, size), size - 1};
    for (int i = 0; i < t->n_pieces; i++) {
        const Piece *p = &t->pieces[i];
        int *slot = p->kind == PIECE_NORMAL ? find_slot(&map, p->bytes, p->len) : NULL;
        if (slot && !*slot)
            *slot = i + 1;
    }
    return map;
}

int find_piece(const PieceMap *map, const uint8_t *s, int n)
{
    return *find_slot(map, s, n) - 1;
}

static void set_piece(Arena *a, Tokenizer *t, int id, const uint8_t *s, int n)
{
    Piece *p = &t->pieces[id];
    int byte = byte_of_piece((const char *)s, (size_t)n);
    p->bytes = arena_copy(a, s, (size_t)n, 1);
    p->len = n;
    if (id < FIRST_PIECE || n == 0) {
        p->kind = PIECE_CONTROL;
    } else if (byte >= 0) {
        uint8_t value = (uint8_t)byte;
        p->kind = PIECE_BYTE;
        p->bytes = arena_copy(a, &value, 1, 1);
        p->len = 1;
        if (t->byte_id[byte] < 0)
            t->byte_id[byte] = id;
    } else {
        p->kind = PIECE_NORMAL;
    }
}

static void read_pieces(Arena *a, const File *f, Tokenizer *t, float *score)
{
    int32_t longest = f->size < 4 ? 0 : (int32_t)read_u32le(f->data);
    if (longest < 1 || longest > MAX_PIECE)
        fatal("%s: longest token of %d bytes: must be 1 to %d (is this a tokenizer.bin?)", f->path,
              longest, MAX_PIECE);
    size_t at = 4;
    for (int i = 0; i < t->n_pieces; i++) {
        if (f->size - at < 8)
            fatal("%s: ends after %d tokens: the model's vocabulary has %d", f->path, i,
                  t->n_pieces);
        uint32_t bits = read_u32le(f->data + at);
        int32_t n = (int32_t)read_u32le(f->data + at + 4);
        at += 8;
        if (n < 0 || n > longest || (size_t)n > f->size - at)
            fatal("%s: token %d: length %d: the limit is %d, and %zu bytes are left", f->path, i, n,
                  longest, f->size - at);
        memcpy(&score[i], &bits, sizeof bits);
        if (!isfinite(score[i]))
            fatal("%s: token %d: its score is not finite", f->path, i);
        set_piece(a, t, i, f->data + at, n);
        at += (size_t)n;
    }
    if (at != f->size)
        fatal("%s: %zu bytes after the %d tokens of the model's vocabulary: another model's file?",
              f->path, f->size - at, t->n_pieces);
}

static int by_score(const void *x, const void *y)
{
    const Scored *s = x, *t = y;
    if (s->score != t->score)
        return s->score > t->score ? -1 : 1;
    return s->id - t->id;
}

/* rank[id]: how many better scores there are; equal scores share a rank. */
static int *rank_pieces(Arena *a, const float *score, int n)
{
    int *rank = NEW(a, int, n), r = 0;
    Scored *scored = NEW(a, Scored, n);
    for (int i = 0; i < n; i++)
        scored[i] = (Scored){score[i], i};
    qsort(scored, (size_t)n, sizeof *scored, by_score);
    for (int i = 0; i < n; i++) {
        r += i && scored[i].score != scored[i - 1].score;
        rank[scored[i].id] = r;
    }
    return rank;
}

static void add_merge(Buf *merges, const Merge *m)
{
    if (merges->len / sizeof *m == INT_MAX)
        fatal("out of memory: more than %d merges", INT_MAX);
    buf_write(merges, m, sizeof *m);
}

static void split_piece(const PieceMap *map, int id, int rank, Buf *merges)
{
    const Piece *p = &map->t->pieces[id];
    if (p->kind != PIECE_NORMAL || find_piece(map, p->bytes, p->len) != id)
        return;
    for (int n = 1; n < p->len; n++) {
        int left = find_piece(map, p->bytes, n);
        int right = find_piece(map, p->bytes + n, p->len - n);
        if (left >= 0 && right >= 0)
            add_merge(merges, &(Merge){left, right, id, rank});
    }
}

void merge_by_score(Arena *a, Tokenizer *t, const float *score)
{
    PieceMap map = map_pieces(a, t);
    const int *rank = rank_pieces(a, score, t->n_pieces);
    Buf merges = {0};
    for (int i = 0; i < t->n_pieces; i++)
        split_piece(&map, i, rank[i], &merges);
    t->n_merges = (int)(merges.len / sizeof *t->merges);
    t->merges = arena_copy(a, merges.data, (size_t)t->n_merges, sizeof *t->merges);
    buf_free(&merges);
    sort_merges(t);
}

Tokenizer *read_tokenizer_bin(Arena *a, const char *path, int vocab)
{
    File f = file_map(a, path);
    if (vocab < FIRST_PIECE)
        fatal("%s: a vocabulary of %d: <unk>, <s> and </s> need 3", path, vocab);
    Tokenizer *t = new_tokenizer(a, TOKENIZER_SPM, vocab);
    float *score = NEW(a, float, vocab);
    read_pieces(a, &f, t, score);
    merge_by_score(a, t, score);
    t->unk = UNK;
    t->bos = BOS;
    t->eos = EOS;
    t->add_bos = t->add_prefix = true;
    return t;
}
