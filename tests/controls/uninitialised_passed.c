/*
 * A coroutine hands over a word without a value, and whoever resumed it decides by it. Each of the ways that words travel is taken,
 * most with good ones.
 */
#include "control.h"

static int good;

static __attribute__((noinline)) void may_set(void **p)
{
    if (!planted)
        *p = &good;
}

static __attribute__((noinline)) void never_sets(void **p)
{
    if (coro_self() == NULL)
        *p = &good;
}

static void *transfers_back(void *other)
{
    coro_transfer(other, &good);
    return NULL;
}

static void *hands_over(void *input)
{
    void *word;
    coro_t *co;

    may_set(&word);
    co = coro_yield(input);                            /* a good word in, a good word out */
    if (coro_transfer(co, coro_self()).value == &good) /* there and back */
        decided();
    return word;
}

static void *returns_anything(void *input)
{
    void *word;

    (void)input;
    never_sets(&word);
    return word; /* nobody looks at it */
}

static void control(void)
{
    coro_t *co = made(hands_over, NULL), *other = made(transfers_back, NULL);

    if (coro_resume(co, &good).value == &good)
        decided();
    if (coro_resume(co, other).value == &good)
        decided();
    coro_destroy(co);
    coro_destroy(other);
    co = made(returns_anything, NULL);
    if (coro_resume(co, &good).status == CORO_RETURNED)
        decided();
    coro_destroy(co);
}
