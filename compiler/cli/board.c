/* Emulated boards: builds a firmware from generated code and the embedded files under
 * targets/boards, in a temporary folder, and runs it in QEMU with the counting plugin. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_ARGS 96

typedef struct Args {
    const char *v[MAX_ARGS];
    int n;
} Args;

static void add(Args *to, const char *arg)
{
    if (to->n == MAX_ARGS - 1)
        die("a command of more than %d words", MAX_ARGS);
    to->v[to->n++] = arg;
}

/* The words of a text. */
static void add_words(Arena *a, Args *to, const char *text)
{
    for (const char *s = text; *s;) {
        const size_t n = strcspn(s, " ");
        if (n > 0)
            add(to, arena_strndup(a, s, n));
        s += n + (s[n] == ' ');
    }
}

static int run_args(Args *args, const char *tmp, const char *out, const char *err)
{
    args->v[args->n] = NULL;
    return run_child(args->v, tmp, out, err);
}

static void write_file(const char *path, const char *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    const bool written = f && fwrite(data, 1, n, f) == n;
    if (!f || fclose(f) != 0 || !written)
        fatal("%s: cannot be written: %s", path, strerror(errno));
}

/* The embedded files of targets/boards, in TMP/boards. */
static void extract(Arena *a, const char *tmp)
{
    static const char prefix[] = "targets/";
    for (const EmbeddedFile *f = embedded_files; f->path; f++) {
        if (strncmp(f->path, "targets/boards/", 15) != 0)
            continue;
        char *path = path_join(a, tmp, f->path + sizeof prefix - 1);
        for (char *slash = path + strlen(tmp) + 1; (slash = strchr(slash, '/')); slash++) {
            *slash = '\0';
            mkdir(path, 0700);
            *slash = '/';
        }
        write_file(path, f->data, f->size);
    }
}

static const char *board_text(const Node *board, const char *key)
{
    const Node *n = node_get(board, key);
    return n && n->kind == NODE_SCALAR ? n->text : "";
}

static const Node *read_board(Arena *a, const char *name)
{
    const char *path = arena_printf(a, "targets/boards/%s/board.yaml", name);
    const EmbeddedFile *f = embedded_find(path);
    if (!f)
        fatal("%s: no such board", text_clip(name).s);
    return yaml_parse(a, path, f->data, f->size);
}

_Noreturn static void missing_tool(const Node *board, const char *tool)
{
    Buf b = {0};
    const Node *packages = node_get(board, "packages");
    for (int i = 0; packages && i < packages->n; i++)
        buf_printf(&b, " %s", packages->child[i]->text);
    fatal("%s: cannot be run; Debian packages:%s", tool, b.data ? b.data : " none");
}

/* An embedded file with the model's name, as a file. */
static void fill_in(const Emission *e, const char *file, const char *path)
{
    Buf b = {0};
    emit_template_text(e, embedded_find(file)->data, NULL, &b);
    write_file(path, b.data, b.len);
    buf_free(&b);
}

/* The firmware: generated sources, the bench main, the board's own files. */
static void build_firmware(Arena *a, const Node *board, const Bench *bench, const char *tmp,
                           const char *define)
{
    static const char *const parts[] = {"", "_weights", "_tokenizer", "_selftest"};
    const char *boards = path_join(a, tmp, "boards"), *script = board_text(board, "linker");
    const Emission e = {.arena = a, .name = bench->name, .upper = upper_case(a, bench->name)};
    const char *main_file = bench->encoder ? "targets/boards/common/bench_encoder.c"
                                           : "targets/boards/common/bench_main.c";
    fill_in(&e, main_file, path_join(a, tmp, "main.c"));
    fill_in(&e, "targets/boards/common/blob.S", path_join(a, tmp, "blob.S"));
    Args c = {.n = 0};
    add(&c, board_text(board, "compiler"));
    add_words(a, &c, "-std=c11 -O2 -ffunction-sections -fdata-sections -I");
    c.v[c.n - 1] = arena_printf(a, "-I%s/common", boards);
    add(&c, arena_printf(a, "-I%s", bench->dir));
    add_words(a, &c, board_text(board, "cflags"));
    add_words(a, &c, bench->flags);
    add_words(a, &c, board_text(board, "link_flags"));
    if (*script) {
        add(&c, "-ffreestanding");
        add(&c, arena_printf(a, "-L%s", boards));
        add(&c, arena_printf(a, "-T%s/%s", boards, script));
    }
    if (define)
        add(&c, define);
    add(&c, "-o");
    add(&c, path_join(a, tmp, "bench.elf"));
    add(&c, path_join(a, tmp, "main.c"));
    for (size_t i = 0; i < LENGTH(parts); i++)
        add(&c, path_join(a, bench->dir, arena_printf(a, "%s%s.c", bench->name, parts[i])));
    if (bench->weights == WEIGHTS_ASM)
        add(&c, path_join(a, bench->dir, arena_printf(a, "%s_weights.S", bench->name)));
    if (bench->weights == WEIGHTS_BLOB)
        add(&c, path_join(a, tmp, "blob.S"));
    const Node *sources = node_get(board, "sources");
    for (int i = 0; sources && i < sources->n; i++)
        add(&c, path_join(a, boards, sources->child[i]->text));
    add_words(a, &c, board_text(board, "libs"));
    const int status = run_args(&c, tmp, NULL, NULL);
    if (status == 127)
        missing_tool(board, c.v[0]);
    if (status != 0)
        fatal("%s: does not build for %s", bench->dir, bench->board);
}

