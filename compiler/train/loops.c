/* The inner loops, compiled once for each instruction set (the Makefile names the table and gives
 * the flags). Sums over k, keys and tokens run upwards, one lane for each output. */
#include "train/loops.h"
#include "train/lanes.h"

#include <math.h>

#ifndef LOOPS_TABLE
#define LOOPS_TABLE loops_plain
#define LOOPS_NAME "portable"
#define TILE_ROWS 4
#endif

#define K_BLOCK 256 /* of B that is packed at once: 16 KiB */

extern const Loops LOOPS_TABLE;

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Product ---------------------------------------------------------------------------------- */

/* `k` rows of B, `n` <= 16 columns, as k x 16. */
static void pack(const Product *p, int first_k, int k, int column, int n, float *packed)
{
    const float *b = p->b + first_k * p->b_step + column * p->b_col;
    if (n < PANEL) {
        memset(packed, 0, (size_t)k * PANEL * sizeof(float));
    }
    if (p->b_col == 1 && n == PANEL) {
        for (int i = 0; i < k; i++) {
            lanes_store(packed + i * PANEL, lanes_load(b + i * p->b_step));
        }
        return;
    }
    for (int c = 0; c < n; c++) {
        for (int i = 0; i < k; i++) {
            packed[i * PANEL + c] = b[i * p->b_step + c * p->b_col];
        }
    }
}

/* `rows` rows of C from k steps; rows is a constant wherever this is inlined. */
INLINE void tile(const float *a, ptrdiff_t a_row, ptrdiff_t a_step, const float *packed, int k,
                 float *c, ptrdiff_t c_row, int n, bool add, int rows)
{
    Lanes sum[TILE_ROWS];
    for (int r = 0; r < rows; r++) {
        sum[r] = !add         ? (Lanes){0}
                 : n == PANEL ? lanes_load(c + r * c_row)
                              : lanes_load_part(c + r * c_row, n);
    }
    for (int i = 0; i < k; i++) {
        const Lanes b = lanes_load(packed + i * PANEL);
        for (int r = 0; r < rows; r++) {
            sum[r] += a[r * a_row + i * a_step] * b;
        }
    }
    for (int r = 0; r < rows; r++) {
        if (n == PANEL) {
            lanes_store(c + r * c_row, sum[r]);
        } else {
            lanes_store_part(c + r * c_row, sum[r], n);
        }
    }
}

static void product_panel(const Product *p, int panel)
{
    float packed[K_BLOCK * PANEL] __attribute__((aligned(64)));
    const int column = panel * PANEL, n = smaller(PANEL, p->n - column);
    for (int first = 0; first < p->k; first += K_BLOCK) {
        const int k = smaller(K_BLOCK, p->k - first);
        const float *a = p->a + first * p->a_step;
        const bool add = p->add || first > 0;
        float *c = p->c + column;
        int r = 0;
        pack(p, first, k, column, n, packed);
        for (; r + TILE_ROWS <= p->m; r += TILE_ROWS) {
            tile(a + r * p->a_row, p->a_row, p->a_step, packed, k, c + r * p->c_row, p->c_row, n,
                 add, TILE_ROWS);
        }
        for (; r < p->m; r++) {
            tile(a + r * p->a_row, p->a_row, p->a_step, packed, k, c + r * p->c_row, p->c_row, n,
                 add, 1);
        }
    }
}

/* Attention -------------------------------------------------------------------------------- */

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
    const int first = block * QUERIES, keys = smaller(a->n, first + QUERIES);
    float *q = scratch, *weight = scratch + a->head_dim * LANES;
    Lanes top = lanes_all(-INFINITY), total = {0}, s[KEYS];
    transpose(a->q, a->q_row, first, a->n, a->head_dim, a->scale, q);
    for (int j = 0; j < keys; j += KEYS) {
        const int some = smaller(KEYS, keys - j);
        dots_some(a->k + j * a->kv_row, a->kv_row, q, a->head_dim, some, s);
        for (int i = 0; i < some; i++) {
            lanes_store(weight + (j + i) * LANES, s[i]);
            top = lanes_max(top, j + i > first ? choose(from(first, j + i), s[i], NEVER) : s[i]);
        }
    }
    for (int j = 0; j < keys; j++) {
        Lanes p = lanes_exp(lanes_load(weight + j * LANES) - top);
        p = j > first ? lanes_and(p, from(first, j)) : p;
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
    const int first = block * QUERIES, keys = smaller(a->n, first + QUERIES), dim = a->head_dim;
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
            Lanes p = lanes_exp(s[i] - total);
            p = j + i > first ? lanes_and(p, from(first, j + i)) : p;
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
    const int first = block * QUERIES, n = a->n - first, dim = a->head_dim;
    const int rows = smaller(LANES, n);
    float *k = scratch, *v = k + dim * LANES;
    float *weight = v + dim * LANES, *d_score = weight + n * LANES;
    transpose(a->k, a->kv_row, first, a->n, dim, a->scale, k);
    transpose(a->v, a->kv_row, first, a->n, dim, 1, v);
    for (int i = 0; i < n; i += KEYS) {
        const int some = smaller(KEYS, n - i), query = first + i;
        Lanes s[KEYS], dp[KEYS];
        dots_some(a->q + query * a->q_row, a->q_row, k, dim, some, s);
        dots_some(b->d_out + query * a->q_row, a->q_row, v, dim, some, dp);
        for (int t = 0; t < some; t++) {
            Lanes p = lanes_exp(s[t] - a->total[query + t]);
            p = i + t < LANES ? lanes_and(p, ~from(0, i + t + 1)) : p; /* keys up to its own */
            lanes_store(weight + (i + t) * LANES, p);
            lanes_store(d_score + (i + t) * LANES, p * (dp[t] - b->dot[query + t]));
        }
    }
    mix_back(b->d_out + first * a->q_row, a->q_row, weight, n, dim, 1, b->d_v + first * a->kv_row,
             a->kv_row, rows, true);
    mix_back(a->q + first * a->q_row, a->q_row, d_score, n, dim, a->scale,
             b->d_k + first * a->kv_row, a->kv_row, rows, true);
}

