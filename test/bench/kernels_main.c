/* Every matvec kernel on every shape, on a board: result compared bit for bit with a scalar
 * reference for random and for extreme inputs, then one run counted between the markers. Prints one
 * line per counted run, "kernel rows cols planes", in the order in which the plugin prints counts;
 * kernels.sh puts the two together. A kernel's count has everything in it: table, sums, row scales.
 * -DSMALL leaves out the shapes that need much memory; -DPARTS is kernels_parts.h instead: tables
 * of some columns at a time. */
#include "board.h"

#include "lm_port.h"

#include "lm_add_sat.h"
#include "lm_core.h"
#include "lm_division.h"
#include "lm_error.h"
#include "lm_mul.h"

#include "lm_fixed.h"
#include "lm_planes.h"

#include "kernels_naive.h"
#include "lm_int8.h"
#include "lm_planes_direct.h"
#include "lm_ternary.h"
#include "lm_xnor.h"

#include "lm_pairs.h"

/* Fits of instruction set and file; the emitter decides by the target's features instead. */
#if defined(__ARM_ARCH_6M__)
#include "arm/lm_planes_thumb1.h"

#include "arm/lm_ternary_thumb1.h"

#include "arm/lm_int8_thumb1.h"
#include "arm/lm_pairs_thumb1.h"

#include "arm/lm_int8_pair_thumb1.h"
#elif defined(__thumb2__)
#include "arm/lm_planes_thumb2.h"

#include "arm/lm_ternary_thumb2.h"

#include "arm/lm_pairs_thumb2.h"
#include "arm/lm_xnor_thumb2.h"
#elif defined(__riscv) && __riscv_xlen == 32
#include "riscv/lm_planes_rv32.h"

#include "riscv/lm_int8_rv32.h"
#include "riscv/lm_ternary_rv32.h"

#include "riscv/lm_int8_pair_rv32.h"
#include "riscv/lm_pairs_rv32.h"
#endif
#if defined(__ARM_FEATURE_DSP)
#include "arm/lm_int8_dsp.h"

#include "arm/lm_int8_pair_dsp.h"
#endif
#if defined(__ARM_FEATURE_MVE)
#include "arm/lm_planes_mve.h"

#include "arm/lm_int8_mve.h"
#include "arm/lm_ternary_mve.h"
#include "arm/lm_xnor_mve.h"

#include "arm/lm_int8_pair_mve.h"
#endif

#ifdef SMALL
#define MAX_ROWS 72
#define MAX_COLS 64
#elif defined(PARTS)
#define MAX_ROWS 256
#define MAX_COLS 1024
#else
#define MAX_ROWS 512
#define MAX_COLS 512
#endif
#define PRE 3
#define GUARD 0x5A

/* SIGNS: planes whose inputs are 1 and -1. The last is the naive loops' own: 2 bits a code, row by
 * row. */
typedef enum Layout {
    LAYOUT_PLANES,
    LAYOUT_SIGNS,
    LAYOUT_TERNARY,
    LAYOUT_INT8,
    LAYOUT_2BIT
} Layout;

/* Not static: the markers' clobber orders only memory that other files could see. */
uint8_t weights[MAX_ROWS * MAX_COLS]; /* one code each */
uint8_t packed[MAX_ROWS * (MAX_COLS + 4) + 64] __attribute__((aligned(16)));
uint8_t rows_data[LM_BOOK_BYTES + MAX_ROWS + 8] __attribute__((aligned(4)));
int8_t x[MAX_COLS + 1] __attribute__((aligned(16)));
int8_t xb[MAX_COLS + 1] __attribute__((aligned(16))); /* the other input of a pair */
int16_t table[(MAX_COLS + 4) / 5 * 256] __attribute__((aligned(16)));
uint32_t pairs[(MAX_COLS + 4) / 5 * 256] __attribute__((aligned(16)));
int32_t y[MAX_ROWS + 9] __attribute__((aligned(16)));
int32_t yb[MAX_ROWS + 9] __attribute__((aligned(16)));
int32_t expected[2][MAX_ROWS];
int8_t levels[4]; /* of 2-bit codes, for the naive loop */

static int failures;
static uint32_t seed = 1;

static uint32_t draw(void)
{
    seed = seed * 1664525U + 1013904223U;
    return seed >> 8;
}

