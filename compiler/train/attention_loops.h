/* Attention over a document and its gradient: the part of loops.c that reads keys and values. A
 * block is 16 queries side by side, or 16 keys, so that every sum has a lane of its own. */
#ifndef LMCC_TRAIN_ATTENTION_LOOPS_H
#define LMCC_TRAIN_ATTENTION_LOOPS_H

#include "train/lanes.h"
#include "train/loops.h"
#include "util.h"

#include <math.h>

#define KEYS 4 /* keys or queries scored together */
#define DIMS 8 /* of an output summed together */

/* Rows first .. first + 15 of x as head_dim x 16, what is past n as 0, times `scale`. */
static void transpose(const float *x, ptrdiff_t row, int first, int n, int head_dim, float scale,
                      float *out)
{
    const int rows = smaller(LANES, n - first);
    memset(out, 0, (size_t)head_dim * LANES * sizeof(float));
    for (int i = 0; i < rows; i++) {
        for (int d = 0; d < head_dim; d++) {
            out[d * LANES + i] = x[(first + i) * row + d] * scale;
        }
    }
}

INLINE Lanes choose(LanesInt which, Lanes yes, Lanes no)
{
    return (Lanes)(((LanesInt)yes & which) | ((LanesInt)no & ~which));
}

/* Lanes first + lane >= j. */
INLINE LanesInt from(int first, int j)
{
    const LanesInt lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return lane + first >= j;
}

/* What queries first .. first + 15 give key j: p where they see it, else 0. */
INLINE Lanes seen(const Attention *a, int first, int j, Lanes p)
{
    p = j > first && !a->all ? lanes_and(p, from(first, j)) : p;
    return a->window > 0 ? lanes_and(p, ~from(first, j + a->window)) : p;
}

/* Below every score: e^(NEVER - top) is 0. */
#define NEVER lanes_all(-1e30f)

/* `rows` dot products of x's rows with 16 transposed vectors. */
INLINE void dots(const float *x, ptrdiff_t row, const float *with, int head_dim, int rows,
                 Lanes *sum)
{
    for (int r = 0; r < rows; r++) {
        sum[r] = (Lanes){0};
    }
    for (int d = 0; d < head_dim; d++) {
        const Lanes w = lanes_load(with + d * LANES);
        for (int r = 0; r < rows; r++) {
            sum[r] += x[r * row + d] * w;
        }
    }
}

/* Up to KEYS of them. */
INLINE void dots_some(const float *x, ptrdiff_t row, const float *with, int head_dim, int rows,
                      Lanes *sum)
{
    if (rows == KEYS) {
        dots(x, row, with, head_dim, KEYS, sum);
        return;
    }
    for (int r = 0; r < rows; r++) {
        dots(x + r * row, row, with, head_dim, 1, sum + r);
    }
}

/* out[d] = sum over the n rows of x: x[j][d] * weight[j], for dims constant. */
INLINE void mix(const float *x, ptrdiff_t row, const float *weight, int n, int dims, Lanes *sum)
{
    for (int d = 0; d < dims; d++) {
        sum[d] = (Lanes){0};
    }
    for (int j = 0; j < n; j++) {
        const Lanes w = lanes_load(weight + j * LANES);
        for (int d = 0; d < dims; d++) {
            sum[d] += x[j * row + d] * w;
        }
    }
}

INLINE void mix_out(const Attention *a, const float *weight, int keys, int d, int dims, int first,
                    Lanes inverse)
{
    Lanes sum[DIMS];
    mix(a->v + d, a->kv_row, weight, keys, dims, sum);
    const int rows = smaller(LANES, a->n - first);
    for (int t = 0; t < dims; t++) {
        const Lanes value = sum[t] * inverse;
        for (int i = 0; i < rows; i++) {
            a->out[(first + i) * a->q_row + d + t] = value[i];
        }
    }
}

