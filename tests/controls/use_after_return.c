/*
 * A coroutine keeps the address of a local variable of a function that has returned, over a switch.
 */
#include "control.h"

static __attribute__((noinline)) int *remembers(int *local, int *kept)
{
    return planted ? local : kept;
}

static __attribute__((noinline)) int *calls(int *kept)
{
    int local = 1;

    return remembers(&local, kept);
}

static void *body(void *input)
{
    int kept = 2, *p = calls(&kept);

    coro_yield(input);
    *(int *)input += *p;
    return input;
}

static void control(void)
{
    coro_t *co = made(body, NULL);
    int sum = 0;

    coro_resume(co, &sum);
    coro_resume(co, NULL);
    coro_destroy(co);
}
