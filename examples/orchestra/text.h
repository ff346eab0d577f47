/* The two functions of <string.h> that this example needs: a board without a C library has none. */
#ifndef TEXT_H
#define TEXT_H

#include <stdint.h>

static inline uint32_t text_length(const char *s)
{
    uint32_t n = 0;
    while (s[n] != '\0') {
        n++;
    }
    return n;
}

static inline int text_same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

#endif
