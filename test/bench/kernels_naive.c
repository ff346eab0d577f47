/* The loops to beat, as one would write them first: unpack a code, look its level up, multiply,
 * accumulate. The compiler may do its best with them. */
#include "kernels_naive.h"

#pragma GCC optimize("O3")

void naive_2bit(const uint8_t *codes, const int8_t *levels, const uint8_t *scales, const int8_t *x,
                int32_t *y, int32_t rows, int32_t cols, int32_t pre)
{
    for (int32_t r = 0; r < rows; r++) {
        int32_t acc = 0;
        for (int32_t c = 0; c < cols; c++) {
            const int32_t i = r * cols + c;
            acc += levels[codes[i / 4] >> i % 4 * 2 & 3] * x[c];
        }
        y[r] = (acc >> pre) * (int32_t)scales[r];
    }
}

void naive_int8(const uint8_t *codes, const uint8_t *scales, const int8_t *x, int32_t *y,
                int32_t rows, int32_t cols, int32_t pre)
{
    for (int32_t r = 0; r < rows; r++) {
        int32_t acc = 0;
        for (int32_t c = 0; c < cols; c++) {
            acc += (int8_t)codes[r * cols + c] * x[c];
        }
        y[r] = (acc >> pre) * (int32_t)scales[r];
    }
}
