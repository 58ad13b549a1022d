/*
 * What the debugger is let loose on in C++: an exception is thrown in a coroutine within a coroutine and caught outside them, then
 * another that nobody catches.
 */
#include <coro.h>
#include <cstdio>
#include <cstdlib>

/* A function that has to be found on the stack. What the empty ones contain differs, or the compiler would make one of them. */
#define FRAME __attribute__((noinline))

extern "C" {

FRAME static void stepping_begins()
{
    __asm__ volatile("# begins");
}

FRAME static void stepping_ends()
{
    __asm__ volatile("# ends");
}

FRAME static void stop_here()
{
    __asm__ volatile("# stop");
}

FRAME static void throws()
{
    throw 7;
}

static coro_t *created(coro_fn *fn)
{
    coro_opts opts = {};
    coro_t *co;

    opts.flags = CORO_FORWARD_EXCEPTIONS;
    if (coro_create(&co, fn, &opts) != 0)
        std::abort();
    return co;
}

FRAME static void *inner(void *input)
{
    coro_defer([](void *) { stop_here(); }, nullptr);
    throws();
    return input;
}

FRAME static void *outer(void *input)
{
    coro_resume(created(inner), input);
    stop_here();
    return input;
}

FRAME static void catches()
{
    try {
        coro_resume(created(outer), nullptr);
    } catch (int) {
        stop_here();
    }
}

FRAME static void catches_step_by_step()
{
    stepping_begins();
    catches();
    stepping_ends();
}

FRAME static void catches_nothing()
{
    coro_resume(created(outer), nullptr);
    std::puts("it was thrown");
}

} // extern "C"

int main()
{
    catches_step_by_step();
    catches_nothing();
}
