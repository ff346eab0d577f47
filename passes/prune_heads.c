/* Removes attention heads: their columns of attn.o, their rows of attn.q; a kv head goes when no
 * query head reads it any more. The magnitude of a head: it adds O V x to the residual for what it
 * attends to, so the Frobenius norm of that map: O its columns of attn.o, V its kv head's rows of
 * attn.v behind the norm's weights. Where it looks (q, k) does not bound what it adds. */
#include "prune.h"

#include <math.h>

/* |O V|_F^2 = sum over i, j of (O^T O)[i][j] (V V^T)[i][j], both head_dim x head_dim. */
static double magnitude(const Block *b, int h)
{
    const Linear *o = &b->linear[ROLE_O], *v = &b->linear[ROLE_V];
    size_t d = (size_t)b->head_dim;
    double total = 0;
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j < d; j++) {
            const float *vi = v->w + ((size_t)b->kv_of_head[h] * d + i) * (size_t)v->cols;
            const float *vj = v->w + ((size_t)b->kv_of_head[h] * d + j) * (size_t)v->cols;
            double vv = 0, oo = 0;
            for (int c = 0; c < v->cols; c++) {
                double gamma = (double)b->attn_norm.gamma[c];
                vv += (double)vi[c] * (double)vj[c] * gamma * gamma;
            }
            for (int r = 0; r < o->rows; r++) {
                const float *head = o->w + (size_t)r * (size_t)o->cols + (size_t)h * d;
                oo += (double)head[i] * (double)head[j];
            }
            total += vv * oo;
        }
    }
    return sqrt(fmax(total, 0)); /* rounding may leave a zero map below zero */
}

/* kv_of_head loses the heads that go; kv heads that nobody reads go, the rest close up. */
static void renumber(Block *b, const bool *keep, bool *keep_kv)
{
    for (int h = 0; h < b->n_heads; h++) {
        keep_kv[b->kv_of_head[h]] |= keep[h];
    }
    int heads = 0;
    for (int h = 0; h < b->n_heads; h++) {
        if (keep[h]) {
            b->kv_of_head[heads++] = count_kept(keep_kv, b->kv_of_head[h]);
        }
    }
}

static void cut(Arena *a, Block *b, const bool *keep)
{
    bool *keep_kv = NEW(a, bool, b->n_kv_heads);
    renumber(b, keep, keep_kv);
    keep_rows(&b->linear[ROLE_Q], keep, b->n_heads, b->head_dim);
    keep_cols(&b->linear[ROLE_O], keep, b->n_heads, b->head_dim);
    keep_rows(&b->linear[ROLE_K], keep_kv, b->n_kv_heads, b->head_dim);
    keep_rows(&b->linear[ROLE_V], keep_kv, b->n_kv_heads, b->head_dim);
    b->n_heads = count_kept(keep, b->n_heads);
    b->n_kv_heads = count_kept(keep_kv, b->n_kv_heads);
}

void pass_prune_heads(Unit *u)
{
    static const PruneKind kind = {"prune-heads", "heads", ROLE_O, magnitude, cut};
    prune_units(u, &u->recipe->prune_heads, &kind);
}
