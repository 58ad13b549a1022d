/*
 * The slow ends of a generator that is a coroutine: making it and ending it. Its steps are inlined where they are called.
 *
 * A refusal of the core (another thread's coroutine, a forked child) has no place in what a step returns, and would be taken
 * for a value if it were ignored: it ends the program.
 */
#include <coro/gen/coroutine.h>

bool coro_gen_began(coro_t **co, coro_fn *fn, const coro_opts *opts)
{
    int err = coro_create(co, fn, opts);

    if (err != 0)
        errno = -err;
    return err == 0;
}

void coro_gen_ended(coro_t **co, long status, const char *function)
{
    int err = status == CORO_RETURNED ? coro_destroy(*co) : (int)status;

    if (err != 0)
        coro_gen_misuse(function, coro_strerror(err));
    *co = NULL;
}
