/* Which tokens a text needs: those it is encoded to, and those that BPE makes on the way. A token
 * is always made by the same merges: none crossed its ends, or it would not be there, so what
 * happened between them is what happens to its bytes alone. */
#include "run.h"
#include "runtime.h"

#include <string.h>

struct Usage {
    Encoder *encoder;
    const Tokenizer *t;
    bool *used;
};

Usage *usage_new(Arena *a, const Tokenizer *t, bool *used)
{
    Usage *u = NEW(a, Usage, 1);
    *u = (Usage){encoder_new(a, t), t, used};
    return u;
}

/* The leftmost pair of the lowest rank becomes its merge's result; false when no pair merges. */
static bool merge_best(const lm_tokenizer *l, int32_t *ids, int *n, bool *used)
{
    lm_id best = LM_NONE;
    int at = 0;
    for (int i = 0; i + 1 < *n; i++) {
        const lm_id rank = lm_pair_rank(l, ids[i], ids[i + 1]);
        if (rank < best) {
            best = rank;
            at = i;
        }
    }
    if (best == LM_NONE) {
        return false;
    }
    ids[at] = (int32_t)l->merge_result[lm_find_merge(l, ids[at], ids[at + 1])];
    used[ids[at]] = true;
    memmove(ids + at + 1, ids + at + 2, (size_t)(*n - at - 2) * sizeof *ids);
    --*n;
    return true;
}

/* Marks what token `id` is made of. */
static void mark_parts(const Usage *u, int id)
{
    const lm_tokenizer *l = encoder_tables(u->encoder);
    const Piece *p = &u->t->pieces[id];
    const bool merges = u->t->kind == TOKENIZER_SPM || u->t->kind == TOKENIZER_BYTE_LEVEL;
    if (!merges || p->kind == PIECE_CONTROL || p->len == 0) {
        return;
    }
    Arena *a = arena_new();
    int32_t *ids = NEW(a, int32_t, p->len);
    lm_text text = {p->bytes, 0, (uint32_t)p->len, 0, 0};
    int n = lm_word_symbols(l, &text, 0, text.n, ids, p->len);
    for (int i = 0; i < n; i++) {
        u->used[ids[i]] = true;
    }
    while (merge_best(l, ids, &n, u->used)) {
    }
    arena_free(a);
}

void usage_mark(const Usage *u, const char *text, size_t n)
{
    Arena *a = arena_new();
    int *ids, count = encode(a, u->encoder, text, n, &ids);
    for (int i = 0; i < count; i++) {
        if (!u->used[ids[i]]) {
            u->used[ids[i]] = true;
            mark_parts(u, ids[i]);
        }
    }
    arena_free(a);
}

bool usage_splits(const Usage *u)
{
    return strcmp(tokenizer_word_end(u->t), "lm_word_all") != 0;
}
