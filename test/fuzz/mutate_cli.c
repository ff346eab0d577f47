/* Compiles mutated inputs from end to end, each in a child process of its own: it must succeed with
 * a complete folder, or end with status 1, one line that says why, and nothing left behind.
 *
 *     mutate_cli WORK [-n COUNT] [-s SEED] [-j JOBS] [-v EVERY]
 *
 * EVERY: of the mutated inputs that compile, each EVERYth result is also put through `lmcc verify`.
 * A failure names its seed: `-s SEED -n 1` repeats it. The input is kept under WORK/failures. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int lmcc_main(int argc, char **argv); /* compiler/cli/main.c, whose main is renamed for this */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* fatal() leaves the arena to the system, which is no leak worth a second of each child. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=1024";
}

enum { TIME_LIMIT = SANITIZED ? 20 : 5 /* seconds */, MAX_FILES = 6, VERIFY_TIME_LIMIT = 60 };
#define MEMORY_LIMIT ((rlim_t)1 << 30)

/* Files are those of inputs.c, under the name that they get: "file" or "file=from". */
typedef struct Input {
    const char *name; /* of what is mutated, as failures are reported */
    Form form;
    const char *files[MAX_FILES]; /* the first is mutated */
    const char *model;            /* "" : the folder */
    const char *options[4];
} Input;

#define BIN "v0.bin", "tokenizer.bin"
#define HF "config.json", "model.safetensors", "tokenizer.json=bytes.json"
#define SHARDS "model.safetensors.index.json", "model-0.safetensors", "model-1.safetensors"

static const Input inputs[] = {
    {"llama2.c version 0", FORM_BINARY, {"v0.bin", "tokenizer.bin"}, "v0.bin", {0}},
    {"llama2.c version 1", FORM_BINARY, {"v1.bin", "tokenizer.bin"}, "v1.bin", {0}},
    {"llama2.c version 2", FORM_BINARY, {"v2.bin", "tokenizer.bin"}, "v2.bin", {"--bits", "2"}},
    {"GGUF", FORM_BINARY, {"tiny.gguf"}, "tiny.gguf", {0}},
    {"tokenizer.bin", FORM_BINARY, {"tokenizer.bin", "v0.bin"}, "v0.bin", {0}},
    {"config.json", FORM_TEXT, {HF}, "", {0}},
    {"safetensors",
     FORM_SAFETENSORS,
     {"model.safetensors", "config.json", "tokenizer.json=scores.json"},
     "",
     {0}},
    {"safetensors.zst",
     FORM_ZSTD,
     {"model.safetensors.zst", "config.json", "tokenizer.json=bytes.json"},
     "",
     {0}},
    {"safetensors index", FORM_TEXT, {SHARDS, "config.json", "tokenizer.json=bytes.json"}, "", {0}},
    {"safetensors shard",
     FORM_SAFETENSORS,
     {"model-1.safetensors", "model-0.safetensors", "model.safetensors.index.json", "config.json"},
     "",
     {0}},
    {"tokenizer.json, scores",
     FORM_TEXT,
     {"tokenizer.json=scores.json", "config.json", "model.safetensors"},
     "",
     {0}},
    {"tokenizer.json, bytes",
     FORM_TEXT,
     {"tokenizer.json=bytes.json", "config.json", "model.safetensors"},
     "",
     {0}},
    {"recipe", FORM_TEXT, {"recipe.yaml", BIN}, "v0.bin", {"--recipe", "recipe.yaml"}},
    {"target", FORM_TEXT, {"target.yaml", BIN}, "v0.bin", {"-t", "target.yaml", "--bits", "3"}},
    {"manifest", FORM_TEXT, {"tiny.json", BIN}, "v0.bin", {"--recipe", "tiny.json"}},
    {"IR after fold", FORM_TEXT, {"fold.ir"}, "fold.ir", {"--recipe", "recipe.yaml"}},
    {"IR after quantize", FORM_TEXT, {"quantize.ir"}, "quantize.ir", {0}},
    {"IR after choose", FORM_TEXT, {"choose.ir"}, "choose.ir", {0}},
    {"IR after budget", FORM_TEXT, {"budget.ir"}, "budget.ir", {0}},
};

/* What a complete folder holds: NAME followed by these, and two files that have no prefix. */
static const char *const suffixes[] = {".h",           ".c",          "_kernels.h", "_weights.c",
                                       "_tokenizer.c", "_selftest.c", "_config.h",  ".json"};

