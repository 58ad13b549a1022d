/*
 * The clock. CLOCK_MONOTONIC never goes back and never fails.
 */
#include <coro/base.h>
#include <time.h>

int64_t coro_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return CORO_S(now.tv_sec) + now.tv_nsec;
}

int64_t coro_after(int64_t ns)
{
    int64_t then;

    if (__builtin_add_overflow(coro_now(), ns, &then))
        return CORO_FOREVER; /* now is positive: only upwards */
    return then > 0 ? then : 1;
}
