/* Diagnostics: one line each on stderr, "lmcc: FILE: WHAT: WHY", in colour on a terminal only. */
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RED "\033[1;31m"
#define YELLOW "\033[1;33m"
#define RESET "\033[0m"

jmp_buf *fatal_trap;
char fatal_message[1024];
int verbosity;
int warning_count;

static bool use_colour(void)
{
    const char *no = getenv("NO_COLOR"); /* no-color.org: any value but the empty one */
    return !(no && *no) && isatty(STDERR_FILENO);
}

/* Formats a message as one line: names in hostile files may hold line ends and terminal codes. */
PRINTF_LIKE(3, 0)
static void format_line(char *to, size_t size, const char *fmt, va_list ap)
{
    vsnprintf(to, size, fmt, ap);
    for (char *c = to; *c; c++)
        if ((unsigned char)*c < ' ' || *c == '\177')
            *c = '?';
}

PRINTF_LIKE(3, 0)
static void print_line(const char *colour, const char *kind, const char *fmt, va_list ap)
{
    char line[2048];
    bool paint = *colour && use_colour();
    format_line(line, sizeof line, fmt, ap);
    fflush(stdout);
    progress_clear();
    fprintf(stderr, "%slmcc: %s%s%s\n", paint ? colour : "", kind, paint ? RESET : "", line);
}

PRINTF_LIKE(2, 0)
_Noreturn static void stop(int status, const char *fmt, va_list ap)
{
    output_discard_open();
    if (fatal_trap) {
        format_line(fatal_message, sizeof fatal_message, fmt, ap);
        longjmp(*fatal_trap, status);
    }
    print_line(RED, "", fmt, ap);
    exit(status);
}

void fatal(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    stop(1, fmt, ap);
}

void usage_error(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    stop(2, fmt, ap);
}

void die_at(const char *file, int line, const char *fmt, ...)
{
    output_discard_open();
    fprintf(stderr, "lmcc: internal error at %s:%d: ", file, line);
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}

void warn(const char *fmt, ...)
{
    warning_count++;
    if (verbosity < 0)
        return;
    va_list ap;
    va_start(ap, fmt);
    print_line(YELLOW, "warning: ", fmt, ap);
    va_end(ap);
}

void note(const char *fmt, ...)
{
    if (verbosity < 1)
        return;
    va_list ap;
    va_start(ap, fmt);
    print_line("", "", fmt, ap);
    va_end(ap);
}
