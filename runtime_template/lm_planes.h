/* Matrix times vector, weights as bit-planes. For every 8 inputs a table holds the 256 sums of
 * their subsets; one byte of a plane looks up 8 products at once. Several (row, plane) pairs, the
 * lanes, are interleaved byte by byte so that they share the walk over the tables.
 * Needs lm_core.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PLANES_H
#define LM_PLANES_H

/* What precedes the row scales of a matrix: value of code 0, then what each bit adds. */
#define LM_BOOK_BYTES 8

/* Sums in a table are this much too high. Of at most 8 inputs of -127..127 none is then negative,
 * and one 32-bit addition adds to two neighbours without a carry between them. */
#define LM_BIAS 1024
#define LM_TWICE(v) ((uint32_t)(v)*0x10001U)

/* Inputs c to c + n - 1 of x (cols), zeros past its end; tail: room for n. */
LM_INLINE const int8_t *lm_inputs(const int8_t *x, int32_t c, int32_t n, int32_t cols, int8_t *tail)
{
    if (c + n <= cols) {
        return x + c;
    }
    for (int32_t k = 0; k < n; k++) {
        tail[k] = c + k < cols ? x[c + k] : 0;
    }
    return tail;
}

/* 16 sums, in pairs as they lie in memory. */
typedef struct lm_pairs {
    uint32_t e0, e1, e2, e3, e4, e5, e6, e7;
} lm_pairs;

LM_INLINE void lm_store_pairs(int16_t *table, lm_pairs p)
{
    lm_store_pair(table, p.e0);
    lm_store_pair(table + 2, p.e1);
    lm_store_pair(table + 4, p.e2);
    lm_store_pair(table + 6, p.e3);
    lm_store_pair(table + 8, p.e4);
    lm_store_pair(table + 10, p.e5);
    lm_store_pair(table + 12, p.e6);
    lm_store_pair(table + 14, p.e7);
}

LM_INLINE lm_pairs lm_add_pairs(lm_pairs p, uint32_t v)
{
    p.e0 += v;
    p.e1 += v;
    p.e2 += v;
    p.e3 += v;
    p.e4 += v;
    p.e5 += v;
    p.e6 += v;
    p.e7 += v;
    return p;
}

/* The sums of the 16 subsets of 4 inputs. */
LM_INLINE lm_pairs lm_subsets(const int8_t *x)
{
    const uint32_t x1 = LM_TWICE(x[1]), x2 = LM_TWICE(x[2]), x3 = LM_TWICE(x[3]);
    lm_pairs p;
    p.e0 = LM_TWICE(LM_BIAS) + (uint32_t)x[0] * LM_SECOND;
    p.e1 = p.e0 + x1;
    p.e2 = p.e0 + x2;
    p.e3 = p.e1 + x2;
    p.e4 = p.e0 + x3;
    p.e5 = p.e1 + x3;
    p.e6 = p.e2 + x3;
    p.e7 = p.e3 + x3;
    return p;
}

/* 64 sums: those of p, and with either or both of two more inputs; `first` is the one, `next` the
 * other less the one. Gives the last 16. */
LM_INLINE lm_pairs lm_store_quarter(int16_t *table, lm_pairs p, uint32_t first, uint32_t next)
{
    lm_store_pairs(table, p);
    p = lm_add_pairs(p, first);
    lm_store_pairs(table + 16, p);
    p = lm_add_pairs(p, next);
    lm_store_pairs(table + 32, p);
    p = lm_add_pairs(p, first);
    lm_store_pairs(table + 48, p);
    return p;
}

/* x (cols) int8 -> table, on a 4-byte boundary: 256 biased sums per 8 inputs; gives the sum of x.
 * The upper four inputs are counted through: up to the next number, its lowest 0 bit turns 1 and
 * the 1 bits below it 0. */
