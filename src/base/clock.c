/*
 * The clock. CLOCK_MONOTONIC never goes back and never fails.
 */
#include "clock.h"

#include "thread.h"

#include <time.h>

int64_t coro_now(void)
{
    const int64_t *virtual_now = coro__thread_self()->virtual_now;

    return virtual_now != NULL ? *virtual_now : coro__real_now();
}

int64_t coro__real_now(void)
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
