/* The runtime's vector functions against definitions written here in the plainest way: matrices
 * through packed weights bit by bit, norm, attention and activation against long double. Odd shapes
 * and extreme values included. */
#include "tiny_model.h"

#include "runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

static uint32_t random_state = 7;

static uint32_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* kind 0: random, 1: all 127, 2: all -127, 3: alternating extremes, 4: zero. */
static void fill(int8_t *x, int n, int kind)
{
    for (int i = 0; i < n; i++)
        x[i] = (int8_t)(kind == 0   ? (int)(draw() % 255) - 127
                        : kind == 1 ? 127
                        : kind == 2 ? -127
                        : kind == 3 ? (i % 2 ? 127 : -127)
                                    : 0);
}

static Linear random_linear(Arena *a, Format f, int planes, int rows, int cols, int kind)
{
    Linear l = {.name = "test", .rows = rows, .cols = cols, .format = f, .planes = planes};
    const int codes = f == FORMAT_PLANES ? 1 << planes : f == FORMAT_TERNARY ? 3 : 255;
    l.zero = (int8_t)(kind == 0 ? (int)(draw() % 255) - 127 : kind % 2 ? 127 : -127);
    for (int k = 0; k < planes; k++)
        l.coef[k] = (int8_t)(kind == 0 ? (int)(draw() % 255) - 127 : kind % 2 ? -127 : 127);
    l.scale = NEW(a, uint8_t, rows);
    l.code = NEW(a, uint8_t, rows * cols);
    for (int r = 0; r < rows; r++)
        l.scale[r] = (uint8_t)(kind == 0 ? draw() : 255);
    for (int i = 0; i < rows * cols; i++)
        l.code[i] = (uint8_t)(f == FORMAT_INT8 ? (int)(draw() % 255) - 127
                                               : (int)(draw() % (uint32_t)codes));
    return l;
}

/* y by the definition: ((sum of value * x) >> pre) * scale. */
static int64_t defined(const Linear *l, const int8_t *x, int r, int pre)
{
    int64_t acc = 0;
    for (int c = 0; c < l->cols; c++)
        acc += (int64_t)linear_code_value(l, l->code[r * l->cols + c]) * x[c];
    return (acc >> pre) * l->scale[r];
}

/* The shift that lower would choose for this matrix. */
static int shift_for(const Linear *l)
{
    int64_t worst = 0;
    for (int r = 0; r < l->rows; r++) {
        int64_t sum = 0;
        for (int c = 0; c < l->cols; c++)
            sum += labs(linear_code_value(l, l->code[r * l->cols + c]));
        worst = sum * 127 * l->scale[r] > worst ? sum * 127 * l->scale[r] : worst;
    }
    int pre = 0;
    while (worst >> pre > INT32_MAX - 256)
        pre++;
    return pre;
}

/* The kernels for two inputs give what those for one give; y: of x, as checked before. */
static void check_pair(const Linear *l, const uint8_t *codes, const uint8_t *rd, const int8_t *x,
                       const int32_t *y, int pre, int32_t stride, int kind)
{
    Arena *a = arena_new();
    const int rows = l->rows, cols = l->cols, padded = packed_rows(l);
    int8_t *other = NEW(a, int8_t, cols);
    int32_t *ya = NEW(a, int32_t, padded), *yb = NEW(a, int32_t, padded);
    uint32_t *table =
        NEW(a, uint32_t, table_entries(TABLE_BYTE, cols) + table_entries(TABLE_TRIT, cols));
    fill(other, cols, kind);
    for (int order = 0; order < 2; order++) { /* x in the low half, then in the high one */
        const int8_t *xa = order ? other : x, *xb = order ? x : other;
        if (l->format == FORMAT_PLANES) {
            const lm_two sum = lm_table_pair_byte(xa, xb, table, cols);
            lm_planes_pair_byte(codes, rd, table, sum, ya, yb, rows, cols, l->planes, pre, stride);
        } else if (l->format == FORMAT_TERNARY) {
            lm_table_pair_trit(xa, xb, table, cols);
            lm_ternary_pair_byte(codes, rd, table, ya, yb, rows, cols, pre, stride);
        } else {
            lm_int8_pair(codes, rd, xa, xb, ya, yb, rows, cols, pre, stride);
        }
        assert_memory_equal(order ? yb : ya, y, (size_t)rows * 4);
        for (int r = 0; r < rows; r++)
            assert_int_equal((order ? ya : yb)[r], defined(l, other, r, pre));
    }
    arena_free(a);
}

