/* Other programs: compilers and emulators, run without a shell. Each has a process group of its
 * own, so that an interrupt ends what it started too, and keeps its temporary files in ours. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_RUN 127

static volatile pid_t running; /* 0: none */

/* Opens what the child reads and writes. NULL: stdin is empty, output goes where ours does. */
static bool redirect(const char *out, const char *err)
{
    const int in = open("/dev/null", O_RDONLY);
    const int fd1 = out ? open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600) : STDERR_FILENO;
    const int fd2 = err ? open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600) : STDERR_FILENO;
    return in >= 0 && fd1 >= 0 && fd2 >= 0 && dup2(in, 0) >= 0 && dup2(fd1, 1) >= 0 &&
           dup2(fd2, 2) >= 0;
}

int run_child(const char *const *argv, const char *tmp, const char *out, const char *err)
{
    interrupt_hold();
    const pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        if (setenv("TMPDIR", tmp, 1) == 0 && redirect(out, err))
            execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(CANNOT_RUN);
    }
    if (pid > 0)
        setpgid(pid, pid);
    running = pid > 0 ? pid : 0;
    interrupt_release();
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    running = 0;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : pid > 0 ? 126 : CANNOT_RUN;
}

void child_kill(void)
{
    if (running <= 0)
        return;
    kill(-running, SIGKILL);
    while (waitpid(running, NULL, 0) < 0 && errno == EINTR) {
    }
    running = 0;
}
