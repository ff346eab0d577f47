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

PRINTF_LIKE(3, 0)
static void print_line(const char *colour, const char *kind, const char *fmt, va_list ap)
{
    bool paint = *colour && use_colour();
    fflush(stdout);
    fprintf(stderr, "%slmcc: %s%s", paint ? colour : "", kind, paint ? RESET : "");
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

PRINTF_LIKE(2, 0)
_Noreturn static void stop(int status, const char *fmt, va_list ap)
{
    output_discard_open();
    if (fatal_trap) {
        vsnprintf(fatal_message, sizeof fatal_message, fmt, ap);
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
