/* lmcc: dispatches to the commands. Results go to stdout, diagnostics to stderr; status 0, 1 for
 * bad input or a broken budget, 2 for a wrong command line. */
#include "cli.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>
#include <yaml.h>
#include <zstd.h>

const Command commands[] = {
    {"compile", "MODEL", "compile a model into C for a target", 'C', 1, 1, command_compile},
    {"inspect", "MODEL", "architecture, sizes, and which targets it would fit at which bits", 'I',
     1, 1, command_inspect},
    {"targets", "[NAME]", "list the targets, or show one in full", 'T', 0, 1, command_targets},
    {"eval", "MODEL|DIR TEXT", "perplexity of the model and of the code generated from it", 'E', 2,
     2, command_eval},
    {"verify", "DIR", "build generated code for the host, test it against its golden values", 'V',
     1, 1, command_verify},
    {"probe", "DIR [TEXT]", "each layer of generated code against the float model: error, range",
     'P', 1, 2, command_probe},
    {"bench", "DIR", "sizes, and executed instructions where the target has an emulator", 'B', 1, 1,
     command_bench},
    {"run", "DIR [PROMPT]", "let generated code write text on the host", 'R', 1, 2, command_run},
    {"diff", "DIR_A DIR_B", "what changed between two generated folders; gates for a build server",
     'D', 2, 2, command_diff},
    {"frontend", "", "write an audio front end as C: samples to log-mel frames", 'F', 0, 0,
     command_frontend},
    {"doctor", "", "which compilers and emulators are here, and what the missing ones would enable",
     'H', 0, 0, command_doctor},
    {.name = NULL},
};

static void print_help(void)
{
    printf("usage: lmcc COMMAND [OPTIONS] ...\n\n"
           "Compiles a trained small transformer into integer-only C for a microcontroller.\n\n"
           "commands:\n");
    for (const Command *c = commands; c->name; c++)
        printf("  %-8s %-15s %s\n", c->name, c->operands, c->what);
    printf(
        "\n`lmcc COMMAND --help` lists the options of a command; `lmcc --version` the versions.\n");
}

static void print_command_help(const Command *c)
{
    Buf b = {0};
    print_options(c, &b);
    printf("usage: lmcc %s [OPTIONS] %s\n\n%c%s.\n\noptions:\n%s", c->name, c->operands,
           c->what[0] - 'a' + 'A', c->what + 1, b.data);
    buf_free(&b);
}

/* The specification's version, 45 for 4.5, from the month of its publication that _OPENMP has. */
static int openmp_version(void)
{
    static const struct {
        int month, version;
    } known[] = {{202411, 60}, {202111, 52}, {202011, 51},
                 {201811, 50}, {201511, 45}, {201307, 40}};
    for (size_t i = 0; i < LENGTH(known); i++)
        if (_OPENMP >= known[i].month)
            return known[i].version;
    return 31;
}

static void print_version(void)
{
    int major, minor, patch;
    yaml_get_version(&major, &minor, &patch);
    printf("lmcc " LMCC_VERSION " (interface %d), jansson %s, libyaml %d.%d.%d, zstd %s, xxHash "
           "%u.%u.%u, OpenMP %d.%d\n",
           LMCC_ABI, jansson_version_str(), major, minor, patch, ZSTD_versionString(),
           XXH_versionNumber() / 10000, XXH_versionNumber() / 100 % 100, XXH_versionNumber() % 100,
           openmp_version() / 10, openmp_version() % 10);
}

static const Command *find_command(const char *name)
{
    const char *known[LENGTH(commands)] = {NULL};
    for (const Command *c = commands; c->name; c++) {
        known[c - commands] = c->name;
        if (strcmp(c->name, name) == 0)
            return c;
    }
    const char *near = nearest_name(name, known);
    if (near)
        usage_error("%s: no such command; did you mean %s?", text_clip(name).s, near);
    usage_error("%s: no such command; `lmcc --help` lists them", text_clip(name).s);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* Nothing half written is left behind. */
static void clean_up(void)
{
    child_kill();
    output_discard_open();
    cache_discard_open();
    temporary_remove();
}

int main(int argc, char **argv)
{
    interrupt_begin(clean_up);
    if (argc < 2)
        usage_error("a command is missing; `lmcc --help` lists them");
    if (strcmp(argv[1], "--version") == 0) {
        print_version();
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return 0;
    }
    const Command *c = find_command(argv[1]);
    if (wants_help(argc - 2, argv + 2)) {
        print_command_help(c);
        return 0;
    }
    Arena *a = arena_new();
    Options o = {0};
    parse_options(a, c, argc - 2, argv + 2, &o);
    const int status = c->run(a, &o);
    arena_free(a);
    if (fflush(stdout) != 0 || ferror(stdout))
        fatal("standard output: cannot be written");
    return status;
}
