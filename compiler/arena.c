/* The arena: every allocation of one compilation, freed together.
 * Each block is a calloc of its own: large ones come as untouched zero pages, and sanitizers see
 * the exact bounds of every array. */
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Allocation Allocation;
struct Allocation {
    Allocation *next;
    void (*fn)(void *ptr, size_t size); /* called before the block goes, when not NULL */
    void *ptr;
    size_t size;
    max_align_t data[];
};

struct Arena {
    Allocation *blocks; /* newest first */
};

Arena *arena_new(void)
{
    Arena *a = calloc(1, sizeof *a);
    if (!a)
        fatal("out of memory");
    return a;
}

void arena_free(Arena *a)
{
    if (!a)
        return;
    for (Allocation *b = a->blocks, *next; b; b = next) {
        next = b->next;
        if (b->fn)
            b->fn(b->ptr, b->size);
        free(b);
    }
    free(a);
}

static Allocation *add_block(Arena *a, size_t bytes)
{
    Allocation *b = bytes <= PTRDIFF_MAX - sizeof *b ? calloc(1, sizeof *b + bytes) : NULL;
    if (!b)
        fatal("out of memory: %zu bytes asked for", bytes);
    b->next = a->blocks;
    a->blocks = b;
    return b;
}

void *arena_alloc(Arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (!mul_size(n, size, &bytes))
        fatal("out of memory: %zu elements of %zu bytes asked for", n, size);
    return add_block(a, bytes)->data;
}

void *arena_grow(Arena *a, void *array, int n, size_t size)
{
    if (n != 0 && (n & (n - 1)) != 0)
        return array;
    void *to = arena_alloc(a, n ? 2 * (size_t)n : 1, size);
    if (n)
        memcpy(to, array, (size_t)n * size);
    return to;
}

void *arena_copy(Arena *a, const void *from, size_t n, size_t size)
{
    void *to = arena_alloc(a, n, size);
    if (n && size)
        memcpy(to, from, n * size);
    return to;
}

char *arena_strndup(Arena *a, const char *s, size_t n)
{
    if (n == SIZE_MAX)
        fatal("out of memory");
    char *to = arena_alloc(a, n + 1, 1);
    if (n)
        memcpy(to, s, n);
    return to;
}

char *arena_printf(Arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        die("bad format");
    char *s = arena_alloc(a, (size_t)n + 1, 1);
    va_start(ap, fmt);
    vsnprintf(s, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return s;
}

void arena_on_free(Arena *a, void (*fn)(void *ptr, size_t size), void *ptr, size_t size)
{
    Allocation *b = add_block(a, 0);
    b->fn = fn;
    b->ptr = ptr;
    b->size = size;
}
