/* A head that keeps the largest logits only: lm_top against sorting all of them, in every format of
 * the rows, with ties and short chunks; lm_sample_top against lm_sample of these tokens alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../compiler/runtime.h"
#include "program.h"

#include <stdlib.h>

enum { MOST_ROWS = 700, MOST_COLS = 24, MOST = 256, FRACTION = 16 };

/* A matrix and its input, as an lm_top_kernel finds them. */
typedef struct Head {
    Format format;
    int rows, cols, planes, stride;
    uint8_t codes[MOST_ROWS * MOST_COLS + 64], data[BOOK_BYTES + MOST_ROWS + 8];
    int8_t x[MOST_COLS];
    int16_t table[MOST_COLS * 64];
    int32_t sum;
} Head;

static uint32_t random32(void)
{
    return (uint32_t)rand() << 16 ^ (uint32_t)rand();
}

static void multiply(const uint8_t *codes, const uint8_t *rows, const void *x, int32_t sum,
                     int32_t *y, int32_t n)
{
    const Head *h = x;
    if (h->format == FORMAT_INT8)
        lm_int8(codes, rows, h->x, y, n, h->cols, 0, h->stride);
    else if (h->format == FORMAT_TERNARY)
        lm_ternary_byte(codes, rows, h->table, y, n, h->cols, 0, h->stride);
    else
        lm_planes_byte(codes, rows, h->table, sum, y, n, h->cols, h->planes, 0, h->stride);
}

/* Weights and scales of a few values only make ties. */
static void random_head(Head *h)
{
    static const int planes[] = {1, 2, 3, 5};
    const uint32_t few = rand() % 2 ? 1 : 255;
    Linear l = {.format = (Format[]){FORMAT_PLANES, FORMAT_TERNARY, FORMAT_INT8}[rand() % 3]};
    memset(h, 0, sizeof *h);
    h->format = l.format;
    h->rows = l.rows = 1 + rand() % (rand() % 2 ? 70 : MOST_ROWS);
    h->cols = l.cols = 1 + rand() % MOST_COLS;
    h->planes = l.planes = l.format == FORMAT_PLANES ? planes[rand() % 4] : 0;
    h->stride = (int)block_bytes(h->format, h->planes, h->cols);
    for (size_t i = 0; i < sizeof h->codes; i++)
        h->codes[i] = (uint8_t)(random32() % (l.format == FORMAT_TERNARY ? 243 : few + 1));
    for (int i = 0; i < BOOK_BYTES; i++)
        h->data[i] = (uint8_t)random32();
    for (int i = 0; i < h->rows; i++)
        h->data[BOOK_BYTES + i] = (uint8_t)(random32() & few);
    for (int i = 0; i < h->cols; i++)
        h->x[i] = (int8_t)((int)(random32() % (few == 1 ? 3 : 255)) - (few == 1 ? 1 : 127));
    if (h->format == FORMAT_TERNARY)
        (void)lm_table_trit(h->x, h->table, h->cols);
    else
        h->sum = lm_table_byte(h->x, h->table, h->cols);
}

static const int32_t *sorted_logits;

static int in_order(const void *x, const void *y)
{
    const int a = *(const int *)x, b = *(const int *)y;
    if (sorted_logits[a] != sorted_logits[b])
        return sorted_logits[a] > sorted_logits[b] ? -1 : 1;
    return a - b;
}

/* logits (rows) -> best (2 * n), by sorting all. */
static void sort_all(const int32_t *logits, int rows, int n, int32_t *best)
{
    static int order[MOST_ROWS];
    for (int i = 0; i < rows; i++)
        order[i] = i;
    sorted_logits = logits;
    qsort(order, (size_t)rows, sizeof *order, in_order);
    for (int i = 0; i < n; i++) {
        best[2 * i] = order[i];
        best[2 * i + 1] = logits[order[i]];
    }
}

static lm_scale random_unit(void)
{
    return LM_SCALE(32768 + rand() % 32768, rand() % 60 - 56); /* many equal ones; or saturated */
}

static void test_top(void **state)
{
    static Head h;
    static int32_t logits[MOST_ROWS + 8], want[2 * MOST], got[2 * MOST + 1], y[LM_TOP_ROWS];
    int ties = 0;
    (void)state;
    srand(5);
    for (int round = 0; round < 4000; round++) {
        random_head(&h);
        const lm_scale unit = random_unit();
        const int most = h.rows < MOST ? h.rows : MOST;
        const int n = round % 4 == 0 ? 1 : round % 4 == 1 ? most : 1 + rand() % most;
        const int chunk = 8 << rand() % 4, blocks = chunk / block_rows(h.format, h.planes);
        multiply(h.codes, h.data, &h, h.sum, logits, h.rows);
        lm_logits(logits, unit, h.rows, FRACTION);
        sort_all(logits, h.rows, n, want);
        got[2 * n] = 77;
        lm_top(multiply, h.codes, h.data, &h, h.sum, unit, y, got, h.rows, n, chunk,
               blocks * h.stride, FRACTION);
        assert_memory_equal(got, want, (size_t)n * 8);
        assert_int_equal(got[2 * n], 77);
        ties += n > 1 && want[1] == want[3];
    }
    assert_true(ties > 200);
}

