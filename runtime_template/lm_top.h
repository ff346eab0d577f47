/* The largest logits of a head without a vector of all of them: the rows pass through the matrix's
 * kernel a chunk at a time, and what is worth it goes into a short list: the first n of all logits
 * sorted by falling logit, of equal ones by rising id.
 * Needs lm_fixed.h, lm_planes.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_TOP_H
#define LM_TOP_H

#define LM_TOP_ROWS 64 /* in a chunk at most; a whole number of blocks in every format */

/* Rows of a matrix times x -> y (n, in whole blocks). x: the input or its table, as the kernel has
 * it; sum: of the inputs; rows_data: book, then one scale a row. */
typedef void (*lm_top_kernel)(const uint8_t *codes, const uint8_t *rows_data, const void *x,
                              int32_t sum, int32_t *y, int32_t n);

typedef struct lm_top_list {
    int32_t *best; /* 2 * n: id and logit of each; full, a heap: the one after all others first */
    int32_t n, count;
    lm_scale unit; /* of what is offered */
    int32_t fraction;
} lm_top_list;

/* Whether a comes after b by falling logit, of equal ones by rising id. */
LM_INLINE int32_t lm_top_after(const int32_t *a, const int32_t *b)
{
    return a[1] != b[1] ? a[1] < b[1] : a[0] > b[0];
}

/* Puts an entry into the heap of n where `at` is, or further down, so that none comes after the
 * one above it. */
LM_FUNCTION void lm_top_sift(int32_t *best, int32_t n, int32_t at, int32_t id, int32_t logit)
{
    int32_t entry[2];
    entry[0] = id;
    entry[1] = logit;
    for (int32_t below = 2 * at + 1; below < n; below = 2 * at + 1) {
        const int32_t *next = best + 2 * below;
        if (below + 1 < n && lm_top_after(next + 2, next)) {
            next += 2;
            below++;
        }
        if (!lm_top_after(next, entry)) {
            break;
        }
        best[2 * at] = next[0];
        best[2 * at + 1] = next[1];
        at = below;
    }
    best[2 * at] = id;
    best[2 * at + 1] = logit;
}

LM_FUNCTION void lm_top_heap(int32_t *best, int32_t n)
{
    for (int32_t at = n / 2 - 1; at >= 0; at--) {
        lm_top_sift(best, n, at, best[2 * at], best[2 * at + 1]);
    }
}

/* Heap -> in order: the last of all goes to the end, again and again. */
LM_FUNCTION void lm_top_sort(int32_t *best, int32_t n)
{
    while (--n > 0) {
        const int32_t id = best[2 * n];
        const int32_t logit = best[2 * n + 1];
        best[2 * n] = best[0];
        best[2 * n + 1] = best[1];
        lm_top_sift(best, n, 0, id, logit);
    }
}

/* Row `id`, above all before, is worth y units; gives the y up to which no later row can enter.
 * That is none until the list is full (INT32_MIN, which no row reaches: matrices leave the range's
 * ends free). Then rows with the last one's logit, or less, stay out, and since logits rise with y,
 * so does every y up to one that stayed out. */
LM_FUNCTION int32_t lm_top_offer(lm_top_list *t, int32_t id, int32_t y, int32_t reject)
{
    const int32_t logit = lm_to_fixed(y, t->unit, t->fraction);
    if (t->count < t->n) {
        t->best[2 * t->count] = id;
        t->best[2 * t->count + 1] = logit;
        if (++t->count == t->n) {
            lm_top_heap(t->best, t->n);
        }
    } else if (logit > t->best[1]) {
        lm_top_sift(t->best, t->n, 0, id, logit);
    } else {
        reject = y;
    }
    return reject;
}

/* Matrix (rows) times x, each row worth `unit` -> best (2 * n): id and logit, value * 2^-fraction,
 * of the n <= rows largest. y (chunk) is scratch. chunk: rows at once, at most LM_TOP_ROWS and in
 * whole blocks, whose codes take chunk_bytes. The scales of a chunk follow a copy of the book. */
LM_INLINE void lm_top(lm_top_kernel kernel, const uint8_t *codes, const uint8_t *rows_data,
                      const void *x, int32_t sum, lm_scale unit, int32_t *y, int32_t *best,
                      int32_t rows, int32_t n, int32_t chunk, int32_t chunk_bytes, int32_t fraction)
{
    uint8_t part[LM_BOOK_BYTES + LM_TOP_ROWS];
    int32_t reject = INT32_MIN;
    lm_top_list t;
    t.best = best;
    t.n = n;
    t.count = 0;
    t.unit = unit;
    t.fraction = fraction;
    memset(part, 0, sizeof part);
    memcpy(part, rows_data, LM_BOOK_BYTES);
    for (int32_t first = 0; first < rows; first += chunk) {
        const int32_t some = rows - first < chunk ? rows - first : chunk;
        if (some < chunk) { /* the last block's other rows are nothing */
            memset(part + LM_BOOK_BYTES, 0, LM_TOP_ROWS);
        }
        memcpy(part + LM_BOOK_BYTES, rows_data + LM_BOOK_BYTES + first, (size_t)some);
        kernel(codes, part, x, sum, y, some);
        for (int32_t i = 0; i < some; i++) {
            if (y[i] > reject) {
                reject = lm_top_offer(&t, first + i, y[i], reject);
            }
        }
        codes += chunk_bytes;
    }
    lm_top_sort(best, n);
}

#endif
