/* The console on a machine with a C library. */
#include "console.h"

#include <stdio.h>

int32_t console_line(char *out, int32_t max)
{
    int32_t n = 0;
    int c = getchar();
    for (; c != EOF && c != '\n'; c = getchar()) {
        if (n + 1 < max) {
            out[n++] = (char)c;
        }
    }
    out[n] = '\0';
    return c == EOF && n == 0 ? -1 : n;
}

void console_write(const char *text, int32_t bytes)
{
    fwrite(text, 1, (size_t)bytes, stdout);
    fflush(stdout);
}
