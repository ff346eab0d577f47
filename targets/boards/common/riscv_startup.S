/* RISC-V entry: global pointer, stack, trap vector; any trap ends the run. The memory below the
 * stack (the board's _stack_guard_pmpaddr) is forbidden, so that an overflow traps. */
#define PMP_LOCKED_NAPOT_NO_ACCESS 0x98  /* locked: holds in machine mode too */

    .section .vectors, "ax"
    .global _start
_start:
    .option push
    .option norelax     /* the load of gp must not itself use gp */
    la gp, __global_pointer$
    .option pop
    la sp, _stack_top
    la t0, trap
    .option push
    .option arch, +zicsr
    csrw mtvec, t0
    lui t0, %hi(_stack_guard_pmpaddr)
    addi t0, t0, %lo(_stack_guard_pmpaddr)
    csrw pmpaddr0, t0
    li t0, PMP_LOCKED_NAPOT_NO_ACCESS
    csrw pmpcfg0, t0
    .option pop
    j start_c

    .balign 4           /* mtvec's low two bits are its mode */
trap:
    la sp, _stack_top   /* the trap may come from a stack overflow */
    j start_fault
