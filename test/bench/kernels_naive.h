/* The loops to beat. */
#ifndef KERNELS_NAIVE_H
#define KERNELS_NAIVE_H

#include <stdint.h>

/* y (rows) = (sum over c of levels[code] * x >> pre) * scales; codes of 2 bits, four to a byte. */
void naive_2bit(const uint8_t *codes, const int8_t *levels, const uint8_t *scales, const int8_t *x,
                int32_t *y, int32_t rows, int32_t cols, int32_t pre);

/* The same with a weight of int8 in each byte. */
void naive_int8(const uint8_t *codes, const uint8_t *scales, const int8_t *x, int32_t *y,
                int32_t rows, int32_t cols, int32_t pre);

#endif
