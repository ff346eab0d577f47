/* Where the instructions of a token go: the counting plugin's count for each address, summed over
 * the functions of the firmware. Every shape of an op is a function of its own. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Function {
    const char *name;
    uint32_t address, bytes;
    int64_t count;
} Function;

typedef struct Functions {
    Arena *arena;
    int n;
    Function *list;
} Functions;

static void keep(void *user, const char *name, uint32_t address, uint32_t bytes)
{
    Functions *f = user;
    f->list = arena_grow(f->arena, f->list, f->n, sizeof *f->list);
    f->list[f->n++] =
        (Function){arena_strndup(f->arena, name, strcspn(name, ".")), address, bytes, 0};
}

static Function *find(const Functions *f, uint32_t pc)
{
    for (int i = 0; i < f->n; i++)
        if (pc - f->list[i].address < f->list[i].bytes)
            return &f->list[i];
    return NULL;
}

/* Lines of "PC COUNT", hexadecimal and decimal. */
static void add_counts(Arena *a, const char *path, const Functions *f)
{
    const File file = file_map(a, path);
    const char *s = arena_strndup(a, (const char *)file.data, file.size);
    for (; *s; s += strcspn(s, "\n"), s += *s == '\n') {
        unsigned long pc;
        long long count;
        Function *to = sscanf(s, "%lx %lld", &pc, &count) == 2 ? find(f, (uint32_t)pc) : NULL;
        if (to)
            to->count += count;
    }
}

static int most_first(const void *a, const void *b)
{
    const Part *x = a, *y = b;
    return x->instructions < y->instructions   ? 1
           : x->instructions > y->instructions ? -1
                                               : strcmp(x->name, y->name);
}

/* Functions of matrices are called after their kernels. */
static bool of_matrix(const char *name)
{
    static const char *const kinds[] = {"planes_",    "ternary_",  "int8_",       "table_",
                                        "lm_planes_", "lm_table_", "lm_ternary_", "lm_int8_"};
    for (size_t i = 0; i < LENGTH(kinds); i++)
        if (strncmp(name, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return false;
}

void read_profile(Arena *a, const char *elf, const char *profile, Bench *bench)
{
    Functions f = {.arena = a};
    elf_functions(a, elf, keep, &f);
    add_counts(a, profile, &f);
    bench->parts = NEW(a, Part, f.n + 1);
    for (int i = 0; i < f.n; i++)
        if (f.list[i].count > 0)
            bench->parts[bench->n_parts++] = (Part){
                f.list[i].name, (double)f.list[i].count / GOLDEN_STEPS, of_matrix(f.list[i].name)};
    qsort(bench->parts, (size_t)bench->n_parts, sizeof *bench->parts, most_first);
}
