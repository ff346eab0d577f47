/* Where the program writes: the part of targets/boards/common/board.h that it uses, so that this folder
 * builds by itself. */
#ifndef SENTINEL_BOARD_H
#define SENTINEL_BOARD_H

#include <stdint.h>

void board_puts(const char *s);
void board_put_dec(int32_t v);

#endif
