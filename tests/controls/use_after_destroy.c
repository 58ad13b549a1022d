/*
 * A coroutine is asked for its name. It has been destroyed, or will be.
 */
#include "control.h"

static void *body(void *input)
{
    return coro_yield(input);
}

static void control(void)
{
    coro_t *co = made(body, NULL);

    coro_resume(co, NULL);
    if (planted)
        coro_destroy(co);
    decided_by(*coro_name(co));
    if (!planted)
        coro_destroy(co);
}
