/* The largest logits of a head without a vector of all of them: the rows pass through the matrix's
 * kernel a chunk at a time, and what is worth it goes into a short list by falling logit, of equal
 * ones by rising id: the first n of all logits so sorted.
 * Needs lm_fixed.h, lm_planes.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_TOP_H
#define LM_TOP_H

#define LM_TOP_ROWS 64 /* in a chunk at most; a whole number of blocks in every format */

/* Rows of a matrix times x -> y (n, in whole blocks). x: the input or its table, as the kernel has
 * it; sum: of the inputs; rows_data: book, then one scale a row. */
typedef void (*lm_top_kernel)(const uint8_t *codes, const uint8_t *rows_data, const void *x,
                              int32_t sum, int32_t *y, int32_t n);

typedef struct lm_top_list {
    int32_t *best; /* 2 * n: id and logit of each, in order */
    int32_t n, count;
    lm_scale unit; /* of what is offered */
    int32_t fraction;
} lm_top_list;

/* Row `id` is worth y units; gives the y up to which no later row can enter. That is none until the
 * list is full (INT32_MIN, which no row reaches: matrices leave the range's ends free). Then rows
 * with the last one's logit, or less, stay out, and since logits rise with y, so does every y up to
 * one that stayed out. */
LM_FUNCTION int32_t lm_top_offer(lm_top_list *t, int32_t id, int32_t y, int32_t reject)
{
    const int32_t logit = lm_to_fixed(y, t->unit, t->fraction);
    int32_t *at = t->best + 2 * t->count;
    if (t->count < t->n) {
        t->count++;
    } else if (logit > at[-1]) {
        at -= 2;
    } else {
        return y;
    }
    for (; at != t->best && at[-1] < logit; at -= 2) {
        at[0] = at[-2];
        at[1] = at[-1];
    }
    at[0] = id;
    at[1] = logit;
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
}

#endif
