/* The core: the FPU, or MVE, is switched on. */
#include "device.h"

#define SCB_CPACR (*(volatile uint32_t *)0xE000ED88u)

void SystemInit(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    SCB_CPACR |= 0xFu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
}
