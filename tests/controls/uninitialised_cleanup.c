/*
 * A coroutine is destroyed in the middle. A cleanup passes words without values on, which is no fault, to a function that decides by
 * the last of them, which is one. The unwinder, which knows nothing of values, then calls back into the library.
 */
#include "control.h"

static void takes_six(int a, int b, int c, int d, int e, int f)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
    if (planted)
        decided_by(f);
}

static void (*volatile passes_six)(int, int, int, int, int, int) = takes_six; /* no compiler sees which are used */

static __attribute__((noinline)) void never_sets(int *words, int n)
{
    for (int i = 0; i < n && coro_self() == NULL; i++)
        words[i] = 1;
}

static void passes_on(const int *unused)
{
    int words[6];

    (void)unused;
    never_sets(words, 6);
    passes_six(words[0], words[1], words[2], words[3], words[4], words[5]);
}

static void *body(void *input)
{
    __attribute__((cleanup(passes_on), unused)) int unused = 0;

    return coro_yield(input);
}

static void control(void)
{
    coro_t *co = made(body, NULL);

    coro_resume(co, NULL);
    coro_destroy(co);
}
