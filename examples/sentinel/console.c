/* What main.c needs of a board (board.h), on a machine with a C library. */
#include "board.h"

#include <stdio.h>

void board_puts(const char *s)
{
    fputs(s, stdout);
}

void board_put_dec(int32_t v)
{
    printf("%ld", (long)v);
}
