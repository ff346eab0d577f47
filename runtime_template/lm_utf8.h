/* UTF-8: which bytes may follow which, and a decoder for pieces of text that end anywhere: it
 * holds back an unfinished character, so that what it gives is whole characters only.
 * Needs lm_port.h, lm_error.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_UTF8_H
#define LM_UTF8_H

/* Bytes of the character that begins with `lead`; 0 when none does. */
LM_FUNCTION uint32_t lm_utf8_length(uint32_t lead)
{
    if (lead < 0x80U) {
        return 1U;
    }
    if (lead < 0xC2U || lead > 0xF4U) {
        return 0U;
    }
    return lead < 0xE0U ? 2U : (lead < 0xF0U ? 3U : 4U);
}

/* Whether `byte` may be number `at` (1..3) of a character that begins with `lead`: overlong forms,
 * surrogates and what is above U+10FFFF all show in the second byte. */
LM_FUNCTION int32_t lm_utf8_follows(uint32_t lead, uint32_t at, uint32_t byte)
{
    uint32_t low = 0x80U;
    uint32_t high = 0xBFU;
    if (at == 1U) {
        low = lead == 0xE0U ? 0xA0U : (lead == 0xF0U ? 0x90U : low);
        high = lead == 0xEDU ? 0x9FU : (lead == 0xF4U ? 0x8FU : high);
    }
    return byte >= low && byte <= high;
}

/* Writes a character to out (4 bytes); gives its bytes. */
LM_FUNCTION uint32_t lm_put_utf8(uint32_t code, uint8_t *out)
{
    const uint32_t n = code < 0x80U ? 1U : (code < 0x800U ? 2U : (code < 0x10000U ? 3U : 4U));
    for (uint32_t i = n - 1U; i > 0U; i--) {
        out[i] = (uint8_t)(0x80U | (code & 0x3fU));
        code >>= 6;
    }
    out[0] = (uint8_t)(n == 1U ? code : (0xF00U >> n) | code);
    return n;
}

/* All zero: nothing is held back. */
typedef struct lm_utf8 {
    uint8_t pending[4]; /* the beginning of a character, 3 bytes at most */
    uint32_t count;
} lm_utf8;

/* Writes U+FFFD for what is held, which nothing follows: 0 or 3 bytes. */
LM_INLINE int32_t lm_utf8_drop(lm_utf8 *u, uint8_t *out)
{
    if (u->count == 0U) {
        return 0;
    }
    u->count = 0U;
    out[0] = 0xEFU;
    out[1] = 0xBFU;
    out[2] = 0xBDU;
    return 3;
}

/* Takes one byte, writes 0 to 6 bytes. Bytes that cannot be part of a character become one U+FFFD
 * for each longest beginning of a character, as the Unicode standard recommends. */
LM_FUNCTION int32_t lm_utf8_byte(lm_utf8 *u, uint8_t byte, uint8_t *out)
{
    int32_t n = 0;
    if (u->count > 0U) {
        if (lm_utf8_follows(u->pending[0], u->count, byte)) {
            if (u->count + 1U < lm_utf8_length(u->pending[0])) {
                u->pending[u->count] = byte;
                u->count++;
                return 0;
            }
            n = (int32_t)u->count;
            memcpy(out, u->pending, u->count);
            out[n] = byte;
            u->count = 0U;
            return n + 1;
        }
        n = lm_utf8_drop(u, out);
    }
    if (byte < 0x80U) {
        out[n] = byte;
        return n + 1;
    }
    u->pending[0] = byte;
    u->count = 1U;
    return lm_utf8_length(byte) > 0U ? n : n + lm_utf8_drop(u, out + n);
}

/* Takes in (n), gives the number of bytes written to out (max): whole characters. 3 * (n + 1) is
 * always room enough. LM_E_SPACE changes nothing but out. */
LM_FUNCTION int32_t lm_utf8_feed(lm_utf8 *u, const char *in, int32_t n, char *out, int32_t max)
{
    const lm_utf8 before = *u;
    int32_t count = 0;
    for (int32_t i = 0; i < n; i++) {
        uint8_t bytes[6];
        const int32_t k = lm_utf8_byte(u, (uint8_t)in[i], bytes);
        if (k > max - count) {
            *u = before;
            return LM_E_SPACE;
        }
        if (k > 0) {
            memcpy(out + count, bytes, (uint32_t)k);
        }
        count += k;
    }
    return count;
}

/* The text has ended: U+FFFD for an unfinished character. */
LM_INLINE int32_t lm_utf8_flush(lm_utf8 *u, char *out, int32_t max)
{
    uint8_t bytes[3];
    if (u->count > 0U && max < 3) {
        return LM_E_SPACE;
    }
    if (lm_utf8_drop(u, bytes) == 0) {
        return 0;
    }
    memcpy(out, bytes, 3);
    return 3;
}

#endif
