/* The inner loops, compiled once for each instruction set (the Makefile names the table and gives
 * the flags). Sums over k, keys and tokens run upwards, one lane for each output. */
#include "train/attention_loops.h"

#include <math.h>

#ifndef LOOPS_TABLE
#define LOOPS_TABLE loops_plain
#define LOOPS_NAME "portable"
#define TILE_ROWS 4
#endif

#define K_BLOCK 256 /* of B that is packed at once: 16 KiB */

extern const Loops LOOPS_TABLE;

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
        for (i = 0; unit && i < n; i++) { /* first: y may be x */
            unit[(ptrdiff_t)r * n + i] = x[i] * scale;
        }
        for (i = 0; i < n; i++) {
            y[i] = x[i] * scale * gamma[i];
        }
        if (inverse) {
            inverse[r] = scale;
        }
    }
}

static float mean_of(const float *x, int n)
{
    Lanes sum = {0};
    for (int i = 0; i < n; i += LANES) {
        sum += lanes_load_part(x + i, smaller(LANES, n - i));
    }
    return lanes_sum(sum) / (float)n;
}

static void layer_norm(const float *x, const float *gamma, const float *beta, float eps, int rows,
                       int n, float *y, float *unit, float *inverse)
{
    for (int r = 0; r < rows; r++, x += n, y += n) {
        const float mean = mean_of(x, n);
        Lanes sum = {0};
        for (int i = 0; i < n; i += LANES) {
            const int some = smaller(LANES, n - i);
            const Lanes v = lanes_load_part(x + i, some) - mean;
            lanes_store_part(y + i, v, some);
            const Lanes kept = lanes_load_part(y + i, some); /* 0 past the end */
            sum += kept * kept;
        }
        const float scale = 1 / sqrtf(lanes_sum(sum) / (float)n + eps);
        for (int i = 0; i < n; i++) {
            const float u = y[i] * scale;
            if (unit) {
                unit[(ptrdiff_t)r * n + i] = u;
            }
            y[i] = u * gamma[i] + beta[i];
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

/* The mean that was taken off takes off the mean of du: dx = (du - mean(du) - u mean(u du)) /
 * deviation. */
static void layer_norm_back(const float *dy, const float *unit, const float *inverse,
                            const float *gamma, int rows, int n, float *dx, float *d_gamma)
{
    for (int r = 0; r < rows; r++, dy += n, unit += n, dx += n) {
        Lanes sum = {0}, plain = {0};
        for (int i = 0; i < n; i += LANES) {
            const int some = smaller(LANES, n - i);
            const Lanes d = lanes_load_part(dy + i, some), u = lanes_load_part(unit + i, some);
            const Lanes weight = lanes_load_part(gamma + i, some);
            sum += d * u * weight;
            plain += d * weight;
            lanes_store_part(d_gamma + i, lanes_load_part(d_gamma + i, some) + d * u, some);
        }
        const float mean = lanes_sum(sum) / (float)n, shift = lanes_sum(plain) / (float)n;
        const float scale = inverse[r];
        for (int i = 0; i < n; i++) {
            dx[i] += (dy[i] * gamma[i] - shift - unit[i] * mean) * scale;
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

static void silu_gate(const float *gated, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const int some = n - i < LANES ? (int)(n - i) : LANES;
        const Lanes g = lanes_load_part(gated + i, some);
        lanes_store_part(out + i, g * sigmoid(g) * lanes_load_part(up + i, some), some);
    }
}

static void silu_gate_back(float *gated, const float *up, size_t n, float *d_out)
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

/* GELU's tanh form, g (1 + tanh u) / 2, is g sigmoid(2 u): that 2 u. */
INLINE Lanes gelu_inner(Lanes g)
{
    return 1.59576912f * (g + 0.044715f * g * g * g); /* sqrt(8 / pi) */
}

static void gelu_gate(const float *gated, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const int some = n - i < LANES ? (int)(n - i) : LANES;
        const Lanes g = lanes_load_part(gated + i, some);
        lanes_store_part(out + i, g * sigmoid(gelu_inner(g)) * lanes_load_part(up + i, some), some);
    }
}

static void gelu_gate_back(float *gated, const float *up, size_t n, float *d_out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const int some = n - i < LANES ? (int)(n - i) : LANES;
        const Lanes g = lanes_load_part(gated + i, some), d = lanes_load_part(d_out + i, some);
        const Lanes s = sigmoid(gelu_inner(g));
        const Lanes inner_slope = 1.59576912f * (1.0f + 0.134145f * g * g);
        const Lanes slope = s * (1.0f + g * (1.0f - s) * inner_slope);
        lanes_store_part(gated + i, d * slope * lanes_load_part(up + i, some), some);
        lanes_store_part(d_out + i, d * g * s, some);
    }
}

/* P(X <= g) of a normal X: erf by Abramowitz and Stegun 7.1.26, off by at most 1.5e-7. */
INLINE Lanes normal_below(Lanes g)
{
    const LanesInt negative = g < 0.0f;
    const Lanes x = choose(negative, -g, g) * 0.70710678f; /* sqrt(1 / 2) */
    const Lanes t = 1.0f / (1.0f + 0.3275911f * x);
    const Lanes series =
        t * (0.254829592f +
             t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    const Lanes above = 0.5f * series * lanes_exp(-x * x);
    return choose(negative, above, 1.0f - above);
}

static void gelu_erf_gate(const float *gated, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const int some = n - i < LANES ? (int)(n - i) : LANES;
        const Lanes g = lanes_load_part(gated + i, some);
        lanes_store_part(out + i, g * normal_below(g) * lanes_load_part(up + i, some), some);
    }
}

static void gelu_erf_gate_back(float *gated, const float *up, size_t n, float *d_out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const int some = n - i < LANES ? (int)(n - i) : LANES;
        const Lanes g = lanes_load_part(gated + i, some), d = lanes_load_part(d_out + i, some);
        const Lanes below = normal_below(g);
        const Lanes density = 0.39894228f * lanes_exp(-0.5f * g * g); /* sqrt(1 / (2 pi)) */
        lanes_store_part(gated + i, d * (below + g * density) * lanes_load_part(up + i, some),
                         some);
        lanes_store_part(d_out + i, d * g * below, some);
    }
}

INLINE Lanes positive_part(Lanes g)
{
    return choose(g > 0.0f, g, lanes_all(0));
}

static void relu_gate(const float *gated, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const int some = n - i < LANES ? (int)(n - i) : LANES;
        const Lanes g = positive_part(lanes_load_part(gated + i, some));
        lanes_store_part(out + i, g * lanes_load_part(up + i, some), some);
    }
}

static void relu_gate_back(float *gated, const float *up, size_t n, float *d_out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const int some = n - i < LANES ? (int)(n - i) : LANES;
        const Lanes g = lanes_load_part(gated + i, some), d = lanes_load_part(d_out + i, some);
        const Lanes slope = choose(g > 0.0f, lanes_all(1), lanes_all(0));
        lanes_store_part(gated + i, d * slope * lanes_load_part(up + i, some), some);
        lanes_store_part(d_out + i, d * positive_part(g), some);
    }
}

