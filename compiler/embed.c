/* embed OUT.c FILE...: a tool that the build runs. Writes the files' bytes as the embedded_files[]
 * table of target.h, so that the compiler finds its targets and runtime wherever it is called
 * from. Stands alone: it is built before anything else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *out_path;

/* No half-written table may stay behind: the next build would take it. */
static _Noreturn void fail(const char *path, const char *why)
{
    struct stat st;
    fprintf(stderr, "embed: %s: %s\n", path, why);
    if (out_path && stat(out_path, &st) == 0 && S_ISREG(st.st_mode)) /* /dev/null stays */
        remove(out_path);
    exit(1);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Paths become string literals and names: plain ones only. */
static void check_path(const char *path)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+./-";
    if (path[0] == '/' || !path[0] || strspn(path, plain) != strlen(path))
        fail(path, "must be a relative path of letters, digits and _ + . / -");
}

/* A byte array: string literals may be as short as 4,095 characters. The last byte is the NUL. */
static void write_bytes(FILE *out, const char *path, int index)
{
    FILE *in = fopen(path, "rb");
    if (!in)
        fail(path, strerror(errno));
    fprintf(out, "\nstatic const unsigned char file_%d[] = {", index);
    size_t n = 0;
    for (int c; (c = getc(in)) != EOF; n++)
        fprintf(out, "%s%d,", n % 20 ? "" : "\n    ", c);
    if (ferror(in))
        fail(path, "cannot be read");
    fclose(in);
    fprintf(out, "%s0};\n", n % 20 ? "" : "\n    ");
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: embed OUT.c FILE...\n");
        return 2;
    }
    char **paths = argv + 2;
    int n = argc - 2;
    qsort(paths, (size_t)n, sizeof(*paths), compare_paths);
    for (int i = 0; i < n; i++) {
        check_path(paths[i]);
        if (i > 0 && strcmp(paths[i - 1], paths[i]) == 0)
            fail(paths[i], "given twice");
    }

    FILE *out = fopen(argv[1], "wb");
    if (!out)
        fail(argv[1], strerror(errno));
    out_path = argv[1];
    fprintf(out, "/* Written by embed. */\n#include \"target.h\"\n");
    for (int i = 0; i < n; i++)
        write_bytes(out, paths[i], i);
    fprintf(out, "\nconst EmbeddedFile embedded_files[] = {\n");
    for (int i = 0; i < n; i++)
        fprintf(out, "    {\"%s\", (const char *)file_%d, sizeof(file_%d) - 1},\n", paths[i], i, i);
    fprintf(out, "    {NULL, NULL, 0},\n};\n");
    int failed = ferror(out);
    if (fclose(out) != 0 || failed)
        fail(argv[1], "cannot be written");
    return 0;
}