/* compiler/layout.c, once more. */
static int32_t block_rows(Layout f, int32_t planes)
{
    return f <= LAYOUT_SIGNS ? lm_plane_rows(planes) : (f == LAYOUT_TERNARY ? 8 : 1);
}

static int32_t stride_of(Layout f, int32_t planes, int32_t cols)
{
    if (f == LAYOUT_2BIT) {
        return cols / 4;
    }
    const int32_t bytes = f <= LAYOUT_SIGNS     ? block_rows(f, planes) * planes * ((cols + 7) / 8)
                          : f == LAYOUT_TERNARY ? 8 * ((cols + 4) / 5)
                                                : cols;
    return (bytes + 3) / 4 * 4;
}

static void pack_one(Layout f, int32_t planes, int32_t r, int32_t c, uint32_t code, uint8_t *block)
{
    static const uint8_t power[5] = {1, 3, 9, 27, 81};
    const int32_t n = block_rows(f, planes);
    if (f == LAYOUT_INT8) {
        block[c] = (uint8_t)code;
    } else if (f == LAYOUT_2BIT) {
        block[c / 4] = (uint8_t)(block[c / 4] | code << c % 4 * 2);
    } else if (f == LAYOUT_TERNARY) {
        uint8_t *byte = &block[c / 5 * 8 + r % 8];
        *byte = (uint8_t)(*byte + code * power[c % 5]);
    } else {
        for (int32_t k = 0; k < planes; k++) {
            uint8_t *byte = &block[c / 8 * n * planes + r % n * planes + k];
            *byte = (uint8_t)(*byte | (code >> k & 1U) << c % 8);
        }
    }
}

static void pack(Layout f, int32_t planes, int32_t rows, int32_t cols)
{
    const int32_t stride = stride_of(f, planes, cols), n = block_rows(f, planes);
    memset(packed, 0, sizeof packed);
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t c = 0; c < cols; c++) {
            pack_one(f, planes, r, c, weights[r * cols + c], packed + r / n * stride);
        }
    }
}

static int32_t level(Layout f, int32_t planes, uint32_t code)
{
    if (f == LAYOUT_INT8) {
        return (int8_t)code;
    }
    if (f == LAYOUT_TERNARY) {
        return (int32_t)code - 1;
    }
    int32_t v = (int8_t)rows_data[0];
    for (int32_t k = 0; k < planes; k++) {
        v += (code >> k & 1U) != 0 ? (int8_t)rows_data[1 + k] : 0;
    }
    return v;
}

/* What the arithmetic's definition gives, without tables and tricks. */
static void expect(Layout f, int32_t planes, int32_t rows, int32_t cols)
{
    for (int32_t r = 0; r < rows; r++) {
        int32_t a = 0, b = 0;
        for (int32_t c = 0; c < cols; c++) {
            const int32_t w = level(f, planes, weights[r * cols + c]);
            a += w * x[c];
            b += w * xb[c];
        }
        expected[0][r] = (a >> PRE) * (int32_t)rows_data[LM_BOOK_BYTES + r];
        expected[1][r] = (b >> PRE) * (int32_t)rows_data[LM_BOOK_BYTES + r];
    }
}

/* Kinds of content: 0 random, 1 and 2 the largest sums there are, up and down. */
static uint8_t weight_of(Layout f, int32_t planes, int kind)
{
    if (f == LAYOUT_INT8) { /* -127..127 */
        return (uint8_t)(kind == 0 ? draw() % 255U - 127U : (kind == 1 ? 127U : 129U));
    }
    const uint32_t codes = f == LAYOUT_TERNARY ? 3U : 1U << planes;
    return (uint8_t)(kind == 0 ? draw() % codes : (kind == 1 ? codes - 1U : 0U));
}

