/*
 * What the debugger is let loose on: every kind of switch, between two marks that backtrace.py knows.
 *
 *     gdb_switches FLAGS     coro_opts.flags of all coroutines, a number
 */
#include <coro.h>
#include <stdbool.h>
#include <stdlib.h>

/* A function that has to be found on the stack. What the empty ones contain differs, or the compiler would make one of them. */
#define FRAME __attribute__((noinline))

static unsigned flags;

static coro_t *created(coro_fn *fn)
{
    coro_opts opts = {.flags = flags};
    coro_t *co;

    if (coro_create(&co, fn, &opts) != 0)
        abort();
    return co;
}

/* From here on every instruction is a stop, ... */
FRAME static void stepping_begins(void)
{
    __asm__ volatile("# begins");
}

/* ... up to here. */
FRAME static void stepping_ends(void)
{
    __asm__ volatile("# ends");
}

FRAME static void stop_here(void)
{
    __asm__ volatile("# stop");
}

/* ---- every switch, step by step ---- */

static void *transfers_yields_returns(void *other)
{
    coro_transfer(other, NULL);
    coro_yield(NULL);
    return NULL;
}

static void *yields_returns(void *input)
{
    coro_yield(input);
    return NULL;
}

/* Not parked once. */
static void *returns(void *input)
{
    return input;
}

static void cleans_up(int *unused)
{
    (void)unused;
    stop_here();
}

static void handler(void *unused)
{
    (void)unused;
    stop_here();
}

static void *defers_yields(void *input)
{
    __attribute__((cleanup(cleans_up))) int here = 0;

    coro_defer(handler, &here);
    coro_yield(input);
    return input;
}

FRAME static void switches(void)
{
    coro_t *co = created(transfers_yields_returns), *other = created(yields_returns),
           *destroyed = created(defers_yields);
    coro_t *with_handler = created(defers_yields), *straight = created(returns);

    coro_resume(destroyed, NULL);
    stepping_begins();
    coro_resume(straight, NULL);
    coro_resume(co, other);   /* starts it; it transfers to the other, which yields */
    coro_resume(co, NULL);    /* it yields */
    coro_resume(co, NULL);    /* it returns */
    coro_resume(other, NULL); /* the other returns */
    coro_resume(with_handler, NULL);
    coro_resume(with_handler, NULL); /* runs its handler */
    coro_destroy(destroyed);         /* unwinds it */
    stepping_ends();
    coro_destroy(straight);
    coro_destroy(co);
    coro_destroy(other);
    coro_destroy(with_handler);
}

/* ---- one in the other ---- */

enum { DEPTH = 3 };
static coro_t *chain[DEPTH];
static int depth;

FRAME static void *resumes_next(void *input)
{
    if (depth < DEPTH)
        coro_resume(chain[depth++], input);
    else
        stop_here();
    depth--;
    return input;
}

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (coro_t *const *)a, y = (uintptr_t) * (coro_t *const *)b;

    return (x > y) - (x < y);
}

/* A coroutine lies at the top of its stack: so the stacks go up, or down. */
FRAME static void nested(bool down)
{
    for (int i = 0; i < DEPTH; i++)
        chain[i] = created(resumes_next);
    qsort(chain, DEPTH, sizeof chain[0], by_address);
    if (down) {
        coro_t *first = chain[0];

        chain[0] = chain[DEPTH - 1];
        chain[DEPTH - 1] = first;
    }
    depth = 1;
    coro_resume(chain[0], NULL);
    for (int i = 0; i < DEPTH; i++)
        coro_destroy(chain[i]);
}

int main(int argc, char **argv)
{
    flags = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 0;
    nested(false);
    nested(true);
    switches();
    return 0;
}
