/* What every part of the compiler stands on: memory, diagnostics, text buffers, files, numbers.
 * One arena holds everything that one compilation allocates; nothing in it is freed singly. */
#ifndef LMCC_UTIL_H
#define LMCC_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#if defined(__GNUC__)
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#else
#define PRINTF_LIKE(f, a)
#endif

/* compiler/arena.c ------------------------------------------------------------------------- */

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *a); /* also unmaps the files that were mapped into it */
/* n * size zeroed bytes, aligned for any type; an overflowing product or no memory is fatal. */
void *arena_alloc(Arena *a, size_t n, size_t size);
/* Room for one more element in an array of n, which was grown only by this: the array moves when
 * n is 0 or a power of two. */
void *arena_grow(Arena *a, void *array, int n, size_t size);
void *arena_copy(Arena *a, const void *from, size_t n, size_t size);
char *arena_strndup(Arena *a, const char *s, size_t n);
char *arena_printf(Arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_on_free(Arena *a, void (*fn)(void *ptr, size_t size), void *ptr, size_t size);

#define NEW(arena, T, n) ((T *)arena_alloc((arena), (size_t)(n), sizeof(T)))

/* compiler/diag.c -------------------------------------------------------------------------- */

/* The user's fault: prints "lmcc: ..." to stderr and ends with status 1. The message names the
 * file, the thing in it, and the limit that it broke. */
_Noreturn void fatal(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* A wrong command line: the same with status 2. */
_Noreturn void usage_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Our fault: names the source line and aborts. */
_Noreturn void die_at(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define die(...) die_at(__FILE__, __LINE__, __VA_ARGS__)
void warn(const char *fmt, ...) PRINTF_LIKE(1, 2); /* stderr, not with -q; counted */
void note(const char *fmt, ...) PRINTF_LIKE(1, 2); /* stderr, with -v only */

/* While `fatal_trap` points at a jmp_buf, fatal() and usage_error() store their message in
 * fatal_message and longjmp(*fatal_trap, exit status) instead of ending the process. Fuzzers and
 * unit tests use it. */
extern jmp_buf *fatal_trap;
extern char fatal_message[1024];
extern int verbosity; /* -1 quiet, 0 normal, 1 verbose */
extern int warning_count;

/* compiler/progress.c: so much of a long task is done; call it with 0 first. Shown on a terminal
 * with the time that is left, elsewhere when forced, never with -q. `what` must be a constant. */
extern bool progress_forced; /* --progress */
void progress(const char *what, int64_t done, int64_t total);
void progress_clear(void); /* before anything else is written to stderr */

/* compiler/buf.c: text that is written to memory first, so that a failing run leaves no file --- */

typedef struct Buf {
    char *data; /* always NUL-terminated once anything was written */
    size_t len, cap;
} Buf;

void buf_printf(Buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_write(Buf *b, const void *data, size_t n);
void buf_puts(Buf *b, const char *s);
void buf_json_string(Buf *b, const char *s, size_t n); /* quoted, ASCII only; bad UTF-8 -> U+FFFD */
void buf_markup(Buf *b, const char *s); /* text or attribute of HTML or XML; controls -> spaces */
void buf_free(Buf *b);

/* compiler/text.c: numbers as people read them. */
const char *format_bytes(Arena *a, int64_t n); /* 1234567 -> "1,234,567" */
const char *format_size(Arena *a, int64_t n);  /* 2097152 -> "2 MiB" */

/* compiler/file.c -------------------------------------------------------------------------- */

typedef struct File {
    const char *path;
    const uint8_t *data;
    size_t size;
} File;

/* Maps a regular file read-only for the life of the arena. Missing, unreadable: fatal. */
File file_map(Arena *a, const char *path);
/* XXH3 (128 bits) over sizes and contents of every file mapped so far, in that order, once
 * file_digest_begin has been called. */
void file_digest_begin(void);
void file_digest(unsigned char digest[16]); /* and ends it */
bool file_exists(const char *path);
bool dir_exists(const char *path);
char *path_join(Arena *a, const char *dir, const char *name);
char *path_dir(Arena *a, const char *path); /* "." when it has no slash */

/* compiler/interrupt.c --------------------------------------------------------------------- */

/* From here on SIGINT, SIGTERM and SIGHUP call clean, which must be async-signal-safe, and end the
 * process: a shell sees 130, 143 or 129. */
void interrupt_begin(void (*clean)(void));
/* What is done in between is done whole before a signal ends the process. Calls nest; both are for
 * the main thread alone, and cost nothing. */
void interrupt_hold(void);
void interrupt_release(void);

/* Output directory: files are staged under a temporary name beside it and appear together. */
typedef struct Output Output;
Output *output_begin(Arena *a, const char *dir);
void output_file(Output *o, const char *name, const Buf *b);
#define MAX_OUTPUT_FILES 64
/* `each` sees every file that is added from now on, before it is written. */
void output_tee(Output *o, void (*each)(void *user, const char *name, const Buf *b), void *user);
bool output_has(const Output *o, const char *name); /* a file that was added */
/* A file of an earlier output goes when those of this one are in their places, and with it the
 * folders that it leaves empty. */
void output_drop(Output *o, const char *name);
/* Fatal on any write error, leaving nothing behind. Whole or not at all when interrupted. */
void output_commit(Output *o);
void output_discard(Output *o);
/* Discards the output that is open, if any: fatal() runs it. Async-signal-safe. */
void output_discard_open(void);

/* compiler/number.c ------------------------------------------------------------------------ */

uint16_t read_u16le(const uint8_t *p);
uint32_t read_u32le(const uint8_t *p);
uint64_t read_u64le(const uint8_t *p);
float f16_to_f32(uint16_t h);
float bf16_to_f32(uint16_t h);
bool mul_size(size_t a, size_t b, size_t *out); /* false on overflow */
int bit_length(uint64_t v);                     /* 0 for 0 */
int smaller(int a, int b);
int larger(int a, int b);
int64_t round_up(int64_t v, int64_t to); /* to the next multiple */

/* compiler/random.c ------------------------------------------------------------------------ */

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the next word of a sequence whose state is any
 * number, and the function that makes it from RANDOM_STEP times its index, added to the seed. */
uint64_t random_next(uint64_t *state);
uint64_t random_mix(uint64_t z);
#define RANDOM_STEP 0x9e3779b97f4a7c15u

#endif
