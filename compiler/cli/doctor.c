/* lmcc doctor: which compilers and emulators are on this machine, and what each missing one would
 * enable. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *program, *package, *enables;
} tools[] = {
    {"cc", "gcc", "eval, verify and run of generated code on this machine"},
    {"clang", "clang", "a second compiler in the tests"},
    {"arm-none-eabi-gcc", "gcc-arm-none-eabi", "code for Cortex-M"},
    {"qemu-system-arm", "qemu-system-arm", "bench and tests on Cortex-M0, M3, M4, M7, M33, M55"},
    {"riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf", "code for RV32"},
    {"qemu-system-riscv32", "qemu-system-misc", "bench and tests on RV32IMC"},
    {"xtensa-lx106-elf-gcc", "gcc-xtensa-lx106", "code for Xtensa"},
    {"qemu-system-xtensa", "qemu-system-misc", "tests on Xtensa"},
    {"powerpc-linux-gnu-gcc", "gcc-powerpc-linux-gnu", "a big-endian machine in the tests"},
    {"qemu-ppc", "qemu-user", "tests on it"},
    {"cmake", "cmake", "a generated folder as a CMake project"},
    {"python3", "python3", "the tests' independent references"},
};

/* The file that a shell would run, or NULL. */
static const char *find_program(Arena *a, const char *name)
{
    const char *path = getenv("PATH");
    for (const char *dir = path; dir; dir = strchr(dir, ':') ? strchr(dir, ':') + 1 : NULL) {
        const char *file = arena_printf(a, "%.*s/%s", (int)strcspn(dir, ":"), dir, name);
        if (access(file, X_OK) == 0 && !dir_exists(file))
            return file;
    }
    return NULL;
}

static void print_text(Arena *a)
{
    for (size_t i = 0; i < LENGTH(tools); i++) {
        const char *file = find_program(a, tools[i].program);
        printf("%-8s %-24s %s\n", file ? "found" : "missing", tools[i].program,
               file ? file
                    : arena_printf(a, "%s; Debian package %s", tools[i].enables, tools[i].package));
    }
}

static void print_json(Arena *a)
{
    printf("[");
    for (size_t i = 0; i < LENGTH(tools); i++)
        printf(
            "%s\n  {\"program\": \"%s\", \"found\": %s, \"package\": \"%s\", \"enables\": \"%s\"}",
            i ? "," : "", tools[i].program, find_program(a, tools[i].program) ? "true" : "false",
            tools[i].package, tools[i].enables);
    printf("\n]\n");
}

int command_doctor(Arena *a, const Options *o)
{
    if (o->json)
        print_json(a);
    else
        print_text(a);
    return 0;
}