static void decode(const float *q, const float *keys, const float *values, int n, int head_dim,
                   ptrdiff_t stride, float *score, float *out)
{
    const float scale = 1 / sqrtf((float)head_dim);
    Lanes top = lanes_all(-INFINITY), total = {0};
    for (int j = 0; j < n; j += LANES) {
        Lanes s = {0};
        for (int d = 0; d < head_dim; d++) {
            s += q[d] * lanes_load(keys + d * stride + j);
        }
        s *= scale;
        if (n - j < LANES) { /* what the cache holds beyond n is no key */
            s = choose(from(0, n - j), NEVER, s);
        }
        lanes_store(score + j, s);
        top = lanes_max(top, s);
    }
    float most = top[0];
    for (int i = 1; i < LANES; i++) {
        most = top[i] > most ? top[i] : most;
    }
    for (int j = 0; j < n; j += LANES) {
        const Lanes p = lanes_exp(lanes_load(score + j) - most);
        lanes_store(score + j, p);
        total += p;
    }
    const float inverse = 1 / lanes_sum(total);
    for (int d = 0; d < head_dim; d++) {
        Lanes sum = {0};
        for (int j = 0; j < n; j += LANES) {
            sum += lanes_load(score + j) * lanes_load(values + d * stride + j);
        }
        out[d] = lanes_sum(sum) * inverse;
    }
}

/* Rows ------------------------------------------------------------------------------------- */

static void norm(const float *x, const float *gamma, float eps, int rows, int n, float *y,
                 float *unit, float *inverse)
{
    for (int r = 0; r < rows; r++, x += n, y += n) {
        Lanes sum = {0};
        int i = 0;
        for (; i + LANES <= n; i += LANES) {
            sum += lanes_load(x + i) * lanes_load(x + i);
        }
        if (i < n) {
            const Lanes v = lanes_load_part(x + i, n - i);
            sum += v * v;
        }
        const float scale = 1 / sqrtf(lanes_sum(sum) / (float)n + eps);
        for (i = 0; i < n; i++) {
            y[i] = x[i] * scale * gamma[i];
        }
        for (i = 0; unit && i < n; i++) {
            unit[(ptrdiff_t)r * n + i] = x[i] * scale;
        }
        if (inverse) {
            inverse[r] = scale;
        }
    }
}

/* With u = x / rms: dx = (du - u mean(u du)) / rms, du = dy gamma. */
static void norm_back(const float *dy, const float *unit, const float *inverse, const float *gamma,
                      int rows, int n, float *dx, float *d_gamma)
{
    for (int r = 0; r < rows; r++, dy += n, unit += n, dx += n) {
        Lanes sum = {0};
        for (int i = 0; i < n; i += LANES) {
            const int some = smaller(LANES, n - i);
            const Lanes product = lanes_load_part(dy + i, some) * lanes_load_part(unit + i, some);
            sum += product * lanes_load_part(gamma + i, some);
            lanes_store_part(d_gamma + i, lanes_load_part(d_gamma + i, some) + product, some);
        }
        const float mean = lanes_sum(sum) / (float)n, scale = inverse[r];
        for (int i = 0; i < n; i++) {
            dx[i] += (dy[i] * gamma[i] - unit[i] * mean) * scale;
        }
    }
}

/* 1 / (1 + e^-g) from e^-|g|, which cannot overflow. */
INLINE Lanes sigmoid(Lanes g)
{
    const LanesInt negative = g < 0.0f;
    const Lanes e = lanes_exp(choose(negative, g, -g));
    return choose(negative, e, lanes_all(1)) / (1.0f + e);
}

static void gate(const float *gated, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const int some = n - i < LANES ? (int)(n - i) : LANES;
        const Lanes g = lanes_load_part(gated + i, some);
        lanes_store_part(out + i, g * sigmoid(g) * lanes_load_part(up + i, some), some);
    }
}

