/* Xtensa lx106 entry. The core resets at the first byte of .vectors, and literals must come before
 * the code that reads them: so that section holds only a jump. VECBASE points at a table in which
 * every exception leads to the fault report (offsets of the lx106: debug 0x10, NMI 0x20,
 * kernel 0x30, user 0x50, double 0x70). */
#define PS_UM_INTLEVEL_15 0x2f  /* user vector, no interrupts; clears EXCM, which reset sets */

    .section .vectors, "ax"
    .global _start
_start:
    j reset

    .text
    .literal_position
    .balign 4
reset:
    movi a2, table
    wsr a2, vecbase
    movi a2, PS_UM_INTLEVEL_15
    wsr a2, ps
    rsync
    movi a1, _stack_top
    movi a2, start_c
    jx a2
fault:
    movi a1, _stack_top
    movi a2, start_fault
    jx a2

    .balign 256
table:
    .irp offset, 0x10, 0x20, 0x30, 0x50, 0x70
    .org table + \offset
    j fault
    .endr
