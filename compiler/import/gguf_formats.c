/* How GGUF stores the elements of a tensor, and how each format becomes float. A block of the
 * quantized ones is a run of codes with one F16 scale d. */
#include "gguf.h"

#include <stdio.h>
#include <string.h>

static void decode_f32(const uint8_t *data, const uint8_t *end, size_t n, float *w)
{
    (void)end;
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = read_u32le(data + 4 * i);
        memcpy(&w[i], &bits, sizeof bits);
    }
}

static void decode_f16(const uint8_t *data, const uint8_t *end, size_t n, float *w)
{
    (void)end;
    for (size_t i = 0; i < n; i++)
        w[i] = f16_to_f32(read_u16le(data + 2 * i));
}

static void decode_bf16(const uint8_t *data, const uint8_t *end, size_t n, float *w)
{
    (void)end;
    for (size_t i = 0; i < n; i++)
        w[i] = bf16_to_f32(read_u16le(data + 2 * i));
}

/* d, then 32 int8 codes: element = code * d. */
static void decode_q8_0(const uint8_t *block, const uint8_t *end, size_t n, float *w)
{
    (void)n;
    for (; block < end; block += 34, w += 32) {
        const float d = f16_to_f32(read_u16le(block));
        for (int i = 0; i < 32; i++)
            w[i] = (float)(int8_t)block[2 + i] * d;
    }
}

/* d, then 16 bytes: the low halves are elements 0..15, the high ones 16..31; (code - 8) * d.
 * 0x9F at byte 3: element 3 is (15 - 8) d, element 19 (9 - 8) d. */
static void decode_q4_0(const uint8_t *block, const uint8_t *end, size_t n, float *w)
{
    (void)n;
    for (; block < end; block += 18, w += 32) {
        const float d = f16_to_f32(read_u16le(block));
        for (int i = 0; i < 16; i++) {
            w[i] = (float)((block[2 + i] & 15) - 8) * d;
            w[16 + i] = (float)((block[2 + i] >> 4) - 8) * d;
        }
    }
}

/* A byte holds up to five ternary digits as a fraction of 256: times 3, the digit is what goes
 * over. 0x80 is 1/2: 1.5 -> digit 1, left 0x80 -> digit 1 again, ... Digit `power` of the byte. */
static float trit(uint8_t byte, int power)
{
    static const uint8_t powers[] = {1, 3, 9, 27, 81};
    const uint8_t shifted = (uint8_t)(byte * powers[power]);
    return (float)((shifted * 3 >> 8) - 1);
}

/* `bytes` bytes with `digits` digits each: the first digits of all, then the second ones. */
static float *decode_trits(const uint8_t *data, int bytes, int digits, float d, float *w)
{
    for (int k = 0; k < digits; k++)
        for (int i = 0; i < bytes; i++)
            *w++ = trit(data[i], k) * d;
    return w;
}

/* 256 elements in 54 bytes: 32 and 16 bytes of five digits, 4 bytes of four, then d. */
static void decode_tq1_0(const uint8_t *block, const uint8_t *end, size_t n, float *w)
{
    (void)n;
    for (; block < end; block += 54) {
        const float d = f16_to_f32(read_u16le(block + 52));
        w = decode_trits(block, 32, 5, d, w);
        w = decode_trits(block + 32, 16, 5, d, w);
        w = decode_trits(block + 48, 4, 4, d, w);
    }
}

/* 256 elements in 66 bytes: twice 32 bytes of four 2-bit codes, then d; (code - 1) * d. Bits 2k and
 * 2k + 1 of byte i are element 32 k + i of the half. */
static void decode_tq2_0(const uint8_t *block, const uint8_t *end, size_t n, float *w)
{
    (void)n;
    for (; block < end; block += 66) {
        const float d = f16_to_f32(read_u16le(block + 64));
        for (int half = 0; half < 64; half += 32)
            for (int k = 0; k < 8; k += 2)
                for (int i = 0; i < 32; i++)
                    *w++ = (float)((block[half + i] >> k & 3) - 1) * d;
    }
}

/* One scale for the whole tensor, a float32 behind all codes, and 32 bytes for it. 128 elements in
 * 32 bytes: element 32 k + i is bits 6 - 2k and 7 - 2k of byte i; (code - 1) * scale. */
static void decode_i2_s(const uint8_t *block, const uint8_t *end, size_t n, float *w)
{
    float scale;
    (void)n;
    decode_f32(end, end, 1, &scale);
    for (; block < end; block += 32)
        for (int k = 6; k >= 0; k -= 2)
            for (int i = 0; i < 32; i++)
                *w++ = (float)((block[i] >> k & 3) - 1) * scale;
}

static const GgufFormat formats[] = {
    {0, "F32", 1, 4, 0, decode_f32},         {1, "F16", 1, 2, 0, decode_f16},
    {30, "BF16", 1, 2, 0, decode_bf16},      {8, "Q8_0", 32, 34, 0, decode_q8_0},
    {2, "Q4_0", 32, 18, 0, decode_q4_0},     {34, "TQ1_0", 256, 54, 0, decode_tq1_0},
    {35, "TQ2_0", 256, 66, 0, decode_tq2_0}, {36, "I2_S", 128, 32, 32, decode_i2_s},
};

/* Named in messages. */
static const struct {
    uint32_t id;
    const char *name;
} others[] = {
    {3, "Q4_1"},     {6, "Q5_0"},   {7, "Q5_1"},    {9, "Q8_1"},   {10, "Q2_K"},    {11, "Q3_K"},
    {12, "Q4_K"},    {13, "Q5_K"},  {14, "Q6_K"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"},
    {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {23, "IQ4_XS"},
    {24, "I8"},      {25, "I16"},   {26, "I32"},    {27, "I64"},   {28, "F64"},     {29, "IQ1_M"},
    {39, "MXFP4"},   {40, "NVFP4"}, {41, "Q1_0"},   {42, "Q2_0"},
};

const GgufFormat *gguf_format(uint32_t id)
{
    for (size_t i = 0; i < LENGTH(formats); i++)
        if (formats[i].id == id)
            return &formats[i];
    return NULL;
}

const char *gguf_format_name(uint32_t id)
{
    for (size_t i = 0; i < LENGTH(others); i++)
        if (others[i].id == id)
            return others[i].name;
    return NULL;
}

char *gguf_format_list(Arena *a)
{
    char *list = arena_printf(a, "%s", formats[0].name);
    for (size_t i = 1; i < LENGTH(formats); i++)
        list = arena_printf(a, "%s, %s", list, formats[i].name);
    return list;
}