static void attend(const Attention *a, int block, float *scratch)
{
    const int first = block * QUERIES, keys = a->all ? a->n : smaller(a->n, first + QUERIES);
    const int all = a->all ? a->n : first; /* keys up to there are met by all queries */
    float *q = scratch, *weight = scratch + a->head_dim * LANES;
    Lanes top = lanes_all(-INFINITY), total = {0}, s[KEYS];
    transpose(a->q, a->q_row, first, a->n, a->head_dim, a->scale, q);
    for (int j = 0; j < keys; j += KEYS) {
        const int some = smaller(KEYS, keys - j);
        dots_some(a->k + j * a->kv_row, a->kv_row, q, a->head_dim, some, s);
        for (int i = 0; i < some; i++) {
            lanes_store(weight + (j + i) * LANES, s[i]);
            Lanes score = j + i > all ? choose(from(first, j + i), s[i], NEVER) : s[i];
            score = a->window > 0 ? choose(from(first, j + i + a->window), NEVER, score) : score;
            top = lanes_max(top, score);
        }
    }
    for (int j = 0; j < keys; j++) {
        const Lanes p = seen(a, first, j, lanes_exp(lanes_load(weight + j * LANES) - top));
        lanes_store(weight + j * LANES, p);
        total += p;
    }
    int d = 0;
    for (; d + DIMS <= a->head_dim; d += DIMS) {
        mix_out(a, weight, keys, d, DIMS, first, 1.0f / total);
    }
    for (; d < a->head_dim; d++) {
        mix_out(a, weight, keys, d, 1, first, 1.0f / total);
    }
    for (int i = 0; a->total && i < smaller(LANES, a->n - first); i++) {
        a->total[first + i] = top[i] + logf(total[i]);
    }
}

static void put_transposed(float *x, ptrdiff_t row, int rows, Lanes value, bool add)
{
    for (int i = 0; i < rows; i++) {
        x[i * row] = add ? x[i * row] + value[i] : value[i];
    }
}

/* x[first + lane][d] = or += scale * sum over j of with[j][d] * weight[j][lane] */
static void mix_back(const float *with, ptrdiff_t with_row, const float *weight, int n,
                     int head_dim, float scale, float *x, ptrdiff_t row, int rows, bool add)
{
    Lanes sum[DIMS];
    int d = 0;
    for (; d + DIMS <= head_dim; d += DIMS) {
        mix(with + d, with_row, weight, n, DIMS, sum);
        for (int t = 0; t < DIMS; t++) {
            put_transposed(x + d + t, row, rows, sum[t] * scale, add);
        }
    }
    for (; d < head_dim; d++) {
        mix(with + d, with_row, weight, n, 1, sum);
        put_transposed(x + d, row, rows, sum[0] * scale, add);
    }
}

/* With p = softmax and dp = d_out . v: ds = p (dp - sum of p dp), and that sum is d_out . out
 * (Dao et al., FlashAttention, 2022). Here lanes are queries. */
static void attend_back_queries(const AttentionBack *b, int block, float *scratch)
{
    const Attention *a = &b->forward;
    const int first = block * QUERIES, dim = a->head_dim;
    const int keys = a->all ? a->n : smaller(a->n, first + QUERIES);
    const int rows = smaller(LANES, a->n - first);
    float *q = scratch, *d_out = q + dim * LANES, *out = d_out + dim * LANES;
    float *weight = out + dim * LANES;
    transpose(a->q, a->q_row, first, a->n, dim, a->scale, q);
    transpose(b->d_out, a->q_row, first, a->n, dim, 1, d_out);
    transpose(a->out, a->q_row, first, a->n, dim, 1, out);
    const Lanes total = lanes_load_part(a->total + first, rows);
    Lanes dot = {0};
    for (int d = 0; d < dim; d++) {
        dot += lanes_load(d_out + d * LANES) * lanes_load(out + d * LANES);
    }
    lanes_store_part(b->dot + first, dot, rows);
    for (int j = 0; j < keys; j += KEYS) {
        const int some = smaller(KEYS, keys - j);
        Lanes s[KEYS], dp[KEYS];
        dots_some(a->k + j * a->kv_row, a->kv_row, q, dim, some, s);
        dots_some(a->v + j * a->kv_row, a->kv_row, d_out, dim, some, dp);
        for (int i = 0; i < some; i++) {
            const Lanes p = seen(a, first, j + i, lanes_exp(s[i] - total));
            lanes_store(weight + (j + i) * LANES, p * (dp[i] - dot));
        }
    }
    mix_back(a->k, a->kv_row, weight, keys, dim, a->scale, b->d_q + first * a->q_row, a->q_row,
             rows, false);
}