static void fill(Layout f, int32_t planes, int32_t rows, int32_t cols, int kind)
{
    const int32_t n = block_rows(f, planes), most = f == LAYOUT_SIGNS ? 1 : 127;
    for (int32_t i = 0; i < rows * cols; i++) {
        weights[i] = weight_of(f, planes, kind);
    }
    for (int32_t c = 0; c < cols; c++) {
        x[c] = (int8_t)(kind == 0 ? (int32_t)(draw() % 255U) - 127 : (kind == 1 ? most : -most));
        x[c] = (int8_t)(f == LAYOUT_SIGNS ? (x[c] < 0 ? -1 : 1) : x[c]);
    }
    for (int32_t c = 0; c < cols; c++) { /* extreme where x is, the other way around in places */
        const int32_t sign = c % 3 == 0 ? 127 : -127;
        xb[c] = (int8_t)(kind == 0 ? (int32_t)(draw() % 255U) - 127 : (kind == 1 ? sign : -x[c]));
    }
    x[cols] = GUARD; /* not an input: must not count */
    xb[cols] = GUARD;
    for (int32_t k = 0; k < LM_BOOK_BYTES; k++) {
        const int32_t extreme = k == 0 ? -64 : (planes < 3 ? 64 : 20);
        rows_data[k] = (uint8_t)(kind == 0 ? (int32_t)(draw() % 41U) - 20 : extreme);
    }
    for (int32_t r = 0; r < (rows + n - 1) / n * n; r++) {
        rows_data[LM_BOOK_BYTES + r] = (uint8_t)(kind == 0 ? draw() : (r < rows ? 255U : 0U));
    }
}

static void clear_y(void)
{
    for (int32_t r = 0; r < MAX_ROWS + 9; r++) {
        y[r] = GUARD;
        yb[r] = GUARD;
    }
}

static void verify(const char *name, Layout f, int32_t planes, int32_t rows, int32_t inputs,
                   int kind)
{
    int32_t wrong = 0;
    const int32_t n = block_rows(f, planes), padded = (rows + n - 1) / n * n;
    for (int32_t r = 0; r < rows; r++) {
        wrong += y[r] != expected[0][r] ? 1 : 0;
        wrong += inputs > 1 && yb[r] != expected[1][r] ? 1 : 0;
    }
    for (int32_t r = padded; r < MAX_ROWS + 9; r++) {
        wrong += y[r] != GUARD || yb[r] != GUARD ? 1 : 0;
    }
    if (wrong > 0) {
        board_puts("WRONG ");
        board_puts(name);
        board_puts(", planes ");
        board_put_dec(planes);
        board_puts(", content ");
        board_put_dec(kind);
        board_puts(": ");
        board_put_dec(wrong);
        board_puts(" rows\n");
        failures++;
    }
}

typedef struct Instance {
    const char *name;
    Layout layout;
    int32_t planes, rows, cols;
    void (*run)(void);
    int32_t inputs; /* 0: a table alone, counted per column */
} Instance;

static void check(const Instance *i)
{
    for (int kind = 2; kind >= 0; kind--) {
        fill(i->layout, i->planes, i->rows, i->cols, kind);
        pack(i->layout, i->planes, i->rows, i->cols);
        expect(i->layout, i->planes, i->rows, i->cols);
        for (uint32_t k = 0; k < 4; k++) {
            levels[k] = (int8_t)level(i->layout, 2, k);
        }
        clear_y();
        if (kind == 0) {
            board_count_start();
            i->run();
            board_count_stop();
        } else {
            i->run();
        }
        if (i->inputs > 0) {
            verify(i->name, i->layout, i->planes, i->rows, i->inputs, kind);
        }
    }
    board_puts(i->name);
    board_puts(" ");
    board_put_dec(i->rows);
    board_puts(" ");
    board_put_dec(i->cols);
    board_puts(" ");
    board_put_dec(i->planes);
    board_puts(" ");
    board_put_dec(i->inputs != 0 ? i->inputs * i->rows * i->cols : i->cols);
    board_puts("\n");
}

/* Instances: one function per kernel and shape, dimensions constant, as the emitter writes them. */
#define RUN(id) __attribute__((noinline)) static void id(void)

