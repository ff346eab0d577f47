/* lm_heads.h for ARMv6-M: two heads of 8 elements share each byte that is taken out of a key.
 * Needs lm_attention_loops_thumb1.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_HEADS_H
#define LM_HEADS_H

#define LM_HEADS_AT_ONCE 2

LM_INLINE int32_t lm_heads_at_once(const uint8_t *kv_of, int32_t left, int32_t dim, int32_t pre)
{
    return dim == 8 && pre == 3 && left > 1 && kv_of[0] == kv_of[1] ? 2 : 1;
}

/* What lm_scores_two reads of the queries a and b, in this order: factors of a key's words shifted
 * right by 0, 8, 16 and 24 bits, what the bytes' 128 add to the products, and the rest. */
typedef struct lm_two_heads {
    int32_t factor[8][2];
    int32_t less[2];
    int32_t down[2];
    int32_t apart; /* bytes from a's scores to b's */
    int32_t key_step, scale_step;
    const int8_t *end; /* of the keys */
} lm_two_heads;

/* A word shifted right by 8 i has its byte i and 256 times what it has shifted by 8 more, which a
 * factor takes off: modulo 2^32 the sum of the products is that of the bytes. */
LM_INLINE void lm_two_heads_factors(lm_two_heads *two, const int8_t *q, int32_t which)
{
    int32_t sum = 0;
    LM_UNROLL_8
    for (int32_t d = 0; d < 8; d++) {
        sum += q[d];
        two->factor[d][which] = d % 4 == 0 ? q[d] : q[d] - 256 * q[d - 1];
    }
    two->less[which] = -128 * sum;
}

/* Two elements of both heads: the products of r2 and of r2 >> 8 -> r3 and r4. */
#define LM_T1_TWO_BYTES                                                                            \
    "ldmia r1!, {r3, r4, r5, r6}\n\tmuls r3, r2, r3\n\tmuls r4, r2, r4\n\tlsrs r2, r2, #8\n\t"     \
    "muls r5, r2, r5\n\tmuls r6, r2, r6\n\tadds r3, r3, r5\n\tadds r4, r4, r6\n\t"
#define LM_T1_ADD_BOTH "add r8, r8, r3\n\tadd r9, r9, r4\n\t"

/* Slots of a kv head, `keys` to two->end, for two query heads: as lm_scores with 8 elements and pre
 * 3 -> score, two->apart bytes from one another, and max (2). A new maximum is seldom: what then
 * happens stands behind the loop. */
LM_FUNCTION void lm_scores_two(const lm_two_heads *two, const int8_t *keys, const uint16_t *scales,
                               int32_t *score, int32_t *max)
{
    const int32_t least = INT32_MIN;
    const uint32_t flip = LM_T1_FLIP;
    register int32_t dot_a __asm__("r8");
    register int32_t dot_b __asm__("r9");
    register int32_t max_a __asm__("r10") = least;
    register int32_t max_b __asm__("r11") = least;
    register const uint16_t *scale __asm__("r12") = scales;
    register int32_t *s __asm__("lr") = score;
    register const int8_t *k __asm__("r0") = keys;
    register const lm_two_heads *from __asm__("r1") = two;
    register uint32_t word __asm__("r2") = flip;
    register int32_t a __asm__("r3");
    register int32_t b __asm__("r4");
    register int32_t c __asm__("r5");
    register int32_t d __asm__("r6");
    __asm__ volatile(
        ".syntax unified\n\tpush {r7}\n\tmovs r7, r2\n1:\n\t"
        "ldr r2, [r0]\n\teors r2, r2, r7\n\t" LM_T1_TWO_BYTES
        "mov r8, r3\n\tmov r9, r4\n\tlsrs r2, r2, #8\n\t" LM_T1_TWO_BYTES LM_T1_ADD_BOTH
        "ldr r2, [r0, #4]\n\teors r2, r2, r7\n\t" LM_T1_TWO_BYTES LM_T1_ADD_BOTH
        "lsrs r2, r2, #8\n\t" LM_T1_TWO_BYTES LM_T1_ADD_BOTH
        "ldmia r1!, {r3, r4, r5, r6}\n\tadd r3, r3, r8\n\tadd r4, r4, r9\n\tasrs r3, r3, #3\n\t"
        "asrs r4, r4, #3\n\tmov r2, r12\n\tldrh r2, [r2]\n\tmuls r3, r2, r3\n\tmuls r4, r2, r4\n\t"
        "asrs r3, r3, r5\n\tasrs r4, r4, r6\n\tcmp r3, r10\n\tbgt 3f\n2:\n\tcmp r4, r11\n\t"
        "bgt 5f\n4:\n\tldmia r1!, {r5}\n\tmov r2, lr\n\tstr r4, [r2, r5]\n\tstmia r2!, {r3}\n\t"
        "mov lr, r2\n\tldmia r1!, {r3, r4, r5}\n\tadds r0, r0, r3\n\tadd r12, r12, r4\n\t"
        "subs r1, #96\n\tcmp r0, r5\n\tbne 1b\n\tb 6f\n"
        "3:\n\tmov r10, r3\n\tb 2b\n5:\n\tmov r11, r4\n\tb 4b\n6:\n\tpop {r7}"
        : "+l"(k), "+l"(from), "+l"(word), "=&l"(a), "=&l"(b), "=&l"(c), "=&l"(d), "=&r"(dot_a),
          "=&r"(dot_b), "+r"(max_a), "+r"(max_b), "+r"(scale), "+r"(s)
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
        lm_two_heads two;
        lm_two_heads_factors(&two, q, 0);
        lm_two_heads_factors(&two, q + 8, 1);
        two.down[0] = down[0];
        two.down[1] = down[1];
        two.apart = 4 * n;
        two.key_step = row * 8;
        two.scale_step = row * 2;
        two.end = keys + last * row * 8;
        lm_scores_two(&two, keys + first * row * 8, scales + first * row, score + first, max);
    }
}

#endif