/* One part of the columns after the other gives what all at once do; y: that. */
static void check_parts(const Linear *l, const uint8_t *codes, const uint8_t *rd, const int8_t *x,
                        const int32_t *y, int pre, int32_t stride, int groups)
{
    Arena *a = arena_new();
    const int rows = l->rows, planes = l->planes;
    const int width = groups * table_inputs(planes ? TABLE_BYTE : TABLE_TRIT);
    int16_t *table = NEW(a, int16_t, 256 * groups);
    int32_t *z = NEW(a, int32_t, packed_rows(l)), *n = NEW(a, int32_t, packed_rows(l));
    memset(z, 0x5A, (size_t)packed_rows(l) * 4); /* what was there before must not count */
    memset(n, 0x5A, (size_t)packed_rows(l) * 4);
    for (int first = 0; first < l->cols; first += width) {
        const int cols = l->cols - first < width ? l->cols - first : width;
        const uint8_t *from = codes + block_bytes(l->format, planes, first);
        const int part = (first == 0 ? LM_PART_FIRST : LM_PART_NEXT) |
                         (first + cols == l->cols ? LM_PART_LAST : LM_PART_NEXT);
        if (l->format == FORMAT_TERNARY) {
            lm_table_trit(x + first, table, cols);
            lm_ternary_byte_part(from, rd, table, z, rows, cols, pre, stride, part);
            continue;
        }
        int32_t sum = lm_table_byte(x + first, table, cols);
        lm_planes_byte_part(from, rd, table, sum, z, rows, cols, planes, pre, stride, part);
        sum = lm_table_nibble(x + first, table, cols);
        lm_planes_nibble_part(from, rd, table, sum, n, rows, cols, planes, pre, stride, part);
    }
    assert_memory_equal(z, y, (size_t)rows * 4);
    if (l->format == FORMAT_PLANES)
        assert_memory_equal(n, y, (size_t)rows * 4);
    arena_free(a);
}

/* Vectors of signs: kind 0 random, 1 all 1, 2 all -1, 3 alternating, 4 one -1 at the end. */
static void fill_signs(int8_t *x, int n, int kind)
{
    for (int i = 0; i < n; i++)
        x[i] = (int8_t)(kind == 0   ? (draw() & 1 ? 1 : -1)
                        : kind == 3 ? (i % 2 ? 1 : -1)
                        : kind == 4 ? (i == n - 1 ? -1 : 1)
                                    : (kind == 1 ? 1 : -1));
}

/* The xnor kernel gives what the definition gives and what tables of sums give. */
static void check_signs(int planes, int rows, int cols, int kind, int padding)
{
    Arena *a = arena_new();
    const Linear l = random_linear(a, FORMAT_PLANES, planes, rows, cols, kind);
    const int padded = packed_rows(&l), n = block_rows(FORMAT_PLANES, planes);
    const int32_t pre = kind % 3,
                  stride = (int32_t)block_bytes(FORMAT_PLANES, planes, cols) + padding;
    uint8_t *codes = NEW(a, uint8_t, stride * (padded / n));
    uint8_t *rd = NEW(a, uint8_t, BOOK_BYTES + padded);
    int8_t *x = NEW(a, int8_t, cols);
    int32_t *y = NEW(a, int32_t, padded), *z = NEW(a, int32_t, padded);
    int16_t *bits = NEW(a, int16_t, table_entries(TABLE_BITS, cols) + 2);
    int16_t *table = NEW(a, int16_t, table_entries(TABLE_BYTE, cols));
    fill_signs(x, cols, kind);
    pack_codes(&l, stride, codes);
    pack_rows(&l, rd);
    const int entries = table_entries(TABLE_BITS, cols);
    bits[entries] = bits[entries + 1] = 0x5A5A;
    const int32_t sum = lm_table_bits(x, bits, cols);
    assert_int_equal(sum, lm_table_byte(x, table, cols));
    assert_int_equal(bits[entries] & bits[entries + 1], 0x5A5A);
    lm_planes_xnor(codes, rd, bits, sum, y, rows, cols, planes, pre, stride);
    lm_planes_byte(codes, rd, table, sum, z, rows, cols, planes, pre, stride);
    assert_memory_equal(y, z, (size_t)rows * 4);
    for (int r = 0; r < rows; r++)
        assert_int_equal(y[r], defined(&l, x, r, pre));
    arena_free(a);
}

static void test_xnor(void **state)
{
    (void)state;
    for (int planes = 1; planes <= 4; planes *= 2) {
        for (int cols = 1; cols <= 70; cols++)
            for (int rows = 1; rows <= 19; rows += cols < 20 ? 1 : 3)
                for (int kind = 0; kind < 5; kind++)
                    check_signs(planes, rows, cols, kind, cols % 3 * 4);
        for (int cols = 200; cols <= 480; cols += 7) /* about LM_XNOR_STEPS, once and twice */
            check_signs(planes, 9, cols, cols % 5, 0);
        for (int kind = 0; kind < 5; kind++)
            check_signs(planes, 9, 16384, kind, 0);
    }
    assert_true(kernel_reads(&kernels[find_kernel("planes-xnor")], FORMAT_PLANES, 2));
    assert_false(kernel_reads(&kernels[find_kernel("planes-xnor")], FORMAT_PLANES, 3));
    assert_false(kernel_reads(&kernels[find_kernel("planes-xnor")], FORMAT_TERNARY, 0));
}

