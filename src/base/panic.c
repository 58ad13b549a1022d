/*
 * One line to standard error in one system call, so that the lines of two threads do not mix.
 */
#include "panic.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 512 };

static size_t append(char *line, size_t length, const char *text)
{
    size_t n = strlen(text);

    if (n > LINE_MAX_BYTES - 1 - length)
        n = LINE_MAX_BYTES - 1 - length;
    memcpy(line + length, text, n);
    return length + n;
}

void coro__report(const char *first, ...)
{
    char line[LINE_MAX_BYTES];
    size_t length = append(line, 0, "libcoro: ");
    int saved = errno;
    va_list rest;

    va_start(rest, first);
    for (const char *text = first; text != NULL; text = va_arg(rest, const char *))
        length = append(line, length, text);
    va_end(rest);
    line[length++] = '\n';
    for (size_t done = 0; done < length;) {
        ssize_t n = write(STDERR_FILENO, line + done, length - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    errno = saved;
}

void coro__panic(const char *name, const char *what)
{
    coro__report("coroutine '", name[0] == '\0' ? "(unnamed)" : name, "': ", what, NULL);
    abort();
}
