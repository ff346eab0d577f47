/* The CMSDK UART of Arm's MPS boards, polled; and the end of the emulation by semihosting. */
#include "device.h"

#ifndef UART_BASE
#define UART_BASE 0x40004000u
#endif
#define UART_DATA (*(volatile uint32_t *)(UART_BASE + 0x00u))
#define UART_STATE (*(volatile uint32_t *)(UART_BASE + 0x04u))
#define UART_CTRL (*(volatile uint32_t *)(UART_BASE + 0x08u))
#define UART_BAUDDIV (*(volatile uint32_t *)(UART_BASE + 0x10u))
#define UART_STATE_TX_FULL 1u
#define UART_CTRL_TX_ENABLE 1u

void uart_init(void)
{
    UART_BAUDDIV = 16u;
    UART_CTRL = UART_CTRL_TX_ENABLE;
}

void uart_write(const char *text, int32_t bytes)
{
    for (int32_t i = 0; i < bytes; i++) {
        while (UART_STATE & UART_STATE_TX_FULL) {
        }
        UART_DATA = (uint8_t)text[i];
    }
}

void device_exit(int status)
{
    const uint32_t block[2] = {0x20026u, (uint32_t)status}; /* ADP_Stopped_ApplicationExit */
    register uint32_t r0 __asm__("r0") = 0x20u;             /* SYS_EXIT_EXTENDED */
    register const void *r1 __asm__("r1") = block;
    for (;;) {
        __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    }
}