static void check_matrix(Format f, int planes, int rows, int cols, int kind, int padding)
{
    Arena *a = arena_new();
    const Linear l = random_linear(a, f, planes, rows, cols, kind);
    const int padded = packed_rows(&l), n = block_rows(f, planes), pre = shift_for(&l);
    const int64_t stride = block_bytes(f, planes, cols) + padding;
    uint8_t *codes = NEW(a, uint8_t, stride * (padded / n));
    uint8_t *rd = NEW(a, uint8_t, BOOK_BYTES + padded);
    int8_t *x = NEW(a, int8_t, cols);
    int32_t *y = NEW(a, int32_t, padded), *z = NEW(a, int32_t, padded);
    int16_t *table =
        NEW(a, int16_t, table_entries(TABLE_BYTE, cols) + table_entries(TABLE_TRIT, cols));
    fill(x, cols, kind);
    pack_codes(&l, stride, codes);
    pack_rows(&l, rd);
    const int32_t st = (int32_t)stride;
    if (f == FORMAT_PLANES) {
        int32_t sum = lm_table_byte(x, table, cols);
        lm_planes_byte(codes, rd, table, sum, y, rows, cols, planes, pre, st);
        sum = lm_table_nibble(x, table, cols);
        lm_planes_nibble(codes, rd, table, sum, z, rows, cols, planes, pre, st);
        assert_memory_equal(y, z, (size_t)rows * 4);
    } else if (f == FORMAT_TERNARY) {
        lm_table_trit(x, table, cols);
        lm_ternary_byte(codes, rd, table, y, rows, cols, pre, st);
    } else {
        lm_int8(codes, rd, x, y, rows, cols, pre, st);
    }
    for (int r = 0; r < rows; r++)
        assert_int_equal(y[r], defined(&l, x, r, pre));
    check_pair(&l, codes, rd, x, y, pre, st, (kind + cols) % 5);
    if (f != FORMAT_INT8)
        check_parts(&l, codes, rd, x, y, pre, st, 1 + (kind + rows) % 4);
    int32_t *resid = NEW(a, int32_t, cols);
    const int r = (int)(draw() % (uint32_t)rows), shift = (int)(draw() % 12) - 4;
    if (f == FORMAT_PLANES)
        lm_embed_planes(codes, rd, r, resid, cols, planes, st, shift);
    else if (f == FORMAT_TERNARY)
        lm_embed_ternary(codes, rd, r, resid, cols, st, shift);
    else
        lm_embed_int8(codes, rd, r, resid, cols, st, shift);
    for (int c = 0; c < cols; c++)
        assert_int_equal(resid[c],
                         lm_shift(linear_code_value(&l, l.code[r * cols + c]) * l.scale[r], shift));
    arena_free(a);
}

static void check_format(Format f, int planes)
{
    for (int cols = 1; cols <= 70; cols++)
        for (int rows = 1; rows <= 19; rows += cols < 20 ? 1 : 3)
            for (int kind = 0; kind < 5; kind++)
                check_matrix(f, planes, rows, cols, kind, cols % 3 * 4);
    check_matrix(f, planes, 9, 1500, 1, 0);
    check_matrix(f, planes, 9, 1500, 0, 0);
    for (int cols = 250; cols <= 265; cols += 3) /* about LM_PAIR_STEPS */
        check_matrix(f, planes, 9, cols, cols % 5, 0);
}

static void test_planes(void **state)
{
    (void)state;
    for (int planes = 1; planes <= MAX_PLANES; planes++)
        check_format(FORMAT_PLANES, planes);
}

static void test_ternary(void **state)
{
    (void)state;
    check_format(FORMAT_TERNARY, 0);
}

static void test_int8(void **state)
{
    (void)state;
    check_format(FORMAT_INT8, 0);
}

/* The value of int8 x under a scale. */
static double real(int x, lm_scale s)
{
    return ldexp(x * (double)lm_mantissa(s), lm_exponent(s));
}

static lm_scale to_scale(double v)
{
    int e;
    const double m = nearbyint(frexp(v, &e) * 65536);
    return LM_SCALE((int32_t)(m > 65535 ? 65535 : m), e - 16);
}

/* The smallest vectors: -max - 1 has the size of max and is worth up to twice as much. */
static void test_quantize_small(void **state)
{
    (void)state;
    for (int32_t max = 0; max < 1000; max++) {
        const int32_t v[3] = {max, -max - 1, max / 2};
        int8_t x[3];
        const lm_scale s = lm_quantize(v, 3, LM_SCALE(32768, -15), x);
        for (int i = 0; i < 3 && max > 0; i++)
            assert_true(fabs(ldexp(x[i] * (double)lm_mantissa(s), lm_exponent(s)) - v[i]) <=
                        0.51 * ldexp((double)lm_mantissa(s), lm_exponent(s)));
    }
}

/* Rounded down, a vector keeps every sign and is off by less than a unit. */
static void test_round_down(void **state)
{
    (void)state;
    for (int trial = 0; trial < 3000; trial++) {
        int32_t v[20], mix[20];
        int8_t x[20], near[20];
        const int bits = (int)(draw() % 31);
        for (int i = 0; i < 20; i++)
            v[i] = trial == 0 && i == 0 ? INT32_MIN : (int32_t)draw() >> bits;
        const uint32_t max = lm_largest(v, 20);
        memcpy(mix, v, sizeof v);
        const lm_scale s = lm_quantize_by(v, 20, max, 0, LM_SCALE(32768, -15), LM_DOWN, x);
        assert_int_equal(s, lm_quantize(mix, 20, LM_SCALE(32768, -15), near));
        for (int i = 0; i < 20 && max > 0; i++) {
            assert_int_equal(x[i] < 0, v[i] < 0);
            assert_true(near[i] - x[i] == 0 || near[i] - x[i] == 1);
        }
    }
}