typedef struct Counts {
    uint32_t passed, failed, accepted, refused, verified;
} Counts;

typedef struct Run {
    const char *seeds; /* the correct inputs */
    char dir[400];     /* of this worker: in/, out/, stdout, stderr */
    uint64_t seed;
    const Input *input;
    uint32_t verify_every;
    Counts counts;
    char why[400];
} Run;

static const char *at(const Run *r, const char *name)
{
    static char path[4][1024];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", r->dir, name);
    return path[next];
}

static void remove_all(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return;
    DIR *d = S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        char inner[1024];
        snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            remove_all(inner);
    }
    if (d)
        closedir(d);
    remove(path);
}

/* Puts the files of the input into in/; the first one mutated. */
static void lay_out(const Run *r, bool mutated)
{
    Random random = {r->seed * 0x9E3779B97F4A7C15u + 1};
    for (int i = 0; i < 8; i++)
        draw(&random, 2);
    remove_all(at(r, "in"));
    mkdir(at(r, "in"), 0777);
    for (int i = 0; i < MAX_FILES && r->input->files[i]; i++) {
        const char *file = r->input->files[i], *equals = strchr(file, '=');
        char from[1024], to[1024];
        snprintf(from, sizeof from, "%s/%s", r->seeds, equals ? equals + 1 : file);
        snprintf(to, sizeof to, "%s/in/%.*s", r->dir,
                 (int)(equals ? (size_t)(equals - file) : strlen(file)), file);
        Buf b = read_file(from);
        if (i == 0 && mutated)
            mutate(&random, r->input->form, &b);
        write_file(to, &b);
        buf_free(&b);
    }
}

static void redirect(const char *path, int fd)
{
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0 || dup2(file, fd) < 0)
        _exit(99);
    close(file);
}

static void limit_process(unsigned seconds)
{
    const struct rlimit memory = {MEMORY_LIMIT, MEMORY_LIMIT}, core = {0, 0};
    if (!SANITIZED)
        setrlimit(RLIMIT_AS, &memory);
    setrlimit(RLIMIT_CORE, &core);
    alarm(seconds); /* nobody catches it: the process ends by SIGALRM */
}

/* Runs one lmcc command in dir with its output in files there; gives its wait status. */
static int run_lmcc(const Run *r, unsigned seconds, int argc, const char **argv)
{
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        redirect(at(r, "stdout"), 1);
        redirect(at(r, "stderr"), 2);
        if (chdir(r->dir) != 0 || setenv("TMPDIR", r->dir, 1) != 0)
            _exit(99);
        limit_process(seconds);
        exit(lmcc_main(argc, (char **)argv));
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static int compile(const Run *r)
{
    static char model[64], file[4][64];
    const char *argv[16] = {"lmcc", "compile", model, "-o", "out"};
    int argc = 5;
    snprintf(model, sizeof model, "in/%s", r->input->model);
    for (int i = 0; i < 4 && r->input->options[i]; i++) {
        const char *option = r->input->options[i];
        char name[64];
        snprintf(name, sizeof name, "in/%s", option);
        if (access(at(r, name), F_OK) == 0)
            option = strcpy(file[i], name);
        else if (strcmp(option, "recipe.yaml") == 0)
            option = "../seeds/recipe.yaml";
        argv[argc++] = option;
    }
    return run_lmcc(r, TIME_LIMIT, argc, argv);
}

/* Judging ----------------------------------------------------------------------------------- */

PRINTF_LIKE(2, 3)
static bool blame(Run *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->why, sizeof r->why, fmt, ap);
    va_end(ap);
    return false;
}

/* stderr: warnings, then exactly one error line; nothing that a terminal would obey. */
static bool check_message(Run *r)
{
    Buf b = read_file(at(r, "stderr"));
    int errors = 0;
    bool printable = true, last = false, ours = true;
    for (char *line = b.data; line && *line;) {
        char *end = strchr(line, '\n');
        const size_t n = end ? (size_t)(end - line) : strlen(line);
        last = strncmp(line, "lmcc: ", 6) == 0 && strncmp(line, "lmcc: warning: ", 15) != 0;
        ours = ours && strncmp(line, "lmcc: ", 6) == 0 && end;
        errors += last;
        for (size_t i = 0; i < n; i++)
            printable = printable && (unsigned char)line[i] >= 0x20 && line[i] != 0x7f;
        line = end ? end + 1 : NULL;
    }
    const bool whole = b.data && strlen(b.data) == b.len;
    buf_free(&b);
    if (errors != 1 || !last)
        return blame(r, "%d error lines on stderr, expected one, at the end", errors);
    return (printable && ours && whole) ||
           blame(r, "stderr has control characters, or lines that do not start with lmcc:");
}

