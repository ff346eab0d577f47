/* The steps and loops that have variants for a core, behind plain functions. Compiled twice: from
 * the portable files with PREFIX portable_, and from CORE and LOOPS with PREFIX variant_. */
#include "lm_port.h"

#include CORE

#include "lm_fixed.h"
#include "lm_tables.h"

#include "lm_functions.h"

#include LOOPS

#include "loops.h"

#define JOIN(a, b) a##b
#define NAME_OF(prefix, name) JOIN(prefix, name)
#define NAME(name) NAME_OF(PREFIX, name)

int32_t NAME(step)(int32_t which, int32_t a, int32_t b, int32_t c)
{
    switch (which) {
    case 0: return lm_mul16(a, 32768U | ((uint32_t)b & 0x7fffU));
    case 1: return lm_round_shift(a, 1 + (b & 0xff) % 255);
    case 2: return lm_add_sat(a, b);
    case 3: return (int32_t)lm_recip16(32768U | ((uint32_t)a & 0x7fffU));
    case 4: return (int32_t)lm_clip16(a & 0x7fffffff);
    case 5: return lm_silu(a >> (b & 15));
    case 6: return (int32_t)lm_mul_add((uint32_t)a, (uint32_t)b, (uint32_t)c);
    case 7: return (int32_t)lm_add_square((uint32_t)b, (int16_t)a);
    case 8: return lm_mul_half(a, (int16_t)b);
    default: return (int32_t)(lm_add_square((uint64_t)(uint32_t)b << 20, (int16_t)a) >> 32);
    }
}

int32_t NAME(scores)(const int8_t *q, const int8_t *keys, const uint16_t *scales, int32_t first,
                     int32_t last, int32_t row, int32_t dim, int32_t pre, int32_t down,
                     int32_t *score)
{
    /* dim is a constant in generated code */
    switch (dim) {
    case 8: return lm_scores(q, keys, scales, first, last, row, 8, pre, down, score);
    case 6: return lm_scores(q, keys, scales, first, last, row, 6, pre, down, score);
    case 20: return lm_scores(q, keys, scales, first, last, row, 20, pre, down, score);
    default: return lm_scores(q, keys, scales, first, last, row, dim, pre, down, score);
    }
}

uint32_t NAME(softmax)(int32_t *score, const uint16_t *scales, int32_t n, int32_t row, int32_t max,
                       uint32_t mantissa, int32_t spread)
{
    const uint32_t total = lm_softmax_total(score, n, max, mantissa);
    return lm_softmax(score, scales, n, row, max, mantissa, spread) ^ (total << 1);
}

void NAME(mix)(const int32_t *weights, const int8_t *values, int32_t n, int32_t row, int32_t dim,
               int32_t *mix)
{
    lm_mix_values(weights, values, n, row, dim, mix);
}
