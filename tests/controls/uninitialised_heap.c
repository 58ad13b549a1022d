/*
 * A coroutine decides by memory that it has allocated and not filled in. The report must say where that was, which takes the bounds
 * of the coroutine's stack.
 */
#include "control.h"

static __attribute__((noinline)) int *allocates(void)
{
    int *p = malloc(sizeof *p);

    if (p == NULL)
        exit(125);
    if (!planted)
        *p = 1;
    return p;
}

static void *body(void *input)
{
    int *p = allocates();

    coro_yield(input);
    decided_by(*p);
    free(p);
    return input;
}

static void control(void)
{
    coro_t *co = made(body, NULL);

    coro_resume(co, NULL);
    coro_resume(co, NULL);
    coro_destroy(co);
}