/* Here lanes are keys. */
static void attend_back_keys(const AttentionBack *b, int block, float *scratch)
{
    const Attention *a = &b->forward;
    const int first = block * QUERIES, dim = a->head_dim, rows = smaller(LANES, a->n - first);
    const int begin = a->all ? 0 : first, n = a->n - begin; /* queries that meet them */
    float *k = scratch, *v = k + dim * LANES;
    float *weight = v + dim * LANES, *d_score = weight + n * LANES;
    transpose(a->k, a->kv_row, first, a->n, dim, a->scale, k);
    transpose(a->v, a->kv_row, first, a->n, dim, 1, v);
    for (int i = 0; i < n; i += KEYS) {
        const int some = smaller(KEYS, n - i), query = begin + i;
        Lanes s[KEYS], dp[KEYS];
        dots_some(a->q + query * a->q_row, a->q_row, k, dim, some, s);
        dots_some(b->d_out + query * a->q_row, a->q_row, v, dim, some, dp);
        for (int t = 0; t < some; t++) {
            Lanes p = lanes_exp(s[t] - a->total[query + t]);
            p = i + t < LANES && !a->all ? lanes_and(p, ~from(0, i + t + 1))
                                         : p; /* keys up to its own */
            p = a->window > 0 ? lanes_and(p, from(first, query + t - a->window + 1)) : p;
            lanes_store(weight + (i + t) * LANES, p);
            lanes_store(d_score + (i + t) * LANES, p * (dp[t] - b->dot[query + t]));
        }
    }
    mix_back(b->d_out + begin * a->q_row, a->q_row, weight, n, dim, 1, b->d_v + first * a->kv_row,
             a->kv_row, rows, true);
    mix_back(a->q + begin * a->q_row, a->q_row, d_score, n, dim, a->scale,
             b->d_k + first * a->kv_row, a->kv_row, rows, true);
}

static void decode(const float *q, const float *keys, const float *values, int first, int n,
                   int head_dim, ptrdiff_t stride, float *score, float *out)
{
    const int begin = first / LANES * LANES;
    const float scale = 1 / sqrtf((float)head_dim);
    Lanes top = lanes_all(-INFINITY), total = {0};
    for (int j = begin; j < n; j += LANES) {
        Lanes s = {0};
        for (int d = 0; d < head_dim; d++) {
            s += q[d] * lanes_load(keys + d * stride + j);
        }
        s *= scale;
        if (n - j < LANES) { /* what the cache holds beyond n is no key */
            s = choose(from(0, n - j), NEVER, s);
        }
        if (j < first) {
            s = choose(from(j, first), s, NEVER);
        }
        lanes_store(score + j, s);
        top = lanes_max(top, s);
    }
    float most = top[0];
    for (int i = 1; i < LANES; i++) {
        most = top[i] > most ? top[i] : most;
    }
    for (int j = begin; j < n; j += LANES) {
        const Lanes p = lanes_exp(lanes_load(score + j) - most);
        lanes_store(score + j, p);
        total += p;
    }
    const float inverse = 1 / lanes_sum(total);
    for (int d = 0; d < head_dim; d++) {
        Lanes sum = {0};
        for (int j = begin; j < n; j += LANES) {
            sum += lanes_load(score + j) * lanes_load(values + d * stride + j);
        }
        out[d] = lanes_sum(sum) * inverse;
    }
}

#endif