static void build_plugin(Arena *a, const char *tmp)
{
    const char *env = getenv("CC");
    Args c = {.n = 0};
    add(&c, env && *env ? env : "cc");
    add_words(a, &c, "-O2 -shared -fPIC -w -o");
    add(&c, path_join(a, tmp, "icount.so"));
    add(&c, path_join(a, tmp, "boards/common/icount.c"));
    if (run_args(&c, tmp, NULL, NULL) != 0)
        fatal("%s: the counting plugin does not build: a C compiler for this machine is needed",
              c.v[0]);
}

/* Reads "icount: INSTRUCTIONS LOADS STORES" lines. */
static void read_counts(Arena *a, const char *path, Bench *bench)
{
    const File f = file_map(a, path);
    const char *s = arena_strndup(a, (const char *)f.data, f.size);
    while ((s = strstr(s, "icount: "))) {
        Count n;
        if (bench->n_counts < BENCH_COUNTS &&
            sscanf(s, "icount: %lld %lld %lld", &n.instructions, &n.loads, &n.stores) == 3)
            bench->counts[bench->n_counts++] = n;
        s += 8;
    }
}

/* Gives what the firmware printed. `plugin`: arguments of the counting plugin, or "". */
static const char *run_firmware(Arena *a, const Node *board, const Bench *bench, const char *tmp,
                                const char *plugin)
{
    const char *out = path_join(a, tmp, "out"), *err = path_join(a, tmp, "err");
    Args words = {.n = 0}, c = {.n = 0};
    add_words(a, &words, board_text(board, "run"));
    for (int i = 0; i < words.n; i++) {
        if (strcmp(words.v[i], "{elf}") == 0) {
            add(&c, path_join(a, tmp, "bench.elf"));
        } else if (strcmp(words.v[i], "{plugin}") == 0) {
            add(&c, "-plugin");
            add(&c, arena_printf(a, "%s%s", path_join(a, tmp, "icount.so"), plugin));
        } else {
            add(&c, words.v[i]);
        }
    }
    const int status = run_args(&c, tmp, out, err);
    const File f = file_map(a, out);
    const char *text = arena_strndup(a, (const char *)f.data, f.size);
    if (status == 127)
        missing_tool(board, c.v[0]);
    if (status != 0)
        fatal("%s: on %s: status %d: %.100s", bench->dir, bench->board, status, text);
    return text;
}

static void profile_on_board(Arena *a, const Node *board, Bench *bench, const char *tmp)
{
    const char *profile = path_join(a, tmp, "profile");
    build_firmware(a, board, bench, tmp, "-DBENCH_STEPS");
    run_firmware(a, board, bench, tmp, arena_printf(a, ",pcprof=%s", profile));
    read_profile(a, path_join(a, tmp, "bench.elf"), profile, bench);
}

void bench_on_board(Arena *a, Bench *bench)
{
    const Node *board = read_board(a, bench->board);
    if (!strstr(board_text(board, "run"), "{plugin}"))
        fatal("%s: nothing counts instructions there; `lmcc verify` runs code on this machine",
              bench->board);
    const char *tmp = temporary_folder();
    extract(a, tmp);
    build_firmware(a, board, bench, tmp, NULL);
    build_plugin(a, tmp);
    const char *text = run_firmware(a, board, bench, tmp, "");
    bench->hash = arena_strndup(a, text, strcspn(text, "\n"));
    read_counts(a, path_join(a, tmp, "err"), bench);
    bench->code_bytes = elf_code_bytes(a, path_join(a, tmp, "bench.elf"), bench->name);
    if (bench->profile)
        profile_on_board(a, board, bench, tmp);
}
