/* lm_heads.h for ARMv6-M: two heads of 8 elements share each byte that is taken out of a key.
 * Needs lm_scores.h, lm_mix_thumb1.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_HEADS_H
#define LM_HEADS_H

#define LM_HEADS_AT_ONCE 2

LM_INLINE int32_t lm_heads_at_once(const uint8_t *kv_of, int32_t left, int32_t dim, int32_t pre)
{
    return dim == 8 && pre == 3 && left > 1 && kv_of[0] == kv_of[1] ? 2 : 1;
}

/* What lm_scores_two reads of the queries a and b: factors of a key's two words shifted right by 0,
 * 8, 16 and 24 bits, from the ninth on where they are of both heads in one, what the bytes' 128 add
 * to the products, and the rest, each in this order. */
typedef struct lm_two_heads {
    uint32_t factor[16];
    uint32_t less[2];
    int32_t down[2];
    int32_t apart; /* bytes from a's scores to b's */
    int32_t key_step, scale_step;
    const int8_t *end; /* of the keys */
} lm_two_heads;

/* A word shifted right by 8 i has its byte i and 256 times what it has shifted by 8 more, which a
 * factor takes off: modulo 2^32 the sum of the products is that of the bytes. */
LM_INLINE void lm_two_heads_apart(lm_two_heads *two, const int8_t *q)
{
    for (int32_t h = 0; h < 2; h++) {
        uint32_t sum = 0;
        LM_UNROLL_8
        for (int32_t d = 0; d < 8; d++) {
            const uint32_t element = (uint32_t)q[d];
            sum += element;
            two->factor[2 * d + h] = d % 4 == 0 ? element : element - ((uint32_t)q[d - 1] << 8);
        }
        two->less[h] = 0U - (sum << 7);
        q += 8;
    }
}

/* The same with a + 2^16 b for an element: the sums of a word's four products are the halves of
 * one, which have no more than 16 bits each. The lower one is kept positive by 2^15. */
LM_INLINE void lm_two_heads_packed(lm_two_heads *two, const int8_t *q)
{
    uint32_t sum = 0, last = 0;
    LM_UNROLL_8
    for (int32_t d = 0; d < 8; d++) {
        const uint32_t element = (uint32_t)q[d] + ((uint32_t)q[d + 8] << 16);
        two->factor[8 + d] = d % 4 == 0 ? element : element - (last << 8);
        sum = d % 4 == 0 ? element : sum + element;
        last = element;
        two->less[d / 4] = 0x8000U - (sum << 7);
    }
}

/* Whether the sum of four elements of q, on a 4-byte boundary, times int8 stays within 16 bits. */
LM_INLINE int32_t lm_four_fit(const int8_t *q)
{
    const uint32_t word = lm_aligned_word(q), negative = (word >> 7) & 0x01010101U;
    const uint32_t sizes = (word ^ ((negative << 8) - negative)) + negative;
    const uint32_t sums = (sizes & 0x00ff00ffU) + ((sizes >> 8) & 0x00ff00ffU);
    return ((sums + (sums >> 16)) & 0xffffU) <= 32767U / 127U;
}

LM_INLINE int32_t lm_two_heads_fit(const int8_t *q)
{
    return lm_four_fit(q) && lm_four_fit(q + 4) && lm_four_fit(q + 8) && lm_four_fit(q + 12);
}

/* Two elements of both heads: the products of r2 and of r2 >> 8 -> r3 and r4. */
#define LM_T1_TWO_BYTES                                                                            \
    "ldmia r1!, {r3, r4, r5, r6}\n\tmuls r3, r2, r3\n\tmuls r4, r2, r4\n\tlsrs r2, r2, #8\n\t"     \
    "muls r5, r2, r5\n\tmuls r6, r2, r6\n\tadds r3, r3, r5\n\tadds r4, r4, r6\n\t"
#define LM_T1_ADD_BOTH "add r8, r8, r3\n\tadd r9, r9, r4\n\t"

/* Four elements of both heads in one: their products -> r3. */
#define LM_T1_PACKED_BYTES                                                                         \
    "eors r2, r2, r7\n\tldmia r1!, {r3, r4, r5, r6}\n\tmuls r3, r2, r3\n\tlsrs r2, r2, #8\n\t"     \
    "muls r4, r2, r4\n\tlsrs r2, r2, #8\n\tmuls r5, r2, r5\n\tlsrs r2, r2, #8\n\t"                 \
    "muls r6, r2, r6\n\tadds r3, r3, r4\n\tadds r5, r5, r6\n\tadds r3, r3, r5\n\t"

/* Dot products r3 and r4 of 2^-3, shifts r5 and r6 -> scores. The next slot, as long as there is
 * one, has its factors `back` bytes before. A new maximum is seldom: what then happens stands
 * behind the loop. */
