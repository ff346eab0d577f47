/* The memory functions that a freestanding compiler may call. Word by word when both addresses
 * allow it, byte by byte otherwise; the smallest cores fault on an unaligned word.
 * KEEP_LOOP stops the compiler from recognising a loop as memcpy and calling the very function. */
#include <stddef.h>
#include <stdint.h>

#define KEEP_LOOP() __asm__ volatile("" ::: "memory")

/* Any object's bytes are read through it. */
typedef uint32_t __attribute__((may_alias)) Word;

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);
int memcmp(const void *a, const void *b, size_t n);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if ((((uintptr_t)d | (uintptr_t)s) & 3) == 0) {
        for (; n >= 4; n -= 4, d += 4, s += 4) {
            *(Word *)(void *)d = *(const Word *)(const void *)s;
            KEEP_LOOP();
        }
    }
    for (; n > 0; n--) {
        *d++ = *s++;
        KEEP_LOOP();
    }
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if ((uintptr_t)d <= (uintptr_t)s) {
        for (size_t i = 0; i < n; i++) {
            d[i] = s[i];
            KEEP_LOOP();
        }
    } else {
        for (size_t i = n; i > 0; i--) {
            d[i - 1] = s[i - 1];
            KEEP_LOOP();
        }
    }
    return to;
}

void *memset(void *to, int value, size_t n)
{
    uint8_t *d = to;
    uint32_t byte = (uint8_t)value;
    if (((uintptr_t)d & 3) == 0) {
        for (; n >= 4; n -= 4, d += 4) {
            *(Word *)(void *)d = byte * 0x01010101u;
            KEEP_LOOP();
        }
    }
    for (; n > 0; n--) {
        *d++ = (uint8_t)byte;
        KEEP_LOOP();
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a, *q = b;
    for (size_t i = 0; i < n; i++) {
        if (p[i] != q[i]) {
            return p[i] - q[i];
        }
    }
    return 0;
}