/* 1 and -1, worth the mean size of what they stand for. */
static void test_sign(void **state)
{
    double worst = 0;
    (void)state;
    for (int n = 1; n <= 16384; n += 1 + n / 3) {
        Arena *a = arena_new();
        int8_t *x = NEW(a, int8_t, n), *before = NEW(a, int8_t, n);
        for (int kind = 0; kind < 5; kind++) {
            double sum = 0;
            fill(x, n, kind);
            memcpy(before, x, (size_t)n);
            const lm_scale scale = to_scale(0.37 * (kind + 1));
            const lm_scale s = lm_sign(x, n, scale, to_scale(0.5 / n));
            for (int i = 0; i < n; i++) {
                sum += fabs(before[i] + 0.5);
                assert_int_equal(x[i], before[i] < 0 ? -1 : 1);
            }
            worst = fmax(worst, fabs(real(1, s) / (real(1, scale) * sum / n) - 1));
        }
        arena_free(a);
    }
    printf("sign: largest error of the scale %.3g\n", worst);
    assert_true(worst < 1e-4);
}

static void test_norm(void **state)
{
    double worst = 0;
    (void)state;
    for (int trial = 0; trial < 3000; trial++) {
        enum { DIM = 48 };
        const int dim = 1 + (int)(draw() % DIM), fraction = (int)(draw() % 28),
                  bits = (int)(draw() % 31);
        const double eps = trial % 4 ? 1e-5 : trial % 8 ? 1.0 : 0;
        int32_t resid[DIM];
        int16_t gamma[DIM];
        int8_t x[DIM];
        double squares = 0, largest = 0, y[DIM];
        for (int i = 0; i < dim; i++) {
            resid[i] = (int32_t)draw() >> bits;
            gamma[i] = (int16_t)((int)(draw() % 65535) - 32767);
            squares += pow(ldexp(resid[i], -fraction), 2);
        }
        const lm_scale root = to_scale(sqrt(dim)), e = to_scale(eps * dim > 0 ? eps * dim : 1);
        const lm_scale s = lm_norm(resid, gamma, x, dim, eps > 0 ? lm_mantissa(e) : 0,
                                   eps > 0 ? lm_exponent(e) + 2 * fraction : 0, lm_mantissa(root),
                                   lm_exponent(root) - 15 - 31);
        for (int i = 0; i < dim; i++) {
            y[i] = ldexp(resid[i], -fraction) * ldexp(gamma[i], -15) / sqrt(squares / dim + eps);
            largest = fmax(largest, fabs(y[i]));
        }
        for (int i = 0; i < dim && squares > 0 && largest > 0; i++)
            worst = fmax(worst, fabs(real(x[i], s) - y[i]) / (largest / 127));
    }
    printf("norm: largest error %.4f of a unit\n", worst);
    assert_true(worst < 0.55);
}

static void test_norm_of_nothing(void **state)
{
    int32_t zero[8] = {0}, least[8];
    int16_t gamma[8] = {1, 2, 3, 4, 5, 6, 7, 32767};
    int8_t x[8];
    (void)state;
    assert_int_equal(lm_norm(zero, gamma, x, 8, 42950, 0, 46341, -45), LM_SCALE_TINY);
    for (int i = 0; i < 8; i++)
        least[i] = INT32_MIN;
    lm_norm(least, gamma, x, 8, 42950, 0, 46341, -45);
    assert_int_equal(x[7], -127);
}

enum { HEADS = 4, KV = 2, HEAD_DIM = 10, WINDOW = 24 };

typedef struct Cache {
    int8_t keys[WINDOW * KV * HEAD_DIM], values[WINDOW * KV * HEAD_DIM];
    uint16_t k_scale[WINDOW * KV], v_scale[WINDOW * KV];
    int32_t k_exponent[KV], v_exponent[KV];
} Cache;

static double scaled(int x, uint16_t s, int32_t exponent)
{
    return ldexp(x * (double)s, exponent);
}

/* What attention over the cache should give, from the very int8 values that are in it. */
static void attend_exactly(const Cache *c, const int8_t *q, const int32_t *qs, const uint8_t *kv_of,
                           int n, int sinks, double *out)
{
    for (int h = 0; h < HEADS; h++) {
        double score[WINDOW], max = -1e300, total = 0;
        for (int j = 0; j < n; j++) {
            const int8_t *query = q + ((j < sinks ? HEADS : 0) + h) * HEAD_DIM;
            score[j] = 0;
            for (int d = 0; d < HEAD_DIM; d++)
                score[j] += real(query[d], qs[h]) *
                            scaled(c->keys[(j * KV + kv_of[h]) * HEAD_DIM + d],
                                   c->k_scale[j * KV + kv_of[h]], c->k_exponent[kv_of[h]]);
            score[j] /= sqrt(HEAD_DIM);
            max = fmax(max, score[j]);
        }
        for (int j = 0; j < n; j++)
            total += score[j] = exp(score[j] - max);
        for (int d = 0; d < HEAD_DIM; d++) {
            out[h * HEAD_DIM + d] = 0;
            for (int j = 0; j < n; j++)
                out[h * HEAD_DIM + d] +=
                    score[j] / total *
                    scaled(c->values[(j * KV + kv_of[h]) * HEAD_DIM + d],
                           c->v_scale[j * KV + kv_of[h]], c->v_exponent[kv_of[h]]);
        }
    }
}

