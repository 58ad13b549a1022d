/* What is going on, on standard error. */
#include "progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool rewritable(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

void progress_case(const char *title)
{
    if (!rewritable())
        fprintf(stderr, "%s\n", title);
}

void progress(const char *format, ...)
{
    va_list args;

    if (!rewritable())
        return;
    fputs("\r\033[K", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}

void progress_end(void)
{
    if (rewritable())
        fputs("\r\033[K", stderr);
}
