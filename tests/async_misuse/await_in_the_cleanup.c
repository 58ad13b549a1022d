/* An await in the cleanup. */
/* gcc: case label not within a switch */
/* clang: not in switch statement */
/* c++: not within a switch|not in switch statement */
#include "bodies.h"

struct misuse {
    CORO_ASYNC_POINT;
};

CORO_ASYNC(int, misuse)
{
    int err;

    CORO_ASYNC_BEGIN;
    CORO_ASYNC_RETURN(0);
    CORO_ASYNC_CLEANUP;
    CORO_AWAIT(err, coro_sleep(1));
    (void)err;
    CORO_ASYNC_END;
}

int use(coro_task_t **out);
int use(coro_task_t **out)
{
    struct misuse frame = {0};

    return coro_async_spawn(out, misuse, &frame);
}