/* A vector of `heads` heads with values around 2^bits, worth 2^-16 each. */
static void random_heads(int32_t *y, int heads, int bits)
{
    for (int i = 0; i < heads * HEAD_DIM; i++)
        y[i] = (int32_t)((double)tiny_random() * ldexp(1, bits));
}

static void test_attention(void **state)
{
    const lm_scale unit = LM_SCALE(32768, -31),
                   log2e = to_scale(1.4426950408889634 / sqrt(HEAD_DIM));
    const uint8_t kv_of[HEADS] = {0, 0, 0, 1};
    double worst = 0;
    (void)state;
    for (int sinks = 0; sinks <= 3; sinks += 3) {
        Cache c = {{0}, {0}, {0}, {0}, {0}, {0}};
        uint32_t slot = 0;
        for (uint32_t position = 0; position < 5 * WINDOW; position++) {
            int32_t angles[2 * HEAD_DIM], y[HEADS * HEAD_DIM], turned[2 * HEAD_DIM], qs[HEADS];
            int32_t weights[WINDOW], mix[HEADS * HEAD_DIM], mix_scale[HEADS];
            uint32_t frequency[HEAD_DIM / 2];
            int8_t q[2 * HEADS * HEAD_DIM], x[HEADS * HEAD_DIM];
            double want[HEADS * HEAD_DIM], largest = 0;
            for (int i = 0; i < HEAD_DIM / 2; i++)
                frequency[i] = 0x30000000U >> 3 * i;
            lm_angles(position, frequency, angles, HEAD_DIM / 2);
            lm_angles(position < WINDOW ? position : WINDOW - 1, frequency, angles + HEAD_DIM,
                      HEAD_DIM / 2);
            random_heads(y, HEADS, 14 + (int)(position % 4));
            lm_rotate(y, angles, unit, turned, q, qs, HEADS, HEAD_DIM, sinks ? 2 : 1);
            random_heads(y, KV, 16);
            const int n = position < WINDOW ? (int)position + 1 : WINDOW;
            lm_store_k(y, angles, unit, turned, c.keys, c.k_scale, c.k_exponent, slot, n, KV,
                       HEAD_DIM);
            random_heads(y, KV, 10 + (int)(position % 7));
            lm_store_v(y, unit, c.values, c.v_scale, c.v_exponent, slot, n, KV, HEAD_DIM);
            attend_exactly(&c, q, qs, kv_of, n, sinks, want);
            const lm_scale s = lm_attend(q, qs, c.keys, c.k_scale, c.k_exponent, c.values,
                                         c.v_scale, c.v_exponent, kv_of, n, weights, mix, mix_scale,
                                         x, HEADS, KV, HEAD_DIM, sinks, log2e, 4, 0);
            for (int i = 0; i < HEADS * HEAD_DIM; i++)
                largest = fmax(largest, fabs(want[i]));
            for (int i = 0; i < HEADS * HEAD_DIM; i++)
                worst = fmax(worst, fabs(real(x[i], s) - want[i]) / (largest / 127));
            slot = lm_next_slot(slot, WINDOW, (uint32_t)sinks);
        }
    }
    printf("attention: largest error %.4f of a unit\n", worst);
    assert_true(worst < 0.8);
}

/* Turning by the angles of a position is turning by the sum of its parts. */
static void test_rotation(void **state)
{
    double worst = 0;
    (void)state;
    for (uint32_t position = 0; position < 2000; position += 37) {
        const uint32_t frequency[HEAD_DIM / 2] = {683565276U, 100000007U, 1234567U, 4321U, 17U};
        int32_t angles[HEAD_DIM], y[HEAD_DIM], turned[HEAD_DIM], scale;
        int8_t x[HEAD_DIM];
        random_heads(y, 1, 20);
        lm_angles(position, frequency, angles, HEAD_DIM / 2);
        lm_rotate(y, angles, LM_SCALE(32768, -15), turned, x, &scale, 1, HEAD_DIM, 1);
        for (int i = 0; i < HEAD_DIM / 2; i++) {
            const double t = (double)position * frequency[i] / 4294967296.0 * 2 * acos(-1.0);
            const double a = y[i] * cos(t) - y[i + HEAD_DIM / 2] * sin(t);
            worst = fmax(worst, fabs(real(x[i], scale) - a) / real(1, scale));
        }
    }
    printf("rotation: largest error %.4f of a unit\n", worst);
    assert_true(worst < 0.53);
}

static void test_glu(void **state)
{
    double worst = 0;
    (void)state;
    for (int trial = 0; trial < 2000; trial++) {
        enum { N = 30 };
        int32_t gate[N], up[N];
        int8_t x[N];
        double want[N], largest = 0;
        for (int i = 0; i < N; i++) {
            gate[i] = (int32_t)((double)tiny_random() * 60000);
            up[i] = (int32_t)((double)tiny_random() * ldexp(1, trial % 24));
            const double g = gate[i] / 16384.0;
            want[i] = g / (1 + exp(-g)) * up[i];
            largest = fmax(largest, fabs(want[i]));
        }
        const lm_scale s = lm_glu(gate, up, LM_SCALE(32768, -29), LM_SCALE(32768, -15), x, N);
        for (int i = 0; i < N && largest > 0; i++)
            worst = fmax(worst, fabs(real(x[i], s) - want[i]) / (largest / 127));
    }
    printf("glu: largest error %.4f of a unit\n", worst);
    assert_true(worst < 0.6);
}

