/* lm_raise.h for ARMv6-M (Cortex-M0, M0+): products past what is left of the range are seldom, and
 * stand behind the loop. Needs lm_loops_thumb1.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_RAISE_H
#define LM_RAISE_H

/* One of resid, to which r * 2^up is added; at 6 n past what is left of the range. */
#define LM_LOOP_RAISE(n)                                                                           \
    "ldmia %[y]!, {r4}\n\t" LM_LOOP_HIGH(                                                          \
        "r4", "r5") "adds r5, r4, %[most]\n\tcmp r5, %[twice]\n\tbhi 6" n                          \
                    "f\n\tlsls r4, %[up]\n7" n ":\n\t"                                             \
                    "ldr r5, [%[v]]\n\tadds r4, r5\n\tbvs 2" n "f\n3" n                            \
                    ":\n\tstmia %[v]!, {r4}\n\t"
#define LM_LOOP_MOST(n)                                                                            \
    "6" n ":\n\tasrs r4, r4, #31\n\tlsls r4, r4, #1\n\tmvns r4, r4\n\tmovs r5, #1\n\t"             \
    "lsls r5, r5, #31\n\tadds r4, r5\n\tb 7" n "b\n\t"

LM_LOOP void lm_raise_loop(int32_t *resid, const int32_t *y, int32_t n, uint32_t m, int32_t up)
{
    if (n > 0) {
        const int32_t *last = y + n;
        const uint32_t largest = (uint32_t)INT32_MAX >> up, both = 2U * largest;
        register const int32_t *end __asm__("r8") = last;
        register uint32_t twice __asm__("r9") = both;
        register int32_t *v __asm__("r0") = resid;
        register const int32_t *at __asm__("r1") = y;
        register uint32_t mantissa __asm__("r2") = m;
        register int32_t left __asm__("r3") = up;
        register uint32_t most __asm__("r6") = largest;
        __asm__ volatile(LM_LOOP_ASM "1:\n\t" LM_LOOP_RAISE("3")
                             LM_LOOP_NEXT("y") "b 9f\n\t" LM_LOOP_SATURATE("r4", "3")
                                 LM_LOOP_MOST("3") "9:\n\t"
                         : [v] "+l"(v), [y] "+l"(at)
                         : [end] "r"(end), [twice] "r"(twice), [m] "l"(mantissa), [up] "l"(left),
                           [most] "l"(most)
                         : "r4", "r5", "cc", "memory");
    }
}

#endif
