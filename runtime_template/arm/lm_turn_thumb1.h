/* lm_turn.h for ARMv6-M (Cortex-M0, M0+). Register r7 stays untouched.
 * Needs lm_loops_thumb1.h, lm_turn_left.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_TURN_H
#define LM_TURN_H

/* A pair: elements in r3 and r4, cosine and sine in r5 and r6; what they are turned to in r3 and
 * r5. `apart`: bytes from one element of a pair to the other. */
#define LM_LOOP_TURN                                                                               \
    "mov r2, %[apart]\n\tldr r4, [%[v], r2]\n\tldmia %[v]!, {r3}\n\tmov r2, %[right]\n\t"          \
    "asrs r3, r2\n\tasrs r4, r2\n\tldmia %[angles]!, {r5, r6}\n\tmovs r2, r3\n\tmuls r2, r6\n\t"   \
    "muls r3, r5\n\tmuls r6, r4\n\tsubs r3, r6\n\tmuls r5, r4\n\tadds r5, r2\n\t"                  \
    "mov r2, %[to]\n\tmov r4, %[apart]\n\tstr r5, [r2, r4]\n\tstmia r2!, {r3}\n\tmov %[to], "      \
    "r2\n\t" LM_LOOP_SIZE("r3", "r4") LM_LOOP_PASS("r4", "3") LM_LOOP_SIZE("r5", "r4")             \
        LM_LOOP_PASS("r4", "4")

LM_LOOP uint32_t lm_turn_loop(const int32_t *y, const int32_t *angles, lm_window window,
                              int32_t pairs, int32_t *turned)
{
    if (window.left > 0) {
        return lm_turn_left(y, angles, window.left, pairs, turned);
    }
    if (pairs <= 0) {
        return 0;
    }
    const int32_t *last = y + pairs;
    const int32_t bytes = 4 * pairs, shift = window.right;
    register int32_t *to __asm__("r8") = turned;
    register int32_t apart __asm__("r9") = bytes;
    register int32_t right __asm__("r10") = shift;
    register uint32_t max __asm__("r11") = 0;
    register const int32_t *end __asm__("r12") = last;
    register const int32_t *v __asm__("r0") = y;
    register const int32_t *angle __asm__("r1") = angles;
    __asm__ volatile(LM_LOOP_ASM
                     "1:\n\t" LM_LOOP_TURN LM_LOOP_NEXT("v") "b 9f\n\t" LM_LOOP_GROW("r4", "3")
                         LM_LOOP_GROW("r4", "4") "9:\n\t"
                     : [v] "+l"(v), [angles] "+l"(angle), [to] "+r"(to), [max] "+r"(max)
                     : [end] "r"(end), [apart] "r"(apart), [right] "r"(right)
                     : "r2", "r3", "r4", "r5", "r6", "cc", "memory");
    return max;
}

#endif