static void keep_all(const uint8_t *codes, const uint8_t *rows, const void *x, int32_t sum,
                     int32_t *y, int32_t n)
{
    (void)rows, (void)sum;
    memcpy(y, (const int32_t *)x + (codes - (const uint8_t *)x), (size_t)n * sizeof *y);
}

/* Rows that rise, fall, are all equal, and the ends of the range; x is where y comes from, and
 * codes, of one byte a row, count them. */
static void test_sequences(void **state)
{
    static int32_t all[MOST_ROWS], logits[MOST_ROWS], want[2 * MOST], got[2 * MOST], y[LM_TOP_ROWS];
    static const uint8_t data[BOOK_BYTES + MOST_ROWS];
    const lm_scale one = LM_SCALE(32768, -15 - FRACTION);
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        for (int i = 0; i < MOST_ROWS; i++)
            all[i] = kind == 0   ? i - 300
                     : kind == 1 ? 300 - i
                     : kind == 2 ? -7
                     : kind == 3 ? INT32_MIN + 1 + i
                     : kind == 4 ? (i & 1 ? INT32_MAX : -INT32_MAX)
                                 : i * 37 % 101 - 50;
        memcpy(logits, all, sizeof logits);
        lm_logits(logits, one, MOST_ROWS, FRACTION);
        for (int n = 1; n <= MOST; n += n < 4 ? 1 : 21) {
            sort_all(logits, MOST_ROWS, n, want);
            lm_top(keep_all, (const uint8_t *)all, data, all, 0, one, y, got, MOST_ROWS, n,
                   LM_TOP_ROWS, LM_TOP_ROWS, FRACTION);
            assert_memory_equal(got, want, (size_t)n * 8);
        }
    }
}

static void random_sampling(lm_sampling *o, const uint32_t *allowed, int n)
{
    o->temperature = rand() % 6 ? random32() >> rand() % 32 : 0;
    o->top_k = rand() % 2 ? 0 : rand() % 3 ? 1 + rand() % n : rand() % 2 ? INT32_MAX : -1;
    o->top_p = rand() % 2 ? 0 : rand() % 4 ? random32() % 65536 : 65536;
    o->seed = random32();
    o->allowed = rand() % 2 ? NULL : allowed;
}

/* As lm_sample, of which only the tokens in the list may be drawn. */
static void test_sample(void **state)
{
    static int32_t logits[MOST_ROWS], best[2 * MOST];
    int empty = 0;
    (void)state;
    srand(6);
    for (int round = 0; round < 20000; round++) {
        uint32_t allowed[MOST_ROWS / 32 + 1], both[MOST_ROWS / 32 + 1] = {0};
        const int vocab = 1 + rand() % (round % 8 ? 70 : MOST_ROWS);
        const int most = vocab < MOST ? vocab : MOST;
        const int n = round % 4 == 0 ? most : 1 + rand() % most, coarse = rand() % 3;
        for (int i = 0; i < vocab; i++)
            logits[i] = coarse == 2   ? (int32_t)random32()
                        : coarse == 1 ? ((int32_t)random32() >> 29) * 65536
                                      : (int32_t)random32() >> 12;
        for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
            allowed[i] = rand() % 2 ? random32() : random32() & random32() & random32();
        lm_sampling o, of_these;
        random_sampling(&o, allowed, n);
        sort_all(logits, vocab, n, best);
        for (int i = 0; i < n; i++)
            if (lm_is_allowed(o.allowed, best[2 * i]))
                both[best[2 * i] / 32] |= 1U << best[2 * i] % 32;
        of_these = o;
        of_these.allowed = both;
        const uint32_t position = random32() >> rand() % 32;
        const int32_t token = lm_sample_top(best, n, &o, position);
        assert_int_equal(token, lm_sample(logits, vocab, &of_these, position));
        if (!o.allowed && (n == vocab || (o.top_k > 0 && o.top_k <= n)))
            assert_int_equal(token, lm_sample(logits, vocab, &o, position));
        empty += token == LM_E_EMPTY;
    }
    assert_in_range(empty, 100, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
