/* What loops.c defines twice. */
#ifndef LOOPS_H
#define LOOPS_H

#include <stdint.h>

#define DECLARE(prefix)                                                                            \
    int32_t prefix##step(int32_t which, int32_t a, int32_t b, int32_t c);                          \
    int32_t prefix##scores(const int8_t *q, const int8_t *keys, const uint16_t *scales,            \
                           int32_t first, int32_t last, int32_t row, int32_t dim, int32_t pre,     \
                           int32_t down, int32_t *score);                                          \
    void prefix##scores_two(const int8_t *q, const int8_t *keys, const uint16_t *scales,           \
                            int32_t first, int32_t last, int32_t row, int32_t dim, int32_t pre,    \
                            const int32_t *down, int32_t *score, int32_t n, int32_t *max);         \
    uint32_t prefix##softmax_mix(int32_t *score, const uint16_t *scales, const int8_t *values,     \
                                 int32_t n, int32_t row, int32_t dim, int32_t max,                 \
                                 uint32_t mantissa, int32_t spread, int32_t *mix);                 \
    uint32_t prefix##loop(int32_t which, int32_t *v, const int32_t *w, const int16_t *gamma,       \
                          int8_t *x, int32_t n, int32_t a, int32_t b);
DECLARE(portable_)
DECLARE(variant_)

#define STEPS 11
#define LOOPS_OF_VECTORS 16

#endif
