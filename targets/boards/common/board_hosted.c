/* The board interface on a C library: the host itself, and Linux programs under qemu-user. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>

void board_puts(const char *s)
{
    fputs(s, stdout);
    fflush(stdout); /* so that a crash loses nothing */
}

_Noreturn void board_exit(int status)
{
    exit(status);
}
