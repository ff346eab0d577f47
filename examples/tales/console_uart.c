/* The console on UART 0 of Arm's MPS2 boards (CMSDK APB UART, Arm DDI 0479), polled. */
#include "console.h"

#define UART ((volatile uint32_t *)0x40004000U)
enum { DATA, STATE, CTRL, BAUD = 4 };  /* words */
enum { TX_FULL = 1, RX_FULL = 2 };     /* STATE */
enum { TX_ENABLE = 1, RX_ENABLE = 2 }; /* CTRL */

static void uart_start(void)
{
    UART[BAUD] = 217; /* 115200 of 25 MHz */
    UART[CTRL] = TX_ENABLE | RX_ENABLE;
}

int32_t console_line(char *out, int32_t max)
{
    int32_t n = 0;
    uart_start();
    for (;;) {
        uint32_t c;
        while ((UART[STATE] & RX_FULL) == 0U) {
        }
        c = UART[DATA] & 0xffU;
        if (c == '\n' || c == '\r') {
            break;
        }
        if (n + 1 < max) {
            out[n++] = (char)c;
        }
    }
    out[n] = '\0';
    return n;
}

void console_write(const char *text, int32_t bytes)
{
    uart_start();
    for (int32_t i = 0; i < bytes; i++) {
        while ((UART[STATE] & TX_FULL) != 0U) {
        }
        UART[DATA] = (uint8_t)text[i];
    }
}
