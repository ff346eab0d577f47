/* Ctrl-C, SIGTERM and SIGHUP: what is half done is cleaned up and the process dies of the signal,
 * so that shells and make see why. What must be done whole or not at all is held: the signal then
 * waits. Handled by the main thread only, whichever thread the kernel picks. */
#include "util.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

static pthread_t main_thread;
static void (*clean_up)(void);
static volatile sig_atomic_t held, waiting; /* waiting: a signal's number */

_Noreturn static void die_of(int number)
{
    sigset_t set;
    clean_up();
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
    for (;;) {
    }
}

static void handle(int number)
{
    const int before = errno;
    if (!pthread_equal(pthread_self(), main_thread))
        pthread_kill(main_thread, number);
    else if (held)
        waiting = number;
    else
        die_of(number);
    errno = before;
}

void interrupt_begin(void (*clean)(void))
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART}, before;
    main_thread = pthread_self();
    clean_up = clean;
    for (size_t i = 0; i < LENGTH(numbers); i++) /* one at a time: each cleans up alone */
        sigaddset(&action.sa_mask, numbers[i]);
    for (size_t i = 0; i < LENGTH(numbers); i++)
        /* nohup means what it says. */
        if (numbers[i] != SIGHUP ||
            (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN))
            sigaction(numbers[i], &action, NULL);
}

void interrupt_hold(void)
{
    held++;
}

void interrupt_release(void)
{
    if (--held == 0 && waiting)
        die_of(waiting);
}
