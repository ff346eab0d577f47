/* lm_mix.h for ARMv6-M (Cortex-M0, M0+), which has few registers and no addition of two bytes'
 * products. Four values of a word are told apart by arithmetic modulo 2^32 instead of by extracting
 * signs, and slots that weigh nothing are passed over. Register r7 (frame pointer) is saved and
 * restored, so it compiles at every optimisation level. Needs lm_port.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_MIX_H
#define LM_MIX_H

/* Adds 128 to each byte of a word of int8. */
#define LM_T1_FLIP 0x80808080U

/* One slot: its weight times each of the words of 8 values, shifted right by 0, 8, 16 and 24 bits;
 * without a weight, nothing. The stack has the end of the weights and what is from one slot to the
 * next. */
#define LM_T1_TIMES(by, acc)                                                                       \
    "lsrs r4, r2, #" #by "\n\tmuls r4, r3, r4\n\tadd " #acc ", " #acc ", r4\n\t"
#define LM_T1_TIMES_WORD(at, acc0, acc1, acc2, acc3)                                               \
    "ldr r2, [r0, #" #at "]\n\teors r2, r2, r7\n\t" LM_T1_TIMES(24, acc3) LM_T1_TIMES(16, acc2)    \
        LM_T1_TIMES(8, acc1) "muls r2, r3, r2\n\tadd " #acc0 ", " #acc0 ", r2\n\t"
#define LM_T1_SLOT(n)                                                                              \
    "ldmia r1!, {r3}\n\tcmp r3, #0\n\tbeq 2" n "f\n\t" LM_T1_TIMES_WORD(0, r5, r6, r8, r9)         \
        LM_T1_TIMES_WORD(4, r10, r11, r12, lr) "2" n                                               \
                                               ":\n\tldr r4, [sp, #4]\n\tadds r0, r0, r4\n\t"

/* 8 elements of the values, on a 4-byte boundary; `sum` is that of the weights (n > 0). What an
 * accumulator has, of one word shifted right by 8 i, is 256 times the next one's and its own
 * byte's, plus 128 times the weights. The first round of four slots begins as far in as n mod 4
 * asks for. */
LM_FUNCTION void lm_mix_8(const int32_t *weights, const int8_t *values, int32_t n, int32_t apart,
                          uint32_t sum, int32_t *mix)
{
    const uint32_t rest = (uint32_t)n & 3U, flip = LM_T1_FLIP, zero = 0;
    const uint32_t last = (uint32_t)(uintptr_t)(weights + n);
    register uint32_t e2 __asm__("r8") = zero;
    register uint32_t e3 __asm__("r9") = zero;
    register uint32_t f0 __asm__("r10") = zero;
    register uint32_t f1 __asm__("r11") = zero;
    register uint32_t f2 __asm__("r12") = zero;
    register uint32_t f3 __asm__("lr") = zero;
    register const int8_t *v __asm__("r0") = values;
    register const int32_t *w __asm__("r1") = weights;
    register uint32_t x __asm__("r2") = rest;
    register uint32_t m __asm__("r3") = flip;
    register uint32_t t __asm__("r4");
    register uint32_t e0 __asm__("r5") = last;
    register uint32_t e1 __asm__("r6") = (uint32_t)apart;
    __asm__ volatile(
        ".syntax unified\n\tpush {r5, r6, r7}\n\tmovs r7, r3\n\tmovs r5, #0\n\tmovs r6, #0\n\t"
        "cmp r2, #2\n\tbeq 12f\n\tbhi 11f\n\tcmp r2, #1\n\tbne 10f\n\tb 13f\n\t"
        "10:\n\t" LM_T1_SLOT("0") "11:\n\t" LM_T1_SLOT("1") "12:\n\t" LM_T1_SLOT(
            "2") "13:\n\t" LM_T1_SLOT("3") "ldr r4, [sp]\n\tcmp r1, r4\n\tbeq 14f\n\tb 10b\n\t"
                                           "14:\n\tadd sp, #8\n\tpop {r7}"
        : "+l"(v), "+l"(w), "+l"(x), "+l"(m), "=&l"(t), "+l"(e0), "+l"(e1), "+r"(e2), "+r"(e3),
          "+r"(f0), "+r"(f1), "+r"(f2), "+r"(f3)
        :
        : "cc", "memory");
    const uint32_t a0 = e0, a1 = e1, a2 = e2, a3 = e3, b0 = f0, b1 = f1, b2 = f2, b3 = f3;
    sum <<= 7;
    mix[0] = (int32_t)(a0 - (a1 << 8) - sum);
    mix[1] = (int32_t)(a1 - (a2 << 8) - sum);
    mix[2] = (int32_t)(a2 - (a3 << 8) - sum);
    mix[3] = (int32_t)(a3 - sum);
    mix[4] = (int32_t)(b0 - (b1 << 8) - sum);
    mix[5] = (int32_t)(b1 - (b2 << 8) - sum);
    mix[6] = (int32_t)(b2 - (b3 << 8) - sum);
    mix[7] = (int32_t)(b3 - sum);
}

/* The portable one's, and the sum of the weights. */
LM_INLINE void lm_mix_values(const int32_t *weights, const int8_t *values, int32_t n, int32_t row,
                             int32_t dim, uint32_t sum, int32_t *mix)
{
    int32_t d = 0;
    if (dim % 8 == 0) {
        for (; d < dim; d += 8) {
            lm_mix_8(weights, values + d, n, row * dim, sum, mix + d);
        }
    }
    for (; d < dim; d++) {
        const int8_t *v = values + d;
        int32_t acc = 0;
        for (int32_t j = 0; j < n; j++) {
            acc += weights[j] * *v;
            v += row * dim;
        }
        mix[d] = acc;
    }
}

#endif