static void relu2_gate(const float *gated, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const int some = n - i < LANES ? (int)(n - i) : LANES;
        const Lanes g = positive_part(lanes_load_part(gated + i, some));
        lanes_store_part(out + i, g * g * lanes_load_part(up + i, some), some);
    }
}

static void relu2_gate_back(float *gated, const float *up, size_t n, float *d_out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const int some = n - i < LANES ? (int)(n - i) : LANES;
        const Lanes g = positive_part(lanes_load_part(gated + i, some));
        const Lanes d = lanes_load_part(d_out + i, some);
        lanes_store_part(gated + i, d * 2.0f * g * lanes_load_part(up + i, some), some);
        lanes_store_part(d_out + i, d * g * g, some);
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
    .layer_norm = layer_norm,
    .layer_norm_back = layer_norm_back,
    .gate = {[ACT_SILU] = silu_gate,
             [ACT_GELU_TANH] = gelu_gate,
             [ACT_GELU] = gelu_erf_gate,
             [ACT_RELU] = relu_gate,
             [ACT_RELU2] = relu2_gate},
    .gate_back = {[ACT_SILU] = silu_gate_back,
                  [ACT_GELU_TANH] = gelu_gate_back,
                  [ACT_GELU] = gelu_erf_gate_back,
                  [ACT_RELU] = relu_gate_back,
                  [ACT_RELU2] = relu2_gate_back},
    .distill = distill,
    .exponentials = exponentials,
    .decode = decode,
    .quantize = quantize,
    .sum_planes = sum_planes,
    .adam = adam,
    .add = add,
};
