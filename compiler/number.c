/* Little-endian reads from any alignment, the 16-bit float formats, checked size arithmetic,
 * the smaller and the larger of two. */
#include "util.h"

#include <string.h>

uint16_t read_u16le(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t read_u32le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t read_u64le(const uint8_t *p)
{
    return read_u32le(p) | (uint64_t)read_u32le(p + 4) << 32;
}

static float f32_from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* IEEE binary16: 1 sign, 5 exponent (bias 15), 10 mantissa. 0x3C00 -> exponent 15, so
 * 15 - 15 + 127 = 127 in binary32: 0x3F800000 = 1.0. Subnormals are m * 2^-24, exact in float. */
float f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t exponent = h >> 10 & 0x1F, mantissa = h & 0x3FF;
    if (exponent == 0) {
        float m = (float)mantissa * 0x1p-24f;
        return sign ? -m : m;
    }
    exponent = exponent == 31 ? 255 : exponent - 15 + 127;
    return f32_from_bits(sign | exponent << 23 | mantissa << 13);
}

/* bfloat16 is the upper half of a binary32. */
float bf16_to_f32(uint16_t h)
{
    return f32_from_bits((uint32_t)h << 16);
}

bool mul_size(size_t a, size_t b, size_t *out)
{
    if (b && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

int bit_length(uint64_t v)
{
    int n = 0;
    for (; v; v >>= 1)
        n++;
    return n;
}

int smaller(int a, int b)
{
    return a < b ? a : b;
}

int larger(int a, int b)
{
    return a > b ? a : b;
}

int64_t round_up(int64_t v, int64_t to)
{
    return (v + to - 1) / to * to;
}
