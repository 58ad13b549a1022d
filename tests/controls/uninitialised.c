/*
 * A coroutine decides by a local variable that has no value. Others have run on its stack before.
 */
#include "control.h"

static __attribute__((noinline)) void may_set(int *p)
{
    if (!planted)
        *p = 1;
}

static void *decides(void *input)
{
    int local;

    may_set(&local);
    coro_yield(input);
    decided_by(local);
    return input;
}

static void *fills_its_stack(void *input)
{
    volatile char room[4096];

    for (size_t i = 0; i < sizeof room; i++)
        room[i] = 1;
    return input;
}

static void run(coro_fn *fn)
{
    coro_t *co = made(fn, NULL);

    while (coro_resume(co, NULL).status == CORO_YIELDED)
        ;
    coro_destroy(co);
}

static void control(void)
{
    run(fills_its_stack);
    run(decides);
}