LM_INLINE int32_t lm_table_byte(const int8_t *x, int16_t *table, int32_t cols)
{
    int32_t sum = 0;
    for (int32_t c = 0; c < cols; c += 8) {
        int8_t tail[8];
        const int8_t *in = lm_inputs(x, c, 8, cols, tail);
        lm_pairs p = lm_subsets(in);
        const uint32_t x4 = LM_TWICE(in[4]), x5 = LM_TWICE(in[5]), x6 = LM_TWICE(in[6]);
        const uint32_t up1 = x5 - x4, up2 = x6 - x5 - x4, up3 = LM_TWICE(in[7]) - x6 - x5 - x4;
        sum += in[0] + in[1] + in[2] + in[3] + in[4] + in[5] + in[6] + in[7];
        for (int32_t half = 0; half < 2; half++) {
            p = lm_store_quarter(table, p, x4, up1);
            p = lm_add_pairs(p, up2);
            p = lm_store_quarter(table + 64, p, x4, up1);
            p = lm_add_pairs(p, up3);
            table += 128;
        }
    }
    return sum;
}

/* x (cols) int8 -> table, on a 4-byte boundary: 16 biased sums per 4 inputs, two such per 8
 * inputs; gives the sum of x. */
LM_INLINE int32_t lm_table_nibble(const int8_t *x, int16_t *table, int32_t cols)
{
    int32_t sum = 0;
    for (int32_t c = 0; c < ((cols + 7) & ~7); c += 4) {
        int8_t tail[4];
        const int8_t *in = lm_inputs(x, c, 4, cols, tail);
        lm_store_pairs(table, lm_subsets(in));
        sum += in[0] + in[1] + in[2] + in[3];
        table += 16;
    }
    return sum;
}

/* One block of codes: for each of `groups` table steps, `lanes` bytes -> s (lanes) sums. */
LM_INLINE void lm_lanes_byte(const uint8_t *w, const int16_t *t, int32_t groups, int32_t lanes,
                             int32_t *s)
{
    const int32_t zero = -LM_BIAS * groups;
    int32_t a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero, a6 = zero, a7 = zero;
    for (int32_t g = groups & 1; g < groups; g += 2) { /* two steps at a time */
        const uint8_t *v = w + lanes;
        const int16_t *u = t + 256;
        a0 += t[w[0]] + u[v[0]];
        a1 += t[w[1]] + u[v[1]];
        a2 += t[w[2]] + u[v[2]];
        a3 += t[w[3]] + u[v[3]];
        a4 += t[w[4]] + u[v[4]];
        a5 += lanes > 5 ? t[w[5]] + u[v[5]] : 0;
        a6 += lanes > 6 ? t[w[6]] + u[v[6]] : 0;
        a7 += lanes > 7 ? t[w[7]] + u[v[7]] : 0;
        w += 2 * lanes;
        t += 512;
    }
    const int32_t odd = groups & 1;
    s[0] = a0 + (odd ? t[w[0]] : 0);
    s[1] = a1 + (odd ? t[w[1]] : 0);
    s[2] = a2 + (odd ? t[w[2]] : 0);
    s[3] = a3 + (odd ? t[w[3]] : 0);
    s[4] = a4 + (odd ? t[w[4]] : 0);
    s[5] = a5 + (odd && lanes > 5 ? t[w[5]] : 0);
    s[6] = a6 + (odd && lanes > 6 ? t[w[6]] : 0);
    s[7] = a7 + (odd && lanes > 7 ? t[w[7]] : 0);
}

LM_INLINE int32_t lm_nibbles(const int16_t *t, uint32_t code)
{
    return t[code & 15U] + t[16U + (code >> 4)];
}

LM_INLINE void lm_lanes_nibble(const uint8_t *w, const int16_t *t, int32_t groups, int32_t lanes,
                               int32_t *s)
{
    const int32_t zero = -2 * LM_BIAS * groups;
    int32_t a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero, a6 = zero, a7 = zero;
    for (int32_t g = 0; g < groups; g++) {
        a0 += lm_nibbles(t, w[0]);
        a1 += lm_nibbles(t, w[1]);
        a2 += lm_nibbles(t, w[2]);
        a3 += lm_nibbles(t, w[3]);
        a4 += lm_nibbles(t, w[4]);
        a5 += lanes > 5 ? lm_nibbles(t, w[5]) : 0;
        a6 += lanes > 6 ? lm_nibbles(t, w[6]) : 0;
        a7 += lanes > 7 ? lm_nibbles(t, w[7]) : 0;
        w += lanes;
        t += 32;
    }
    s[0] = a0;
    s[1] = a1;
    s[2] = a2;
    s[3] = a3;
    s[4] = a4;
    s[5] = a5;
    s[6] = a6;
    s[7] = a7;
}

