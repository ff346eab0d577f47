/* Numbers as text, without division: the smallest cores have none, and no C library is linked. */
#include "board.h"

void board_put_dec(int32_t v)
{
    static const uint32_t powers[10] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                        10000,      1000,      100,      10,      1};
    char text[12];
    int n = 0;
    uint32_t u = (uint32_t)v;
    if (v < 0) {
        text[n++] = '-';
        u = 0u - u;
    }
    int first = n;
    for (int i = 0; i < 10; i++) {
        int digit = 0;
        while (u >= powers[i]) {
            u -= powers[i];
            digit++;
        }
        if (digit > 0 || n > first || i == 9) {
            text[n++] = (char)('0' + digit);
        }
    }
    text[n] = '\0';
    board_puts(text);
}

void board_put_hex(uint32_t v)
{
    char text[9];
    for (int i = 0; i < 8; i++) {
        text[i] = "0123456789abcdef"[(v >> (28 - 4 * i)) & 15u];
    }
    text[8] = '\0';
    board_puts(text);
}