/* in/, stdout and stderr, and out/ if it is meant to be there; nothing else. */
static bool check_left(Run *r, bool out)
{
    DIR *d = opendir(r->dir);
    bool fine = true;
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strcmp(e->d_name, "in") != 0 && strcmp(e->d_name, "stdout") != 0 &&
            strcmp(e->d_name, "stderr") != 0 && !(out && strcmp(e->d_name, "out") == 0))
            fine = blame(r, "%s: left behind", e->d_name);
    if (d)
        closedir(d);
    return fine;
}

static bool ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), k = strlen(end);
    return n > k && strcmp(s + n - k, end) == 0;
}

static bool check_complete(Run *r)
{
    unsigned found = 0;
    int others = 0;
    DIR *d = opendir(at(r, "out"));
    if (!d)
        return blame(r, "status 0, but there is no output folder");
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        char path[300];
        snprintf(path, sizeof path, "out/%s", e->d_name);
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (e->d_name[0] == '.' || stat(at(r, path), &st) != 0 || st.st_size == 0)
            others = 1000;
        others++;
        for (size_t i = 0; i < LENGTH(suffixes); i++)
            found |= ends_with(e->d_name, suffixes[i]) ? 1u << i : 0;
    }
    closedir(d);
    if (found != (1u << LENGTH(suffixes)) - 1 || others >= 1000)
        return blame(r, "the output folder is not complete");
    return check_left(r, true);
}

static bool check_verifies(Run *r)
{
    const char *argv[] = {"lmcc", "verify", "out", NULL};
    const int status = run_lmcc(r, VERIFY_TIME_LIMIT, 3, argv);
    r->counts.verified++;
    if (status != 0)
        return blame(r, "compiled, but lmcc verify ends with wait status %#x", status);
    return check_left(r, true);
}

static bool judge(Run *r, int status)
{
    if (WIFSIGNALED(status))
        return blame(r,
                     WTERMSIG(status) == SIGALRM ? "hangs: %d s are over (signal %d)"
                                                 : "crashes: wait status %#x, signal %d",
                     WTERMSIG(status) == SIGALRM ? TIME_LIMIT : status, WTERMSIG(status));
    if (WEXITSTATUS(status) == 1) {
        r->counts.refused++;
        return check_message(r) && check_left(r, false);
    }
    if (WEXITSTATUS(status) != 0)
        return blame(r, "exit status %d", WEXITSTATUS(status));
    r->counts.accepted++;
    if (!check_complete(r))
        return false;
    return r->verify_every == 0 || r->counts.accepted % r->verify_every || check_verifies(r);
}

/* Driving ----------------------------------------------------------------------------------- */

static void keep_failure(Run *r)
{
    char kept[1024];
    snprintf(kept, sizeof kept, "%s/../failures/%llu", r->dir, (unsigned long long)r->seed);
    remove_all(kept);
    mkdir(kept, 0777);
    printf("FAIL seed %llu, %s: %s; kept in %s\n", (unsigned long long)r->seed, r->input->name,
           r->why, kept);
    Buf err = read_file(at(r, "stderr"));
    printf("%.*s", (int)(err.len < 2000 ? err.len : 2000), err.data ? err.data : "");
    buf_free(&err);
    strcat(kept, "/in");
    rename(at(r, "in"), kept);
    fflush(stdout);
}

static void run_seed(Run *r, uint64_t seed)
{
    r->seed = seed;
    r->input = &inputs[seed % LENGTH(inputs)];
    remove_all(at(r, "out"));
    lay_out(r, true);
    if (judge(r, compile(r))) {
        r->counts.passed++;
        return;
    }
    r->counts.failed++;
    keep_failure(r);
    remove_all(r->dir);
    mkdir(r->dir, 0777);
}

