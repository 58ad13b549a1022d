/*
 * The end of a program that stepped a generator which was not there to be stepped.
 *
 * S_step() and its like are inlined, so the return address lies in the function that made the mistake. It is given as that
 * function, where the dynamic symbols know it, and as the file and offset that addr2line takes: addr2line -ie app 0x12ef
 */
#include "base/panic.h"

#include <coro/gen/types.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

enum { HEX_MAX = sizeof(uintptr_t) * 2 + 3 };

/* `number` as 0x..., in `text`. */
static const char *hex(uintptr_t number, char text[HEX_MAX])
{
    char *p = text + HEX_MAX - 1;

    *p = '\0';
    do
        *--p = "0123456789abcdef"[number % 16];
    while ((number /= 16) != 0);
    *--p = 'x';
    *--p = '0';
    return p;
}

void coro_gen_misuse(const char *function, const char *what)
{
    /* the call itself, which the return address lies behind */
    uintptr_t site = (uintptr_t)__builtin_return_address(0) - 1;
    char offset[HEX_MAX];
    Dl_info place;

    if (dladdr((void *)site, &place) == 0 || place.dli_fname == NULL)
        coro__report(function, ": ", what, " (called from ", hex(site, offset), ")", NULL);
    else
        coro__report(function, ": ", what, " (called from ", place.dli_sname != NULL ? place.dli_sname : "",
                     place.dli_sname != NULL ? ", " : "", place.dli_fname, "(+",
                     hex(site - (uintptr_t)place.dli_fbase, offset), "))", NULL);
    abort();
}
