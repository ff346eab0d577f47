/* Growing text buffers. They live outside the arena: output is large, short-lived and grows. */
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for n more bytes and the NUL. */
static void reserve(Buf *b, size_t n)
{
    if (n > PTRDIFF_MAX - 1 - b->len)
        fatal("out of memory: a text of %zu + %zu bytes", b->len, n);
    size_t need = b->len + n + 1;
    if (need <= b->cap)
        return;
    size_t cap = b->cap > PTRDIFF_MAX / 2 ? need : 2 * b->cap;
    if (cap < need)
        cap = need;
    if (cap < 256)
        cap = 256;
    char *data = realloc(b->data, cap);
    if (!data)
        fatal("out of memory: a text of %zu bytes", cap);
    b->data = data;
    b->cap = cap;
}

void buf_printf(Buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        die("bad format");
    reserve(b, (size_t)n);
    va_start(ap, fmt);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void buf_write(Buf *b, const void *data, size_t n)
{
    reserve(b, n);
    if (n)
        memcpy(b->data + b->len, data, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_puts(Buf *b, const char *s)
{
    buf_write(b, s, strlen(s));
}

void buf_markup(Buf *b, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '&': buf_puts(b, "&amp;"); break;
        case '<': buf_puts(b, "&lt;"); break;
        case '>': buf_puts(b, "&gt;"); break;
        case '"': buf_puts(b, "&quot;"); break;
        default: buf_write(b, (unsigned char)*s < ' ' ? " " : s, 1);
        }
    }
}

void buf_free(Buf *b)
{
    free(b->data);
    *b = (Buf){0};
}

/* Decodes one code point at s[0 .. n), n > 0, and stores how many bytes it took. A byte that
 * starts no well-formed sequence (overlong, surrogate, cut off) is U+FFFD and takes one byte. */
static uint32_t next_code_point(const unsigned char *s, size_t n, size_t *taken)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    *taken = 1;
    if (s[0] < 0x80)
        return s[0];
    size_t more = s[0] >= 0xF0 ? 3 : s[0] >= 0xE0 ? 2 : 1;
    if (s[0] < 0xC2 || s[0] > 0xF4 || more >= n)
        return 0xFFFD;
    uint32_t c = s[0] & (0x3Fu >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0xFFFD;
        c = c << 6 | (s[i] & 0x3F);
    }
    if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return 0xFFFD;
    *taken = more + 1;
    return c;
}

static void json_code_point(Buf *b, uint32_t c)
{
    if (c == '"' || c == '\\')
        buf_printf(b, "\\%c", (int)c);
    else if (c == '\n')
        buf_puts(b, "\\n");
    else if (c >= 0x20 && c < 0x7F)
        buf_printf(b, "%c", (int)c);
    else if (c < 0x10000)
        buf_printf(b, "\\u%04x", c);
    else
        buf_printf(b, "\\u%04x\\u%04x", 0xD7C0 + (c >> 10), 0xDC00 + (c & 0x3FF));
}

void buf_json_string(Buf *b, const char *s, size_t n)
{
    buf_puts(b, "\"");
    for (size_t i = 0, taken; i < n; i += taken)
        json_code_point(b, next_code_point((const unsigned char *)s + i, n - i, &taken));
    buf_puts(b, "\"");
}