/* The manifest and the IR texts are what lmcc itself writes; unchanged, all inputs must compile. */
static bool prepare(Run *r)
{
    static const char *const stages[] = {"fold", "quantize", "choose", "budget"};
    const char *manifest[] = {"lmcc",
                              "compile",
                              "../seeds/v0.bin",
                              "-o",
                              "../seeds/generated",
                              "--recipe",
                              "../seeds/recipe.yaml",
                              NULL};
    int failed = run_lmcc(r, TIME_LIMIT, 7, manifest) != 0;
    char to[1024];
    snprintf(to, sizeof to, "%s/tiny.json", r->seeds);
    Buf b = read_file(failed ? at(r, "stderr") : at(r, "../seeds/generated/tiny.json"));
    write_file(to, &b);
    buf_free(&b);
    for (size_t i = 0; i < LENGTH(stages); i++) {
        const char *dump[] = {
            "lmcc",    "compile",  "../seeds/v0.bin",      "--until", stages[i], "--dump",
            stages[i], "--recipe", "../seeds/recipe.yaml", NULL};
        failed += run_lmcc(r, TIME_LIMIT, 9, dump) != 0;
        b = read_file(at(r, "stdout"));
        snprintf(to, sizeof to, "%s/%s.ir", r->seeds, stages[i]);
        write_file(to, &b);
        buf_free(&b);
    }
    for (size_t i = 0; i < LENGTH(inputs); i++) {
        r->input = &inputs[i];
        remove_all(at(r, "out"));
        lay_out(r, false);
        const int status = compile(r);
        if (status != 0) {
            Buf err = read_file(at(r, "stderr"));
            printf("FAIL %s, not mutated: wait status %#x: %s", inputs[i].name, status,
                   err.data ? err.data : "\n");
            failed++;
        }
    }
    return failed == 0;
}

/* One process of the pool: seeds first + k * step below end; its counts go through the pipe. */
static void work(Run *r, uint64_t first, uint64_t end, uint64_t step, int pipe_end)
{
    for (uint64_t seed = first; seed < end; seed += step)
        run_seed(r, seed);
    if (write(pipe_end, &r->counts, sizeof r->counts) != (ssize_t)sizeof r->counts)
        _exit(1);
    _exit(0);
}

static void set_dir(Run *r, const char *work_dir, int worker)
{
    snprintf(r->dir, sizeof r->dir, "%s/worker-%d", work_dir, worker);
    remove_all(r->dir);
    mkdir(r->dir, 0777);
}

static uint64_t option(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 2; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return strtoull(argv[i + 1], NULL, 10);
    return otherwise;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] != '/') {
        fprintf(stderr, "usage: mutate_cli /WORK [-n COUNT] [-s SEED] [-j JOBS] [-v EVERY]\n");
        return 2;
    }
    const uint64_t n = option(argc, argv, "-n", 2000), first = option(argc, argv, "-s", 1);
    const int jobs = (int)option(argc, argv, "-j", 2);
    char seeds[300], failures[300];
    snprintf(seeds, sizeof seeds, "%.280s/seeds", argv[1]);
    snprintf(failures, sizeof failures, "%.280s/failures", argv[1]);
    mkdir(argv[1], 0777);
    mkdir(seeds, 0777);
    mkdir(failures, 0777);
    write_inputs(seeds);
    Run r = {.seeds = seeds, .verify_every = (uint32_t)option(argc, argv, "-v", 50)};
    set_dir(&r, argv[1], 0);
    if (!prepare(&r))
        return 1;
    int ends[2];
    if (pipe(ends) != 0)
        return 2;
    fflush(NULL);
    for (int j = 0; j < jobs; j++) {
        if (fork() == 0) {
            set_dir(&r, argv[1], j);
            work(&r, first + (uint64_t)j, first + n, (uint64_t)jobs, ends[1]);
        }
    }
    close(ends[1]);
    Counts sum = {0}, c;
    while (read(ends[0], &c, sizeof c) == (ssize_t)sizeof c) {
        sum.passed += c.passed;
        sum.failed += c.failed;
        sum.accepted += c.accepted;
        sum.refused += c.refused;
        sum.verified += c.verified;
    }
    while (wait(NULL) > 0) {
    }
    const uint64_t lost = n - sum.passed - sum.failed;
    printf("mutations: %u compiled (%u of them verified), %u refused\n%u passed, %llu failed\n",
           sum.accepted, sum.verified, sum.refused, sum.passed,
           (unsigned long long)(sum.failed + lost));
    return sum.failed + lost > 0 || n == 0;
}
