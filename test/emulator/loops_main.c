/* Variants for a core against the portable steps and loops, bit for bit: random and extreme values,
 * any number of slots, odd head sizes; nothing may be written past the end. */
#include "board.h"
#include "loops.h"

#include "lm_port.h"

int memcmp(const void *a, const void *b, size_t n); /* not every toolchain has its header */

#define SLOTS 23
#define ROW 3
#define DIM 33
#define VECTOR 21
#define GUARD 0x5A5A5A5A

static uint32_t seed = 7;
static int failures;
static int32_t q_words[2 * DIM], cell_words[SLOTS * ROW * DIM]; /* vectors on a 4-byte boundary */
static int8_t *const q = (int8_t *)q_words, *const cells = (int8_t *)cell_words;
static uint16_t scales[SLOTS * ROW];
static int32_t one[2 * SLOTS + 4], two[2 * SLOTS + 4], mix_one[DIM + 4], mix_two[DIM + 4];

static uint32_t draw(void)
{
    seed = seed * 1664525U + 1013904223U;
    return seed >> 8 | seed << 24;
}

static int32_t any_word(void)
{
    static const int32_t ends[] = {INT32_MIN, INT32_MIN + 1, -1, 0, 1, INT32_MAX, 0x8000, -0x8000};
    return draw() % 8 == 0 ? ends[draw() % 8] : (int32_t)draw() >> draw() % 32;
}

static void check(int equal, const char *what)
{
    if (!equal && failures++ < 8) {
        board_puts("differs: ");
        board_puts(what);
        board_puts("\n");
    }
}

static void check_steps(void)
{
    for (int32_t i = 0; i < 40000; i++) {
        const int32_t which = i % STEPS, a = any_word(), b = any_word(), c = any_word();
        check(portable_step(which, a, b, c) == variant_step(which, a, b, c), "a step");
    }
}

/* extreme: 1, every product is the largest; 2, so is every sum of four that fits in 16 bits. */
static void fill(int extreme)
{
    static const int8_t most[4] = {127, 127, 4, 0};
    const uint32_t small = draw() % 3U;
    for (int32_t i = 0; i < 2 * DIM; i++) {
        const int32_t ends = extreme > 1 ? most[i % 4] : 127;
        q[i] = (int8_t)(extreme ? ends : ((int32_t)(draw() % 255U) - 127) / (1 << small));
    }
    for (int32_t i = 0; i < SLOTS * ROW * DIM; i++) {
        cells[i] = (int8_t)(extreme ? -127 : (int32_t)(draw() % 255U) - 127);
    }
    for (int32_t i = 0; i < SLOTS * ROW; i++) {
        scales[i] = (uint16_t)(extreme ? 65534U : draw() % 65535U);
    }
    for (int32_t i = 0; i < 2 * SLOTS + 4; i++) {
        one[i] = two[i] = GUARD;
    }
    memset(mix_one, 0, sizeof mix_one);
    memset(mix_two, 0, sizeof mix_two);
}

static void check_attention(int32_t dim, int32_t n, int32_t row, int extreme)
{
    const int32_t pre = dim <= 8 ? 3 : 5, down = (int32_t)(draw() % 32U), first = n > 2 ? n / 3 : 0;
    const uint32_t mantissa = extreme ? 65535U : 32768U + draw() % 32768U;
    fill(extreme);
    check(portable_scores(q, cells, scales, first, n, row, dim, pre, down, one) ==
              variant_scores(q, cells, scales, first, n, row, dim, pre, down, two),
          "the largest score");
    check(memcmp(one, two, sizeof one) == 0, "scores");
    const int32_t downs[2] = {down, (int32_t)(draw() % 32U)};
    int32_t max_one[2], max_two[2];
    portable_scores_two(q, cells, scales, first, n, row, dim, pre, downs, one, n, max_one);
    variant_scores_two(q, cells, scales, first, n, row, dim, pre, downs, two, n, max_two);
    check(memcmp(max_one, max_two, sizeof max_one) == 0, "the largest scores of two heads");
    check(memcmp(one, two, sizeof one) == 0, "scores of two heads");
    const int32_t max = portable_scores(q, cells, scales, 0, n, row, dim, pre, down % 16, one);
    memcpy(two, one, sizeof one);
    check(portable_softmax_mix(one, scales, cells, n, row, dim, max, mantissa, n % 3, mix_one) ==
              variant_softmax_mix(two, scales, cells, n, row, dim, max, mantissa, n % 3, mix_two),
          "the sum of softmax");
    check(memcmp(mix_one, mix_two, sizeof mix_one) == 0, "the mix");
    check(memcmp(one + n, two + n, sizeof one - 4U * (uint32_t)n) == 0, "past the scores");
}

/* A vector's loops: v, w and gamma filled alike for both; angles, where gamma is read as such, are
 * cosines and sines. */
static void check_loop(int32_t which, int32_t n, int32_t size)
{
    static int32_t v[2][VECTOR + 2], w[VECTOR];
    static int32_t gamma[VECTOR];
    static int8_t x[2][VECTOR + 8];
    const int32_t a = any_word(), b = any_word();
    memset(x, 0x5A, sizeof x);
    for (int32_t i = 0; i < VECTOR + 2; i++) {
        v[0][i] = v[1][i] = i < n ? any_word() >> size : GUARD;
    }
    for (int32_t i = 0; i < VECTOR; i++) {
        w[i] = any_word() >> size;
        gamma[i] = which == LOOPS_OF_VECTORS - 1 ? (int32_t)(draw() % 65537U) - 32768
                                                 : (int32_t)(draw() & 0xfffefffeU);
    }
    if (which == LOOPS_OF_VECTORS - 1) { /* the window is that of v, so what is turned is v */
        memcpy(w, v[0], (uint32_t)n * 4U);
    }
    const int16_t *g = (const int16_t *)(const void *)gamma;
    const uint32_t one_gives = portable_loop(which, v[0], w, g, x[0] + n % 4, n, a, b);
    const uint32_t two_gives = variant_loop(which, v[1], w, g, x[1] + n % 4, n, a, b);
    check(one_gives == two_gives, "what a loop gives");
    check(memcmp(v[0], v[1], sizeof v[0]) == 0, "a vector");
    check(memcmp(x[0], x[1], sizeof x[0]) == 0, "a vector of int8");
}

int main(void)
{
    static const int32_t dims[] = {8, 6, 20, 16, 33, 1};
    check_steps();
    for (int32_t i = 0; i < 6; i++) {
        for (int32_t n = 1; n <= SLOTS; n++) {
            check_attention(dims[i], n, 1 + n % ROW, n % 5 == 0 ? 1 + n / 5 % 2 : 0);
        }
    }
    for (int32_t which = 0; which < LOOPS_OF_VECTORS; which++) {
        for (int32_t i = 0; i < 400; i++) {
            check_loop(which, 1 + i % VECTOR, i % 3 == 0 ? 0 : i % 28);
        }
    }
    board_puts(failures == 0 ? "equal\n" : "not equal\n");
    return failures == 0 ? 0 : 1;
}
