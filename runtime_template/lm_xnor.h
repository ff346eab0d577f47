/* Bit-planes times a vector of signs: exclusive or and population count, no product for a weight.
 * With x = 2 b - 1 the sum of x over the bits p of a plane is the number of bits in b less that in
 * p ^ b. Cortex-M cores cannot count bits, so it is done for the bytes of three words together.
 * 8 lanes, that is 1, 2 or 4 planes. Needs lm_planes.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_XNOR_H
#define LM_XNOR_H

#define LM_XNOR_STEPS 9 /* of 3 groups of 8 bits: with two groups more they stay below 2^8 */

/* Shift of a word's byte number i as it lies in memory. */
#define LM_BYTE(i) (LM_FIRST == 1U ? 8 * (i) : 24 - 8 * (i))

/* Brings bit 0 of a word's byte number i to bit 28 + i. */
#define LM_GATHER (LM_FIRST == 1U ? 0x10204080U : 0x80402010U)

/* 1 for each x of four, on a 4-byte boundary, that is 1, in its byte; 0 for -1. */
LM_INLINE uint32_t lm_four_signs(const int8_t *x)
{
    return ~(lm_aligned_word(x) >> 7) & 0x01010101U;
}

/* x (cols) of 1 and -1, on a 4-byte boundary as is table -> table: for every 8 of them a word, each
 * byte of which has bit c set where x[c] is 1, none past the end; gives the sum of x. */
LM_INLINE int32_t lm_table_bits(const int8_t *x, int16_t *table, int32_t cols)
{
    uint32_t set = 0;
    for (int32_t c = 0; c < cols; c += 8) {
        uint32_t bits = 0;
        if (c + 8 <= cols) {
            const uint32_t first = lm_four_signs(x + c), second = lm_four_signs(x + c + 4);
            bits = (first * LM_GATHER) >> 28 | ((second * LM_GATHER) >> 28) << 4;
            set += ((first + second) * 0x01010101U) >> 24;
        } else {
            for (int32_t k = c; k < cols; k++) {
                bits |= (x[k] < 0 ? 0U : 1U) << (k - c);
                set += x[k] < 0 ? 0U : 1U;
            }
        }
        bits |= bits << 8;
        lm_store_pair(table, bits | bits << 16);
        table += 2;
    }
    return 2 * (int32_t)set - cols;
}

/* Of each byte of three words together, how many bits are set: of two bits, four, eight. */
LM_INLINE uint32_t lm_count_three(uint32_t a, uint32_t b, uint32_t c)
{
    const uint32_t even = a - ((a >> 1) & 0x55555555U) + (c & 0x55555555U);
    const uint32_t odd = b - ((b >> 1) & 0x55555555U) + ((c >> 1) & 0x55555555U);
    const uint32_t four = (even & 0x33333333U) + ((even >> 2) & 0x33333333U) + (odd & 0x33333333U) +
                          ((odd >> 2) & 0x33333333U);
    return (four & 0x0F0F0F0FU) + ((four >> 4) & 0x0F0F0F0FU);
}

/* Bits of p ^ b in lanes 0..3 and 4..7, a byte each. */
typedef struct lm_counts {
    uint32_t low, high;
} lm_counts;

/* Of so many steps: 24 bytes of codes w and 3 words of bits each. */
typedef lm_counts lm_xnor_loop(const uint8_t *w, const int16_t *bits, int32_t steps);

LM_INLINE lm_counts lm_xnor_steps(const uint8_t *w, const int16_t *bits, int32_t steps)
{
    lm_counts n = {0, 0};
    for (const int16_t *end = bits + 6 * steps; bits != end; bits += 6) {
        const uint32_t b0 = lm_aligned_word(bits), b1 = lm_aligned_word(bits + 2);
        const uint32_t b2 = lm_aligned_word(bits + 4);
        n.low += lm_count_three(lm_aligned_word(w) ^ b0, lm_aligned_word(w + 8) ^ b1,
                                lm_aligned_word(w + 16) ^ b2);
        n.high += lm_count_three(lm_aligned_word(w + 4) ^ b0, lm_aligned_word(w + 12) ^ b1,
                                 lm_aligned_word(w + 20) ^ b2);
        w += 24;
    }
    return n;
}

