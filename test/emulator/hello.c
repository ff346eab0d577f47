/* The boards' self-check: is .data copied and .bss zeroed, do integers compute, do the compiler's
 * memory functions work, can two megabytes of constants and variables be reached, and does the
 * plugin count a known loop exactly. Prints "hello: ok" and what the plugin must print. */
#include "board.h"
#include "counted_loop.h"

#include <stddef.h>

#if !defined(SMALL)
#define BIG (2 * 1024 * 1024)
#else
#define BIG 2048
#endif

static volatile uint32_t initialised[3] = {0x12345678, 0xCAFEF00D, 7};
static volatile uint32_t zeroed[5];
static volatile uint8_t variables[BIG];
static const uint8_t constants[BIG] = {[0] = 1, [BIG - 1] = 2};
static volatile uint32_t last = BIG - 1; /* hidden from the compiler */

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memset(void *to, int value, size_t n);

static int failures;

static void check(int ok, const char *what)
{
    if (!ok) {
        board_puts("hello: FAILED: ");
        board_puts(what);
        board_puts("\n");
        failures++;
    }
}

static void check_memory(void)
{
    check(initialised[0] == 0x12345678 && initialised[1] == 0xCAFEF00D && initialised[2] == 7,
          ".data");
    uint32_t any = 0;
    for (int i = 0; i < 5; i++) {
        any |= zeroed[i];
    }
    check(any == 0 && variables[0] == 0 && variables[BIG - 1] == 0, ".bss");
    variables[0] = 3;
    variables[BIG - 1] = 4;
    int sum = variables[0] + variables[last] + constants[BIG - 1 - last] + constants[last];
    check(sum == 10, "the far end");
}

/* Copies of up to 19 bytes at every alignment, with guard bytes on both sides. */
static void check_memory_functions(void)
{
    uint8_t from[40], to[40];
    for (int i = 0; i < 40; i++) {
        from[i] = (uint8_t)(i * 7 + 1);
    }
    int bad = 0;
    for (int at = 1; at < 8; at++) {
        for (int n = 0; n < 20; n++) {
            memset(to, 0xEE, sizeof to);
            memcpy(to + at, from + 8 - at, (size_t)n);
            bad += to[at - 1] != 0xEE || to[at + n] != 0xEE;
            for (int i = 0; i < n; i++) {
                bad += to[at + i] != from[8 - at + i];
            }
        }
    }
    check(bad == 0, "memcpy and memset");
}

static void check_arithmetic(void)
{
    int32_t a = (int32_t)initialised[2] * -1000, b = 3;
    check(a / b == -2333 && a % b == -1, "signed division");
    check((int8_t)(uint8_t)initialised[1] == 0x0D, "narrowing");
    check((a >> 2) == -1750, "arithmetic shift");
    check((initialised[0] >> 28 | initialised[0] << 4) == 0x23456781, "rotation");
    check(initialised[1] * initialised[0] == 0x78C8E418u, "multiplication");
    check(initialised[1] / initialised[2] == 0x1CFFD926u, "unsigned division");
    check(initialised[1] % initialised[2] == 3u, "unsigned remainder");
}

/* The compiler's own helpers for what the core lacks. */
static void check_long_arithmetic(void)
{
    uint64_t product = (uint64_t)initialised[0] * initialised[1];
    check(product == 0xE6F6D3A78C8E418u, "32 x 32 -> 64 multiplication");
    check(product * product == 0x7310BE5BB0BAC240u, "64-bit multiplication");
    uint64_t divisor = ((uint64_t)initialised[2] << 32) | 5;
    check(product / divisor == 34597640u && product % divisor == 0x26E794CF0u, "64-bit division");
    check(product / initialised[2] == 0x20FEB085A65D771u && product % initialised[2] == 1u,
          "64-bit division by 32 bits");
    check(-(int64_t)product / (int64_t)divisor == -34597640, "signed 64-bit division");
}

int main(void)
{
    check_memory();
    check_memory_functions();
    check_arithmetic();
    check_long_arithmetic();
    uint32_t word = 0;
    counted_loop(&word);
    board_puts("expect icount: ");
    board_put_dec(LOOP_INSTRUCTIONS);
    board_puts(" ");
    board_put_dec(LOOP_LOADS);
    board_puts(" ");
    board_put_dec(LOOP_STORES);
    board_puts("\n");
    board_puts(failures == 0 ? "hello: ok\n" : "hello: failed\n");
    return failures == 0 ? 42 : 1;
}