/* A product cut to its upper half loses up to two steps of y. */
static void test_bias(void **state)
{
    double worst = 0;
    (void)state;
    for (int trial = 0; trial < 2000; trial++) {
        enum { N = 30, FRACTION = 20 };
        int32_t y[N], bias[N];
        double want[N];
        const lm_scale unit =
            LM_SCALE((int32_t)(32768 + draw() % 32768), -(int32_t)(trial % 30) - 20);
        for (int i = 0; i < N; i++) {
            y[i] = (int32_t)((double)tiny_random() * ldexp(1, trial % 28));
            bias[i] = (int32_t)((double)tiny_random() * (1 << 24));
            want[i] = real(1, unit) * y[i] + ldexp(bias[i], -FRACTION);
        }
        const lm_scale s = lm_bias(y, bias, unit, N, FRACTION);
        for (int i = 0; i < N; i++) {
            const double moved = fabs(want[i] - ldexp(bias[i], -FRACTION));
            if (moved < 1000)
                worst = fmax(worst, fabs(y[i] * real(1, s) - want[i]) /
                                        (ldexp(1, -FRACTION) + 2 * real(1, unit)));
        }
    }
    printf("bias: largest error %.4f of a unit\n", worst);
    assert_true(worst < 1);
}

static void test_head_norm(void **state)
{
    double worst = 0;
    (void)state;
    for (int trial = 0; trial < 3000; trial++) {
        enum { N_HEADS = 3, DIM = 10, FRACTION = 26 };
        int32_t y[N_HEADS * DIM];
        int16_t gamma[DIM];
        double want[N_HEADS * DIM];
        const double eps = trial % 3 ? 1e-6 : 0;
        const lm_scale unit =
            LM_SCALE((int32_t)(32768 + draw() % 32768), -(int32_t)(trial % 40) - 10);
        int eps_e = 0, root_e = 0;
        const double eps_m = frexp(eps * DIM, &eps_e), root_m = frexp(sqrt(DIM), &root_e);
        for (int i = 0; i < DIM; i++)
            gamma[i] = (int16_t)(tiny_random() * 8000);
        for (int h = 0; h < N_HEADS; h++) {
            double squares = 0;
            for (int i = 0; i < DIM; i++) {
                y[h * DIM + i] = (int32_t)((double)tiny_random() * ldexp(1, trial % 29));
                want[h * DIM + i] = y[h * DIM + i] * real(1, unit);
                squares += want[h * DIM + i] * want[h * DIM + i];
            }
            for (int i = 0; i < DIM; i++) /* gamma in units of 2^-14 */
                want[h * DIM + i] *= gamma[i] / 16384.0 / sqrt(squares / DIM + eps + 1e-300);
        }
        const lm_scale s =
            lm_head_norm(y, gamma, unit, N_HEADS, DIM, (uint32_t)floor(eps_m * 65536), eps_e - 16,
                         (uint32_t)floor(root_m * 65536), root_e - 16 - 14 - 31, FRACTION);
        for (int i = 0; i < N_HEADS * DIM; i++)
            worst = fmax(worst, fabs(y[i] * real(1, s) - want[i]));
    }
    printf("head norm: largest error %.6f\n", worst);
    assert_true(worst < 0.0005);
}

/* Means of every size, up to sums of 2^45: off by 2 at most. */
static void test_mean(void **state)
{
    enum { MOST_N = 16384 };
    Arena *a = arena_new();
    int32_t *x = NEW(a, int32_t, MOST_N);
    double worst = 0;
    (void)state;
    for (int trial = 0; trial < 4000; trial++) {
        static const int sizes[] = {1, 2, 3, 7, 20, 64, 100, 768, 4095, MOST_N};
        const int n = sizes[trial % 10], shift = trial / 10 % 31;
        const int32_t offset = (int32_t)draw() >> (draw() & 31);
        double sum = 0;
        for (int i = 0; i < n; i++) {
            x[i] = trial < 3900 ? lm_add_sat((int32_t)draw() >> shift, offset)
                                : (trial % 20 < 10 ? INT32_MAX : INT32_MIN);
            sum += x[i];
        }
        int e;
        const double m = nearbyint(frexp(1.0 / n, &e) * 65536);
        const int32_t got = lm_mean(x, n, m > 65535 ? 65535 : (uint32_t)m, e - 16);
        worst = fmax(worst, fabs(got - sum / n));
    }
    printf("mean: largest error %.4f\n", worst);
    assert_true(worst <= 2);
    arena_free(a);
}

