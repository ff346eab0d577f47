/* Progress of long passes, on stderr: one line that is written over on a terminal, lines of their
 * own elsewhere, and those only when asked for. What is left is what the work so far took, to
 * scale. */
#include "util.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_SECONDS 0.2 /* between two lines */

bool progress_forced;

static struct {
    const char *what; /* NULL: nothing is under way */
    double began, shown;
    bool line; /* one stands on the terminal */
} now;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_clear(void)
{
    if (now.line)
        fputs("\r\033[K", stderr);
    now.line = false;
}

static void show(int64_t done, int64_t total, double at, bool terminal)
{
    const double left = (at - now.began) * (double)(total - done) / (double)done;
    fputs(terminal ? "\r\033[K" : "", stderr);
    fprintf(stderr, "lmcc: %s: %lld of %lld", now.what, (long long)done, (long long)total);
    if (done < total && left >= 1)
        fprintf(stderr, ", %lld:%02lld left", (long long)left / 60, (long long)left % 60);
    fputs(terminal ? "" : "\n", stderr);
    fflush(stderr);
    now.shown = at;
    now.line = terminal;
}

void progress(const char *what, int64_t done, int64_t total)
{
    const bool terminal = isatty(STDERR_FILENO);
    const double at = seconds();
    if (verbosity < 0 || !(terminal || progress_forced))
        return;
    if (!now.what || strcmp(now.what, what) != 0) {
        now.what = what;
        now.began = now.shown = at;
    }
    const bool last = done >= total;
    if (done > 0 && (at - now.shown >= PAUSE_SECONDS || (last && !terminal)))
        show(done, total, at, terminal);
    if (last) {
        progress_clear();
        now.what = NULL;
    }
}
