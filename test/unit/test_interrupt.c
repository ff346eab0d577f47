/* Signals: what is held is done whole, the main thread cleans up whoever gets the signal, and the
 * process dies of it. */
#include "util.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
static int said[2]; /* a pipe: what the child did */
static pthread_t first;

static void say(const char *letter)
{
    if (write(said[1], letter, 1) != 1)
        _exit(99);
}

static void clean(void)
{
    say(pthread_equal(pthread_self(), first) ? "c" : "?");
}

/* Runs body in a child; gives the signal that ended it, 0: none, and what it said. */
static int ended_by(void (*body)(void), char text[16])
{
    int status;
    assert_int_equal(pipe(said), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        first = pthread_self();
        for (size_t i = 0; i < LENGTH(signals); i++)
            signal(signals[i], SIG_DFL); /* nohup and jobs of a script ignore some */
        interrupt_begin(clean);
        body();
        _exit(0);
    }
    close(said[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    const ssize_t n = read(said[0], text, 15);
    assert_true(n >= 0);
    text[n] = '\0';
    close(said[0]);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void at_once(void)
{
    raise(SIGINT);
    say("x");
}

static void hold_twice(void)
{
    interrupt_hold();
    raise(SIGTERM);
    interrupt_hold();
    say("1");
    interrupt_release();
    say("2");
    interrupt_release();
    say("x");
}

static void nothing_waits(void)
{
    interrupt_hold();
    interrupt_release();
    say("x");
}

static void *get_signal(void *unused)
{
    pthread_kill(pthread_self(), SIGHUP);
    return unused;
}

static void in_a_thread(void)
{
    pthread_t other;
    if (pthread_create(&other, NULL, get_signal, NULL) != 0)
        _exit(98);
    pthread_join(other, NULL);
    sleep(20);
}

static void test_interrupt(void **state)
{
    char text[16];
    (void)state;
    assert_int_equal(ended_by(at_once, text), SIGINT);
    assert_string_equal(text, "c");
    assert_int_equal(ended_by(hold_twice, text), SIGTERM);
    assert_string_equal(text, "12c");
    assert_int_equal(ended_by(nothing_waits, text), 0);
    assert_string_equal(text, "x");
    assert_int_equal(ended_by(in_a_thread, text), SIGHUP);
    assert_string_equal(text, "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_interrupt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
