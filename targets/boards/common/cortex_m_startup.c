/* Cortex-M entry: the vector table, the coprocessor switch, and faults that end the run. */
#include "start.h"

#include <stdint.h>

extern uint32_t _stack_top[];

#define CPACR ((volatile uint32_t *)0xE000ED88u)
#define CPACR_CP10_CP11 (0xFu << 20) /* full access: the FPU, and MVE even without an FPU */

#define MPU_TYPE ((volatile uint32_t *)0xE000ED90u)
#define MPU_CTRL ((volatile uint32_t *)0xE000ED94u)
#define MPU_RBAR ((volatile uint32_t *)0xE000ED9Cu)
#define MPU_RASR ((volatile uint32_t *)0xE000EDA0u)
#define MPU_CTRL_ON 5u /* enabled; what no region covers stays as it is without an MPU */
#define MPU_RBAR_REGION_0 0x10u
#define MPU_RASR_NO_ACCESS_64M (1u << 28 | 25u << 1 | 1u) /* never execute, 2^(25+1) bytes, on */

_Noreturn void _start(void);
_Noreturn void cortex_m_fault(void);

/* QEMU's MPS2 boards let writes below the RAM pass, and a runaway stack would wander down to the
 * vectors: so the 64 MiB below are forbidden where there is an MPU of the old kind. The Cortex-M0
 * has none and the v8-M boards do fault there. */
static void forbid_below_ram(void)
{
#if __ARM_ARCH < 8
    if (*MPU_TYPE != 0) {
        *MPU_RBAR = 0x1C000000u | MPU_RBAR_REGION_0;
        *MPU_RASR = MPU_RASR_NO_ACCESS_64M;
        *MPU_CTRL = MPU_CTRL_ON;
        __asm__ volatile("dsb\n\tisb" ::: "memory");
    }
#endif
}

_Noreturn void _start(void)
{
#if !defined(__ARM_ARCH_6M__)
    *CPACR |= CPACR_CP10_CP11;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    forbid_below_ram();
    start_c();
}

/* The fault may be a stack overflow, so the report gets the stack anew. */
__attribute__((naked)) _Noreturn void cortex_m_fault(void)
{
    __asm__ volatile("ldr r0, =_stack_top\n\t"
                     "msr msp, r0\n\t"
                     "ldr r0, =start_fault\n\t"
                     "bx r0\n\t"
                     ".ltorg");
}

typedef struct VectorTable {
    uint32_t *stack;
    void (*handlers[15])(void);
} VectorTable;

__attribute__((section(".vectors"), used)) static const VectorTable vectors = {
    _stack_top,
    {
        _start, cortex_m_fault,  /* NMI */
        cortex_m_fault,          /* HardFault */
        cortex_m_fault,          /* MemManage */
        cortex_m_fault,          /* BusFault */
        cortex_m_fault,          /* UsageFault */
        cortex_m_fault,          /* SecureFault */
        0, 0, 0, cortex_m_fault, /* SVCall */
        cortex_m_fault,          /* DebugMonitor */
        0, cortex_m_fault,       /* PendSV */
        cortex_m_fault,          /* SysTick */
    },
};
