/*
 * The stack of a thread lies right below that of its coroutine: a switch between them is to be told from a large frame. What either
 * keeps on its stack has a value, or has not, whatever the other did.
 */
#include "control.h"

#include <pthread.h>

enum { HALF = 128 << 10 };
static _Alignas(4096) char memory[2 * HALF];

static __attribute__((noinline)) void may_set(volatile int *p)
{
    if (!planted)
        *p = 1;
}

static void *yields_forever(void *input)
{
    volatile char room[512];

    for (;;) {
        room[0] = room[511] = 1;
        input = coro_yield(input);
    }
    return NULL;
}

static void *switches(void *arg)
{
    volatile int kept = 1, perhaps;
    coro_t *co;

    may_set(&perhaps);
    co = made(yields_forever, &(coro_opts){.stack = memory + HALF, .stack_size = HALF});
    for (int i = 0; i < 10; i++) {
        coro_resume(co, arg);
        decided_by(kept);
    }
    decided_by(perhaps);
    coro_destroy(co);
    return NULL;
}

static void control(void)
{
    pthread_attr_t attr;
    pthread_t thread;

    if (pthread_attr_init(&attr) != 0 || pthread_attr_setstack(&attr, memory, HALF) != 0 ||
        pthread_create(&thread, &attr, switches, NULL) != 0)
        exit(125);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
}
