/*
 * What children do and say: checks in them, and of them.
 */
#ifndef TESTS_SUPPORT_SAID_H
#define TESTS_SUPPORT_SAID_H

#include "test.h"

#include <regex.h>
#include <stdio.h>
#include <unistd.h>

/* In a child: say which line is wrong, and end it. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            dprintf(STDERR_FILENO, "line %d: %s\n", __LINE__, #condition);                                             \
            _exit(3);                                                                                                  \
        }                                                                                                              \
    } while (0)

/* Of a child that has ended: all that it has said, as an extended regular expression. */
static inline void assert_says(const struct child_end *end, const char *pattern)
{
    regex_t regex;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, end->said, 0, NULL, 0) != 0) {
        print_error("code %d, signal %d, nothing like: %s\n---\n%s---\n", end->code, end->signal, pattern, end->said);
        regfree(&regex);
        fail();
    }
    regfree(&regex);
}

#endif
