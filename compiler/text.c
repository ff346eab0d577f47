/* Numbers as people read them. */
#include "util.h"

#include <stdio.h>
#include <string.h>

const char *format_bytes(Arena *a, int64_t n)
{
    char digits[32], out[48];
    snprintf(digits, sizeof digits, "%lld", (long long)n);
    size_t k = 0;
    const size_t length = strlen(digits);
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            out[k++] = ',';
        out[k++] = digits[i];
    }
    return arena_strndup(a, out, k);
}

const char *format_size(Arena *a, int64_t n)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB"};
    size_t u = 0;
    for (; u + 1 < LENGTH(units) && n >= 1024 && n % 1024 == 0; u++)
        n /= 1024;
    return arena_printf(a, "%lld %s", (long long)n, units[u]);
}
