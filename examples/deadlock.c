/*
 * deadlock: two tasks, each of which waits for the other to end.
 *
 * Nothing can wake them any more, and the scheduler sees that: it writes on standard error who waits for whom, since when and where, and
 * the cycle; it unwinds them, so that what they hold is given back; and coro_run() returns -EDEADLK. The exit status of this program is
 * that number.
 */
#include "common.h"

#include <coro.h>

static coro_task_t *alice, *bob;

static void let_go(void *what)
{
    printf("unwound: %s\n", (char *)what);
}

static void *wait_for_bob(void *unused)
{
    coro_defer(let_go, "alice");
    coro_join(bob, NULL, CORO_FOREVER);
    return unused;
}

static void *wait_for_alice(void *unused)
{
    coro_defer(let_go, "bob");
    coro_join(alice, NULL, CORO_FOREVER);
    return unused;
}

static void *run(void *unused)
{
    if (coro_spawn(&alice, wait_for_bob, NULL, &(coro_opts){.name = "alice"}) != 0 ||
        coro_spawn(&bob, wait_for_alice, NULL, &(coro_opts){.name = "bob"}) != 0)
        fputs("deadlock: out of memory\n", stderr);
    return unused;
}

int main(int argc, char *argv[])
{
    int err;

    no_options(argc, argv, 0,
               "usage: deadlock\nTwo tasks wait for each other. Ends with the number of EDEADLK as its status.\n");
    err = coro_run(run, NULL, NULL, NULL);
    printf("coro_run(): %s\n", err == -EDEADLK ? "-EDEADLK" : coro_strerror(err));
    return -err;
}