/* Rows that a block interleaves: as many as fill 5 to 8 lanes. */
LM_INLINE int32_t lm_plane_rows(int32_t planes)
{
    return planes == 1 ? 8 : (planes == 2 ? 4 : (planes <= 4 ? 2 : 1));
}

/* Kernels whose names end in _part read some of a matrix's columns, so that their table is only as
 * large as those ask for: `codes` begins where they do. The first part starts each sum from 0, the
 * others from what y holds; the last one shifts and scales it, the others leave it in y. */
#define LM_PART_FIRST 1
#define LM_PART_NEXT 0
#define LM_PART_LAST 2
#define LM_PART_WHOLE (LM_PART_FIRST | LM_PART_LAST)

LM_INLINE int32_t lm_part_sum(const int32_t *y, int32_t part)
{
    return (part & LM_PART_FIRST) != 0 ? 0 : *y;
}

LM_INLINE int32_t lm_part_row(int32_t sum, int32_t scale, int32_t pre, int32_t part)
{
    return (part & LM_PART_LAST) != 0 ? (sum >> pre) * scale : sum;
}

/* A matrix's codebook: what code 0 adds to every row, what each bit adds. */
typedef struct lm_book {
    int32_t zero, c0, c1, c2, c3, c4, c5;
} lm_book;

LM_INLINE lm_book lm_read_book(const uint8_t *rows_data, int32_t sum)
{
    const int8_t *b = (const int8_t *)rows_data;
    const lm_book book = {b[0] * sum, b[1], b[2], b[3], b[4], b[5], b[6]};
    return book;
}

/* For sums that keep the bias of `groups` table entries each. */
LM_INLINE lm_book lm_unbias(lm_book b, int32_t groups, int32_t planes)
{
    int32_t coef = b.c0;
    coef += planes > 1 ? b.c1 : 0;
    coef += planes > 2 ? b.c2 : 0;
    coef += planes > 3 ? b.c3 : 0;
    coef += planes > 4 ? b.c4 : 0;
    coef += planes > 5 ? b.c5 : 0;
    b.zero -= LM_BIAS * groups * coef;
    return b;
}

/* One row from the sums of its planes: y = ((zero + coef . s) >> pre) * scale. Modulo 2^32 until
 * it is whole, because a bias may take parts of it past that. */
LM_INLINE void lm_combine_row(const int32_t *s, lm_book b, int32_t scale, int32_t *y,
                              int32_t planes, int32_t pre, int32_t part)
{
    const uint32_t before = (uint32_t)b.zero + (uint32_t)lm_part_sum(y, part);
    uint32_t acc = lm_mul_add((uint32_t)b.c0, (uint32_t)s[0], before);
    acc = planes > 1 ? lm_mul_add((uint32_t)b.c1, (uint32_t)s[1], acc) : acc;
    acc = planes > 2 ? lm_mul_add((uint32_t)b.c2, (uint32_t)s[2], acc) : acc;
    acc = planes > 3 ? lm_mul_add((uint32_t)b.c3, (uint32_t)s[3], acc) : acc;
    acc = planes > 4 ? lm_mul_add((uint32_t)b.c4, (uint32_t)s[4], acc) : acc;
    acc = planes > 5 ? lm_mul_add((uint32_t)b.c5, (uint32_t)s[5], acc) : acc;
    *y = lm_part_row((int32_t)acc, scale, pre, part);
}

/* The rows of a block from its lane sums. No loops, so that the sums stay in registers. */
LM_INLINE void lm_combine_part(const int32_t *s, lm_book b, const uint8_t *scales, int32_t *y,
                               int32_t planes, int32_t pre, int32_t part)
{
    lm_combine_row(s, b, scales[0], y, planes, pre, part);
    if (planes <= 4) {
        lm_combine_row(s + planes, b, scales[1], y + 1, planes, pre, part);
    }
    if (planes <= 2) {
        lm_combine_row(s + 2 * planes, b, scales[2], y + 2, planes, pre, part);
        lm_combine_row(s + 3 * planes, b, scales[3], y + 3, planes, pre, part);
    }
    if (planes == 1) {
        lm_combine_row(s + 4, b, scales[4], y + 4, 1, pre, part);
        lm_combine_row(s + 5, b, scales[5], y + 5, 1, pre, part);
        lm_combine_row(s + 6, b, scales[6], y + 6, 1, pre, part);
        lm_combine_row(s + 7, b, scales[7], y + 7, 1, pre, part);
    }
}

