/* What the application sees of the device. */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void SystemInit(void); /* before memory is set up: clocks, FPU */
void uart_init(void);
void uart_write(const char *text, int32_t bytes);
void device_exit(int status); /* ends the emulation */

#ifdef __cplusplus
}
#endif

#endif
