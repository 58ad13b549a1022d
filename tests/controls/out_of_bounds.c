/*
 * An array on the stack of a coroutine is overrun. The stack has been used before, by a coroutine that was destroyed while it had
 * arrays of other sizes on it; nothing of that may be left.
 */
#include "control.h"

static __attribute__((noinline)) void *yields_above(volatile char *array, int depth)
{
    volatile char another[40];

    another[0] = array[0];
    return depth > 0 ? yields_above(another, depth - 1) : coro_yield((void *)&another[0]);
}

static void *is_dropped(void *input)
{
    volatile char array[24] = {1};

    (void)input;
    return yields_above(array, 20);
}

static __attribute__((noinline)) int sum(volatile const char *array, int n)
{
    int result = 0;

    for (int i = 0; i < n; i++)
        result += array[i];
    return result;
}

static void *sums_up(void *input)
{
    volatile char array[1000];

    for (int i = 0; i < 1000; i++)
        array[i] = (char)i;
    coro_yield(input);
    *(int *)input = sum(array, planted ? 1001 : 1000);
    return input;
}

static void control(void)
{
    static _Alignas(16) char memory[65536];
    const coro_opts own = {.stack = memory, .stack_size = sizeof memory};
    coro_t *co = made(is_dropped, &own);
    int result;

    coro_resume(co, NULL);
    coro_destroy(co);
    co = made(sums_up, &own);
    coro_resume(co, &result);
    coro_resume(co, NULL);
    coro_destroy(co);
}