/* Streams whose mean is up to 900 times what deviates from it, against floating point. */
static void test_layer_norm(void **state)
{
    enum { N = 48, FRACTION = 26 };
    double worst = 0;
    (void)state;
    for (int trial = 0; trial < 3000; trial++) {
        const double size = ldexp(1, 10 + trial % 14), mean = trial % 7 * size * 150;
        const double eps = trial % 3 ? size * size * 1e-3 : 0;
        int32_t x[N], beta[N], centred[N];
        int16_t gamma[N];
        double want[N], sum = 0, squares = 0, largest = 0;
        for (int i = 0; i < N; i++) {
            x[i] = (int32_t)fmin(fmax(mean + size * (double)tiny_random(), -2e9), 2e9);
            gamma[i] = (int16_t)(8000 + 4000 * (double)tiny_random()); /* of 2^-13 */
            beta[i] = (int32_t)ldexp((double)tiny_random(), FRACTION - 1);
            sum += x[i];
        }
        for (int i = 0; i < N; i++)
            squares += (x[i] - sum / N) * (x[i] - sum / N);
        for (int i = 0; i < N; i++) {
            want[i] = (x[i] - sum / N) / sqrt(squares / N + eps) * gamma[i] / 8192 +
                      ldexp(beta[i], -FRACTION);
            largest = fmax(largest, fabs(want[i]));
        }
        int eps_e = 0, root_e, mean_e;
        const double eps_m = eps > 0 ? frexp(eps * N, &eps_e) : 0, root_m = frexp(sqrt(N), &root_e);
        const double mean_m = frexp(1.0 / N, &mean_e);
        int8_t y[N];
        const lm_scale s =
            lm_layer_norm(x, gamma, beta, centred, y, N, (uint32_t)nearbyint(mean_m * 65536),
                          mean_e - 16, (uint32_t)floor(eps_m * 65536), eps_e - 16,
                          (uint32_t)floor(root_m * 65536), root_e - 16 - 13 - 31, FRACTION);
        for (int i = 0; i < N && largest > 0; i++)
            worst = fmax(worst, fabs(real(y[i], s) - want[i]) / (largest / 127));
    }
    printf("layer norm: largest error %.4f of a unit\n", worst);
    assert_true(worst < 0.6);
}

/* Of all elements alike, beta is left. */
static void test_layer_norm_of_nothing(void **state)
{
    enum { N = 5 };
    const int16_t gamma[N] = {8192, 8192, -8192, 0, 32767};
    const int32_t beta[N] = {1 << 20, -(1 << 20), 0, 1 << 19, 0};
    int32_t x[N] = {-77, -77, -77, -77, -77}, centred[N];
    int8_t y[N];
    (void)state;
    const lm_scale s =
        lm_layer_norm(x, gamma, beta, centred, y, N, 52429, -18, 0, 0, 36636, -14 - 13 - 31, 20);
    assert_true(fabs(real(y[0], s) - 1) < 0.01 && fabs(real(y[1], s) + 1) < 0.01);
    assert_true(y[2] == 0 && y[4] == 0 && fabs(real(y[3], s) - 0.5) < 0.01);
}

/* Slots of rings of every length, at positions near and far. */
static void test_ring(void **state)
{
    (void)state;
    for (uint32_t window = 1; window <= 300; window++) {
        for (uint32_t p = 0; p < 700; p += 1 + p / 50)
            assert_int_equal(lm_ring_slot(p, window), p % window);
        const uint32_t far = draw();
        assert_int_equal(lm_ring_slot(far, window), far % window);
        assert_int_equal(lm_ring_slot(0xffffffffU - window, window),
                         (0xffffffffU - window) % window);
        assert_int_equal(lm_ring_filled(1, (int32_t)window), 1);
        assert_int_equal(lm_ring_filled(700, (int32_t)window), window);
    }
}

/* Against floating point over the same int8 values, with eps from nothing to far above them. */
static void test_sub_norm(void **state)
{
    enum { N = 44 };
    double worst = 0;
    (void)state;
    for (int trial = 0; trial < 3000; trial++) {
        int8_t x[N];
        int16_t gamma[N];
        double want[N], squares = 0, largest = 0;
        const lm_scale scale = LM_SCALE(32768 + trial, -24 + trial % 9);
        const double eps = trial % 3 ? ldexp(1, -20 + trial % 25) : 0;
        for (int i = 0; i < N; i++) {
            x[i] = (int8_t)(trial % 50 ? (int32_t)(draw() % 255) - 127 : i == 7);
            gamma[i] = (int16_t)(8000 + 4000 * (double)tiny_random()); /* of 2^-13 */
            squares += real(x[i], scale) * real(x[i], scale);
        }
        for (int i = 0; i < N; i++) {
            want[i] = real(x[i], scale) / sqrt(squares / N + eps) * gamma[i] / 8192;
            largest = fmax(largest, fabs(want[i]));
        }
        int eps_e = 0, root_e;
        const double eps_m = eps > 0 ? frexp(eps * N, &eps_e) : 0, root_m = frexp(sqrt(N), &root_e);
        const lm_scale s =
            lm_sub_norm(x, gamma, scale, N, (uint32_t)floor(eps_m * 65536), eps_e - 16,
                        (uint32_t)floor(root_m * 65536), root_e - 16 - 13 - 31);
        for (int i = 0; i < N; i++)
            worst = fmax(worst, fabs(real(x[i], s) - want[i]) / (largest / 127));
    }
    printf("sub norm: largest error %.4f of a unit\n", worst);
    assert_true(worst < 0.6);
}

static double activated(int kind, double x)
{
    switch (kind) {
    case ACT_SILU: return x / (1 + exp(-x));
    case ACT_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
    case ACT_GELU: return 0.5 * x * erfc(-x / sqrt(2));
    case ACT_RELU: return x > 0 ? x : 0;
    }
    return x > 0 ? x * x : 0;
}

