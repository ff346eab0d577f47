/* XXH32 (xxHash, specification at github.com/Cyan4973/xxHash): weights and logits are checked with
 * it. Values are read as little-endian words on any core. Needs lm_port.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_HASH_H
#define LM_HASH_H

#define LM_PRIME_1 0x9E3779B1U
#define LM_PRIME_2 0x85EBCA77U
#define LM_PRIME_3 0xC2B2AE3DU
#define LM_PRIME_4 0x27D4EB2FU
#define LM_PRIME_5 0x165667B1U

LM_INLINE uint32_t lm_rotl(uint32_t v, int32_t n)
{
    return (v << n) | (v >> (32 - n));
}

/* Elements of 1, 2 or 4 bytes, seen as the bytes of their little-endian form. */
LM_INLINE uint32_t lm_hash_byte(const void *data, uint32_t width, uint32_t i)
{
    if (width == 1U) {
        return ((const uint8_t *)data)[i];
    }
    if (width == 2U) {
        return ((uint32_t)((const uint16_t *)data)[i / 2U] >> (8U * (i % 2U))) & 255U;
    }
    return (((const uint32_t *)data)[i / 4U] >> (8U * (i % 4U))) & 255U;
}

LM_FUNCTION uint32_t lm_hash_word(const void *data, uint32_t width, uint32_t i)
{
    return lm_hash_byte(data, width, i) | lm_hash_byte(data, width, i + 1U) << 8 |
           lm_hash_byte(data, width, i + 2U) << 16 | lm_hash_byte(data, width, i + 3U) << 24;
}

/* XXH32 of `bytes` bytes held as elements of `width` bytes. */
LM_FUNCTION uint32_t lm_hash(const void *data, uint32_t width, uint32_t bytes, uint32_t seed)
{
    uint32_t i = 0;
    uint32_t h = seed + LM_PRIME_5;
    if (bytes >= 16U) {
        uint32_t lane[4];
        lane[0] = seed + LM_PRIME_1 + LM_PRIME_2;
        lane[1] = seed + LM_PRIME_2;
        lane[2] = seed;
        lane[3] = seed - LM_PRIME_1;
        for (; i + 16U <= bytes; i += 16U) {
            for (uint32_t k = 0; k < 4U; k++) {
                lane[k] += lm_hash_word(data, width, i + 4U * k) * LM_PRIME_2;
                lane[k] = lm_rotl(lane[k], 13) * LM_PRIME_1;
            }
        }
        h = lm_rotl(lane[0], 1) + lm_rotl(lane[1], 7) + lm_rotl(lane[2], 12) + lm_rotl(lane[3], 18);
    }
    h += bytes;
    for (; i + 4U <= bytes; i += 4U) {
        h = lm_rotl(h + lm_hash_word(data, width, i) * LM_PRIME_3, 17) * LM_PRIME_4;
    }
    for (; i < bytes; i++) {
        h = lm_rotl(h + lm_hash_byte(data, width, i) * LM_PRIME_5, 11) * LM_PRIME_1;
    }
    h = (h ^ (h >> 15)) * LM_PRIME_2;
    h = (h ^ (h >> 13)) * LM_PRIME_3;
    return h ^ (h >> 16);
}

/* A constant: elements of `width` bytes. */
typedef struct lm_hashed {
    const void *data;
    uint32_t width, bytes;
} lm_hashed;

/* XXH32 of each of n constants, seeded with the hash before it. */
LM_FUNCTION uint32_t lm_hash_all(const lm_hashed *all, uint32_t n)
{
    uint32_t h = 0;
    for (uint32_t i = 0; i < n; i++) {
        h = lm_hash(all[i].data, all[i].width, all[i].bytes, h);
    }
    return h;
}

#endif
