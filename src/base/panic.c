/*
 * What is said when something is wrong: one line to standard error.
 */
#include "panic.h"

#include "text.h"

#include <stdarg.h>
#include <stdlib.h>

void coro__report(const char *first, ...)
{
    struct coro__text line = {0};
    va_list rest;

    coro__text_add(&line, "libcoro: ");
    va_start(rest, first);
    for (const char *text = first; text != NULL; text = va_arg(rest, const char *))
        coro__text_add(&line, text);
    va_end(rest);
    coro__text_write(&line);
}

void coro__panic(const char *name, const char *what)
{
    coro__report("coroutine '", name[0] == '\0' ? "(unnamed)" : name, "': ", what, NULL);
    abort();
}
