/* Weights that are bound at run time: whether a blob is the one that the code was compiled with.
 * The layout is in the words that it begins with, in a table of its arrays (offset, bytes with the
 * padding behind, bytes of an element) and then in these, all in the core's byte order. Needs
 * lm_port.h, lm_hash.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_BLOB_H
#define LM_BLOB_H

#define LM_BLOB_MAGIC 0
#define LM_BLOB_INTERFACE 1
#define LM_BLOB_BYTES 2 /* of all */
#define LM_BLOB_ARRAYS 3
#define LM_BLOB_ALIGN 4  /* of the first byte: a power of two */
#define LM_BLOB_LAYOUT 5 /* XXH32 of the table */
#define LM_BLOB_HASH 6   /* XXH32 of each array, and of what else is hashed, from LAYOUT on */
#define LM_BLOB_WORDS 8

/* The words that a blob of `bytes` bytes begins with against those of the one expected: 0, or a
 * negative LM_E_. */
LM_FUNCTION int32_t lm_blob_check(const void *blob, uint32_t bytes, const uint32_t *expected)
{
    const uint32_t *word = (const uint32_t *)blob;
    if (((uintptr_t)blob & (expected[LM_BLOB_ALIGN] - 1U)) != 0U) {
        return LM_E_ALIGN;
    }
    if (bytes < 4U * LM_BLOB_WORDS) {
        return LM_E_LENGTH;
    }
    if (word[LM_BLOB_MAGIC] != expected[LM_BLOB_MAGIC] ||
        word[LM_BLOB_INTERFACE] != expected[LM_BLOB_INTERFACE]) {
        return LM_E_BLOB;
    }
    for (int32_t i = LM_BLOB_BYTES; i < LM_BLOB_WORDS; i++) {
        if (word[i] != expected[i]) {
            return LM_E_MODEL;
        }
    }
    return bytes < expected[LM_BLOB_BYTES] ? LM_E_LENGTH : 0;
}

/* 1 when the blob, which passed lm_blob_check, and the n constants that are hashed with it are
 * undamaged. */
LM_FUNCTION int32_t lm_blob_intact(const uint8_t *blob, const lm_hashed *others, uint32_t n)
{
    const uint32_t *word = (const uint32_t *)(const void *)blob;
    const uint32_t *row = word + LM_BLOB_WORDS;
    uint32_t h = lm_hash(row, 4, 12U * word[LM_BLOB_ARRAYS], 0);
    if (h != word[LM_BLOB_LAYOUT]) {
        return 0;
    }
    for (uint32_t i = 0; i < word[LM_BLOB_ARRAYS]; i++, row += 3) {
        h = lm_hash(blob + row[0], row[2], row[1], h);
    }
    for (uint32_t i = 0; i < n; i++) {
        h = lm_hash(others[i].data, others[i].width, others[i].bytes, h);
    }
    return h == word[LM_BLOB_HASH] ? 1 : 0;
}

#endif
