/* For tests of error messages: runs a statement that must end in fatal(), and checks what it says.
 * Include after cmocka.h and util.h. */
#ifndef TRAP_H
#define TRAP_H

#include <string.h>

/* GCC warns of every local of the caller; only those that the statement itself changes would be
 * lost (C11 7.13.2.1), and it must not change any. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wclobbered"
#endif

/* What a statement allocates before it is refused stays: fatal() ends the program elsewhere. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable() ((void)0)
#define __lsan_enable() ((void)0)
#endif

#define EXPECT_FATAL(statement, text)                                                              \
    do {                                                                                           \
        jmp_buf trap_;                                                                             \
        fatal_trap = &trap_;                                                                       \
        __lsan_disable();                                                                          \
        if (setjmp(trap_) == 0) {                                                                  \
            statement;                                                                             \
            fatal_trap = NULL;                                                                     \
            fail_msg("expected an error with \"%s\"", text);                                       \
        }                                                                                          \
        __lsan_enable();                                                                           \
        fatal_trap = NULL;                                                                         \
        if (!strstr(fatal_message, text))                                                          \
            fail_msg("expected \"%s\" in the message \"%s\"", text, fatal_message);                \
    } while (0)

#endif
