/* Lines in, text out: console_host.c, console_uart.c. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdint.h>

/* Reads up to the end of a line into out (max bytes), NUL-terminated; what does not fit is dropped.
 * Gives its bytes, -1 where there is nothing to read any more. */
int32_t console_line(char *out, int32_t max);
void console_write(const char *text, int32_t bytes);

#endif
