/* Integer helpers that the lx106's GCC calls and its libgcc lacks: a real ESP8266 has them in ROM.
 * Plain and small; a program that divides on this core pays for it. */
#include <stdint.h>

uint32_t __udivsi3(uint32_t n, uint32_t d);
uint32_t __umodsi3(uint32_t n, uint32_t d);
int32_t __divsi3(int32_t n, int32_t d);
uint64_t __umulsidi3(uint32_t a, uint32_t b);
uint64_t __muldi3(uint64_t a, uint64_t b);
uint64_t __udivdi3(uint64_t n, uint64_t d);
uint64_t __umoddi3(uint64_t n, uint64_t d);
int64_t __divdi3(int64_t n, int64_t d);
uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest); /* in libgcc */

/* Long division, one bit a step, from the divisor's highest useful position down. */
static uint32_t divide(uint32_t n, uint32_t d, uint32_t *rest)
{
    uint32_t quotient = 0, bit = 1;
    while (d < n && (d >> 31) == 0 && d != 0) {
        d <<= 1;
        bit <<= 1;
    }
    for (; bit != 0; bit >>= 1, d >>= 1) {
        if (n >= d) {
            n -= d;
            quotient |= bit;
        }
    }
    *rest = n;
    return quotient;
}

uint32_t __udivsi3(uint32_t n, uint32_t d)
{
    uint32_t rest;
    return divide(n, d, &rest);
}

uint32_t __umodsi3(uint32_t n, uint32_t d)
{
    uint32_t rest;
    divide(n, d, &rest);
    return rest;
}

int32_t __divsi3(int32_t n, int32_t d)
{
    uint32_t rest;
    uint32_t q = divide(n < 0 ? 0u - (uint32_t)n : (uint32_t)n,
                        d < 0 ? 0u - (uint32_t)d : (uint32_t)d, &rest);
    return (int32_t)((n < 0) != (d < 0) ? 0u - q : q);
}

/* The high word is summed apart: a 64-bit product would call this function again. */
uint64_t __umulsidi3(uint32_t a, uint32_t b)
{
    uint32_t al = a & 0xFFFFu, ah = a >> 16, bl = b & 0xFFFFu, bh = b >> 16;
    uint32_t low = al * bl;
    uint32_t middle = ah * bl + (low >> 16); /* cannot overflow: (2^16-1)^2 + 2^16-1 */
    uint32_t other = al * bh + (middle & 0xFFFFu);
    uint32_t high = ah * bh + (middle >> 16) + (other >> 16);
    return (uint64_t)high << 32 | (uint32_t)(other << 16 | (low & 0xFFFFu));
}

uint64_t __muldi3(uint64_t a, uint64_t b)
{
    uint32_t cross = (uint32_t)(a >> 32) * (uint32_t)b + (uint32_t)a * (uint32_t)(b >> 32);
    return __umulsidi3((uint32_t)a, (uint32_t)b) + ((uint64_t)cross << 32);
}

uint64_t __udivdi3(uint64_t n, uint64_t d)
{
    return __udivmoddi4(n, d, 0);
}

uint64_t __umoddi3(uint64_t n, uint64_t d)
{
    uint64_t rest;
    __udivmoddi4(n, d, &rest);
    return rest;
}

int64_t __divdi3(int64_t n, int64_t d)
{
    uint64_t q = __udivmoddi4(n < 0 ? 0u - (uint64_t)n : (uint64_t)n,
                              d < 0 ? 0u - (uint64_t)d : (uint64_t)d, 0);
    return (int64_t)((n < 0) != (d < 0) ? 0u - q : q);
}
