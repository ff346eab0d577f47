/* Files in memory instead of compiler/file.c: what the readers open by name is what the fuzzer made
 * of it, or a kept input that does not change. */
#include "fuzz_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FILES = 8 };

static File files[MOST_FILES];
static int n_files;

static const File *find(const char *path)
{
    for (int i = 0; i < n_files; i++)
        if (!strcmp(files[i].path, path))
            return &files[i];
    return NULL;
}

void put_file(const char *path, const uint8_t *data, size_t size)
{
    File *f = (File *)(uintptr_t)find(path);
    if (!f && n_files == MOST_FILES)
        die("%s: more than %d files", path, MOST_FILES);
    *(f ? f : &files[n_files++]) = (File){path, data, size};
}

void keep_file(const char *path, const char *from)
{
    FILE *f = fopen(from, "rb");
    Buf b = {0};
    char part[4096];
    if (!f)
        die("%s: cannot open: run from the repository's root", from);
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
        buf_write(&b, part, n);
    fclose(f);
    put_file(path, (const uint8_t *)b.data, b.len);
}

File file_map(Arena *a, const char *path)
{
    const File *f = find(path);
    (void)a;
    if (!f)
        fatal("%s: cannot open", path);
    return (File){path, f->data, f->size};
}

bool file_exists(const char *path)
{
    return find(path) != NULL;
}

bool dir_exists(const char *path)
{
    return !strcmp(path, "fuzz");
}

char *path_join(Arena *a, const char *dir, const char *name)
{
    return arena_printf(a, "%s/%s", dir, name);
}

char *path_dir(Arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_strndup(a, path, (size_t)(slash - path)) : arena_strndup(a, ".", 1);
}

void output_discard_open(void)
{
}
