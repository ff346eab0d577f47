/* lm_turn.h for cores with the DSP extension (Cortex-M4, M7, M33). Register r7 stays untouched.
 * Needs lm_loops_dsp.h, lm_turn_left.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_TURN_H
#define LM_TURN_H

/* A pair: elements in r3 and r4, then what they are turned to; cosine and sine in r5 and r6.
 * `apart`: bytes from one element of a pair to the other. */
#define LM_LOOP_TURN                                                                               \
    "ldr r4, [%[v], %[apart]]\n\tldr r3, [%[v]], #4\n\tldrd r5, r6, [%[angles]], #8\n\t"           \
    "asr r3, r3, %[right]\n\tasr r4, r4, %[right]\n\tmul %[t], r3, r6\n\tmul r3, r3, r5\n\t"       \
    "mls r3, r4, r6, r3\n\tmla r4, r4, r5, %[t]\n\tstr r4, [%[to], %[apart]]\n\t"                  \
    "str r3, [%[to]], #4\n\t" LM_LOOP_SIZE("r3") LM_LOOP_SIZE("r4")

LM_LOOP uint32_t lm_turn_loop(const int32_t *y, const int32_t *angles, lm_window window,
                              int32_t pairs, int32_t *turned)
{
    if (window.left > 0) {
        return lm_turn_left(y, angles, window.left, pairs, turned);
    }
    const int32_t *last = y + pairs;
    const int32_t bytes = 4 * pairs, shift = window.right;
    LM_LOOP_REGISTERS;
    register const int32_t *v __asm__("r0") = y;
    register const int32_t *angle __asm__("r1") = angles;
    register int32_t *to __asm__("r2") = turned;
    register uint32_t t __asm__("r8");
    register uint32_t max __asm__("r9") = 0;
    register int32_t apart __asm__("r10") = bytes;
    register int32_t right __asm__("r11") = shift;
    register const int32_t *end __asm__("r12") = last;
    if (pairs > 0) {
        __asm__ volatile(
            "1:\n\t" LM_LOOP_TURN LM_LOOP_PASS("r3", "3") LM_LOOP_PASS("r4", "4")
                LM_LOOP_NEXT("v", "end") "b 9f\n\t" LM_LOOP_GROW("r3", "3")
                    LM_LOOP_GROW("r4", "4") "9:\n\t"
            : [v] "+r"(v), [angles] "+r"(angle), [to] "+r"(to), [max] "+r"(max), [t] "=&r"(t),
              LM_LOOP_OUT
            : [end] "r"(end), [apart] "r"(apart), [right] "r"(right)
            : "cc", "memory");
    }
    return max;
}

#endif
