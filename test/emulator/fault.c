/* A program that goes wrong: it uses up its stack, or with -DUNALIGNED reads a word from an odd
 * address. The bare-metal boards must say FAULT for the first and end with status 99, or a wild
 * program would hang the tests; for the second the plugin must do so where it is asked to. */
#include "board.h"

static volatile uint32_t depth = 1u << 30;
static uint8_t bytes[8];
int use_stack(uint32_t n);

__attribute__((noinline)) int use_stack(uint32_t n)
{
    volatile uint32_t frame[64];
    frame[n & 63u] = n;
    return n == 0 ? 0 : use_stack(n - 1) + (int)frame[n & 63u];
}

int main(void)
{
#if defined(UNALIGNED)
    volatile uintptr_t odd = (uintptr_t)bytes | 1u;
    return (int)*(volatile uint32_t *)odd;
#else
    return use_stack(depth);
#endif
}
