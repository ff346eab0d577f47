/* Start-up in the manner of CMSIS: vectors with weak handlers, then memory, constructors, main. */
#include "device.h"

extern uint32_t _estack[], _sidata[], _sdata[], _edata[], _sbss[], _ebss[];
extern uint32_t _siitcm[], _sitcm[], _eitcm[], _sidtcm[], _sdtcm[], _edtcm[];
extern void (*__init_array_start[])(void);
extern void (*__init_array_end[])(void);
int main(void);

void Default_Handler(void)
{
    device_exit(99);
}

#define WEAK __attribute__((weak, alias("Default_Handler")))
WEAK void NMI_Handler(void);
WEAK void HardFault_Handler(void);
WEAK void MemManage_Handler(void);
WEAK void BusFault_Handler(void);
WEAK void UsageFault_Handler(void);
WEAK void SVC_Handler(void);
WEAK void DebugMon_Handler(void);
WEAK void PendSV_Handler(void);
WEAK void SysTick_Handler(void);

static void copy(const uint32_t *from, uint32_t *to, const uint32_t *end)
{
    while (to < end) {
        *to++ = *from++;
    }
}

void Reset_Handler(void)
{
    SystemInit();
    copy(_sidata, _sdata, _edata);
    copy(_siitcm, _sitcm, _eitcm);
    copy(_sidtcm, _sdtcm, _edtcm);
    for (uint32_t *p = _sbss; p < _ebss; p++) {
        *p = 0;
    }
    for (void (**f)(void) = __init_array_start; f < __init_array_end; f++) {
        (*f)();
    }
    device_exit(main());
}

typedef void (*Vector)(void);
__attribute__((section(".isr_vector"), used)) const Vector g_pfnVectors[16] = {
    (Vector)(uintptr_t)_estack,
    Reset_Handler,
    NMI_Handler,
    HardFault_Handler,
    MemManage_Handler,
    BusFault_Handler,
    UsageFault_Handler,
    0,
    0,
    0,
    0,
    SVC_Handler,
    DebugMon_Handler,
    0,
    PendSV_Handler,
    SysTick_Handler,
};
