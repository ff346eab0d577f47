/* A loop of known cost between the markers, to check the counting plugin: each round is five
 * instructions, of which two load and one stores. One asm statement, so that nothing gets in. */
#ifndef COUNTED_LOOP_H
#define COUNTED_LOOP_H

#include "board.h"

#define LOOP_ROUNDS 1000
#define LOOP_INSTRUCTIONS (5 * LOOP_ROUNDS + LOOP_EXTRA)
#define LOOP_LOADS (2 * LOOP_ROUNDS)
#define LOOP_STORES LOOP_ROUNDS

#if defined(__thumb__)
/* The stop marker is the last halfword but one of a 1 KiB page and the next instruction crosses
 * into the following page: there QEMU reports the marker too long. The branch there is one more
 * instruction. */
#define LOOP_EXTRA 1
#define LOOP_BODY                                                                                  \
    ".syntax unified\n\t" BOARD_MARK_START "\n"                                                    \
    "1:\tldr %1, [%2]\n\tldr %1, [%2]\n\tstr %1, [%2]\n\tsubs %0, #1\n\tbne 1b\n\t"                \
    "b 2f\n\t.balign 1024\n\t.space 1020\n"                                                        \
    "2:\t" BOARD_MARK_STOP "\n\tbl 3f\n3:"
#define LOOP_CLOBBERS "lr", "cc", "memory"
#elif defined(__riscv)
#define LOOP_EXTRA 0
#define LOOP_BODY                                                                                  \
    BOARD_MARK_START "\n"                                                                          \
    "1:\tlw %1, (%2)\n\tlw %1, (%2)\n\tsw %1, (%2)\n\taddi %0, %0, -1\n\tbnez %0, 1b\n\t"          \
    BOARD_MARK_STOP
#define LOOP_CLOBBERS "memory"
#elif defined(__XTENSA__)
#define LOOP_EXTRA 0
#define LOOP_BODY                                                                                  \
    BOARD_MARK_START "\n"                                                                          \
    "1:\tl32i %1, %2, 0\n\tl32i %1, %2, 0\n\ts32i %1, %2, 0\n\taddi %0, %0, -1\n\tbnez %0, 1b\n\t" \
    BOARD_MARK_STOP
#define LOOP_CLOBBERS "memory"
#elif defined(__powerpc__)
#define LOOP_EXTRA 0
#define LOOP_BODY                                                                                  \
    BOARD_MARK_START "\n"                                                                          \
    "1:\tlwz %1, 0(%2)\n\tlwz %1, 0(%2)\n\tstw %1, 0(%2)\n\taddic. %0, %0, -1\n\tbne 1b\n\t"       \
    BOARD_MARK_STOP
#define LOOP_CLOBBERS "cc", "memory"
#else
/* The host: nothing counts, so nothing is run. */
#define LOOP_EXTRA 0
#define LOOP_BODY ""
#define LOOP_CLOBBERS "memory"
#endif

/* Thumb-1 computes in the low registers only. */
#if defined(__thumb__)
#define LOOP_REGISTER(v) "l"(v)
#elif defined(__powerpc__)
#define LOOP_REGISTER(v) "b"(v) /* a base register: not r0 */
#else
#define LOOP_REGISTER(v) "r"(v)
#endif

/* noinline: the padding must not come between other code and its constants. */
static __attribute__((noinline)) void counted_loop(uint32_t *word)
{
    uint32_t rounds = LOOP_ROUNDS, value = 0;
    __asm__ volatile(LOOP_BODY
                     : "+" LOOP_REGISTER(rounds), "+" LOOP_REGISTER(value)
                     : LOOP_REGISTER(word)
                     : LOOP_CLOBBERS);
}

#endif