static lm_scale activate(int kind, int32_t *y, lm_scale unit, int8_t *x, int n)
{
    switch (kind) {
    case ACT_SILU: return lm_silu_only(y, unit, x, n, LM_NEAREST);
    case ACT_GELU_TANH: return lm_gelu_only(lm_gelu_table, y, unit, x, n, LM_NEAREST);
    case ACT_GELU: return lm_gelu_only(lm_gelu_erf_table, y, unit, x, n, LM_NEAREST);
    case ACT_RELU: return lm_relu(y, unit, x, n, LM_NEAREST);
    }
    return lm_relu2(y, unit, x, n, LM_NEAREST);
}

static lm_scale gate(int kind, int32_t *g, const int32_t *up, lm_scale unit, int8_t *x, int n)
{
    const lm_scale of_up = LM_SCALE(40000, -15);
    switch (kind) {
    case ACT_SILU: return lm_glu(g, up, unit, of_up, x, n);
    case ACT_GELU_TANH: return lm_geglu(lm_gelu_table, g, up, unit, of_up, x, n, LM_NEAREST);
    case ACT_GELU: return lm_geglu(lm_gelu_erf_table, g, up, unit, of_up, x, n, LM_NEAREST);
    case ACT_RELU: return lm_reglu(g, up, unit, of_up, x, n, LM_NEAREST);
    }
    return lm_reglu2(g, up, unit, of_up, x, n, LM_NEAREST);
}

/* Each activation alone and as a gate, for values from far below 1 to far above it. */
static void test_activations(void **state)
{
    enum { N = 30 };
    (void)state;
    for (int kind = 0; kind < ACTIVATIONS; kind++) {
        double worst[2] = {0};
        for (int trial = 0; trial < 2000; trial++) {
            int32_t y[2][N], up[N];
            int8_t x[2][N];
            double want[2][N], largest[2] = {0};
            for (int i = 0; i < N; i++) {
                y[0][i] = y[1][i] = (int32_t)((double)tiny_random() * ldexp(50000, trial % 12 - 1));
                up[i] = (int32_t)((double)tiny_random() * ldexp(1, trial % 24));
                want[0][i] = activated(kind, y[0][i] / 32768.0);
                want[1][i] = want[0][i] * up[i] * 40000 / 32768;
                for (int k = 0; k < 2; k++)
                    largest[k] = fmax(largest[k], fabs(want[k][i]));
            }
            const lm_scale unit = LM_SCALE(32768, -30);
            const lm_scale s[2] = {activate(kind, y[0], unit, x[0], N),
                                   gate(kind, y[1], up, unit, x[1], N)};
            for (int i = 0; i < 2 * N; i++)
                if (largest[i / N] > 0)
                    worst[i / N] = fmax(worst[i / N],
                                        fabs(real(x[i / N][i % N], s[i / N]) - want[i / N][i % N]) /
                                            (largest[i / N] / 127));
        }
        printf("%s: largest error %.4f of a unit alone, %.4f as a gate\n", activation_names[kind],
               worst[0], worst[1]);
        assert_true(worst[0] < 0.6 && worst[1] < 0.6);
    }
}

static void test_geglu(void **state)
{
    double worst = 0;
    (void)state;
    for (int trial = 0; trial < 2000; trial++) {
        enum { N = 30 };
        int32_t gate[N], up[N];
        int8_t x[N];
        double want[N], largest = 0;
        for (int i = 0; i < N; i++) {
            gate[i] = (int32_t)((double)tiny_random() * 60000);
            up[i] = (int32_t)((double)tiny_random() * ldexp(1, trial % 24));
            const double g = gate[i] / 16384.0;
            want[i] =
                0.5 * g * (1 + tanh(sqrt(2 / acos(-1.0)) * (g + 0.044715 * g * g * g))) * up[i];
            largest = fmax(largest, fabs(want[i]));
        }
        const lm_scale s = lm_geglu(lm_gelu_table, gate, up, LM_SCALE(32768, -29),
                                    LM_SCALE(32768, -15), x, N, LM_NEAREST);
        for (int i = 0; i < N && largest > 0; i++)
            worst = fmax(worst, fabs(real(x[i], s) - want[i]) / (largest / 127));
    }
    printf("geglu: largest error %.4f of a unit\n", worst);
    assert_true(worst < 0.6);
}

static void test_hash(void **state)
{
    uint32_t words[32];
    (void)state;
    for (int i = 0; i < 32; i++)
        words[i] = draw();
    for (uint32_t n = 0; n <= 100; n++) {
        assert_int_equal(lm_hash(words, 1, n, n), XXH32(words, n, n));
        assert_int_equal(lm_hash(words, 2, n / 2 * 2, 5), XXH32(words, n / 2 * 2, 5));
        assert_int_equal(lm_hash(words, 4, n / 4 * 4, 9), XXH32(words, n / 4 * 4, 9));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planes),
        cmocka_unit_test(test_xnor),
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_round_down),
        cmocka_unit_test(test_ternary),
        cmocka_unit_test(test_int8),
        cmocka_unit_test(test_norm),
        cmocka_unit_test(test_norm_of_nothing),
        cmocka_unit_test(test_quantize_small),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_glu),
        cmocka_unit_test(test_bias),
        cmocka_unit_test(test_head_norm),
        cmocka_unit_test(test_geglu),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_mean),
        cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_layer_norm_of_nothing),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_sub_norm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
