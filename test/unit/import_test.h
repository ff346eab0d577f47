/* Helpers of the tests that read files: a temporary directory, small inputs, expected errors. */
#ifndef LMCC_IMPORT_TEST_H
#define LMCC_IMPORT_TEST_H

#include "import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trap.h"

static Arena *arena;
static char test_dir[] = "/tmp/lmcc-test-XXXXXX";

static inline int make_test_dir(void **state)
{
    (void)state;
    verbosity = -1;
    return mkdtemp(test_dir) ? 0 : -1;
}

static inline int remove_test_dir(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", test_dir);
    return system(command);
}

static inline int new_arena(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static inline int free_arena(void **state)
{
    (void)state;
    fatal_trap = NULL;
    arena_free(arena);
    return 0;
}

static inline const char *in_dir(const char *name)
{
    return path_join(arena, test_dir, name);
}

static inline const char *write_file(const char *name, const void *data, size_t n)
{
    const char *path = in_dir(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

static inline const char *write_text(const char *name, const char *text)
{
    return write_file(name, text, strlen(text));
}

static inline void put_u32(Buf *b, uint32_t v)
{
    uint8_t bytes[] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    buf_write(b, bytes, sizeof bytes);
}

static inline void put_u64(Buf *b, uint64_t v)
{
    put_u32(b, (uint32_t)v);
    put_u32(b, (uint32_t)(v >> 32));
}

static inline void put_float(Buf *b, float f)
{
    uint32_t v;
    memcpy(&v, &f, sizeof v);
    put_u32(b, v);
}

/* A weight that tells tensors and elements apart and is exact in F16 and BF16 too. */
static inline float test_weight(uint32_t tensor, size_t i)
{
    return (float)((int)((i * 7 + tensor * 13) % 61) - 30) / 32;
}

static inline void put_weights(Buf *b, uint32_t tensor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_float(b, test_weight(tensor, i));
}

/* A file of the reference data, or NULL after saying that it is not here. */
static inline const char *data_file(const char *name)
{
    const char *dir = getenv("LMCC_DATA");
    const char *path = path_join(arena, dir ? dir : "../shared/data", name);
    if (file_exists(path))
        return path;
    print_message("skipped: %s is not there (set LMCC_DATA)\n", path);
    return NULL;
}

/* The same for an import, in a frame of its own: loops around setjmp keep their variables. */
static inline void expect_bad_import(const char *path, const char *text)
{
    EXPECT_FATAL(import_model(arena, path, NULL), text);
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, new_arena, free_arena)

#endif