static void gate_back(float *gated, const float *up, size_t n, float *d_out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const int some = n - i < LANES ? (int)(n - i) : LANES;
        const Lanes g = lanes_load_part(gated + i, some), d = lanes_load_part(d_out + i, some);
        const Lanes s = sigmoid(g);
        const Lanes slope = s * (1.0f + g * (1.0f - s));
        lanes_store_part(gated + i, d * slope * lanes_load_part(up + i, some), some);
        lanes_store_part(d_out + i, d * g * s, some);
    }
}

static float exponentials(const float *x, int n, float scale, float *out, float *top)
{
    float most = x[0];
    Lanes total = {0};
    for (int i = 1; i < n; i++) {
        most = x[i] > most ? x[i] : most;
    }
    for (int i = 0; i < n; i += LANES) {
        const int some = smaller(LANES, n - i);
        const Lanes e = lanes_exp((lanes_load_part(x + i, some) - most) * scale);
        lanes_store_part(out + i, e, some);
        total += some == LANES ? e : lanes_load_part(out + i, some);
    }
    *top = most;
    return lanes_sum(total);
}

/* KL = sum of p (x - y) + log sum exp y - log sum exp x, over goal logits x and own logits y. */
static double distill(float *logits, const float *goal, int n, float weight, float *probability)
{
    float own_top, goal_top;
    const float goal_sum = exponentials(goal, n, 1, probability, &goal_top);
    Lanes gap = {0};
    for (int i = 0; i < n; i += LANES) {
        const int some = smaller(LANES, n - i);
        gap += lanes_load_part(probability + i, some) *
               (lanes_load_part(goal + i, some) - lanes_load_part(logits + i, some));
    }
    const float own_sum = exponentials(logits, n, 1, logits, &own_top);
    const float own_weight = weight / own_sum, goal_weight = weight / goal_sum;
    for (int i = 0; i < n; i++) {
        logits[i] = logits[i] * own_weight - probability[i] * goal_weight;
    }
    return (double)lanes_sum(gap) / (double)goal_sum + (double)own_top + log((double)own_sum) -
           (double)goal_top - log((double)goal_sum);
}

/* Training --------------------------------------------------------------------------------- */

static void quantize(const float *w, int n, float scale, const LevelSteps *levels, float *value,
                     uint8_t *code)
{
    const float inverse = 1 / scale;
    for (int i = 0; i < n; i += LANES) {
        const int some = smaller(LANES, n - i);
        const Lanes x = lanes_load_part(w + i, some) * inverse;
        Lanes level = lanes_all(levels->first);
        LanesInt bits = (LanesInt){0} + levels->first_code;
        for (int k = 0; k < levels->n; k++) {
            const LanesInt above = x > levels->threshold[k];
            level += lanes_and(lanes_all(levels->step[k]), above);
            bits ^= above & levels->flip[k];
        }
        lanes_store_part(value + i, level * scale, some);
        for (int t = 0; t < some; t++) {
            code[i + t] = (uint8_t)bits[t];
        }
    }
}

static void sum_planes(const float *x, const uint8_t *code, int n, int planes, float *sum)
{
    Lanes part[1 + 8] = {{0}};
    for (int i = 0; i < n; i += LANES) {
        const int some = smaller(LANES, n - i);
        const Lanes v = lanes_load_part(x + i, some);
        LanesInt bits = {0};
        for (int t = 0; t < some; t++) {
            bits[t] = code[i + t];
        }
        part[0] += v;
        for (int k = 0; k < planes; k++) {
            part[1 + k] += lanes_and(v, -((bits >> k) & 1));
        }
    }
    for (int k = 0; k <= planes; k++) {
        sum[k] = lanes_sum(part[k]);
    }
}

static void adam(const Adam *by, size_t n, const float *gradient, float *mean, float *square,
                 float *parameter)
{
    const float inverse1 = 1 / by->bias1, inverse2 = 1 / by->bias2, scale = by->scale;
    const float keep1 = by->beta1, keep2 = by->beta2, rate = by->rate * inverse1;
    for (size_t i = 0; i < n; i++) {
        const float g = gradient[i] * scale;
        mean[i] = keep1 * mean[i] + (1 - keep1) * g;
        square[i] = keep2 * square[i] + (1 - keep2) * g * g;
        parameter[i] -= rate * mean[i] / (sqrtf(square[i] * inverse2) + 1e-9f);
    }
}

static void add(const float *from, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++) {
        to[i] += from[i];
    }
}

const Loops LOOPS_TABLE = {
    .name = LOOPS_NAME,
    .product = product_panel,
    .attend = attend,
    .norm = norm,
    .attend_back_queries = attend_back_queries,
    .attend_back_keys = attend_back_keys,
    .norm_back = norm_back,
    .gate = gate,
    .gate_back = gate_back,
    .distill = distill,
    .exponentials = exponentials,
    .decode = decode,
    .quantize = quantize,
    .sum_planes = sum_planes,
    .adam = adam,
    .add = add,
};
