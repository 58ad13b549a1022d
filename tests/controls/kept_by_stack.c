/*
 * At the end of the program a coroutine is still suspended, and its stack alone has the address of some memory: no leak. Destroyed
 * before, it leaves that memory behind: a leak.
 */
#include "control.h"

static void *keeps(void *input)
{
    char *volatile p = malloc(1234);

    coro_yield(input);
    free(p);
    return input;
}

static void control(void)
{
    coro_t *co = made(keeps, NULL);

    coro_resume(co, NULL);
    if (planted)
        coro_destroy(co);
}
