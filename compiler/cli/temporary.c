/* One temporary folder for the process, gone however it ends: exit, fatal() or Ctrl-C. A child
 * removes it, since little more than fork and exec may be called from a signal handler. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[4096]; /* empty: none */

const char *temporary_folder(void)
{
    const char *base = getenv("TMPDIR");
    interrupt_hold();
    const int n = snprintf(folder, sizeof folder, "%s/lmcc-XXXXXX", base && *base ? base : "/tmp");
    if (n >= (int)sizeof folder || !mkdtemp(folder)) {
        folder[0] = '\0';
        fatal("%.200s: no temporary folder can be made there: %s", base && *base ? base : "/tmp",
              n >= (int)sizeof folder ? "the name is too long" : strerror(errno));
    }
    atexit(temporary_remove);
    interrupt_release();
    return folder;
}

void temporary_remove(void)
{
    if (!folder[0])
        return;
    const pid_t pid = fork();
    if (pid == 0) {
        signal(SIGINT, SIG_IGN); /* a second Ctrl-C */
        execl("/bin/rm", "rm", "-rf", "--", folder, (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    folder[0] = '\0';
}