#define LM_T1_SCORES(back)                                                                         \
    "mov r2, r12\n\tldrh r2, [r2]\n\tmuls r3, r2, r3\n\tmuls r4, r2, r4\n\tasrs r3, r3, r5\n\t"    \
    "asrs r4, r4, r6\n\tcmp r3, r10\n\tbgt 3f\n2:\n\tcmp r4, r11\n\tbgt 5f\n4:\n\t"                \
    "ldmia r1!, {r5}\n\tmov r2, lr\n\tstr r4, [r2, r5]\n\tstmia r2!, {r3}\n\tmov lr, r2\n\t"       \
    "ldmia r1!, {r3, r4, r5}\n\tadds r0, r0, r3\n\tadd r12, r12, r4\n\tsubs r1, #" #back "\n\t"    \
    "cmp r0, r5\n\tbne 1b\n\tb 6f\n3:\n\tmov r10, r3\n\tb 2b\n5:\n\tmov r11, r4\n\tb 4b\n"         \
    "6:\n\t"

/* Slots of a kv head, `keys` to two->end, for two query heads, `packed` or not: as lm_scores with 8
 * elements and pre 3 -> score, two->apart bytes from one another, and max (2). */
LM_FUNCTION void lm_scores_two(const lm_two_heads *two, int32_t packed, const int8_t *keys,
                               const uint16_t *scales, int32_t *score, int32_t *max)
{
    const int32_t least = INT32_MIN, lower = -(0x10000 >> 3);
    const uint32_t flip = LM_T1_FLIP;
    const uint32_t *factors = two->factor + (packed ? 8 : 0);
    register int32_t dot_a __asm__("r8") = 0;
    register int32_t dot_b __asm__("r9") = lower;
    register int32_t max_a __asm__("r10") = least;
    register int32_t max_b __asm__("r11") = least;
    register const uint16_t *scale __asm__("r12") = scales;
    register int32_t *s __asm__("lr") = score;
    register const int8_t *k __asm__("r0") = keys;
    register const uint32_t *from __asm__("r1") = factors;
    register uint32_t word __asm__("r2") = flip;
    register int32_t a __asm__("r3") = packed;
    register int32_t b __asm__("r4");
    register int32_t c __asm__("r5");
    register int32_t d __asm__("r6");
    __asm__ volatile(
        ".syntax unified\n\tpush {r7}\n\tmovs r7, r2\n\tcmp r3, #0\n\tbne 7f\n1:\n\t"
        "ldr r2, [r0]\n\teors r2, r2, r7\n\t" LM_T1_TWO_BYTES
        "mov r8, r3\n\tmov r9, r4\n\tlsrs r2, r2, #8\n\t" LM_T1_TWO_BYTES LM_T1_ADD_BOTH
        "ldr r2, [r0, #4]\n\teors r2, r2, r7\n\t" LM_T1_TWO_BYTES LM_T1_ADD_BOTH
        "lsrs r2, r2, #8\n\t" LM_T1_TWO_BYTES LM_T1_ADD_BOTH
        "ldmia r1!, {r3, r4, r5, r6}\n\tadd r3, r3, r8\n\tadd r4, r4, r9\n\tasrs r3, r3, #3\n\t"
        "asrs r4, r4, #3\n\t" LM_T1_SCORES(
            96) "b 8f\n"
                "7:\n1:\n\tldr r2, [r0]\n\t" LM_T1_PACKED_BYTES
                "mov r8, r3\n\tldr r2, [r0, #4]\n\t" LM_T1_PACKED_BYTES
                "ldmia r1!, {r4, r5}\n\tadd r4, r4, r8\n\tadds r5, r5, r3\n\tuxth r3, r4\n\t"
                "asrs r4, r4, #16\n\tuxth r6, r5\n\tasrs r5, r5, #16\n\tadds r3, r3, r6\n\t"
                "adds r4, r4, r5\n\tldmia r1!, {r5, r6}\n\tlsrs r3, r3, #3\n\tadd r3, r3, r9\n\t"
                "asrs r4, r4, #3\n\t" LM_T1_SCORES(64) "8:\n\tpop {r7}"
        : "+l"(k), "+l"(from), "+l"(word), "+l"(a), "=&l"(b), "=&l"(c), "=&l"(d), "+r"(dot_a),
          "+r"(dot_b), "+r"(max_a), "+r"(max_b), "+r"(scale), "+r"(s)
        :
        : "cc", "memory");
    const int32_t most_a = max_a, most_b = max_b;
    max[0] = most_a;
    max[1] = most_b;
}

LM_INLINE void lm_scores_heads(const int8_t *q, int32_t heads, const int8_t *keys,
                               const uint16_t *scales, int32_t first, int32_t last, int32_t row,
                               int32_t dim, int32_t pre, const int32_t *down, int32_t *score,
                               int32_t n, int32_t *max)
{
    if (heads < 2) {
        max[0] = lm_scores(q, keys, scales, first, last, row, dim, pre, down[0], score);
        return;
    }
    max[0] = INT32_MIN;
    max[1] = INT32_MIN;
    if (first < last) {
        const int32_t packed = lm_two_heads_fit(q);
        lm_two_heads two;
        if (packed) {
            lm_two_heads_packed(&two, q);
        } else {
            lm_two_heads_apart(&two, q);
        }
        two.down[0] = down[0];
        two.down[1] = down[1];
        two.apart = 4 * n;
        two.key_step = row * 8;
        two.scale_step = row * 2;
        two.end = keys + last * row * 8;
        lm_scores_two(&two, packed, keys + first * row * 8, scales + first * row, score + first,
                      max);
    }
}

#endif