/* With 1 or 2 groups more. */
LM_INLINE lm_counts lm_xnor_rest(lm_counts n, const uint8_t *w, const int16_t *bits, int32_t groups)
{
    const uint32_t b0 = lm_aligned_word(bits), b1 = groups > 1 ? lm_aligned_word(bits + 2) : 0U;
    n.low +=
        lm_count_three(lm_aligned_word(w) ^ b0, groups > 1 ? lm_aligned_word(w + 8) ^ b1 : 0U, 0U);
    n.high += lm_count_three(lm_aligned_word(w + 4) ^ b0,
                             groups > 1 ? lm_aligned_word(w + 12) ^ b1 : 0U, 0U);
    return n;
}

/* s (4) less the counts of four lanes. */
LM_INLINE void lm_less_counts(uint32_t counts, int32_t *s)
{
    s[0] -= (int32_t)((counts >> LM_BYTE(0)) & 0xFFU);
    s[1] -= (int32_t)((counts >> LM_BYTE(1)) & 0xFFU);
    s[2] -= (int32_t)((counts >> LM_BYTE(2)) & 0xFFU);
    s[3] -= (int32_t)((counts >> LM_BYTE(3)) & 0xFFU);
}

/* One block: s (8) less the bits of p ^ b in its lanes. */
LM_INLINE void lm_xnor_lanes(lm_xnor_loop *loop, const uint8_t *w, const int16_t *bits,
                             int32_t groups, int32_t *s)
{
    int32_t steps = groups / 3;
    for (; steps > LM_XNOR_STEPS; steps -= LM_XNOR_STEPS) {
        const lm_counts n = loop(w, bits, LM_XNOR_STEPS);
        lm_less_counts(n.low, s);
        lm_less_counts(n.high, s + 4);
        w += 24 * LM_XNOR_STEPS;
        bits += 6 * LM_XNOR_STEPS;
    }
    lm_counts n = loop(w, bits, steps);
    if (groups % 3 != 0) {
        n = lm_xnor_rest(n, w + 24 * steps, bits + 6 * steps, groups % 3);
    }
    lm_less_counts(n.low, s);
    lm_less_counts(n.high, s + 4);
}

/* lm_planes_xnor with `loop` to count. */
LM_INLINE void lm_planes_xnor_by(lm_xnor_loop *loop, const uint8_t *codes, const uint8_t *rows_data,
                                 const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                 int32_t cols, int32_t planes, int32_t pre, int32_t stride)
{
    const int32_t step = lm_plane_rows(planes);
    const int32_t set = (sum + cols) >> 1; /* bits in b */
    const lm_book book = lm_read_book(rows_data, sum);
    for (int32_t r = 0; r < rows; r += step) {
        int32_t s[8] = {set, set, set, set, set, set, set, set};
        lm_xnor_lanes(loop, codes, table, (cols + 7) / 8, s);
        lm_combine_planes(s, book, rows_data + LM_BOOK_BYTES + r, y + r, planes, pre);
        codes += stride;
    }
}

/* As lm_planes_byte, of x that are 1 and -1 and 8 lanes; table and sum from lm_table_bits. */
LM_INLINE void lm_planes_xnor(const uint8_t *codes, const uint8_t *rows_data, const int16_t *table,
                              int32_t sum, int32_t *y, int32_t rows, int32_t cols, int32_t planes,
                              int32_t pre, int32_t stride)
{
    lm_planes_xnor_by(lm_xnor_steps, codes, rows_data, table, sum, y, rows, cols, planes, pre,
                      stride);
}

#endif
