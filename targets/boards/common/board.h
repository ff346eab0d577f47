/* All that a test program sees of the board it runs on: print, exit, and two markers between
 * which the QEMU plugin (icount.c) counts. The same main() runs on every board, the host included.
 * Nothing here needs a C library. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void board_puts(const char *s); /* to the standard output of QEMU; no newline is added */
void board_put_dec(int32_t v);
void board_put_hex(uint32_t v);        /* 8 digits, no prefix */
_Noreturn void board_exit(int status); /* becomes the exit status of QEMU, 0..255 */

/* The markers are instructions that do nothing and that no compiler emits: a register moved to
 * itself, or on RISC-V one of the HINTs (rd = x0) that the ISA leaves to custom use. icount.c has
 * their encodings. */
#if defined(__thumb__)
#define BOARD_MARK_START "mov r9, r9"
#define BOARD_MARK_STOP "mov r10, r10"
#elif defined(__riscv)
#define BOARD_MARK_START "slti x0, x0, 1"
#define BOARD_MARK_STOP "slti x0, x0, 2"
#elif defined(__XTENSA__)
/* The underscore keeps the assembler from shortening them to mov.n. */
#define BOARD_MARK_START "_or a9, a9, a9"
#define BOARD_MARK_STOP "_or a10, a10, a10"
#elif defined(__powerpc__)
#define BOARD_MARK_START "or 9, 9, 9"
#define BOARD_MARK_STOP "or 10, 10, 10"
#else
#define BOARD_MARK_START ""
#define BOARD_MARK_STOP ""
#endif

/* The clobber orders memory that the compiler thinks others can see. It does not pin a static
 * array whose address never leaves its file: pass such an array to a function of another file,
 * or work on it may move into the counted region or out of it. */
static inline void board_count_start(void)
{
    __asm__ volatile(BOARD_MARK_START ::: "memory");
}

static inline void board_count_stop(void)
{
    __asm__ volatile(BOARD_MARK_STOP ::: "memory");
}

#endif
