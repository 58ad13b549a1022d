/*
 * Reports that must get out whatever state the program is in: written with write(2) alone, from a few hundred bytes of stack.
 */
#ifndef CORO_BASE_PANIC_H
#define CORO_BASE_PANIC_H

#include <stddef.h>

/* Write "libcoro: " and the strings up to NULL to standard error, as one line. */
void coro__report(const char *first, ...) __attribute__((sentinel));

/* Say "libcoro: coroutine 'name': what" and abort. */
_Noreturn void coro__panic(const char *name, const char *what);

#endif
