/*
 * A coroutine allocates memory that nobody frees.
 */
#include "control.h"

static __attribute__((noinline)) void *allocates(size_t size)
{
    char *volatile p = malloc(size);

    if (p == NULL)
        return NULL;
    memset(p, 1, size);
    coro_yield(NULL);
    if (!planted)
        free(p);
    return NULL;
}

static void *body(void *input)
{
    allocates(1234);
    return input;
}

static void control(void)
{
    coro_t *co = made(body, NULL);

    while (coro_resume(co, NULL).status == CORO_YIELDED)
        ;
    coro_destroy(co);
}