LM_INLINE void lm_combine_planes(const int32_t *s, lm_book b, const uint8_t *scales, int32_t *y,
                                 int32_t planes, int32_t pre)
{
    lm_combine_part(s, b, scales, y, planes, pre, LM_PART_WHOLE);
}

/* codes: blocks of lm_plane_rows(planes) rows, `stride` bytes each; rows_data: book, then one
 * scale a row; table and sum from lm_table_byte of the part's inputs (cols) -> y (rows, rounded up
 * to whole blocks). */
LM_INLINE void lm_planes_byte_part(const uint8_t *codes, const uint8_t *rows_data,
                                   const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                   int32_t cols, int32_t planes, int32_t pre, int32_t stride,
                                   int32_t part)
{
    const int32_t step = lm_plane_rows(planes);
    const lm_book book = lm_read_book(rows_data, sum);
    for (int32_t r = 0; r < rows; r += step) {
        int32_t s[8];
        lm_lanes_byte(codes, table, (cols + 7) / 8, step * planes, s);
        lm_combine_part(s, book, rows_data + LM_BOOK_BYTES + r, y + r, planes, pre, part);
        codes += stride;
    }
}

/* All columns at once. */
LM_INLINE void lm_planes_byte(const uint8_t *codes, const uint8_t *rows_data, const int16_t *table,
                              int32_t sum, int32_t *y, int32_t rows, int32_t cols, int32_t planes,
                              int32_t pre, int32_t stride)
{
    lm_planes_byte_part(codes, rows_data, table, sum, y, rows, cols, planes, pre, stride,
                        LM_PART_WHOLE);
}

/* The same through the tables of lm_table_nibble, an eighth of the size. */
LM_INLINE void lm_planes_nibble_part(const uint8_t *codes, const uint8_t *rows_data,
                                     const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                     int32_t cols, int32_t planes, int32_t pre, int32_t stride,
                                     int32_t part)
{
    const int32_t step = lm_plane_rows(planes);
    const lm_book book = lm_read_book(rows_data, sum);
    for (int32_t r = 0; r < rows; r += step) {
        int32_t s[8];
        lm_lanes_nibble(codes, table, (cols + 7) / 8, step * planes, s);
        lm_combine_part(s, book, rows_data + LM_BOOK_BYTES + r, y + r, planes, pre, part);
        codes += stride;
    }
}

LM_INLINE void lm_planes_nibble(const uint8_t *codes, const uint8_t *rows_data,
                                const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                int32_t cols, int32_t planes, int32_t pre, int32_t stride)
{
    lm_planes_nibble_part(codes, rows_data, table, sum, y, rows, cols, planes, pre, stride,
                          LM_PART_WHOLE);
}

/* Row `row` of such a matrix -> resid (cols) = value * row scale * 2^shift. */
LM_INLINE void lm_embed_planes(const uint8_t *codes, const uint8_t *rows_data, int32_t row,
                               int32_t *resid, int32_t cols, int32_t planes, int32_t stride,
                               int32_t shift)
{
    const int32_t step = lm_plane_rows(planes);
    const int32_t lanes = step * planes;
    const uint8_t *w = codes + (row / step) * stride + (row % step) * planes;
    const int8_t *book = (const int8_t *)rows_data;
    for (int32_t c = 0; c < cols; c++) {
        int32_t value = book[0];
        for (int32_t k = 0; k < planes; k++) {
            value += ((w[(c / 8) * lanes + k] >> (c % 8)) & 1) != 0 ? book[1 + k] : 0;
        }
        resid[c] = lm_shift(value * (int32_t)rows_data[LM_BOOK_BYTES + row], shift);
    }
}

#endif