#define PLANES_RUN(build, kernel, p, r, c)                                                         \
    RUN(kernel##_##p##_##r##_##c)                                                                  \
    {                                                                                              \
        const int32_t sum = build(x, table, c);                                                    \
        kernel(packed, rows_data, table, sum, y, r, c, p, PRE, stride_of(LAYOUT_PLANES, p, c));    \
    }
#define XNOR_RUN PLANES_RUN
#define DIRECT_RUN(kernel, p, r, c)                                                                \
    RUN(kernel##_##p##_##r##_##c)                                                                  \
    {                                                                                              \
        kernel(packed, rows_data, x, y, r, c, p, PRE, stride_of(LAYOUT_PLANES, p, c));             \
    }
#define TERNARY_RUN(build, kernel, r, c)                                                           \
    RUN(kernel##_##r##_##c)                                                                        \
    {                                                                                              \
        (void)build(x, table, c);                                                                  \
        kernel(packed, rows_data, table, y, r, c, PRE, stride_of(LAYOUT_TERNARY, 0, c));           \
    }
#define INT8_RUN(kernel, r, c)                                                                     \
    RUN(kernel##_##r##_##c)                                                                        \
    {                                                                                              \
        kernel(packed, rows_data, x, y, r, c, PRE, stride_of(LAYOUT_INT8, 0, c));                  \
    }
#define PLANES_PAIR_RUN(build, kernel, p, r, c)                                                    \
    RUN(kernel##_##p##_##r##_##c)                                                                  \
    {                                                                                              \
        const lm_two sum = build(x, xb, pairs, c);                                                 \
        kernel(packed, rows_data, pairs, sum, y, yb, r, c, p, PRE,                                 \
               stride_of(LAYOUT_PLANES, p, c));                                                    \
    }
#define TERNARY_PAIR_RUN(build, kernel, r, c)                                                      \
    RUN(kernel##_##r##_##c)                                                                        \
    {                                                                                              \
        (void)build(x, xb, pairs, c);                                                              \
        kernel(packed, rows_data, pairs, y, yb, r, c, PRE, stride_of(LAYOUT_TERNARY, 0, c));       \
    }
#define INT8_PAIR_RUN(kernel, r, c)                                                                \
    RUN(kernel##_##r##_##c)                                                                        \
    {                                                                                              \
        kernel(packed, rows_data, x, xb, y, yb, r, c, PRE, stride_of(LAYOUT_INT8, 0, c));          \
    }
#define TABLE_RUN(build, c)                                                                        \
    RUN(build##_##c)                                                                               \
    {                                                                                              \
        y[0] = build(x, table, c);                                                                 \
    }

#define NAIVE_RUN(r, c)                                                                            \
    RUN(naive_2bit_##r##_##c)                                                                      \
    {                                                                                              \
        naive_2bit(packed, levels, rows_data + LM_BOOK_BYTES, x, y, r, c, PRE);                    \
    }                                                                                              \
    RUN(naive_int8_##r##_##c)                                                                      \
    {                                                                                              \
        naive_int8(packed, rows_data + LM_BOOK_BYTES, x, y, r, c, PRE);                            \
    }

#define PLANES_ROW(build, kernel, p, r, c)                                                         \
    {#kernel, LAYOUT_PLANES, p, r, c, kernel##_##p##_##r##_##c, 1},
#define XNOR_ROW(build, kernel, p, r, c)                                                           \
    {#kernel, LAYOUT_SIGNS, p, r, c, kernel##_##p##_##r##_##c, 1},
#define DIRECT_ROW(kernel, p, r, c) {#kernel, LAYOUT_PLANES, p, r, c, kernel##_##p##_##r##_##c, 1},
#define TERNARY_ROW(build, kernel, r, c) {#kernel, LAYOUT_TERNARY, 0, r, c, kernel##_##r##_##c, 1},
#define INT8_ROW(kernel, r, c) {#kernel, LAYOUT_INT8, 0, r, c, kernel##_##r##_##c, 1},
#define PLANES_PAIR_ROW(build, kernel, p, r, c)                                                    \
    {#kernel, LAYOUT_PLANES, p, r, c, kernel##_##p##_##r##_##c, 2},
#define TERNARY_PAIR_ROW(build, kernel, r, c)                                                      \
    {#kernel, LAYOUT_TERNARY, 0, r, c, kernel##_##r##_##c, 2},
#define INT8_PAIR_ROW(kernel, r, c) {#kernel, LAYOUT_INT8, 0, r, c, kernel##_##r##_##c, 2},
#define TABLE_ROW(build, c) {#build, LAYOUT_PLANES, 1, 1, c, build##_##c, 0},
#define NAIVE_ROW(r, c)                                                                            \
    {"naive_2bit", LAYOUT_2BIT, 2, r, c, naive_2bit_##r##_##c, 1},                                 \
        {"naive_int8", LAYOUT_INT8, 0, r, c, naive_int8_##r##_##c, 1},

#ifdef PARTS
#include "kernels_parts.h"
#else
#include "kernels_list.h"
#endif

int main(void)
{
    for (unsigned i = 0; i < sizeof instances / sizeof instances[0]; i++) {
        check(&instances[i]);
    }
    board_puts(failures == 0 ? "kernels: ok\n" : "kernels: FAILED\n");
    return failures != 0;
}
