/* Seeded mutations of a text, for loops that feed a reader almost correct input. */
#ifndef MUTATE_H
#define MUTATE_H

#include "util.h"

#include <string.h>

static uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

/* One or two edits: a byte replaced, removed or inserted, a piece of the text copied or cut. */
static char *mutate(Arena *a, const char *text, size_t *size, uint32_t *state)
{
    static const char likely[] = "{}[]:,#&*!|>'\"%@`-?~ \n\t0123456789abex._\\\377\200";
    size_t n = *size;
    char *out = arena_alloc(a, n + 2 * 65, 1);
    memcpy(out, text, n);
    for (uint32_t edits = 1 + next_random(state) % 2; edits > 0 && n > 0; edits--) {
        size_t at = next_random(state) % n, len = 1 + next_random(state) % 64;
        char byte = likely[next_random(state) % sizeof(likely)];
        len = len < n - at ? len : n - at;
        switch (next_random(state) % 5) {
        case 0: out[at] = byte; break;
        case 1: len = 1; /* fall through */
        case 2:
            memmove(out + at, out + at + len, n - at - len);
            n -= len;
            break;
        case 3:
            memmove(out + at + 1, out + at, n - at);
            out[at] = byte;
            n++;
            break;
        case 4:
            memmove(out + at + len, out + at, n - at);
            n += len;
            break;
        }
    }
    *size = n;
    return out;
}

#endif
